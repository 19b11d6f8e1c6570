"""Signals: who decides what SIGTERM and SIGINT do to this process?

libfbclient takes both for itself when it is first used: the process would no longer end when it is told to, and every
later connection would be refused. What stood there before is put back, by the C library itself, for Python may set
signals on its first thread only.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OURS: Final = (signal.SIGTERM, signal.SIGINT)
_ROOM: Final = 512  # a `struct sigaction` is smaller everywhere


@contextmanager
def left_alone() -> Iterator[None]:
    """Whatever is done meanwhile, the signals do afterwards what they did before."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = {number: ctypes.create_string_buffer(_ROOM) for number in OURS}
    for number, place in before.items():
        libc.sigaction(int(number), None, place)
    try:
        yield
    finally:
        for number, place in before.items():
            libc.sigaction(int(number), place, None)
