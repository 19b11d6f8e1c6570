"""Packing: in which exact form does each field of a wish leave the server?

Chosen once per dataset from the field's kind and the column's type. A field whose column has no such form (money
kept as text, for instance) makes the whole dataset travel as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.sql.dialect import FAMILY_OF_DAYS, Dialect
from connectors.sql.packed import Accounts, Days, Numbers, PackedColumn, Texts, Words, month_of
from connectors.sql.relation import Column, Relation
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.flow.validate import converter

_SCALE: Final = {"money": 2, "volume": 6, "int": 0}
_MOST_DIGITS: Final = {"money": 15, "volume": 12, "int": 15}  # before the point: what validation takes and 64 bits hold
_NUMBERS: Final = frozenset({"numeric", "integer"})
_WORDY: Final = frozenset({"text", "integer", "bool", "other"})


class Packing:
    """The fields of a wish as packed columns. `whole`: every field has one."""

    def __init__(self, dialect: Dialect, relation: Relation, wanted: Wanted) -> None:
        self._dialect = dialect
        self._wanted = wanted
        self.sources = [relation.column(field) for field in wanted.fields]
        self.kinds = [field.kind for field in wanted.fields]
        pairs = zip(wanted.fields, self.sources, strict=True)
        found = [self._packed(field, column) if dialect.packs else None for field, column in pairs]
        self.columns: list[PackedColumn] = [packed for packed in found if packed is not None]
        self.whole = dialect.packs and len(self.columns) == len(found)
        self._spelled_out = 0
        money = [
            place
            for place, (field, column) in enumerate(zip(wanted.fields, self.sources, strict=True))
            if field.kind == "money" and column.family in _NUMBERS
        ]
        # One sum shows that a page has come as it was sent; all of them are compared for the whole dataset.
        self.summed_places = money[-1:]
        self.summed = [self.sources[place] for place in self.summed_places]

    @property
    def sql(self) -> list[str]:
        return [column.sql for column in self.columns]

    @property
    def wordy(self) -> Sequence[tuple[Column, Words]]:
        """Columns whose words are learned."""
        pairs = zip(self.sources, self.columns, strict=True) if self.whole else ()
        return [(source, packed) for source, packed in pairs if isinstance(packed, Words)]

    def _packed(self, field: FieldMap, column: Column) -> PackedColumn | None:
        match field.kind:
            case "account":
                return Accounts(self._dialect.account(column), required=field.required)
            case "money" | "volume" | "int":
                return self._number(field, column)
            case "date" | "month":
                return self._day(field, column)
            case "text":
                sql = self._dialect.text(column, keeps_empty=field.required)
                return Texts(sql, required=field.required)
            case "bool" if column.family == "bool":
                return Numbers(self._dialect.flag(column), required=field.required, limits=None)
            case "code" | "bool":
                return self._words(field, column)
        return None

    def _number(self, field: FieldMap, column: Column) -> Numbers | None:
        scale, most = _SCALE[field.kind], _MOST_DIGITS[field.kind]
        if column.family not in _NUMBERS:
            return None
        limits = None
        if field.kind == "int":
            limits = (0, 10**most - 1)
        elif column.digits is None or column.digits[0] > most:
            limits = (1 - 10 ** (most + scale), 10 ** (most + scale) - 1)
        sql = self._dialect.number(column, digits=scale)
        return Numbers(sql, required=field.required, limits=limits)

    def _day(self, field: FieldMap, column: Column) -> PackedColumn | None:
        sql = self._dialect.day(column, time_zone=self._wanted.time_zone)
        if sql is None:
            return self._words(field, column)
        if field.kind == "month":
            return Days(sql, required=field.required, form=month_of)
        return Days(sql, required=field.required, form=lambda day: day.isoformat())

    def _words(self, field: FieldMap, column: Column) -> PackedColumn | None:
        if column.family not in _WORDY:
            return None
        return Words(
            converter(field, self._wanted.time_zone),
            lambda words, null: self._dialect.place(column, words, null=null),
            self._dialect.text(column, keeps_empty=True),
            field.values or field.words,
        )

    @property
    def edition(self) -> int:
        """Grows whenever a page would be asked for in another way than before."""
        return self._spelled_out + sum(words.size for _, words in self.wordy)

    def thin_out(self) -> None:
        """Lists that grew too long: free codes travel as texts from now on; for other fields there is no such way."""
        for place, (field, packed) in enumerate(zip(self._wanted.fields, self.columns, strict=True)):
            if isinstance(packed, Words) and packed.too_many:
                if field.kind != "code" or field.values or field.words:
                    self.whole = False
                    return
                sql = self._dialect.text(self.sources[place], keeps_empty=field.required)
                self.columns[place] = Texts(sql, required=field.required, code=True)
                self._spelled_out += packed.size + 1

    def cell_texts(self) -> list[str]:
        """The cells in the server's own words, for validation."""
        return [
            self._dialect.cell_text(
                column,
                day=field.kind in ("date", "month") and column.family in FAMILY_OF_DAYS,
                time_zone=self._wanted.time_zone,
            )
            for field, column in zip(self._wanted.fields, self.sources, strict=True)
        ]
