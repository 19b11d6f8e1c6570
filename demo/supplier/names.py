"""Names: what are the subscribers of Elista called, and in what ways is a name hard for software?"""

from __future__ import annotations

from random import Random
from typing import Final

from demo.supplier.oddities import Oddity

SURNAMES: Final = (
    "Бадмаев", "Очиров", "Манджиев", "Санджиев", "Эрдниев", "Горяев", "Лиджиев", "Убушаев", "Болдырев", "Мучкаев",
    "Дорджиев", "Басангов", "Хулхачиев", "Настинов", "Шургучиев", "Нимгиров", "Церенов", "Босхомджиев", "Кекеев",
    "Иванов", "Петров", "Сидоров", "Кузнецов", "Семёнов", "Королёв", "Воробьёв", "Киселёв", "Щеглов", "Юдин", "Яковлев",
)  # fmt: skip
MEN: Final = (
    "Бадма", "Санал", "Баатр", "Очир", "Мингиян", "Савр", "Басан", "Церен", "Эренцен", "Алексей", "Пётр", "Семён",
    "Артём", "Сергей", "Николай", "Юрий", "Фёдор", "Владимир",
)  # fmt: skip
WOMEN: Final = (
    "Байрта", "Кермен", "Герензел", "Айса", "Деляш", "Кишта", "Булгун", "Эльза", "Наталья", "Алёна", "Елена", "Ольга",
    "Татьяна", "Любовь", "Юлия", "Фёкла", "Мария", "Ирина",
)  # fmt: skip
FATHERS: Final = (
    "Бадмаев", "Саналов", "Очиров", "Церенов", "Басангов", "Алексеев", "Петров", "Семёнов", "Николаев", "Юрьев",
    "Владимиров", "Сергеев",
)  # fmt: skip
ORGANISATIONS: Final = (
    "ООО «Степной ветер»", "АО «Тюльпан»", "ООО «Торговый дом «Сайгак»»", "ТСЖ «Улан-Туг»", "ООО «Маныч-Сервис»",
)  # fmt: skip
PLANNED: Final = {
    Oddity.YO: "Алёшина-Фёдорова Пелагея Ёжиковна",
    Oddity.APOSTROPHE: "О'Коннор-д'Артаньян Мария Ивановна",
    Oddity.QUOTES: 'Бадмаев Санал "Сан" Очирович',
    Oddity.COMMA: "Мучкаев Ц., Мучкаева Б., Мучкаев О.",
    Oddity.LONG: (
        "Константинопольская-Преображенская Александра-Виктория-Елизавета Максимилиановна, "
        "действующая за себя и за несовершеннолетних Константинопольского Апполинария Вениаминовича "
        "и Константинопольскую Евпраксию Вениаминовну"
    ),
    Oddity.LATIN_LETTER: "Cеменов Пётр Ивaнович",  # the first letter and one «a» are Latin
    Oddity.SEMICOLON: "Юдин Фёдор; Юдина Фёкла",
    Oddity.ORGANISATION: 'ООО «Кафе "Джангар"»',
}


def holder(oddity: Oddity, chance: Random, *, planned: bool) -> str:
    """The holder's name. A planned oddity of names has a name of its own."""
    if planned and oddity in PLANNED:
        return PLANNED[oddity]
    if oddity is Oddity.ORGANISATION:
        return pick(ORGANISATIONS, chance)
    return person(chance)


def person(chance: Random) -> str:
    if chance.random() < 0.45:
        return f"{pick(SURNAMES, chance)} {pick(MEN, chance)} {pick(FATHERS, chance)}ич"
    return f"{pick(SURNAMES, chance)}а {pick(WOMEN, chance)} {pick(FATHERS, chance)}на"


def pick(words: tuple[str, ...], chance: Random) -> str:
    return words[int(chance.random() * len(words))]
