"""A reading is stored once, whatever is pressed twice, and its place in the queue is one with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from lk_sync.clock import instant
from lk_sync.flow.acceptance import Accepted
from lk_sync.flow.submit import MOST_A_MONTH, Answer, submit
from lk_sync.store import audit, batches, outbox, submissions, users
from lk_sync.store.batches import Batch
from lk_sync.store.database import Store, Tx
from tests.at_the_store import Kept

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MICRO = 1_000_000
ACCOUNT = "000012345"


class Desk:
    """Where readings are handed in, a minute apart."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOW
        day = timedelta(days=1)
        self.user = store.write_now(
            lambda tx: users.create(
                tx, account=ACCOUNT, holder_key="h", email="a@b.ru", language="ru", password_hash="",
                lasts=day, now=NOW,
            )
        )  # fmt: skip

    def hand_in(self, cubic_metres: int, *, form: str | None = None, meter: str = "m-1", **more: Any) -> Answer:
        self.now += timedelta(minutes=1)
        reading = Accepted(cubic_metres * MICRO, more.pop("period", 202611), "2026-11-20", more.pop("flags", ()))
        return self.store.write_now(
            lambda tx: submit(
                tx, submission=form or str(uuid4()), user_code=self.user, account=more.get("account", ACCOUNT),
                meter=meter, serial="C-77", reading=reading, address="127.0.0.1", now=self.now,
            )
        )  # fmt: skip

    def export(self) -> None:
        """Everything that waits goes into a file and out."""
        self.store.write_now(self._export)

    def _export(self, tx: Tx) -> None:
        waiting = [each.item for each in outbox.waiting(tx, kind="reading")]
        number = batches.next_number(tx, sink="drop")
        made = Batch("drop", number, "reading", f"readings-{number}.csv", len(waiting), 0, "", "", instant(self.now))
        batches.open(tx, made)
        outbox.batch(tx, sink="drop", number=number, lines=list(enumerate(waiting, start=1)))
        outbox.export(tx, sink="drop", number=number, now=self.now)

    def stored(self) -> list[submissions.Submitted]:
        return submissions.of_account(self.store.reading, account=ACCOUNT, holder_key="h", since=0)

    def payloads(self) -> list[dict[str, Any]]:
        rows = self.store.read(lambda tx: [each.payload for each in outbox.waiting(tx, kind="reading")])
        return [msgspec.json.decode(row) for row in rows]


@pytest.fixture
def desk(kept: Kept) -> Iterator[Desk]:
    store = kept.store()
    yield Desk(store)
    store.close()


def test_a_reading_its_item_and_its_audit_line_come_together(desk: Desk) -> None:
    answer = desk.hand_in(103, flags=("expired", "confirmed_high"))
    assert answer.kind == "taken"
    (submitted,) = desk.stored()
    assert (submitted.value_micro, submitted.state, submitted.flags) == (
        103 * MICRO,
        "waiting",
        ("expired", "confirmed_high"),
    )
    (payload,) = desk.payloads()
    assert payload == {
        "item": submitted.item,
        "account": ACCOUNT,
        "meter": "m-1",
        "serial": "C-77",
        "period": "2026-11",
        "value_micro": 103 * MICRO,
        "taken_on": "2026-11-20",
        "flags": ["expired", "confirmed_high"],
        "supersedes": None,
        "submitted_at": "2026-11-20T09:01:00.000Z",
    }
    (line,) = audit.about(desk.store.reading, object=f"item:{submitted.item}")
    assert (line.actor, line.act, line.address) == (desk.user, "reading_submitted", "127.0.0.1")


def test_the_same_form_again_finds_the_first_answer(desk: Desk) -> None:
    form = str(uuid4())
    assert desk.hand_in(103, form=form).kind == "taken"
    assert desk.hand_in(103, form=form) == Answer("repeated", form)
    assert len(desk.stored()) == 1


def test_the_same_form_with_another_content_is_a_conflict_and_changes_nothing(desk: Desk) -> None:
    form = str(uuid4())
    desk.hand_in(103, form=form)
    assert desk.hand_in(104, form=form) == Answer("conflict", form)
    assert desk.hand_in(103, form=form, meter="m-2") == Answer("conflict", form)
    assert desk.hand_in(103, form=form, account="another") == Answer("conflict", form)
    assert [each.value_micro for each in desk.stored()] == [103 * MICRO]


def test_the_same_form_after_the_month_has_ended_is_still_the_same_form(desk: Desk) -> None:
    form = str(uuid4())
    desk.hand_in(103, form=form)
    assert desk.hand_in(103, form=form, period=202612).kind == "repeated"


def test_the_same_value_from_another_form_is_already_there(desk: Desk) -> None:
    first = desk.hand_in(103)
    assert desk.hand_in(103) == Answer("already", first.submission)
    assert len(desk.stored()) == 1


def test_a_correction_takes_the_place_of_what_still_waits(desk: Desk) -> None:
    desk.hand_in(1030)
    desk.hand_in(103)
    assert [(each.value_micro // MICRO, each.state) for each in desk.stored()] == [
        (103, "waiting"),
        (1030, "superseded"),
    ]
    (payload,) = desk.payloads()
    assert payload["supersedes"] is None


def test_a_correction_of_what_is_in_a_file_names_it(desk: Desk) -> None:
    desk.hand_in(1030)
    desk.export()
    exported = desk.stored()[0].item
    desk.hand_in(105)
    desk.hand_in(103)
    assert [(each.value_micro // MICRO, each.state) for each in desk.stored()] == [
        (103, "waiting"),
        (105, "superseded"),
        (1030, "exported"),
    ]
    (payload,) = desk.payloads()
    assert payload["supersedes"] == exported


def test_a_refused_reading_may_be_handed_in_again(desk: Desk) -> None:
    desk.hand_in(103)
    desk.export()
    item = desk.stored()[0].item
    desk.store.write_now(
        lambda tx: outbox.answer(
            tx, item=item, sink="drop", number=1, verdict="rejected", code="seal", text="нет пломбы", now=desk.now
        )
    )
    assert desk.hand_in(103).kind == "taken"
    (payload,) = desk.payloads()
    assert payload["supersedes"] is None


def test_other_meters_and_months_are_left_alone(desk: Desk) -> None:
    desk.hand_in(103)
    desk.hand_in(103, meter="m-2")
    desk.hand_in(103, period=202612)
    assert [each.state for each in desk.stored()] == ["waiting"] * 3


def test_corrections_come_to_an_end(desk: Desk) -> None:
    for value in range(MOST_A_MONTH):
        assert desk.hand_in(103 + value).kind == "taken"
    assert desk.hand_in(999).kind == "too_many"
    assert len(desk.stored()) == MOST_A_MONTH


def test_nothing_is_left_when_the_unit_of_work_fails(desk: Desk) -> None:
    with pytest.raises(Exception, match=r"FOREIGN KEY|foreign key"):
        desk.store.write_now(
            lambda tx: submit(
                tx, submission=str(uuid4()), user_code="nobody", account=ACCOUNT, meter="m-1", serial="",
                reading=Accepted(MICRO, 202611, "2026-11-20", ()), address="", now=NOW,
            )
        )  # fmt: skip
    assert desk.payloads() == []


def test_another_holder_finds_nothing(desk: Desk) -> None:
    answer = desk.hand_in(103)
    store = desk.store.reading
    assert submissions.one(store, submission=answer.submission, account=ACCOUNT, holder_key="other") is None
    assert submissions.one(store, submission=answer.submission, account="other", holder_key="h") is None
    assert submissions.one(store, submission=answer.submission, account=ACCOUNT, holder_key="h") is not None
