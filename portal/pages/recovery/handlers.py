"""Recovery: how does somebody who has lost the password get back in?

The request is stored and answered; whether there is such a user record is the recoverer's affair, so the answer is the
same, to the byte and in its time. The link of the letter leads to a page where a new password is chosen; asking for
that page changes nothing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.bill_code import DESK_LENGTH
from lk_sync.clock import instant
from lk_sync.store import attempts, audit, recoveries, users
from lk_sync.store.database import Tx
from lk_sync.store.recoveries import Recovery
from lk_sync.store.users import User
from portal import budgets, choosing, devices, entry
from portal.access import address, form, language, public
from portal.accounts import canonical
from portal.keys import CLOCK, LK, PASSWORDS, RECOVERER, STORE
from portal.pages.register import form as typed_form
from portal.passwords import typed
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import render, words

WAITING_AT_MOST: Final = 5_000
COME_BACK_SECONDS: Final = 600
SHOWN_AGAIN: Final = ("account", "email", "desk_code")
LONGEST_SECRET: Final = 100

routes = web.RouteTableDef()


@routes.get("/recovery")
@public
async def ask(request: web.Request) -> web.Response:
    return _page(request, {}, HTTPStatus.OK)


@routes.get("/recovery/sent")
@public
async def sent(request: web.Request) -> web.Response:
    return render(request, "recovery/sent.html", hours=request.app[LK].registration.recovery_hours)


@routes.post("/recovery")
@public
async def recover(request: web.Request) -> web.Response:
    fields = form(request)
    account, email = canonical(fields.get("account", "")), typed_form.address(fields.get("email", ""))
    code = typed_form.code(fields.get("desk_code", ""), DESK_LENGTH)
    wrong_code = code is None and fields.get("desk_code", "").strip() != ""
    if account is None or email is None or wrong_code:
        return _page(request, _faults(request, account, email, wrong_code), HTTPStatus.UNPROCESSABLE_ENTITY)
    now = request.app[CLOCK]()
    content = msgspec.json.encode([fields.get("request", ""), account, email, code])
    asked = Recovery(
        recovery=hashlib.sha256(content).hexdigest()[:32],
        account=account,
        email=email,
        desk_code=code,
        language="en" if language(request) == "en" else "ru",
        address=address(request),
        created_at=instant(now),
    )
    await request.app[STORE].write(lambda tx: _store(tx, request, asked, now))
    request.app[RECOVERER].wake()
    return see_other("/recovery/sent")


def _store(tx: Tx, request: web.Request, asked: Recovery, now: datetime) -> None:
    """Raises Refusal when this was tried too often (429), or too many requests wait (503)."""
    wanted = budgets.recovery(request.app[LK].budgets, account=asked.account, address=asked.address)
    if (empty := attempts.take(tx, wanted, now=now)) is not None:
        raise budgets.used_up(empty, now)
    if recoveries.waiting(tx) >= WAITING_AT_MOST:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
    recoveries.ask(tx, asked)


def _faults(request: web.Request, account: str | None, email: str | None, wrong_code: bool) -> dict[str, list[str]]:
    gettext, found = words(request).gettext, {}
    if wrong_code:
        found["desk_code"] = [gettext("В коде десять букв и цифр, например 7K2MQ-4XH9C.")]
    if account is None:
        found["account"] = [gettext("Введите номер лицевого счёта, как на квитанции: цифры и буквы без других знаков.")]
    if email is None:
        found["email"] = [gettext("Введите один адрес электронной почты, например ivanova@example.ru.")]
    return found


def _page(request: web.Request, errors: dict[str, list[str]], status: HTTPStatus) -> web.Response:
    fields = form(request) if request.method == "POST" else {}
    shown = {name: fields.get(name, "")[:254] for name in SHOWN_AGAIN}
    form_id = fields.get("request", "")[:64] or uuid4().hex
    return render(request, "recovery/page.html", status=status, typed=shown, errors=errors, form_id=form_id)


@routes.get("/recovery/{secret}")
@public
async def choose(request: web.Request) -> web.Response:
    user = _led_to(request)
    if user is None:
        return render(request, "recovery/over.html", status=HTTPStatus.NOT_FOUND)
    return _choice(request, user, {}, HTTPStatus.OK)


@routes.post("/recovery/{secret}")
@public
async def chosen(request: web.Request) -> web.Response:
    user = _led_to(request)
    if user is None:
        return render(request, "recovery/over.html", status=HTTPStatus.NOT_FOUND)
    if errors := choosing.faults(request, user):
        return _choice(request, user, errors, HTTPStatus.UNPROCESSABLE_ENTITY)
    hashed = await request.app[PASSWORDS].hash(typed(form(request)["password"]))
    now = request.app[CLOCK]()
    token = await request.app[STORE].write(lambda tx: _take(tx, request, user, hashed, now))
    letters_wait(request.app)
    return devices.remember(request, entry.admit(see_other("/"), token))


def _led_to(request: web.Request) -> User | None:
    """Whose password the link of this address changes; None when it leads nowhere (any more)."""
    secret, tx = request.match_info["secret"], request.app[STORE].reading
    if len(secret) > LONGEST_SECRET:
        return None
    code = recoveries.way(tx, secret=secret, now=request.app[CLOCK]())
    return None if code is None else users.find(tx, user_code=code)


def _take(tx: Tx, request: web.Request, user: User, hashed: str, now: datetime) -> str:
    """The token of the new session; every other one has ended. Raises Refusal (409) when the link has been used."""
    used = recoveries.use_way(tx, secret=request.match_info["secret"], now=now)
    if not used or not users.choose_password(tx, user=user, password_hash=hashed):
        raise Refusal(HTTPStatus.CONFLICT)
    recoveries.close_ways(tx, user_code=user.user_code, now=now)
    here = address(request)
    audit.append(
        tx, actor=user.user_code, act="password_recovered", object=f"user:{user.user_code}", now=now, address=here
    )
    choosing.tell(tx, user, now=now)
    devices.signed_in(tx, request, user, now=now)
    return entry.begin(tx, request, user_code=user.user_code, now=now)


def _choice(request: web.Request, user: User, errors: dict[str, list[str]], status: HTTPStatus) -> web.Response:
    return render(
        request,
        "recovery/choose.html",
        status=status,
        account=user.account,
        errors=errors,
        shown=choosing.is_shown(request),
    )
