"""While works go on the portal can only be read, or is closed; all are told until when, and nothing typed is lost."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.clock import instant
from lk_sync.store import audit, maintenance, outbox
from lk_sync.store.database import Store
from lk_sync.store.maintenance import Mode, Works
from portal.keys import WORKS
from tests.at_the_store import Kept
from tests.portal.pages.cast import NEIGHBOUR, SUBSCRIBER, enter
from tests.portal.pages.elements import check, is_ours
from tests.portal.pages.test_readings import fields_of, form_on, last, typed
from tests.portal.world import NOON, World, write_settings

LK_SYNC = Path(sys.executable).with_name("lk-sync")
OPEN_WHEN_CLOSED = ("/help", "/healthz", "/readyz")


@pytest.fixture
async def world(tmp_path: Path, town: Path) -> Any:
    from tests.portal.world import world as open_world

    async with open_world(tmp_path / "config", cache=town, background=False) as made:
        yield made


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datetime import date

    from demo.cached import fill
    from demo.supplier import Plan, Supplier

    path = tmp_path_factory.mktemp("town") / "cache.db"
    fill(path, Supplier(Plan(seed=1, accounts=60, today=date(2026, 11, 23))), published_at=NOON)
    return path


def works(world: World, mode: Mode, *, starts: float = 0, hours: float | None = 2, **text: str) -> None:
    """`starts`: hours from now."""
    now = world.clock()
    begins = now + timedelta(hours=starts)
    ends = None if hours is None else instant(begins + timedelta(hours=hours))
    planned = Works(mode=mode, starts_at=instant(begins), ends_at=ends, set_by="operator", **text)
    world.store.write_now(lambda tx: maintenance.plan(tx, planned, now=now))
    look(world)


def look(world: World) -> None:
    world.app[WORKS].look(at_once=True)


async def test_planned_works_are_announced_on_every_page_in_the_readers_language(world: World) -> None:
    works(world, "closed", starts=20, text_ru="Меняем сервер.", text_en="A new server.")
    russian = (await enter(world, SUBSCRIBER).get("/")).text
    assert "Плановые работы" in russian
    assert "24 ноября 2026, 08:00" in russian.replace("\xa0", " ")
    assert "Кабинет будет закрыт. Меняем сервер." in russian
    english = (await world.browser(**{"Accept-Language": "en"}).get("/login")).text
    assert "Planned maintenance" in english
    assert "The portal will be closed. A new server." in english
    check(english)


async def test_works_begin_and_end_by_themselves(world: World) -> None:
    works(world, "closed", starts=1, hours=2)
    browser = world.browser()
    seen = []
    for _ in range(4):
        seen.append((await browser.get("/login")).status)
        world.clock.forward(hours=1)
        look(world)
    assert seen == [200, 503, 503, 200]


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_closed_portal_says_until_when_and_shows_help_and_health(world: World, language: str) -> None:
    works(world, "closed", hours=3)
    browser = enter(world, SUBSCRIBER, language=language)
    for path in ("/", "/readings", "/login", "/register", "/rules"):
        page = await browser.get(path)
        assert page.status == 503
        assert page.headers["Retry-After"] == str(3 * 3600)
        assert page.headers["Cache-Control"] == "no-store"
        shown = check(page.text)
        assert "15:00" in shown.one("main").text
        assert "works-notice" not in page.text
    for path in OPEN_WHEN_CLOSED:
        assert (await browser.get(path)).status == 200
    stylesheet = check((await browser.get("/help")).text).all("link")[0].attributes["href"]
    assert (await browser.get(stylesheet)).status == 200


async def test_the_language_can_be_chosen_on_the_closed_page(world: World) -> None:
    works(world, "closed")
    browser = world.browser()
    chosen = await browser.post("/language", {"language": "en", "next": "/readings"}, form_on="/readings")
    assert chosen.status == 303
    assert "The portal is closed for maintenance" in (await browser.get("/readings")).text


async def test_a_form_is_not_taken_while_closed(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + 2_000_000))
    works(world, "closed")
    assert (await browser.post("/readings", fields)).status == 503
    assert outbox.tally(world.store.reading) == {}


async def test_what_was_typed_is_kept_and_sent_when_the_works_are_over(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = fields_of(await form_on(browser), value=typed(last(Oddity.ORDINARY) + 2_000_000))
    works(world, "read_only", hours=1 / 3)
    page = await browser.post("/readings", fields)
    assert page.status == 503
    assert page.headers["Retry-After"] == "1200"
    assert re.findall("«[^»]*[0-9][^»]*»", check(page.text).one("main").text) == [f"«{fields['value-1']}»"]
    kept = check(page.text).one("main").one("form")
    assert kept.attributes["action"] == "/readings"
    again = {each.attributes["name"]: each.attributes["value"] for each in kept.all("input")}
    assert fields.items() <= again.items()
    assert outbox.tally(world.store.reading) == {}
    assert (await browser.post("/readings", again)).status == 503
    world.clock.forward(minutes=20)
    look(world)
    stored = await browser.post("/readings", again)
    assert (stored.location or "").startswith("/readings/")


async def test_hostile_text_in_a_refused_form_is_only_text(world: World) -> None:
    works(world, "read_only")
    browser = world.browser()
    hostile = '"><script>alert(1)</script>'
    fields = {"account": hostile, "email": hostile, "amount": hostile, hostile: hostile}
    page = check((await browser.post("/register", fields)).text)
    assert all(is_ours(script) for script in page.all("script"))
    assert [each for each in page.one("main").all("input") if each.attributes["value"] == hostile]


async def test_a_password_is_never_written_into_a_page(world: World) -> None:
    works(world, "read_only")
    browser = world.browser()
    page = await browser.post("/register", {"account": "1", "password": "сезам сезам сезам"})
    assert page.status == 503
    assert "сезам" not in page.text
    assert "Вернитесь назад" in page.text


async def test_while_it_can_only_be_read_one_can_log_in_read_and_leave(world: World) -> None:
    world.registered(SUBSCRIBER)
    works(world, "read_only", hours=None)
    assert (await world.browser().log_in(SUBSCRIBER)).location == "/"
    browser = enter(world, NEIGHBOUR)
    page = await browser.get("/")
    assert page.status == 200
    assert "Всё можно смотреть" in page.text
    assert (await browser.post("/logout", {}, form_on="/help")).location == "/login"


async def test_a_form_that_is_not_ours_is_still_none(world: World) -> None:
    works(world, "read_only")
    refused = await world.browser().post("/register", {"csrf": "0" * 64, "account": "1"})
    assert refused.status == 403


async def test_a_store_that_does_not_answer_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    works(world, "read_only")
    known = world.app[WORKS]

    def broken(*_: Any, **__: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(maintenance, "standing", broken)
    known.look(at_once=True)
    assert known.kind == "read_only"


def test_looking_costs_a_page_next_to_nothing(world: World) -> None:
    known = world.app[WORKS]
    known.look()
    began = time.perf_counter()
    for _ in range(10_000):
        known.look()
        known.notice("ru")
    assert (time.perf_counter() - began) / 10_000 < 20e-6


def test_works_that_begin_now_take_the_place_of_those_that_go_on(kept: Kept) -> None:
    store = kept.store()
    now = NOON
    for mode, starts, ends in (("closed", 0, 2), ("read_only", 5, 6), ("read_only", 0, None)):
        planned = Works(
            mode=mode,
            starts_at=instant(now + timedelta(hours=starts)),
            ends_at=instant(now + timedelta(hours=ends)) if ends else None,
            set_by="operator",
        )
        store.write_now(lambda tx, planned=planned: maintenance.plan(tx, planned, now=now))
    found = store.read(lambda tx: maintenance.standing(tx, now=now))
    assert [(each.mode, each.go_on(now)) for each in found] == [("read_only", True), ("read_only", False)]
    assert store.write_now(lambda tx: maintenance.end(tx, by="operator", now=now)) == 2
    assert store.write_now(lambda tx: maintenance.end(tx, by="operator", now=now)) == 0
    assert store.read(lambda tx: maintenance.standing(tx, now=now)) == []
    acts = [entry.act for entry in store.read(lambda tx: audit.about(tx, object=maintenance.SUBJECT))]
    assert acts == ["maintenance_planned"] * 3 + ["maintenance_ended"]
    store.close()


def command(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [LK_SYNC, "--config", folder / "config", "maintenance", *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_operator_says_when_and_reads_it_back(tmp_path: Path) -> None:
    write_settings(tmp_path / "config", port=1)
    (tmp_path / "config" / "var").mkdir()
    (tmp_path / "schedules.yaml").write_text("jobs: {}\n", "utf-8")
    assert command(tmp_path) == (0, "Работ нет: кабинет открыт.\n")
    hours = ("--from", "05.12.2099 22:00", "--until", "2099-12-06 02:30")
    code, said = command(tmp_path, "on", "--mode", "closed", *hours, "--text", "Меняем сервер.")
    assert (code, "с 05.12.2099" in said or "05.12.2099 22:00" in said) == (0, True)
    store = Store(tmp_path / "config" / "var" / "store.db")
    (planned,) = store.read(lambda tx: maintenance.standing(tx, now=datetime.now(UTC)))
    store.close()
    assert (planned.starts_at, planned.ends_at) == ("2099-12-05T19:00:00.000Z", "2099-12-05T23:30:00.000Z")
    (told,) = json.loads(command(tmp_path, "list", "--json")[1])
    assert (told["mode"], told["text_ru"]) == ("closed", "Меняем сервер.")
    assert "закрыт" in command(tmp_path)[1]
    status = subprocess.run(
        [LK_SYNC, "--config", tmp_path / "config", "--schedules", tmp_path / "schedules.yaml", "status"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Кабинет: закрыт с 05.12.2099 22:00:00 до 06.12.2099 02:30:00." in status.stdout, status.stderr
    assert command(tmp_path, "off") == (0, "Кабинет открыт.\n")
    assert command(tmp_path, "off") == (0, "Работ не было: кабинет открыт.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["on"], "не указано: --mode"),
        (["on", "--mode", "open"], "--mode"),
        (["on", "--mode", "closed", "--until", "вчера"], "«вчера» — не время"),
        (["on", "--mode", "closed", "--until", "2020-01-01 00:00"], "кончились бы раньше"),
        (["on", "--mode", "closed", "--text", "x" * 301], "не больше 300"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, words: list[str], says: str) -> None:
    write_settings(tmp_path / "config", port=1)
    (tmp_path / "config" / "var").mkdir()
    code, said = command(tmp_path, *words)
    assert code == 2
    assert says in said
