"""Password: how does a subscriber choose an own one?

Whoever came with a one-time password has proved it at login and chooses at once; others prove the present one.
Every session ends with the old password; this browser goes on with a new one.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from lk_sync.records import Instant
from lk_sync.store import attempts, audit, consents, users
from lk_sync.store.database import Tx
from lk_sync.store.users import ONE_TIME, User
from portal import budgets, choosing, entry
from portal.access import address, form, newcomer, visitor
from portal.keys import CLOCK, LK, PASSWORDS, STORE
from portal.passwords import typed
from portal.postbox import letters_wait
from portal.refusal import Refusal, see_other
from portal.render import render, words
from portal.works import way_in

PAGE = "password/page.html"

routes = web.RouteTableDef()


@routes.get("/password")
@newcomer
async def ask(request: web.Request) -> web.Response:
    who = visitor(request)
    return _page(request, {}, first=who.must_change_password, account=who.account)


@routes.post("/password")
@newcomer
@way_in
async def change(request: web.Request) -> web.Response:
    user = users.find(request.app[STORE].reading, user_code=visitor(request).user_code)
    if user is None:
        raise Refusal(HTTPStatus.FORBIDDEN)
    errors = choosing.faults(request, user) or await unproved(request, user)
    if errors:
        return _page(request, errors, first=user.password_kind == ONE_TIME, account=user.account)
    hashed = await request.app[PASSWORDS].hash(typed(form(request)["password"]))
    now = request.app[CLOCK]()
    token = await request.app[STORE].write(lambda tx: _choose(tx, request, user, hashed, now))
    letters_wait(request.app)
    return entry.admit(see_other("/"), token)


def _page(request: web.Request, errors: dict[str, list[str]], *, first: bool, account: str) -> web.Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    shown, registered = choosing.is_shown(request), _registered(request) if first else None
    context = {"first": first, "account": account, "errors": errors, "shown": shown, "registered": registered}
    return render(request, PAGE, status=status, **context)


def _registered(request: web.Request) -> tuple[Instant, str] | None:
    """When this user record was asked for, and where its letters go: what a person who did not ask would not expect."""
    tx, code = request.app[STORE].reading, visitor(request).user_code
    user, given = users.find(tx, user_code=code), consents.of_user(tx, user_code=code)
    return (given[0].given_at, choosing.masked(user.email)) if user and given else None


async def unproved(request: web.Request, user: User) -> dict[str, list[str]]:
    """Errors of the present password. Raises Refusal (429) when it was tried too often."""
    if user.password_kind == ONE_TIME:
        return {}
    now, here = request.app[CLOCK](), address(request)
    wanted = budgets.login(request.app[LK].budgets, account=user.account, address=here, known=True)
    empty = await request.app[STORE].write(lambda tx: attempts.take(tx, wanted, now=now))
    if empty is not None:
        raise budgets.used_up(empty, now)
    if not await request.app[PASSWORDS].verify(user.password_hash, typed(form(request).get("present", ""))):
        return {"present": [words(request).gettext("Нынешний пароль не подходит.")]}
    await request.app[STORE].write(lambda tx: attempts.give_back(tx, wanted, now=now))
    return {}


def _choose(tx: Tx, request: web.Request, user: User, hashed: str, now: datetime) -> str:
    """The token of the new session. Raises Refusal (409) when the password was changed elsewhere meanwhile."""
    if not users.choose_password(tx, user=user, password_hash=hashed):
        raise Refusal(HTTPStatus.CONFLICT)
    first = user.password_kind == ONE_TIME
    act = "password_chosen" if first else "password_changed"
    audit.append(tx, actor=user.user_code, act=act, object=f"user:{user.user_code}", now=now, address=address(request))
    if not first:
        choosing.tell(tx, user, now=now)
    return entry.begin(tx, request, user_code=user.user_code, account=visitor(request).account, now=now)
