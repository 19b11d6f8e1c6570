"""Payments: which of my payments has the supplier booked, and what has each of them closed?"""

from portal.language import N_
from portal.pages.payments.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/payments", N_("Платежи"))

__all__ = ["MENU", "routes"]
