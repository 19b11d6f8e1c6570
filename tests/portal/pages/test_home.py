"""The first page says what is owed, for which month, until when and as of when, and never a zero for the unknown."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.formats import Formats
from lk_sync.records import DATASETS
from lk_sync.store import rejects, runs
from lk_sync.store.database import Tx
from tests.portal.pages.cast import BOOKS, NUMBER, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import Element, check, kopecks
from tests.portal.world import World
from tests.portal.world import world as open_world

FORMATS = Formats("ru", ZoneInfo("Europe/Moscow"))


async def home(world: World, account: str, language: str = "ru") -> Element:
    page = await enter(world, account, language=language).get("/")
    assert page.status == 200
    return check(page.text)


def standing(page: Element) -> Element:
    return page.one("section", "standing")


def closing(oddity: Oddity) -> int:
    last = BOOKS[oddity]["balances"][-1][1]
    return sum(row[-2] for row in BOOKS[oddity]["balances"] if row[1] == last)


async def test_a_debtor_reads_the_sum_the_month_and_the_day(world: World) -> None:
    block = standing(await home(world, NUMBER[Oddity.DEBTOR]))
    assert kopecks(block.one("p", "sum").text) == closing(Oddity.DEBTOR) > 0
    assert "К оплате за октябрь" in block.text
    assert "Срок оплаты прошёл 15\xa0ноября\xa02026" in block.text


async def test_the_day_is_still_ahead_before_it_has_passed(world: World) -> None:
    world.clock.forward(days=-10)
    assert "Оплатите до 15\xa0ноября\xa02026" in standing(await home(world, NUMBER[Oddity.DEBTOR])).text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"usual_days": {"касса": 1, "почта": 5}, "other_days": 3}, "Обычно это от 1 до 5 рабочих дней"),
        ({"usual_days": {"касса": 2}, "other_days": 2}, "Обычно это 2 рабочих дня."),
    ],
)
async def test_how_long_a_payment_takes_is_as_the_settings_say(
    tmp_path: Path, town: Path, settings: dict[str, object], sentence: str
) -> None:
    async with open_world(tmp_path / "c", cache=town, background=False, payments=settings) as world:
        block = standing(await home(world, NUMBER[Oddity.DEBTOR]))
    assert sentence in block.text
    assert "/payments#not-yet" in [link.attributes["href"] for link in block.all("a")]


async def test_a_payment_that_the_balance_cannot_know_yet_is_told_beside_it(world: World) -> None:
    block = standing(await home(world, SUBSCRIBER))
    assert kopecks(block.one("p", "sum").text) == closing(Oddity.ORDINARY) > 0
    assert "Оплачено: поставщик уже учёл" in block.text
    assert "Срок" not in block.text


async def test_a_part_payment_leaves_an_estimate_and_says_that_it_is_one(world: World) -> None:
    key = world.cache.account_key(SUBSCRIBER)
    amend(world, "UPDATE payments SET amount_kopecks = 100 WHERE account = :key AND period = 202611", key=key)
    block = standing(await home(world, SUBSCRIBER))
    assert "учёл платежи на 1,00\xa0₽: ориентировочно осталось" in block.text
    assert "Срок оплаты прошёл" in block.text


async def test_a_credit_is_what_one_is_ahead_and_nothing_is_to_be_paid(world: World) -> None:
    block = standing(await home(world, NUMBER[Oddity.CREDIT]))
    assert block.one("h2").text == "Переплата"
    assert kopecks(block.one("p", "sum").text) == -closing(Oddity.CREDIT) > 0
    assert "Платить сейчас не нужно" in block.text


async def test_a_zero_that_is_known_is_said_in_words_too(world: World) -> None:
    assert closing(Oddity.ZERO) == 0
    block = standing(await home(world, NUMBER[Oddity.ZERO]))
    assert block.one("h2").text == "Долга нет"
    assert kopecks(block.one("p", "sum").text) == 0


async def test_services_add_up_to_the_sum(world: World) -> None:
    block = standing(await home(world, NUMBER[Oddity.DEBTOR]))
    parts = [kopecks(each.one("span", "n").text) for each in block.one("ul", "parts").all("li")]
    assert sum(parts) == kopecks(block.one("p", "sum").text)


async def test_a_closed_account_says_since_when_and_keeps_its_debt(world: World) -> None:
    page = await home(world, NUMBER[Oddity.CLOSED_WITH_DEBT])
    closed_on = BOOKS[Oddity.CLOSED_WITH_DEBT]["accounts"][0][11]
    assert f"Лицевой счёт закрыт {FORMATS.day(closed_on)}" in page.text
    assert kopecks(standing(page).one("p", "sum").text) == closing(Oddity.CLOSED_WITH_DEBT)
    assert "Передать показания" not in page.one("main").text


async def test_an_account_that_was_never_charged_has_no_sum_at_all(world: World) -> None:
    amend(world, "DELETE FROM balances WHERE account = :key", key=world.cache.account_key(SUBSCRIBER))
    block = standing(await home(world, SUBSCRIBER))
    assert "Сальдо неизвестно" in block.text
    assert "ещё не было" in block.text
    assert "₽" not in block.text


@pytest.mark.parametrize("dataset", ["balances", "bills", "payments", "meters", "readings"])
async def test_what_was_never_loaded_is_said_to_be_so_and_is_no_zero(world: World, dataset: str) -> None:
    amend(world, f"DELETE FROM {dataset}")
    amend(world, "DELETE FROM dataset_state WHERE dataset = :dataset", dataset=dataset)
    page = await home(world, SUBSCRIBER)
    assert "ещё не загружены" in page.one("main").text
    assert "0,00" not in page.one("main").text


async def test_nothing_was_ever_loaded(tmp_path: Path) -> None:
    async with open_world(tmp_path / "config", background=False) as world:
        page = await home(world, SUBSCRIBER)
        assert "Данные ещё ни разу не загружены" in page.text
        assert "₽" not in page.text


async def test_an_account_that_the_source_no_longer_names_is_unknown_and_not_settled(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    amend(world, "DELETE FROM accounts WHERE account = :key", key=world.cache.account_key(SUBSCRIBER))
    page = check((await browser.get("/")).text)
    assert "Это не значит, что долга нет" in page.text
    assert "₽" not in page.text


async def test_every_page_says_as_of_when_and_from_where(world: World) -> None:
    assert standing(await home(world, SUBSCRIBER)).one("p", "as-of").text == (
        "Данные на 23\xa0ноября\xa02026, 05:10 — из учётной системы поставщика (demo)"
    )


async def test_old_data_are_shown_with_a_warning(world: World) -> None:
    fresh = await home(world, SUBSCRIBER)
    world.clock.forward(hours=48)
    old = await home(world, SUBSCRIBER)
    assert "Данные давно не обновлялись" in old.text
    assert "Данные давно не обновлялись" not in fresh.text
    assert standing(old).one("p", "sum").text == standing(fresh).one("p", "sum").text


async def test_data_that_wait_for_a_person_are_announced(world: World) -> None:
    now = world.clock()

    def hold(tx: object) -> None:
        run = runs.open_run(tx, job="nightly", source="demo", started_by="timetable", now=now)  # type: ignore[arg-type]
        assert runs.close(tx, run, state="held", now=now)  # type: ignore[arg-type]

    assert "Новые данные проверяются" not in (await home(world, SUBSCRIBER)).text
    world.store.write_now(hold)
    world.clock.forward(minutes=1)
    assert "Новые данные проверяются" in (await home(world, SUBSCRIBER)).text


async def test_only_the_account_whose_rows_were_not_taken_reads_that_its_data_are_being_corrected(world: World) -> None:
    now = world.clock()

    def lack(tx: Tx) -> None:
        run = runs.open_run(tx, job="nightly", source="demo", started_by="timetable", now=now)
        bad = ("payments", 1, 7, f"{SUBSCRIBER} П", "amount_kopecks", "1.005", "больше 2 знаков", "payments")
        rejects.add_all(tx, run, [(*bad, SUBSCRIBER, None, None)])
        assert runs.close(tx, run, state="published", now=now)

    world.store.write_now(lack)
    world.clock.forward(minutes=1)
    browser = enter(world, SUBSCRIBER)
    assert "Данные уточняются" in (await home(world, SUBSCRIBER)).text
    assert "Данные уточняются" in (await browser.get("/payments")).text
    assert "Данные уточняются" not in (await browser.get("/charges")).text
    assert "Данные уточняются" not in (await home(world, NUMBER[Oddity.DEBTOR])).text
    world.store.write_now(lambda tx: rejects.settle(tx, rejects.unsettled(tx), by="запуск 9", now=now))
    world.clock.forward(minutes=1)
    assert "Данные уточняются" not in (await browser.get("/payments")).text


async def test_a_new_holder_does_not_see_what_was_the_former_ones(world: World) -> None:
    number = NUMBER[Oddity.HOLDER_CHANGED]
    since = BOOKS[Oddity.HOLDER_CHANGED]["accounts"][0][6]
    browser = enter(world, number)
    before = [row for row in BOOKS[Oddity.HOLDER_CHANGED]["payments"] if row[2] < since]
    assert before
    payments = check((await browser.get("/payments")).text)
    shown = {row.all("td")[2].text for row in payments.all("tr")[1:]}
    assert shown == {row[1] for row in BOOKS[Oddity.HOLDER_CHANGED]["payments"] if row[2] >= since}


async def test_the_former_holder_is_let_out(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    amend(world, "UPDATE accounts SET holder_key = 'another'")
    assert (await browser.get("/")).location == "/login"


async def test_a_cache_that_was_deleted_and_pulled_again_is_found(world: World, town: Path) -> None:
    browser = enter(world, SUBSCRIBER)
    cache = world.config.lk.cache_path
    assert "К оплате" in (await browser.get("/")).text
    cache.unlink()
    assert "ни разу не загружены" in (await browser.get("/")).text
    shutil.copy(town, cache)
    assert "К оплате" in (await browser.get("/")).text


def test_the_page_knows_every_dataset_it_shows() -> None:
    from portal.pages.home.handlers import DATASETS as SHOWN

    assert set(SHOWN) <= set(DATASETS)


async def waiting(world: World, oddity: Oddity) -> list[str]:
    """The marks of what waits, in their order."""
    page = check((await enter(world, NUMBER[oddity]).get("/")).text)
    return [task.attributes["class"] for tasks in page.all("ul", "tasks") for task in tasks.all("li")]


async def test_what_waits_is_told_the_most_urgent_first(world: World) -> None:
    amend(world, "DELETE FROM readings WHERE period = 202611")
    amend(world, "UPDATE meters SET verification_due_on = '2026-12-20' WHERE removed_on IS NULL")
    amend(world, "UPDATE meters SET verification_due_on = '2026-11-22' WHERE account = :key AND meter LIKE '%-1'",
          key=world.cache.account_key(NUMBER[Oddity.TWO_METERS]))  # fmt: skip
    assert await waiting(world, Oddity.TWO_METERS) == ["expired", "readings", "verification", "works"]
    world.clock.forward(days=4)  # the window has closed on the 25th
    assert await waiting(world, Oddity.TWO_METERS) == ["expired", "verification", "works"]


async def test_nothing_is_asked_where_nothing_is_to_be_done(world: World) -> None:
    amend(world, "DELETE FROM works")
    amend(world, "UPDATE meters SET verification_due_on = '2030-01-01'")
    amend(world, "UPDATE readings SET period = 202611, source = (SELECT id FROM codes WHERE code = 'inspector')")
    assert await waiting(world, Oddity.TWO_METERS) == []
    assert await waiting(world, Oddity.CLOSED) == []
    amend(world, "DELETE FROM readings")
    assert await waiting(world, Oddity.AUTOMATIC) == []
    assert await waiting(world, Oddity.TWO_METERS) == ["readings"]
    assert await waiting(world, Oddity.CLOSED) == []
