"""Charges: what was charged for each service, why, and does it add up?"""

from portal.language import N_
from portal.pages.charges.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/charges", N_("Начисления"))

__all__ = ["MENU", "routes"]
