"""The passport of a reading tells its whole way, and its proof names the line of the file as anyone can check it."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from demo.supplier.oddities import Oddity
from lk_sync.clock import instant
from lk_sync.config import ExportField, ExportSetting
from lk_sync.flow import items, layout
from lk_sync.store import batches, outbox
from lk_sync.store.batches import Batch
from lk_sync.store.database import Tx
from tests.portal.pages.cast import SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check
from tests.portal.pages.test_readings import MICRO, answer, export, last, send, typed
from tests.portal.world import Browser, World

VALUE = last(Oddity.ORDINARY) + MICRO
FIELDS = (ExportField(name="Номер", value="item"), ExportField(name="ЛС", value="account"),
          ExportField(name="Показание", value="value"))  # fmt: skip


@pytest.fixture
async def browser(world: World) -> Browser:
    return enter(world, SUBSCRIBER)


@pytest.fixture
async def place(browser: Browser) -> str:
    sent = await send(browser, typed(VALUE))
    assert sent.location
    return sent.location


async def steps(browser: Browser, place: str) -> list[tuple[str, bool]]:
    listed = check((await browser.get(place)).text).one("ol", "steps").all("li")
    return [(each.text, "done" in each.attributes.get("class", "")) for each in listed]


def book(world: World, value: int = VALUE) -> None:
    """The accounting system has entered the reading, and a later run has brought it back."""
    amend(
        world,
        "INSERT INTO readings SELECT account, meter, 'lk-1', '2026-11-23', 202611, :value, source, extra, origin, run"
        " FROM readings WHERE account = :key AND source = (SELECT id FROM codes WHERE code = 'subscriber') LIMIT 1",
        key=world.cache.account_key(SUBSCRIBER), value=value,
    )  # fmt: skip


def charge(world: World) -> None:
    """November is charged and billed like October."""
    key = world.cache.account_key(SUBSCRIBER)
    for table in ("charges", "bills"):
        amend(world, f"CREATE TABLE t AS SELECT * FROM {table} WHERE account = :key AND period = 202610", key=key)
        amend(world, "UPDATE t SET period = 202611")
        amend(world, f"INSERT INTO {table} SELECT * FROM t")
        amend(world, "DROP TABLE t")


async def test_a_reading_that_has_just_been_taken_has_its_whole_way_before_it(browser: Browser, place: str) -> None:
    assert [done for _, done in await steps(browser, place)] == [True, False, False, False, False]


async def test_what_the_books_show_of_a_reading_is_told(world: World, browser: Browser, place: str) -> None:
    answer(world, export(world), "confirmed", "ok", "Учтено")
    book(world)
    way = await steps(browser, place)
    assert [done for _, done in way] == [True, True, True, True, False]
    assert "Записано в книги поставщика от 23\xa0ноября\xa02026 за ноябрь\xa02026" in way[3][0]
    charge(world)
    charged, done = (await steps(browser, place))[4]
    assert done
    assert "По прибору начислено за ноябрь\xa02026" in charged
    assert "квитанция №" in charged


async def test_another_value_in_the_books_is_not_this_reading(world: World, browser: Browser, place: str) -> None:
    book(world, VALUE + 1000)
    charge(world)
    assert [done for _, done in await steps(browser, place)] == [True, False, False, False, False]


async def test_a_refused_reading_does_not_promise_books_and_bill(world: World, browser: Browser, place: str) -> None:
    answer(world, export(world), "rejected", "less", "Меньше контрольного")
    assert len(await steps(browser, place)) == 3
    page = check((await browser.get(place)).text)
    again = [each for each in page.one("main").all("a") if "Исправить" in each.text]
    assert again[0].attributes["href"] == f"/readings?correct={place.rpartition('/')[2]}"


def file_of(world: World) -> bytes:
    """What waits goes into a file; its bytes."""
    setting = ExportSetting(file="readings-{number:06d}.csv", fields=FIELDS, encoding="cp1251")
    return world.store.write_now(lambda tx: _file(tx, world, setting))


def _file(tx: Tx, world: World, setting: ExportSetting) -> bytes:
    waiting = list(outbox.waiting(tx, kind="reading"))
    said = [(each.item, items.read("reading", each.payload)) for each in waiting]
    body = layout.body(setting, (layout.cells(setting, *each) for each in said))
    made = Batch(
        "drop", 1, "reading", "readings-000001.csv", len(waiting), 0, layout.sha256(body),
        msgspec.json.encode(setting).decode(), instant(world.clock()),
    )  # fmt: skip
    batches.open(tx, made)
    lines = [(at, each.item) for at, each in enumerate(waiting, layout.FIRST_LINE)]
    outbox.batch(tx, sink="drop", number=1, lines=lines)
    outbox.export(tx, sink="drop", number=1, now=world.clock())
    return body


async def proof(browser: Browser, place: str) -> Element:
    return check((await browser.get(f"{place}/proof")).text).one("section", "passport")


async def test_the_proof_holds_the_line_of_the_file_and_its_hash(world: World, browser: Browser, place: str) -> None:
    body = file_of(world)
    line = body.split(b"\r\n")[layout.FIRST_LINE - 1]
    shown = await proof(browser, place)
    assert shown.one("p", "line-of-file").text == line.decode("cp1251")
    assert hashlib.sha256(line).hexdigest() in shown.text
    assert hashlib.sha256(body).hexdigest() in shown.text
    assert "readings-000001.csv, строка 2" in shown.text
    assert SUBSCRIBER in shown.text
    assert "Энергосервис" in shown.text
    assert typed(VALUE) in shown.text.replace("\xa0", "")


async def test_the_proof_of_what_still_waits_says_so(browser: Browser, place: str) -> None:
    shown = await proof(browser, place)
    assert "ещё не записано в файл" in shown.text
    assert not shown.all("p", "line-of-file")


async def test_a_file_whose_layout_is_lost_is_named_without_its_line(
    world: World, browser: Browser, place: str
) -> None:
    export(world)
    assert "восстановить не удалось" in (await proof(browser, place)).text
