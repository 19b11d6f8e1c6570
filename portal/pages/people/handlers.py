"""People: the owner's side. Somebody is invited by a letter, and turned out at once."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Final, NamedTuple, get_args

from aiohttp import web

from lk_sync.clock import instant, moment
from lk_sync.store import attempts, audit, invitations, letters, links, users
from lk_sync.store.attempts import Budget
from lk_sync.store.audit import Entry
from lk_sync.store.database import Tx
from lk_sync.store.invitations import GuestRole
from lk_sync.store.links import Guest
from lk_sync.store.users import User
from portal import budgets
from portal.access import Visitor, address, form, subscriber, visitor
from portal.keys import CLOCK, LK, STORE
from portal.pages.password.handlers import unproved
from portal.pages.register import form as typed_form
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import render, words
from portal.today import today as day_of

LONGEST: Final = timedelta(days=366)
USUAL: Final = timedelta(days=90)
LINK_LASTS: Final = timedelta(days=7)
A_DAY: Final = 10
MOST_GUESTS: Final = 10
ACTS_SHOWN: Final = 20

routes = web.RouteTableDef()


class Known(NamedTuple):
    """Somebody who was let in, and what he has lately done here."""

    guest: Guest
    acts: list[Entry]


class Offer(NamedTuple):
    email: str
    role: GuestRole
    last_day: date


@routes.get("/people")
@subscriber
async def show(request: web.Request) -> web.Response:
    return _page(request, {})


@routes.post("/people")
@subscriber
async def invite(request: web.Request) -> web.Response:
    who, now = visitor(request), request.app[CLOCK]()
    user = users.find(request.app[STORE].reading, user_code=who.user_code)
    if user is None:
        raise Refusal(HTTPStatus.FORBIDDEN)
    offer, errors = _read(request, user)
    errors = errors or await unproved(request, user)
    if errors or offer is None:
        return _page(request, errors)
    await request.app[STORE].write(lambda tx: _send(tx, request, who, user, offer, now))
    letters_wait(request.app)
    return see_other("/people")


@routes.post("/people/end")
@subscriber
async def end(request: web.Request) -> web.Response:
    """Of an invitation or of an access; what is over already is no fault, what is another's is not found."""
    who, now, wanted, here = visitor(request), request.app[CLOCK](), form(request).get("end", ""), address(request)
    done = await request.app[STORE].write(lambda tx: _end(tx, who, wanted, here, now))
    if not done:
        raise Refusal(HTTPStatus.NOT_FOUND)
    letters_wait(request.app)
    return see_other("/people")


def _end(tx: Tx, who: Visitor, wanted: str, here: str, now: datetime) -> bool:
    found = links.guests(tx, account=who.account, holder_key=who.holder_key, now=now)
    ended = [
        each for guest in found if guest.link.link == wanted
        for each in users.end_link(tx, guest.link, reason="revoked", now=now)
    ]  # fmt: skip
    taken = invitations.take_back(tx, invitation=wanted, account=who.account, granted_by=who.user_code, now=now)
    if ended or taken:
        about = f"account:{who.account}"
        audit.append(tx, actor=who.user_code, act="delegation_revoked", object=about, now=now, address=here)
    return bool(ended or taken)


def until_of(request: web.Request, last_day: date) -> datetime:
    """The instant at which a last day is over, by the supplier's clocks."""
    return datetime.combine(last_day + timedelta(days=1), time(), request.app[LK].zone)


def last_day_of(request: web.Request, until: str) -> str:
    return (moment(until).astimezone(request.app[LK].zone) - timedelta(seconds=1)).date().isoformat()


def _read(request: web.Request, user: User) -> tuple[Offer | None, dict[str, list[str]]]:
    fields, gettext, today = form(request), words(request).gettext, day_of(request)
    email, role, typed = typed_form.address(fields.get("email", "")), fields.get("role"), fields.get("until", "")
    last = date.fromisoformat(found) if (found := typed_form.day(typed)) else None
    errors = {}
    if email is None or email == user.email:
        errors["email"] = [gettext("Введите адрес электронной почты того, кого впускаете.")]
    if role not in get_args(GuestRole):
        errors["role"] = [gettext("Выберите, что можно этому человеку.")]
    if last is None or not today <= last <= today + LONGEST:
        errors["until"] = [gettext("Введите последний день в виде 31.12.2026, не дальше года.")]
    if errors or email is None or last is None:
        return None, errors
    return Offer(email, role, last), {}  # type: ignore[arg-type]  # one of the literals, just looked at


def _send(tx: Tx, request: web.Request, who: Visitor, user: User, offer: Offer, now: datetime) -> None:
    """Raises Refusal: too often (429), or too many people (409)."""
    if (empty := attempts.take(tx, [Budget("invite", who.user_code, "day", A_DAY)], now=now)) is not None:
        raise budgets.used_up(empty, now)
    waiting = invitations.waiting(tx, account=who.account, granted_by=who.user_code, now=now)
    if len(waiting) + len(links.guests(tx, account=who.account, holder_key=who.holder_key, now=now)) >= MOST_GUESTS:
        raise Refusal(HTTPStatus.CONFLICT)
    secret = secrets.token_urlsafe(32)
    made = invitations.send(
        tx, secret=secret, account=who.account, holder_key=who.holder_key, granted_by=who.user_code, email=offer.email,
        role=offer.role, until=instant(until_of(request, offer.last_day)), expires_at=now + LINK_LASTS, now=now,
    )  # fmt: skip
    told = {"account": who.account, "role": offer.role, "last_day": offer.last_day.isoformat()}
    letters.write(
        tx, kind="delegation_offered", once=f"delegation_offered:{made.invitation}", recipient=offer.email,
        language=user.language, now=now,
        context=told | {"link": f"/invitation/{secret}", "expires_at": made.expires_at},
    )  # fmt: skip
    about, here = f"account:{who.account}", address(request)
    audit.append(tx, actor=who.user_code, act="delegation_offered", object=about, now=now, address=here, detail=told)


def _page(request: web.Request, errors: dict[str, list[str]]) -> web.Response:
    who, now, tx = visitor(request), request.app[CLOCK](), request.app[STORE].reading
    typed = {name: form(request).get(name, "")[:254] for name in ("email", "role", "until")} if errors else {}
    people = [
        Known(guest, audit.on_account(
            tx, account=who.account, actor=guest.link.user_code, since=guest.link.since, most=ACTS_SHOWN))
        for guest in links.guests(tx, account=who.account, holder_key=who.holder_key, now=now)
    ]  # fmt: skip
    return render(
        request,
        "people/page.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        people=people,
        waiting=invitations.waiting(tx, account=who.account, granted_by=who.user_code, now=now),
        last_day=lambda until: last_day_of(request, until),
        usual=(day_of(request) + USUAL).strftime("%d.%m.%Y"),
        typed=typed,
        errors=errors,
    )
