"""Home: what do I owe or am ahead, for which month, until when, and what became of what I handed in?"""

from portal.language import N_
from portal.pages.home.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/", N_("Главная"))

__all__ = ["MENU", "routes"]
