"""Lodge: how does a request get from a form into the store, exactly once?

One unit of work writes the request with the names of its files, its outbox item and its audit line; neither exists
without the others. The files themselves lie in the folder of attachments before it begins. The form carries a UUID: the
same form twice finds the first answer, the same form with another content is a conflict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store import audit, outbox, requests
from lk_sync.store.attachments import Attachment
from lk_sync.store.database import Tx
from lk_sync.store.requests import Request, Told

KIND = "request"
VISITOR = "visitor"


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is to be stored. `title`: of its kind; `email`: where to answer somebody without an account."""

    request: str
    kind: str
    title: str
    told: Sequence[Told]
    files: Sequence[Attachment]
    due_on: date | None
    email: str = ""
    repeats: int | None = None

    @property
    def content_hash(self) -> str:
        """What makes two forms the same; not the day."""
        content = [self.kind, self.told, [(file.name, file.sha256) for file in self.files], self.email, self.repeats]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and about which account; all empty: somebody who has none."""

    user_code: str | None = None
    account: str = ""
    holder_key: str = ""
    language: str


class Lodged(msgspec.Struct, frozen=True):
    """taken: stored now · repeated: this form was stored before · conflict: it was, with another content."""

    kind: Literal["taken", "repeated", "conflict"]
    number: int


def lodge(tx: Tx, draft: Draft, party: Party, *, secret: str | None, address: str, now: datetime) -> Lodged:
    """Stores a request once. Safe to repeat with the same `draft.request`."""
    if (before := requests.known(tx, request=draft.request)) is not None:
        return Lodged("repeated" if before.content_hash == draft.content_hash else "conflict", before.number)
    number, item = requests.next_number(tx), uuid4().hex
    payload = _payload(item, number, draft, party, now)
    outbox.insert(tx, item=item, kind=KIND, account=party.account, payload=payload, now=now)
    requests.add(
        tx,
        request=draft.request,
        number=number,
        item=item,
        user_code=party.user_code,
        account=party.account,
        holder_key=party.holder_key,
        kind=draft.kind,
        title=draft.title,
        told=draft.told,
        files=draft.files,
        email=draft.email,
        secret=secret,
        language=party.language,
        due_on=draft.due_on,
        repeats=draft.repeats,
        content_hash=draft.content_hash,
        now=now,
    )
    detail = {"number": requests.shown(number), "kind": draft.kind, "files": len(draft.files)}
    _audit(tx, party.user_code, "request_submitted", item, detail, address, party.account, now)
    return Lodged("taken", number)


def withdraw(tx: Tx, request: Request, *, user_code: str, address: str, now: datetime) -> bool:
    """Takes a request back as long as no file holds it. False: it is too late, or it has been taken back."""
    if not outbox.supersede(tx, item=request.item, by=request.item) or not requests.withdraw(
        tx, request=request.request, now=now
    ):
        return False
    detail = {"number": request.shown}
    _audit(tx, user_code, "request_withdrawn", request.item, detail, address, request.account, now)
    return True


def _audit(
    tx: Tx,
    actor: str | None,
    act: str,
    item: str,
    detail: Mapping[str, object],
    address: str,
    account: str,
    now: datetime,
) -> None:
    audit.append(
        tx,
        actor=actor or VISITOR,
        act=act,
        object=f"item:{item}",
        now=now,
        address=address,
        detail=detail,
        account=account or None,
    )


def _payload(item: str, number: int, draft: Draft, party: Party, now: datetime) -> str:
    fields = {
        "item": item,
        "number": requests.shown(number),
        "account": party.account,
        "kind": draft.kind,
        "title": draft.title,
        "fields": draft.told,
        "email": draft.email,
        "files": [{"position": at} | msgspec.structs.asdict(file) for at, file in enumerate(draft.files, 1)],
        "repeats": None if draft.repeats is None else requests.shown(draft.repeats),
        "due_on": draft.due_on,
        "submitted_at": instant(now),
    }
    return msgspec.json.encode(fields).decode()
