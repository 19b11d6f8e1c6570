"""Devices: is this a browser that its user has signed in from before, and what is he told when it is not?

The cookie outlives sessions and logging out: without it every visit would look like a stranger's. It opens nothing. The
first sign-in of a user record is not told of, nor the first one since devices are remembered.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Final

from aiohttp import web

from lk_sync.clock import instant
from lk_sync.store import devices, notifications
from lk_sync.store.database import Tx
from lk_sync.store.users import User
from portal.access import address
from portal.origin import browser

COOKIE: Final = "__Host-device"
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_DEVICE: Final = web.RequestKey("device", str)
UNKNOWN: Final = ""
# The first that fits names it: others claim to be Chrome or Safari as well.
BROWSERS: Final = (
    ("YaBrowser/", "Яндекс Браузер"), ("OPR/", "Opera"), ("Edg", "Edge"), ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def words(user_agent: str) -> str:
    """«Firefox, Windows»: what a person calls it; UNKNOWN when nothing of it is known."""
    found = [next((name for mark, name in marks if mark in user_agent), "") for marks in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, found)) or UNKNOWN


def signed_in(tx: Tx, request: web.Request, user: User, *, now: datetime) -> None:
    """Whoever has proved the password from a browser that is new to this user record is told of, at once."""
    told = words(browser(request))
    new = devices.sign_in(tx, user_code=user.user_code, device=_device(request), browser=told, now=now)
    if new:
        notifications.add(
            tx,
            user_code=user.user_code,
            account=user.account,
            kind="device",
            event=f"device:{instant(now)}:{secrets.token_hex(4)}",
            detail={"browser": told, "address": address(request)},
            now=now,
            urgent=True,
        )


def remember(request: web.Request, response: web.Response) -> web.Response:
    """Gives the browser its cookie, or makes the one it has last longer."""
    lasts = int(devices.KNOWN_FOR.total_seconds())
    response.set_cookie(
        COOKIE, _device(request), max_age=lasts, secure=True, httponly=True, samesite="Strict", path="/"
    )  # fmt: skip
    return response


def _device(request: web.Request) -> str:
    """What the browser has brought, else a new one, the same within a request. Another form than ours is not taken."""
    if (made := request.get(_DEVICE)) is None:
        brought = request.cookies.get(COOKIE, "")
        made = request[_DEVICE] = brought if _COOKIE.fullmatch(brought) else secrets.token_urlsafe(32)
    return made
