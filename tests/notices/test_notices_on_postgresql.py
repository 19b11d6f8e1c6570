"""The same on a server: a bill is told, seen, taken back, told again and put into one letter."""

from __future__ import annotations

from datetime import date

import pytest

from tests.at_the_store import Kept
from tests.notices.conftest import Town


@pytest.fixture
def kept(shared: Kept) -> Kept:
    return shared


def test_a_bill_from_the_books_to_the_letter(town: Town) -> None:
    code, other = town.user("001"), town.user("002")
    town.days.charge("001", "2026-10", "120.00")
    town.days.bill("001", "2026-10", "120.00", "О1")
    run = town.pull()
    assert town.kinds(code) == ["bill"]
    town.look(code)
    town.revert(run)
    assert [each.detail["gone"] for each in town.look(code)] == [True]
    row = next(each for each in town.books["charges"]["rows"] if each["ЛС"] == "002")
    row["сумма"] = "130.00"
    town.pull()
    assert [each.detail["gone"] for each in town.unread(code)] == [False]
    assert town.kinds(other) == ["month_changed"]
    letters = town.write_letters(date(2026, 11, 8), 10)
    assert sorted(letter.recipient for letter in letters) == ["001@example.ru", "002@example.ru"]
