"""Server: how do bytes on a socket become requests, and which answers leave without a page of ours?

None. aiohttp answers some requests before any page of ours is asked (a head it cannot parse, an unknown Expect);
those answers are replaced here, and here every answer gets its headers. Connections come in through the `Door`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from lk_sync.clock import instant
from portal import access, headers
from portal.connections import Door, Guest
from portal.keys import ANSWERS, CLOCK, ORIGIN, VISITS
from portal.origin import browser
from portal.visits import Visit, harmless

BACKLOG: Final = 1024
DRAIN_SECONDS: Final = 5
STOP_SECONDS: Final = 1  # what aiohttp gives, twice, to those that are not done by then
LINGER_SECONDS: Final = 2

log: Final = logging.getLogger("portal")


class Service:
    """An application on a listening socket. `start` once, `stop` once; `stop` answers what is in hand first."""

    def __init__(self, app: web.Application, door: Door, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.door = door
        self.secure = app[ORIGIN].secure
        self.headers = headers.headers(secure=self.secure)
        self._tls = tls
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """`listener` is bound; it is ours to close from now on."""
        await self._runner.setup()
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._listener = listener
        self._keep(self._accept())
        self._keep(self.door.keep_sweeping())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()
        await self._drain()
        await self._runner.cleanup()

    async def _drain(self) -> None:
        """Waits for the answers in hand. aiohttp's own way of stopping drops the rest of a form that is arriving."""
        for connection in self.manager.connections:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.door.empty_handed()

    def _keep(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("соединение не принято: %s", error)
                await asyncio.sleep(0.1)
                continue
            self._welcome(connection, peer[0])

    def _welcome(self, connection: socket.socket, address: str) -> None:
        counted = None if self.app[ORIGIN].is_proxy(address) else address
        guest = self.door.enter(counted, now=asyncio.get_running_loop().time(), drop=connection.close)
        if guest is None:
            connection.close()
            return
        guest.drop = self._keep(self._connect(connection, guest)).cancel

    async def _connect(self, connection: socket.socket, guest: Guest) -> None:
        """The handshake; from then on the connection is the protocol's."""
        limit = self.door.limits.head_seconds if self._tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self, guest), connection, ssl=self._tls, ssl_handshake_timeout=limit
            )
        except OSError:  # refused, reset or too slow in the handshake
            connection.close()
            self.door.leave(guest)
        except asyncio.CancelledError:
            connection.close()
            self.door.leave(guest)
            raise

    @property
    def manager(self) -> web.Server:
        manager = self._runner.server
        assert manager is not None  # noqa: S101  # set by `start`, before anything is accepted
        return manager

    def note(self, request: web.BaseRequest, status: int) -> None:
        known = access.known(request)
        self.app[VISITS].note(
            Visit(
                at=_to_the_second(int(self.app[CLOCK]().timestamp())),
                address=self.app[ORIGIN].address(request),
                user=known.user_code if known else None,
                session=known.session if known else None,
                browser=browser(request),
                method=request.method,
                page=harmless(request.path_qs),
                status=status,
            )
        )


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    """A stored instant; every visit of a second has the same."""
    return instant(datetime.fromtimestamp(second, UTC))


class Connection(RequestHandler):
    """One connection: aiohttp's protocol with our deadlines and our answers."""

    __slots__ = ("_guest", "_leaving", "_service")

    def __init__(self, service: Service, guest: Guest) -> None:
        super().__init__(
            service.manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp takes None for «no log»
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,  # no form of ours comes packed; a small body stays small
        )
        self._service = service
        self._guest = guest
        self._leaving = False

    def close(self) -> None:
        """aiohttp stops listening at once; the rest of a form that is arriving would be lost."""
        if self._current_request is None:
            super().close()
        self._leaving = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._guest.drop = transport.abort  # type: ignore[attr-defined]  # every transport of a socket has it
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._service.door.leave(self._guest)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._guest.in_head and self._current_request is None and not self._messages:
            self._service.door.head_begins(self._guest, self._loop.time())

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> tuple[web.StreamResponse, bool]:
        door, guest = self._service.door, self._guest
        door.request_begins(guest, self._loop.time())
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            door.pause_begins(guest, self._loop.time())

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse | None, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        answers = self._service.app[ANSWERS]
        if isinstance(resp, web.HTTPException):
            resp = answers.instead_of(request, resp)
        elif resp is None:
            log.error("%s: обработчик не вернул ответа", harmless(request.path))
            resp = answers.to(request, HTTPStatus.INTERNAL_SERVER_ERROR)
        if self._leaving:
            resp.force_close()
        headers.put(resp, self._service.headers)
        self._service.note(request, resp.status)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """In place of aiohttp's text, which names the fault and repeats what was sent."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("ответ не построен: %s %s", request.method, harmless(request.path), exc_info=exc)
        response = self._service.app[ANSWERS].to(request, status)
        response.force_close()
        return response


def listener(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound socket. `shared`: workers listen on the same port. Raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except BaseException:
        with contextlib.suppress(OSError):
            bound.close()
        raise
    return bound
