"""Entry: how does a session begin, and how does it end?

A session gets a new 256-bit token at every login and at every change of password; the store holds its hash. The
cookie goes with the browser's window; the limits of the session are the server's.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from aiohttp import web

from lk_sync.store import sessions
from lk_sync.store.database import Tx
from portal import forgery
from portal.access import SESSION, address
from portal.keys import LK
from portal.origin import browser


def begin(tx: Tx, request: web.Request, *, user_code: str, now: datetime, account: str = "") -> str:
    """Opens a session, on `account` if the user record opens that, and ends the one this browser had. Returns the token
    for `admit`."""
    if former := request.cookies.get(SESSION):
        sessions.end(tx, token=former)
    token = secrets.token_urlsafe(32)
    sessions.start(
        tx,
        token=token,
        user_code=user_code,
        account=account,
        csrf_key=forgery.new_secret(),
        now=now,
        lasts=timedelta(hours=request.app[LK].portal.session_hours),
        address=address(request),
        browser=browser(request),
    )
    return token


def admit(response: web.Response, token: str) -> web.Response:
    """Hands the browser its session. The secret of forms before login has done its duty."""
    response.set_cookie(SESSION, token, secure=True, httponly=True, samesite="Strict", path="/")
    response.del_cookie(forgery.COOKIE, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def dismiss(response: web.Response) -> web.Response:
    """The browser forgets the session and every page it has seen; not that its user has signed in from it before."""
    for cookie in (SESSION, forgery.COOKIE):
        response.del_cookie(cookie, secure=True, httponly=True, samesite="Strict", path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
