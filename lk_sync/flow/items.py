"""Items: what does each kind of thing that people hand in say, and what of it may stand in a file?

A kind is written once, here: its payload in the outbox, the values that a column of its file may have, the figure that
its control sum is made of, the files that go with it, and how people call it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import msgspec

from lk_sync.store.attachments import Attachment
from lk_sync.store.requests import Told

MILLION: Final = 1_000_000


class Packed(msgspec.Struct, frozen=True):
    """A file that goes with an item, under this path of the archive."""

    path: str
    file: Attachment


class Said(Protocol):
    """The payload of an item. `numbers`: values that are written as numbers, the others as text; `needed`: those
    without which the file could not be taken; `summed`: the one whose sum the manifest states, None: there is none."""

    numbers: ClassVar[frozenset[str]]
    needed: ClassVar[frozenset[str]]
    summed: ClassVar[str | None]
    noun: ClassVar[str]

    @property
    def amount(self) -> int: ...

    @property
    def packed(self) -> Sequence[Packed]: ...

    def cells(self, sign: str) -> Mapping[str, str]:
        """Every value but `item`, as text; `sign`: before the fraction of a number."""


class ReadingItem(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of a meter. The sum is of values, in millionths."""

    numbers: ClassVar = frozenset({"value"})
    needed: ClassVar = frozenset({"item", "value"})
    summed: ClassVar = "value"
    noun: ClassVar = "показание"

    account: str
    meter: str
    serial: str
    period: str
    value_micro: int
    taken_on: str
    flags: tuple[str, ...] = ()
    supersedes: str | None = None
    submitted_at: str

    @property
    def amount(self) -> int:
        return self.value_micro

    @property
    def packed(self) -> Sequence[Packed]:
        return ()

    def cells(self, sign: str) -> Mapping[str, str]:
        return {
            "account": self.account,
            "meter": self.meter,
            "serial": self.serial,
            "period": self.period,
            "value": decimal_text(self.value_micro, sign),
            "taken_on": self.taken_on,
            "flags": " ".join(self.flags),
            "supersedes": self.supersedes or "",
            "submitted_at": self.submitted_at,
        }


class RequestItem(msgspec.Struct, frozen=True, kw_only=True):
    """A request. The sum is of the files that go with it, so that none is missed."""

    numbers: ClassVar = frozenset({"file_count"})
    needed: ClassVar = frozenset({"item", "number", "kind"})
    summed: ClassVar = "file_count"
    noun: ClassVar = "заявка"

    number: str
    account: str
    kind: str
    title: str
    fields: tuple[Told, ...]
    email: str = ""
    files: tuple[Attachment, ...] = ()
    repeats: str | None = None
    due_on: str | None = None
    submitted_at: str

    @property
    def amount(self) -> int:
        return len(self.files) * MILLION

    @property
    def packed(self) -> Sequence[Packed]:
        return [Packed(f"{self.number}/{at} {file.name}", file) for at, file in enumerate(self.files, 1)]

    def cells(self, sign: str) -> Mapping[str, str]:
        """A text of several lines stands on one: not every program reads a cell with line ends."""
        told = [(each.title, " / ".join(each.text.split("\n"))) for each in self.fields]
        named = {each.name: each.text for each in self.fields}
        return {
            "number": self.number,
            "account": self.account,
            "kind": self.kind,
            "title": self.title,
            "text": "; ".join(f"{title}: {text}" for title, text in told),
            "fields": json.dumps(named, ensure_ascii=False),
            "email": self.email,
            "file_count": str(len(self.files)),
            "files": "; ".join(each.path for each in self.packed),
            "repeats": self.repeats or "",
            "due_on": self.due_on or "",
            "submitted_at": self.submitted_at,
        }


class BillDeliveryItem(msgspec.Struct, frozen=True, kw_only=True):
    """How the owner of an account wants the bill from now on: `paper` or `electronic`."""

    numbers: ClassVar[frozenset[str]] = frozenset()
    needed: ClassVar = frozenset({"item", "account", "wish"})
    summed: ClassVar = None
    noun: ClassVar = "способ доставки квитанции"

    account: str
    wish: str
    email: str = ""
    supersedes: str | None = None
    submitted_at: str

    @property
    def amount(self) -> int:
        return 0

    @property
    def packed(self) -> Sequence[Packed]:
        return ()

    def cells(self, sign: str) -> Mapping[str, str]:
        return {
            "account": self.account,
            "wish": self.wish,
            "email": self.email if self.wish == "electronic" else "",
            "supersedes": self.supersedes or "",
            "submitted_at": self.submitted_at,
        }


KINDS: Final[Mapping[str, type[Any]]] = {
    "reading": ReadingItem,
    "request": RequestItem,
    "bill_delivery": BillDeliveryItem,
}


def read(kind: str, payload: str) -> Said:
    said: Said = msgspec.json.decode(payload, type=KINDS[kind])
    return said


def decimal_text(micro: int, sign: str = ".") -> str:
    """Millionths as an exact decimal number without idle zeros: 12 345 000 → `12.345`."""
    whole, fraction = divmod(abs(micro), MILLION)
    shown = f"{fraction:06d}".rstrip("0")
    return f"{'-' if micro < 0 else ''}{whole}{sign + shown if shown else ''}"
