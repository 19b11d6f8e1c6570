"""Readings: what did my meters show, and how do I hand in a new reading?"""

from portal.language import N_
from portal.pages.readings.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/readings", N_("Показания"))

__all__ = ["MENU", "routes"]
