"""Notifications: what is new, which of it is told in which way, and how are letters about it stopped?"""

from portal.language import N_
from portal.pages.notifications import handlers, settings, stopping
from portal.render import MenuItem

MENU = MenuItem("/notifications", N_("Уведомления"), aside=True)
routes = [*handlers.routes, *settings.routes, *stopping.routes]
