"""Slow visitors and crowds of idle ones take no place from an honest visitor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lk_sync.config import Portal
from portal.connections import Door, Guest, Limits, limits
from tests.portal.wire import ask, closed_after, until
from tests.portal.world import SUBSCRIBER, World
from tests.portal.world import world as open_world

FEW = Limits(connections=4, per_address=3, head_seconds=10, answer_seconds=60, pause_seconds=60)
IMPATIENT = {"head_seconds": 1, "body_seconds": 1, "max_connections": 40, "max_connections_per_address": 20}


class Crowd:
    """Guests of a door, and which of them were dropped."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.dropped: list[str] = []

    def come(self, name: str, address: str, *, now: float = 0) -> Guest | None:
        return self.door.enter(address, now=now, drop=lambda: self.dropped.append(name))


def test_the_one_that_waits_longest_makes_room_for_a_new_one() -> None:
    crowd = Crowd(Door(FEW))
    for number, name in enumerate("abcd"):
        assert crowd.come(name, f"10.0.0.{number}")
    assert crowd.come("e", "10.0.0.9")
    assert crowd.dropped == ["a"]
    assert len(crowd.door) == 4


def test_one_address_only_takes_places_from_itself() -> None:
    crowd = Crowd(Door(FEW))
    crowd.come("honest", "10.0.0.1")
    for name in "abcd":
        assert crowd.come(name, "10.0.0.66")
    assert crowd.dropped == ["a"]


def test_a_request_in_hand_is_never_dropped_for_a_newcomer() -> None:
    crowd = Crowd(Door(FEW))
    for name in "abc":
        guest = crowd.come(name, "10.0.0.66")
        assert guest
        crowd.door.request_begins(guest, 0)
    assert crowd.come("d", "10.0.0.66") is None
    assert crowd.come("e", "10.0.0.1")
    assert crowd.dropped == []


def test_every_phase_has_its_deadline() -> None:
    crowd = Crowd(Door(FEW))
    guest = crowd.come("a", "10.0.0.1", now=0)
    assert guest
    assert crowd.door.sweep(10) == 0
    crowd.door.request_begins(guest, 10)
    crowd.door.pause_begins(guest, 20)
    assert crowd.door.sweep(80) == 0
    crowd.door.head_begins(guest, 80)
    assert crowd.door.sweep(90) == 0
    assert crowd.door.sweep(90.1) == 1
    assert crowd.dropped == ["a"]
    assert len(crowd.door) == 0


def test_leaving_twice_counts_once() -> None:
    crowd = Crowd(Door(FEW))
    guests = [crowd.come(name, "10.0.0.1") for name in "ab"]
    for guest in (guests[0], guests[0]):
        assert guest
        crowd.door.leave(guest)
    assert len(crowd.door) == 1
    assert crowd.come("c", "10.0.0.1")
    assert crowd.come("d", "10.0.0.1")
    assert crowd.dropped == []


def test_no_more_connections_are_taken_than_files_may_be_open() -> None:
    portal = Portal(base_url="http://127.0.0.1:1", max_connections=2000, max_connections_per_address=200, workers=2)
    assert limits(portal, files=20_000).connections == 1000
    assert limits(portal, files=256).connections == 160
    assert limits(portal, files=256).per_address == 100


@pytest.fixture
async def impatient(tmp_path: Path, cache_file: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "config", cache=cache_file, background=False, portal=IMPATIENT) as made:
        yield made


def head(world: World, first: str = "GET /login HTTP/1.1", more: str = "") -> bytes:
    return f"{first}\r\nHost: 127.0.0.1:{world.port}\r\n{more}".encode()


async def test_a_connection_that_says_nothing_or_half_a_head_is_closed(impatient: World) -> None:
    port = impatient.port
    waits = await asyncio.gather(
        closed_after(port, b"", within=6),
        closed_after(port, head(impatient), within=6),
        closed_after(port, b"G", within=6),
    )
    assert all(0.5 < wait < 5 for wait in waits)


async def test_a_head_that_comes_letter_by_letter_is_not_waited_for(impatient: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)

    async def drip() -> None:
        for letter in head(impatient, more="X-Slow: " + "z" * 10_000):
            writer.write(bytes([letter]))
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(6):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
    dripping.cancel()
    writer.close()


async def test_half_a_head_after_a_served_request_is_not_waited_for_either(impatient: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(head(impatient, "GET /healthz HTTP/1.1") + b"\r\n")
    await reader.readuntil(b"}")
    await asyncio.sleep(1.5)
    writer.write(b"GET /hea")
    async with asyncio.timeout(6):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
    writer.close()


async def test_a_form_that_does_not_arrive_is_given_up_with_408(impatient: World) -> None:
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\naccount=1"
    answer = await ask(impatient.port, head(impatient, "POST /login HTTP/1.1", form), seconds=6)
    assert answer.status == 408


async def test_a_body_that_no_page_reads_is_not_waited_for(impatient: World) -> None:
    sent = head(impatient, "POST /nowhere HTTP/1.1", "Content-Length: 1000\r\n\r\n")
    assert await closed_after(impatient.port, sent, within=8) < 7


async def test_a_crowd_of_idle_connections_keeps_no_honest_visitor_out(impatient: World) -> None:
    impatient.registered(SUBSCRIBER)
    crowd = [await asyncio.open_connection("127.0.0.1", impatient.port) for _ in range(150)]
    for number, (_, writer) in enumerate(crowd):
        writer.write((b"", b"GET / HTTP/1.1\r\nX: ")[number % 2])
    try:
        assert len(impatient.service.door) <= 20
        assert (await impatient.browser(local_address="127.0.0.2").log_in(SUBSCRIBER)).location == "/"
        assert (await impatient.browser().get("/login")).status == 200
    finally:
        for _, writer in crowd:
            writer.close()


async def test_a_crowd_from_many_addresses_keeps_no_honest_visitor_out(impatient: World) -> None:
    crowd = [
        await asyncio.open_connection("127.0.0.1", impatient.port, local_addr=(f"127.0.1.{1 + number % 30}", 0))
        for number in range(150)
    ]
    try:
        assert len(impatient.service.door) <= 40
        for _ in range(5):
            assert (await impatient.browser(local_address="127.0.0.2").get("/login")).status == 200
    finally:
        for _, writer in crowd:
            writer.close()


async def test_a_visitor_that_does_not_read_the_answer_is_dropped(tmp_path: Path, cache_file: Path) -> None:
    async with open_world(tmp_path / "config", cache=cache_file, background=False) as world:
        object.__setattr__(
            world.service.door, "limits", Limits(**{**_fields(world.service.door.limits), "answer_seconds": 1})
        )
        _, writer = await asyncio.open_connection("127.0.0.1", world.port, limit=1)
        transport = writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]  # every transport of a socket has it
        writer.write((head(world, "GET /consent HTTP/1.1") + b"\r\n") * 600)
        await until(lambda: len(world.service.door) == 0, seconds=15)
        writer.close()


def _fields(found: Limits) -> dict[str, float]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


async def test_forwarded_addresses_count_only_from_a_listed_proxy(tmp_path: Path, cache_file: Path) -> None:
    listed = {"trusted_proxies": ["127.0.0.3"]}
    limited = {"login_address_per_hour": 1}
    async with open_world(
        tmp_path / "config", cache=cache_file, background=False, portal=listed, budgets=limited
    ) as world:
        for address, forwarded, status in (
            ("127.0.0.3", "203.0.113.5", 403),
            ("127.0.0.3", "198.51.100.1, 203.0.113.5", 429),
            ("127.0.0.3", "203.0.113.6", 403),
            ("127.0.0.2", "203.0.113.7", 403),
            ("127.0.0.2", "203.0.113.8", 429),
        ):
            browser = world.browser(local_address=address, **{"X-Forwarded-For": forwarded})
            assert (await browser.log_in("00001", "wrong")).status == status, (address, forwarded)
