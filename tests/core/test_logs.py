"""What an operator reads in the log is one line per event, whoever wrote the words in it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HOSTILE = "Ёжик\nlevel=error event=взлом\x1b[2J\x9b"
PROGRAM = """
import logging, sys
from lk_sync import logs
hostile = sys.argv[1]
logs.configure()
logs.through_structlog(logging.WARNING)
logs.get(job="books").warning("failed", reason=hostile)
logging.getLogger("library").warning("says %s", hostile)
logging.getLogger("apscheduler.scheduler").warning("skipped")
try:
    raise ValueError(hostile)
except ValueError:
    logs.get().exception("fault")
"""


def _said(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, HOSTILE], capture_output=True, check=True, env={"LANG": "C.UTF-8"} | environment
    )
    assert done.stdout == b""
    return done.stderr.decode().splitlines()


def test_each_event_is_one_line_that_no_value_can_forge() -> None:
    failed, library, fault = _said()
    assert "level=warning event=failed" in failed
    assert "reason=" in failed
    assert all(line.startswith("timestamp=") for line in (failed, library, fault))
    assert all(r"Ёжик\\x0alevel=error event=взлом\\x1b[2J\\x9b" in line for line in (failed, library, fault))
    assert "ValueError" in fault


def test_json_carries_the_same() -> None:
    failed, library, fault = (json.loads(line) for line in _said(LK_LOG="json"))
    assert (failed["event"], failed["job"], failed["level"]) == ("failed", "books", "warning")
    assert failed["reason"] == r"Ёжик\x0alevel=error event=взлом\x1b[2J\x9b"
    assert library["logger"] == "library"
    assert fault["level"] == "error"


@pytest.mark.parametrize("form", ["", "json"])
def test_the_log_is_utf_8_in_any_locale(form: str) -> None:
    assert "Ёжик" in "".join(_said(LK_LOG=form, LANG="C", LC_ALL="POSIX"))
