"""Help: how does one use this portal, step by step?

The user manual (`manual.<language>.md`) names the supplier's own days and telephone; it is made once at start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2
from aiohttp import web
from markupsafe import Markup

from lk_sync.config import Lk
from portal.access import language, public
from portal.keys import MANUAL
from portal.language import LANGUAGES
from portal.legal import markdown
from portal.render import render
from portal.works import never_closed

HERE: Final = Path(__file__).parent

routes = web.RouteTableDef()


@routes.get("/help")
@public
@never_closed
async def manual(request: web.Request) -> web.Response:
    return render(request, "help/page.html", manual=request.app[MANUAL][language(request)])


def manuals(lk: Lk) -> dict[str, Markup]:
    """The manual in every language."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, which `markdown` escapes
    )
    told = {"supplier": lk.supplier, "window": lk.readings, "portal": lk.portal}
    return {each: markdown(environment.get_template(f"manual.{each}.md").render(told)) for each in LANGUAGES}
