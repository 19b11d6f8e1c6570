"""Findings: what can a check find, how is it said, and what shall the person who reads it do?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from lk_sync.guards import Code, Guards


class Finding(msgspec.Struct, frozen=True):
    """One sentence about a dataset. `code` is that of the rule and never changes its meaning; one that `holds` stops
    the run. `lost`: no rule has found it, and something of the source was not taken."""

    dataset: str
    text: str
    holds: bool
    code: Code | None = None
    lost: bool = False


def found(dataset: str, code: Code, rule: Guards, text: str, *, beyond: bool = True) -> Iterator[Finding]:
    """The finding, as the rule's switch says. `beyond`: the limit of the rule is passed; else it is a remark."""
    act = rule.act(code)
    if act != "ignore":
        yield Finding(dataset, text, beyond and act == "hold", code)


def advice(code: Code | None) -> str:
    """What to do about it, before the run is approved or its source is mended."""
    return ADVICE[code] if code is not None else ""


def rubles(kopecks: int) -> str:
    """`-1234567` → `-12 345.67 ₽`."""
    sign, whole = "-" if kopecks < 0 else "", abs(kopecks)
    return f"{sign}{whole // 100:,}.{whole % 100:02d} ₽".replace(",", " ")


ADVICE: Final[Mapping[Code, str]] = {
    "rejects": "посмотрите причины: lk-sync rejects; исправьте описание источника или данные в учётной системе",
    "rows": "источник менялся, пока его читали, или запрос описания теряет строки; повторите загрузку, сравните запрос",
    "totals": "сравните суммы с учётной системой; чаще всего виноват запрос, который теряет или двоит строки",
    "empty": "проверьте, та ли база и та ли таблица; если набор и должен быть пуст — guards: {may_be_empty: true}",
    "shrink": "если строки удалены намеренно — утвердите; иначе проверьте отбор в запросе и права учётной записи",
    "orphans": "сравните, как записан номер счёта в этом наборе и в accounts: ведущие нули, пробелы, другой столбец",
    "future": "проверьте поле месяца и формат даты в описании (день и месяц местами?), дату в учётной системе",
    "ancient": "проверьте поле месяца и формат даты в описании; пустая дата могла стать 1900 годом",
    "watermark": "базу источника восстановили из копии или перевели её часы: проверьте, затем lk-sync pull --full",
    "clock": "проверьте часы этого компьютера (timedatectl): время публикации прежних данных позже нынешнего",
    "holders": "смена абонента закрывает кабинет прежнему: проверьте, не другой ли столбец стоит за holder_key",
    "moved": "сравните сальдо нескольких счетов из списка с учётной системой; массовый перерасчёт — утвердите",
    "jump": "проверьте единицы сумм (рубли или копейки) и тариф месяца; сравните несколько квитанций",
    "signs": "проверьте знак сальдо в описании источника: больше нуля — долг абонента",
    "tariffs": "проверьте единицу тарифа (Гкал, м³, кВт·ч) и дату его ввода; новый тариф верен — утвердите запуск",
    "books": "закройте месяц в учётной системе или исправьте входящее сальдо; абонент увидит, что месяцы не сходятся",
    "arithmetic": "проверьте, какие столбцы стоят за полями сумм: строка обязана сходиться сама с собой",
    "charged": "загрузите начисления и сальдо одним заданием; если разница осталась, сверьте их в учётной системе",
}
