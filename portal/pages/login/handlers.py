"""Login: does this account number go with this password?

An unknown account, a wrong password, a one-time password that is spent and one that has expired get the same
answer after the same work.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from lk_sync.store import attempts, audit, users
from lk_sync.store.database import Tx
from lk_sync.store.users import ONE_TIME, User
from portal import budgets, devices, entry, looks
from portal.access import address, form, public, visitor_or_none
from portal.accounts import canonical
from portal.choosing import is_shown
from portal.keys import CLOCK, LK, PASSWORDS, STORE
from portal.passwords import typed, typed_one_time
from portal.paths import ours
from portal.refusal import see_other
from portal.render import render, words
from portal.works import way_in

PAGE = "login/page.html"

routes = web.RouteTableDef()


@routes.get("/login")
@public
async def ask(request: web.Request) -> web.Response:
    visitor = visitor_or_none(request)
    if visitor is not None and not visitor.must_change_password:
        return see_other("/")
    return render(
        request,
        PAGE,
        account=canonical(request.query.get("as", "")) or "",
        next=ours(request.query.get("next", "")),
        errors={},
        refused=False,
        shown=is_shown(request),
    )


@routes.post("/login")
@public
@way_in
async def log_in(request: web.Request) -> web.Response:
    fields = form(request)
    account, password = canonical(fields.get("account", "")), fields.get("password", "")
    if account is None or not password:
        return _asked_again(request, _errors(request, account, password), HTTPStatus.UNPROCESSABLE_ENTITY)
    now = request.app[CLOCK]()
    user, taken = await request.app[STORE].write(lambda tx: _take(tx, request, account, now))
    hashed = user.password_hash if user else None
    right = await request.app[PASSWORDS].verify(hashed, _as_hashed(user, password))
    token = await request.app[STORE].write(
        lambda tx: _settle(tx, request, account, user if right else None, taken, now)
    )
    if token is None or user is None:
        return _asked_again(request, {}, HTTPStatus.FORBIDDEN)
    wanted = "/password" if user.password_kind == ONE_TIME else ours(fields.get("next", ""))
    admitted = devices.remember(request, entry.admit(see_other(wanted), token))
    return looks.bring(admitted, request.app[STORE].reading, user.user_code)


def _take(tx: Tx, request: web.Request, account: str, now: datetime) -> tuple[User | None, tuple[attempts.Budget, ...]]:
    """Raises Refusal (429) when this was tried too often."""
    user = users.of_login(tx, name=account, now=now)
    here = address(request)
    known = budgets.knows(tx, user, address=here, now=now)
    wanted = budgets.login(request.app[LK].budgets, account=account, address=here, known=known)
    if (empty := attempts.take(tx, wanted, now=now)) is not None:
        raise budgets.used_up(empty, now)
    return user, wanted


def _as_hashed(user: User | None, password: str) -> str:
    return typed_one_time(password) if user and user.password_kind == ONE_TIME else typed(password)


def _settle(
    tx: Tx,
    request: web.Request,
    account: str,
    user: User | None,
    taken: tuple[attempts.Budget, ...],
    now: datetime,
) -> str | None:
    """`user` has proved the password; None has not. The token of the new session, or None."""
    here = address(request)
    if user is None or not _opens(tx, user, now):
        audit.append(tx, actor="visitor", act="login_refused", object=f"account:{account}", now=now, address=here)
        return None
    attempts.give_back(tx, taken, now=now)
    shown = user.account
    token = entry.begin(tx, request, user_code=user.user_code, account=shown, now=now)
    about = f"account:{shown}"
    audit.append(tx, actor=user.user_code, act="login", object=about, account=shown, now=now, address=here)
    devices.signed_in(tx, request, user, now=now)
    return token


def _opens(tx: Tx, user: User, now: datetime) -> bool:
    """Does the password still open a session? A one-time password is spent by this."""
    current = users.find(tx, user_code=user.user_code)
    if current is None or current.password_hash != user.password_hash:
        return False
    return user.password_kind != ONE_TIME or users.use_one_time(tx, user=user, now=now)


def _errors(request: web.Request, account: str | None, password: str) -> dict[str, list[str]]:
    gettext = words(request).gettext
    errors = {}
    if account is None:
        errors["account"] = [
            gettext("Введите номер лицевого счёта, как на квитанции: цифры и буквы без других знаков.")
        ]
    if not password:
        errors["password"] = [gettext("Введите пароль.")]
    return errors


def _asked_again(request: web.Request, errors: dict[str, list[str]], status: HTTPStatus) -> web.Response:
    fields = form(request)
    return render(
        request,
        PAGE,
        status=status,
        account=fields.get("account", "")[:60],
        next=ours(fields.get("next", "")),
        errors=errors,
        refused=not errors,
        shown=is_shown(request),
    )
