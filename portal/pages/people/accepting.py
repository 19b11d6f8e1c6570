"""Accepting: how does somebody who was invited come in?

With a user record of their own: under the one they are logged in to, or a new one. A new one owns no account, so its
name at login is its code; seed 2.4 speaks of subscribers, who go on logging in by the number of an account.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store import audit, consents, invitations, letters, links, users
from lk_sync.store.consents import Consent
from lk_sync.store.database import Tx
from lk_sync.store.invitations import Invitation
from lk_sync.store.users import User
from portal import choosing, entry
from portal.access import address, form, language, public, visitor_or_none
from portal.keys import CACHE, CLOCK, LEGAL, PASSWORDS, STORE
from portal.origin import browser
from portal.pages.people.handlers import last_day_of
from portal.passwords import typed
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import render, words

LONGEST_SECRET: Final = 100
ACT: Final = "отметка на странице приглашения"

routes = web.RouteTableDef()


@routes.get("/invitation/{secret}")
@public
async def show(request: web.Request) -> web.Response:
    if request.headers.get("Sec-Fetch-Site") == "cross-site":  # asked again by our own page, the browser sends cookies
        return web.Response(headers={"Refresh": "0"})
    return _page(request, _found(request), {})


@routes.post("/invitation/{secret}")
@public
async def accept(request: web.Request) -> web.Response:
    found, who = _found(request), visitor_or_none(request)
    if found is None:
        return _page(request, None, {}, HTTPStatus.NOT_FOUND)
    now, hashed = request.app[CLOCK](), ""
    if who is None:
        errors = _errors(request, found)
        if errors:
            return _page(request, found, errors, HTTPStatus.UNPROCESSABLE_ENTITY)
        hashed = await request.app[PASSWORDS].hash(typed(form(request)["password"]))
    code = who.user_code if who else None
    token = await request.app[STORE].write(lambda tx: _accept(tx, request, found, code, hashed, now))
    letters_wait(request.app)
    return entry.admit(see_other("/accounts"), token)


def _found(request: web.Request) -> Invitation | None:
    """None: used, taken back, too old; or whoever sent it holds the account no more."""
    secret, app = request.match_info["secret"][:LONGEST_SECRET], request.app
    found = invitations.open_by(app[STORE].reading, secret=secret, now=app[CLOCK]())
    if found is None:
        return None
    key = app[CACHE].account_key(found.account)
    holder_key = None if key is None else app[CACHE].holder_key(key)
    return found if holder_key in (None, found.holder_key) else None


def _errors(request: web.Request, found: Invitation) -> dict[str, list[str]]:
    gettext, fields = words(request).gettext, form(request)
    nobody = User("", found.account, "", found.email, "ru", "", "own", None)
    errors = choosing.faults(request, nobody)
    if fields.get("rules") != "yes":
        errors["rules"] = [gettext("Без согласия с правилами зарегистрироваться нельзя.")]
    if fields.get("consent") != "yes":
        errors["consent"] = [gettext("Без этого согласия мы не можем создать учётную запись.")]
    return errors


def _accept(tx: Tx, request: web.Request, found: Invitation, code: str | None, hashed: str, now: datetime) -> str:
    """The token of a session. Raises Refusal (409): the invitation is over, or the account is one's own."""
    owner = users.of_account(tx, account=found.account)
    if owner is None or (owner.user_code, owner.holder_key) != (found.granted_by, found.holder_key):
        raise Refusal(HTTPStatus.CONFLICT)
    if code == owner.user_code:
        raise Refusal(HTTPStatus.CONFLICT)
    if code is None:
        code = users.create_guest(tx, email=found.email, language=language(request), password_hash=hashed, now=now)
        _consent(tx, request, code, now)
    if not invitations.accept(tx, invitation=found.invitation, by=code, now=now):
        raise Refusal(HTTPStatus.CONFLICT)
    if (former := links.one(tx, user_code=code, account=found.account, now=now)) is not None:
        links.end(tx, link=former.link, now=now)
    links.make(
        tx, user_code=code, account=found.account, holder_key=found.holder_key, role=found.role,
        granted_by=found.granted_by, until=found.until, now=now,
    )  # fmt: skip
    _tell(tx, request, found, owner, code, now)
    return entry.begin(tx, request, user_code=code, account=found.account, now=now)


def _consent(tx: Tx, request: web.Request, code: str, now: datetime) -> None:
    for kind in ("rules", "personal_data"):
        text = request.app[LEGAL].current(kind, language(request))
        given = Consent(kind, text.version, text.sha256, ACT, address(request), browser(request), instant(now))
        consents.give(tx, user_code=code, consent=given)


def _tell(tx: Tx, request: web.Request, found: Invitation, owner: User, code: str, now: datetime) -> None:
    told = {"account": found.account, "role": found.role, "last_day": last_day_of(request, found.until)}
    letters.write(
        tx, kind="delegation_accepted", once=f"delegation_accepted:{found.invitation}", recipient=owner.email,
        language=owner.language, context=told | {"email": found.email, "accepted_at": instant(now)}, now=now,
    )  # fmt: skip
    guest = users.of_login(tx, name=code, now=now)
    if guest is not None:
        letters.write(
            tx, kind="delegation_begun", once=f"delegation_begun:{found.invitation}", recipient=guest.email,
            language=guest.language, context=told | {"code": code}, now=now,
        )  # fmt: skip
    about, here = f"account:{found.account}", address(request)
    audit.append(tx, actor=code, act="delegation_accepted", object=about, now=now, address=here, account=found.account)


def _page(
    request: web.Request, found: Invitation | None, errors: dict[str, list[str]], status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    legal, reader = request.app[LEGAL], language(request)
    return render(
        request,
        "people/invitation.html",
        status=status,
        found=found,
        last_day=last_day_of(request, found.until) if found else "",
        known=visitor_or_none(request) is not None,
        errors=errors,
        ticked={name for name in ("rules", "consent") if errors and form(request).get(name) == "yes"},
        rules=legal.current("rules", reader),
        consent=legal.current("personal_data", reader),
    )
