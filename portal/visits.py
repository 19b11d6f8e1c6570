"""Visits: who asked for which page, when, from where and with which browser?

The seed (4.3) names what is collected by itself: address, cookie, browser, time, page. Exactly that is kept, one
JSON line an answer, in `visits.jsonl` of the data folder. The file is opened anew for every write, so that it can
be rotated by renaming it. A page does not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import Final

import msgspec

WRITE_EVERY_SECONDS: Final = 1
SECRET: Final = (
    "/asked/",
    "/calendar/",
    "/email/",
    "/invitation/",
    "/recovery/",
    "/unsubscribe/",
)  # what follows opens something to whoever reads it
KEPT_AT_MOST: Final = 50_000  # lines in memory while the disk does not take them

log: Final = logging.getLogger("portal")


class Visit(msgspec.Struct, frozen=True):
    """`session` is the beginning of the hash of the session's cookie: enough to tell visits apart, not to make one."""

    at: str
    address: str
    user: str | None
    session: str | None
    browser: str
    method: str
    page: str
    status: int


def harmless(path: str) -> str:
    """The address of a page without what is a secret of its own."""
    found = next((beginning for beginning in SECRET if path.startswith(beginning)), None)
    return path if found is None else f"{found}…"


class Visits:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    def note(self, visit: Visit) -> None:
        if len(self._lines) < KEPT_AT_MOST:
            self._lines.append(self._encode(visit))

    def write(self) -> None:
        """Whole lines, appended in one call, so that several workers can share the file."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab", buffering=0) as file:
                file.write(b"\n".join(lines) + b"\n")
        except OSError as error:
            log.warning("%s: журнал посещений не пишется (%s)", self._path, error.strerror)
            self._lines = lines + self._lines

    async def keep_writing(self) -> None:
        """Until cancelled; what is noted by then is written."""
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(WRITE_EVERY_SECONDS)
                await asyncio.to_thread(self.write)
        self.write()
