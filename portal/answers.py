"""Answers: what does a visitor see when there is no page to show?

Every refusal has our own page, whoever refused: a handler, the router, the parser. None of them repeats what was
sent or names a program.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from portal.language import LANGUAGES, SOURCE, accepted
from portal.render import ANONYMOUS, ENVIRONMENTS

TEMPLATE: Final = "answers/page.html"
STATUSES: Final = (400, 403, 404, 405, 408, 409, 413, 421, 429, 500, 503)


class Answers:
    """Pages of refusal, made when the process starts: nothing that happens later can spoil them, and they cost an
    attacker's victim nothing."""

    def __init__(self, app: web.Application) -> None:
        self._pages: dict[tuple[int, str], bytes] = {}
        for language in LANGUAGES:
            template = app[ENVIRONMENTS[language]].get_template(TEMPLATE)
            for status in STATUSES:
                text = template.render(status=status, frame=ANONYMOUS, path="/")
                self._pages[status, language] = text.encode()

    def of(self, status: int, language: str = SOURCE, *, retry_after: int | None = None) -> web.Response:
        """The page of a refusal; a status that has no words of its own is shown as a bad request."""
        page = self._pages.get((status, language)) or self._pages[HTTPStatus.BAD_REQUEST, language]
        response = web.Response(status=status, body=page, content_type="text/html", charset="utf-8")
        if retry_after is not None:
            response.headers[hdrs.RETRY_AFTER] = str(retry_after)
        return response

    def to(self, request: web.BaseRequest, status: int, *, retry_after: int | None = None) -> web.Response:
        return self.of(status, accepted(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")), retry_after=retry_after)

    def instead_of(self, request: web.BaseRequest, error: web.HTTPException) -> web.Response:
        """Our page in place of aiohttp's own."""
        response = self.to(request, error.status)
        for name in (hdrs.LOCATION, hdrs.ALLOW):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response
