"""Refusals: why was this reading not taken, and what should its owner do?"""

from __future__ import annotations

from typing import Final

from lk_sync.flow.acceptance import Dial, Known, Span
from lk_sync.formats import Formats
from portal.language import N_, translations
from portal.vocabulary import vocabulary

SENTENCES: Final = {
    "empty": N_("Введите показание: цифры, которые видны на приборе."),
    "not_number": N_("Это не похоже на показание. Введите только цифры и, если есть, запятую: например, 123,456."),
    "too_long": N_(
        "Слишком много цифр: у этого прибора до запятой не больше %(digits_int)s. Проверьте, не пропущена ли запятая."
    ),
    "too_precise": N_(
        "Слишком много цифр после запятой: у этого прибора их не больше %(digits_frac)s. "
        "Введите показание точно, без округления."
    ),
    "automatic": N_("Этот прибор передаёт показания сам. Вводить их не нужно."),
    "removed": N_("Этот прибор снят. Показания по нему не принимаются."),
    "closed": N_("Сейчас показания не принимаются. Следующий приём — с %(first)s по %(last)s."),
    "expired": N_(
        "Срок поверки прибора истёк %(verification)s: по такому показанию нельзя рассчитать плату. "
        "Поверьте прибор и сообщите поставщику."
    ),
    "less": N_(
        "Показание меньше прежнего: было %(before)s %(unit)s. Проверьте цифры и запятую. "
        "Если прибор заменили или прежнее показание неверно, позвоните поставщику."
    ),
    "too_many": N_("В этом месяце вы уже много раз меняли показание этого прибора. Позвоните поставщику."),
    "conflict": N_(
        "С этой формы уже передано другое показание, оно сохранено. Если его надо исправить, нажмите «Передать» "
        "ещё раз: новое заменит его."
    ),
    "account_closed": N_("Лицевой счёт закрыт. Показания по нему не принимаются."),
}


def sentence(code: str, *, dial: Dial, span: Span, before: Known | None, formats: Formats) -> str:
    """The reason `code` in the language of `formats`."""
    facts = {
        "digits_int": dial.digits_int,
        "digits_frac": dial.digits_frac,
        "first": formats.day(span.first.isoformat()),
        "last": formats.day(span.last.isoformat()),
        "verification": formats.day(dial.verification_due_on),
        "before": formats.volume(before.value_micro if before else None),
        "unit": vocabulary(formats.language).units[dial.unit],
    }
    return translations(formats.language).gettext(SENTENCES[code]) % facts
