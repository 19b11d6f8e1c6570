"""World: the real portal on a real port, with a small town of accounts in its cache and a clock one can turn."""

from __future__ import annotations

import io
import re
import shutil
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import argon2
import yaml
from yarl import URL

from demo.cached import publish, put
from demo.mailbox import Mailbox
from lk_sync import databases
from lk_sync.cache.codes import Codes
from lk_sync.cache.reader import CacheReader
from lk_sync.cache.schema import open_for_writing
from lk_sync.config import Config
from lk_sync.store import users
from lk_sync.store.database import Store
from lk_sync.store.users import User
from portal.app import make_app
from portal.connections import Door, limits
from portal.keys import CENSUS
from portal.passwords import typed
from portal.server import Service, listener

CONFIG: Final = Path(__file__).parents[2] / "config"
NOON: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD: Final = "четыре слова без всякой связи"
HASH: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(typed(PASSWORD))

SUBSCRIBER: Final = "000012345"
NEIGHBOUR: Final = "000012346"
NEWCOMER: Final = "000012347"
ORGANISATION: Final = "000020000"
SETTLED: Final = "000030000"  # owes nothing
AHEAD: Final = "000030001"  # has paid in advance
NOBODY: Final = "000099999"
ODD: Final = "Т/17-б"  # a number that is not digits

LAST, PREVIOUS, OLDER = 202610, 202609, 202608
LAST_DUE, PREVIOUS_DUE, OLDER_DUE = 123456, 98765, 55555


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def holder(account: str) -> str:
    return f"holder-{account}"


def fill(path: Path) -> None:
    """A cache with the accounts named above; each billed for three months."""
    connection = open_for_writing(path)
    codes = Codes(connection)
    accounts = [_account(number) for number in (SUBSCRIBER, NEIGHBOUR, NEWCOMER, ODD)]
    accounts += [_account(ORGANISATION, kind="organisation"), _account(SETTLED), _account(AHEAD)]
    put(connection, codes, "accounts", accounts)
    dues = {SETTLED: (0, 0, 0), AHEAD: (-5000, -100, 0)}
    for number, *_ in accounts:
        put(connection, codes, "bills", _bills(number, dues.get(number, (LAST_DUE, PREVIOUS_DUE, OLDER_DUE))))
    publish(connection, published_at=NOON)
    connection.close()


def _account(number: str, *, kind: str = "person") -> tuple[Any, ...]:
    return (number, number, None, holder(number), "Иванова А. О.", kind, "2015-03-01", "г. Элиста, ул. Клыкова, д. 1",
            52_300_000, 2, "2015-03-01", None)  # fmt: skip


def _bills(number: str, dues: tuple[int, ...]) -> list[tuple[Any, ...]]:
    months = ((LAST, "2026-11-01"), (PREVIOUS, "2026-10-01"), (OLDER, "2026-09-01"))
    return [
        (number, month, f"{number}-{month}", issued, issued[:8] + "10", None, due, "issued")
        for (month, issued), due in zip(months, dues, strict=True)
    ]


def change_holder(path: Path, account: str, holder_key: str) -> None:
    connection = open_for_writing(path)
    connection.execute("UPDATE accounts SET holder_key = ? WHERE number = ?", (holder_key, account))
    connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configure(
    folder: Path,
    *,
    port: int,
    mailbox: Mailbox | None = None,
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> Config:
    """A configuration folder of its own, read."""
    ours = write_settings(folder, port=port, mailbox=mailbox, **settings)
    return Config(folder, {**ours, **(environment or {})})


def write_settings(folder: Path, *, port: int, mailbox: Mailbox | None = None, **settings: Any) -> dict[str, str]:
    """A configuration folder of its own; `settings` are sections of lk.yaml that differ from the product's. Returns
    the environment that goes with it."""
    shutil.copytree(CONFIG / "legal", folder / "legal")
    shutil.copytree(CONFIG / "letters", folder / "letters")
    shutil.copytree(CONFIG / "requests", folder / "requests")
    shutil.copy(CONFIG / "working_days.yaml", folder)
    tree = yaml.safe_load((CONFIG / "lk.yaml").read_text("utf-8"))
    tree["data_dir"] = str(folder / "var")
    tree["portal"] |= {"base_url": f"http://127.0.0.1:{port}", "port": port}
    tree["registration"]["few"] = 9  # all of the little town have the same sums
    del tree["mail"]
    environment = {}
    if mailbox is not None:
        tree["mail"] = {
            "host": mailbox.host,
            "port": mailbox.port,
            "ca": str(mailbox.folder.parent / "ca.pem"),
            "username": mailbox.username,
            "password": {"secret": "SMTP_PASSWORD"},
            "sender": "Личный кабинет <lk@energoservice.example>",
            "timeout_seconds": 5,
        }
        environment["LK_SMTP_PASSWORD"] = mailbox.password
    for section, values in settings.items():
        tree[section] = (tree.get(section) or {}) | values
    (folder / "lk.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
    return environment


@dataclass
class Page:
    """An answer as the browser got it, read to the end."""

    status: int
    headers: Any
    text: str
    cookies: Any
    body: bytes = b""

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.text)
        assert found, f"{self.status}: no form on this page"
        return found[1]

    def hidden(self, name: str) -> str:
        """The field of the page's own form, which stands after the form of languages."""
        found = re.findall(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no hidden field {name}"
        return found[-1]


class Browser:
    """A visitor with cookies, that says where its requests come from, as browsers do."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session = session
        self.base = base

    def cookie(self, name: str) -> str | None:
        found = self.session.cookie_jar.filter_cookies(URL(self.base)).get(name)
        return found.value if found else None

    async def get(self, path: str, **headers: str) -> Page:
        sent = {"Sec-Fetch-Site": "none"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._ask("GET", path, headers=sent)

    async def post(self, path: str, fields: dict[str, str], *, form_on: str | None = None, **headers: str) -> Page:
        """Sends the form; its token comes from the page `form_on` (the same path, unless said otherwise)."""
        if "csrf" not in fields:
            fields = fields | {"csrf": (await self.get(form_on or path)).csrf}
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": self.base}
        return await self._ask("POST", path, data=fields, headers=sent | headers)

    async def send(self, path: str, fields: dict[str, str], files: Sequence[tuple[str, bytes]] = ()) -> Page:
        """Sends a form that may have files: (name, bytes) each."""
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        for name, value in fields.items():
            form.add_field(name, value)
        for name, body in files:
            form.add_field("files", io.BytesIO(body), filename=name, content_type="application/octet-stream")
        return await self._ask("POST", path, data=form, headers={"Sec-Fetch-Site": "same-origin", "Origin": self.base})

    async def _ask(self, method: str, path: str, **more: Any) -> Page:
        url = URL(self.base + path, encoded=True)
        async with self.session.request(method, url, allow_redirects=False, **more) as answer:
            body = await answer.read()
            return Page(answer.status, answer.headers, body.decode(errors="replace"), answer.cookies, body)

    async def log_in(self, account: str, password: str = PASSWORD) -> Page:
        return await self.post("/login", {"account": account, "password": password})

    async def register(self, account: str, *, amount: str = "1234,56", email: str = "ivanova@example.ru") -> Page:
        form = await self.get("/register")
        fields = {"account": account, "email": email, "amount": amount, "rules": "yes", "consent": "yes"}
        return await self.post("/register", fields | {"csrf": form.csrf, "request": form.hidden("request")})


@dataclass
class World:
    config: Config
    store: Store
    cache: CacheReader
    clock: Hands
    service: Service
    mailbox: Mailbox | None
    _sessions: list[aiohttp.ClientSession] = field(default_factory=list)

    @property
    def base(self) -> str:
        return self.config.lk.portal.base_url

    @property
    def port(self) -> int:
        return urlsplit(self.base).port or 0

    @property
    def app(self) -> Any:
        return self.service.app

    def browser(self, *, local_address: str | None = None, **headers: str) -> Browser:
        """A new visitor, without cookies. Browsers keep Secure cookies on loopback even without TLS."""
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(self.base))
        connector = aiohttp.TCPConnector(local_addr=(local_address, 0) if local_address else None)
        session = aiohttp.ClientSession(cookie_jar=jar, connector=connector, headers=headers)
        self._sessions.append(session)
        return Browser(session, self.base)

    def registered(self, account: str, *, email: str = "somebody@example.ru") -> User:
        """A subscriber with an own password (PASSWORD), as after the first login."""

        def work(tx: Any) -> User:
            code = users.create(
                tx,
                account=account,
                holder_key=holder(account),
                email=email,
                language="ru",
                password_hash="",
                lasts=timedelta(hours=24),
                now=self.clock(),
            )
            fresh = users.find(tx, user_code=code)
            assert fresh is not None
            users.choose_password(tx, user=fresh, password_hash=HASH)
            found = users.find(tx, user_code=code)
            assert found is not None
            return found

        return self.store.write_now(work)

    async def letters(self) -> list[Any]:
        """Lets the registrar and the post do what is due; what has arrived by then."""
        from portal.keys import POST, RECOVERER, REGISTRAR

        await self.app[REGISTRAR].settle_waiting()
        await self.app[RECOVERER].settle_waiting()
        if (post := self.app[POST]) is not None:
            await post.deliver_due()
        return self.mailbox.letters() if self.mailbox else []

    async def leave(self) -> None:
        for session in self._sessions:
            await session.close()


@asynccontextmanager
async def world(
    folder: Path,
    *,
    cache: Path | None = None,
    mailbox: Mailbox | None = None,
    store: Path | None = None,
    background: bool = True,
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """The portal, served. `cache` and `store` are copied; no cache: nothing has been loaded yet. Without `background`
    the registrar and the post only work when `letters` asks them to. `environment`: where else both are kept."""
    config = configure(folder, port=free_port(), mailbox=mailbox, environment=environment, **settings)
    config.lk.data_dir.mkdir()
    if cache is not None:
        shutil.copy(cache, config.lk.cache_path)
    if store is not None:
        shutil.copy(store, config.lk.store_path)
    durable, reader, clock = databases.open_store(config), databases.cache(config).reader(), Hands()
    app = make_app(config, store=durable, cache=reader, clock=clock)
    if not background:
        app.cleanup_ctx.clear()
    portal = config.lk.portal
    service = Service(app, Door(limits(portal, files=4096)), None)
    await service.start(listener(portal.listen, portal.port, shared=False))
    await app[CENSUS].fresh()
    made = World(config, durable, reader, clock, service, mailbox)
    try:
        yield made
    finally:
        await made.leave()
        await service.stop()
        reader.close()
        durable.close()
