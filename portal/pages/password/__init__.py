"""Password: how does a subscriber choose an own one?"""

from portal.pages.password.handlers import routes

__all__ = ["routes"]
