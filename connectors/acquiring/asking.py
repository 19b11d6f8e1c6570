"""Asking: how does one question reach a payment provider, and what may come back?

HTTPS with certificate and name verified. Nothing is followed, an answer is bounded in size and time. What the server
says in its error pages is not repeated: it may hold what we sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from connectors import tls
from lk_sync.contracts import Channel
from lk_sync.errors import AccessDenied, BadData, Unreachable
from lk_sync.records import Kopecks
from lk_sync.setting import Positive, Strict

LONGEST_ANSWER: Final = 1 << 20
_RUBLES: Final = re.compile(r"(0|[1-9][0-9]{0,12})\.([0-9]{2})")


class Reach(Strict, frozen=True, kw_only=True):
    """How the provider is reached. `url`: the address that its methods start from. Exactly one of `ca` and `public_ca`
    says whose certificates count."""

    url: str
    ca: Path | None = None
    public_ca: bool = False
    timeout_seconds: Positive = 40

    @property
    def trust(self) -> tls.Trust:
        return tls.Trust(ca=self.ca, public_ca=self.public_ca)


class Answer(msgspec.Struct, frozen=True):
    status: int
    fields: Mapping[str, Any]


class Line:
    """The way to one provider. Raises Unprotected and SettingsError when it is made from settings without proof."""

    def __init__(self, reach: Reach) -> None:
        tls.checked(reach.trust)
        root = tls.address(reach.url)
        self._root = root if root.path.endswith("/") else root.with_path(root.path + "/")
        self._reach = reach
        self.peer = f"https://{root.host}:{root.port}"

    def channel(self) -> Channel:
        return Channel(peer=self.peer, protection=tls.protection(self._reach.trust))

    async def ask(self, method: str, path: str, **what: Any) -> Answer:
        """Raises Unreachable, when nobody knows what became of the question; AccessDenied, BadData, Unprotected."""
        connector = aiohttp.TCPConnector(limit=1, ssl=tls.context(self._reach.trust))
        with tls.faults_told(self.peer):
            async with (
                asyncio.timeout(self._reach.timeout_seconds),
                aiohttp.ClientSession(connector=connector, trust_env=False) as http,
                http.request(method, self._root.joinpath(path), allow_redirects=False, **what) as answer,
            ):
                body = await self._body(answer)
        return self._told(answer.status, body)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for block in answer.content.iter_chunked(1 << 16):
            body += block
            if len(body) > LONGEST_ANSWER:
                raise BadData(f"{self.peer}: ответ длиннее {LONGEST_ANSWER} байт")
        return bytes(body)

    def _told(self, status: int, body: bytes) -> Answer:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AccessDenied(f"{self.peer}: доступ не дан ({status}); проверьте имя и пароль магазина")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Unreachable(f"{self.peer}: сервер ответил {status}; попытка будет повторена")
        try:
            fields = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadData(f"{self.peer}: ответ ({status}) — не JSON") from error
        if not isinstance(fields, dict):
            raise BadData(f"{self.peer}: в ответе ({status}) нет полей")
        return Answer(status, fields)


def text(fields: Mapping[str, Any], name: str) -> str:
    """A field that has to be there. Numbers are taken as text: providers write ids either way."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadData(f"в ответе платёжной системы нет поля {name}")
    return str(value)


def kopecks(fields: Mapping[str, Any], name: str) -> Kopecks:
    """A sum in kopecks, as a whole number."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadData(f"в ответе платёжной системы поле {name} — не сумма в копейках")
    return value


def rubles(amount: Kopecks) -> str:
    """`241207` → `2412.07`."""
    return f"{amount // 100}.{amount % 100:02d}"


def of_rubles(written: object) -> Kopecks:
    """`2412.07` → `241207`; raises BadData for whatever is not written so."""
    match = _RUBLES.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise BadData("в ответе платёжной системы сумма записана не как 2412.07")
    return int(match[1]) * 100 + int(match[2])
