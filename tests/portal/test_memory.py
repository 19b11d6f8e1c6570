"""A worker holds what its pages need: what pulls, makes books and speaks with servers is not loaded, and what was used
once goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

OF_NO_USE = ("icalendar", "openpyxl", "psycopg", "pyodbc", "asyncssh", "lk_sync.flow.pull", "lk_sync.flow.run")


def said_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_a_worker_loads_nothing_that_only_few_or_none_of_its_pages_need() -> None:
    loaded = said_by("import sys, portal.main; from portal import pages; pages.tables(); print(*sys.modules)").split()
    assert "portal.pages.calendar.feed" in loaded
    assert set(OF_NO_USE).isdisjoint(loaded)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_was_freed_goes_back_to_the_system() -> None:
    program = """
from pathlib import Path
from portal.memory import give_back

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) >> 8

many = [bytes(5_000) for _ in range(10_000)]
del many[:-1]
before = megabytes()
give_back()
print(before - megabytes())
"""
    assert int(said_by(program)) > 30
