"""Files: whoever has sent a file with a request may have it again, to keep, never to be opened on our page."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from lk_sync.store import requests
from lk_sync.store.attachments import Attachment
from portal.access import subscriber
from portal.keys import ATTACHMENTS, STORE
from portal.pages.requests.handlers import wanted
from portal.refusal import Refusal

routes = web.RouteTableDef()


@routes.get("/requests/{request}/files/{position}")
@subscriber
async def one(request: web.Request) -> web.StreamResponse:
    files = requests.files(request.app[STORE].reading, request=wanted(request).request)
    for position, file in enumerate(files, 1):
        if request.match_info["position"] == str(position):
            return to_keep(request, file)
    raise Refusal(HTTPStatus.NOT_FOUND)


def to_keep(request: web.Request, file: Attachment) -> web.StreamResponse:
    path = request.app[ATTACHMENTS].path(file.sha256)
    if not path.is_file():
        raise Refusal(HTTPStatus.GONE)
    headers = {
        "Content-Type": file.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
    }
    return web.FileResponse(path, headers=headers)
