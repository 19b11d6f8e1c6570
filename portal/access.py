"""Access: who is this visitor, and which pages are open to them?

Every handler is marked: `@file` (the same bytes for all), `@public` (anyone), `@sealed` (whoever has the address,
which is a secret of its own), `@newcomer` (logged in, also with a one-time password), `@subscriber` (logged in with an
own password, on an account of their own) or `@open_to(…)` (the same, and whoever has been let into the account as far
as that). A route without a mark is refused at start.
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

from lk_sync.store import attempts, blocks, links, sessions, users
from lk_sync.store.database import Tx
from lk_sync.store.links import OWNER, Role
from portal import budgets, forgery, looks, maintenance, uploads
from portal.keys import ATTACHMENTS, CACHE, CLOCK, LK, ORIGIN, SEEN, STORE, WORKS
from portal.language import LANGUAGES, accepted
from portal.refusal import Refusal, see_other
from portal.render import FRAME, Frame, render
from portal.uploads import Upload
from portal.whose import whose

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
H = TypeVar("H", bound=Handler)

SESSION: Final = "__Host-session"
LANGUAGE: Final = "__Host-language"
READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
FORM_TYPE: Final = "application/x-www-form-urlencoded"
PARTS_TYPE: Final = "multipart/form-data"  # RFC 8058 wants it to be taken, too; forms with files have no other
NO_ACCOUNT: Final = 0  # keys are >= 10 or < 0, so this one finds no row


class Mark(Enum):
    FILE = "file"
    PUBLIC = "public"
    SEALED = "sealed"
    NEWCOMER = "newcomer"
    SUBSCRIBER = "subscriber"


class Need(Enum):
    """What a page asks of whoever opens it: to own the account, or to have been let in as far as this."""

    OWNER = "owner"
    VIEW = "view"  # sees what is charged, paid, agreed
    METERS = "meters"  # sees meters and readings
    READINGS = "readings"  # hands in readings
    PAY = "pay"  # pays
    PERSON = "person"  # nothing of the account: the page is about whoever is logged in


MAY: Final[Mapping[Role, frozenset[Need]]] = {
    "owner": frozenset(Need),
    "readings": frozenset({Need.METERS, Need.READINGS, Need.PERSON}),
    "view": frozenset({Need.VIEW, Need.METERS, Need.PERSON}),
    "pay": frozenset({Need.VIEW, Need.METERS, Need.PAY, Need.PERSON}),
}
_WORDS: Final = {role: frozenset(need.value for need in needs) for role, needs in MAY.items()}


class Visitor(msgspec.Struct, frozen=True):
    """A logged-in person on one of the accounts open to them. `account` is the number, `account_key` the cache's key (0
    when it has none), `role` as whom they are there, `alias` how they call it; `several`: others are open to them too.

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
    role: Role
    alias: str
    several: bool
    blocked: bool

    def may(self, need: Need) -> bool:
        return need in MAY[self.role]


_MARKS: dict[object, Mark] = {}
_NEEDS: dict[object, Need] = {}
_TAKE_FILES: set[object] = set()
_VISITOR: web.RequestKey[Visitor | None] = web.RequestKey("visitor")
_FORM: web.RequestKey[Mapping[str, str]] = web.RequestKey("form")
_UPLOAD: web.RequestKey[Upload] = web.RequestKey("upload")
_FORM_SECRET: web.RequestKey[str] = web.RequestKey("form secret")


def file(handler: H) -> H:
    """The same for all: no session is looked up and no cookie is set."""
    _MARKS[handler] = Mark.FILE
    return handler


def public(handler: H) -> H:
    """Anyone may ask. What it shows belongs to nobody in particular."""
    _MARKS[handler] = Mark.PUBLIC
    return handler


def sealed(handler: H) -> H:
    """Whoever has the address may do what it is for, a mail program too: its forms bring no secret of ours and may come
    from anywhere. The handler checks the address before it does anything."""
    _MARKS[handler] = Mark.SEALED
    return handler


def newcomer(handler: H) -> H:
    """Logged in, even with a one-time password: choosing a password and leaving."""
    _MARKS[handler] = Mark.NEWCOMER
    return handler


def subscriber(handler: H) -> H:
    """Logged in with an own password, on an account of their own. Others are sent to log in, or to choose a password;
    whoever was let into somebody else's account is refused."""
    return open_to(Need.OWNER)(handler)


def open_to(need: Need) -> Callable[[H], H]:
    """Like `@subscriber`, and open to those whom the owner has let in as far as `need`."""

    def mark(handler: H) -> H:
        _MARKS[handler], _NEEDS[handler] = Mark.SUBSCRIBER, need
        return handler

    return mark


def takes_files(handler: H) -> H:
    """Beside another mark: its form may have files, within the limits of `requests` in lk.yaml."""
    _TAKE_FILES.add(handler)
    return handler


def need_of(handler: object) -> Need | None:
    """What a page for subscribers asks of them; None: it is another kind of page."""
    return _NEEDS.get(handler)


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


def upload(request: web.Request) -> Upload:
    """The form with its files, on a page that is marked `@takes_files`."""
    return request.get(_UPLOAD) or Upload(form(request), (), ())


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
        csrf=forgery.token(session.csrf_key) + forgery.tag(session.csrf_key, session.account),
        must_change_password=session.password_kind == users.ONE_TIME,
        session=session.token_hash[: sessions.SHOWN],
        unread=session.unread,
        role=session.role,
        alias=session.alias,
        several=bool(session.several),
        blocked=bool(session.blocked),
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
    works = request.app[WORKS]
    works.look()
    if works.closes(match.handler):
        return _with_secret(request, _closed(request))
    if mark not in (Mark.PUBLIC, Mark.SEALED) and (elsewhere := await _turn_away(request, mark)) is not None:
        return elsewhere
    request[FRAME] = _frame(request)
    need = _NEEDS.get(match.handler)
    if need is not None and not visitor(request).may(need):
        return _not_for_guests(request)
    if need not in (None, Need.PERSON) and visitor(request).blocked:
        return _blocked(request)
    if mark is Mark.SEALED and request.method not in READS:
        await _read_sealed(request)
    elif request.method not in READS:
        await _read_form(request, of_account=need not in (None, Need.PERSON))
        if works.refuses(match.handler):
            return maintenance.refused_page(request, works, form(request))
    return _with_secret(request, await handler(request))


def _closed(request: web.Request) -> web.Response:
    request[FRAME] = _frame(request)
    return maintenance.closed_page(request, request.app[WORKS])


def _with_secret(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The cookie of forms before login, if the page has made one."""
    if (secret := request.get(_FORM_SECRET)) is not None:
        response.set_cookie(forgery.COOKIE, secret, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def _frame(request: web.Request) -> Frame:
    found = visitor_or_none(request)
    shown = found is not None and not found.must_change_password
    works, reader = request.app[WORKS], language(request)
    return Frame(
        language=reader,
        notice=works.notice(reader),
        will_close=works.will_close,
        csrf=form_token(request),
        account=found.account if found and shown else None,
        unread=found.unread if found and shown else 0,
        alias=found.alias if found else "",
        role=found.role if found else OWNER,
        may=_WORDS[found.role] if found else frozenset(),
        several=found is not None and found.several,
        looks=looks.classes(request),
        whose=_whose(found) if found and shown else "",
    )


def _whose(found: Visitor) -> str:
    return whose(user_code=found.user_code, account=found.account, holder_key=found.holder_key)


def _blocked(request: web.Request) -> web.Response:
    """The page instead of every page about the account: since when it is closed here, and why."""
    found = blocks.of_account(request.app[STORE].reading, account=visitor(request).account)
    return render(request, "blocked.html", status=HTTPStatus.FORBIDDEN, block=found)


def _not_for_guests(request: web.Request) -> web.Response:
    """Whoever was let in for less than this page: told so, or led to what is open to them."""
    if request.path == "/" and request.method in READS:
        return see_other("/readings")
    return render(request, "not_for_guests.html", status=HTTPStatus.FORBIDDEN)


async def _turn_away(request: web.Request, mark: Mark | None) -> web.StreamResponse | None:
    found = visitor_or_none(request)
    if found is None:
        return see_other("/accounts") if await _end_link(request) else _to_login(request)
    if found.must_change_password and mark is not Mark.NEWCOMER:
        return see_other("/password")
    return None


async def _end_link(request: web.Request) -> bool:
    """A live session without a visitor: the account has another holder now, and whatever the former one opened and
    gave is closed. Whether the person has other accounts."""
    session = _session(request)
    if session is None:
        return False
    now = request.app[CLOCK]()

    def work(tx: Tx) -> bool:
        account, holder_key = session.account, session.holder_key
        users.end_holder(tx, account=account, holder_key=holder_key, reason="holder_changed", now=now)
        return bool(links.of_user(tx, user_code=session.user_code, now=now))

    return await request.app[STORE].write(work)


def _to_login(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method in READS:
        # A link in a letter brings no SameSite=Strict cookie. Asked again by our own page, the browser sends it.
        return web.Response(headers={"Refresh": "0"}, content_type="text/html")
    if request.method in READS and request.path != "/":
        return see_other("/login?next=" + quote(request.path_qs, safe="/"))
    return see_other("/login")


async def _read_form(request: web.Request, *, of_account: bool) -> None:
    """Reads the form within the limits and refuses one that our page did not send; also one that was made for another
    account, in a window that was left open, when it is about the account."""
    if forgery.from_elsewhere(request, request.app[ORIGIN].base_url):
        raise Refusal(HTTPStatus.FORBIDDEN)
    expected = form_token(request) if of_account else form_token(request)[: forgery.LENGTH]

    def is_ours(fields: Mapping[str, str]) -> bool:
        return forgery.same(fields.get(forgery.FIELD, "")[: None if of_account else forgery.LENGTH], expected)

    if request.content_type == PARTS_TYPE and request.match_info.handler in _TAKE_FILES:
        request[_UPLOAD] = await _upload(request, is_ours)
        request[_FORM] = request[_UPLOAD].fields
        return
    if request.content_type != FORM_TYPE:
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    request[_FORM] = fields = await _fields(request)
    if not is_ours(fields):
        raise Refusal(HTTPStatus.FORBIDDEN)


async def _upload(request: web.Request, is_ours: Callable[[Mapping[str, str]], bool]) -> Upload:
    """Raises Refusal, also when somebody sends files too often."""
    app, who, now = request.app, visitor_or_none(request), request.app[CLOCK]()
    limits = app[LK].requests
    budget = budgets.uploads(limits, user_code=who.user_code if who else None, address=address(request))
    if (empty := await app[STORE].write(lambda tx: attempts.take(tx, [budget], now=now))) is not None:
        raise budgets.used_up(empty, now)
    return await uploads.read(
        request,
        attachments=app[ATTACHMENTS],
        limits=limits,
        most_text=app[LK].portal.max_body_bytes,
        is_ours=is_ours,
    )


async def _read_sealed(request: web.Request) -> None:
    """Reads the form within the limits, wherever it comes from."""
    if request.content_type not in (FORM_TYPE, PARTS_TYPE):
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    request[_FORM] = await _fields(request)


async def _fields(request: web.Request) -> Mapping[str, str]:
    try:
        async with asyncio.timeout(request.app[LK].portal.body_seconds):
            posted = await request.post()
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT) from None
    except (ValueError, LookupError):  # broken escapes, an unknown charset, too many fields
        raise Refusal(HTTPStatus.BAD_REQUEST) from None
    return {name: value for name, value in posted.items() if isinstance(value, str)}
