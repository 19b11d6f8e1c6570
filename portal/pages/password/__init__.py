"""Password: how does a subscriber choose an own one?"""

from portal.language import N_
from portal.pages.password.handlers import routes
from portal.render import MenuItem

MENU = MenuItem("/password", N_("Пароль"))

__all__ = ["MENU", "routes"]
