"""Relation: what does the server's catalog say of a table or query that the mapping names?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SchemaDrift
from lk_sync.records import Kind

Family = Literal[
    "text", "integer", "numeric", "float", "rounded", "bool", "date", "timestamp", "timestamptz", "binary", "other"
]
"""`rounded`: a binary fraction that the operator allows to be taken for the decimal number it was meant to be."""

CAN_HOLD: Final[Mapping[Kind, frozenset[Family]]] = {
    "account": frozenset({"text", "integer", "numeric"}),
    "code": frozenset({"text", "integer", "bool", "other"}),
    "text": frozenset({"text", "integer", "numeric", "bool", "date", "timestamp", "timestamptz", "other"}),
    "int": frozenset({"integer", "numeric", "text"}),
    "bool": frozenset({"bool", "integer", "text"}),
    "money": frozenset({"numeric", "integer", "text", "rounded"}),
    "volume": frozenset({"numeric", "integer", "text", "rounded"}),
    "date": frozenset({"date", "timestamp", "timestamptz", "text"}),
    "datetime": frozenset({"timestamp", "timestamptz", "date", "text"}),
    "month": frozenset({"date", "timestamp", "timestamptz", "text"}),
}
_BINARY: Final = (
    "; дробное двоичное число хранит деньги неточно: отдайте numeric (например, представлением) или, если так и "
    "задумано, перечислите столбец в options.rounded"
)
_NUMBER: Final = "; если дата записана числом, добавьте к полю format, например format: {}"
_BYTES: Final = (
    "; двоичное отдаёт текстом свой запрос: query: SELECT encode(столбец, 'hex') AS … в PostgreSQL, HEX(столбец) в "
    "MariaDB, UUID_TO_CHAR(столбец) в Firebird"
)
WRITTEN: Final[Mapping[Kind, str]] = {"date": "ГГГГММДД", "month": "ГГГГММ"}
ORDERED: Final[frozenset[Family]] = frozenset({"integer", "date", "timestamp", "timestamptz"})

EXPECTED: Final[Mapping[Kind, str]] = {
    "account": "текст или целое число",
    "code": "текст",
    "text": "текст",
    "int": "целое число",
    "bool": "да/нет",
    "money": "точное десятичное число (numeric)",
    "volume": "точное десятичное число (numeric)",
    "date": "дата",
    "datetime": "дата и время",
    "month": "дата (первое число месяца)",
}


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `type` as the server writes it; `digits` before and after the point, where the type limits them.
    `years`: how many are added to every date that stands there."""

    name: str
    type: str
    family: Family
    nullable: bool = True
    digits: tuple[int, int] | None = None
    years: int = 0


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A table or query. `sql`: as it stands after FROM. `seekable`: columns that an index begins with; `key`: columns
    of the primary key, in its order. `blocks`: how many blocks a table has that may be read by parts; 0 = it may not.
    `rows`: the catalog's guess."""

    title: str
    sql: str
    columns: Mapping[str, Column]
    seekable: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    blocks: int = 0
    rows: int = 0

    def column(self, field: FieldMap) -> Column:
        return self.columns[field.column or ""]


def agree(relation: Relation, wanted: Wanted) -> None:
    """Raise SchemaDrift with every column that is missing or cannot hold what the mapping expects of it."""
    faults = [fault for field in wanted.fields if (fault := _fault(relation, field))]
    if wanted.watermark is not None:
        faults += _watermark_faults(relation, wanted.watermark)
    if faults:
        raise SchemaDrift(
            f"{relation.title} → {wanted.dataset.name}: {'; '.join(faults)}. "
            "Данные прежние; поправьте описание источника или столбцы"
        )


def _fault(relation: Relation, field: FieldMap) -> str | None:
    name = field.column or ""
    column = relation.columns.get(name)
    if column is None:
        return f"нет столбца «{name}» (поле {field.name}){nearest(name, relation.columns)}"
    if column.family not in CAN_HOLD[field.kind]:
        how = _remedy(field.kind, column.family)
        return f"столбец «{name}» (поле {field.name}) имеет тип {column.type}, а нужно {EXPECTED[field.kind]}{how}"
    return None


def _remedy(kind: Kind, family: Family) -> str:
    """What the mapping can do about a column that cannot hold the kind as it is."""
    if family in ("integer", "numeric") and kind in WRITTEN:
        return _NUMBER.format(WRITTEN[kind])
    if family == "binary":
        return _BYTES
    return _BINARY if family == "float" else ""


def _watermark_faults(relation: Relation, name: str) -> list[str]:
    column = relation.columns.get(name)
    if column is None:
        return [f"нет столбца «{name}» (watermark){nearest(name, relation.columns)}"]
    if column.family not in ORDERED:
        return [f"столбец «{name}» (watermark) имеет тип {column.type}, а нужно время изменения или растущее целое"]
    return []


def nearest(word: str, known: Iterable[str]) -> str:
    """` — может быть, «…»?` with the likest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" — может быть, «{near[0]}»?" if near else ""
