"""Derive: how are the cells of a source made into rows of a dataset, where a column alone does not give a field?

Pure and exact: whole kopecks, millionths and texts. Works on columns; only when a cell is at fault is the batch walked
row by row, and each row that cannot be made is rejected with its field and reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from lk_sync.contracts import GroupTotal, Totals, Wanted
from lk_sync.flow.formula import Make, Table, Workshop, operands
from lk_sync.flow.validate import Reject, Unfit, Validated, folded
from lk_sync.records import Kind
from lk_sync.shaping import DELETED, EXTRA, Cell, First, Fixed, Negated, Node, Scaled, Sum

Columns = dict[str, list[Any]]


class Derived(msgspec.Struct):
    """`rows`: as the stage takes them. `gone`: the keys of rows that are no more, in columns; `gone_sums`: what those
    rows hold, for the source counts them as well; `blind`: some of their sums could not be read."""

    rows: Validated
    gone: list[list[Any]]
    gone_sums: Mapping[str, int] = {}
    blind: bool = False

    @property
    def gone_rows(self) -> int:
        return len(self.gone[0])


class _Rows(NamedTuple):
    """Cells by field, and the rows' numbers in the source."""

    columns: Columns
    numbers: Sequence[int]


class Derivation:
    """What one wish needs, built once and used for every batch. `constants`: cells that are the same in every row.
    `tables`: its lookups, in the order of the wish."""

    def __init__(self, wanted: Wanted, constants: Mapping[str, Any], tables: Sequence[Table] = ()) -> None:
        asked, self._shaping, self._dataset = wanted.asked, wanted.shaping, wanted.dataset
        self._constants = constants
        self._kinds = {field.name: field.kind for field in asked.fields}
        self._sources = {field.name: field.column or "" for field in asked.fields}
        self._plain = [name for name in self._sources if name in wanted.dataset.columns]
        workshop = Workshop(wanted.time_zone, tables, [_title(each) for each in wanted.shaping.lookups])
        self._needs = {each.field.name: list(operands(each.by)) for each in wanted.shaping.computed}
        self._makes: dict[str, Make] = {each.field.name: workshop.field(each) for each in wanted.shaping.computed}

    @property
    def fields(self) -> list[str]:
        """The columns of `Derived.rows`."""
        return [*self._plain, *self._makes, *(["extra"] if self._shaping.extra else [])]

    @property
    def needed_of_gone(self) -> frozenset[str]:
        """The fields without which even a row that is no more cannot be understood."""
        keys = self._dataset.key
        return frozenset([DELETED, *keys, *(need for name in keys for need in self._needs.get(name, ()))])

    def is_gone(self, cell: Any) -> bool:
        """What the mark of a row says."""
        words = self._shaping.deleted_words
        if not words:
            return bool(cell)
        return cell is not None and folded(str(cell)) in {folded(word) for word in words}

    def __call__(self, seen: Validated, *, where: str) -> Derived:
        rejects = [self._told(reject) for reject in seen.rejects]
        all_rows = _Rows(dict(zip(self._sources, seen.columns, strict=True)), seen.numbers)
        live, gone = self._parted(all_rows)
        live, faults = self._made(live, self._makes, where)
        if self._shaping.extra:
            live.columns["extra"] = self._labelled(live)
        dead, more_faults = self._made(gone, self._of_key(self._makes), where)
        sums = self._sums(gone) if gone.numbers else {}
        rows = Validated(
            columns=[live.columns[name] for name in self.fields],
            numbers=live.numbers,
            rejects=rejects + faults + more_faults,
            rejected_rows=seen.rejected_rows + len(seen.numbers) - len(live.numbers) - len(dead.numbers),
        )
        return Derived(rows, self._key_columns(dead), sums or {}, blind=seen.blind or sums is None)

    def key_of(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The computed fields of the key of one row, as far as its cells allow."""
        made = {}
        for name, make in self._of_key(self._makes).items():
            try:
                (made[name],) = make({need: [cells[need]] for need in self._needs[name]}, 1)
            except (Unfit, KeyError):
                continue
        return made

    def keys(self, derived: Derived) -> list[list[Any]]:
        """The key columns of rows that were taken: those of a table of deleted rows."""
        return self._key_columns(_Rows(dict(zip(self.fields, derived.rows.columns, strict=True)), derived.rows.numbers))

    def _of_key(self, makes: Mapping[str, Make]) -> dict[str, Make]:
        return {name: make for name, make in makes.items() if name in self._dataset.key}

    def _key_columns(self, rows: _Rows) -> list[list[Any]]:
        count = len(rows.numbers)
        return [
            rows.columns[name] if name in rows.columns else [self._constants[name]] * count
            for name in self._dataset.key
        ]

    def _parted(self, rows: _Rows) -> tuple[_Rows, _Rows]:
        """Rows that are, and rows that are no more."""
        marks = [self.is_gone(cell) for cell in rows.columns[DELETED]] if self._shaping.deleted else []
        if not any(marks):
            return rows, _Rows({name: [] for name in rows.columns}, [])
        return _picked(rows, [not mark for mark in marks]), _picked(rows, marks)

    def _made(self, rows: _Rows, makes: Mapping[str, Make], where: str) -> tuple[_Rows, list[Reject]]:
        """With the computed fields, without the rows in which one cannot be made."""
        count = len(rows.numbers)
        try:
            return _Rows(rows.columns | {n: make(rows.columns, count) for n, make in makes.items()}, rows.numbers), []
        except Unfit:
            return self._row_by_row(rows, makes, where)

    def _row_by_row(self, rows: _Rows, makes: Mapping[str, Make], where: str) -> tuple[_Rows, list[Reject]]:
        good: Columns = {name: [] for name in (*rows.columns, *makes)}
        numbers: list[int] = []
        rejects: list[Reject] = []
        for i, number in enumerate(rows.numbers):
            row = {name: column[i : i + 1] for name, column in rows.columns.items()}
            faults = []
            for name, make in makes.items():
                try:
                    row[name] = make(row, 1)
                except Unfit as fault:
                    faults.append(Reject(number, self._key(row), name, self._cells(row, name), str(fault), where))
            rejects += faults
            if not faults:
                numbers.append(number)
                for name, column in good.items():
                    column += row[name]
        return _Rows(good, numbers), rejects

    def _key(self, row: Columns) -> str:
        return " ".join(_shown(self._kinds.get(n, "text"), row[n][0]) for n in self._dataset.key if n in row)[:200]

    def _cells(self, row: Columns, name: str) -> str:
        """The operands of a field as the source has them: `Сумма = 12,00; Скидка = 1`."""
        told = [f"{self._sources[need]} = {_shown(self._kinds[need], row[need][0])}" for need in self._needs[name]]
        return "; ".join(told)[:200]

    def _told(self, reject: Reject) -> Reject:
        """A reject of an operand in the words of the mapping: the field that it belongs to, the column it is."""
        if reject.field in self._dataset.columns or reject.field not in self._sources:
            return reject
        field = "extra" if reject.field.startswith(EXTRA) else reject.field.partition("#")[0] or "deletes"
        reason = f"столбец «{self._sources[reject.field]}»: {reject.reason}"
        return msgspec.structs.replace(reject, field=field, reason=reason)

    def _labelled(self, rows: _Rows) -> list[str | None]:
        """Other information as a JSON object, label → text; None where there is none."""
        labels = [label for _, label in self._shaping.extra]
        texts = zip(*(rows.columns[name] for name, _ in self._shaping.extra), strict=True)
        return [_object(labels, row) for row in texts]

    def _sums(self, gone: _Rows) -> dict[str, int] | None:
        """Money of rows that are no more; None: it cannot be made."""
        wanted = self._dataset.totals
        try:
            made = {n: make(gone.columns, len(gone.numbers)) for n, make in self._makes.items() if n in wanted}
        except Unfit:
            return None
        made |= {name: gone.columns[name] for name in self._plain if name in wanted}
        return {name: sum(filter(None, column)) for name, column in made.items()}


def _picked(rows: _Rows, marks: Sequence[bool]) -> _Rows:
    columns = {
        name: [cell for cell, mark in zip(column, marks, strict=True) if mark] for name, column in rows.columns.items()
    }
    return _Rows(columns, [number for number, mark in zip(rows.numbers, marks, strict=True) if mark])


def _object(labels: Sequence[str], texts: Sequence[str | None]) -> str | None:
    there = {label: text for label, text in zip(labels, texts, strict=True) if text}
    return msgspec.json.encode(there).decode() if there else None


def _shown(kind: Kind, cell: Any) -> str:
    if cell is None:
        return ""
    if kind == "account" and isinstance(cell, int):
        return str(cell)[1:]
    if kind in ("money", "volume"):
        digits = 2 if kind == "money" else 6
        whole, rest = divmod(abs(cell), 10**digits)
        return f"{'-' if cell < 0 else ''}{whole},{rest:0{digits}d}"
    return str(cell)


def _title(lookup: Wanted) -> str:
    key = lookup.fields[0].column
    return f"{lookup.table or lookup.file or 'query'}, столбец «{key}»"


# What the source says of the whole


def stated(wanted: Wanted, totals: Totals | None) -> Totals | None:
    """The source's own totals by our fields: sums of operands become those of the fields that are made of them."""
    if totals is None or not wanted.shaping.computed:
        return totals
    groups = tuple(
        GroupTotal(period=g.period, service=g.service, rows=g.rows, sums=_sums(wanted, g.sums)) for g in totals.groups
    )
    return Totals(rows=totals.rows, sums=_sums(wanted, totals.sums), groups=groups)


def _sums(wanted: Wanted, said: Mapping[str, int]) -> dict[str, int]:
    ours = {name: kopecks for name, kopecks in said.items() if name in wanted.dataset.columns}
    for each in wanted.shaping.computed:
        name = each.field.name
        if name in wanted.dataset.totals and name not in ours and (total := _total(each.by, said)) is not None:
            ours[name] = total
    return ours


def _total(node: Node, said: Mapping[str, int]) -> int | None:
    """The sum of a node over all rows; None: it does not follow from the sums of its operands."""
    match node:
        case Cell(field):
            return said.get(field)
        case Fixed(cell):
            return 0 if cell == 0 else None
        case Negated(part):
            total = _total(part, said)
            return None if total is None else -total
        case Scaled(part, digits):
            total = _total(part, said)
            return None if total is None or total % 10**digits else total // 10**digits
        case Sum(parts):
            totals = [_total(part, said) for part in parts]
            return None if None in totals else sum(filter(None, totals))
        case First((part, Fixed(0))):  # an empty cell counts for nothing anyway
            return _total(part, said)
    return None
