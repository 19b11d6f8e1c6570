"""Vocabulary: which words stand for the codes of the accounting system?

A code we do not know is shown as it came: the supplier's own word is better than none.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from portal.language import N_, translations

METHODS: Final = {
    "meter": N_("по прибору"),
    "house_meter": N_("по общедомовому прибору"),
    "average": N_("по среднему расходу"),
    "norm": N_("по нормативу"),
    "one_twelfth": N_("1/12 годовой платы"),
    "other": N_("иным способом"),
}
READING_SOURCES: Final = {
    "subscriber": N_("передали вы"),
    "inspector": N_("снял контролёр"),
    "calculated": N_("рассчитано поставщиком"),
    "supplier": N_("снял поставщик"),
}
UNITS: Final = {
    "Gcal": N_("Гкал"),
    "GJ": N_("ГДж"),
    "kWh": N_("кВт·ч"),
    "m3": N_("м³"),
    "m2": N_("м²"),
    "person": N_("чел."),
}
NORM_BASES: Final = {"m2": N_("на 1 м² в месяц"), "person": N_("на 1 человека в месяц"), "m3": N_("на 1 м³")}
DOCUMENTS: Final = {"contract": N_("Договор"), "act": N_("Акт"), "other": N_("Документ")}


class Words(dict[str, str]):
    """`words[code]` is never missing."""

    def __missing__(self, code: str) -> str:
        return code


class Vocabulary:
    """The words of one language, by kind."""

    def __init__(self, language: str) -> None:
        gettext = translations(language).gettext
        self.methods, self.sources, self.units, self.documents, self.norm_bases = (
            Words({code: gettext(word) for code, word in known.items()})
            for known in (METHODS, READING_SOURCES, UNITS, DOCUMENTS, NORM_BASES)
        )


@cache
def vocabulary(language: str) -> Vocabulary:
    return Vocabulary(language)
