"""Documents: which contracts and acts does my account have?"""

from aiohttp import web

from portal.access import Need, open_to, visitor
from portal.freshness import as_of
from portal.keys import CACHE
from portal.language import N_
from portal.paging import part
from portal.render import MenuItem, render
from portal.subject import nothing_known, subject_of

MENU = MenuItem("/documents", N_("Документы"))
routes = web.RouteTableDef()


@routes.get("/documents")
@open_to(Need.VIEW)
async def show(request: web.Request) -> web.Response:
    with request.app[CACHE].view() as view:
        subject = subject_of(view, visitor(request))
        if subject is None:
            return nothing_known(request, view)
        listed = part(request, view.documents, subject.key, since=subject.since_day)
        stated_as_of = as_of(request, view, "documents")
    return render(request, "documents/page.html", documents=listed, as_of=stated_as_of)
