"""Contracts: what must a connector do so that the flow can trust it?

A *source* says what protects its channel, connects, and hands out batches of columns. A *sink* takes
export files whole or not at all and hands back answer files. Prove yours with `lk_sync.conformance`.
Both are found by entry point: groups `lk_sync.sources` and `lk_sync.sinks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

import msgspec

from lk_sync.records import Dataset, Kind


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


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to pull. `fields` stand in the dataset's order, keys first; fields the mapping does not name are absent.

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

    @property
    def asked(self) -> Wanted:
        """The wish as a connector gets it: without constants, of which no source has to know."""
        fields = tuple(field for field in self.fields if field.constant is None)
        return msgspec.structs.replace(self, fields=fields)


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


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Control totals that the source states itself: rows, and sums of money fields in kopecks."""

    rows: int
    sums: Mapping[str, int] = {}


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
