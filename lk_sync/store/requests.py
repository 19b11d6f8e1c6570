"""Requests: what has somebody asked the supplier for, and how far did each request get?"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from lk_sync.clock import instant
from lk_sync.records import Day, Instant
from lk_sync.store.attachments import Attachment
from lk_sync.store.database import Row, Tx
from lk_sync.store.outbox import State

PREFIX = "З-"
DIGITS = 6


class Told(msgspec.Struct, frozen=True):
    """A field as it was filled in. `title`: how it was called then, in Russian; `text` may have several lines."""

    name: str
    title: str
    text: str


class Request(NamedTuple):
    """A request and its way: file `file`, line `line`, and the answer to its item, as far as it got. `repeats`: the
    number of the one that it reminds of; `email`: where to answer somebody who has no account."""

    request: str
    number: int
    item: str
    user_code: str | None
    account: str
    kind: str
    title: str
    told: tuple[Told, ...]
    email: str
    due_on: Day | None
    repeats: int | None
    submitted_at: Instant
    withdrawn_at: Instant | None
    state: State
    line: int | None
    file: str | None
    exported_at: Instant | None
    answered_at: Instant | None
    answer_code: str | None
    answer_text: str | None

    @property
    def shown(self) -> str:
        """The number as people are told it."""
        return shown(self.number)


class Owned(NamedTuple):
    """Whose a request is."""

    request: str
    user_code: str | None
    account: str
    holder_key: str
    title: str


class Known(NamedTuple):
    """What a form that was sent before has become."""

    number: int
    content_hash: str


def shown(number: int) -> str:
    return f"{PREFIX}{number:0{DIGITS}d}"


def number_of(text: str) -> int | None:
    """The number of what `shown` has written; None: it is none."""
    digits = text.removeprefix(PREFIX)
    return int(digits) if text.startswith(PREFIX) and digits.isascii() and digits.isdigit() else None


def owned(tx: Tx, *, number: int) -> Owned | None:
    row = tx.row("requests.owned", number=number)
    return None if row is None else Owned._make(row)


def next_number(tx: Tx) -> int:
    """One that no request has had; taken when the unit of work commits with `add` of it."""
    row = tx.row("requests.last_number")
    return int(row[0]) + 1 if row else 1


def add(
    tx: Tx,
    *,
    request: str,
    number: int,
    item: str,
    user_code: str | None,
    account: str,
    holder_key: str,
    kind: str,
    title: str,
    told: Sequence[Told],
    files: Sequence[Attachment],
    email: str,
    secret: str | None,
    language: str,
    due_on: date | None,
    repeats: int | None,
    content_hash: str,
    now: datetime,
) -> None:
    """`secret`: of the link that leads somebody without an account to it; the store keeps its hash."""
    tx.change(
        "requests.add",
        request=request,
        number=number,
        item=item,
        user_code=user_code,
        account=account,
        holder_key=holder_key,
        kind=kind,
        title=title,
        told=msgspec.json.encode(told).decode(),
        email=email,
        secret_hash=None if secret is None else _hash(secret),
        language=language,
        due_on=None if due_on is None else due_on.isoformat(),
        repeats=repeats,
        content_hash=content_hash,
        now=instant(now),
    )
    tx.change_many(
        "requests.add_file",
        (
            {"request": request, "position": position} | msgspec.structs.asdict(file)
            for position, file in enumerate(files)
        ),
    )


def known(tx: Tx, *, request: str) -> Known | None:
    """None: this form has not been sent."""
    row = tx.row("requests.known", request=request)
    return None if row is None else Known._make(row)


def of_account(tx: Tx, *, account: str, holder_key: str, most: int = 200) -> list[Request]:
    """What the holder and those he let in have asked for, the newest first."""
    return [_request(row) for row in tx.rows("requests.of_account", account=account, holder_key=holder_key, most=most)]


def one(tx: Tx, *, request: str, account: str, holder_key: str) -> Request | None:
    """None also when it belongs to another account or to another holder of this one."""
    row = tx.row("requests.one", request=request, account=account, holder_key=holder_key)
    return None if row is None else _request(row)


def by_secret(tx: Tx, *, secret: str) -> Request | None:
    """The request of somebody without an account, by the secret of his link."""
    row = tx.row("requests.by_secret", secret_hash=_hash(secret))
    return None if row is None else _request(row)


def files(tx: Tx, *, request: str) -> list[Attachment]:
    """In the order in which they were attached."""
    return [Attachment(*row) for row in tx.rows("requests.files", request=request)]


def withdraw(tx: Tx, *, request: str, now: datetime) -> bool:
    """False: it has been withdrawn before."""
    return tx.change("requests.withdraw", request=request, now=instant(now)) == 1


def named(tx: Tx, hashes: Collection[str]) -> set[str]:
    """Those of `hashes` under which a request has a file."""
    return {sha256 for sha256 in hashes if tx.row("requests.names", sha256=sha256) is not None}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _request(row: Row) -> Request:
    told = tuple(msgspec.json.decode(row[7], type=list[Told]))
    return Request._make((*row[:7], told, *row[8:]))
