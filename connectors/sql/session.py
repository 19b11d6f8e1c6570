"""Session: what can be asked of an open, verified connection?

Everything is read inside one transaction that sees one moment and changes nothing, so columns, control totals and all
pages of all datasets belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from connectors.sql import control
from connectors.sql.connection import Connection
from connectors.sql.dialect import Dialect, Row, Where
from connectors.sql.options import as_said, options_of
from connectors.sql.reading import Reading
from connectors.sql.relation import Relation, agree
from connectors.sql.survey import found
from lk_sync.contracts import Batch, Found, Totals, Wanted
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable

_NUMERIC: Final = frozenset({"numeric", "integer"})


class SqlSession:
    """Fulfils `contracts.Session`. Further connections, which see the very same moment, are opened for big datasets
    only: two pages at a time are made by two cores of the server."""

    def __init__(self, dialect: Dialect, *, connect: Callable[[], Connection], connections: int) -> None:
        self._dialect, self._connect = dialect, connect
        self._wished = connections if dialect.shares_moments else 1
        self._main = connect()
        self._connections = [self._main]
        self._relations: dict[tuple[str, str], Relation] = {}
        self._rows: dict[str, int] = {}

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def columns(self, wanted: Wanted) -> None:
        """Also asks for no row at all, so that a missing right shows now and not in the middle of a pull."""
        relation = self._relation(wanted)
        agree(relation, wanted)
        if wanted.control_query:
            with _told(f"{wanted.dataset.name}.guards.control_total: запрос не выполняется: "):
                heading = self._main.do(self._control_relation, wanted.control_query).columns
            control.known(wanted, [name.lower() for name in heading])
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
        origin = (wanted.table or wanted.query or "", repr(wanted.options))
        if origin not in self._relations:
            with _told(f"{wanted.dataset.name}.query: " if wanted.query is not None else ""):
                self._relations[origin] = self._main.do(self._described, wanted)
        return self._relations[origin]

    def _described(self, wanted: Wanted) -> Relation:
        options = options_of(wanted)
        if options.year_offset and not self._dialect.shifts_years:
            raise SettingsError(
                f"{wanted.dataset.name}.options.year_offset: годы сдвигает только 1С на SQL Server; уберите этот ключ, "
                "а если годы сдвинуты и здесь, верните их в своём запросе (query)"
            )
        if wanted.query is not None:
            relation = self._dialect.query(self._main.ask, wanted.query, seekable=options.by_ranges)
        elif wanted.table is not None:
            relation = self._dialect.table(self._main.ask, wanted.table, seekable=options.by_ranges)
        else:
            raise SettingsError(
                f"{wanted.dataset.name}: для базы данных нужен ключ from (таблица) или query, а не file"
            )
        return as_said(relation, options)

    def _counted(self, wanted: Wanted) -> Totals:
        relation = self._relation(wanted)
        money = [field for field in wanted.fields if field.kind == "money"]
        summed = {f.name: c for f in money if (c := relation.column(f)).family in _NUMERIC}
        sql = self._dialect.totals(relation, list(summed.values()))
        ((rows, *sums),) = self._main.do(self._main.ask, sql)
        kopecks = {name: control.kopecks(said) for name, said in zip(summed, sums, strict=True)}
        return Totals(rows=int(rows), sums={name: sum_ for name, sum_ in kopecks.items() if sum_ is not None})

    def _stated(self, wanted: Wanted) -> Totals:
        query = wanted.control_query or ""
        with _told(f"{wanted.dataset.name}.guards.control_total: запрос не выполняется: "):
            heading, answer = self._main.do(self._control, query)
        return control.totals(wanted, heading, answer)

    def _control(self, query: str) -> tuple[list[str], list[Row]]:
        """Cells as texts: a driver has ideas of its own of some of them. A server may have its own of the case of
        names; those asked for here are all of small letters."""
        relation = self._control_relation(query)
        cells = [self._dialect.cell_text(column, day=False, time_zone="UTC") for column in relation.columns.values()]
        sql = self._dialect.rows(relation, cells, Where(), ())
        return [name.lower() for name in relation.columns], self._main.ask(sql)

    def _control_relation(self, query: str) -> Relation:
        return self._dialect.query(self._main.ask, query, seekable=False)

    def survey(self) -> list[Found]:
        return [found(relation) for relation in self._main.do(self._dialect.survey, self._main.ask)]


@contextmanager
def _told(where: str) -> Iterator[None]:
    """A mapping has many queries: what is wrong with one is told with its place."""
    try:
        yield
    except BadData as error:
        raise type(error)(f"{where}{error}") from error
