"""Wire: what goes over a plain socket, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from multidict import CIMultiDict

SECONDS = 10


@dataclass
class Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes
    whole: bytes


def parse(whole: bytes) -> Answer:
    head, _, body = whole.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        return parse(body)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict(tuple(line.split(": ", 1)) for line in lines)
    return Answer(int(first.split()[1]), headers, body, whole)


async def ask(port: int, *parts: bytes, address: str = "127.0.0.1", seconds: float = SECONDS) -> Answer:
    """Sends the parts, reads until the server closes (or the answer is whole)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(seconds):
            return parse(await _answer(reader, bodiless=parts[0].startswith(b"HEAD")))
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, *, bodiless: bool = False) -> bytes:
    """One answer: its head, and as much body as it announces."""
    whole = await reader.readuntil(b"\r\n\r\n")
    if whole.startswith(b"HTTP/1.1 100"):
        return whole + await _answer(reader)
    length = "0" if bodiless else parse(whole).headers.get("Content-Length")
    rest = await reader.read(-1) if length is None else await reader.readexactly(int(length))
    return whole + rest


async def closed_after(port: int, sent: bytes, *, within: float, address: str = "127.0.0.1") -> float:
    """Seconds until the server ends a connection on which only `sent` arrives. TimeoutError: it does not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        writer.write(sent)
        async with asyncio.timeout(within):
            with contextlib.suppress(ConnectionResetError):
                await reader.read(-1)
        return loop.time() - begun
    finally:
        writer.close()


async def until(condition: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Waits for what happens elsewhere. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side knows no event of ours
            await asyncio.sleep(0.02)
