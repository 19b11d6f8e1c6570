"""Publisher: how does a supplier's web server publish its files, and in which ways can it misbehave?

HTTPS on the loopback address, one folder of files, `ETag`, `Last-Modified`, `Range` and `If-Range` as the rules of HTTP
have them. Every oddity is a switch of `Oddities`, so that a test can turn on just one.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from demo import aside
from demo.certificates import ServerCertificate

BLOCK: Final = 16 * 1024


@dataclass
class Oddities:
    """What the server does wrong. `cuts`: at which bytes of the body the next answers break off, one after another."""

    cuts: list[int] = field(default_factory=list)
    ignores_range: bool = False
    wrong_range: bool = False  # a part that does not begin where it was asked for
    chunked: bool = False  # no length is said beforehand
    longer_by: int = 0  # the length it announces is greater than what comes
    changes_between: bytes | None = None  # what lies there after the first answer
    etag: str = "strong"  # weak, none
    dates: bool = True
    drip_seconds: float = 0.0
    silent: bool = False
    status: int | None = None
    redirect: str | None = None
    packs: bool = False  # Content-Encoding: gzip, though nobody wants it


@dataclass
class Publisher:
    """A server that is being served. `asked`: path and headers of each request."""

    root: Path
    port: int
    authorization: str | None
    oddities: Oddities = field(default_factory=Oddities)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/out/"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers)))
        response = await self._answer(request)
        self.statuses.append(response.status)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        odd = self.oddities
        if self.authorization is not None and request.headers.get(hdrs.AUTHORIZATION) != self.authorization:
            return web.Response(status=401, text="<html>войдите</html>")
        if odd.status is not None:
            return web.Response(status=odd.status, text="ошибка")
        if odd.redirect is not None and request.path.startswith("/out/"):
            return web.Response(status=302, headers={hdrs.LOCATION: odd.redirect})
        path = self.root / request.path.rpartition("/")[2]
        if not path.is_file():
            return web.Response(status=404, text="нет")
        if odd.silent:
            await asyncio.sleep(60)
        return await self._send(request, path)

    async def _send(self, request: web.Request, path: Path) -> web.StreamResponse:
        odd, body = self.oddities, _read(path)
        headers = self._validators(body, path)
        if _is_known(request, headers):
            return web.Response(status=304, headers=headers)
        if odd.packs:
            body = gzip.compress(body)
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        start, total = self._start(request, headers), len(body)
        if start:
            shown = start + 1 if odd.wrong_range else start
            headers[hdrs.CONTENT_RANGE] = f"bytes {shown}-{total - 1}/{total}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        if odd.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = total - start + odd.longer_by
        await response.prepare(request)
        await self._write(request, response, body[start:])
        if odd.changes_between is not None:
            _replace(path, odd.changes_between)
        return response

    def _validators(self, body: bytes, path: Path) -> dict[str, str]:
        headers: dict[str, str] = {}
        digest = hashlib.sha256(body).hexdigest()[:16]
        if self.oddities.etag != "none":
            headers[hdrs.ETAG] = f'"{digest}"' if self.oddities.etag == "strong" else f'W/"{digest}"'
        if self.oddities.dates:
            headers[hdrs.LAST_MODIFIED] = formatdate(int(path.stat().st_mtime), usegmt=True)
        return headers

    def _start(self, request: web.Request, headers: dict[str, str]) -> int:
        asked = request.headers.get(hdrs.RANGE)
        if asked is None or self.oddities.ignores_range:
            return 0
        if request.headers.get(hdrs.IF_RANGE) not in (headers.get(hdrs.ETAG), headers.get(hdrs.LAST_MODIFIED)):
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    async def _write(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        cut = self.oddities.cuts.pop(0) if self.oddities.cuts else None
        for at in range(0, len(body), BLOCK):
            block = body[at : at + BLOCK]
            if cut is not None and at + len(block) > cut:
                await response.write(block[: max(0, cut - at)])
                await asyncio.sleep(0.05)
                _hang_up(request)
                return
            await response.write(block)
            if self.oddities.drip_seconds:
                await asyncio.sleep(self.oddities.drip_seconds)
        if self.oddities.longer_by:
            _hang_up(request)


def _read(path: Path) -> bytes:
    """Small files: the loop may wait for them."""
    return path.read_bytes()


def _replace(path: Path, body: bytes) -> None:
    path.write_bytes(body)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _is_known(request: web.Request, headers: dict[str, str]) -> bool:
    if hdrs.IF_NONE_MATCH in request.headers:
        return request.headers[hdrs.IF_NONE_MATCH] == headers.get(hdrs.ETAG)
    since = request.headers.get(hdrs.IF_MODIFIED_SINCE)
    return since is not None and since == headers.get(hdrs.LAST_MODIFIED)


@contextmanager
def running(
    root: Path, certificate: ServerCertificate, *, authorization: str | None = None, clients: Path | None = None
) -> Iterator[Publisher]:
    """Serve `root` from a thread of its own. `clients`: only those come in whose certificate this authority issued."""
    root.mkdir(parents=True, exist_ok=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    publisher = Publisher(root, 0, authorization)
    with aside.running(_serving(publisher, context), "publisher"):
        yield publisher


@asynccontextmanager
async def _serving(publisher: Publisher, context: ssl.SSLContext) -> AsyncIterator[None]:
    runner = await _start(publisher, context)
    try:
        yield
    finally:
        await runner.cleanup()


async def _start(publisher: Publisher, context: ssl.SSLContext) -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/{path:.*}", publisher.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    publisher.port = runner.addresses[0][1]
    return runner
