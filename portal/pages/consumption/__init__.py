"""Consumption: how much heat and water did I use, month by month, and is that much?"""

from portal.language import N_
from portal.pages.consumption.handlers import routes
from portal.render import MenuItem

__all__ = ["MENU", "routes"]
MENU = MenuItem("/consumption", N_("Расход"))
