"""Model: which catalogs, documents and registers does the supplier's configuration of 1C have?

As `$metadata` describes them. Names are of a configuration made up for this demo, shapes are those of the platform:
references `X_Key`, composite references `X` with `X_Type`, whole numbers as Edm.Int64, all others as Edm.Double.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

NAMESPACE: Final = "StandardODATA"
STRING, GUID, MOMENT, FLAG = "Edm.String", "Edm.Guid", "Edm.DateTime", "Edm.Boolean"
NUMBER, WHOLE = "Edm.Double", "Edm.Int64"


class Property(msgspec.Struct, frozen=True):
    """A property. `refers`: the entity set that a reference leads to."""

    name: str
    type: str
    refers: str | None = None
    nullable: bool = False


class EntitySet(msgspec.Struct, frozen=True):
    """`functions`: names of its virtual tables. `resources`: the numbers of a register."""

    name: str
    properties: tuple[Property, ...]
    key: tuple[str, ...]
    functions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    @property
    def by_name(self) -> Mapping[str, Property]:
        return {each.name: each for each in self.properties}

    @property
    def tabular(self) -> tuple[str, ...]:
        """Tabular parts within the object."""
        return tuple(each.name for each in self.properties if each.type.startswith("Collection("))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What a virtual table groups by: the references among the properties."""
        return tuple(each.name for each in self.properties if each.refers and each.name != "Recorder")


ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "ВидыАбонентов": ("ФизическоеЛицо", "ЮридическоеЛицо"),
    "СпособыРасчета": ("ПоПрибору", "ПоОбщедомовомуПрибору", "ПоСреднему", "ПоНормативу", "ОднаДвенадцатая", "Прочее"),
    "ИсточникиПоказаний": ("Абонент", "Контролер", "Расчет", "Поставщик"),
    "СостоянияКвитанций": ("Выставлена", "Отозвана"),
    "ВидыДокументовАбонента": ("Договор", "Акт", "Прочее"),
}
LINES: Final = f"Collection({NAMESPACE}.Document_НачислениеУслуг_Строки_RowType)"
_SHORT: Final = {
    "l": LINES,
    "s": STRING,
    "g": GUID,
    "d": MOMENT,
    "b": FLAG,
    "n": NUMBER,
    "n?": NUMBER,
    "i": WHOLE,
    "i?": WHOLE,
}
_REFERENCE: Final = "g Ref_Key|s DataVersion|b DeletionMark"
_DOCUMENT: Final = f"{_REFERENCE}|s Number|d Date|b Posted"
_RECORD: Final = "d Period|s Recorder|s Recorder_Type|i LineNumber|b Active"


def _set(name: str, properties: str, key: str = "Ref_Key", functions: str = "", resources: str = "") -> EntitySet:
    """`s Code`: a text; `>Catalog_X Owner_Key`: a reference; `@Enum Вид`: a word of an enumeration."""
    return EntitySet(
        name,
        tuple(_property(*each.split()) for each in properties.split("|")),
        tuple(key.split()),
        tuple(functions.split()),
        tuple(resources.split()),
    )


def _property(mark: str, name: str) -> Property:
    if mark.startswith(">"):
        return Property(name, GUID, mark[1:])
    if mark.startswith("@"):
        return Property(name, f"{NAMESPACE}.{mark[1:]}")
    return Property(name, _SHORT[mark], nullable=mark.endswith("?"))


_ACCOUNT: Final = ">Catalog_ЛицевыеСчета ЛицевойСчет_Key"
_LINE: Final = (
    f"{_ACCOUNT}|>Catalog_Услуги Услуга_Key|>Catalog_СоставляющиеУслуг Составляющая_Key|@СпособыРасчета СпособРасчета|"
    "n? Объем|n? Тариф|n Начислено|n Перерасчет|s ПричинаПерерасчета|n Льгота|n Итого"
)
_SETTLED: Final = "Долг Начислено Перерасчет Льгота Пени Оплачено"

SETS: Final[Mapping[str, EntitySet]] = {
    each.name: each
    for each in (
        _set("Catalog_Абоненты", f"{_REFERENCE}|s Code|s Description|@ВидыАбонентов ВидАбонента"),
        _set(
            "Catalog_ЛицевыеСчета",
            f"{_REFERENCE}|s Code|s Description|s ЕЛС|>Catalog_Абоненты Абонент_Key|d АбонентС|s Адрес|n? Площадь|"
            "i? Проживает|d ДатаОткрытия|d ДатаЗакрытия|d ДатаИзменения",
        ),
        _set("Catalog_Услуги", f"{_REFERENCE}|s Code|s Description"),
        _set(
            "Catalog_СоставляющиеУслуг",
            f"{_REFERENCE}|>Catalog_Услуги Owner_Key|s Code|s Description|s ЕдиницаИзмерения|i Порядок",
        ),
        _set("Document_НачислениеУслуг", f"{_DOCUMENT}|d ПериодРасчета|l Строки"),
        _set("Document_НачислениеУслуг_Строки", f"g Ref_Key|i LineNumber|{_LINE}", "Ref_Key LineNumber"),
        _set(
            "AccumulationRegister_Начисления_RecordType",
            f"{_RECORD}|{_LINE}",
            "Recorder Recorder_Type LineNumber",
        ),
        _set(
            "AccumulationRegister_Расчеты_RecordType",
            f"{_RECORD}|{_ACCOUNT}|>Catalog_Услуги Услуга_Key|" + "|".join(f"n {each}" for each in _SETTLED.split()),
            "Recorder Recorder_Type LineNumber",
        ),
        _set(
            "AccumulationRegister_Расчеты",
            f"s Recorder|s Recorder_Type|{_ACCOUNT}|>Catalog_Услуги Услуга_Key",
            "Recorder Recorder_Type",
            "Balance Turnovers BalanceAndTurnovers",
            _SETTLED,
        ),
        _set(
            "Document_Квитанция",
            f"{_DOCUMENT}|{_ACCOUNT}|d ПериодРасчета|d СрокОплаты|d ОплатыУчтеныПо|n СуммаКОплате|"
            "@СостоянияКвитанций Состояние|d ДатаИзменения",
        ),
        _set(
            "Document_ПлатежАбонента",
            f"{_DOCUMENT}|{_ACCOUNT}|d ПериодРасчета|n Сумма|s Канал|s Основание|s Основание_Type|d ДатаИзменения",
        ),
        _set(
            "Catalog_ПриборыУчета",
            f"{_REFERENCE}|>Catalog_ЛицевыеСчета Owner_Key|s Code|s Description|s ЗаводскойНомер|"
            ">Catalog_Услуги Услуга_Key|s Модель|s МестоУстановки|s ЕдиницаИзмерения|i ЗнаковДо|i ЗнаковПосле|"
            "d ДатаУстановки|d ДатаСнятия|b Автоматический|d ДатаИзменения",
        ),
        _set(
            "InformationRegister_ПоверкиПриборов",
            "d Period|>Catalog_ПриборыУчета Прибор_Key|d ДатаПоверки|d ПоверкаДо",
            "Period Прибор_Key",
            "SliceLast SliceFirst",
        ),
        _set(
            "InformationRegister_ПоказанияПриборов_RecordType",
            f"{_RECORD}|{_ACCOUNT}|>Catalog_ПриборыУчета Прибор_Key|s ИдПоказания|d ПериодРасчета|n Показание|"
            "@ИсточникиПоказаний Источник",
            "Recorder Recorder_Type LineNumber",
        ),
        _set(
            "Catalog_ДокументыАбонентов",
            f"{_REFERENCE}|>Catalog_ЛицевыеСчета Owner_Key|s Code|s Description|"
            "@ВидыДокументовАбонента ВидДокумента|s НомерДокумента|d ДатаДокумента|d ДатаИзменения",
        ),
    )
}

PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "Balance": {"Period": MOMENT, "Condition": STRING, "Dimensions": STRING},
    "Turnovers": {"StartPeriod": MOMENT, "EndPeriod": MOMENT, "Condition": STRING, "Dimensions": STRING},
    "BalanceAndTurnovers": {"StartPeriod": MOMENT, "EndPeriod": MOMENT, "Condition": STRING},
    "SliceLast": {"Period": MOMENT, "Condition": STRING},
    "SliceFirst": {"Period": MOMENT, "Condition": STRING},
}
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "Balance": ("Balance",),
    "Turnovers": ("Turnover", "Receipt", "Expense"),
    "BalanceAndTurnovers": ("OpeningBalance", "Turnover", "Receipt", "Expense", "ClosingBalance"),
}


def answers(entity_set: EntitySet, function: str) -> tuple[Property, ...]:
    """What a virtual table gives."""
    if function not in _SUFFIXES:
        return entity_set.properties
    known = entity_set.by_name
    numbers = (Property(f"{each}{suffix}", NUMBER) for each in entity_set.resources for suffix in _SUFFIXES[function])
    return (*(known[name] for name in entity_set.dimensions), *numbers)


def metadata() -> bytes:
    """`$metadata`."""
    body = "".join((*_types(), *_associations(), *_enums(), *_container()))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx">'
        '<edmx:DataServices m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0" '
        'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">{body}</Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    ).encode()


def _types() -> Iterator[str]:
    for each in SETS.values():
        key = "".join(f'<PropertyRef Name="{name}"/>' for name in each.key)
        yield f'<EntityType Name="{each.name}"><Key>{key}</Key>{"".join(map(_shown, each.properties))}'
        yield "".join(_navigation(each, of) for of in each.properties if of.refers)
        if f"{each.name}_RecordType" in SETS:
            yield f'<Property Name="RecordSet" Type="Collection({NAMESPACE}.{each.name}_RowType)" Nullable="true"/>'
        yield "</EntityType>"
        if each.name.endswith("_Строки"):
            yield f'<ComplexType Name="{each.name}_RowType">{"".join(map(_shown, each.properties))}</ComplexType>'
        for function in each.functions:
            if function in _SUFFIXES:
                inside = "".join(map(_shown, answers(each, function)))
                yield f'<ComplexType Name="{each.name}_{function}">{inside}</ComplexType>'


def _shown(of: Property) -> str:
    return f'<Property Name="{of.name}" Type="{of.type}" Nullable="{str(of.nullable).lower()}"/>'


def _navigation(entity_set: EntitySet, of: Property) -> str:
    name = of.name.removesuffix("_Key")
    return (
        f'<NavigationProperty Name="{name}" Relationship="{NAMESPACE}.{entity_set.name}_{name}" '
        f'FromRole="Begin" ToRole="End"/>'
    )


def _associations() -> Iterator[str]:
    for each in SETS.values():
        for of in each.properties:
            if of.refers:
                yield (
                    f'<Association Name="{each.name}_{of.name.removesuffix("_Key")}">'
                    f'<End Role="Begin" Type="{NAMESPACE}.{each.name}" Multiplicity="*"/>'
                    f'<End Role="End" Type="{NAMESPACE}.{of.refers}" Multiplicity="0..1"/></Association>'
                )


def _enums() -> Iterator[str]:
    for name, words in ENUMS.items():
        members = "".join(f'<Member Name="{word}" Value="{place}"/>' for place, word in enumerate(words))
        yield f'<EnumType Name="{name}">{members}</EnumType>'


def _container() -> Iterator[str]:
    yield '<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">'
    for each in SETS.values():
        yield f'<EntitySet Name="{each.name}" EntityType="{NAMESPACE}.{each.name}"/>'
        for function in each.functions:
            gives = f"{each.name}_{function}" if function in _SUFFIXES else each.name
            parameters = "".join(
                f'<Parameter Name="{name}" Type="{kind}" Mode="In"/>' for name, kind in PARAMETERS[function].items()
            )
            yield (
                f'<FunctionImport Name="{function}" ReturnType="Collection({NAMESPACE}.{gives})" IsBindable="true" '
                f'm:HttpMethod="GET"><Parameter Name="bindingParameter" Type="{NAMESPACE}.{each.name}" Mode="In"/>'
                f"{parameters}</FunctionImport>"
            )
    yield "</EntityContainer>"
