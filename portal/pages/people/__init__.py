"""People: whom has the owner let into the account, as far as what, until when, and what did they do?"""

from portal.pages.people import accepting, handlers

routes = [*handlers.routes, *accepting.routes]

__all__ = ["routes"]
