"""Does no program that the demo has started outlive it, and is it told which one fell?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.children import Child, Fallen, wait_until

SLEEPER = "import time, sys; print('up', flush=True); time.sleep(60)"
PARENT_OF_SLEEPER = f"""
import subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
print(grandchild.pid, flush=True)
time.sleep(60)
"""


def python(code: str, log: Path) -> Child:
    return Child("исполнитель", [sys.executable, "-c", code], os.environ, log)


def eventually(held: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_child_and_its_own_children_end_together(tmp_path: Path) -> None:
    child = python(PARENT_OF_SLEEPER, tmp_path / "log")
    eventually(lambda: (tmp_path / "log").read_text().count("\n") == 2)
    grandchild = int((tmp_path / "log").read_text().split()[0])
    assert lives(grandchild)
    child.stop()
    child.stop()
    assert child.code is not None
    eventually(lambda: not lives(grandchild))


def test_a_fallen_child_is_named_with_its_last_lines(tmp_path: Path) -> None:
    child = python("print('почти готово'); raise SystemExit(3)", tmp_path / "log")
    child.wait()
    with pytest.raises(Fallen, match=r"исполнитель: .*код 3(.|\n)*почти готово"):
        child.check()
    child.stop()


def test_waiting_ends_when_the_child_falls(tmp_path: Path) -> None:
    child = python("raise SystemExit(1)", tmp_path / "log")
    with pytest.raises(Fallen, match="код 1"):
        wait_until(lambda: False, child, 30)
    child.stop()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "log")
    with pytest.raises(Fallen, match="не отвечает"):
        wait_until(lambda: False, child, 0.3)
    child.stop()


def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import os, sys, time; from pathlib import Path; from demo.children import Child\n"
        f"child = Child('x', [sys.executable, '-c', {SLEEPER!r}], os.environ, Path({str(log)!r}))\n"
        "print(child._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    eventually(lambda: log.exists() and "up" in log.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not lives(pid))
