"""Heartbeat: how does a watcher elsewhere learn that an exchange went well?

By one HTTPS request to an address of his. His certificate and name are verified, nothing is followed, and all of it
takes `timeout_seconds` at most. It is no part of the walk: whatever becomes of it, the walk is done.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

from lk_sync.config import Config, Heartbeat
from lk_sync.errors import SettingsError, Unreachable

LONGEST_ANSWER: Final = 4096
TRIES: Final = 2
PAUSE_SECONDS: Final = 5.0


class Pulse:
    """`beat` once for every good walk. Raises SettingsError when the address or the authority is no good."""

    def __init__(self, config: Config, heartbeat: Heartbeat) -> None:
        url = heartbeat.url if isinstance(heartbeat.url, str) else heartbeat.url.value(config.environment).reveal()
        self._parts = _checked(url)
        self._method, self._timeout = heartbeat.method, heartbeat.timeout_seconds
        self._tls = _context(heartbeat)

    @property
    def host(self) -> str:
        """What may be told of the address; the rest of it is a secret."""
        return self._parts.hostname or ""

    async def beat(self) -> None:
        """Raises Unreachable after the last try."""
        for left in reversed(range(TRIES)):
            try:
                await self._ask()
            except Unreachable:
                if not left:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._exchange()
        except TimeoutError as error:
            raise Unreachable(f"сторож {self.host} не ответил за {self._timeout} с") from error
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"сторож {self.host}: сертификат не подтверждён ({error.verify_message}); проверьте heartbeat.ca"
            ) from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unreachable(f"сторож {self.host} недоступен ({type(error).__name__})") from error
        words = answer.split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].startswith(b"2"):
            code = words[1][:3].decode("ascii", "replace") if len(words) > 1 else "?"
            raise Unreachable(f"сторож {self.host} ответил {code}; проверьте heartbeat.url")

    async def _exchange(self) -> bytes:
        """The first line of the answer."""
        parts = self._parts
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or 443, ssl=self._tls, server_hostname=parts.hostname, limit=LONGEST_ANSWER
        )
        try:
            writer.write(self._request())
            await writer.drain()
            return await reader.readuntil(b"\r\n")
        finally:
            writer.transport.abort()

    def _request(self) -> bytes:
        parts = self._parts
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{self._method} {path} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: lk-sync", "Connection: close"]
        if self._method == "POST":
            lines.append("Content-Length: 0")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or not url.isascii() or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise SettingsError("heartbeat.url: нужен адрес вида https://watch.example.ru/ping/…, без имени и пароля в нём")
    return parts


def _context(heartbeat: Heartbeat) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(heartbeat.ca) if heartbeat.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"heartbeat.ca: {heartbeat.ca} — сертификат центра не читается ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
