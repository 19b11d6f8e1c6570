"""Access: who is this visitor, and which pages are open to them?

Every handler is marked: `@file` (the same bytes for all), `@public` (anyone), `@newcomer` (logged in, also with a
one-time password), `@subscriber` (logged in, own password chosen). A route without a mark is refused at start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from enum import Enum
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from lk_sync.store import sessions, users
from portal import forgery
from portal.keys import CACHE, CLOCK, LK, ORIGIN, SEEN, STORE
from portal.language import LANGUAGES, accepted
from portal.refusal import Refusal, see_other
from portal.render import FRAME, Frame

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
H = TypeVar("H", bound=Handler)

SESSION: Final = "__Host-session"
SESSION_SHOWN: Final = 12  # of 64 characters of the hash
LANGUAGE: Final = "__Host-language"
READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
FORM_TYPE: Final = "application/x-www-form-urlencoded"
NO_ACCOUNT: Final = 0  # keys are >= 10 or < 0, so this one finds no row


class Mark(Enum):
    FILE = "file"
    PUBLIC = "public"
    NEWCOMER = "newcomer"
    SUBSCRIBER = "subscriber"


class Visitor(msgspec.Struct, frozen=True):
    """A logged-in subscriber. `account` is the number, `account_key` the cache's key (0 when it has none).

    `csrf` is the value of the field `csrf` of every form; `session` tells sessions apart in journals; `unread` counts
    notifications, up to a hundred.
    """

    user_code: str
    account: str
    account_key: int
    holder_key: str
    language: str
    csrf: str
    must_change_password: bool
    session: str
    unread: int


_MARKS: dict[object, Mark] = {}
_VISITOR: web.RequestKey[Visitor | None] = web.RequestKey("visitor")
_FORM: web.RequestKey[Mapping[str, str]] = web.RequestKey("form")
_FORM_SECRET: web.RequestKey[str] = web.RequestKey("form secret")


def file(handler: H) -> H:
    """The same for all: no session is looked up and no cookie is set."""
    _MARKS[handler] = Mark.FILE
    return handler


def public(handler: H) -> H:
    """Anyone may ask. What it shows belongs to nobody in particular."""
    _MARKS[handler] = Mark.PUBLIC
    return handler


def newcomer(handler: H) -> H:
    """Logged in, even with a one-time password: choosing a password and leaving."""
    _MARKS[handler] = Mark.NEWCOMER
    return handler


def subscriber(handler: H) -> H:
    """Logged in with an own password. Others are sent to log in, or to choose a password."""
    _MARKS[handler] = Mark.SUBSCRIBER
    return handler


def mark_of(handler: object) -> Mark | None:
    return _MARKS.get(handler)


def visitor(request: web.Request) -> Visitor:
    """The visitor of a page that is marked `@subscriber` or `@newcomer`."""
    found = visitor_or_none(request)
    if found is None:
        raise LookupError(f"{request.path}: a page without a login has no visitor")
    return found


def visitor_or_none(request: web.Request) -> Visitor | None:
    """Who is logged in, on any page."""
    try:
        return request[_VISITOR]
    except KeyError:
        found = request[_VISITOR] = _load(request)
        return found


def known(request: web.BaseRequest) -> Visitor | None:
    """Who was found to be logged in while the request was answered."""
    return request.get(_VISITOR)


def form(request: web.Request) -> Mapping[str, str]:
    """The fields of the form that was sent. The gate has read and limited it."""
    return request[_FORM]


def form_token(request: web.Request) -> str:
    """The value of the field `csrf` for a form on this page. Before login it brings a cookie of its own."""
    found = visitor_or_none(request)
    if found is not None:
        return found.csrf
    secret = request.cookies.get(forgery.COOKIE) or request.get(_FORM_SECRET)
    if secret is None:
        secret = request[_FORM_SECRET] = forgery.new_secret()
    return forgery.token(secret)


def language(request: web.Request) -> str:
    """The language chosen by a click, else the one of the user record, else the one the browser prefers."""
    chosen = request.cookies.get(LANGUAGE)
    if chosen in LANGUAGES:
        return chosen
    found = visitor_or_none(request)
    return found.language if found else accepted(request.headers.get("Accept-Language", ""))


def address(request: web.Request) -> str:
    """Where the visitor comes from, seen through the proxies that the settings list."""
    return request.app[ORIGIN].address(request)


def _load(request: web.Request) -> Visitor | None:
    session = _session(request)
    if session is None:
        return None
    cache = request.app[CACHE]
    key = cache.account_key(session.account)
    holder_key = None if key is None else cache.holder_key(key)
    if holder_key not in (None, session.holder_key):
        return None
    return Visitor(
        user_code=session.user_code,
        account=session.account,
        account_key=NO_ACCOUNT if key is None else key,
        holder_key=session.holder_key,
        language=session.language,
        csrf=forgery.token(session.csrf_key),
        must_change_password=session.password_kind == users.ONE_TIME,
        session=session.token_hash[:SESSION_SHOWN],
        unread=session.unread,
    )


def _session(request: web.Request) -> sessions.Session | None:
    token = request.cookies.get(SESSION)
    if not token:
        return None
    app = request.app
    now = app[CLOCK]()
    idle = timedelta(minutes=app[LK].portal.session_idle_minutes)
    found = sessions.find(app[STORE].reading, token=token, now=now, idle=idle)
    if found is not None:
        app[SEEN].note(found.token_hash, since=found.seen_at, now=now)
    return found


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets in who may see the page, with forms that are their own; sets the cookie of forms before login."""
    match = request.match_info
    mark = _MARKS[match.handler] if match.http_exception is None else None
    if mark is Mark.FILE:
        return await handler(request)
    if not request.app[ORIGIN].knows(request):
        raise Refusal(HTTPStatus.MISDIRECTED_REQUEST)
    if match.http_exception is not None:
        raise match.http_exception
    if mark is not Mark.PUBLIC and (elsewhere := await _turn_away(request, mark)) is not None:
        return elsewhere
    if request.method not in READS:
        await _read_form(request)
    request[FRAME] = _frame(request)
    response = await handler(request)
    if (secret := request.get(_FORM_SECRET)) is not None:
        response.set_cookie(forgery.COOKIE, secret, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def _frame(request: web.Request) -> Frame:
    found = visitor_or_none(request)
    shown = found is not None and not found.must_change_password
    return Frame(
        language=language(request),
        csrf=form_token(request),
        account=found.account if found and shown else None,
        unread=found.unread if found and shown else 0,
    )


async def _turn_away(request: web.Request, mark: Mark | None) -> web.StreamResponse | None:
    found = visitor_or_none(request)
    if found is None:
        await _end_link(request)
        return _to_login(request)
    if found.must_change_password and mark is not Mark.NEWCOMER:
        return see_other("/password")
    return None


async def _end_link(request: web.Request) -> None:
    """A live session without a visitor: the account has another holder now, and the former one's link is closed."""
    session = _session(request)
    if session is None:
        return
    now = request.app[CLOCK]()
    await request.app[STORE].write(
        lambda tx: users.end(tx, user_code=session.user_code, reason="holder_changed", now=now)
    )


def _to_login(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method in READS:
        # A link in a letter brings no SameSite=Strict cookie. Asked again by our own page, the browser sends it.
        return web.Response(headers={"Refresh": "0"})
    if request.method in READS and request.path != "/":
        return see_other("/login?next=" + quote(request.path_qs, safe="/"))
    return see_other("/login")


async def _read_form(request: web.Request) -> None:
    """Reads the form within the limits and refuses one that our page did not send."""
    if forgery.from_elsewhere(request, request.app[ORIGIN].base_url):
        raise Refusal(HTTPStatus.FORBIDDEN)
    if request.content_type != FORM_TYPE:
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    request[_FORM] = fields = await _fields(request)
    if not forgery.same(fields.get(forgery.FIELD, ""), form_token(request)):
        raise Refusal(HTTPStatus.FORBIDDEN)


async def _fields(request: web.Request) -> Mapping[str, str]:
    try:
        async with asyncio.timeout(request.app[LK].portal.body_seconds):
            posted = await request.post()
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT) from None
    except (ValueError, LookupError):  # broken escapes, an unknown charset, too many fields
        raise Refusal(HTTPStatus.BAD_REQUEST) from None
    return {name: value for name, value in posted.items() if isinstance(value, str)}
