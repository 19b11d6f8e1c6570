"""Help: how does one use this portal, step by step?"""

from portal.language import N_
from portal.pages.help.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/help", N_("Помощь"))

__all__ = ["MENU", "routes"]
