"""Choosing: may what was typed twice be somebody's new password?"""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal import postbox
from portal.access import form
from portal.keys import LK
from portal.passwords import objection, typed
from portal.render import words


def faults(request: web.Request, user: User) -> dict[str, list[str]]:
    """Field → sentences for the reader; nothing when it may."""
    gettext, fields = words(request).gettext, form(request)
    password = typed(fields.get("password", ""))
    supplier = request.app[LK].supplier
    if why := objection(password, (user.account, user.email.partition("@")[0], supplier.short_name)):
        return {"password": [gettext(why)]}
    if typed(fields.get("again", "")) != password:
        return {"again": [gettext("Пароли не совпадают. Введите новый пароль ещё раз.")]}
    return {}


def tell(tx: Tx, user: User, *, now: datetime) -> None:
    """Whoever the user record belongs to is told by letter that its password is another one."""
    postbox.tell(tx, user, "password_changed", {"account": user.account, "changed_at": instant(now)}, now=now)


def is_shown(request: web.Request) -> bool:
    """Whether its reader wants to see the password while it is typed."""
    return request.query.get("shown") == "yes"


def masked(email: str) -> str:
    """An address that whoever owns it knows again, and nobody else can write to."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}•••@{domain}"
