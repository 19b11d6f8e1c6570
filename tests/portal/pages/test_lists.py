"""Bills, payments and documents are listed as the accounting system has them, the newest first."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest
from openpyxl import load_workbook

from demo.supplier.oddities import Oddity
from portal.assets import FOR_EVER, assets
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, SUPPLIER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import Browser, World


async def listed(browser: Browser, path: str) -> list[Element]:
    page = check((await browser.get(path)).text)
    return page.all("table", "sheet")[0].one("tbody").all("tr")


async def test_bills_say_how_much_by_when_and_which_were_withdrawn(world: World) -> None:
    rows = await listed(enter(world, NUMBER[Oddity.BILL_WITHDRAWN]), "/bills")
    books = sorted(BOOKS[Oddity.BILL_WITHDRAWN]["bills"], key=lambda row: row[1:4:2] + row[2:3], reverse=True)
    assert [row.all("td")[0].text for row in rows] == [bill[2] for bill in books]
    assert [kopecks(row.all("td")[-1].text) for row in rows] == [bill[6] for bill in books]
    withdrawn = [row for row in rows if "отозвана" in row.text]
    assert len(withdrawn) == sum(bill[7] == "withdrawn" for bill in books) > 0
    months = [row.one("th").text.partition(" отозвана")[0] for row in rows]
    assert len(months) == len(set(months)) + len(withdrawn)  # the one instead of it is of the same month


async def test_the_home_page_shows_no_withdrawn_bill(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    with world.cache.view() as view:
        withdrawn = view.code_id("withdrawn")
    assert withdrawn > 0
    before = check((await enter(world, SUBSCRIBER).get("/")).text)
    assert "октябрь" in before.all("div", "columns")[0].text
    amend(world, "UPDATE bills SET state = :state WHERE account = :key AND period = 202610", state=withdrawn, key=key)
    after = check((await enter(world, SUBSCRIBER).get("/")).text)
    assert "сентябрь" in after.all("div", "columns")[0].text


async def test_payments_are_all_there_with_a_reversal_below_zero(world: World) -> None:
    rows = await listed(enter(world, NUMBER[Oddity.PAYMENT_REVERSED]), "/payments")
    books = BOOKS[Oddity.PAYMENT_REVERSED]["payments"]
    shown = [kopecks(row.all("td")[-1].text) for row in rows]
    assert sorted(shown) == sorted(payment[4] for payment in books)
    assert min(shown) < 0


async def test_payments_of_a_year_are_those_of_the_year_and_so_are_their_files(world: World) -> None:
    account = NUMBER[Oddity.PAYMENT_REVERSED]
    browser, books = enter(world, account), BOOKS[Oddity.PAYMENT_REVERSED]["payments"]
    years = {payment[2][:4] for payment in books}
    assert len(years) > 1
    offered = check((await browser.get("/payments")).text).one("form", "period").all("option")
    assert [each.text for each in offered] == ["Все годы", *sorted(years, reverse=True)]
    for year in years:
        page = check((await browser.get(f"/payments?year={year}")).text)
        numbers = [row.all("td")[2].text for row in page.all("table", "sheet")[0].one("tbody").all("tr")]
        assert sorted(numbers) == sorted(payment[1] for payment in books if payment[2].startswith(year))
        links = {each.text: each.attributes["href"] for each in page.one("p", "files").all("a")}
        head, *rows = csv.reader(
            io.StringIO((await browser.get(links["CSV"])).text.removeprefix("\ufeff")), delimiter=";"
        )
        assert [row[head.index("Номер")] for row in rows] == numbers
        written = [int(row[head.index("Сумма, ₽")].replace(",", "")) for row in rows]
        assert sum(written) == sum(payment[4] for payment in books if payment[2].startswith(year))
        file = await browser.get(links["XLSX"])
        assert f'filename="payments_{account}_{year}.xlsx"' in file.headers["Content-Disposition"]
        made = load_workbook(io.BytesIO(file.body)).active
        assert made is not None
        assert [row[head.index("Номер")] for row in made.iter_rows(min_row=2, values_only=True)] == numbers


@pytest.mark.parametrize("year", ["", "1999", "x", "%00", "2026-01", "' OR 1=1"])
async def test_a_year_without_payments_is_no_year(world: World, year: str) -> None:
    browser = enter(world, SUBSCRIBER)
    whole = await listed(browser, "/payments")
    assert len(await listed(browser, "/payments?year=" + quote(year))) == len(whole)


async def test_a_file_of_payments_tells_what_each_has_closed_and_nothing_is_no_file(world: World) -> None:
    browser = enter(world, NUMBER[Oddity.PAYMENT_ON_ITS_WAY])
    head, *rows = csv.reader(
        io.StringIO((await browser.get("/payments.csv")).text.removeprefix("\ufeff")), delimiter=";"
    )
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert {each["Состояние"] for each in cells} >= {"учтён", "обрабатывается"}
    assert any("₽" in each["Что закрыл"] for each in cells)
    amend(world, "DELETE FROM payments")
    for path in ("/payments.csv", "/payments.xlsx"):
        assert (await browser.get(path)).location == "/payments"


async def test_documents_name_contracts_and_acts(world: World) -> None:
    rows = await listed(enter(world, NUMBER[Oddity.METER_REPLACED]), "/documents")
    assert sorted(row.one("th").text for row in rows) == sorted(
        row[5] for row in BOOKS[Oddity.METER_REPLACED]["documents"]
    )
    assert {row.all("td")[0].text for row in rows} == {"Договор", "Акт"}


async def test_a_long_list_comes_in_parts_and_nothing_is_lost_between_them(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    amend(
        world,
        "INSERT INTO payments (account, payment, paid_on, period, amount_kopecks, channel, origin, run)"
        " WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120)"
        " SELECT :key, 'p-' || n, '2020-01-01', 202001, n, (SELECT MIN(channel) FROM payments), 0, 1 FROM n",
        key=key,
    )
    browser = enter(world, SUBSCRIBER)
    numbers = [row.all("td")[2].text for part in (1, 2, 3, 4) for row in await listed_or_none(browser, part)]
    assert len(numbers) == len(set(numbers)) == 120 + len(BOOKS[Oddity.ORDINARY]["payments"])


async def listed_or_none(browser: Browser, part: int) -> list[Element]:
    page = check((await browser.get(f"/payments?page={part}")).text)
    return [row for table in page.all("tbody") for row in table.all("tr")]


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "9" * 30, "²", "1000000"])
async def test_a_page_that_makes_no_sense_is_the_first(world: World, page: str) -> None:
    browser = enter(world, SUBSCRIBER)
    assert len(await listed(browser, f"/payments?page={page.replace('²', '%C2%B2')}")) > 0


@pytest.mark.parametrize(
    ("path", "dataset"), [("/bills", "bills"), ("/payments", "payments"), ("/documents", "documents")]
)
async def test_nothing_yet_and_not_loaded_yet_are_two_things(world: World, path: str, dataset: str) -> None:
    browser = enter(world, SUBSCRIBER)
    amend(world, f"DELETE FROM {dataset}")
    nothing = check((await browser.get(path)).text).one("main").text
    amend(world, "DELETE FROM dataset_state WHERE dataset = :dataset", dataset=dataset)
    unknown = check((await browser.get(path)).text).one("main").text
    assert "ещё не загружены" in unknown
    assert "ещё не загружены" not in nothing
    assert "0,00" not in nothing + unknown


async def test_static_files_are_kept_for_ever_under_the_name_of_their_content(world: World) -> None:
    browser = world.browser()
    for asset in assets().values():
        packed = await browser.get(asset.address)
        plain = await browser.get(asset.address, Accept_Encoding="identity")
        assert packed.headers["Cache-Control"] == plain.headers["Cache-Control"] == FOR_EVER
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.body == plain.body == asset.body
        assert "Set-Cookie" not in packed.headers
    for path in ("/static/portal.css", "/static/", "/static/../app.py", "/static/%2e%2e%2fapp.py"):
        assert (await browser.get(path)).status == 404


@pytest.mark.parametrize("place", ["/", "/charges", "/bills", "/payments", "/documents", "/readings"])
async def test_other_information_is_shown_as_the_supplier_labels_it(world: World, place: str) -> None:
    for dataset in ("accounts", "bills", "charges", "payments", "meters", "readings", "documents"):
        amend(world, f"UPDATE {dataset} SET extra = :told", told='{"Этаж <b>":"5 & 6"}')
    page = await enter(world, SUBSCRIBER).get(place)
    assert "<b>" not in page.text.replace("&lt;b&gt;", "")
    main = check(page.text).one("main").text
    assert "Этаж <b>" in main
    assert "5 & 6" in main


async def test_the_premise_its_equipment_prices_and_works_are_told_with_their_days(world: World) -> None:
    index = next(index for index in range(30, 60) if SUPPLIER.books(index)["equipment"])
    books, common = SUPPLIER.books(index), SUPPLIER.common()
    (account,) = books["accounts"]
    text = check((await enter(world, account[0]).get("/documents")).text).one("main").text
    for told in (books["equipment"][0][2], "Жилая площадь", "Зарегистрировано", "Приказ РСТ", "Тарифы"):
        assert told in text
    town = [row[6] for row in common["works"] if row[2] is None]
    elsewhere = [row[6] for row in common["works"] if row[2] not in (None, account[12])]
    assert town
    assert all(what in text for what in town)
    assert not [what for what in elsewhere if what in text]
    assert "Устранение утечки" not in text  # that is over


async def test_what_is_not_known_of_a_premise_is_not_there(world: World) -> None:
    for name in ("equipment", "tariffs", "norms", "works"):
        amend(world, f"DELETE FROM {name}")
    amend(world, "UPDATE accounts SET living_area_micro = NULL, registered = NULL, area_micro = NULL")
    text = check((await enter(world, SUBSCRIBER).get("/documents")).text).one("main").text
    for absent in ("Оборудование", "Тарифы", "Нормативы", "Отключения", "Жилая площадь"):
        assert absent not in text
    assert "Площадьнетданных" in text.replace(" ", "")


async def test_a_payment_says_what_it_has_closed_and_whether_it_counts(world: World) -> None:
    books = BOOKS[Oddity.PAYMENT_ON_ITS_WAY]
    page = check((await enter(world, NUMBER[Oddity.PAYMENT_ON_ITS_WAY]).get("/payments")).text)
    rows = {row.all("td")[2].text: row for row in page.all("table", "sheet")[0].one("tbody").all("tr")}
    parts: dict[str, list[int]] = {}
    for row in books["allocations"]:
        parts.setdefault(row[1], []).append(row[6])
    for payment in books["payments"]:
        shown = rows[payment[1]]
        assert ("обрабатывается" in shown.text) == (payment[6] == "processing")
        assert ("возвращён" in shown.text) == (payment[6] == "returned")
        closed = [kopecks(each.text) for line in shown.all("details") for each in line.all("span", "n")]
        assert closed == parts.get(payment[1], [])
        assert sum(closed) in (payment[4], 0)
    assert {payment[6] for payment in books["payments"]} == {None, "processing", "returned"}


async def test_a_debt_beside_an_overpayment_is_told_in_words(world: World) -> None:
    key = world.cache.account_key(NUMBER[Oddity.TWO_METERS])
    latest = "account = :key AND period = (SELECT MAX(period) FROM balances WHERE account = :key)"
    heating = "service = (SELECT id FROM codes WHERE code = 'heating')"
    amend(world, f"UPDATE balances SET closing_kopecks = 12345 WHERE {latest} AND {heating}", key=key)
    amend(world, f"UPDATE balances SET closing_kopecks = -6789 WHERE {latest} AND NOT {heating}", key=key)
    text = check((await enter(world, NUMBER[Oddity.TWO_METERS]).get("/payments")).text).one("main").text
    assert "По одной услуге долг, по другой переплата." in text
    assert "долг 123,45" in text.replace("\N{NO-BREAK SPACE}", " ")
    amend(world, f"UPDATE balances SET closing_kopecks = 6789 WHERE {latest}", key=key)
    text = check((await enter(world, NUMBER[Oddity.TWO_METERS]).get("/payments")).text).one("main").text
    assert "По одной услуге долг" not in text
