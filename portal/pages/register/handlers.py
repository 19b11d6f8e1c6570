"""Register: how does somebody who holds a bill ask for a password?

The request is stored and answered; whether it matches is the registrar's affair. So the answer is the same, to the
byte and in its time, for a right amount, a wrong one, an unknown account and one that is registered already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from typing import Final
from uuid import uuid4

import msgspec
from aiohttp import web

from lk_sync.clock import instant
from lk_sync.proofs import Proof
from lk_sync.store import attempts, registrations
from lk_sync.store.database import Tx
from lk_sync.store.registrations import Registration
from portal import budgets
from portal.access import address, form, language, public
from portal.evidence import is_common
from portal.keys import CENSUS, CLOCK, LEGAL, LK, REGISTRAR, RULES, STORE
from portal.language import N_
from portal.origin import browser
from portal.pages.register.form import FIELDS, Faults, Wanted, read
from portal.refusal import Refusal, see_other
from portal.registrar import GUESSABLE
from portal.render import render, words

WAITING_AT_MOST: Final = 5_000
COME_BACK_SECONDS: Final = 600
SHOWN_AGAIN: Final = ("account", "email", "amount", *chain.from_iterable(FIELDS.values()))
COMMON: Final = N_("Это подходит многим счетам и потому ничего не доказывает. Возьмите что-нибудь другое.")
NOT_TAKEN: Final = N_("Это здесь не подходит. Возьмите что-нибудь другое из списка.")
ONLY_CODES: Final = N_("Сейчас слишком много неверных попыток, поэтому годится только код.")

routes = web.RouteTableDef()


class Asked(msgspec.Struct, frozen=True):
    """What the page says beside its questions. `more`: it asks for a second datum; `first`: for the first time."""

    more: bool
    faults: dict[str, list[str]] = {}
    first: bool = False


class Place(msgspec.Struct, frozen=True):
    """Where the form stands, and where it leads. `user_code`: who adds the account to his user record."""

    template: str = "register/page.html"
    leads_to: str = "/register/sent"
    user_code: str | None = None


REGISTER: Final = Place()


@routes.get("/register")
@public
async def ask(request: web.Request) -> web.Response:
    return asked_for(request, REGISTER)


def asked_for(request: web.Request, place: Place) -> web.Response:
    """The empty form."""
    return _page(request, place, Asked(more=_asks_everybody(request)))


@routes.get("/register/sent")
@public
async def sent(request: web.Request) -> web.Response:
    lk = request.app[LK]
    times = lk.budgets.register_account_per_day
    return render(request, "register/sent.html", hours=lk.portal.one_time_password_hours, times=times)


@routes.post("/register")
@public
async def register(request: web.Request) -> web.Response:
    return await hand_in(request, form(request), REGISTER)


async def hand_in(request: web.Request, fields: Mapping[str, str], place: Place) -> web.Response:
    """The form as it came, with `fields` for what was typed and what is known."""
    wanted = read(fields)
    if isinstance(wanted, Faults):
        more = bool(wanted.by_field.keys() & {"proof", *FIELDS}) or _asks_everybody(request) or _was_asked(request)
        return _page(request, place, Asked(more, wanted.by_field), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if (asked := _second_datum(request, wanted)) is not None:
        return _page(request, place, asked, status=HTTPStatus.UNPROCESSABLE_ENTITY if asked.faults else HTTPStatus.OK)
    now = request.app[CLOCK]()
    await request.app[STORE].write(lambda tx: _store(tx, request, wanted, place.user_code, now))
    request.app[REGISTRAR].wake()
    return see_other(place.leads_to)


def _second_datum(request: web.Request, wanted: Wanted) -> Asked | None:
    """What must be asked for beside the sum, or is wrong with what was shown; decided by what was typed, not by whose
    account it is."""
    rules, counted = request.app[RULES], request.app[CENSUS].last
    if wanted.proof_kind is None:
        more = _asks_everybody(request) or rules.wants_more(wanted.amount_kopecks, counted)
        return Asked(more=True, first=True) if more else None
    if wanted.proof_kind not in _offered(request):
        for_now = wanted.proof_kind in rules.offered(counted)
        return Asked(True, {"proof": [ONLY_CODES if for_now else NOT_TAKEN]})
    if counted is not None and is_common(counted, wanted.proof_kind, wanted.proof or ""):
        return Asked(True, {wanted.proof_kind: [COMMON]})
    return None


def _was_asked(request: web.Request) -> bool:
    return form(request).get("more") == "yes"


def _asks_everybody(request: web.Request) -> bool:
    """The supplier wants it always, or so many sums did not match that a sum alone counts no more."""
    return request.app[RULES].section.second_datum == "always" or not _has_room(request, None)


def _offered(request: web.Request) -> tuple[Proof, ...]:
    codes_only = not _has_room(request, GUESSABLE)
    return request.app[RULES].offered(request.app[CENSUS].last, codes_only=codes_only)


def _has_room(request: web.Request, kind: Proof | None) -> bool:
    app = request.app
    counted, few = app[CENSUS].last, app[RULES].section.few
    accounts = counted.accounts if counted else 0
    wanted = budgets.failures(app[LK].budgets, kind, accounts=accounts, few=few)
    return budgets.has_room(app[STORE].reading, wanted, now=app[CLOCK]())


def _store(tx: Tx, request: web.Request, wanted: Wanted, user_code: str | None, now: datetime) -> None:
    """Raises Refusal when this was tried too often (429), or too many requests wait (503)."""
    limits, here = request.app[LK].budgets, address(request)
    empty = attempts.take(tx, budgets.registration(limits, account=wanted.account, address=here), now=now)
    if empty is not None:
        raise budgets.used_up(empty, now)
    if registrations.waiting(tx) >= WAITING_AT_MOST:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
    registrations.ask(tx, _request(request, wanted, user_code, now))


def _request(request: web.Request, wanted: Wanted, user_code: str | None, now: datetime) -> Registration:
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
        proof_kind=wanted.proof_kind,
        proof=wanted.proof,
        user_code=user_code,
    )


def _id(form_id: str, wanted: Wanted) -> str:
    """The same form with the same content is the same request; a corrected one is another."""
    content = msgspec.json.encode([form_id, *msgspec.structs.astuple(wanted)])
    return hashlib.sha256(content).hexdigest()[:32]


def _page(request: web.Request, place: Place, asked: Asked, *, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    gettext, legal, reader = words(request).gettext, request.app[LEGAL], language(request)
    fields, counted = dict(form(request)) if request.method == "POST" else {}, request.app[CENSUS].last
    return render(
        request,
        place.template,
        status=status,
        typed={name: fields.get(name, "")[:254] for name in SHOWN_AGAIN},
        ticked={name for name in ("rules", "consent") if fields.get(name) == "yes"},
        errors={field: [gettext(sentence) for sentence in sentences] for field, sentences in asked.faults.items()},
        form_id=fields.get("request", "")[:64] or uuid4().hex,
        more=asked.more,
        asked_now=asked.first,
        offered=_offered(request) if asked.more else (),
        has_codes=request.app[RULES].prints_codes,
        months=counted.months if counted else (),
        rules=legal.current("rules", reader),
        consent=legal.current("personal_data", reader),
    )
