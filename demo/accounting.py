"""Accounting: in which tables, columns and words does the supplier's accounting system keep its books?

It names things as a 1C-like system in Russian does and knows nothing of the portal: money and volumes are decimal
numbers, a month is its first day, codes are Russian words. `cells` turns rows of `demo.supplier` into its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from lk_sync.records import DATASETS, Kind, month_text

Row = tuple[Any, ...]
Cell = str | None
CHANGED: Final = "ДатаИзменения"

METHODS: Final = {
    "meter": "по прибору",
    "house_meter": "по общедомовому прибору",
    "average": "по среднему",
    "norm": "по нормативу",
    "one_twelfth": "1/12",
    "other": "прочее",
}
READING_SOURCES: Final = {
    "subscriber": "абонент",
    "inspector": "контролер",
    "calculated": "расчет",
    "supplier": "поставщик",
}
HOLDERS: Final = {"person": "физлицо", "organisation": "юрлицо"}
DOCUMENTS: Final = {"contract": "договор", "act": "акт", "other": "прочее"}
UNITS: Final = {"m3": "м3", "Gcal": "Гкал"}
BILL_STATES: Final = {"issued": "выставлена", "withdrawn": "отозвана"}
PAYMENT_STATES: Final = {"booked": "проведён", "processing": "обрабатывается", "returned": "возвращён"}
PARTS: Final = {"charge": "начисление", "penalty": "пени", "advance": "аванс"}
BASES: Final = {"m2": "м2", "person": "человек", "m3": "м3"}
ANSWERS: Final = {"in_work": "в работе", "answered": "отвечено", "refused": "отказано"}
WORKS: Final = {"planned": "плановые", "emergency": "аварийные"}
WORDS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("charges", "method"): METHODS,
    ("readings", "source"): READING_SOURCES,
    ("accounts", "holder_kind"): HOLDERS,
    ("documents", "kind"): DOCUMENTS,
    ("bills", "state"): BILL_STATES,
    ("services", "unit"): UNITS,
    ("meters", "unit"): UNITS,
    ("payments", "state"): PAYMENT_STATES,
    ("allocations", "part"): PARTS,
    ("norms", "per"): BASES,
    ("works", "kind"): WORKS,
    ("request_answers", "state"): ANSWERS,
}
"""Codes that the accounting system writes in words of its own."""


class Table(msgspec.Struct, frozen=True):
    """A table of the base: its columns stand for the fields of a dataset, one column for each field."""

    name: str
    dataset: str
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def heading(self) -> tuple[str, ...]:
        return (*self.columns, CHANGED)


def _table(name: str, dataset: str, columns: str) -> Table:
    fields = [field for field in DATASETS[dataset].columns if (dataset, field) != ("accounts", "number")]
    pairs = dict(zip(columns.split(), fields, strict=True))
    key = tuple(column for column, field in pairs.items() if field in DATASETS[dataset].key)
    return Table(name, dataset, pairs, key)


TABLES: Final[dict[str, Table]] = {
    table.dataset: table
    for table in (
        _table(
            "ЛицевыеСчета",
            "accounts",
            "ЛС ЕЛС КодАбонента ФИО ВидАбонента АбонентС Адрес Площадь Проживает Открыт Закрыт Дом ЖилаяПлощадь "
            "Зарегистрировано",
        ),
        _table("Услуги", "services", "Услуга Компонент Наименование Единица Порядок"),
        _table(
            "Начисления",
            "charges",
            "ЛС Месяц Услуга Компонент Объем Тариф СпособРасчета Начислено Перерасчет ПричинаПерерасчета Льгота Итого "
            "Дней Норматив ПовышающийКоэффициент",
        ),
        _table(
            "Сальдо",
            "balances",
            "ЛС Месяц Услуга СальдоНачальное Начислено Перерасчет Льгота Пени Оплачено СальдоКонечное",
        ),
        _table("Квитанции", "bills", "ЛС Месяц Номер ДатаВыставления СрокОплаты ОплатыПо КОплате Состояние"),
        _table("Платежи", "payments", "ЛС НомерДокумента Дата Месяц Сумма Канал Состояние"),
        _table(
            "ПриборыУчета",
            "meters",
            "ЛС Прибор ЗаводскойНомер Услуга Модель Место Единица ЗнаковДо ЗнаковПосле Установлен Снят Поверен "
            "ПоверкаДо Автоматический Пломба Опломбирован Акт ВместоПрибора НачальноеПоказание КонечноеПоказание",
        ),
        _table("Показания", "readings", "ЛС Прибор Показание Дата Месяц Значение Источник"),
        _table("Документы", "documents", "ЛС Документ Вид Номер Дата Наименование ДействуетДо"),
        _table("Разноска", "allocations", "ЛС Платеж Строка Месяц Услуга Часть Сумма"),
        _table("Оборудование", "equipment", "ЛС Оборудование Наименование ЗаводскойНомер Место Установлено Снято"),
        _table("Тарифы", "tariffs", "Услуга Компонент Действует По Тариф Основание"),
        _table("Нормативы", "norms", "Услуга Компонент Действует По Норматив На Основание"),
        _table("Дома", "buildings", "Дом Адрес Площадь ЕстьОДПУ"),
        _table("РасходДомов", "building_months", "Дом Месяц Услуга Объем Площадь"),
        _table("Погода", "weather", "Месяц ГрадусоСутки Обычно"),
        _table("Работы", "works", "Работы Вид Дом Услуга Начало Конец Содержание"),
        _table("ОтветыНаЗаявки", "request_answers", "Заявка Ответ Состояние Текст Дата"),
    )
}
"""Tables by the dataset that they hold."""


def rubles(kopecks: int) -> Cell:
    if kopecks < 0:
        return f"-{-kopecks // 100}.{-kopecks % 100:02d}"
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def decimal(micro: int | None) -> Cell:
    if micro is None:
        return None
    if micro < 0:
        return f"-{-micro // 1_000_000}.{-micro % 1_000_000:06d}"
    return f"{micro // 1_000_000}.{micro % 1_000_000:06d}"


def _same(cell: Any) -> Cell:
    return None if cell is None else str(cell)


def _flag(cell: bool | None) -> Cell:
    return None if cell is None else str(cell).lower()


@cache
def _month(period: int) -> Cell:
    return f"{month_text(period)}-01"


IN_TEXT: Final[Mapping[Kind, Callable[[Any], Cell]]] = {
    "money": rubles,
    "volume": decimal,
    "month": _month,
    "bool": _flag,
    "int": _same,
}


def cells(table: Table, rows: Iterable[Row]) -> Iterable[tuple[Cell, ...]]:
    """Rows of the supplier as text cells under `table.heading`, column by column: that is what makes it fast."""
    columns = list(zip(*rows, strict=True))
    if not columns:
        return []
    named = dict(zip((*DATASETS[table.dataset].columns, CHANGED), columns, strict=True))
    written = [_written(table, field, named[field]) for field in table.columns.values()]
    return zip(*written, named[CHANGED], strict=True)


def _written(table: Table, field: str, column: Iterable[Any]) -> Iterable[Cell]:
    if words := WORDS.get((table.dataset, field)):
        return (None if cell is None else words[cell] for cell in column)
    if write := IN_TEXT.get(DATASETS[table.dataset].field(field).kind):
        return map(write, column)
    return column
