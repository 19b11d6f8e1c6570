"""Offline: the worker that a browser runs beside the pages, the page it shows without a network, and what makes the
portal installable. All of it is the same for everyone and made when it is first asked for; nothing here knows a person.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from portal import assets
from portal.access import file
from portal.keys import LK
from portal.language import LANGUAGES, translations
from portal.refusal import Refusal
from portal.render import ANONYMOUS, ENVIRONMENTS

routes = web.RouteTableDef()
WORKER: Final = Path(__file__).parent / "worker.js"
SHELL: Final = ("portal.css", "kept.js", "icon.svg")
GROUND, SURFACE = "#f5f2ee", "#ffffff"
ASK_AGAIN: Final = "no-cache"


class Kept:
    """The bytes of the worker and of its pages. The version names all that the worker keeps, so that whatever changes
    comes as another worker, which drops what the one before it had kept."""

    def __init__(self, app: web.Application) -> None:
        self.pages = {language: self._page(app, language) for language in LANGUAGES}
        code = WORKER.read_bytes()
        shell = [assets.address(name) for name in SHELL]
        parts = (code, *self.pages.values(), *(address.encode() for address in shell))
        version = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
        pages = {language: f"/offline/{language}" for language in LANGUAGES}
        told = {"VERSION": version, "SHELL": shell, "PAGES": pages}
        self.worker = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items()).encode() + code
        self.manifests = {language: _manifest(app, language) for language in LANGUAGES}

    @staticmethod
    def _page(app: web.Application, language: str) -> bytes:
        return app[ENVIRONMENTS[language]].get_template("offline/page.html").render(frame=ANONYMOUS, path="/").encode()


KEPT: Final = web.AppKey("kept", Kept)


def setup(app: web.Application) -> None:
    app[KEPT] = Kept(app)


@routes.get("/worker.js")
@file
async def worker(request: web.Request) -> web.Response:
    return _made(request.app[KEPT].worker, "text/javascript; charset=utf-8")


@routes.get("/offline/{language}")
@file
async def page(request: web.Request) -> web.Response:
    return _made(_of(request, request.app[KEPT].pages), "text/html; charset=utf-8")


@routes.get("/manifest/{language}")
@file
async def manifest(request: web.Request) -> web.Response:
    return _made(_of(request, request.app[KEPT].manifests), "application/manifest+json")


def _of(request: web.Request, made: dict[str, bytes]) -> bytes:
    found = made.get(request.match_info["language"])
    if found is None:
        raise Refusal(404)
    return found


def _made(body: bytes, content_type: str) -> web.Response:
    response = web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: ASK_AGAIN})
    response.enable_compression()
    return response


def _manifest(app: web.Application, language: str) -> bytes:
    """As the supplier is called. One colour is for light and dark alike here; pages name both."""
    gettext, supplier = translations(language).gettext, app[LK].supplier
    told = {
        "id": "/",
        "name": f"{supplier.short_name}: {gettext('Личный кабинет')}",
        "short_name": gettext("Личный кабинет"),
        "lang": language,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": GROUND,
        "theme_color": SURFACE,
        "icons": [
            {"src": assets.address("icon.svg"), "type": "image/svg+xml", "sizes": "any"},
            *(_icon("any", f"icon-{size}.png", size) for size in (192, 512)),
            *(_icon("maskable", f"maskable-{size}.png", size) for size in (192, 512)),
        ],
        "shortcuts": [{"name": gettext("Передать показания"), "url": "/readings"}],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def _icon(purpose: str, name: str, size: int) -> dict[str, str]:
    return {"src": assets.address(name), "type": "image/png", "sizes": f"{size}x{size}", "purpose": purpose}
