"""Logout: how does a subscriber leave, on every device at once?"""

from portal.pages.logout.handlers import routes

__all__ = ["routes"]
