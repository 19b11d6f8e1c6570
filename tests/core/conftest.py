"""An operator's folder on disk, and the command that is typed there, as the real program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.at_the_drop import drop as drop
from tests.at_the_drop import server_key as server_key
from tests.flow.conftest import LK as LK
from tests.flow.conftest import World
from tests.flow.conftest import third_party as third_party

LK_SYNC = Path(sys.executable).with_name("lk-sync")
TIMETABLE = {"jobs": {"books": {"pull": "books", "every": "1h"}}}
PATIENCE_SECONDS = 60


class Said(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


class Office(World):
    """A supplier whose books are a script, and the operator's command line."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, environment)
        self.folder = folder
        self.timetable(TIMETABLE)
        self.keep_books()

    @property
    def environment(self) -> dict[str, str]:
        ours = self.config.environment
        return {
            **os.environ,
            **ours,
            "PYTHONPATH": str(self.folder / "site"),
            "PYTHONWARNINGS": "error",
            "LANG": "C.UTF-8",
        }

    def timetable(self, tree: dict[str, Any]) -> None:
        (self.folder / "schedules.yaml").write_text(json.dumps(tree), "utf-8")

    def keep_books(self) -> None:
        """The script is what the books say now; replaced at once, for a running engine reads it."""
        new = self.script.with_suffix(".new")
        new.write_text(json.dumps(self.books), "utf-8")
        new.replace(self.script)

    def lk_sync(self, *words: str | Path, **environment: str) -> Said:
        done = subprocess.run(
            [LK_SYNC, *words],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in said.err
        return said


@pytest.fixture
def office(tmp_path: Path, third_party: None) -> Iterator[Office]:
    office = Office(tmp_path)
    for i in range(10):
        office.account(f"00{i:07d}")
        office.payment(f"00{i:07d}", f"П{i}", f"{i},{i}5")
    office.keep_books()
    yield office
    office.store.close()
