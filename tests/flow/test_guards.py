"""Every rule of the circuit breaker trips when it should and only then, in snapshots and in increments, and obeys its
switch and its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from lk_sync.contracts import GroupTotal, Totals
from lk_sync.errors import BadData
from lk_sync.flow.findings import ADVICE, Finding
from lk_sync.guards import Act, Code, Guards, Rules
from lk_sync.records import DATASETS
from tests.at_the_store import Kept
from tests.flow.ledger import NOW, Ledger, Row, account, balance, charge, payment

Books = Mapping[str, Sequence[Row]]
MANY = range(100)
MODES = pytest.mark.parametrize("mode", ["full", "increment"])


@pytest.fixture
def ledger(kept: Kept) -> Ledger:
    return filled(Ledger(kept.folder, kept.cache()))


def filled(ledger: Ledger) -> Ledger:
    """A hundred accounts; October is published."""
    books = {"accounts": [account(n) for n in MANY], "balances": [balance(n, 202610, 0, 1_000) for n in MANY]}
    ledger.publish(books, watermark="2026-11-19T10:00:00")
    return ledger


@pytest.fixture
def charged(ledger: Ledger) -> Ledger:
    """With lines of charges."""
    ledger.publish({"charges": [charge(n, 202610, 1_000) for n in MANY]}, watermark="2026-11-19T10:00:00")
    return ledger


def said(findings: Sequence[Finding]) -> list[tuple[str, str | None, bool]]:
    return [(finding.dataset, finding.code, finding.holds) for finding in findings]


def balances(closing: int, several: Sequence[int], period: int = 202610, opening: int = 0) -> Books:
    """The balances of all accounts, of `several` with another closing."""
    return {"balances": [balance(n, period, opening, closing if n in several else 1_000) for n in MANY]}


@MODES
def test_nothing_is_said_of_books_that_have_not_changed(charged: Ledger, mode: str) -> None:
    books = {
        "accounts": [account(n) for n in MANY],
        "charges": [charge(n, 202610, 1_000) for n in MANY],
        "balances": [balance(n, 202610, 0, 1_000) for n in MANY],
    }
    assert charged.check(books, mode=mode, watermark="2026-11-19T10:00:00") == []


@MODES
def test_balances_of_shown_months_may_not_all_move(ledger: Ledger, mode: str) -> None:
    (finding,) = ledger.check(balances(1_200, range(51)), mode=mode)
    assert (finding.dataset, finding.code, finding.holds) == ("balances", "moved", True)
    assert finding.text == (
        "сальдо уже показанных месяцев изменилось больше чем на 100.00 ₽ у 51 счетов из 100 (предел 50 %)"
    )
    assert ledger.check(balances(1_200, range(50)), mode=mode) == []
    assert ledger.check(balances(1_100, MANY), mode=mode) == []
    only = {"balances": [balance(n, 202610, 0, 1_200) for n in range(51)]}
    assert said(ledger.check(only, mode="increment")) == [("balances", "moved", True)]


@MODES
def test_a_few_accounts_are_never_a_share(ledger: Ledger, mode: str) -> None:
    guards = {"balances": Guards(moved_percent=1)}
    assert ledger.check(balances(1_200, range(9)), guards, mode=mode) == []
    assert said(ledger.check(balances(1_200, range(10)), guards, mode=mode)) == [("balances", "moved", True)]


@MODES
def test_debts_may_not_become_overpayments(ledger: Ledger, mode: str) -> None:
    found = ledger.check(balances(-1_000, range(11)), mode=mode)
    assert said(found) == [("balances", "signs", True)]
    assert "долг стал переплатой или переплата долгом у 11 счетов из 100 (предел 10 %)" in found[0].text
    assert ledger.check(balances(0, range(50)), mode=mode) == []
    assert ledger.check(balances(-1_000, range(10)), mode=mode) == []


@MODES
def test_a_new_month_may_not_leap(ledger: Ledger, mode: str) -> None:
    def books(closing: int, several: Sequence[int]) -> Books:
        new = balances(closing, several, period=202611, opening=1_000)["balances"]
        return {"balances": [*balances(1_000, [])["balances"], *new]}

    found = ledger.check(books(1_000 + 50_001, range(10)), mode=mode)
    assert said(found) == [("balances", "jump", True)]
    assert ledger.check(books(1_000 + 50_000, range(10)), mode=mode) == []
    assert ledger.check(books(100_000, range(5)), mode=mode) == []


@MODES
def test_a_month_opens_with_what_the_former_one_closed_with(ledger: Ledger, mode: str) -> None:
    new = {"balances": [balance(n, 202611, 1_000 + (n == 7), 2_000) for n in MANY]}
    if mode == "full":
        new["balances"] += balances(1_000, [])["balances"]
    (finding,) = ledger.check(new, mode=mode)
    assert (finding.code, finding.holds) == ("books", False)
    assert "счетов 1, например 007 2026-10" in finding.text
    new["balances"] = [row | {"opening_kopecks": 5} if row["period"] == 202611 else row for row in new["balances"]]
    found = ledger.check(new, {"balances": Guards(rules=Rules(books="hold", arithmetic="ignore"))}, mode=mode)
    assert said(found) == [("balances", "books", True)]


@MODES
def test_a_closed_month_that_changes_is_compared_with_the_next_one_in_the_cache(ledger: Ledger, mode: str) -> None:
    december = [balance(n, 202612, 1_000, 1_000) for n in MANY]
    ledger.publish({"balances": [balance(n, 202611, 1_000, 1_000) for n in MANY] + december}, mode="increment")
    changed = {"balances": [balance(3, 202611, 1_000, 1_500)]}
    if mode == "full":
        kept = [*balances(1_000, [])["balances"], *(balance(n, 202611, 1_000, 1_000) for n in MANY if n != 3)]
        changed["balances"] += [*kept, *december]
    (finding,) = ledger.check(changed, mode=mode, now=NOW + timedelta(days=40))
    assert (finding.code, "003 2026-11" in finding.text) == ("books", True)


def test_what_ends_is_not_compared_any_more(ledger: Ledger) -> None:
    ledger.publish({"balances": [balance(n, 202611, 1_000, 1_000) for n in MANY]}, mode="increment")
    without = {"balances": [balance(n, 202610, 0, 1_050) for n in MANY]}
    assert said(ledger.check(without)) == [("balances", "shrink", True)]
    key = ledger.rows(
        "SELECT account, period, id FROM balances JOIN codes ON code = 'heating' WHERE period = 202611 ORDER BY account"
    )
    gone = [(number, period, "heating") for number, period, _ in key[:5]]
    few = {"balances": [balance(n, 202610, 0, 1_050) for n in range(5)]}
    assert ledger.check(few, mode="increment", gone_keys=gone, gone=0) == []
    assert said(ledger.check(few, mode="increment")) == [("balances", "books", False)]


@MODES
def test_lines_of_charges_amount_to_what_the_balance_says(charged: Ledger, mode: str) -> None:
    books = {
        "charges": [charge(n, 202610, 1_000 + (n == 5)) for n in MANY],
        "balances": balances(1_000, [])["balances"],
    }
    (finding,) = charged.check(books, mode=mode)
    assert (finding.dataset, finding.code, finding.holds) == ("balances", "charged", False)
    assert finding.text == (
        "начисления не сходятся с сальдо: 2026-10 heating: по строкам 1 001.00 ₽, по сальдо 1 000.00 ₽, счетов 1, "
        "например 005"
    )
    alone = charged.check({"charges": [charge(5, 202610, 999)]}, mode="increment")
    assert said(alone) == [("charges", "charged", False)]
    cured = charged.check(
        {"charges": [charge(5, 202610, 999)], "balances": [balance(5, 202610, 0, 999)]}, mode="increment"
    )
    assert cured == []


def test_charges_that_end_are_missing_from_the_balance(charged: Ledger) -> None:
    charged.publish({"charges": [charge(1, 202610, 0, component="loss")]}, mode="increment")
    gone = [(1_001, 202610, "heating", "heat")]
    found = charged.check({"charges": []}, mode="increment", gone_keys=gone, gone=0)
    assert said(found) == [("charges", "charged", False)]


def test_the_first_load_is_compared_within_itself(kept: Kept) -> None:
    books = {
        "charges": [charge(n, 202610, 1_000 + (n == 5)) for n in MANY],
        "balances": [balance(n, 202610, 0, 1_000) for n in MANY] + [balance(1, 202611, 900, 900)],
    }
    found = Ledger(kept.folder, kept.cache()).check(books)
    assert said(found) == [("balances", "books", False), ("balances", "charged", False)]


@MODES
def test_a_line_adds_up_in_itself(ledger: Ledger, mode: str) -> None:
    books = {
        "charges": [charge(n, 202610, 1_000, recalculated_kopecks=n) for n in MANY],
        "balances": [balance(n, 202610, 0, 1_000, penalty_kopecks=10 * (n == 50)) for n in MANY],
    }
    found = ledger.check(books, {"charges": Guards(rules=Rules(arithmetic="hold"))}, mode=mode)
    assert said(found) == [("charges", "arithmetic", True), ("balances", "arithmetic", False)]
    assert found[0].text == "total_kopecks не равно сумме своих частей в строках: 99, например счёт 001 2026-10"


@MODES
def test_a_service_may_not_have_quite_another_tariff(charged: Ledger, mode: str) -> None:
    books = {"charges": [charge(n, 202610, 1_000, tariff=2_500 if n < 10 else 3_800) for n in MANY]}
    (finding,) = charged.check(books, mode=mode)
    assert (finding.code, finding.holds) == ("tariffs", True)
    assert "у 90 счетов из 100 (предел 5 %), например heating, счёт 010, 2026-10: был 2500, стал 3800" in finding.text
    new = [charge(n, 202611, 1_000, tariff=25) for n in MANY]
    old = [charge(n, 202610, 1_000) for n in MANY] if mode == "full" else []
    assert said(charged.check({"charges": new + old}, mode=mode)) == [("charges", "tariffs", True)]
    raised = [charge(n, 202611, 1_000, tariff=2_875) for n in MANY]
    assert charged.check({"charges": raised + old}, mode=mode) == []
    one = [charge(n, 202611, 1_000, tariff=25 if n < 5 else 2_500) for n in MANY]
    assert charged.check({"charges": one + old}, mode=mode) == []


@MODES
def test_months_to_come_and_of_long_ago_are_stopped(ledger: Ledger, mode: str) -> None:
    def of(period: int, guards: Guards | None = None) -> list[Finding]:
        books = {"payments": [payment(n, "a", 5, period) for n in range(10)]}
        return ledger.check(books, {"payments": guards or Guards()}, mode=mode)

    assert of(202612) == of(199611) == []
    assert said(of(202701)) == [("payments", "future", True)]
    assert said(of(199610)) == [("payments", "ancient", True)]
    assert of(202611, Guards(future_months=0)) == of(202701, Guards(future_months=2)) == []
    assert said(of(202612, Guards(future_months=0))) == [("payments", "future", True)]
    assert said(of(202410, Guards(ancient_years=2))) == [("payments", "ancient", True)]
    assert of(202701)[0].text == "строк с месяцем позже 2026-12: 10, самый поздний 2027-01"
    assert said(of(202701, Guards(least=11))) == [("payments", "future", False)]
    assert said(of(199601, Guards(least=11))) == [("payments", "ancient", False)]


LESS: Books = {"balances": balances(0, [])["balances"][1:]}


@pytest.mark.parametrize(
    ("watermark", "mode", "books", "expected"),
    [
        ("2026-11-19T10:00:00", "full", balances(1_050, [1]), []),
        ("2026-11-18T10:00:00", "full", balances(1_050, [1]), [("balances", "watermark", True)]),
        ("2026-11-18T10:00:00", "full", LESS, [("balances", "watermark", False)]),
        ("2026-11-18T10:00:00", "full", balances(0, []), [("balances", "watermark", False)]),
        ("2026-11-19T09:50:00.000000", "increment", balances(1_050, [1]), []),
        ("2026-11-23T12:00:00", "increment", balances(0, []), []),
        ("2026-11-23T12:00:01", "increment", balances(0, []), [("balances", "watermark", True)]),
        ("2099-01-01T00:00:00", "increment", balances(0, []), [("balances", "watermark", True)]),
        ("2099-01-01 00:00:00", "full", balances(0, []), [("balances", "watermark", True)]),
    ],
)  # fmt: skip
def test_the_mark_of_the_latest_change_goes_forward_and_not_too_far(
    ledger: Ledger, watermark: str, mode: str, books: Books, expected: list[Any]
) -> None:
    assert said(ledger.check(books, mode=mode, watermark=watermark)) == expected


def test_a_counter_may_not_go_back_either(ledger: Ledger) -> None:
    ledger.publish({"payments": [payment(1, "a", 5)]}, watermark="1000")
    assert ledger.check({"payments": [payment(1, "a", 6)]}, watermark="1001") == []
    assert said(ledger.check({"payments": [payment(1, "a", 6)]}, watermark="999")) == [("payments", "watermark", True)]


def test_our_own_clock_may_not_go_back(ledger: Ledger) -> None:
    books = balances(1_000, [])
    published = NOW.replace(day=1, hour=0)
    assert ledger.check(books, now=published - timedelta(minutes=5)) == []
    found = ledger.check(books, now=published - timedelta(minutes=6))
    assert said(found) == [("balances", "clock", False)]
    held = ledger.check(books, {"balances": Guards(rules=Rules(clock="hold"))}, now=published - timedelta(days=1))
    assert said(held) == [("balances", "clock", True)]


def test_rows_of_strangers_are_told_and_many_of_them_held(ledger: Ledger) -> None:
    def books(strangers: int) -> Books:
        return {"payments": [payment(n if n >= strangers else 500 + n, str(n), 5) for n in MANY]}

    assert ledger.check(books(0)) == []
    (few,) = ledger.check(books(50))
    assert (few.code, few.holds, few.text) == ("orphans", False, "лицевых счетов, которых нет среди accounts: 50")
    assert said(ledger.check(books(51), mode="increment")) == [("payments", "orphans", True)]
    assert said(ledger.check(books(20), {"payments": Guards(orphan_percent=19)})) == [("payments", "orphans", True)]
    with_accounts = {"accounts": [account(n) for n in range(50, 600)], **books(51)}
    found = ledger.check(with_accounts, {"accounts": Guards(shrink_percent=100)})
    assert found == []
    gone = {"accounts": [account(n) for n in range(50)], "payments": books(0)["payments"]}
    found = ledger.check(gone, {"accounts": Guards(shrink_percent=100)})
    assert said(found) == [("payments", "orphans", False)]


@MODES
def test_accounts_may_not_change_hands_all_at_once(ledger: Ledger, mode: str) -> None:
    def books(changed: int) -> Books:
        return {"accounts": [account(n, "other" if n < changed else "K") for n in MANY]}

    assert ledger.check(books(0), mode=mode) == []
    assert said(ledger.check(books(5), mode=mode)) == [("accounts", "holders", False)]
    (finding,) = ledger.check(books(6), mode=mode)
    assert finding.holds
    assert finding.text == "сменился абонент у 6 счетов из 100, предел 5 %"


def test_what_a_snapshot_lacks_is_limited_and_what_an_increment_deletes_as_well(ledger: Ledger) -> None:
    fewer = {"balances": balances(0, [])["balances"][11:]}
    assert said(ledger.check(fewer)) == [("balances", "shrink", True)]
    assert ledger.check(fewer, absent_ends=False) == []
    assert ledger.check({"balances": fewer["balances"][:1] + balances(0, [])["balances"][:89]}) == []
    keys = [(1_000 + n, 202610, "heating") for n in MANY]
    found = ledger.check({"balances": []}, mode="increment", gone_keys=keys[:11], gone=0)
    assert said(found) == [("balances", "shrink", True)]
    assert found[0].text == "источник удалил строк: 11 из 100 (предел 10 %)"
    assert ledger.check({"balances": []}, mode="increment", gone_keys=keys[:10], gone=0) == []


def test_rows_of_another_source_are_not_missed(ledger: Ledger) -> None:
    ledger.publish({"payments": [payment(n, f"bank {n}", 5) for n in MANY]}, source="bank")
    ledger.publish({"payments": [payment(n, f"desk {n}", 5) for n in range(10)]})
    assert ledger.check({"payments": [payment(n, f"desk {n}", 5) for n in range(10)]}) == []


def test_an_empty_source_is_held_unless_it_may_be_or_nothing_would_end(ledger: Ledger) -> None:
    assert said(ledger.check({"balances": []})) == [("balances", "empty", True)]
    assert said(ledger.check({"payments": []})) == [("payments", "empty", True)]
    assert ledger.check({"payments": []}, {"payments": Guards(may_be_empty=True)}) == []
    assert said(ledger.check({"balances": []}, absent_ends=False)) == [("balances", "empty", False)]
    assert ledger.check({"balances": []}, mode="increment") == []


def totals(*groups: GroupTotal, rows: int = 100, kopecks: int = 10_000_000) -> Totals:
    return Totals(rows=rows, sums={"closing_kopecks": kopecks}, groups=groups)


def group(rows: int, kopecks: int, period: int | None = 202610, service: str | None = "heating") -> GroupTotal:
    return GroupTotal(period=period, service=service, rows=rows, sums={"closing_kopecks": kopecks})


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        (totals(), None),
        (totals(group(100, 10_000_000)), None),
        (totals(group(100, 10_000_000, service=None)), None),
        (totals(group(100, 10_000_000, period=None)), None),
        (totals(rows=99), "строк в источнике 99, получено 100"),
        (totals(kopecks=1), "контрольная сумма closing_kopecks: в источнике 0.01 ₽, получено 100 000.00 ₽"),
        (
            totals(group(60, 6_000_000), group(40, 4_000_000, service="hot_water")),
            (
                "по месяцам и услугам: 2026-10 heating: строк в источнике 60, получено 100; 2026-10 heating: "
                "closing_kopecks в источнике 60 000.00 ₽, получено 100 000.00 ₽; 2026-10 hot_water: строк в источнике "
                "40, получено 0; 2026-10 hot_water: closing_kopecks в источнике 40 000.00 ₽, получено 0.00 ₽"
            ),
        ),
        (
            totals(group(100, 10_000_000, period=202609, service=None)),
            (
                "по месяцам и услугам: 2026-09: строк в источнике 100, получено 0; 2026-09: closing_kopecks в "
                "источнике 100 000.00 ₽, получено 0.00 ₽; 2026-10: в источнике строк нет, получено 100"
            ),
        ),
    ],
)  # fmt: skip
def test_totals_of_the_source_are_those_of_what_came(ledger: Ledger, stated: Totals, says: str | None) -> None:
    found = ledger.check(balances(0, []), balances_source=stated)
    assert [finding.text for finding in found] == ([says] if says else [])
    assert all(finding.holds for finding in found)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (
            (
                "CREATE TRIGGER t AFTER INSERT ON payments BEGIN UPDATE payments SET amount_kopecks = 1"
                " WHERE account = NEW.account AND payment = NEW.payment; END"
            ),
            "строк, записанных не так, как приняты: 1",
        ),
        (
            "CREATE TRIGGER t AFTER UPDATE ON payments BEGIN DELETE FROM payments WHERE account = 1002; END",
            "принято строк 2, amount_kopecks 11.00 ₽, опубликовано бы строк 1, amount_kopecks 6.00 ₽",
        ),
    ],
)  # fmt: skip
def test_what_is_not_published_as_it_was_staged_is_rolled_back(tmp_path: Path, sql: str, says: str) -> None:
    ledger = Ledger(tmp_path)  # triggers of SQLite
    ledger.publish({"payments": [payment(1, "a", 4), payment(2, "b", 5), payment(3, "c", 7)]})
    ledger.rows(sql)
    before = ledger.rows("SELECT * FROM payments"), ledger.rows("SELECT * FROM journal")
    new = payment(4, "d", 6) if "INSERT" in sql else payment(1, "a", 6)
    kept = [payment(1, "a", 4)] if "INSERT" in sql else []
    with pytest.raises(BadData, match=says):
        ledger.publish({"payments": [*kept, payment(2, "b", 5), new]})
    assert before == (ledger.rows("SELECT * FROM payments"), ledger.rows("SELECT * FROM journal"))


def test_a_first_load_that_lost_something_is_rolled_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)  # triggers of SQLite
    ledger.publish({"accounts": [account(1)]})
    ledger.rows("CREATE TRIGGER t AFTER INSERT ON payments BEGIN DELETE FROM payments WHERE account = 1002; END")
    with pytest.raises(BadData, match="опубликовано бы строк 1"):
        ledger.publish({"payments": [payment(1, "a", 4), payment(2, "b", 5)]})
    assert ledger.rows("SELECT COUNT(*) FROM payments") == [(0,)]


@pytest.mark.parametrize("act", get_args(Act))
def test_every_rule_obeys_its_switch(kept: Kept, act: Act) -> None:
    ledger = filled(Ledger(kept.folder, kept.cache()))
    ledger.publish({"charges": [charge(n, 202610, 1_000) for n in MANY]}, watermark="2026-11-19T10:00:00")
    every = Rules(**dict.fromkeys(Rules.__struct_fields__, act))  # type: ignore[arg-type]  # all of one kind
    guards = {name: Guards(rules=every, books_percent=0, least=1) for name in DATASETS}
    seen = [
        *ledger.check(balances(-100_000, MANY), guards, watermark="2026-11-18T10:00:00"),
        *ledger.check({"balances": [balance(n, 202611, 0, 60_000) for n in MANY]}, guards, mode="increment"),
        *ledger.check({"balances": [balance(n, 202610, 5, 5) for n in range(9)]}, guards, now=NOW - timedelta(days=60)),
        *ledger.check({"balances": [balance(1, 202610, 5, 5, closing_kopecks=0)]}, guards, mode="increment"),
        *ledger.check({"charges": [charge(n, 202610, 1, tariff=9_999) for n in MANY]}, guards),
        *ledger.check({"accounts": [account(n, "x") for n in MANY]}, guards, rejected=50, pulled=150),
        *ledger.check({"balances": []}, guards, balances_source=totals(rows=7, kopecks=5)),
        *ledger.check({"payments": [payment(700, "a", 1, 199901), payment(700, "b", 1, 203001)]}, guards),
        *ledger.check({"payments": [payment(700, "a", 1, 190001)]}, guards),
    ]
    codes = {finding.code for finding in seen}
    assert codes == (set() if act == "ignore" else set(get_args(Code)))
    assert {finding.holds for finding in seen} <= {act == "hold"}


def test_every_rule_has_its_switch_and_its_advice() -> None:
    assert set(Rules.__struct_fields__) == set(get_args(Code)) == set(ADVICE)
    assert msgspec.convert({"rules": {"books": "hold"}}, Guards).act("books") == "hold"
