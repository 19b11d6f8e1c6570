"""Static files: style and pictures, each under the address that names its content."""

from __future__ import annotations

from aiohttp import hdrs, web

from portal import assets
from portal.access import file
from portal.refusal import Refusal

routes = web.RouteTableDef()


@routes.get("/static/{name}")
@file
async def show(request: web.Request) -> web.Response:
    asset = assets.by_address().get(request.path)
    if asset is None:
        raise Refusal(404)
    headers = {hdrs.CACHE_CONTROL: assets.FOR_EVER, hdrs.CONTENT_TYPE: asset.content_type, hdrs.VARY: "Accept-Encoding"}
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        return web.Response(body=asset.packed, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
    return web.Response(body=asset.body, headers=headers)
