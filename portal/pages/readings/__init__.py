"""Readings: what did my meters show, and how do I hand in a new reading?"""

from portal.language import N_
from portal.pages.readings import handlers, kept, meter, passport, without
from portal.render import MenuItem

MENU = MenuItem("/readings", N_("Показания"))

routes = [*handlers.routes, *kept.routes, *meter.routes, *passport.routes, *without.routes]

__all__ = ["MENU", "routes"]
