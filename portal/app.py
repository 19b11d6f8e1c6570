"""App: what is the portal made of, and what runs beside its pages?

`make_app` puts the parts together; tests use the same one. Beside the pages run, in every process: the registrar,
the post, the writers of visits and of sessions' idle limits, and housekeeping.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

import jinja2
from aiohttp import web

from lk_sync import clock as wall
from lk_sync import databases
from lk_sync.cache.reader import CacheReader
from lk_sync.clock import Clock
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.mail.carrier import Carrier
from lk_sync.mail.post import Post
from lk_sync.mail.stationery import Stationery
from lk_sync.proofs import checked_key
from lk_sync.store import attempts, devices, links, sessions, users
from lk_sync.store.attachments import Attachments
from lk_sync.store.database import Store, Tx
from portal import freshness, pages, render, spreadsheet
from portal.access import MAY, gate, mark_of
from portal.answers import Answers
from portal.bills import office
from portal.census import CensusTaker
from portal.errands import keep_swept
from portal.evidence import Rules
from portal.keys import (
    ANSWERS,
    ATTACHMENTS,
    CACHE,
    CENSUS,
    CLOCK,
    CONFIG_DIR,
    LEGAL,
    LK,
    MANUAL,
    ORIGIN,
    PASSWORDS,
    POST,
    RECOVERER,
    REGISTRAR,
    REQUESTS,
    RULES,
    SEEN,
    STORE,
    VISITS,
    WORKING_DAYS,
    WORKS,
)
from portal.language import LANGUAGES
from portal.legal import Legal
from portal.origin import Origin
from portal.pages.help.handlers import manuals
from portal.pages.offline import handlers as offline
from portal.passwords import Passwords
from portal.postbox import letters_wait
from portal.recoverer import Recoverer
from portal.registrar import Registrar
from portal.seen import Seen
from portal.shield import shield
from portal.visits import Visits
from portal.works import Announced

MOST_FIELDS: Final = 100
CLEAN_EVERY_SECONDS: Final = 600
AFTER_A_FAULT_SECONDS: Final = 5

log: Final = logging.getLogger("portal")


def make_app(config: Config, *, store: Store, cache: CacheReader, clock: Clock = wall.now) -> web.Application:
    """The portal of a configuration folder. `store` and `cache` stay the caller's to close.

    Raises SettingsError for texts, letters or addresses that make no sense.
    """
    lk = config.lk
    app = web.Application(
        middlewares=[shield, gate], client_max_size=lk.portal.max_body_bytes, client_max_fields=MOST_FIELDS
    )
    app[LK], app[CONFIG_DIR] = lk, config.folder
    app[STORE], app[CACHE], app[CLOCK] = store, cache, clock
    app[ATTACHMENTS], app[REQUESTS], app[WORKING_DAYS] = (
        Attachments(lk.data_dir),
        config.requests,
        config.working_days,
    )
    app[ORIGIN] = Origin(lk.portal)
    app[SEEN], app[VISITS], app[PASSWORDS] = Seen(), Visits(lk.data_dir / "visits.jsonl"), Passwords()
    app[LEGAL] = Legal(config.folder / "legal", lk.legal)
    app[MANUAL] = manuals(lk)
    _add_pages(app, config)
    office.setup(app, config)
    app[ANSWERS] = Answers(app)
    app[WORKS] = Announced(store, clock, {each: app[render.FORMATS[each]] for each in LANGUAGES})
    app[POST] = _post(config, store, clock)
    _add_registrar(app, config)
    app.cleanup_ctx.append(_beside_the_pages)
    return app


def _add_pages(app: web.Application, config: Config) -> None:
    kinds = {name: kind.whose for name, kind in config.requests.items()}
    try:
        render.setup(app, config.lk, {role: pages.menu(role) for role in MAY}, kinds)
    except jinja2.TemplateSyntaxError as error:
        raise SettingsError(f"{error.filename}, строка {error.lineno}: {error.message}") from error
    freshness.setup(app)
    offline.setup(app)
    spreadsheet.setup(app)
    for table in pages.tables():
        app.add_routes(table)
    for route in app.router.routes():
        if mark_of(route.handler) is None:
            raise LookupError(f"{route.method} {route.resource}: страница не говорит, кому она открыта")


def _add_registrar(app: web.Application, config: Config) -> None:
    section, place = config.lk.registration, databases.cache(config)
    key = section.code_key.value(config.environment) if section.code_key else None
    app[RULES] = Rules(section, None if key is None else checked_key(key))
    app[CENSUS] = CensusTaker(app[CACHE], place.reader, app[CLOCK], section.few)
    app[REGISTRAR] = Registrar(
        app[STORE],
        app[CACHE],
        app[CLOCK],
        app[PASSWORDS],
        config.lk,
        app[RULES],
        app[CENSUS],
        partial(letters_wait, app),
    )
    app[RECOVERER] = Recoverer(app[STORE], app[CACHE], app[CLOCK], config.lk, partial(letters_wait, app))


def _post(config: Config, store: Store, clock: Clock) -> Post | None:
    mail = config.lk.mail
    if mail is None:
        log.warning("почтовый сервер не задан (раздел mail в lk.yaml): письма с паролями будут ждать")
        return None
    hostname = Origin(config.lk.portal).hostname
    stationery = Stationery(config.folder / "letters", config.lk, mail)
    return Post(store, clock, stationery, Carrier(mail, hostname=hostname, environment=config.environment))


async def _beside_the_pages(app: web.Application) -> AsyncIterator[None]:
    post = app[POST]
    work: list[Callable[[], Awaitable[None]]] = [app[REGISTRAR].run, app[RECOVERER].run, app[CENSUS].run]
    work += [partial(_keep_clean, app), partial(keep_swept, app), *([post.run] if post else [])]
    tasks = [asyncio.create_task(_whatever_happens(each)) for each in work]
    writers = [
        asyncio.create_task(app[VISITS].keep_writing()),
        asyncio.create_task(app[SEEN].keep_writing(app[STORE])),
    ]
    yield
    for task in tasks + writers:
        task.cancel()
    await asyncio.gather(*tasks, *writers, return_exceptions=True)
    app[PASSWORDS].close()


async def _whatever_happens(work: Callable[[], Awaitable[None]]) -> None:
    """A fault in one pass does not end the work: the next pass begins a little later."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("фоновая работа прервалась и начнётся снова через %d с", AFTER_A_FAULT_SECONDS)
        await asyncio.sleep(AFTER_A_FAULT_SECONDS)


async def _keep_clean(app: web.Application) -> None:
    """Forgets sessions and attempts that count for nothing any more."""
    idle = timedelta(minutes=app[LK].portal.session_idle_minutes)

    def clean(tx: Tx) -> None:
        now = app[CLOCK]()
        sessions.sweep(tx, now=now, idle=idle)
        attempts.sweep(tx, now=now)
        for link in links.over(tx, now=now):
            users.end_link(tx, link, reason="day_has_come", now=now)
        devices.sweep(tx, now=now)

    while True:
        await app[STORE].write(clean)
        await asyncio.sleep(CLEAN_EVERY_SECONDS)
