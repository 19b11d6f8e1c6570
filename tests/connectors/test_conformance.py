"""Does every connector of ours keep the promises of `lk_sync.contracts`, and does the suite find one that does not?"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncssh
import msgspec
import pytest

from demo import drop as players
from demo import snapshot, sql_base
from demo.accounting import TABLES, cells
from demo.bookkeeper import Bookkeeper, RequestAnswered
from demo.certificates import Authority
from demo.supplier import Plan, Supplier
from lk_sync import conformance, mapping
from lk_sync.config import Config
from lk_sync.conformance import BrokenPromise, Increment, SinkCase, SourceCase
from lk_sync.contracts import Batch, Totals, Wanted
from lk_sync.records import DATASETS, plain_account
from tests import at_the_mariadb
from tests.at_the_1c import PASSWORD as ONEC_PASSWORD
from tests.at_the_1c import The1C, at_the_1c
from tests.at_the_base import PASSWORD as BASE_PASSWORD
from tests.at_the_base import TheBase
from tests.at_the_base import base as base
from tests.at_the_drop import PASSWORD, TheDrop
from tests.at_the_drop import drop as drop
from tests.at_the_drop import server_key as server_key
from tests.at_the_mariadb import TheMariaDb
from tests.at_the_mariadb import maria as maria
from tests.flow.scripted_source import ScriptedSource, ScriptSettings

MOMENT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CONFIG = Path(__file__).parents[2] / "config"
WRONG = "не тот пароль"


@dataclass
class Kept:
    """Books of the demo supplier, and what a case says of them."""

    books: Bookkeeper
    rows: Mapping[str, list[tuple[Any, ...]]]

    def case(self, wanted: tuple[Wanted, ...], **other: Any) -> SourceCase:
        rows = {name: len(rows) for name, rows in self.rows.items()}
        increments = {name: _later_half(rows) for name, rows in self.rows.items()}
        return SourceCase(wanted=wanted, rows=rows, increments=increments, **other)


def _later_half(rows: list[tuple[Any, ...]]) -> Increment:
    """Rows from the middle of the watermarks on; a row's last cell is its watermark."""
    marks = sorted((row[-1] for row in rows), key=datetime.fromisoformat)
    since = marks[len(marks) // 2]
    return Increment(since, sum(datetime.fromisoformat(mark) >= datetime.fromisoformat(since) for mark in marks))


@pytest.fixture(scope="module")
def kept() -> Kept:
    books = Bookkeeper(Supplier(Plan(seed=3, accounts=12, today=date(2026, 11, 23))))
    for day, state in enumerate(("in_work", "answered", "refused"), 1):
        books.book(_answer(str(next(books.every())["accounts"][0][0]), day, state))
    every = list(books.every())
    rows = {name: [row for one in every for row in one[name]] for name in every[0]}
    return Kept(books, rows | books.supplier.common())


def _answer(account: str, day: int, state: str) -> RequestAnswered:
    return RequestAnswered(
        account=account,
        at=f"2026-11-{day:02d}T10:00:00+03:00",
        request=f"З-00000{day}",
        answer="1",
        state=state,
        text="Проверено",
        answered_on=f"2026-11-{day:02d}",
    )


def _wanted() -> tuple[Wanted, ...]:
    """The wishes of the shipped mapping."""
    setting = Config(CONFIG, {}).sources["accounting"]
    return tuple(mapping.all_wanted(CONFIG / "sources" / "accounting.yaml", setting))


def of_files(suffix: str) -> tuple[Wanted, ...]:
    """The same from files."""
    mask = "{}-*." + suffix
    return tuple(msgspec.structs.replace(wish, table=None, file=mask.format(wish.dataset.name)) for wish in _wanted())


# The connector of somebody else, which the tests of the flow use


@pytest.fixture(scope="module")
def scripted(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> SourceCase:
    script = tmp_path_factory.mktemp("scripted") / "script.json"
    tables: dict[str, Any] = {
        name: {"rows": [dict(zip(table.heading, row, strict=True)) for row in cells(table, kept.rows[name])]}
        for name, table in TABLES.items()
    }
    due = sum(row[DATASETS["bills"].columns.index("amount_due_kopecks")] for row in kept.rows["bills"])
    tables["bills"]["totals"] = {"rows": len(kept.rows["bills"]), "sums": {"amount_due_kopecks": due}}
    script.write_text(json.dumps(tables), "utf-8")

    def make(**other: Any) -> ScriptedSource:
        return ScriptedSource(ScriptSettings(script, **other))

    return kept.case(_wanted(), make=make, unprotected=lambda: make(protected=False))


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_scripted_source_keeps(promise: Callable[[SourceCase], None], scripted: SourceCase) -> None:
    promise(scripted)


class Spoilt(ScriptedSource):
    """A connector whose author has overlooked something. Each way breaks one promise."""

    def __init__(self, settings: ScriptSettings, way: str) -> None:
        super().__init__(settings)
        self.way = way

    def channel(self) -> Any:
        return super().channel() if self.way != "silent" else None

    def columns(self, wanted: Wanted) -> None:
        if self.way != "blind":
            super().columns(wanted)

    def totals(self, wanted: Wanted) -> Totals | None:
        said = super().totals(wanted)
        return msgspec.structs.replace(said, rows=said.rows + 1) if said and self.way == "boastful" else said

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        if self.way == "forgetful" and wanted.since:
            wanted = msgspec.structs.replace(wanted, since="2999-01-01T00:00:00+03:00")
        for batch in super().pull(wanted):
            yield from self._spoilt(batch)

    def _spoilt(self, batch: Batch) -> Iterator[Batch]:
        if self.way == "uneven":
            batch.columns[0].pop()
        elif self.way == "rough":
            batch.exact = True
        elif self.way == "short":
            batch = msgspec.structs.replace(batch, rows=1, columns=[column[:1] for column in batch.columns])
        elif self.way == "unmarked":
            batch.watermark = None
        yield batch
        if self.way == "repeating":
            yield batch
        elif self.way == "numberless":
            yield msgspec.structs.replace(batch, first_row=batch.rows + 7)


@pytest.mark.parametrize(
    ("way", "breaks"),
    [
        ("silent", "the_channel_says_who_is_there_and_what_protects_it"),
        ("blind", "a_missing_column_is_named"),
        ("boastful", "totals_are_what_is_pulled"),
        ("forgetful", "an_increment_brings_everything_since"),
        ("uneven", "batches_are_even_and_small"),
        ("rough", "every_cell_fits_its_field"),
        ("short", "every_row_comes_once"),
        ("repeating", "every_row_comes_once"),
        ("numberless", "rows_are_numbered_without_gaps"),
        ("unmarked", "watermarks_sort_as_text"),
    ],
)
def test_a_promise_that_is_not_kept_is_found(way: str, breaks: str, scripted: SourceCase) -> None:
    (promise,) = (promise for promise in conformance.SOURCE_PROMISES if conformance.title(promise) == breaks)
    with pytest.raises(BrokenPromise):
        promise(spoilt(scripted, way))


def spoilt(case: SourceCase, way: str) -> SourceCase:
    return msgspec.structs.replace(case, make=lambda: Spoilt(case.make()._settings, way))


def test_all_broken_promises_of_a_source_are_told_together(scripted: SourceCase) -> None:
    conformance.check_source(scripted)
    careless = msgspec.structs.replace(spoilt(scripted, "blind"), unprotected=scripted.make)
    with pytest.raises(BrokenPromise) as told:
        conformance.check_source(careless)
    broken = [line.split(":")[0] for line in str(told.value).splitlines()]
    assert broken == ["an_unprotected_channel_is_refused", "a_missing_column_is_named"]


# ODBC


@pytest.fixture(scope="module")
def odbc(kept: Kept, base: TheBase, closed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SourceCase]:
    """The base as the accounting system keeps it."""
    sql_base.load(base.books, kept.books)
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        yield kept.case(
            _wanted(),
            make=base.source,
            unprotected=lambda: base.source(tls="require"),
            impostor=lambda: base.source(ca=str(stranger.ca)),
            unreachable=lambda: base.source(port=closed_port),
            denied=lambda: base.source(password={"secret": "WRONG_PASSWORD"}),
            secrets=(BASE_PASSWORD, WRONG),
        )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_odbc_source_keeps(promise: Callable[[SourceCase], None], odbc: SourceCase) -> None:
    promise(odbc)


def test_the_odbc_source_brings_the_books_exactly(kept: Kept, odbc: SourceCase) -> None:
    bring_the_books_exactly(kept, odbc)


def bring_the_books_exactly(kept: Kept, case: SourceCase) -> None:
    """Every cell of every dataset, and not one page of them in words that had to be converted here."""
    with case.make().connect() as session:
        for wanted in case.wanted:
            if any(field.kind == "datetime" for field in wanted.fields):
                continue  # moments are brought in the source's own words
            name, batches = wanted.dataset.name, list(session.pull(wanted))
            assert all(batch.exact for batch in batches), name
            rows = [row for batch in batches for row in zip(*batch.columns, strict=True)]
            assert sorted(rows) == sorted(_in_cache_form(name, wanted, row) for row in kept.rows[name]), name


# MariaDB through ODBC


@pytest.fixture(scope="module")
def mariadb_odbc(
    kept: Kept, maria: TheMariaDb, closed_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SourceCase]:
    """The same books in another server."""
    at_the_mariadb.load(maria, kept.books)
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        yield kept.case(
            _wanted_of_mariadb(),
            make=maria.source,
            unprotected=lambda: maria.source(tls="require"),
            impostor=lambda: maria.source(ca=str(stranger.ca)),
            unreachable=lambda: maria.source(port=closed_port),
            denied=lambda: maria.source(password={"secret": "WRONG_PASSWORD"}),
            secrets=(BASE_PASSWORD, WRONG),
        )


def _wanted_of_mariadb() -> tuple[Wanted, ...]:
    """The wishes of the shipped mapping, their control queries as MariaDB quotes names."""
    return tuple(
        msgspec.structs.replace(wish, control_query=query.replace('"', "`").replace("AS rows", "AS `rows`"))
        if (query := wish.control_query)
        else wish
        for wish in _wanted()
    )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_odbc_source_of_mariadb_keeps(promise: Callable[[SourceCase], None], mariadb_odbc: SourceCase) -> None:
    promise(mariadb_odbc)


def test_the_odbc_source_of_mariadb_brings_the_books_exactly(kept: Kept, mariadb_odbc: SourceCase) -> None:
    bring_the_books_exactly(kept, mariadb_odbc)


def _in_cache_form(name: str, wanted: Wanted, row: tuple[Any, ...]) -> tuple[Any, ...]:
    by_field = dict(zip(DATASETS[name].columns, row[:-1], strict=True))
    by_field |= {"account": plain_account(by_field["account"])} if "account" in by_field else {}
    return tuple(by_field[field.name] for field in wanted.fields)


# OData of 1C


@pytest.fixture(scope="module")
def odata(closed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SourceCase]:
    """The 1C of the demo's supplier, all datasets, lookups not among them."""
    folder = tmp_path_factory.mktemp("1c")
    stranger = Authority(folder / "stranger")
    with at_the_1c(folder) as the, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        wanted = tuple(_keyed_by_reference(wish) for wish in the.wishes().values())
        rows = {wish.dataset.name: _rows_of(the, wish) for wish in wanted}
        marks = {
            wish.dataset.name: [str(row[wish.watermark]) for row in rows[wish.dataset.name]]
            for wish in wanted
            if wish.watermark
        }
        yield SourceCase(
            wanted=wanted,
            rows={name: len(there) for name, there in rows.items()},
            increments={name: _half(there) for name, there in marks.items()},
            make=the.source,
            unprotected=lambda: the.source(ca=None),
            impostor=lambda: the.source(ca=str(stranger.ca)),
            unreachable=lambda: the.source(url=f"https://127.0.0.1:{closed_port}/base"),
            denied=lambda: the.source(password={"secret": "WRONG_PASSWORD"}),
            secrets=(ONEC_PASSWORD, WRONG),
        )


def _keyed_by_reference(wish: Wanted) -> Wanted:
    """Without lookups: whatever the account is looked up by stands for it, so that the key is whole."""
    fields = tuple(
        msgspec.structs.replace(field, name=field.name.partition("#")[0], kind="text")
        if field.name.partition("#")[0] in wish.dataset.key
        else field
        for field in wish.asked.fields
    )
    return msgspec.structs.replace(wish, fields=fields)


def _rows_of(the: The1C, wish: Wanted) -> list[Mapping[str, Any]]:
    known = the.served.base.rows
    name = (wish.table or "").partition("/")[0]
    return known[name] or [{}] * sum(len(books["balances"]) for books in the.books.every())


def _half(marks: list[str]) -> Increment:
    since = sorted(marks)[len(marks) // 2]
    return Increment(since, sum(mark >= since for mark in marks))


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_odata_source_keeps(promise: Callable[[SourceCase], None], odata: SourceCase) -> None:
    promise(odata)


# SFTP


@pytest.fixture(scope="module")
def accounting_drop(
    kept: Kept, server_key: asyncssh.SSHKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TheDrop]:
    """A drop in which the accounting system has laid a full set."""
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with (
        pytest.MonkeyPatch.context() as patch,
        players.running(tmp_path_factory.mktemp("drop"), key=server_key, visitor=visitor) as running,
    ):
        patch.setenv("LK_DROP_PASSWORD", PASSWORD)
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        snapshot.write(running.root / "out", kept.books, MOMENT)
        yield TheDrop(running)


@pytest.fixture(scope="module")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The line of a host key that is not the drop's."""
    return players.public_line(players.host_key(tmp_path_factory.mktemp("other") / "host_key"))


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port that nobody listens on for as long as the tests run."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def sftp(kept: Kept, accounting_drop: TheDrop, other_key: str, closed_port: int) -> SourceCase:
    make = accounting_drop.source
    return kept.case(
        of_files("csv"),
        make=make,
        unprotected=lambda: make(host_key=None),
        impostor=lambda: make(host_key=other_key),
        unreachable=lambda: make(port=closed_port),
        denied=lambda: make(password={"secret": "WRONG_PASSWORD"}),
        secrets=(PASSWORD, WRONG),
    )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_sftp_source_keeps(promise: Callable[[SourceCase], None], sftp: SourceCase) -> None:
    promise(sftp)


class DropPeer:
    """The accounting system at the drop."""

    def __init__(self, drop: TheDrop) -> None:
        self._drop = drop

    def offered(self) -> dict[str, bytes]:
        folder = self._drop.root / "in"
        names = [name for manifest in folder.glob("*.ok") for name in (manifest.stem, manifest.name)]
        return {name: (folder / name).read_bytes() for name in names}

    def take(self) -> None:
        for name in self.offered():
            (self._drop.root / "in" / name).rename(self._drop.root / "in" / "done" / name)

    def answer(self, name: str, body: bytes) -> None:
        self._drop.lay("answers", name, body)

    def unfinished_answer(self, name: str, body: bytes) -> None:
        self._drop.lay("answers", name, body, manifest=False)

    def torn_answer(self, name: str, body: bytes) -> None:
        self._drop.lay("answers", name, body, sha256="0" * 64)


@pytest.fixture
def sftp_sink(drop: TheDrop, other_key: str, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> SinkCase:
    monkeypatch.setenv("LK_WRONG_PASSWORD", WRONG)
    return SinkCase(
        make=drop.sink,
        peer=DropPeer(drop),
        unprotected=lambda: drop.sink(host_key=None),
        impostor=lambda: drop.sink(host_key=other_key),
        unreachable=lambda: drop.sink(port=closed_port),
        denied=lambda: drop.sink(password={"secret": "WRONG_PASSWORD"}),
        secrets=(PASSWORD, WRONG),
    )


@pytest.mark.parametrize("promise", conformance.SINK_PROMISES, ids=conformance.title)
def test_the_sftp_sink_keeps(promise: Callable[[SinkCase], None], sftp_sink: SinkCase) -> None:
    promise(sftp_sink)
