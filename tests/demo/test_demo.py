"""Does the demo keep its word: the loop holds, a stop leaves nothing running, and whatever is wrong has a name?"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.play import free_port

ROOT = Path(__file__).parents[2]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "demo", "--accounts", "50", *words]


@contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A demo that has said that it is ready."""
    demo = subprocess.Popen(
        command("--folder", str(folder), "--port", str(port)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if line.startswith("Остановить"):
                break
        assert said[-1].startswith("Остановить"), "".join(said)
        assert f"http://127.0.0.1:{port}" in "".join(said)
        yield demo
    finally:
        demo.kill()
        demo.communicate()


def working_in(folder: Path) -> set[int]:
    """Processes that were given this folder, by their environment."""
    mark = str(folder).encode()
    found = set()
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                found.add(int(process.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found - {os.getpid()}


def nothing_works_in(folder: Path) -> bool:
    deadline = time.monotonic() + 10
    while working_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not working_in(folder)


def test_the_whole_loop_holds() -> None:
    done = subprocess.run(command("--once"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10. Следующая загрузка вернула показание в историю" in done.stdout
    assert "Круг пройден" in done.stdout


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing_running(tmp_path: Path, signal_number: signal.Signals) -> None:
    port = free_port()
    with running(tmp_path, port) as demo:
        assert len(working_in(tmp_path)) >= 2
        refused = subprocess.run(
            command("--folder", str(tmp_path), "--port", str(free_port())),
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "уже работает другая демонстрация" in refused.stderr
        demo.send_signal(signal_number)
        out, err = demo.communicate(timeout=40)
        assert demo.returncode == 0, err
        assert "остановлена" in out
    assert nothing_works_in(tmp_path)
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()


def test_a_part_that_fell_is_named_with_its_last_lines(tmp_path: Path) -> None:
    with running(tmp_path, free_port()) as demo:
        (portal,) = (pid for pid in working_in(tmp_path) if b"lk-portal" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(portal, signal.SIGKILL)
        _, err = demo.communicate(timeout=40)
        assert demo.returncode == 1
        assert "портал: программа остановилась (код -9)" in err
        assert "portal.log" in err
    assert nothing_works_in(tmp_path)


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run(
            command("--folder", str(tmp_path), "--port", str(port)),
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert refused.returncode == 1
    assert f"порт {port} занят другой программой" in refused.stderr
    assert "make demo PORT=" in refused.stderr
