"""Resource: what does `from` of a dataset mean among what the base publishes, and can it give what the mapping wants?

A mistyped property gives an empty list in 1C and no error, so nothing is asked before every name is known.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from connectors.odata.metadata import RECORDS, Family, Property, Published, Shape
from connectors.odata.settings import ODataOptions
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.records import Kind

MONTH: Final = "@month"  # the column of a virtual table that is asked month by month
PRESENTATION: Final = "____Presentation"
_FROM: Final = re.compile(r"(\w+)(?:/(\w+)(?:\((.*)\))?)?", re.DOTALL)
CAN_HOLD: Final[Mapping[Kind, frozenset[Family]]] = {
    "account": frozenset({"text", "whole", "number"}),
    "code": frozenset({"text", "word", "whole", "bool", "guid"}),
    "text": frozenset({"text", "word", "guid", "bool", "moment", "whole", "number"}),
    "int": frozenset({"whole", "number", "text"}),
    "bool": frozenset({"bool", "whole", "text"}),
    "money": frozenset({"number", "whole", "text"}),
    "volume": frozenset({"number", "whole", "text"}),
    "date": frozenset({"moment", "text"}),
    "datetime": frozenset({"moment", "text"}),
    "month": frozenset({"moment", "text"}),
}
EXPECTED: Final[Mapping[Kind, str]] = {
    "account": "строка или целое число",
    "code": "строка или перечисление",
    "text": "строка",
    "int": "целое число",
    "bool": "булево",
    "money": "число",
    "volume": "число",
    "date": "дата",
    "datetime": "дата и время",
    "month": "дата (первое число месяца)",
}


class Resource(msgspec.Struct, frozen=True):
    """An entity set or a virtual table. `order`: properties that put its rows in one order and tell them apart; empty
    = it cannot be read by pages. `records`: what a condition of a virtual table may speak of."""

    entity_set: str
    shape: Shape
    records: Shape
    function: str | None = None
    parameters: Mapping[str, str] = {}
    order: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.entity_set}/{self.function}" if self.function else self.entity_set


def find(published: Published, wanted: Wanted) -> Resource:
    """Raises SettingsError for what can be no name here, SchemaDrift for what the base does not publish."""
    if wanted.table is None:
        raise SettingsError(
            f"{wanted.dataset.name}: для OData нужен ключ from: Catalog_Имя, Document_Имя, …, а не query и не file"
        )
    match = _FROM.fullmatch(wanted.table)
    if match is None or (match[3] or "").strip():
        raise SettingsError(
            f"{wanted.dataset.name}.from: «{wanted.table}» не годится; нужно имя объекта (Catalog_X, Document_X_Часть, "
            "AccumulationRegister_X_RecordType) или виртуальной таблицы (AccumulationRegister_X/Balance), а её "
            "параметры пишут в options"
        )
    name, function = match[1], match[2]
    if name not in published.sets:
        raise SchemaDrift(_not_published(name, published))
    if function is None:
        shape = published.sets[name]
        return Resource(name, shape, shape, order=_order(shape))
    return _virtual(name, published, function)


def _not_published(name: str, published: Published) -> str:
    return (
        f"{name}: база не публикует такого объекта{nearest(name, published.sets)}; проверьте from или попросите "
        "специалиста 1С добавить его вызовом УстановитьСоставСтандартногоИнтерфейсаOData()"
    )


def _virtual(name: str, published: Published, function: str) -> Resource:
    found = published.functions.get((name, function))
    if found is None:
        known = [each for of, each in published.functions if of == name]
        there = f"есть: {', '.join(known)}" if known else "у этого объекта их нет"
        raise SchemaDrift(f"{name}/{function}: такой виртуальной таблицы нет; {there}")
    records = published.sets.get(f"{name}_RecordType", published.sets[name])
    return Resource(name, found.shape, records, function, found.parameters)


def _order(shape: Shape) -> tuple[str, ...]:
    """`Ref_Key`; tabular parts `Ref_Key, LineNumber`; registers `Period, Recorder, LineNumber`; else the key."""
    known = shape.properties
    if "LineNumber" in known:
        head = ("Ref_Key",) if "Ref_Key" in known else ("Period", "Recorder", "Recorder_Key")
        return (*(name for name in head if name in known), "LineNumber")
    if "Ref_Key" in known:
        return ("Ref_Key",)
    key = [name for name in shape.key if not _names_type(name, known)]
    return tuple(sorted(key, key=lambda name: name != "Period"))


def _names_type(name: str, known: Mapping[str, Property]) -> bool:
    of = name.removesuffix("_Type")
    return of != name and of in known


def column(resource: Resource, options: ODataOptions, name: str) -> Property | None:
    """The property that a column of the mapping means. Presentations stand in no metadata."""
    if name == MONTH and options.months:
        return Property(MONTH, "Edm.DateTime", "moment")
    if found := resource.shape.properties.get(name):
        return found
    of = name.removesuffix(PRESENTATION)
    if of != name and (of in resource.shape.properties or f"{of}_Key" in resource.shape.properties):
        return Property(name, "Edm.String", "text")
    return None


def agree(resource: Resource, wanted: Wanted, options: ODataOptions) -> None:
    """Raise SchemaDrift with everything that the base does not have, or has in another type; SettingsError for options
    that mean nothing here."""
    if resource.shape.has_records:
        raise SchemaDrift(
            f"{resource.title}: записи этого регистра лежат внутри {RECORDS}; укажите "
            f"from: {resource.entity_set}_RecordType"
        )
    _fitting(resource, wanted, options)
    faults = [fault for field in wanted.fields if (fault := _fault(resource, options, field))]
    if wanted.watermark is not None:
        faults += _watermark_faults(resource, options, wanted.watermark)
    faults += _named(resource, options)
    if faults:
        raise SchemaDrift(
            f"{resource.title} → {wanted.dataset.name}: {'; '.join(faults)}. "
            "Данные прежние; поправьте описание источника"
        )


def _fitting(resource: Resource, wanted: Wanted, options: ODataOptions) -> None:
    at = f"{wanted.dataset.name}.options"
    if wanted.control_query is not None:
        raise SettingsError(f"{wanted.dataset.name}.guards.control_total: у 1С по OData нет запросов; уберите его")
    virtual = ("period", "start", "end", "condition", "dimensions", "months")
    given = [name for name in virtual if getattr(options, name)]
    if resource.function is None and given:
        raise SettingsError(f"{at}.{given[0]}: бывает только у виртуальных таблиц (…/Balance, …/SliceLast)")
    if resource.function is not None and options.allowed_only:
        raise SettingsError(f"{at}.allowed_only: бывает только у наборов, а не у виртуальных таблиц")
    if options.months and (options.period or options.start or options.end):
        raise SettingsError(f"{at}: months и period, start, end вместе не указывают")
    if options.last_month and not options.months:
        raise SettingsError(f"{at}.last_month: имеет смысл только вместе с months")


def _fault(resource: Resource, options: ODataOptions, field: FieldMap) -> str | None:
    name = field.column or ""
    found = column(resource, options, name)
    if found is None:
        return f"нет реквизита «{name}» (поле {field.name}){nearest(name, resource.shape.properties)}"
    if found.family not in CAN_HOLD[field.kind]:
        how = "; это ссылка, её значение находит lookup" if found.family == "guid" else ""
        return f"реквизит «{name}» (поле {field.name}) имеет тип {found.type}, а нужно {EXPECTED[field.kind]}{how}"
    return None


def _watermark_faults(resource: Resource, options: ODataOptions, name: str) -> Iterator[str]:
    found = column(resource, options, name)
    if name == "DataVersion":
        yield (
            "DataVersion (watermark) меняется при каждой записи, но не растёт, по нему не отобрать изменённое; нужен "
            "реквизит с датой изменения, или уберите watermark: будет читаться всё"
        )
    elif resource.function is not None:
        yield "у виртуальной таблицы watermark не бывает"
    elif found is None:
        yield f"нет реквизита «{name}» (watermark){nearest(name, resource.shape.properties)}"
    elif found.family != "moment":
        yield f"реквизит «{name}» (watermark) имеет тип {found.type}, а нужна дата и время"


def _named(resource: Resource, options: ODataOptions) -> Iterator[str]:
    """Names in the options that the base does not have."""
    known, records = resource.shape.properties, resource.records.properties
    wished = [("where", each.column, known) for each in options.where]
    wished += [("condition", each.column, records) for each in options.condition]
    wished += [("rounded", name, known) for name in options.rounded]
    wished += [("dimensions", dimension(known, name) or name, known) for name in options.dimensions]
    for option, name, there in wished:
        if name not in there:
            yield f"нет реквизита «{name}» (options.{option}){nearest(name, there)}"
        elif option == "rounded" and known[name].family != "number":
            yield f"реквизит «{name}» (options.rounded) имеет тип {known[name].type}, а не число"


def dimension(known: Mapping[str, Property], name: str) -> str | None:
    """The property of a dimension: that of a reference ends with `_Key`, the name of the dimension does not."""
    return next((each for each in (name, f"{name}_Key") if each in known), None)


def nearest(word: str, known: Iterable[str]) -> str:
    """` — может быть, «…»?` with the likest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" — может быть, «{near[0]}»?" if near else ""
