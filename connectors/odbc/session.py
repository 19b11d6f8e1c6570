"""Session: what can be asked of an open, verified connection?

Everything is read inside one transaction, REPEATABLE READ and READ ONLY, so columns, control totals and all pages of
all datasets belong to one moment of the accounting system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from decimal import Decimal, InvalidOperation
from typing import Final, ParamSpec, TypeVar

import msgspec

from connectors.odbc.dialect import Dialect, Row
from connectors.odbc.faults import Fault
from connectors.odbc.lane import Lane
from connectors.odbc.reading import Reading
from connectors.odbc.relation import Relation, agree
from connectors.odbc.settings import OdbcOptions
from connectors.odbc.wire import Wire
from lk_sync.contracts import Batch, Totals, Wanted
from lk_sync.errors import BadData, SettingsError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")
GRACE_SECONDS: Final = 15  # the server ends a question at its deadline; this long its answer may take to arrive
_NUMERIC: Final = frozenset({"numeric", "integer"})


class ConnectionThread:
    """The lane of a connection, with complaints turned into the operator's words."""

    def __init__(self, lane: Lane, dialect: Dialect, *, peer: str, seconds: int) -> None:
        self._lane, self._dialect, self._peer = lane, dialect, peer
        self._seconds = seconds + GRACE_SECONDS

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._lane.submit(call, *args, **kwargs)

    def wait(self, future: Future[T]) -> T:
        try:
            return self._lane.wait(future, seconds=self._seconds)
        except Fault as said:
            raise self._dialect.asking(said).error(peer=self._peer, said=said) from None
        except Unreachable as error:
            raise Unreachable(f"{self._peer}: {error}; загрузка прервана, данные прежние") from None

    def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.wait(self.start(call, *args, **kwargs))


class OdbcSession:
    """Fulfils `contracts.Session`."""

    def __init__(self, wire: Wire, thread: ConnectionThread, dialect: Dialect, *, peer: str) -> None:
        self._wire, self._thread, self._dialect, self._peer = wire, thread, dialect, peer
        self._relations: dict[str, Relation] = {}
        self._rows: dict[str, int] = {}

    def columns(self, wanted: Wanted) -> None:
        """Also asks for no row at all, so that a missing right shows now and not in the middle of a pull."""
        relation = self._relation(wanted)
        agree(relation, wanted)
        cells = [self._dialect.cell_text(relation.column(field), day=False, time_zone="UTC") for field in wanted.fields]
        self._thread.do(self._wire, self._dialect.rows(relation, cells, self._dialect.nothing()))

    def totals(self, wanted: Wanted) -> Totals | None:
        """By the mapping's own query, else counted and added up by the server."""
        totals = self._stated(wanted) if wanted.control_query else self._counted(wanted)
        self._rows[wanted.dataset.name] = totals.rows
        return totals

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        reading = Reading(self._dialect, self._relation(wanted), wanted, ask=self._wire, thread=self._thread)
        expected = None if wanted.since is not None else self._rows.get(wanted.dataset.name)
        return reading.batches(rows=expected)

    def _relation(self, wanted: Wanted) -> Relation:
        name = wanted.dataset.name
        if name not in self._relations:
            self._relations[name] = self._thread.do(self._described, wanted)
        return self._relations[name]

    def _described(self, wanted: Wanted) -> Relation:
        try:
            options = msgspec.convert(wanted.options, OdbcOptions)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{wanted.dataset.name}.options: {error}; есть только by_ranges") from error
        if wanted.query is not None:
            return self._dialect.query(self._wire, wanted.query, seekable=options.by_ranges)
        if wanted.table is None:
            raise SettingsError(
                f"{wanted.dataset.name}: для базы данных нужен ключ from (таблица) или query, а не file"
            )
        return self._dialect.table(self._wire, wanted.table, seekable=options.by_ranges)

    def _counted(self, wanted: Wanted) -> Totals:
        relation = self._relation(wanted)
        money = [field for field in wanted.fields if field.kind == "money"]
        summed = {f.name: c for f in money if (c := relation.column(f)).family in _NUMERIC}
        sql = self._dialect.totals(relation, list(summed.values()))
        ((rows, *sums),) = self._thread.do(self._wire, sql)
        kopecks = {name: _kopecks(said) for name, said in zip(summed, sums, strict=True)}
        return Totals(rows=int(rows), sums={name: sum_ for name, sum_ in kopecks.items() if sum_ is not None})

    def _stated(self, wanted: Wanted) -> Totals:
        query = wanted.control_query or ""
        heading, answer = self._thread.do(lambda: (self._wire.heading(query), self._wire(query)))
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
