"""Base: how do the supplier's books stand in the catalogs, documents and registers of its 1C?

Rows are as JSON shows them: references by guid, an empty one is the guid of zeros, an empty date the first day of the
year 1, moments without a zone, words of enumerations by name. Some rows are in the base that no ledger knows: marked
for deletion. The same books give the same guids.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from demo.bookkeeper import Bookkeeper
from demo.onec.model import NAMESPACE, SETS
from lk_sync.records import DATASETS, month_text, next_month

Cells = dict[str, Any]
NO_REFERENCE: Final = "00000000-0000-0000-0000-000000000000"
NO_DATE: Final = "0001-01-01T00:00:00"
UNDEFINED: Final = f"{NAMESPACE}.Undefined"
HOLDERS: Final = {"person": "ФизическоеЛицо", "organisation": "ЮридическоеЛицо"}
METHODS: Final = {
    "meter": "ПоПрибору",
    "house_meter": "ПоОбщедомовомуПрибору",
    "average": "ПоСреднему",
    "norm": "ПоНормативу",
    "one_twelfth": "ОднаДвенадцатая",
    "other": "Прочее",
}
SOURCES: Final = {
    "subscriber": "Абонент",
    "inspector": "Контролер",
    "calculated": "Расчет",
    "supplier": "Поставщик",
}
STATES: Final = {"issued": "Выставлена", "withdrawn": "Отозвана"}
DOCUMENTS: Final = {"contract": "Договор", "act": "Акт", "other": "Прочее"}
UNITS: Final = {"m3": "м3", "Gcal": "Гкал", None: ""}
SERVICES: Final = {"heating": ("00001", "Отопление"), "hot_water": ("00002", "Горячая вода")}
COMPONENTS: Final = {"energy": "ОТ-Э", "carrier": "ГВ-Н", "heat": "ГВ-Т"}


def guid(kind: str, *key: object) -> str:
    """The reference to what has this key."""
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, (kind, *key)))))


class Base:
    """The rows of every entity set, as they are now."""

    def __init__(self, books: Bookkeeper) -> None:
        self.rows: dict[str, list[Cells]] = {name: [] for name in SETS}
        self._versions = 0
        self._lines: dict[str, int] = defaultdict(int)
        self._documents: dict[str, Cells] = {}
        self._services(books.supplier.common()["services"])
        for account in books.every():
            named = {name: [_named(name, row) for row in rows] for name, rows in account.items()}
            self._account(named)
        self._marked_for_deletion()

    # What is the same for all

    def add(self, name: str, cells: Cells) -> Cells:
        """Append a row with what every object of its kind has."""
        known = SETS[name].by_name
        if "DataVersion" in known:
            self._versions += 1
            cells = {"DataVersion": base64.b64encode(self._versions.to_bytes(8, "big")).decode()} | cells
            cells = {"DeletionMark": False} | cells
        self.rows[name].append({each: cells.get(each, _nothing(known[each].type)) for each in known})
        return self.rows[name][-1]

    def _record(self, name: str, document: str, number: object, cells: Cells) -> Cells:
        """A line of a register, written by the document."""
        recorder = guid(document, number)
        self._lines[recorder + name] += 1
        head = {"Recorder": recorder, "Recorder_Type": f"{NAMESPACE}.{document}", "Active": True}
        return self.add(name, head | {"LineNumber": str(self._lines[recorder + name])} | cells)

    def _services(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for service, (code, title) in SERVICES.items():
            self.add("Catalog_Услуги", {"Ref_Key": guid("service", service), "Code": code, "Description": title})
        for row in (_named("services", row) for row in rows):
            self.add(
                "Catalog_СоставляющиеУслуг",
                {
                    "Ref_Key": guid("component", row["component"]),
                    "Owner_Key": guid("service", row["service"]),
                    "Code": COMPONENTS[row["component"]],
                    "Description": row["title"],
                    "ЕдиницаИзмерения": UNITS[row["unit"]],
                    "Порядок": str(row["position"]),
                },
            )

    # An account

    def _account(self, named: Mapping[str, list[Cells]]) -> None:
        for row in named["accounts"]:
            self._subscriber(row)
        for row in named["charges"]:
            self._charge(row)
        self._settlements(named["balances"])
        for row in named["bills"]:
            self._bill(row)
        for row in named["payments"]:
            self._payment(row)
        for row in named["meters"]:
            self._meter(row)
        for row in named["readings"]:
            self._reading(row)
        for row in named["documents"]:
            self._document(row)

    def _subscriber(self, row: Cells) -> None:
        holder = guid("holder", row["holder_key"])
        self.add(
            "Catalog_Абоненты",
            {
                "Ref_Key": holder,
                "Code": row["holder_key"],
                "Description": row["holder_name"],
                "ВидАбонента": HOLDERS[row["holder_kind"]],
            },
        )
        self.add(
            "Catalog_ЛицевыеСчета",
            {
                "Ref_Key": guid("account", row["account"]),
                "Code": row["account"],
                "Description": f"Лицевой счет {row['account']}",
                "ЕЛС": row["unified_account"] or "",
                "Абонент_Key": holder,
                "АбонентС": _day(row["holder_since"]),
                "Адрес": row["address"],
                "Площадь": _decimal(row["area_micro"]),
                "Проживает": None if row["residents"] is None else str(row["residents"]),
                "ДатаОткрытия": _day(row["opened_on"]),
                "ДатаЗакрытия": _day(row["closed_on"]),
                "ДатаИзменения": row["changed"],
            },
        )

    def _charge(self, row: Cells) -> None:
        month = row["period"]
        line = {
            "ЛицевойСчет_Key": guid("account", row["account"]),
            "Услуга_Key": guid("service", row["service"]),
            "Составляющая_Key": guid("component", row["component"]),
            "СпособРасчета": METHODS[row["method"]],
            "Объем": _decimal(row["volume_micro"]),
            "Тариф": _decimal(row["tariff_micro"]),
            "Начислено": rubles(row["charged_kopecks"]),
            "Перерасчет": rubles(row["recalculated_kopecks"]),
            "ПричинаПерерасчета": row["recalculation_reason"] or "",
            "Льгота": rubles(row["benefit_kopecks"]),
            "Итого": rubles(row["total_kopecks"]),
        }
        document = "Document_НачислениеУслуг"
        made = self._record(
            "AccumulationRegister_Начисления_RecordType", document, month, {"Period": _last_second(month)} | line
        )
        if made["LineNumber"] == "1":
            head = {"Number": month_text(month), "Date": _last_second(month), "Posted": True}
            self.add(document, head | {"Ref_Key": made["Recorder"], "ПериодРасчета": _first_day(month), "Строки": []})
            self._documents[made["Recorder"]] = self.rows[document][-1]
        cells = {"Ref_Key": made["Recorder"], "LineNumber": made["LineNumber"]} | line
        self._documents[made["Recorder"]]["Строки"].append(self.add(f"{document}_Строки", cells))

    def _settlements(self, rows: Iterable[Cells]) -> None:
        """What was owed at first, and what a month has changed of it."""
        seen = set()
        for row in rows:
            key = {
                "ЛицевойСчет_Key": guid("account", row["account"]),
                "Услуга_Key": guid("service", row["service"]),
            }
            if row["service"] not in seen and row["opening_kopecks"]:
                before = _last_second(next_month(row["period"], -1))
                self._settle("opening", before, key, Долг=row["opening_kopecks"])
            seen.add(row["service"])
            parts = {
                "Начислено": row["charged_kopecks"],
                "Перерасчет": row["recalculated_kopecks"],
                "Льгота": row["benefit_kopecks"],
                "Пени": row["penalty_kopecks"],
                "Оплачено": row["paid_kopecks"],
            }
            grown = row["closing_kopecks"] - row["opening_kopecks"]
            self._settle(row["period"], _last_second(row["period"]), key, Долг=grown, **parts)

    def _settle(self, number: object, period: str, key: Cells, **kopecks: int) -> None:
        known = SETS["AccumulationRegister_Расчеты"].resources
        sums = {name: rubles(kopecks.get(name, 0)) for name in known}
        cells = {"Period": period} | key | sums
        self._record("AccumulationRegister_Расчеты_RecordType", "Document_ЗакрытиеМесяца", number, cells)

    def _bill(self, row: Cells) -> None:
        self.add(
            "Document_Квитанция",
            {
                "Ref_Key": guid("bill", row["account"], row["number"]),
                "Number": row["number"],
                "Date": f"{row['issued_on']}T08:15:00",
                "Posted": True,
                "ЛицевойСчет_Key": guid("account", row["account"]),
                "ПериодРасчета": _first_day(row["period"]),
                "СрокОплаты": _day(row["due_on"]),
                "ОплатыУчтеныПо": _day(row["paid_until"]),
                "СуммаКОплате": rubles(row["amount_due_kopecks"]),
                "Состояние": STATES[row["state"]],
                "ДатаИзменения": row["changed"],
            },
        )

    def _payment(self, row: Cells) -> None:
        bill = f"{row['period'] % 10_000:04d}-{row['payment'].partition('-')[0]}"
        self.add(
            "Document_ПлатежАбонента",
            {
                "Ref_Key": guid("payment", row["account"], row["payment"]),
                "Number": row["payment"],
                "Date": f"{row['paid_on']}T14:05:09",
                "Posted": True,
                "ЛицевойСчет_Key": guid("account", row["account"]),
                "ПериодРасчета": _first_day(row["period"]),
                "Сумма": rubles(row["amount_kopecks"]),
                "Канал": row["channel"],
                "Основание": guid("bill", row["account"], bill) if row["channel"] == "СБП" else "",
                "Основание_Type": f"{NAMESPACE}.Document_Квитанция" if row["channel"] == "СБП" else UNDEFINED,
                "ДатаИзменения": row["changed"],
            },
        )

    def _meter(self, row: Cells) -> None:
        reference = guid("meter", row["account"], row["meter"])
        self.add(
            "Catalog_ПриборыУчета",
            {
                "Ref_Key": reference,
                "Owner_Key": guid("account", row["account"]),
                "Code": row["meter"],
                "Description": f"{row['model'] or 'Прибор'} № {row['serial']}",
                "ЗаводскойНомер": row["serial"],
                "Услуга_Key": guid("service", row["service"]),
                "Модель": row["model"] or "",
                "МестоУстановки": row["place"] or "",
                "ЕдиницаИзмерения": UNITS[row["unit"]],
                "ЗнаковДо": str(row["digits_int"]),
                "ЗнаковПосле": str(row["digits_frac"]),
                "ДатаУстановки": _day(row["installed_on"]),
                "ДатаСнятия": _day(row["removed_on"]),
                "Автоматический": row["automatic"],
                "ДатаИзменения": row["changed"],
            },
        )
        self._verifications(reference, row["verified_on"], row["verification_due_on"])

    def _verifications(self, meter: str, verified: str | None, due: str | None) -> None:
        """The last one, and one before it that no longer counts."""
        entered = date.fromisoformat(verified or "2020-01-01")
        for day, until in ((entered.replace(year=entered.year - 6, day=1), verified), (entered, due)):
            told = day.isoformat() if verified and day == entered else None
            cells = {"Прибор_Key": meter, "ДатаПоверки": _day(told), "ПоверкаДо": _day(until)}
            self.add("InformationRegister_ПоверкиПриборов", {"Period": _day(day.isoformat())} | cells)

    def _reading(self, row: Cells) -> None:
        self._record(
            "InformationRegister_ПоказанияПриборов_RecordType",
            "Document_ПриемПоказаний",
            row["taken_on"],
            {
                "Period": f"{row['taken_on']}T10:00:00",
                "ЛицевойСчет_Key": guid("account", row["account"]),
                "Прибор_Key": guid("meter", row["account"], row["meter"]),
                "ИдПоказания": row["reading"],
                "ПериодРасчета": _first_day(row["period"]),
                "Показание": _decimal(row["value_micro"]),
                "Источник": SOURCES[row["source"]],
            },
        )

    def _document(self, row: Cells) -> None:
        self.add(
            "Catalog_ДокументыАбонентов",
            {
                "Ref_Key": guid("document", row["account"], row["document"]),
                "Owner_Key": guid("account", row["account"]),
                "Code": row["document"],
                "Description": row["title"],
                "ВидДокумента": DOCUMENTS[row["kind"]],
                "НомерДокумента": row["number"],
                "ДатаДокумента": _day(row["signed_on"]),
                "ДатаИзменения": row["changed"],
            },
        )

    def _marked_for_deletion(self) -> None:
        """A payment that was entered by mistake, and an account that never was."""
        for name, code in (("Document_ПлатежАбонента", "Number"), ("Catalog_ЛицевыеСчета", "Code")):
            copy = self.rows[name][0]
            self.rows[name].append(copy | {"Ref_Key": guid("deleted", name), "DeletionMark": True, code: "УДАЛЕН-1"})


def _named(dataset: str, row: tuple[Any, ...]) -> Cells:
    cells = dict(zip((*DATASETS[dataset].columns, "changed"), row, strict=True))
    return cells | {"changed": datetime.fromisoformat(cells["changed"]).replace(tzinfo=None).isoformat()}


def _nothing(kind: str) -> Any:
    empty = {"Edm.Guid": NO_REFERENCE, "Edm.DateTime": NO_DATE, "Edm.Boolean": False, "Edm.Double": Decimal(0)}
    return empty.get(kind, "")


def rubles(kopecks: int) -> Decimal:
    return Decimal(kopecks).scaleb(-2)


def _decimal(micro: int | None) -> Decimal | None:
    return None if micro is None else Decimal(micro).scaleb(-6).normalize() + 0


def _day(text: str | None) -> str:
    return f"{text}T00:00:00" if text else NO_DATE


def _first_day(month: int) -> str:
    return f"{month_text(month)}-01T00:00:00"


def _last_second(month: int) -> str:
    following = date.fromisoformat(f"{month_text(next_month(month))}-01")
    return f"{following - timedelta(days=1)}T23:59:59"


def totals(rows: Iterable[Cells], resources: Iterable[str]) -> Iterator[tuple[str, Decimal]]:
    """The sums of some records."""
    kept = list(rows)
    for name in resources:
        yield name, sum((row[name] for row in kept), Decimal(0))
