"""Legal: what do the rules and the consent say, today and in the versions accepted before?"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from lk_sync.store.consents import Kind
from portal.access import language, public
from portal.keys import LEGAL
from portal.legal import Text
from portal.refusal import Refusal
from portal.render import render

routes = web.RouteTableDef()


@routes.get("/rules")
@public
async def rules(request: web.Request) -> web.Response:
    return _current(request, "rules")


@routes.get("/rules/{version}")
@public
async def rules_of(request: web.Request) -> web.Response:
    return _version(request, "rules")


@routes.get("/consent")
@public
async def consent(request: web.Request) -> web.Response:
    return _current(request, "personal_data")


@routes.get("/consent/{version}")
@public
async def consent_of(request: web.Request) -> web.Response:
    return _version(request, "personal_data")


def _current(request: web.Request, kind: Kind) -> web.Response:
    return _shown(request, request.app[LEGAL].current(kind, language(request)))


def _version(request: web.Request, kind: Kind) -> web.Response:
    found = request.app[LEGAL].find(kind, request.match_info["version"], language(request))
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND)
    return _shown(request, found)


def _shown(request: web.Request, text: Text) -> web.Response:
    legal = request.app[LEGAL]
    others = [version for version in reversed(legal.versions(text.kind)) if version != text.version]
    where = "/rules" if text.kind == "rules" else "/consent"
    return render(
        request,
        "legal/page.html",
        text=text,
        in_force=legal.current(text.kind, text.language).version == text.version,
        others=others,
        where=where,
    )
