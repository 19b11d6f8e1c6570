"""Memory: how does a process give back what it has used once and needs no more?

What a start or a count of the whole cache has allocated is freed, but the C library keeps it for itself: some twenty
megabytes a worker. glibc gives it back when it is told to; other libraries are left alone.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Takes milliseconds. From any thread."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # not glibc
        return None
