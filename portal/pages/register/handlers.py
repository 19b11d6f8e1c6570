"""Register: how does somebody who holds a bill ask for a password?

The request is stored and answered; whether it matches is the registrar's affair. So the answer is the same, to the
byte and in its time, for a right amount, a wrong one, an unknown account and one that is registered already.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store import attempts, registrations
from lk_sync.store.database import Tx
from lk_sync.store.registrations import Registration
from portal import budgets
from portal.access import address, form, language, public
from portal.keys import CLOCK, LEGAL, LK, REGISTRAR, STORE
from portal.origin import browser
from portal.pages.register.form import Faults, Wanted, read
from portal.refusal import Refusal, see_other
from portal.render import render, words

WAITING_AT_MOST: Final = 5_000
COME_BACK_SECONDS: Final = 600
SHOWN_AGAIN: Final = ("account", "email", "amount")

routes = web.RouteTableDef()


@routes.get("/register")
@public
async def ask(request: web.Request) -> web.Response:
    return _page(request, {}, {}, HTTPStatus.OK)


@routes.get("/register/sent")
@public
async def sent(request: web.Request) -> web.Response:
    lk = request.app[LK]
    times = lk.budgets.register_account_per_day
    return render(request, "register/sent.html", hours=lk.portal.one_time_password_hours, times=times)


@routes.post("/register")
@public
async def register(request: web.Request) -> web.Response:
    wanted = read(form(request))
    if isinstance(wanted, Faults):
        return _page(request, dict(form(request)), wanted.by_field, HTTPStatus.UNPROCESSABLE_ENTITY)
    now = request.app[CLOCK]()
    await request.app[STORE].write(lambda tx: _store(tx, request, wanted, now))
    request.app[REGISTRAR].wake()
    return see_other("/register/sent")


def _store(tx: Tx, request: web.Request, wanted: Wanted, now: datetime) -> None:
    """Raises Refusal when this was tried too often (429), or too many requests wait (503)."""
    limits, here = request.app[LK].budgets, address(request)
    empty = attempts.take(tx, budgets.registration(limits, account=wanted.account, address=here), now=now)
    if empty is not None:
        raise budgets.used_up(empty, now)
    if registrations.waiting(tx) >= WAITING_AT_MOST:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
    registrations.ask(tx, _request(request, wanted, now))


def _request(request: web.Request, wanted: Wanted, now: datetime) -> Registration:
    legal, reader = request.app[LEGAL], language(request)
    rules, consent = legal.current("rules", reader), legal.current("personal_data", reader)
    return Registration(
        registration=_id(form(request).get("request", ""), wanted),
        account=wanted.account,
        email=wanted.email,
        amount_kopecks=wanted.amount_kopecks,
        language="en" if reader == "en" else "ru",
        rules_version=rules.version,
        rules_sha256=rules.sha256,
        consent_version=consent.version,
        consent_sha256=consent.sha256,
        address=address(request),
        browser=browser(request),
        created_at=instant(now),
    )


def _id(form_id: str, wanted: Wanted) -> str:
    """The same form with the same content is the same request; a corrected one is another."""
    content = msgspec.json.encode([form_id, *msgspec.structs.astuple(wanted)])
    return hashlib.sha256(content).hexdigest()[:32]


def _page(
    request: web.Request, fields: dict[str, str], faults: dict[str, list[str]], status: HTTPStatus
) -> web.Response:
    gettext, legal, reader = words(request).gettext, request.app[LEGAL], language(request)
    return render(
        request,
        "register/page.html",
        status=status,
        typed={name: fields.get(name, "")[:254] for name in SHOWN_AGAIN},
        ticked={name for name in ("rules", "consent") if fields.get(name) == "yes"},
        errors={field: [gettext(sentence) for sentence in sentences] for field, sentences in faults.items()},
        form_id=uuid4().hex,
        rules=legal.current("rules", reader),
        consent=legal.current("personal_data", reader),
    )
