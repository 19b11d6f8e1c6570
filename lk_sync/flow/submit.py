"""Submit: how does a reading get from a form into the store, exactly once?

One unit of work writes the submission, its outbox item and its audit line; neither exists without the others. The
form carries a UUID: the same form twice finds the first answer, the same form with another content is a conflict.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal
from uuid import uuid4

import msgspec

from lk_sync.clock import instant
from lk_sync.flow.acceptance import Accepted
from lk_sync.records import month_text
from lk_sync.store import audit, outbox, submissions
from lk_sync.store.database import Tx
from lk_sync.store.submissions import Former

MOST_A_MONTH: Final = 10  # corrections of one meter in one month; nobody mistypes more often, a script does

Kind = Literal["taken", "repeated", "already", "conflict", "too_many"]


class Answer(msgspec.Struct, frozen=True):
    """What became of a form. `submission` names the stored reading to look at.

    taken: stored now · repeated: this form was stored before · already: the same value stands for this month ·
    conflict: this form was stored with another content · too_many: no more corrections this month.
    """

    kind: Kind
    submission: str


def submit(
    tx: Tx,
    *,
    submission: str,
    user_code: str,
    account: str,
    meter: str,
    serial: str,
    reading: Accepted,
    address: str,
    now: datetime,
) -> Answer:
    """Stores an accepted reading once. Safe to repeat with the same `submission`."""
    content = content_hash(account=account, meter=meter, value_micro=reading.value_micro)
    if (stored := submissions.content_of(tx, submission=submission)) is not None:
        return Answer("repeated" if stored == content else "conflict", submission)
    former = submissions.of_month(tx, account=account, meter=meter, period=reading.period)
    if former and former[0].state != "rejected" and former[0].value_micro == reading.value_micro:
        return Answer("already", former[0].submission)
    if len(former) >= MOST_A_MONTH:
        return Answer("too_many", former[0].submission)
    item = uuid4().hex
    supersedes = _take_the_place(tx, former, item)
    payload = _payload(item, account, meter, serial, reading, supersedes, now)
    outbox.insert(tx, item=item, kind="reading", account=account, payload=payload, now=now)
    submissions.add(
        tx,
        submission=submission,
        item=item,
        user_code=user_code,
        account=account,
        meter=meter,
        period=reading.period,
        value_micro=reading.value_micro,
        taken_on=reading.taken_on,
        flags=reading.flags,
        supersedes=supersedes,
        content_hash=content,
        now=now,
    )
    detail = {"account": account, "meter": meter, "value_micro": reading.value_micro, "supersedes": supersedes}
    audit.append(
        tx,
        actor=user_code,
        act="reading_submitted",
        object=f"item:{item}",
        now=now,
        address=address,
        detail=detail,
        account=account,
    )
    return Answer("taken", submission)


def content_hash(*, account: str, meter: str, value_micro: int) -> str:
    """What makes two forms the same. Not the month: a form that is repeated after midnight is the same form."""
    return hashlib.sha256(msgspec.json.encode([account, meter, value_micro])).hexdigest()


def _take_the_place(tx: Tx, former: list[Former], item: str) -> str | None:
    """Withdraws the former item if no file holds it yet. Returns the item in a file that the new one replaces."""
    if not former:
        return None
    last = former[0]
    if last.state == "rejected":
        return None
    if outbox.supersede(tx, item=last.item, by=item):
        return last.supersedes
    return last.item


def _payload(
    item: str, account: str, meter: str, serial: str, reading: Accepted, supersedes: str | None, now: datetime
) -> str:
    fields = {
        "item": item,
        "account": account,
        "meter": meter,
        "serial": serial,
        "period": month_text(reading.period),
        "value_micro": reading.value_micro,
        "taken_on": reading.taken_on,
        "flags": list(reading.flags),
        "supersedes": supersedes,
        "submitted_at": instant(now),
    }
    return msgspec.json.encode(fields).decode()
