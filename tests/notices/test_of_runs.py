"""What runs have brought is told once, to who holds the account, and taken back when it was not true."""

from __future__ import annotations

import random
import threading
from datetime import date, timedelta

import pytest

from lk_sync.config import Config
from lk_sync.notices import of_runs
from lk_sync.notices.crier import Crier
from lk_sync.store import notifications, walks
from lk_sync.store.database import Tx
from tests.notices.conftest import Town


def _bill(town: Town, account: str = "001", amount: str = "120.00", name: str = "О1") -> None:
    town.days.charge(account, "2026-10", amount)
    town.days.bill(account, "2026-10", amount, name)


def test_a_first_load_is_no_news(town: Town) -> None:
    code = town.user("001")
    of_runs.go(town.ground())
    assert town.unread(code) == []


def test_a_new_bill_is_told_once_to_its_holder_only(town: Town) -> None:
    code, other = town.user("001"), town.user("002")
    _bill(town)
    town.pull()
    (told,) = town.unread(code)
    assert told.kind == "bill"
    assert told.detail == {
        "period": 202610, "number": "О1", "amount_kopecks": 12000, "was_kopecks": None, "due_on": None, "gone": False,
    }  # fmt: skip
    town.pull()
    of_runs.go(town.ground())
    assert len(town.unread(code)) == 1
    assert town.unread(other) == []


def test_a_former_holder_is_told_nothing(town: Town) -> None:
    code = town.user("001", holder="Kformer")
    _bill(town)
    town.pull()
    assert town.unread(code) == []


def test_the_first_bill_of_an_account_is_a_load_of_it(town: Town) -> None:
    town.days.world.account("007")
    code = town.user("007")
    _bill(town, "007")
    town.pull()
    assert town.unread(code) == []
    town.days.bill("007", "2026-11", "5.00", "Н7")
    town.pull()
    assert town.kinds(code) == ["bill"]


def test_a_bill_that_was_taken_back_before_anybody_saw_it_was_never_told(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    run = town.pull()
    town.revert(run)
    assert town.unread(code) == []
    town.pull()
    assert town.kinds(code) == ["bill"], "the next run has brought it again"


def test_who_has_seen_a_bill_that_was_taken_back_is_told_so(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    run = town.pull()
    town.look(code)
    town.revert(run)
    (told,) = town.unread(code)
    assert (told.kind, told.detail["gone"], told.detail["number"]) == ("bill", True, "О1")
    town.look(code)
    town.pull()
    assert [each.detail["gone"] for each in town.unread(code)] == [False]


def test_a_bill_that_is_withdrawn_is_told_to_who_got_a_letter_about_it(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    town.pull()
    assert len(town.write_letters(date(2026, 11, 4), 11)) == 1
    town.books["bills"]["rows"].pop()
    town.pull()
    assert [(each.kind, each.detail["gone"]) for each in town.unread(code)] == [("bill", True)]


def test_a_bill_that_has_changed_says_what_it_was_to_who_knew_it(town: Town) -> None:
    knows, does_not = town.user("001"), town.user("002")
    _bill(town, "001", name="О1")
    _bill(town, "002", name="О2")
    town.pull()
    town.look(knows)
    for row in town.books["bills"]["rows"][-2:]:
        row["сумма"] = "130.00"
    town.pull()
    bills = [each.detail for each in town.unread(knows) if each.kind == "bill"]
    assert [(bill["was_kopecks"], bill["amount_kopecks"]) for bill in bills] == [(12000, 13000)]
    bills = [each.detail for each in town.unread(does_not) if each.kind == "bill"]
    assert [(bill["was_kopecks"], bill["amount_kopecks"]) for bill in bills] == [(None, 13000)]


def test_a_payment_is_told_when_it_is_booked_and_when_it_is_gone(town: Town) -> None:
    code = town.user("001")
    town.days.world.payment("001", "П-9", "70.00", дата="2026-11-02")
    town.pull()
    (told,) = town.look(code)
    assert told.kind == "payment"
    assert told.detail == {
        "payment": "П-9", "period": 202611, "paid_on": "2026-11-02", "amount_kopecks": 7000, "gone": False,
    }  # fmt: skip
    town.books["payments"]["rows"].pop()
    town.pull()
    assert [each.detail["gone"] for each in town.unread(code)] == [True]


def test_a_payment_on_its_way_is_told_when_it_is_booked_and_when_it_is_returned(town: Town) -> None:
    source = town.days.world.config.folder / "sources" / "books.yaml"
    channel = "channel: {column: канал}"
    text = source.read_text("utf-8").replace(channel, f"{channel}\n      state: {{column: состояние}}")
    source.write_text(text, "utf-8")
    town.days.world.config = Config(source.parent.parent, town.days.world.config.environment)
    for row in town.books["payments"]["rows"]:
        row["состояние"] = "booked"
    code = town.user("001")
    town.days.world.payment("001", "П-9", "70.00", дата="2026-11-02", состояние="processing")
    town.pull()
    assert town.unread(code) == []
    payment = town.books["payments"]["rows"][-1]
    for state, gone in (("booked", False), ("returned", True)):
        payment["состояние"] = state
        town.pull()
        assert [(each.kind, each.detail["gone"]) for each in town.look(code)] == [("payment", gone)]


def test_old_payments_that_come_now_are_no_news(town: Town) -> None:
    code = town.user("001")
    town.days.world.payment("001", "old", "70.00", дата="2026-01-02")
    for number in range(of_runs.MOST_PAYMENTS + 1):
        town.days.world.payment("001", f"load{number}", "1.00", дата="2026-11-02")
    town.pull()
    assert town.unread(code) == []


def test_a_closed_month_that_has_changed_is_told_with_what_it_was(town: Town) -> None:
    code = town.user("001")
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "001")
    row["сумма"] = "130.00"
    town.days.charge("001", "2026-09", "7.00", service="вода")
    town.pull()
    (told,) = town.unread(code)
    assert told.kind == "month_changed"
    assert (told.detail["charged_was"], told.detail["charged_now"]) == (10000, 13700)
    grown = {each["title"]: each["grown_kopecks"] for each in told.detail["services"]}
    assert grown == {"тепло": 3000, "вода": 700}


def test_changes_of_a_month_that_nobody_has_seen_are_one_or_none(town: Town) -> None:
    code = town.user("001")
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "001")
    for amount in ("130.00", "150.00"):
        row["сумма"] = amount
        town.pull()
    (told,) = town.unread(code)
    assert (told.detail["charged_was"], told.detail["charged_now"]) == (10000, 15000)
    row["сумма"] = "100.00"
    town.pull()
    assert town.unread(code) == [], "it is what it was"


def test_who_has_seen_a_change_is_told_of_the_next_one(town: Town) -> None:
    code = town.user("001")
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "001")
    for amount in ("130.00", "100.00"):
        row["сумма"] = amount
        town.pull()
        (told,) = town.look(code)
    assert (told.detail["charged_was"], told.detail["charged_now"]) == (13000, 10000)


def test_what_was_published_while_it_was_told_is_told_next_time(town: Town) -> None:
    """The walk has set out to the first of two runs when the second one is published."""
    code = town.user("001")
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "001")
    row["сумма"] = "130.00"
    run = town.days.pull()

    def set_out(tx: Tx) -> None:
        found = walks.find(tx, walk=of_runs.NAME)
        assert found is not None
        walks.aim(tx, found, str(run))

    town.store.write_now(set_out)
    row["сумма"] = "150.00"
    town.days.pull()
    of_runs.go(town.ground())
    (told,) = town.look(code)
    assert (told.detail["charged_was"], told.detail["charged_now"]) == (10000, 13000)
    of_runs.go(town.ground())
    (told,) = town.unread(code)
    assert (told.detail["charged_was"], told.detail["charged_now"]) == (13000, 15000)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_walk_that_is_cut_short_goes_on_and_tells_everybody_once(
    town: Town, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any step: what was committed stays, the rest comes, nothing comes twice."""
    from lk_sync.notices import walking

    monkeypatch.setattr(walking, "AT_ONCE", at_once)
    codes = [town.user(f"00{number}") for number in range(5)]
    for number in range(5):
        _bill(town, f"00{number}", name=f"О{number}")
    town.days.pull()
    chance = random.Random(at_once)  # noqa: S311 - the test repeats by its seed
    step = walks.step

    def torn(*args: object) -> walks.Walk:
        if chance.random() < 0.5:
            raise OSError("the power is gone")
        return step(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(walks, "step", torn)
    while True:
        try:
            of_runs.go(town.ground())
            break
        except OSError:
            continue
    assert [town.kinds(code) for code in codes] == [["bill"]] * 5


def test_of_two_that_walk_at_once_one_goes_on(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    town.days.pull()
    first, second = town.ground(), town.ground()
    found = town.store.read(lambda tx: walks.find(tx, walk=of_runs.NAME))
    assert found is not None
    town.store.write_now(lambda tx: walks.aim(tx, found, str(int(found.done) + 1)))
    with pytest.raises(walks.Overtaken):
        town.store.write_now(lambda tx: walks.aim(tx, found, str(int(found.done) + 1)))
    of_runs.go(first)
    of_runs.go(second)
    assert town.kinds(code) == ["bill"]


def test_history_before_the_holder_is_not_told(town: Town) -> None:
    code = town.user("001")
    text = (town.days.world.config.folder / "sources" / "books.yaml").read_text("utf-8")
    assert "holder_since" not in text
    with town.reader.view() as view:
        from lk_sync.notices.walking import reach
        from lk_sync.store.recipients import Recipient

        reached = reach(view, Recipient(code, "001", "K001"), town.reader.account_key("001"))
        assert reached is not None
        since = type(reached)(code, "001", reached.key, "2026-10-01", 202610, is_closed=False)
        done = view.newest_run()
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "001")
    row["сумма"] = "130.00"
    town.days.pull()
    with town.reader.view() as view:
        assert list(of_runs.tellings(town.ground(), view, reached, done, done + 1))
        assert not list(of_runs.tellings(town.ground(), view, since, done, done + 1))


def test_the_sweep_forgets_what_is_old_and_waits_for_no_letter(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    town.pull()
    later = town.days.today + timedelta(days=4000)
    town.store.write_now(lambda tx: notifications.sweep(tx, before=later))
    assert len(town.unread(code)) == 1
    town.look(code)
    town.write_letters(date(2026, 11, 4), 11)
    town.store.write_now(lambda tx: notifications.sweep(tx, before=later))
    assert town.store.read(lambda tx: notifications.earlier(tx, user_code=code, before=None, most=9)) == []


def test_the_crier_looks_for_everything_and_stops_when_it_is_told_to(town: Town) -> None:
    code = town.user("001")
    _bill(town)
    town.days.pull()
    stopped = threading.Event()
    stopped.set()
    Crier(town.days.world.config, town.store, clock=lambda: town.days.today, stop=stopped).look()
    assert town.unread(code) == []
    crier = Crier(town.days.world.config, town.store, clock=lambda: town.days.today, stop=town.stop)
    crier.look()
    crier.look()
    crier.close()
    assert town.kinds(code) == ["bill"]
