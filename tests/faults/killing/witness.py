"""Witness: is there ever a moment at which somebody could see something torn, half done or changed?

It looks all the time, and once more after every kill: at the cache as a page does, at the files in the drop as the
accounting system does, and at the numbers of the files in the store.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.faults.killing import truths
from tests.faults.killing.town import Town

LOOK_SECONDS: Final = 0.25


class Witness(threading.Thread):
    """`stop` ends it. `fault` is what it saw."""

    def __init__(self, town: Town) -> None:
        super().__init__(name="witness", daemon=True)
        self._town = town
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.fault: Exception | None = None
        self.looks = 0
        self.shown = ""
        self.files: dict[str, str] = {}
        self._truths: dict[str, str] = {}

    def run(self) -> None:
        try:
            while not self.stop.wait(LOOK_SECONDS):
                self.look()
        except Exception as error:  # raised where the siege asks for faults
            self.fault = error

    def look(self) -> None:
        """Raises AssertionError for what must never be seen."""
        with self._lock:
            self.looks += 1
            self._cache()
            self._files()

    def _cache(self) -> None:
        digest = truths.of_cache(self._town.cache)
        if digest == truths.NOTHING:
            assert not self.shown, "what was published is gone"
            return
        same = [stamp for stamp, truth in self._exports().items() if truth == digest]
        assert same, "the cache shows what no export of the books held"
        assert max(same) >= self.shown, f"the cache went back from {self.shown} to {max(same)}"
        self.shown = max(same)

    def _exports(self) -> dict[str, str]:
        """The digest of each export by its stamp, as far as it is written."""
        for file in self._town.truths.iterdir():
            if not self._truths.get(file.name):
                self._truths[file.name] = file.read_text("utf-8")
        return self._truths

    def _files(self, *, again: bool = False) -> None:
        """Whatever has a final name has its final bytes, for ever. Files that were taken are not read each time."""
        for folder in ("in", "in/done", "in/error"):
            for file in (self._town.drop / folder).glob("*.csv"):
                if (again or folder == "in" or file.name not in self.files) and (found := _digest(file)) is not None:
                    known = self.files.setdefault(file.name, found)
                    assert known == found, f"{folder}/{file.name} has other bytes than before"

    def numbers(self) -> None:
        """The numbers of all files have no gap, and each file that was seen is the one with that number."""
        self._files(again=True)
        with closing(sqlite3.connect(self._town.store)) as store:
            made = store.execute("SELECT number, file, sha256 FROM batches ORDER BY number").fetchall()
        assert [number for number, _, _ in made] == list(range(1, len(made) + 1))
        assert {file: sha256 for _, file, sha256 in made} == self.files


CUT_OFF: Final[Mapping[str, Mapping[str, str]]] = {
    "pull": {
        "a run before its publication": (
            "SELECT 1 FROM runs WHERE state = 'running' AND run NOT IN (SELECT run FROM cache.published_runs)"
        ),
        "a published run that was not closed": (
            "SELECT 1 FROM runs WHERE state = 'running' AND run IN (SELECT run FROM cache.published_runs)"
        ),
    },
    "push": {
        "a numbered file that was not marked as delivered": "SELECT 1 FROM batches WHERE delivered_at IS NULL",
    },
}


def left_behind(town: Town, victim: str) -> Iterator[str]:
    """What the death of this victim cut off, as far as it can be seen from outside."""
    if victim == "engine":
        yield from left_behind(town, "pull")
        yield from left_behind(town, "push")
    with closing(sqlite3.connect(town.store, timeout=30)) as store:
        store.execute("ATTACH DATABASE ? AS cache", (str(town.cache),))
        yield from (what for what, sql in CUT_OFF.get(victim, {}).items() if store.execute(sql).fetchone())
        applied = {file for (file,) in store.execute("SELECT file FROM answers")}
    if victim == "push" and any((town.drop / "in").glob("*.part")):
        yield "a .part in the drop"
    if victim == "push" and applied & {file.name for file in (town.drop / "answers").glob("*.csv")}:
        yield "an applied answer that was not put aside"


def _digest(file: Path) -> str | None:
    """None if it was moved meanwhile."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
