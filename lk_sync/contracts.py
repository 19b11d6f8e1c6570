"""Contracts: what must a connector do so that the flow can trust it?

A *source* says what protects its channel, connects, and hands out batches of columns. A *sink* takes
export files whole or not at all and hands back answer files. Prove yours with `lk_sync.conformance`.
Both are found by entry point: groups `lk_sync.sources` and `lk_sync.sinks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from lk_sync.records import Dataset, Kind
from lk_sync.shaping import Shaping


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What protects the way to the peer, in words an operator checks: `TLS 1.3, verify-full, ca.pem`."""

    peer: str
    protection: str


class FieldMap(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a dataset in the source's words. Exactly one of `column` and `constant` is set;
    `flow.pull` fills constants itself, a connector is only asked for columns."""

    name: str
    kind: Kind
    required: bool
    column: str | None = None
    constant: str | None = None
    values: Mapping[str, str] = {}  # the source's word → our code
    words: tuple[str, ...] = ()  # the codes we know; empty = any
    any_case: bool = False  # the source's words may be written in any case, with any spaces


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to pull. `fields` stand in the dataset's order, keys first; fields the mapping does not name are absent.

    After them may come fields that the dataset does not have, to be brought by their `kind` like any other: operands
    of an expression (`charged_kopecks#1`), other information to be shown (`extra:Примечание`), the mark of a deleted
    row (`#deleted`). A key field that is computed is absent, so a connector may not rely on finding the whole key.

    `since`: only rows whose watermark column is not less than this (the source's own text, the overlap already
    taken off); None = all rows. `table`, `query` and `file`: one of them is set, as the mapping says.
    """

    dataset: Dataset
    fields: tuple[FieldMap, ...]
    table: str | None = None
    query: str | None = None
    file: str | None = None
    watermark: str | None = None
    since: str | None = None
    time_zone: str = "UTC"
    options: Mapping[str, Any] = {}  # the dataset's own options of this connector (delimiter, encoding, …)
    control_query: str | None = None
    shaping: Shaping = Shaping()  # what becomes of the cells afterwards, and what is pulled beside them

    @property
    def asked(self) -> Wanted:
        """The wish as a connector gets it: without what no source has to know."""
        fields = tuple(field for field in self.fields if field.constant is None)
        return msgspec.structs.replace(self, fields=fields, shaping=Shaping())

    @property
    def looked_at(self) -> Iterator[Wanted]:
        """All that a connector will be asked for: this wish, the table of deleted rows, and every lookup of theirs."""
        for wish in (self, self.shaping.gone):
            for each in (wish, *wish.shaping.lookups) if wish else ():
                yield each.asked


class Batch(msgspec.Struct, kw_only=True):
    """Rows as columns, one list per wanted field, in the order of `Wanted.fields`.

    `exact`: cells already have the form of their kind: account = key (`records.plain_account`), code = our code,
    money = int kopecks, volume = int millionths, month = YYYYMM, date = ISO text, bool = 0/1, None = absent, and
    values are mapped. Otherwise cells are in the source's own words and `flow.validate` converts them.
    `first_row`: the number of the first row in the source's order, from 1, for reports.
    `where`: the file or table that the rows came from.
    """

    columns: Sequence[list[Any]]
    rows: int
    exact: bool
    first_row: int
    where: str
    watermark: str | None = None  # the greatest watermark among these rows, in a form that sorts as text
    numbers: Sequence[int] | None = None  # the rows' own numbers, where they do not follow each other from `first_row`
    faults: Sequence[RowFault] = ()  # rows that are not among `columns`, for they could not be read as rows
    replaces: bool = False  # a row with the key of one that another `where` brought earlier stands in its place


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """A row that has no cells: torn, of another width, in another encoding. Counted as pulled and as rejected.

    `row`: its number in the source's order. `value`: the beginning of what stands there.
    """

    row: int
    value: str
    reason: str


class GroupTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The source's own totals of one period and service; None = the statement is not by period, or by service."""

    period: int | None = None
    service: str | None = None
    rows: int
    sums: Mapping[str, int] = {}


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Control totals that the source states itself: rows, and sums of money fields in kopecks; in all, and by groups
    where it can say them."""

    rows: int
    sums: Mapping[str, int] = {}
    groups: tuple[GroupTotal, ...] = ()


class TakenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that rows of a dataset came from. `name` finds it again in `settle`, with `sha256` of its bytes.

    `fault`: why no row could be read out of it; the run goes on with the other files. `note`: why it was not read
    although nothing is wrong with it. `version`: what the transport says of these bytes, by which it knows them again
    without reading. `again`: an earlier run has taken it, but could not put it aside.
    """

    dataset: str
    name: str
    sha256: str
    rows: int
    fault: str | None = None
    note: str | None = None
    version: str | None = None
    again: bool = False


class KnownFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an earlier run has taken. `fits`: read again it would give what is published; not so when the mapping
    was changed since, or another source has fed the dataset."""

    dataset: str
    name: str
    sha256: str
    version: str | None
    state: Literal["published", "refused"]
    fits: bool


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: its rows are `published`, or were `refused` (the file is at fault, nothing of it came
    in). `report`: one line per row that was not taken (row, field, value, reason), None when all were."""

    file: TakenFile
    state: Literal["published", "refused"]
    report: str | None = None


class FoundColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column as `survey` sees it. `kinds`: those it can hold, the likeliest first; `type` in the source's words.
    `refers`: the origin of the table whose rows it points to, where the source says so."""

    name: str
    type: str
    kinds: tuple[Kind, ...]
    sample: str | None = None
    refers: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A table, entity set or file that could become a dataset. `origin` goes into the mapping under the key `how`."""

    how: Literal["from", "file"]
    origin: str
    columns: tuple[FoundColumn, ...]
    key: tuple[str, ...] = ()
    rows: int | None = None
    options: Mapping[str, Any] = {}  # the dataset's options that this connector needs for it


class Session(Protocol):
    """An open, verified connection. One consistent view of the source for as long as it is open, where it can."""

    def columns(self, wanted: Wanted) -> None:
        """Raise `SchemaDrift` unless the source has every column the mapping names, of a type its kind can hold."""

    def totals(self, wanted: Wanted) -> Totals | None:
        """What the source says the pull of `wanted` should amount to; None if it cannot say."""

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        """Batches of at most some 20 000 rows. May raise Unreachable, AccessDenied, BadData at any step."""


class Source(Protocol):
    """Built as `Source(settings)`, `settings` being an instance of its `settings_type` (a msgspec Struct)."""

    settings_type: ClassVar[type[msgspec.Struct]]
    options_type: ClassVar[type[msgspec.Struct]]  # options a dataset may have with this connector

    def channel(self) -> Channel:
        """What protects the channel. Raises `Unprotected` before anything is sent if nothing would."""

    def connect(self) -> AbstractContextManager[Session]:
        """Connect and verify the peer. Raises Unprotected, Unreachable, AccessDenied."""


@runtime_checkable
class Drop(Protocol):
    """What a source of files has besides. Its session says `taken()` after the last batch of every dataset, its
    source is told by `settle` what became of each file, once the publication is committed. A crash in between makes
    the next run read the same file again, which changes nothing."""

    def settle(self, outcomes: Sequence[FileOutcome]) -> None:
        """Put files aside: `done/` when published, `error/` with the report beside it when refused or in part.
        Safe to repeat."""


@runtime_checkable
class Remembers(Protocol):
    """A source that is told before `connect` what earlier runs have taken; of nothing when all is to be read anew."""

    def remember(self, known: Sequence[KnownFile]) -> None: ...


@runtime_checkable
class Partial(Protocol):
    """A session that may bring less than all rows although `since` is None."""

    def brings(self, wanted: Wanted) -> Literal["all", "changes", "nothing"]:
        """`nothing`: the peer has nothing that is not published; the data are as old as they were."""


@runtime_checkable
class TakesFiles(Protocol):
    """The session of a `Drop`."""

    def taken(self) -> Sequence[TakenFile]:
        """The files that the batches so far came from, and those that could not be read."""


@runtime_checkable
class Surveyed(Protocol):
    """A source that can say what it has, for `lk-sync discover`."""

    def survey(self) -> Sequence[Found]:
        """Connects like `connect`, and raises what it raises."""


class ExportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file: same name and bytes however often it is delivered."""

    name: str
    body: bytes
    manifest_name: str
    manifest: bytes


class AnswerFile(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledgement file as found. `name` identifies it to `put_aside`.

    `fault`: why its bytes cannot be trusted although nobody is writing them any more (they are not those that its
    manifest speaks of); such a file is put aside unread.
    """

    name: str
    body: bytes
    fault: str | None = None


class Sink(Protocol):
    """Built as `Sink(settings)`, like a source. Each method opens and closes its own connection."""

    settings_type: ClassVar[type[msgspec.Struct]]

    def channel(self) -> Channel:
        """As `Source.channel`."""

    def probe(self) -> None:
        """Connect, verify, look into the folders; raise what a delivery would raise."""

    def deliver(self, file: ExportFile) -> None:
        """Put the file where the accounting system takes it: body first, manifest last, each under a `.part` name
        and then renamed. Safe to repeat, also after the file has been taken."""

    def answers(self) -> list[AnswerFile]:
        """Answer files that wait, oldest first; unfinished ones are left alone, torn ones come with their `fault`."""

    def put_aside(self, answer: AnswerFile, *, taken: bool, report: str | None = None) -> None:
        """Move an answer file to `done/` (taken) or `error/` with the report beside it. Safe to repeat."""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a file, and what to change in the program that writes it.

    `grave`: rows would be lost, refused or wrong. `rows`: the first rows concerned, by their numbers in the file.
    """

    what: str
    advice: str = ""
    grave: bool = True
    rows: tuple[int, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What an examiner has found out of a file.

    `kind`: what it is, in a few words. `facts`: what is known besides, as (title, text). `readable`: rows could be
    read. `options`: a draft of the dataset's options; None when nothing certain can be said.
    """

    kind: str
    facts: tuple[tuple[str, str], ...] = ()
    remarks: tuple[Remark, ...] = ()
    rows: int | None = None
    readable: bool = True
    options: Mapping[str, Any] | None = None


class Examiner(Protocol):
    """Looks at one file, for `lk-sync doctor`; found by entry point, group `lk_sync.examiners`."""

    def __call__(self, file: BinaryIO, *, name: str, wanted: Wanted | None) -> Diagnosis | None:
        """None: a file of a kind that it does not know. With `wanted` it is read as that dataset would be; cells are
        judged by `flow.validate`. Values are shown only where they are at fault and no names of people."""
