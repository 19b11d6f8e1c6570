"""Whoever guesses sums against fifty thousand accounts for a day opens none of them, as it must be expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

import pytest

from demo.cached import publish, put
from lk_sync.bill_code import BITS, LENGTH
from lk_sync.cache import census
from lk_sync.cache.census import Census
from lk_sync.cache.codes import Codes
from lk_sync.cache.reader import CacheReader
from lk_sync.cache.schema import open_for_writing
from lk_sync.config import Budgets
from lk_sync.proofs import Registering
from lk_sync.setting import SecretValue
from lk_sync.store import registrations, users
from lk_sync.store.registrations import Registration
from portal import budgets
from portal.evidence import Rules
from portal.keys import CENSUS, REGISTRAR
from portal.registrar import GUESSABLE
from tests.portal.world import NOON
from tests.portal.world import world as open_world

Kind = Literal["norm", "norm and settled", "metered"]
ACCOUNTS, FEWER = 50_000, 2_000
MONTHS = (202610, 202609)
RISK = 0.1
BY_AREA = (31.4, 44.0, 44.7, 52.3, 58.1, 61.9, 30.2, 33.0, 64.5, 47.2)  # blocks of flats of the same plans
WEIGHTS = (60, 50, 45, 40, 35, 30, 25, 25, 20, 20)  # per mille
TARIFF_KOPECKS = 3_017
RULES = Rules(Registering(), SecretValue("a key of sixteen letters and more"))
DAY_TRIES = Budgets().register_account_per_day


class Town:
    """Accounts, with what their bills, payments and meters say."""

    def __init__(self, kind: Kind, accounts: int) -> None:
        self.kind, self.chance = kind, Random(2026)  # noqa: S311 - a town, no secret
        self.numbers = [f"{300_000_000 + at * 7}" for at in range(accounts)]
        areas = [self._area() for _ in range(accounts)]
        self.dues = [[self._due(area) for area in areas] for _ in MONTHS]
        self.bills = [self.chance.sample(range(10**6, 10**6 + 9 * accounts), accounts) for _ in MONTHS]
        self.paid = [(int(area * 10) * TARIFF_KOPECKS // 10, self.chance.randint(1, 25)) for area in areas]
        self.serials = [f"{self.chance.randrange(10**8):08d}" for _ in range(accounts)]

    def _area(self) -> float:
        typical = self.chance.random() * 1000 < sum(WEIGHTS)
        return self.chance.choices(BY_AREA, WEIGHTS)[0] if typical else self.chance.randint(280, 900) / 10

    def _due(self, area: float) -> int:
        if self.kind == "metered":
            return int(self.chance.lognormvariate(12.4, 0.5))
        settled = self.kind == "norm and settled" and self.chance.random() < 0.25
        return 0 if settled else int(area * 10) * TARIFF_KOPECKS // 10

    def fill(self, path: Path) -> None:
        base = open_for_writing(path)
        base.execute("PRAGMA synchronous = OFF")
        codes = Codes(base)
        put(base, codes, "accounts", list(islice(self._accounts(), FEWER)))
        put(base, codes, "bills", list(self._bills()))
        if self.kind == "norm and settled":  # where nothing is due, another proof is needed
            put(base, codes, "payments", list(self._payments()))
            put(base, codes, "meters", list(self._meters()))
        publish(base, published_at=NOON)
        base.close()

    def _accounts(self) -> Iterable[tuple[Any, ...]]:
        for number in self.numbers:
            yield (number, number, None, f"h{number}", "А", "person", None, "дом", 1, 1, None, *[None] * 8)

    def _bills(self) -> Iterable[tuple[Any, ...]]:
        for month, dues, bills in zip(MONTHS, self.dues, self.bills, strict=True):
            for number, due, bill in zip(self.numbers, dues, bills, strict=True):
                yield (number, month, str(bill), f"{month // 100}-11-01", None, None, due, "issued", *[None] * 4)

    def _payments(self) -> Iterable[tuple[Any, ...]]:
        for number, (paid, day) in zip(self.numbers, self.paid, strict=True):
            yield (number, "1", f"2026-10-{day:02d}", MONTHS[0], paid, "касса", *[None] * 4)

    def _meters(self) -> Iterable[tuple[Any, ...]]:
        for number, serial in zip(self.numbers, self.serials, strict=True):
            yield (number, "1", serial, "hot_water", None, None, "m3", 5, 3, None, None, None, None, 0, *[None] * 8)


@pytest.fixture(scope="module", params=get_args(Kind))
def counted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, Census]:
    town, path = Town(request.param, ACCOUNTS), tmp_path_factory.mktemp("town") / "cache.db"
    town.fill(path)
    reader = CacheReader(path)
    with reader.view() as view:
        return town, census.take(view, few=RULES.section.few, now=NOON)


def opens(town: Town, month: int | None = None) -> Counter[int]:
    """Sum → how many accounts it fits, by the bills of the last two months."""
    return Counter(sum_ for dues in zip(*town.dues, strict=True) for sum_ in set(dues))


def a_day(kind: Any, counted: Census) -> int:
    """So many guesses of a kind are answered in a day, whoever guesses."""
    wanted = budgets.failures(Budgets(), kind, accounts=counted.accounts, few=RULES.section.few)
    return min(budget.most * (24 if budget.per == "hour" else 1) for budget in wanted)


def by_sum(town: Town, counted: Census) -> float:
    """The best sum that is taken alone, tried on one account after the other until the day's failures are used up."""
    alone = [accounts for sum_, accounts in opens(town).items() if not RULES.wants_more(sum_, counted)]
    return a_day(None, counted) * max(alone, default=0) / ACCOUNTS


def by_second_datum(town: Town, counted: Census) -> float:
    """The best pair of a sum and a datum that is taken, known to belong to somebody, tried on one after the other."""
    taken = RULES.offered(counted)
    rarest = 0
    if "bill_number" in taken:
        rarest = max(rarest, *(Counter(map(str, bills)).most_common(1)[0][1] for bills in town.bills))
    if town.kind == "norm and settled":
        assert {"payment", "meter"} <= set(taken)
        pairs = Counter(census.payment(paid, f"2026-10-{day:02d}") for paid, day in town.paid)
        rarest = max(rarest, *(accounts for pair, accounts in pairs.items() if pair not in counted.payments))
        serials = Counter(town.serials)
        rarest = max(rarest, *(accounts for serial, accounts in serials.items() if serial not in counted.serials))
    return a_day(GUESSABLE, counted) * rarest / ACCOUNTS


def test_less_than_a_tenth_of_an_account_is_opened_in_a_day(counted: tuple[Town, Census]) -> None:
    town, census_ = counted
    codes = ACCOUNTS * DAY_TRIES * len(MONTHS) / 2 ** (BITS * LENGTH)
    expected = by_sum(town, census_) + by_second_datum(town, census_) + codes
    assert 0.01 < expected <= RISK, expected


def test_without_the_second_datum_the_same_guesses_would_open_many(counted: tuple[Town, Census]) -> None:
    """The town is no easy one: there, the rule is what holds."""
    town, _ = counted
    best = max(opens(town).values())
    if town.kind != "metered":
        assert best > ACCOUNTS * 0.05
        assert ACCOUNTS * best / ACCOUNTS > 2_000


def test_a_sum_is_shared_exactly_when_more_than_a_few_accounts_have_it(counted: tuple[Town, Census]) -> None:
    town, census_ = counted
    for sum_, accounts in opens(town).items():
        assert RULES.wants_more(sum_, census_) == (sum_ <= 0 or accounts > RULES.section.few), (sum_, accounts)
    assert census_.accounts == ACCOUNTS
    assert len(census_.sums.keys) * census_.sums.keys.itemsize < 1_000_000


def test_people_with_meters_are_seldom_asked_for_more(tmp_path: Path) -> None:
    town = Town("metered", ACCOUNTS)
    shared = {sum_ for sum_, accounts in opens(town).items() if accounts > RULES.section.few}
    asked = sum(due in shared for due in town.dues[0])
    assert asked < ACCOUNTS * 0.08, asked


def guess(number: int, account: str, amount: int, *proof: Any) -> Registration:
    nothing = ("ru", "1", "", "1", "", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "robot")
    at = (NOON + timedelta(seconds=number)).isoformat()
    return Registration(f"{number:032d}", account, f"x{number}@evil.example", amount, *nothing, at, *proof)


async def test_the_registrar_itself_answers_no_more_guesses_in_a_day_whatever_is_tried(tmp_path: Path) -> None:
    """A day of the clock against the real one: the commonest sums on the very accounts that have them, the best rare
    one on everybody, and a number of a bill that belongs to somebody else."""
    town, path = Town("norm", FEWER), tmp_path / "cache.db"
    town.fill(path)
    async with open_world(tmp_path / "config", cache=path, background=False, registration={"few": 3}) as world:
        counted = await world.app[CENSUS].fresh()
        fits = opens(town)
        rare = next(sum_ for sum_, accounts in fits.items() if accounts == RULES.section.few)
        holders = {number for number, *dues in zip(town.numbers, *town.dues, strict=True) if rare in dues}
        strangers = [number for number in town.numbers if number not in holders]
        common = [(number, due) for number, due in zip(town.numbers, town.dues[0], strict=True) if fits[due] > 100]
        guesses = [guess(at, *common[at]) for at in range(150)]
        guesses += [guess(1_000 + at, strangers[at], rare) for at in range(150)]
        guesses += [guess(2_000 + at, strangers[at], rare, GUESSABLE, "1000001") for at in range(300)]
        world.store.write_now(lambda tx: [registrations.ask(tx, each) for each in guesses])
        answered = Counter()  # type: Counter[str]
        for _ in range(24 - NOON.hour):
            await world.app[REGISTRAR].settle_waiting()
            world.clock.forward(hours=1)
        rows = world.store.reading._connection.execute(
            "SELECT COALESCE(proof_kind, 'sum'), outcome FROM registrations WHERE outcome IS NOT NULL"
        )
        answered.update(rows.fetchall())
        assert answered == {
            ("sum", "mismatch"): a_day(None, counted),
            (GUESSABLE, "mismatch"): a_day(GUESSABLE, counted),
        }
        assert not [account for account in town.numbers if users.of_account(world.store.reading, account=account)]
        owner = next(iter(holders))
        world.clock.forward(hours=1)
        bill = str(town.bills[0][town.numbers.index(owner)])
        due = town.dues[0][town.numbers.index(owner)]
        honest = guess(9_999, owner, due, GUESSABLE, bill)
        world.store.write_now(lambda tx: tx.change("registrations.ask", **_fields(honest)))
        await world.app[REGISTRAR].settle_waiting()
        assert users.of_account(world.store.reading, account=owner) is not None


def _fields(registration: Registration) -> dict[str, Any]:
    import msgspec

    early = msgspec.structs.replace(registration, created_at="2026-01-01T00:00:00.000Z")
    return msgspec.structs.asdict(early)
