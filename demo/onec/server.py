"""Server: how does the supplier's 1C answer at `/base/odata/standard.odata/`?

HTTPS with a certificate of the demo's authority, names and passwords in UTF-8. Whoever says `IBSession: start` has a
session, which holds a licence until `IBSession: finish`; every other request holds one while it lasts. `serving` runs
in the caller's event loop, `running` in a thread of its own.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from aiohttp import hdrs, web

from demo import aside
from demo.certificates import ServerCertificate
from demo.onec.answers import Answers, Asked
from demo.onec.base import Base
from demo.onec.filters import Misread
from demo.onec.model import metadata
from demo.onec.traps import PAGES, Traps

ROOT: Final = "/base/odata/standard.odata/"


@dataclass
class OneC:
    """A 1C that is being served. `asked`: every request, in words; `crowd`: how many were answered at once."""

    base: Base
    traps: Traps
    host: str = "127.0.0.1"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    crowd: int = 0

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}/base"


class _Door:
    """Authentication, licences and what else comes before any data."""

    def __init__(self, served: OneC, visitor: tuple[str, str]) -> None:
        self._served, self._visitor = served, visitor
        self._answers = Answers(served.base, served.traps)
        self._inside = 0
        self._begun = False

    async def open(self, request: web.Request) -> web.StreamResponse:
        traps, path = self._served.traps, unquote(request.rel_url.raw_path).removeprefix(ROOT)
        self._served.asked.append(f"{path}?{unquote(request.rel_url.raw_query_string)}".rstrip("?"))
        if traps.redirect:
            return web.Response(status=302, headers={hdrs.LOCATION: traps.redirect})
        if not self._knows(request):
            return web.Response(status=401, headers={hdrs.WWW_AUTHENTICATE: 'Basic realm="1C"'})
        if not request.path.startswith(ROOT):
            return web.Response(status=404, text="<html>404</html>", content_type="text/html")
        self._inside += 1
        self._served.crowd = max(self._served.crowd, self._inside)
        try:
            return await self._admitted(request, path)
        finally:
            self._inside -= 1

    def _knows(self, request: web.Request) -> bool:
        kind, _, told = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        try:
            offered = base64.b64decode(told, validate=True)
        except ValueError:
            return False
        return kind == "Basic" and secrets.compare_digest(offered, ":".join(self._visitor).encode())

    async def _admitted(self, request: web.Request, path: str) -> web.StreamResponse:
        """With a session of its own or the one that the cookie names, if there is a licence for it."""
        sessions, wish = self._served.sessions, request.headers.get("IBSession")
        cookie = request.cookies.get("ibsession", "")
        if cookie not in sessions and len(sessions) >= self._served.traps.licences:
            return _html(PAGES["licence"])
        started = None
        if wish == "start" and cookie not in sessions:
            started = secrets.token_hex(8)
            sessions.add(started)
        if wish == "finish":
            sessions.discard(cookie)
        if not self._begun:
            self._begun = True
            await asyncio.sleep(self._served.traps.slow_first_seconds)
        response = await self._answer(request, path)
        if started is not None and not response.prepared:
            response.set_cookie("ibsession", started)
        return response

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        if path == "$metadata":
            return web.Response(body=metadata(), content_type="application/xml", charset="utf-8")
        if spoilt := await self._spoilt(request, path):
            return spoilt
        try:
            body, content_type = self._answers(Asked.of(path, request.rel_url.raw_query_string))
        except Misread as error:
            status = {8: 404, 9: 404, 20: 401}.get(error.code, 400)
            return _fault(status, error.code, str(error), xml=False)
        if self._counts() and self._served.traps.cut:
            return await _cut(request, body)
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def _spoilt(self, request: web.Request, path: str) -> web.StreamResponse | None:
        traps = self._served.traps
        if path.endswith("/$count") or not path or traps.times == 0:
            return None
        if traps.after > 0:
            traps.after -= 1
            return None
        if not (traps.page or traps.fault or traps.silent_seconds or traps.garbled):
            return None
        traps.times -= 1
        if traps.silent_seconds:
            await asyncio.sleep(traps.silent_seconds)
        if traps.page:
            return _html(PAGES[traps.page])
        if traps.garbled:
            return web.Response(body=b'{"value": [{"Ref_Key": ', content_type="application/json")
        if traps.fault:
            return _fault(traps.fault.status, traps.fault.code, traps.fault.text, xml=traps.fault.xml)
        return None

    def _counts(self) -> bool:
        """Whether this answer is one of those to be cut."""
        traps = self._served.traps
        if not traps.cut or traps.times == 0:
            return False
        traps.times -= 1
        return True


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/json", hdrs.CONTENT_LENGTH: str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


def _html(body: str) -> web.Response:
    return web.Response(text=f"<!DOCTYPE html><html><body>{body}</body></html>", content_type="text/html")


def _fault(status: int, code: int, text: str, *, xml: bool) -> web.Response:
    if xml:
        body = (
            '<?xml version="1.0"?><m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
            f"<m:code>{code}</m:code><m:message>{text}</m:message></m:error>"
        )
        return web.Response(status=status, text=body, content_type="application/xml")
    told = {"odata.error": {"code": str(code), "message": {"lang": "ru", "value": text}}}
    return web.json_response(told, status=status)


@asynccontextmanager
async def serving(
    base: Base,
    certificate: ServerCertificate,
    visitor: tuple[str, str],
    *,
    traps: Traps | None = None,
    clients: Path | None = None,
    port: int = 0,
) -> AsyncIterator[OneC]:
    """Serve the base in this event loop. `clients`: only who shows a certificate of this authority is let in."""
    served = OneC(base, traps or Traps())
    application = web.Application()
    application.router.add_get("/{path:.*}", _Door(served, visitor).open)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    site = web.TCPSite(runner, served.host, port, ssl_context=context)
    try:
        await site.start()
        served.port = runner.addresses[0][1]
        yield served
    finally:
        await runner.cleanup()


def running(
    base: Base,
    certificate: ServerCertificate,
    visitor: tuple[str, str],
    *,
    traps: Traps | None = None,
    clients: Path | None = None,
    port: int = 0,
) -> AbstractContextManager[OneC]:
    """Serve the base from a thread of its own until the block ends."""
    served = serving(base, certificate, visitor, traps=traps, clients=clients, port=port)
    return aside.running(served, "1c")
