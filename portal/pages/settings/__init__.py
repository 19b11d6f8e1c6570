"""Settings: what can a person change about the cabinet, and what do only the books change?"""

from portal.language import N_
from portal.pages.settings import books, email, look, overview, paper, sessions
from portal.render import MenuItem

MENU = MenuItem("/settings", N_("Настройки"), aside=True)
routes = [*overview.routes, *look.routes, *sessions.routes, *paper.routes, *books.routes, *email.routes]

__all__ = ["MENU", "routes"]
