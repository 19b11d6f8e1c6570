"""Looks: how large does a reader want the text, and how strong the contrast?

Kept in a cookie, so that the login page knows it and a page asks nobody; and in the user record, from which a browser
that has no cookie yet gets it at login. A class of the page does it, nothing is scripted.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from lk_sync.store import preferences
from lk_sync.store.database import Tx

COOKIE: Final = "__Host-looks"
NAME: Final = "looks"  # of the preference
SIZES: Final = ("normal", "large", "largest")
CONTRASTS: Final = ("normal", "high")
DEFAULT: Final = ("normal", "normal")
A_YEAR_SECONDS: Final = 31_536_000
_CLASSES: Final = {
    f"{size}.{contrast}": " ".join(
        part for part in (f"text-{size}", f"contrast-{contrast}") if not part.endswith("normal")
    )
    for size in SIZES
    for contrast in CONTRASTS
}


def classes(request: web.BaseRequest) -> str:
    """Of the page; nothing for a reader who has chosen nothing, or for a cookie that is not ours."""
    return _CLASSES.get(request.cookies.get(COOKIE, ""), "")


def chosen(request: web.BaseRequest) -> tuple[str, str]:
    """Size and contrast."""
    value = request.cookies.get(COOKIE, "")
    size, _, contrast = value.partition(".")
    return (size, contrast) if value in _CLASSES else DEFAULT


def written(size: str, contrast: str) -> str | None:
    """As it is kept; None: there is no such choice."""
    value = f"{size}.{contrast}"
    return value if value in _CLASSES else None


def put(response: web.Response, value: str) -> web.Response:
    response.set_cookie(COOKIE, value, max_age=A_YEAR_SECONDS, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def bring(response: web.Response, tx: Tx, user_code: str) -> web.Response:
    """At login: as the user has chosen, on whatever device that was."""
    value = preferences.of_user(tx, user_code=user_code).get(NAME)
    return put(response, value) if value in _CLASSES else response
