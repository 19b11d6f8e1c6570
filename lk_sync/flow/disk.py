"""Disk: what does the operator read when our own files cannot be written?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from lk_sync.errors import BadData


@contextmanager
def faults_told() -> Iterator[None]:
    """A full or broken disk inside the block leaves it as BadData, in a sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise told(error) from error


def told(error: sqlite3.Error | OSError) -> BadData:
    return BadData(f"не удалось записать данные, прежние остались: {_advised(str(error))}")


def _advised(text: str) -> str:
    if "disk" in text or "No space" in text:
        return f"{text}; освободите место на диске и повторите"
    return text
