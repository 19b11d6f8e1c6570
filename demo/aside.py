"""Aside: how does a server that is written for an event loop serve beside a program that has none?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final, TypeVar

START_SECONDS: Final = 30
T = TypeVar("T")


@contextmanager
def running(served: AbstractAsyncContextManager[T], name: str) -> Iterator[T]:
    """`served` in a thread of its own until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(served.__aenter__(), loop).result(START_SECONDS)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(served.__aexit__(None, None, None), loop).result(START_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
