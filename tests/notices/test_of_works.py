"""Outages are told to the accounts of their house, once; other times and a cancellation to who knew of them."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from demo.supplier.oddities import Oddity
from lk_sync.cache.codes import Codes
from lk_sync.cache.schema import open_for_writing
from lk_sync.clock import instant
from lk_sync.notices import facts, of_works
from lk_sync.store import notifications, walks
from tests.notices.conftest import MOSCOW, Houses
from tests.portal.pages.cast import NUMBER

NOW = datetime(2026, 11, 10, 12, tzinfo=MOSCOW)
HOUSE, OTHER = "house-a", "house-b"


class Outages:
    """The register of works, and two users in two houses."""

    def __init__(self, houses: Houses) -> None:
        self.houses = houses
        self.code, self.neighbour = houses.user(Oddity.ORDINARY), houses.user(Oddity.DEBTOR)
        for oddity, house in ((Oddity.ORDINARY, HOUSE), (Oddity.DEBTOR, OTHER)):
            key = houses.reader.account_key(NUMBER[oddity])
            houses.amend("UPDATE accounts SET building = :house WHERE account = :key", house=self.id(house), key=key)
        houses.amend("DELETE FROM works")
        houses.amend(
            "INSERT OR REPLACE INTO dataset_state (dataset, source, run, published_at, data_version)"
            " VALUES ('works', 'demo', 1, '2026-11-01T00:00:00.000Z', 1)"
        )

    def id(self, word: str) -> int:
        with closing(open_for_writing(self.houses.lk.cache_path)) as base:
            return next(iter(Codes(base).ids([word])))

    def put(
        self,
        works: str = "w1",
        *,
        house: str | None = HOUSE,
        starts: timedelta = timedelta(days=3),
        lasts: timedelta | None = timedelta(hours=8),
        kind: str = "planned",
    ) -> None:
        begin = NOW + starts
        self.houses.amend(
            "INSERT OR REPLACE INTO works (works, kind, building, service, starts_at, ends_at, what, origin, run)"
            " VALUES (:works, :kind, :house, NULL, :starts, :ends, 'Замена задвижки', 0, 1)",
            works=works,
            kind=self.id(kind),
            house=None if house is None else self.id(house),
            starts=instant(begin),
            ends=None if lasts is None else instant(begin + lasts),
        )

    def cancel(self, works: str = "w1") -> None:
        self.houses.amend("DELETE FROM works WHERE works = :works", works=works)

    def look(self, after: timedelta = timedelta()) -> None:
        of_works.go(self.houses.ground(NOW + after))

    def told(self, code: str | None = None) -> list[dict[str, Any]]:
        return [each.detail for each in self.houses.unread(code or self.code) if each.kind == "works"]

    def read(self) -> None:
        seen = [each.notification for each in self.houses.unread(self.code)]
        self.houses.store.write_now(lambda tx: notifications.read(tx, user_code=self.code, seen=seen, now=NOW))


@pytest.fixture
def outages(houses: Houses) -> Outages:
    return Outages(houses)


def test_works_are_told_to_their_house_once(outages: Outages) -> None:
    outages.put()
    for hours in (0, 1, 30):
        outages.look(timedelta(hours=hours))
    (told,) = outages.told()
    assert {"kind", *told} == set(next(each for each in facts.EXAMPLES if each["kind"] == "works"))
    assert (told["what"], told["planned"], told["moved"], told["gone"]) == ("Замена задвижки", True, False, False)
    assert outages.told(outages.neighbour) == []


def test_what_concerns_the_town_is_told_to_everybody(outages: Outages) -> None:
    outages.put(house=None, kind="emergency", starts=timedelta(hours=-1), lasts=None)
    outages.look()
    assert len(outages.told()) == len(outages.told(outages.neighbour)) == 1
    assert outages.told()[0]["planned"] is False


def test_what_is_far_away_waits_and_what_is_over_is_not_told(outages: Outages) -> None:
    outages.put("far", starts=timedelta(days=30))
    outages.put("over", starts=timedelta(days=-2), lasts=timedelta(hours=1))
    outages.put("long over", starts=timedelta(days=-9), lasts=None)
    outages.look()
    assert outages.told() == []
    outages.look(timedelta(days=24))
    assert [each["works"] for each in outages.told()] == ["far"]


def test_what_is_cancelled_before_anybody_saw_it_was_never_told(outages: Outages) -> None:
    outages.put()
    outages.look()
    outages.cancel()
    outages.look()
    assert outages.told() == []


def test_who_knew_of_works_that_are_cancelled_is_told_so(outages: Outages) -> None:
    outages.put()
    outages.look()
    outages.read()
    outages.cancel()
    for _ in range(2):
        outages.look()
    assert [each["gone"] for each in outages.told()] == [True]
    outages.read()
    outages.put()
    outages.look()
    assert [each["gone"] for each in outages.told()] == [False], "they are announced again"


@pytest.mark.parametrize("days", [4, 40])
def test_who_knew_of_works_that_are_moved_is_told_when_they_are(outages: Outages, days: int) -> None:
    outages.put()
    outages.look()
    outages.read()
    outages.put(starts=timedelta(days=days))
    for _ in range(2):
        outages.look()
    (told,) = outages.told()
    assert (told["moved"], told["starts_at"]) == (True, instant(NOW + timedelta(days=days)))
    outages.look(timedelta(days=days - 1))
    assert len(outages.told()) == 1


def test_works_that_have_ended_are_forgotten_and_not_cancelled(outages: Outages) -> None:
    outages.put()
    outages.look()
    outages.read()
    outages.look(timedelta(days=5))
    outages.cancel()
    outages.look(timedelta(days=6))
    assert outages.told() == []
    assert outages.houses.store.read(lambda tx: walks.known(tx, beginning=of_works.TOLD)) == []


def test_a_register_that_is_not_loaded_is_no_cancellation(outages: Outages) -> None:
    outages.put()
    outages.look()
    outages.read()
    outages.cancel()
    outages.houses.amend("DELETE FROM dataset_state WHERE dataset = 'works'")
    outages.look()
    assert outages.told() == []
