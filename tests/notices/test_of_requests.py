"""An answer to a request is told once to whoever asked, and to nobody else."""

from __future__ import annotations

from datetime import date, datetime
from uuid import uuid4

from demo.supplier.oddities import Oddity
from lk_sync.flow.lodge import Draft, Party, lodge
from lk_sync.notices import of_requests
from lk_sync.store.requests import Told
from tests.notices.conftest import MOSCOW, Houses
from tests.portal.pages.cast import NUMBER

NOON = datetime(2026, 11, 24, 12, tzinfo=MOSCOW)


def ask(houses: Houses, code: str | None, oddity: Oddity = Oddity.ORDINARY) -> str:
    """The number of a request that somebody has made."""
    number = NUMBER[oddity]
    holder = houses.reader.holder_key(houses.reader.account_key(number) or 0) or ""
    draft = Draft(
        request=str(uuid4()), kind="question", title="Вопрос", told=[Told("text", "О чём", "Где?")], files=[],
        due_on=date(2026, 12, 7),
    )  # fmt: skip
    party = Party(user_code=code, account=number if code else "", holder_key=holder if code else "", language="ru")
    lodged = houses.store.write_now(lambda tx: lodge(tx, draft, party, secret=None, address="", now=NOON))
    return f"З-{lodged.number:06d}"


def answer(houses: Houses, request: str, *, state: str = "answered", answer: str = "1", run: int = 2) -> None:
    """As a run has published it."""
    houses.amend(
        "INSERT INTO codes (id, code) SELECT MAX(id) + 1, :state FROM codes"
        " HAVING :state NOT IN (SELECT code FROM codes)",
        state=state,
    )
    houses.amend(
        "INSERT INTO request_answers (request, answer, state, text, answered_on, origin, run)"
        " SELECT :request, :answer, id, 'Под ковриком', '2026-11-24', 1, :run FROM codes WHERE code = :state"
        " ON CONFLICT (request, answer) DO UPDATE SET state = excluded.state, run = excluded.run",
        request=request, answer=answer, state=state, run=run,
    )  # fmt: skip
    houses.amend(
        "INSERT INTO published_runs (run, published_at, source, datasets, state_before)"
        " SELECT :run, '2026-11-24T09:00:00.000Z', 'demo', '[]', '[]'"
        " WHERE :run NOT IN (SELECT run FROM published_runs)",
        run=run,
    )


def walk(houses: Houses) -> None:
    of_requests.go(houses.ground(NOON))


def test_an_answer_is_told_once_and_each_further_word_once_more(houses: Houses) -> None:
    code, other = houses.user(Oddity.ORDINARY), houses.user(Oddity.TWO_METERS)
    mine, theirs = ask(houses, code), ask(houses, other, Oddity.TWO_METERS)
    walk(houses)
    answer(houses, mine, state="in_work")
    walk(houses)
    walk(houses)
    (told,) = houses.unread(code)
    assert (told.kind, told.letter) == ("request_answered", "due")
    assert told.detail | {"path": ""} == {
        "title": "Вопрос", "number": mine, "path": "", "answer": "Под ковриком", "state": "in_work",
    }  # fmt: skip
    answer(houses, mine, state="in_work", run=3)  # pulled again
    walk(houses)
    assert len(houses.unread(code)) == 1
    answer(houses, mine, state="answered", run=4)
    answer(houses, theirs, state="refused", run=4)
    walk(houses)
    assert sorted(each.detail["state"] for each in houses.unread(code)) == ["answered", "in_work"]
    assert [each.detail["state"] for each in houses.unread(other)] == ["refused"]


def test_numbers_that_nobody_was_told_and_requests_without_an_account_tell_nobody(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    without = ask(houses, None)
    walk(houses)
    for at, number in enumerate((without, "З-999999", "З-x", "17", "")):
        answer(houses, number, answer=str(at))
    walk(houses)
    assert houses.unread(code) == []


def test_a_former_holder_is_told_nothing(houses: Houses) -> None:
    code = houses.user(Oddity.ORDINARY)
    number = ask(houses, code)
    walk(houses)
    answer(houses, number)
    houses.amend(
        "UPDATE accounts SET holder_key = 'somebody new' WHERE number = :number", number=NUMBER[Oddity.ORDINARY]
    )
    walk(houses)
    assert houses.unread(code) == []
