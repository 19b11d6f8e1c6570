"""Web: how does a file come from a web server whole, though the line breaks and the server is odd?

Nothing is sent before certificate and name are proved. A file that breaks off is asked for again from where it broke
(`Range` with `If-Range`), and begun anew when the server has another one meanwhile, or cannot go on. A redirect counts
only to the same server. What comes is bounded in size and time.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Final

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from connectors import tls
from connectors.https import settings as reach
from connectors.https.settings import HttpsSettings
from lk_sync.errors import AccessDenied, BadData, LkError, Unreachable

BLOCK_BYTES: Final = 1 << 16
REDIRECTS: Final = 5
PAUSE_SECONDS: Final = 0.5
GOODBYE_SECONDS: Final = 0.02
SETTLED: Final = timedelta(minutes=1)
_MOVED: Final = (301, 302, 303, 307, 308)
_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


class Fetched(msgspec.Struct, frozen=True):
    """What the server says of a file that has come. `version`: by what it is known again. `packed`: it came as gzip."""

    version: str | None
    size: int
    packed: bool


class _Progress(msgspec.Struct):
    got: int = 0
    total: int | None = None
    validator: str | None = None  # for If-Range: a strong ETag or a date
    version: str | None = None
    packed: bool = False


class _Broken(Exception):
    """The answer ended before its time; what has come so far is good."""


class Web:
    """One server. Every call is a connection of its own, in a thread without an event loop."""

    def __init__(self, settings: HttpsSettings) -> None:
        self._settings, self._root = settings, reach.root(settings)
        self.peer = f"https://{self._root.host}:{self._root.port}"

    def fetch(self, url: URL, into: BinaryIO, *, limit: int, known: str | None = None) -> Fetched | None:
        """None: the server has it as it is `known`. Raises BadData when there is no such file or it is too long,
        AccessDenied, Unprotected, and Unreachable when it does not come whole."""
        context = tls.context(self._settings.trust)
        try:
            with tls.faults_told(self.peer):
                return asyncio.run(self._call(_Fetching(self, url, into, limit, known), context))
        except Unreachable as error:
            raise tls.why_lost(error, self.peer, url, context) or error from error.__cause__

    async def _call(self, fetching: _Fetching, context: ssl.SSLContext) -> Fetched | None:
        connector = aiohttp.TCPConnector(limit=1, ssl=context)
        async with aiohttp.ClientSession(
            connector=connector, auto_decompress=False, headers=self._headers(), trust_env=False
        ) as http:
            try:
                return await fetching.run(http)
            finally:
                await http.close()
                await asyncio.sleep(GOODBYE_SECONDS)  # a TLS connection that was cut closes a moment later

    def patience(self, deadline: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=max(1.0, deadline - time.monotonic()),
            sock_connect=self._settings.connect_seconds,
            sock_read=self._settings.silence_seconds,
        )

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        headers: dict[str, str] = {hdrs.ACCEPT_ENCODING: "identity", hdrs.USER_AGENT: "lk-sync"}
        if settings.username is not None and settings.password is not None:
            password = settings.password.value().reveal()
            headers[hdrs.AUTHORIZATION] = aiohttp.encode_basic_auth(settings.username, password, encoding="utf-8")
        elif settings.token is not None:
            headers[hdrs.AUTHORIZATION] = f"Bearer {settings.token.value().reveal()}"
        return headers

    @property
    def tries(self) -> int:
        return self._settings.tries

    @property
    def deadline_seconds(self) -> int:
        return self._settings.deadline_seconds

    def same_server(self, url: URL) -> URL:
        return reach.same_server(self._root, url, f"{self.peer}: сервер переадресовал")


class _Fetching:
    """One file on its way."""

    def __init__(self, web: Web, url: URL, into: BinaryIO, limit: int, known: str | None) -> None:
        self._web, self._url, self._into, self._limit, self._known = web, url, into, limit, known
        self._name = f"{web.peer}{url.path}"
        self._progress = _Progress()

    async def run(self, http: aiohttp.ClientSession) -> Fetched | None:
        deadline = time.monotonic() + self._web.deadline_seconds
        fault: Exception = _Broken()
        for _ in range(self._web.tries):
            if time.monotonic() > deadline:
                break
            try:
                return await self._once(http, deadline)
            except (_Broken, aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                if not isinstance(told := self._told(error), Unreachable):
                    raise told from error
                fault = error
            await asyncio.sleep(PAUSE_SECONDS)
        raise self._told(fault) from fault

    def _told(self, error: Exception) -> LkError:
        if isinstance(error, _Broken):
            of = f" из {self._progress.total}" if self._progress.total is not None else ""
            return Unreachable(
                f"{self._name}: пришло {self._progress.got}{of} байт, и связь оборвалась; попытка будет повторена"
            )
        return tls.told(self._web.peer, error)

    async def _once(self, http: aiohttp.ClientSession, deadline: float) -> Fetched | None:
        url = self._url
        for _ in range(REDIRECTS):
            patience = self._web.patience(deadline)
            async with http.get(url, headers=self._asking(), allow_redirects=False, timeout=patience) as response:
                if response.status not in _MOVED:
                    return await self._answer(response)
                url = self._web.same_server(_target(response, self._name))
        raise BadData(f"{self._name}: сервер переадресует больше {REDIRECTS} раз; файл не получен")

    def _asking(self) -> dict[str, str]:
        progress = self._progress
        headers: dict[str, str] = {}
        if progress.got and progress.validator is not None:
            headers = {hdrs.RANGE: f"bytes={progress.got}-", hdrs.IF_RANGE: progress.validator}
        elif self._known is not None and self._known.startswith("etag:"):
            headers = {hdrs.IF_NONE_MATCH: self._known.removeprefix("etag:")}
        elif self._known is not None and self._known.startswith("modified:"):
            headers = {hdrs.IF_MODIFIED_SINCE: self._known.removeprefix("modified:")}
        return headers

    async def _answer(self, response: aiohttp.ClientResponse) -> Fetched | None:
        if response.status == 304 and self._known is not None and not self._progress.got:
            return None
        if response.status == 206 and self._goes_on(response):
            return await self._rest(response)
        if response.status == 200:
            self._begin(response)
            return await self._rest(response)
        if response.status in (206, 416):
            self._forget()
            raise _Broken
        raise _refused(self._name, response.status)

    def _forget(self) -> None:
        self._progress = _Progress()
        self._into.seek(0)
        self._into.truncate()

    def _begin(self, response: aiohttp.ClientResponse) -> None:
        self._forget()
        progress, headers = self._progress, response.headers
        length = headers.get(hdrs.CONTENT_LENGTH)
        progress.total = int(length) if length is not None and length.isdecimal() else None
        etag, modified = headers.get(hdrs.ETAG), headers.get(hdrs.LAST_MODIFIED)
        dated = modified if modified and _is_settled(modified, headers.get(hdrs.DATE)) else None
        strong = etag if etag and not etag.startswith("W/") else None
        progress.validator = strong or dated
        progress.version = f"etag:{etag}" if etag else f"modified:{dated}" if dated else None
        coding = headers.get(hdrs.CONTENT_ENCODING, "identity").lower()
        if coding not in ("identity", "gzip", "x-gzip"):
            raise BadData(f"{self._name}: сервер сжал файл способом «{coding[:20]}», хотя его просили не сжимать")
        progress.packed = coding != "identity"
        if progress.total is None and hdrs.TRANSFER_ENCODING not in headers:
            raise BadData(f"{self._name}: сервер не говорит длины файла, обрыв от конца не отличить; файл не принят")
        self._check_size(progress.total or 0)

    def _goes_on(self, response: aiohttp.ClientResponse) -> bool:
        """Whether what comes is the rest of the very file that broke off."""
        progress = self._progress
        said = _RANGE.fullmatch(response.headers.get(hdrs.CONTENT_RANGE, ""))
        if said is None or not progress.got or int(said[1]) != progress.got:
            return False
        if progress.total not in (None, int(said[3])) or int(said[2]) + 1 != int(said[3]):
            return False
        progress.total = int(said[3])
        etag = response.headers.get(hdrs.ETAG)
        return etag is None or progress.version == f"etag:{etag}"

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise BadData(f"{self._name}: файл больше {self._limit} байт (max_file_bytes); не принят")

    async def _rest(self, response: aiohttp.ClientResponse) -> Fetched:
        progress = self._progress
        self._into.seek(progress.got)
        async for block in response.content.iter_chunked(BLOCK_BYTES):
            self._write(block)
        if progress.total is not None and progress.got != progress.total:
            raise _Broken
        return Fetched(progress.version, progress.got, progress.packed)

    def _write(self, block: bytes) -> None:
        self._check_size(self._progress.got + len(block))
        try:
            self._into.write(block)
            self._into.flush()
        except OSError as error:
            raise Unreachable(f"временный файл не записать ({error.strerror}); попытка будет повторена") from error
        self._progress.got += len(block)


def _is_settled(modified: str, date: str | None) -> bool:
    """Whether the file is known by its date: one that has just been written may be written again in the same second."""
    try:
        return parsedate_to_datetime(date or "") - parsedate_to_datetime(modified) >= SETTLED
    except (ValueError, TypeError):
        return False


def _target(response: aiohttp.ClientResponse, name: str) -> URL:
    try:
        return response.url.join(URL(response.headers[hdrs.LOCATION]))
    except (KeyError, ValueError) as error:
        raise BadData(f"{name}: сервер переадресует неизвестно куда (ответ {response.status})") from error


class Missing(BadData):
    """The server has no such file."""


def _refused(name: str, status: int) -> LkError:
    if status in (401, 403, 407):
        return AccessDenied(
            f"{name}: сервер не пускает (ответ {status}); проверьте username и password, token или certificate"
        )
    if status in (404, 410):
        return Missing(f"{name}: такого файла на сервере нет (ответ {status})")
    if status == 429 or status >= 500:
        return Unreachable(f"{name}: сервер не может ответить сейчас (ответ {status}); попытка будет повторена")
    return BadData(f"{name}: неожиданный ответ сервера ({status}); файл не получен")
