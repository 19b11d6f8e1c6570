"""Peak: on the last day of the readings everybody hands in at once. Does it hold, and is anything lost?

    python -m bench.peak [--accounts 100000] [--seconds 60] [--rate 200] [--pages 50] [--workers 2] [--folder FOLDER]

The real `lk-portal`, over the cache of `bench.portal`. So many readings a second are handed in by logged-in
subscribers, and so many pages a second are asked for meanwhile, each at its moment whether the ones before are answered
or not; a time runs from that moment, so that waiting for a connection counts. At the end every reading that was
confirmed to its subscriber is looked for in the store, with its value and its place in the outbox.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import uvloop

from bench.portal import PAGES, build, lk_portal, log_in, private_mb, versions, with_workers
from lk_sync.records import plain_account
from lk_sync.store.sessions import token_hash
from portal import forgery

CONNECTIONS: Final = 40  # for readings, and as many for pages
UNIT: Final = 1_000_000
MOST_ROUNDS: Final = 9  # the portal takes ten readings of a meter in a month


class Hand(msgspec.Struct):
    """A subscriber with a meter and what it showed last; `whole`: the value that is handed in next."""

    cookie: str
    csrf: str
    meter: str
    whole: int


class Sent(msgspec.Struct):
    """What became of everything that was sent. `taken`: submission → value, as it was confirmed."""

    taken: dict[str, int] = msgspec.field(default_factory=dict)
    statuses: Counter[str] = msgspec.field(default_factory=Counter)
    readings_ms: list[float] = msgspec.field(default_factory=list)
    pages_ms: list[float] = msgspec.field(default_factory=list)


def hands(folder: Path, signed_in: dict[str, str]) -> list[Hand]:
    """Of subscribers with one meter in service that is read by hand."""
    with contextlib.closing(sqlite3.connect(folder / "store.db")) as store:
        keys = dict(store.execute("SELECT token_hash, csrf_key FROM sessions"))
    found = []
    with contextlib.closing(sqlite3.connect(folder / "cache.db")) as cache:
        for number, cookie in signed_in.items():
            meters = cache.execute(
                "SELECT account, meter, automatic FROM meters WHERE account = ? AND removed_on IS NULL",
                (plain_account(number),),
            ).fetchall()
            if len(meters) != 1 or meters[0][2]:
                continue
            last = cache.execute(
                "SELECT value_micro FROM readings WHERE account = ? AND meter = ? ORDER BY taken_on DESC LIMIT 1",
                meters[0][:2],
            ).fetchone()
            key = keys[token_hash(cookie.partition("=")[2])]
            csrf = forgery.token(key) + forgery.tag(key, number)
            found.append(Hand(cookie, csrf, meters[0][1], (last[0] if last else 0) // UNIT))
    return found


# The clients


class Client:
    """A kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, cookie: str, body: str = "") -> tuple[str, str]:
        """Status and where it leads to."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {cookie}\r\n{form}\r\n{body}".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            writer.close()
            self._streams = None
        return head.split(" ", 2)[1], fields.get("location", "")


async def paced(
    port: int, rate: float, until: float, ask: Callable[[Client, int], Awaitable[None]], took_ms: list[float]
) -> None:
    """Calls `ask` for the first, the second … request, each at its moment."""
    count, began, numbers = int(rate * until), time.perf_counter(), iter(range(int(rate * until)))

    async def one() -> None:
        client = Client(port)
        for number in numbers:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await ask(client, number)
            took_ms.append((time.perf_counter() - due) * 1e3)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    assert len(took_ms) == count


async def peak(
    port: int, handing: list[Hand], cookies: list[str], seconds: float, rate: float, pages: float, sent: Sent
) -> None:
    chance, paths = random.Random(3), list(PAGES.values())

    async def hand_in(client: Client, number: int) -> None:
        hand = handing[number % len(handing)]
        hand.whole += 1
        submission = str(uuid4())
        fields = {
            "csrf": hand.csrf, "meter-1": hand.meter, "submission-1": submission, "value-1": hand.whole,
            "confirm-1": "high same rollover",
        }  # fmt: skip
        status, leads_to = await client.ask("POST", "/readings", hand.cookie, urlencode(fields))
        sent.statuses[f"reading {status}"] += 1
        if status == "303" and leads_to == f"/readings/{submission}":
            sent.taken[submission] = hand.whole * UNIT

    async def read(client: Client, number: int) -> None:
        status, _ = await client.ask("GET", paths[number % len(paths)], chance.choice(cookies))
        sent.statuses[f"page {status}"] += 1

    await asyncio.gather(
        paced(port, rate, seconds, hand_in, sent.readings_ms), paced(port, pages, seconds, read, sent.pages_ms)
    )


# The report


def check(folder: Path, sent: Sent) -> None:
    """Raises AssertionError unless the store holds exactly what was confirmed, and the outbox all of it."""
    with contextlib.closing(sqlite3.connect(folder / "store.db")) as store:
        stored = dict(store.execute("SELECT submission, value_micro FROM submitted_readings"))
        waiting = store.execute(
            "SELECT COUNT(*) FROM submitted_readings AS s JOIN outbox AS o ON o.item = s.item WHERE o.kind = 'reading'"
        ).fetchone()[0]
    lost = [submission for submission, value in sent.taken.items() if stored.get(submission) != value]
    assert not lost, f"{len(lost)} confirmed readings are not in the store"
    assert len(stored) == len(sent.taken) == waiting, (len(stored), len(sent.taken), waiting)


def run(folder: Path, accounts: int, seconds: float, rate: float, pages: float, workers: int) -> None:
    print(f"{versions()}, workers: {workers}, load of the machine {os.getloadavg()[0]:.1f}")
    build(folder, accounts)
    signed_in, sent = log_in(folder), Sent()
    handing = hands(folder, signed_in)
    assert rate * seconds <= len(handing) * MOST_ROUNDS, f"{len(handing)} meters are too few"
    with lk_portal(folder, workers) as (port, process):
        uvloop.run(peak(port, handing, list(signed_in.values()), seconds, rate, pages, sent))
        memory = [private_mb(each) for each in with_workers(process)[-workers:]]
    check(folder, sent)
    print(f"{rate:.0f} readings and {pages:.0f} pages a second for {seconds:.0f} s: {dict(sent.statuses)}")
    print(f"confirmed {len(sent.taken)}, all of them in the store and in the outbox, and no others")
    for title, took in (("readings", sent.readings_ms), ("pages", sent.pages_ms)):
        took.sort()
        middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
        print(f"{title:9} p50 {middle:6.1f} ms  p99 {late:6.1f} ms  longest {took[-1]:6.1f} ms")
    print("memory, MB private:", *memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--pages", type=float, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the cache here and take it again next time")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lk-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        run(folder.resolve(), asked.accounts, asked.seconds, asked.rate, asked.pages, asked.workers)


if __name__ == "__main__":
    main()
