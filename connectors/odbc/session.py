"""Session: what can be asked of an open, verified connection?

Everything is read inside one transaction, REPEATABLE READ and READ ONLY, so columns, control totals and all pages of
all datasets belong to one moment of the accounting system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from connectors.odbc.connection import Connection
from connectors.odbc.dialect import Dialect, Row
from connectors.odbc.reading import Reading
from connectors.odbc.relation import Relation, agree
from connectors.odbc.settings import OdbcOptions
from lk_sync.contracts import Batch, Totals, Wanted
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable

_NUMERIC: Final = frozenset({"numeric", "integer"})


class OdbcSession:
    """Fulfils `contracts.Session`. Further connections, which see the very same moment, are opened for big datasets
    only: two pages at a time are made by two cores of the server."""

    def __init__(self, dialect: Dialect, *, connect: Callable[[], Connection], connections: int) -> None:
        self._dialect, self._connect = dialect, connect
        self._wished = connections
        self._main = connect()
        self._connections = [self._main]
        self._relations: dict[str, Relation] = {}
        self._rows: dict[str, int] = {}

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def columns(self, wanted: Wanted) -> None:
        """Also asks for no row at all, so that a missing right shows now and not in the middle of a pull."""
        relation = self._relation(wanted)
        agree(relation, wanted)
        cells = [self._dialect.cell_text(relation.column(field), day=False, time_zone="UTC") for field in wanted.fields]
        self._main.do(self._main.ask, self._dialect.rows(relation, cells, self._dialect.nothing(), ()))

    def totals(self, wanted: Wanted) -> Totals | None:
        """By the mapping's own query, else counted and added up by the server."""
        totals = self._stated(wanted) if wanted.control_query else self._counted(wanted)
        self._rows[wanted.dataset.name] = totals.rows
        return totals

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        reading = Reading(self._dialect, self._relation(wanted), wanted, main=self._main, crowd=self._crowd)
        expected = None if wanted.since is not None else self._rows.get(wanted.dataset.name)
        return reading.batches(rows=expected)

    def _crowd(self) -> Sequence[Connection]:
        """All connections. That the server grants no more of them is no fault: one is enough."""
        try:
            while len(self._connections) < self._wished:
                self._connections.append(self._beside_main())
        except (Unreachable, AccessDenied):
            self._wished = len(self._connections)
        return self._connections

    def _beside_main(self) -> Connection:
        ((moment,),) = self._main.do(self._main.ask, self._dialect.share_moment())
        connection = self._connect()
        try:
            connection.do(connection.ask, self._dialect.join_moment(moment))
        except BaseException:
            connection.close()
            raise
        return connection

    def _relation(self, wanted: Wanted) -> Relation:
        origin = wanted.table or wanted.query or ""
        if origin not in self._relations:
            self._relations[origin] = self._main.do(self._described, wanted)
        return self._relations[origin]

    def _described(self, wanted: Wanted) -> Relation:
        try:
            options = msgspec.convert(wanted.options, OdbcOptions)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{wanted.dataset.name}.options: {error}; есть только by_ranges") from error
        if wanted.query is not None:
            return self._dialect.query(self._main.ask, wanted.query, seekable=options.by_ranges)
        if wanted.table is None:
            raise SettingsError(
                f"{wanted.dataset.name}: для базы данных нужен ключ from (таблица) или query, а не file"
            )
        return self._dialect.table(self._main.ask, wanted.table, seekable=options.by_ranges)

    def _counted(self, wanted: Wanted) -> Totals:
        relation = self._relation(wanted)
        money = [field for field in wanted.fields if field.kind == "money"]
        summed = {f.name: c for f in money if (c := relation.column(f)).family in _NUMERIC}
        sql = self._dialect.totals(relation, list(summed.values()))
        ((rows, *sums),) = self._main.do(self._main.ask, sql)
        kopecks = {name: _kopecks(said) for name, said in zip(summed, sums, strict=True)}
        return Totals(rows=int(rows), sums={name: sum_ for name, sum_ in kopecks.items() if sum_ is not None})

    def _stated(self, wanted: Wanted) -> Totals:
        query = wanted.control_query or ""
        try:
            heading, answer = self._main.do(lambda: (self._main.ask.heading(query), self._main.ask(query)))
        except BadData as error:
            raise BadData(f"{wanted.dataset.name}.guards.control_total: запрос не выполняется: {error}") from error
        said = _one_row(wanted, heading, answer)
        unknown = said.keys() - {"rows", *wanted.dataset.totals}
        if "rows" not in said or unknown:
            raise SettingsError(
                f"{wanted.dataset.name}.guards.control_total: запрос должен дать столбец rows и поля денег "
                f"({', '.join(wanted.dataset.totals)}), а дал {', '.join(heading)}"
            )
        kopecks = {name: _kopecks(str(value)) for name, value in said.items() if name != "rows" and value is not None}
        return Totals(rows=int(str(said["rows"])), sums={n: sum_ for n, sum_ in kopecks.items() if sum_ is not None})


def _one_row(wanted: Wanted, heading: list[str], answer: list[Row]) -> Mapping[str, object]:
    if len(answer) != 1:
        raise BadData(f"{wanted.dataset.name}.guards.control_total: запрос дал {len(answer)} строк, нужна одна")
    return dict(zip(heading, answer[0], strict=True))


def _kopecks(rubles: str | None) -> int | None:
    """None: not a whole number of kopecks, so some row is at fault and will be rejected by name."""
    try:
        kopecks = Decimal(rubles or "0").scaleb(2)
        return int(kopecks) if kopecks == kopecks.to_integral_value() else None
    except (InvalidOperation, ValueError, OverflowError):
        return None
