"""From the paper bill to «принято поставщиком» and back into the history, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser

from demo.supplier import Books
from demo.walk import last_month, sum_shown, volume_shown
from lk_sync.records import DATASETS, month_number
from tests.journeys.stage import Stage
from tests.journeys.steps import (
    choose_password,
    hand_in,
    hand_in_for_sure,
    log_in_by_keyboard,
    register,
    wait_on_page,
)
from tests.journeys.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

M3 = 1_000_000
MONEY = re.compile(r"([−-]?[\d ]+,\d\d)")
LAST_CELLS = """() => [...document.querySelectorAll('table.charges tbody')].map(
  month => [...month.rows].map(row => [row.className, row.cells[row.cells.length - 1].textContent]))"""


def test_a_subscriber_registers_sees_the_balance_and_hands_in_a_reading_that_is_accepted(
    stage: Stage, browser: Browser
) -> None:
    invited, email = stage.invite(), "first@example.ru"
    with Visitor(browser, stage.site) as visitor:
        visitor.go("/")
        assert visitor.path == "/login"
        register(visitor, stage, invited, email)
        log_in_by_keyboard(visitor, invited.account, stage.password(email))
        choose_password(visitor)
        owed = sum(row["closing_kopecks"] for row in last_month(stage.books_of(invited.account)))
        assert f"{sum_shown(owed)} ₽" in visitor.text
        assert re.search(r"Данные на \d+ \S+ \d{4}, \d\d:\d\d", visitor.text)
        sums_add_up(visitor, stage, invited.account)
        value = stage.last_reading(invited.account) + 150 * M3
        hand_in(visitor, value)
        assert visitor.heading == "Проверьте показание"
        assert "Расход необычно большой" in visitor.text
        visitor.press("Всё верно — передать")
        assert visitor.heading == "Переданное показание"
        assert wait_on_page(visitor, stage, r"Принято поставщиком \d+ \S+ \d{4}, \d\d:\d\d")
        assert re.search(r"Файл readings-\d{6}\.csv, строка \d+", visitor.text)
        visitor.go("/readings")
        assert wait_on_page(visitor, stage, f"{volume_shown(value)}0* 1500*")
        visitor.press("Выйти")
        visitor.go("/charges")
        assert visitor.path == "/login"


def sums_add_up(visitor: Visitor, stage: Stage, account: str) -> None:
    """Lines sum to their month, months to the total, and the total is the one of the books."""
    visitor.follow("Начисления")
    months = [option.get_attribute("value") for option in visitor.page.locator("#from option").all()]
    first, last = sorted(filter(None, months))[-12:][0], max(filter(None, months))
    visitor.page.locator("#from").select_option(first)
    visitor.page.locator("#to").select_option(last)
    visitor.press("Показать")
    stated = kopecks(visitor.page.locator(".whole .big").inner_text())
    of_months = [month_of(rows) for rows in visitor.page.evaluate(LAST_CELLS)]
    assert len(of_months) == 12
    assert sum(of_months) == stated == charged(stage.books_of(account), month_number(first), month_number(last))


def month_of(rows: list[tuple[str, str]]) -> int:
    """What a month sums to, by its lines and by its own word."""
    lines = [kopecks(cell) for kind, cell in rows if kind == ""]
    (total,) = (kopecks(cell) for kind, cell in rows if kind == "sum")
    assert sum(lines) == total
    return total


def charged(books: Books, first: int, last: int) -> int:
    lines = sum(row["total_kopecks"] for row in named("charges", books) if first <= row["period"] <= last)
    penalties = sum(row["penalty_kopecks"] for row in named("balances", books) if first <= row["period"] <= last)
    return int(lines + penalties)


def named(dataset: str, books: Books) -> list[dict[str, Any]]:
    return [dict(zip(DATASETS[dataset].columns, row, strict=False)) for row in books[dataset]]


def kopecks(text: str) -> int:
    found = MONEY.search(" ".join(text.split()))
    assert found, text
    return int(found[1].replace(" ", "").replace(",", "").replace("−", "-"))


def test_a_reading_that_the_accounting_system_rejects_is_told_with_its_reason_on_a_phone_without_javascript(
    stage: Stage, browser: Browser
) -> None:
    invited, email = stage.invite(), "second@example.ru"
    with Visitor(browser, stage.site, width=320, java_script_enabled=False) as visitor:
        register(visitor, stage, invited, email)
        log_in_by_keyboard(visitor, invited.account, stage.password(email))
        choose_password(visitor)
        hand_in(visitor, stage.last_reading(invited.account) + 150 * M3)
        assert visitor.heading == "Проверьте показание"
        visitor.press("Исправить")
        value, meter = stage.last_reading(invited.account) + 2 * M3, stage.meter_of(invited.account)
        stage.inspected[meter] = seen = value + 1 * M3
        hand_in_for_sure(visitor, value)
        assert wait_on_page(visitor, stage, "Не принято поставщиком")
        assert f"Причина: показание меньше предыдущего, {volume_shown(seen)}" in visitor.text
        hand_in_for_sure(visitor, seen + 1 * M3)
        assert wait_on_page(visitor, stage, "Принято поставщиком")
