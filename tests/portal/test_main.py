"""`lk-portal` starts only when that is safe and useful, says why not, and stops without losing an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from demo.certificates import Authority
from tests.portal.wire import ask, closed_after, until
from tests.portal.world import free_port, write_settings

ROOT = Path(__file__).parents[2]


def command(folder: Path) -> list[str]:
    return [sys.executable, "-c", "from portal.main import main; main()", "--config", str(folder)]


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


async def run(folder: Path) -> tuple[int, str]:
    """What it says and leaves with, when it does not start."""
    process = await asyncio.create_subprocess_exec(
        *command(folder), stderr=asyncio.subprocess.PIPE, env=environment(), cwd=ROOT
    )
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


class Started:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.said = ""

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said += line.decode()

    async def answers(self) -> bool:
        try:
            return (
                await ask(self.port, f"GET /healthz HTTP/1.1\r\nHost: x:{self.port}\r\n\r\n".encode())
            ).status == 200
        except (OSError, asyncio.IncompleteReadError):
            return False

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(15):
            return await self.process.wait()


@asynccontextmanager
async def portal(folder: Path, *before: str, **settings: Any) -> AsyncIterator[Started]:
    """The real program. `before`: a command that starts it (prlimit …)."""
    port = free_port()
    write_settings(folder, port=port, **settings)
    process = await asyncio.create_subprocess_exec(
        *before, *command(folder), stderr=asyncio.subprocess.PIPE, env=environment(), cwd=ROOT
    )
    started = Started(process, port)
    listening = asyncio.create_task(started.listen())
    try:
        async with asyncio.timeout(30):
            while "готов" not in started.said and process.returncode is None:  # noqa: ASYNC110 - its words are a stream
                await asyncio.sleep(0.05)
        yield started
    finally:
        await started.stop(signal.SIGKILL)
        await listening


def running() -> set[int]:
    """Every process of the machine."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def page(port: int, path: str = "/login") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


async def test_without_a_cache_it_serves_and_says_that_nothing_has_been_loaded(tmp_path: Path) -> None:
    async with portal(tmp_path / "config") as started:
        assert "данные ещё не загружены" in started.said
        assert "почтовый сервер не задан" in started.said
        assert (await ask(started.port, page(started.port))).status == 200
        assert (await ask(started.port, page(started.port, "/readyz"))).status == 503
        assert await started.stop() == 0
        assert "Traceback" not in started.said


async def test_a_taken_port_is_named_with_what_to_change(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for workers in (1, 2):
            write_settings(tmp_path / str(workers), port=port, portal={"workers": workers})
            code, said = await run(tmp_path / str(workers))
            assert code == 2
            assert f"порт занят другой программой: 127.0.0.1:{port}" in said
            assert "portal.port" in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"listen": "0.0.0.0"}, "не зашифровано"),  # noqa: S104 - it is refused
        ({"base_url": "http://lk.example.ru"}, "https://"),
        ({"base_url": "lk.example.ru"}, "нужен адрес вида"),
        ({"listen": "192.0.2.1", "trusted_proxies": ["127.0.0.1"]}, "слушать 192.0.2.1"),
        ({"trusted_proxies": ["proxy"]}, "не адрес и не подсеть"),
        ({"tls": {"certificate": "/nowhere.pem", "key": "/nowhere.key"}}, "portal.tls"),
        ({"wrokers": 2}, "может быть, «workers»"),
    ],
)
async def test_unsafe_or_senseless_settings_are_refused_in_a_sentence(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    folder = tmp_path / "config"
    write_settings(folder, port=free_port(), portal=settings)
    code, said = await run(folder)
    assert code == 2
    assert says in said
    assert "Traceback" not in said


async def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    write_settings(tmp_path / "config", port=free_port())
    store = tmp_path / "config" / "var" / "store.db"
    store.parent.mkdir()
    store.write_bytes(b"certainly no database, however long one looks at it")
    code, said = await run(tmp_path / "config")
    assert (code, "Traceback" in said) == (2, False)
    assert "хранилище не открывается" in said
    store.unlink()
    store.parent.rmdir()
    store.parent.write_text("a file where a folder should be")
    code, said = await run(tmp_path / "config")
    assert (code, "Traceback" in said) == (2, False)
    assert f"{store}: хранилище не открывается" in said


async def test_a_missing_text_in_force_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    write_settings(folder, port=free_port())
    (folder / "legal" / "rules" / "2026-11-01.en.md").unlink()
    code, said = await run(folder)
    assert code == 2
    assert "2026-11-01.en.md: нет текста, который объявлен действующим" in said


async def test_over_tls_the_certificate_is_shown_and_browsers_are_told_to_stay(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    made = authority.issue("portal")
    port = free_port()
    settings = {
        "base_url": f"https://localhost:{port}",
        "port": port,
        "tls": {"certificate": str(made.certificate), "key": str(made.key)},
        "head_seconds": 1,
    }
    async with portal(tmp_path / "config", portal=settings):
        trust = ssl.create_default_context(cafile=authority.ca)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"https://localhost:{port}/login", ssl=trust) as answer,
        ):
            assert answer.status == 200
            assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        trust.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("localhost", port, ssl=trust)
        cipher, version, _ = writer.get_extra_info("cipher")
        assert version == "TLSv1.2"
        assert cipher.startswith("ECDHE-")
        assert "GCM" in cipher or "CHACHA20" in cipher
        writer.close()
        assert await closed_after(port, b"", within=5) > 0.5  # a handshake that never begins


async def test_a_stop_signal_lets_what_is_in_hand_be_answered(tmp_path: Path) -> None:
    async with portal(tmp_path / "config") as started:
        reader, writer = await asyncio.open_connection("127.0.0.1", started.port)
        form = b"account=00001&password=wrong&csrf=wrong"
        writer.write(
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{started.port}\r\nContent-Length: {len(form)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode()
            + form[:10]
        )
        await writer.drain()
        await asyncio.sleep(0.3)
        stopping = asyncio.create_task(started.stop())
        await asyncio.sleep(0.3)
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, the listening socket is gone
            await asyncio.open_connection("127.0.0.1", started.port)
        writer.write(form[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 403")
        writer.close()
        assert await stopping == 0


async def test_a_worker_that_dies_is_replaced_and_all_stop_together(tmp_path: Path) -> None:
    async with portal(tmp_path / "config", portal={"workers": 2}) as started:
        await until(lambda: started.said.count("готов") == 2, seconds=20)
        first, second = started.children()
        os.kill(first, signal.SIGKILL)
        await until(lambda: started.said.count("готов") == 3, seconds=20)
        assert second in started.children()
        assert len(started.children()) == 2
        for _ in range(10):
            assert await started.answers()
        workers = started.children()
        assert await started.stop() == 0
        assert not set(workers) & running()


async def test_with_few_files_a_crowd_still_keeps_nobody_out(tmp_path: Path) -> None:
    async with portal(tmp_path / "config", "prlimit", "--nofile=256:256") as started:
        crowd = [
            await asyncio.open_connection("127.0.0.1", started.port, local_addr=(f"127.0.1.{1 + number % 50}", 0))
            for number in range(400)
        ]
        for _, writer in crowd[::2]:
            writer.write(b"GET / HTTP/1.1\r\nX: ")
        try:
            for _ in range(5):
                answer = await ask(started.port, page(started.port), address="127.0.0.2", seconds=5)
                assert answer.status == 200
        finally:
            for _, writer in crowd:
                writer.close()
        assert "Too many open files" not in started.said


async def test_visits_are_written_down_with_exactly_what_the_rules_name(tmp_path: Path) -> None:
    async with portal(tmp_path / "config") as started:
        sent = page(started.port, "/help?from=%0Aletter").replace(b"\r\n\r\n", b"\r\nUser-Agent: Old Phone\r\n\r\n")
        await ask(started.port, sent)
        assert await started.stop() == 0
    file = tmp_path / "config" / "var" / "visits.jsonl"
    (line,) = [yaml.safe_load(line) for line in file.read_text().splitlines() if "/help" in line]
    assert set(line) == {"at", "address", "user", "session", "browser", "method", "page", "status"}
    assert (line["address"], line["browser"], line["page"]) == ("127.0.0.1", "Old Phone", "/help?from=%0Aletter")
    assert file.stat().st_mode & 0o777 == 0o600
