"""Requests: how do I ask the supplier for something, and what became of it?"""

from portal.language import N_
from portal.pages.requests import anyone, files, handlers, writing
from portal.render import MenuItem

MENU = MenuItem("/requests", N_("Заявки"))

routes = [*writing.routes, *handlers.routes, *files.routes, *anyone.routes]

__all__ = ["MENU", "routes"]
