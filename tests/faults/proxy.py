"""Proxy: what if the network breaks exactly here?

A TCP proxy on the loopback address between a client and a server of the tests. Set `fault`; connections opened from
then on suffer it when the byte `at` of the chosen direction is about to pass:

    close    both ends see an orderly end        flip    that byte arrives with one bit changed
    reset    both ends see a reset               slow    from there on a kilobyte passes in `pause` seconds
    silence  nothing passes any more in either direction, but nobody hangs up
    refuse   the connection is reset as soon as it is made, whatever `at` is
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

Kind = Literal["close", "reset", "silence", "flip", "slow", "refuse"]
Direction = Literal["from_server", "to_server"]

CHUNK: Final = 16 * 1024
SLOW_CHUNK: Final = 1024
START_SECONDS: Final = 10


@dataclass(frozen=True)
class Fault:
    kind: Kind
    at: int = 0
    direction: Direction = "from_server"
    pause: float = 0.2


class Proxy:
    """Use as a context manager; `port` is where clients connect, `passed` the bytes of all connections together."""

    port: int

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: set[asyncio.Task[None]] = set()
        self.fault: Fault | None = None
        self.connections = 0
        self.passed: dict[Direction, int] = {"from_server": 0, "to_server": 0}

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    async def _stop(self) -> None:
        self._server.close()
        for link in tuple(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        self.connections += 1
        with contextlib.suppress(asyncio.CancelledError):  # the proxy stops
            await self._link(reader, writer, self.fault)
        self._links.discard(link)

    async def _link(self, reader: StreamReader, writer: StreamWriter, fault: Fault | None) -> None:
        if fault and fault.kind == "refuse":
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        link = _Link(self, fault, (writer, far_writer))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(link.pump(reader, far_writer, "to_server"))
                both.create_task(link.pump(far_reader, writer, "from_server"))
        finally:
            for end in (writer, far_writer):
                end.transport.abort()


class _Link:
    """One connection through the proxy, and its own fate."""

    def __init__(self, proxy: Proxy, fault: Fault | None, ends: tuple[StreamWriter, StreamWriter]) -> None:
        self._proxy = proxy
        self._fault = fault
        self._ends = ends
        self._may_pass = asyncio.Event()
        self._may_pass.set()

    async def pump(self, reader: StreamReader, writer: StreamWriter, direction: Direction) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._may_pass.wait()
                if self._fault and self._fault.direction == direction and passed + len(data) > self._fault.at:
                    data = await self._struck(self._fault, data, self._fault.at - passed, writer)
                writer.write(data)
                await writer.drain()
                passed += len(data)
                self._proxy.passed[direction] += len(data)
            writer.write_eof()

    async def _struck(self, fault: Fault, data: bytes, at: int, writer: StreamWriter) -> bytes:
        """What passes instead of `data`, whose byte `at` is the one; a negative `at` lies in former data."""
        if fault.kind == "slow":
            for start in range(0, len(data), SLOW_CHUNK):
                await asyncio.sleep(fault.pause)
                writer.write(data[start : start + SLOW_CHUNK])
            return b""
        if at < 0:
            return data
        if fault.kind == "flip":
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        writer.write(data[:at])
        await writer.drain()
        if fault.kind == "silence":
            self._may_pass.clear()
            await self._may_pass.wait()
        for end in self._ends:
            _reset(end) if fault.kind == "reset" else end.close()
        raise ConnectionResetError


def _reset(writer: StreamWriter) -> None:
    """Close with a reset instead of an orderly end."""
    end: socket.socket = writer.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
