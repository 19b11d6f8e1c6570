"""The printed bill from the portal: the reader's own, one press away, and nobody else's."""

from __future__ import annotations

import re

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.records import month_text
from tests.portal.bills.printed import text
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.world import World


async def test_the_bill_is_one_press_away_from_each_page_that_speaks_of_it(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    for page, address in (
        ("/", "/bills/2026-10.pdf"),
        ("/charges", "/bills/2026-09.pdf"),
        ("/bills", "/bills/2026-10.pdf?of="),
    ):
        shown = await browser.get(page)
        assert re.search(rf'href="{re.escape(address)}[0-9a-f]*">Квитанция в PDF</a>', shown.text), page


async def test_the_file_is_the_bill_of_the_month_and_equal_to_the_screen(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    answer = await browser.get("/bills/2026-10.pdf")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert f'filename="bill_{SUBSCRIBER}_2026-10.pdf"' in answer.headers["Content-Disposition"]
    shown = text(answer.body)
    bill = BOOKS[Oddity.ORDINARY]["bills"][-1]
    assert bill[2] in shown
    assert BOOKS[Oddity.ORDINARY]["accounts"][0][4] in shown
    page = (await browser.get("/charges?from=2026-10&to=2026-10")).text.replace("\xa0", " ")
    sums = re.findall(r"−?[0-9]{1,3}(?: [0-9]{3})*,[0-9]{2}(?= ₽)", re.sub(r"<[^>]+>", " ", page))
    assert len(sums) > 5
    for each in sums:
        assert each in shown


async def test_in_english_the_link_is_english_and_the_bill_is_the_suppliers(world: World) -> None:
    browser = enter(world, SUBSCRIBER, language="en")
    assert "Bill as PDF" in (await browser.get("/bills")).text


async def test_a_withdrawn_bill_and_the_one_instead_of_it_are_told_apart(world: World) -> None:
    books = BOOKS[Oddity.BILL_WITHDRAWN]
    withdrawn = next(row for row in books["bills"] if row[7] == "withdrawn")
    browser = enter(world, NUMBER[Oddity.BILL_WITHDRAWN])
    listed = (await browser.get("/bills")).text
    month = month_text(withdrawn[1])
    addresses = re.findall(rf'href="(/bills/{month}\.pdf\?of=[0-9a-f]+)"', listed)
    assert len(addresses) == 2
    standing, gone = [text((await browser.get(address)).body) for address in addresses]
    assert f"{withdrawn[2]}-1" in standing
    assert "отозван" in gone.lower()
    assert f"{withdrawn[2]}-1" not in gone


@pytest.mark.parametrize(
    "path", ["2026-13", "none", "1999-01", "2026-10.pdf?of=000000000000&x", "2030-01", "..%2f..%2fetc%2fpasswd"]
)
async def test_a_month_that_is_not_there_is_not_found(world: World, path: str) -> None:
    address = path if "?" in path else f"{path}.pdf"
    assert (await enter(world, SUBSCRIBER).get(f"/bills/{address}")).status == 404


async def test_a_new_holder_does_not_get_the_bills_of_the_former_one(world: World) -> None:
    amend(world, "UPDATE accounts SET holder_since = '2026-10-01' WHERE number = :number", number=SUBSCRIBER)
    browser = enter(world, SUBSCRIBER)
    assert (await browser.get("/bills/2026-10.pdf")).status == 200
    assert (await browser.get("/bills/2026-09.pdf")).status == 404


async def test_a_stranger_is_sent_to_log_in(world: World) -> None:
    answer = await world.browser().get("/bills/2026-10.pdf")
    assert (answer.status, (answer.location or "")[:6]) == (303, "/login")
