"""Forgery: was this form sent by our own page, in this visitor's own browser?

A form carries an HMAC of a secret that only our cookie holds: the key of the session, or before login the value
of `__Host-form`. Behind a login a second one follows, of the account that the form was made for. The browser's word on
where a request comes from is checked as well.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from aiohttp import web

FIELD: Final = "csrf"
COOKIE: Final = "__Host-form"
LENGTH: Final = 64  # of a token
TAG_LENGTH: Final = 16


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def token(secret: str) -> str:
    """What a form must carry beside a cookie whose secret this is."""
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), b"lk form", "sha256").hex()


def tag(secret: str, account: str) -> str:
    """What follows the token in a form about `account`."""
    about = b"lk form of " + account.encode("utf-8", "surrogateescape")
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), about, "sha256").hex()[:TAG_LENGTH]


def same(given: str, expected: str) -> bool:
    """Compared as bytes: `compare_digest` raises TypeError on text that is not ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("ascii"))


def from_elsewhere(request: web.BaseRequest, origin: str) -> bool:
    """Does the browser say that another site sent this? Old browsers say nothing; the token remains."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return True
    sent_by = request.headers.get("Origin")
    return sent_by is not None and sent_by != origin
