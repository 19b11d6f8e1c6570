"""Portal: what does a page cost, with login, forms' tokens and security headers on?

    python -m bench.portal [--accounts 100000] [--seconds 8] [--rounds 3] [--workers 1] [--folder FOLDER]

Starts the real `lk-portal` over a cache of synthetic subscribers, logs a few thousand of them in through the store,
and asks for the pages of random ones over kept connections. Beside it, in the same run, stands a bare aiohttp that
answers constant bytes of the same size. CPU is the server process's own (user + system), so the client does not
count. Every answer is checked to be a whole 200 page; a sample is checked to belong to the subscriber who asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import web

from demo.cached import fill
from demo.supplier import Plan, Supplier
from lk_sync.cache import schema
from lk_sync.records import DATASETS, Dataset
from lk_sync.store import sessions, users
from lk_sync.store.database import Store, Tx
from portal import forgery
from portal.access import SESSION

ROOT: Final = Path(__file__).parents[1]
WRITTEN_BY_HAND: Final = 4_000  # accounts that the demo's generator makes; the rest are copies under other numbers
SHIFT: Final = 1_000_000
LOGGED_IN: Final = 3_000
CONNECTIONS: Final = 8
WARM_SECONDS: Final = 2
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGES: Final = {"home": "/", "charges, 12 months": "/charges", "readings": "/readings"}


class Measured(msgspec.Struct, frozen=True):
    """One page on one server in one round."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    size: int


# What stands behind the pages


def build(folder: Path, accounts: int) -> None:
    """The cache and the store with its sessions; a folder that has them is taken as it is."""
    cache = folder / "cache.db"
    if not cache.exists():
        started = time.perf_counter()
        by_hand = min(accounts, WRITTEN_BY_HAND)
        supplier = Supplier(Plan(seed=1, accounts=by_hand, today=date.today()))  # noqa: DTZ011 - the demo's own day
        fill(cache, supplier, published_at=datetime.now(UTC))
        _copy(cache, -(-accounts // by_hand) - 1)
        print(f"cache: {_count(cache, 'accounts')} accounts, {_count(cache, 'charges')} lines of charges,"
              f" {cache.stat().st_size >> 20} MB, made in {time.perf_counter() - started:.0f} s")  # fmt: skip


def _copy(cache: Path, times: int) -> None:
    """The same accounts again and again, under numbers of their own."""
    original = cache.with_suffix(".original")
    shutil.copy(cache, original)
    with contextlib.closing(sqlite3.connect(cache, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("ATTACH ? AS original", (str(original),))
        for dataset in DATASETS.values():
            if "account" in dataset.columns:
                _copy_dataset(connection, dataset, times)
        connection.execute("DETACH original")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    original.unlink()


def _copy_dataset(connection: sqlite3.Connection, dataset: Dataset, times: int) -> None:
    columns = schema.columns(dataset)
    made = {"account": "account + :by"}
    if dataset.name == "accounts":
        made["number"] = "SUBSTR(CAST(account + :by AS TEXT), 2)"
    cells = ", ".join(made.get(column, column) for column in columns)
    statement = f"INSERT INTO main.{dataset.name} ({', '.join(columns)}) SELECT {cells} FROM original.{dataset.name}"
    connection.execute("BEGIN")
    for number in range(1, times + 1):
        connection.execute(statement, {"by": number * SHIFT})
    connection.execute("COMMIT")


def _count(cache: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(cache)) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def log_in(folder: Path) -> dict[str, str]:
    """Account number → cookie of its open session, for some accounts drawn at random."""
    with contextlib.closing(sqlite3.connect(folder / "cache.db")) as connection:
        accounts = connection.execute("SELECT number, holder_key FROM accounts WHERE closed_on IS NULL").fetchall()
    drawn = random.Random(1).sample(accounts, min(LOGGED_IN, len(accounts)))
    (folder / "store.db").unlink(missing_ok=True)
    store = Store(folder / "store.db")
    try:
        return store.write_now(lambda tx: {number: _session(tx, number, holder) for number, holder in drawn})
    finally:
        store.close()


def _session(tx: Tx, number: str, holder_key: str) -> str:
    now, day = datetime.now(UTC), timedelta(days=1)
    code = users.create(
        tx, account=number, holder_key=holder_key, email="reader@example.ru", language="ru",
        password_hash="unused", lasts=day, now=now,
    )  # fmt: skip
    user = users.find(tx, user_code=code)
    assert user is not None
    users.choose_password(tx, user=user, password_hash="unused, own")
    token = secrets.token_urlsafe(32)
    sessions.start(
        tx, token=token, user_code=code, csrf_key=forgery.new_secret(), now=now, lasts=day,
        address="127.0.0.1", browser="bench",
    )  # fmt: skip
    return f"{SESSION}={token}"


# The servers


@contextlib.contextmanager
def lk_portal(folder: Path, workers: int = 1) -> Iterator[tuple[int, int]]:
    """The real program; its port and its process number. Several workers are its children."""
    port = _free_port()
    settings = {
        "LK_DATA_DIR": str(folder),
        "LK_PORTAL__PORT": str(port),
        "LK_PORTAL__WORKERS": str(workers),
        "LK_PORTAL__BASE_URL": f"http://127.0.0.1:{port}",
        "LK_SMTP_PASSWORD": "unused",
    }
    command = [str(Path(sys.executable).with_name("lk-portal")), "--config", str(ROOT / "config")]
    with _running(command, port, {**os.environ, **settings}) as process:
        yield port, process


@contextlib.contextmanager
def constant(size: int) -> Iterator[tuple[int, int]]:
    """A bare aiohttp that answers the same `size` bytes whatever is asked."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.portal", "--constant", str(port), str(size)]
    with _running(command, port, dict(os.environ)) as process:
        yield port, process


@contextlib.contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
        try:
            _wait_for(port, process, said)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes], said: Any) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    said.seek(0)
    raise SystemExit(f"the server does not answer:\n{said.read().decode()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_constant(port: int, size: int) -> None:
    body = b"x" * size

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    async def until_stopped() -> None:
        app = web.Application()
        app.router.add_get("/{any:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        await runner.cleanup()

    uvloop.run(until_stopped())


# The client


class Reader(asyncio.Protocol):
    """One kept connection that asks for the next page as soon as it has the last one whole."""

    def __init__(self, requests: Iterator[bytes], until: float, done: asyncio.Future[None]) -> None:
        self.took: list[float] = []
        self.sizes = 0
        self._requests, self._until, self._done = requests, until, done
        self._wanted, self._have = 0, 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        if self._asked_at >= self._until:
            self._transport.close()
            self._done.set_result(None)
        else:
            self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        if not self._wanted:
            head, _, _ = data.partition(b"\r\n\r\n")
            assert data.startswith(b"HTTP/1.1 200 "), data[:200]
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
            self._wanted, self._have = len(head) + 4 + length, 0
            self.sizes += length
        self._have += len(data)
        if self._have >= self._wanted:
            self._wanted = 0
            self.took.append(time.perf_counter() - self._asked_at)
            self._ask()


async def _load(port: int, requests: Iterator[bytes], seconds: float, connections: int) -> list[Reader]:
    loop = asyncio.get_running_loop()
    until = time.perf_counter() + seconds
    ended = [loop.create_future() for _ in range(connections)]
    readers = [Reader(requests, until, done) for done in ended]
    for reader in readers:
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)  # type: ignore[misc] # the default argument binds the reader
    await asyncio.gather(*ended)
    return readers


def measure(port: int, process: int, path: str, cookies: list[str], seconds: float, connections: int) -> Measured:
    requests = _requests(port, path, cookies)
    uvloop.run(_load(port, requests, WARM_SECONDS, connections))
    before, started = _cpu_seconds(process), time.perf_counter()
    readers = uvloop.run(_load(port, requests, seconds, connections))
    cpu, wall = _cpu_seconds(process) - before, time.perf_counter() - started
    took = sorted(each for reader in readers for each in reader.took)
    return Measured(
        per_second=len(took) / wall,
        cpu_us=cpu / len(took) * 1e6,
        p50_ms=took[len(took) // 2] * 1e3,
        p99_ms=took[len(took) * 99 // 100] * 1e3,
        size=sum(reader.sizes for reader in readers) // len(took),
    )


def _requests(port: int, path: str, cookies: list[str]) -> Iterator[bytes]:
    """Endlessly, each with another subscriber's cookie."""
    chance = random.Random(2)
    while True:
        cookie = chance.choice(cookies)
        yield (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
            "Accept: text/html\r\nAccept-Language: ru-RU,ru;q=0.9\r\nUser-Agent: bench\r\n\r\n"
        ).encode()


def with_workers(process: int) -> list[int]:
    """The process and its children."""
    return [process, *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())]


def _cpu_seconds(process: int) -> float:
    return sum(_cpu_seconds_of(each) for each in with_workers(process))


def _cpu_seconds_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def check(port: int, signed_in: dict[str, str]) -> None:
    """Every page of some subscribers is whole and is theirs; nobody's is shown to a stranger."""
    for number, cookie in list(signed_in.items())[:50]:
        for path in PAGES.values():
            body = _get(port, path, cookie)
            assert f'<strong class="number">{number}</strong>' in body, (number, path)
            assert body.endswith(("</html>\n", "</html>")), (number, path)
    assert 'class="number"' not in _get(port, "/", "")


def _get(port: int, path: str, cookie: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


# The report


def versions() -> str:
    names = ("aiohttp", "Jinja2", "uvloop", "MarkupSafe")
    programs = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Python {platform.python_version()}, {programs}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores"


def run(folder: Path, accounts: int, seconds: float, rounds: int, workers: int) -> None:
    print(f"{versions()}, workers: {workers}, load of the machine {os.getloadavg()[0]:.1f}")
    build(folder, accounts)
    signed_in = log_in(folder)
    with lk_portal(folder, workers) as (port, process):
        check(port, signed_in)
        for title, path in PAGES.items():
            ours, bare = _side_by_side(port, process, path, list(signed_in.values()), seconds, rounds)
            _tell(title, ours)
            _tell(f"constant {ours.size} bytes", bare)
            print(f"{'':24}CPU of the page = {ours.cpu_us / bare.cpu_us:.1f} × constant bytes")
        print("memory, MB private:", *map(private_mb, with_workers(process)[-workers:]))


def _side_by_side(
    port: int, process: int, path: str, cookies: list[str], seconds: float, rounds: int
) -> tuple[Measured, Measured]:
    """Medians of `rounds`, the two servers taking turns."""
    size = measure(port, process, path, cookies, 1, CONNECTIONS).size
    ours, bare = [], []
    with constant(size) as (bare_port, bare_process):
        for _ in range(rounds):
            ours.append(measure(port, process, path, cookies, seconds, CONNECTIONS))
            bare.append(measure(bare_port, bare_process, path, cookies, seconds / 2, CONNECTIONS))
    return _median(ours), _median(bare)


def _median(found: list[Measured]) -> Measured:
    return sorted(found, key=lambda each: each.cpu_us)[len(found) // 2]


def _tell(title: str, found: Measured) -> None:
    print(
        f"{title:24}{found.per_second:8.0f} pages/s  CPU {found.cpu_us:6.0f} µs  p50 {found.p50_ms:5.2f} ms"
        f"  p99 {found.p99_ms:5.2f} ms  {found.size:6d} bytes"
    )


def private_mb(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the cache here and take it again next time")
    parser.add_argument("--constant", nargs=2, type=int, metavar=("PORT", "SIZE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.constant:
        serve_constant(*asked.constant)
    elif asked.folder:
        asked.folder.mkdir(parents=True, exist_ok=True)
        run(asked.folder.resolve(), asked.accounts, asked.seconds, asked.rounds, asked.workers)
    else:
        with tempfile.TemporaryDirectory(prefix="lk-bench-") as folder:
            run(Path(folder), asked.accounts, asked.seconds, asked.rounds, asked.workers)


if __name__ == "__main__":
    main()
