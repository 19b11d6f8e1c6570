"""Wire: how is 1C asked, one question after another in one session, and given its licence back?

Requests are strictly sequential: every parallel one would take a licence of its own. The first says
`IBSession: start`, 1C answers with a cookie, and `close` says `finish` however the session went. Nothing is redirected,
no proxy of the machine is used, and no answer is longer or slower than the settings allow.
"""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO, Final

import aiohttp
from aiohttp import hdrs
from yarl import URL

from connectors import tls
from connectors.odata.faults import Answer, Expected, judged
from connectors.odata.literals import address
from connectors.odata.settings import ODataSettings, root
from lk_sync.errors import BadData, SettingsError, Unreachable

ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 1.0
FINISH_SECONDS: Final = 15
MEBIBYTE: Final = 1024 * 1024
BLOCK: Final = 64 * 1024
SESSION: Final = "IBSession"


class Wire:
    """A session with one 1C."""

    def __init__(self, settings: ODataSettings) -> None:
        """Sends nothing. Raises Unprotected and SettingsError."""
        tls.checked(settings.trust)
        self._root, self._settings = root(settings), settings
        self.peer = f"{self._root.host}:{self._root.port}{self._root.path.removesuffix('odata/standard.odata/')}"
        self._password = settings.password.value().reveal()
        self._context = tls.context(settings.trust)
        self._runner = asyncio.Runner()
        self._http: aiohttp.ClientSession | None = None

    def close(self) -> None:
        """Gives the licence back, whatever has happened."""
        with self._runner, suppress(aiohttp.ClientError, OSError, TimeoutError):
            self._runner.run(self._finish())

    def begin(self, into: BinaryIO) -> None:
        """Begins the session with the description of the base. Not repeated: that nobody is there is told soon."""
        limit = self._settings.max_metadata_mb
        try:
            self._runner.run(self._ask("$metadata", {}, "xml", into, limit, "max_metadata_mb", {SESSION: "start"}))
        except Unreachable as error:
            raise tls.why_lost(error, self.peer, self._root, self._context) or error from error.__cause__

    def rows(self, path: str, query: Mapping[str, str]) -> bytes:
        """An answer in JSON."""
        return self._patiently(path, {"$format": "json", **query}, "json")

    def count(self, path: str, query: Mapping[str, str]) -> int:
        """The number that `/$count` says; it may begin with a byte order mark."""
        body = self._patiently(f"{path}/$count", query, "text")
        try:
            return int(body.decode("utf-8-sig").strip())
        except ValueError as error:
            raise BadData(f"{self.peer}: {path}/$count ответил не числом") from error

    def _patiently(self, path: str, query: Mapping[str, str], expected: Expected) -> bytes:
        """Asks again when the peer could not be reached; whole answers only."""
        for attempt in range(ATTEMPTS):
            into = io.BytesIO()
            try:
                limit = self._settings.max_answer_mb
                self._runner.run(self._ask(path, query, expected, into, limit, "max_answer_mb", {}))
                return into.getvalue()
            except Unreachable:
                if attempt + 1 == ATTEMPTS:
                    raise
                self._runner.run(asyncio.sleep(_pause(attempt)))
        raise AssertionError("the last attempt returns or raises")

    async def _ask(
        self,
        path: str,
        query: Mapping[str, str],
        expected: Expected,
        into: BinaryIO,
        limit_mb: int,
        limit_key: str,
        headers: Mapping[str, str],
    ) -> None:
        """Writes the body `into` a file. Raises what the answer means."""
        url = URL(f"{self._root}{address(path, query)}", encoded=True)
        with tls.faults_told(self.peer):
            async with self._session().get(url, allow_redirects=False, headers=dict(headers)) as response:
                size = await _received(response, into, limit_mb * MEBIBYTE)
        if size > limit_mb * MEBIBYTE:
            raise SettingsError(
                f"{self.peer}: ответ на {path} больше {limit_mb} МБ; уменьшите page_rows, сузьте options "
                f"(where, condition, months) или увеличьте connection.{limit_key}"
            )
        into.seek(0)
        told = judged(_answer(response), into.read(BLOCK), expected=expected, secrets=(self._password,))
        into.seek(0)
        if told is not None:
            raise type(told)(f"{self.peer}, {path}: {told}")

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            settings = self._settings
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1, ssl=self._context),
                cookie_jar=aiohttp.CookieJar(unsafe=True),  # a server that is known by its address has cookies as well
                headers={
                    hdrs.AUTHORIZATION: aiohttp.encode_basic_auth(settings.username, self._password, encoding="utf-8"),
                    hdrs.USER_AGENT: "lk-sync",
                    hdrs.ACCEPT_ENCODING: "gzip, deflate",
                },
                timeout=aiohttp.ClientTimeout(
                    total=settings.request_timeout,
                    sock_connect=settings.connect_timeout,
                    sock_read=settings.answer_timeout,
                ),
            )
        return self._http

    async def _finish(self) -> None:
        if self._http is None:
            return
        try:
            if len(self._http.cookie_jar):
                url = URL(f"{self._root}{address('', {'$format': 'json'})}", encoded=True)
                timeout = aiohttp.ClientTimeout(total=FINISH_SECONDS)
                async with self._http.get(url, allow_redirects=False, headers={SESSION: "finish"}, timeout=timeout):
                    pass
        finally:
            await self._http.close()


async def _received(response: aiohttp.ClientResponse, into: BinaryIO, limit: int) -> int:
    """How many bytes came; more than `limit` when there are more."""
    size = 0
    async for block in response.content.iter_chunked(BLOCK):
        size += len(block)
        if size > limit:
            break
        into.write(block)
    return size


def _answer(response: aiohttp.ClientResponse) -> Answer:
    headers = response.headers
    return Answer(
        status=response.status,
        content_type=headers.get(hdrs.CONTENT_TYPE, "").lower(),
        location=headers.get(hdrs.LOCATION, ""),
    )


def _pause(attempt: int) -> float:
    """Longer each time, and not for all clients alike."""
    usual: float = PAUSE_SECONDS * 3**attempt
    return usual * random.uniform(0.5, 1.5)  # noqa: S311 - no secret in it
