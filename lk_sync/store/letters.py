"""Letters: which are to be sent, which were, and of which does nobody know?

waiting → (claimed under a lease) → sending → sent | failed | uncertain. `sending` is committed just before the
text leaves; a process that dies after that leaves an `uncertain` letter, which is never sent again by itself.
What a letter says (a password, perhaps) is wiped as soon as its end is known.

Every letter is tagged with what it is for. Only what keeps the service going is written; advertising is another
purpose, which needs an agreement of its own (38-ФЗ, ст. 18), and no such agreement can be given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.store.database import Tx

Ended = Literal["sent", "failed", "uncertain"]
State = Literal["waiting", "sending", Ended]
Purpose = Literal["service", "advertising"]
SERVICE: Final = "service"
ANSWER_LENGTH: Final = 500


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in hand until `lease_until`. `attempts` includes this one."""

    letter: str
    kind: str
    recipient: str
    language: str
    context: dict[str, Any]
    attempts: int
    created_at: str
    lease_until: str
    purpose: Purpose = SERVICE

    def __repr__(self) -> str:
        return f"<{self.kind} {self.letter}>"


class Line(msgspec.Struct, frozen=True):
    """A letter as the operator sees it."""

    letter: str
    kind: str
    recipient: str
    state: State
    attempts: int
    created_at: str
    sent_at: str | None
    last_answer: str | None


class Backlog(msgspec.Struct, frozen=True):
    """What waits, what was refused for good, and what nobody knows about."""

    waiting: int
    failed: int
    uncertain: int


def write(
    tx: Tx,
    *,
    kind: str,
    once: str,
    recipient: str,
    language: str,
    context: Mapping[str, Any],
    now: datetime,
    purpose: Purpose = SERVICE,
) -> bool:
    """Queues a letter. False: this occasion (`once`) has written its letter already, or nobody agreed to `purpose`."""
    if purpose != SERVICE:
        return False
    changed = tx.change(
        "letters.write",
        letter=uuid4().hex,
        once=once,
        kind=kind,
        purpose=purpose,
        recipient=recipient,
        language=language,
        context=msgspec.json.encode(dict(context)).decode(),
        now=instant(now),
    )
    return changed == 1


def claim(tx: Tx, *, now: datetime, lease_until: datetime) -> Letter | None:
    """Takes the next letter that is due. None: there is none that is free."""
    row = tx.row("letters.due", now=instant(now))
    if row is None:
        return None
    letter, kind, purpose, recipient, language, context, attempts, created_at = row
    if not tx.change("letters.claim", letter=letter, now=instant(now), lease_until=instant(lease_until)):
        return None
    return Letter(
        letter=letter,
        kind=kind,
        purpose=purpose,
        recipient=recipient,
        language=language,
        context=msgspec.json.decode(context),
        attempts=attempts + 1,
        created_at=created_at,
        lease_until=instant(lease_until),
    )


def sending(tx: Tx, letter: Letter, *, lease_until: datetime) -> Letter | None:
    """To be committed just before the text leaves. None: the lease was lost, the text must not leave."""
    new_lease = instant(lease_until)
    changed = tx.change("letters.sending", letter=letter.letter, lease_until=letter.lease_until, new_lease=new_lease)
    return msgspec.structs.replace(letter, lease_until=new_lease) if changed else None


def settle(tx: Tx, letter: Letter, *, state: Ended, answer: str, now: datetime) -> bool:
    """The end of a letter in hand. False: it is no longer in this hand."""
    changed = tx.change(
        "letters.settle",
        letter=letter.letter,
        lease_until=letter.lease_until,
        state=state,
        answer=answer[:ANSWER_LENGTH],
        now=instant(now),
    )
    return changed == 1


def put_off(tx: Tx, letter: Letter, *, until: datetime, answer: str) -> bool:
    """It was certainly not delivered; another try is due at `until`. False: it is no longer in this hand."""
    changed = tx.change(
        "letters.put_off",
        letter=letter.letter,
        lease_until=letter.lease_until,
        next_try_at=instant(until),
        answer=answer[:ANSWER_LENGTH],
    )
    return changed == 1


def lost(tx: Tx, *, now: datetime) -> int:
    """Marks the letters whose sender died while the text was leaving."""
    return tx.change("letters.lost", now=instant(now), answer="отправка оборвалась, ответа почтового сервера нет")


def backlog(tx: Tx, *, since: str = "") -> Backlog:
    """`failed` and `uncertain` only of letters that were written since that instant."""
    row = tx.row("letters.backlog", since=since)
    return Backlog(*row) if row else Backlog(0, 0, 0)


def listed(tx: Tx, *, state: State, most: int = 100) -> list[Line]:
    return [Line(*row) for row in tx.rows("letters.listed", state=state, most=most)]


def tally(tx: Tx) -> dict[str, int]:
    """State → how many letters."""
    rows: list[Any] = tx.rows("letters.tally")
    return dict(rows)
