"""Cast: who lives in the demo's town, and how does one of them get into the portal?"""

from __future__ import annotations

import contextlib
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from aiohttp import CookieJar
from yarl import URL

from demo.supplier import Plan, Supplier
from demo.supplier.oddities import CAST, Oddity
from lk_sync.cache.schema import open_for_writing
from lk_sync.store import sessions, users
from lk_sync.store.database import Tx
from portal.access import SESSION
from portal.forgery import new_secret
from tests.portal.world import Browser, World

PUBLISHED_AT: Final = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
SUPPLIER: Final = Supplier(Plan(seed=1, accounts=60, today=date(2026, 11, 23)))
BOOKS: Final = {oddity: SUPPLIER.books(index) for index, oddity in CAST.items()}
NUMBER: Final = {oddity: str(books["accounts"][0][0]) for oddity, books in BOOKS.items()}
SUBSCRIBER: Final = NUMBER[Oddity.ORDINARY]
NEIGHBOUR: Final = NUMBER[Oddity.TWO_METERS]


def enter(world: World, account: str, *, language: str = "ru") -> Browser:
    """A browser with a session of the account's present holder. Logging in is another test's matter."""
    token = secrets.token_urlsafe(32)
    world.store.write_now(lambda tx: _admit(tx, world, account, language, token))
    browser = world.browser(**{"Accept-Language": language})
    jar = browser.session.cookie_jar
    assert isinstance(jar, CookieJar)
    jar.update_cookies({SESSION: token}, URL(world.base))
    return browser


def _admit(tx: Tx, world: World, account: str, language: str, token: str) -> None:
    now, day = world.clock(), timedelta(days=40)
    user = users.of_account(tx, account=account)
    if user is None:
        key = world.cache.account_key(account)
        holder_key = (world.cache.holder_key(key) if key is not None else None) or "nobody yet"
        code = users.create(
            tx, account=account, holder_key=holder_key, email="reader@example.ru", language=language,
            password_hash="", lasts=day, now=now,
        )  # fmt: skip
        user = users.find(tx, user_code=code)
        assert user is not None
        users.choose_password(tx, user=user, password_hash="unused")
    sessions.start(
        tx, token=token, user_code=user.user_code, csrf_key=new_secret(), now=now, lasts=day,
        address="127.0.0.1", browser="test",
    )  # fmt: skip


def amend(world: World, statement: str, **values: Any) -> None:
    """The accounting system changed its mind: what a later run would have published."""
    with contextlib.closing(open_for_writing(world.config.lk.cache_path)) as connection:
        connection.execute(statement, values)
