"""Language: which language does this reader want from now on?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from lk_sync.store import users
from portal.access import LANGUAGE, form, public, visitor_or_none
from portal.keys import STORE
from portal.language import LANGUAGES
from portal.paths import ours
from portal.refusal import Refusal, see_other
from portal.works import never_closed

A_YEAR_SECONDS: Final = 31_536_000

routes = web.RouteTableDef()


@routes.post("/language")
@public
@never_closed
async def choose(request: web.Request) -> web.Response:
    """Kept in a cookie, and for a subscriber in the user record: letters speak the same language."""
    language = form(request).get("language", "")
    if language not in LANGUAGES:
        raise Refusal(HTTPStatus.BAD_REQUEST)
    visitor = visitor_or_none(request)
    if visitor is not None:
        await request.app[STORE].write(
            lambda tx: users.choose_language(tx, user_code=visitor.user_code, language=language)
        )
    response = see_other(ours(form(request).get("next", "")))
    response.set_cookie(
        LANGUAGE, language, max_age=A_YEAR_SECONDS, secure=True, httponly=True, samesite="Strict", path="/"
    )
    return response
