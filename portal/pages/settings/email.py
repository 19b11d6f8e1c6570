"""E-mail: how does a person give the letters another address?

Whoever asks proves the password. A letter with a link goes to both addresses; the address changes when both have
agreed, and either may stop it. Opening a link changes nothing, a button does. A present address that is lost is the
office's matter: nobody but a person can tell its owner from a thief.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store import attempts, audit, email_changes, letters, users
from lk_sync.store.attempts import Budget
from lk_sync.store.database import Tx
from lk_sync.store.email_changes import Linked
from lk_sync.store.users import User
from portal import budgets
from portal.access import Need, address, form, open_to, public, visitor
from portal.keys import CLOCK, STORE
from portal.pages.password.handlers import unproved
from portal.pages.register.form import address as typed_address
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import render, words

LASTS: Final = timedelta(hours=24)
A_DAY: Final = 5
LONGEST_SECRET: Final = 100

routes = web.RouteTableDef()


@routes.get("/settings/email")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    return _page(request, _user(request), {})


@routes.post("/settings/email")
@open_to(Need.PERSON)
async def ask(request: web.Request) -> web.Response:
    user, now = _user(request), request.app[CLOCK]()
    email = typed_address(form(request).get("email", ""))
    errors = _errors(request, user, email) or await unproved(request, user)
    if errors or email is None:
        return _page(request, user, errors)
    await request.app[STORE].write(lambda tx: _ask(tx, request, user, email, now))
    letters_wait(request.app)
    return see_other("/settings/email")


@routes.post("/settings/email/stop")
@open_to(Need.PERSON)
async def stop(request: web.Request) -> web.Response:
    who, now = visitor(request), request.app[CLOCK]()
    await request.app[STORE].write(lambda tx: email_changes.stop(tx, user_code=who.user_code, now=now))
    return see_other("/settings/email")


@routes.get("/email/{secret}")
@public
async def opened(request: web.Request) -> web.Response:
    return render(request, "settings/email_link.html", found=_linked(request), done="")


@routes.post("/email/{secret}")
@public
async def settle(request: web.Request) -> web.Response:
    found, now, here = _linked(request), request.app[CLOCK](), address(request)
    if found is None:
        return render(request, "settings/email_link.html", found=None, done="", status=HTTPStatus.NOT_FOUND)
    wanted = "stopped" if "stop" in form(request) else "agreed"
    done = await request.app[STORE].write(lambda tx: _settle(tx, found, wanted, here, now))
    letters_wait(request.app)
    return render(request, "settings/email_link.html", found=found, done=done)


def _user(request: web.Request) -> User:
    user = users.find(request.app[STORE].reading, user_code=visitor(request).user_code)
    if user is None:
        raise Refusal(HTTPStatus.FORBIDDEN)
    return user


def _errors(request: web.Request, user: User, email: str | None) -> dict[str, list[str]]:
    gettext = words(request).gettext
    if email is None:
        return {"email": [gettext("Введите один адрес электронной почты, например ivanova@example.ru.")]}
    if email == user.email:
        return {"email": [gettext("Этот адрес у вас уже указан.")]}
    return {}


def _page(request: web.Request, user: User, errors: dict[str, list[str]]) -> web.Response:
    waiting = email_changes.waiting(request.app[STORE].reading, user_code=user.user_code, now=request.app[CLOCK]())
    typed = form(request).get("email", "")[:254] if errors else ""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return render(
        request, "settings/email.html", status=status, email=user.email, waiting=waiting, errors=errors, typed=typed
    )


def _ask(tx: Tx, request: web.Request, user: User, email: str, now: datetime) -> None:
    """Raises Refusal (429) when this was asked for too often."""
    budget = Budget("email_change", user.user_code, "day", A_DAY)
    if (empty := attempts.take(tx, [budget], now=now)) is not None:
        raise budgets.used_up(empty, now)
    old, new = (user.email, secrets.token_urlsafe(32)), (email, secrets.token_urlsafe(32))
    made = email_changes.ask(tx, user_code=user.user_code, old=old, new=new, expires_at=now + LASTS, now=now)
    told = {"account": user.account, "expires_at": made.expires_at}
    for kind, (recipient, secret) in (("email_change_old", old), ("email_change_new", new)):
        more = {"link": f"/email/{secret}"} | ({"email": email} if kind == "email_change_old" else {})
        letters.write(
            tx, kind=kind, once=f"{kind}:{made.change}", recipient=recipient, language=user.language,
            context=told | more, now=now,
        )  # fmt: skip
    about, here = f"user:{user.user_code}", address(request)
    audit.append(tx, actor=user.user_code, act="email_change_asked", object=about, now=now, address=here)


def _linked(request: web.Request) -> Linked | None:
    secret = request.match_info["secret"][:LONGEST_SECRET]
    return email_changes.open_by(request.app[STORE].reading, secret=secret, now=request.app[CLOCK]())


def _settle(tx: Tx, found: Linked, wanted: str, here: str, now: datetime) -> str:
    """What came of it: stopped, agreed (the other address has not yet), changed, or over."""
    code, about = found.change.user_code, f"user:{found.change.user_code}"
    if wanted == "stopped":
        email_changes.stop(tx, user_code=code, now=now)
        audit.append(tx, actor="visitor", act="email_change_stopped", object=about, now=now, address=here)
        return "stopped"
    change = email_changes.agree(tx, found, now=now)
    if change is None or change.change != found.change.change:
        return "over"
    if not (change.agreed("old") and change.agreed("new")):
        return "agreed"
    email_changes.stop(tx, user_code=code, now=now)
    user = users.find(tx, user_code=code)
    if user is None or not users.change_email(tx, user_code=code, was=change.old_email, email=change.new_email):
        return "over"
    audit.append(tx, actor=code, act="email_changed", object=about, now=now, address=here)
    for recipient in (change.old_email, change.new_email):
        told = {"account": user.account, "email": change.new_email, "changed_at": instant(now)}
        letters.write(
            tx, kind="email_changed", once=f"email_changed:{change.change}:{recipient}", recipient=recipient,
            language=user.language, context=told, now=now,
        )  # fmt: skip
    return "changed"
