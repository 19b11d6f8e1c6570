"""Difference: why is the sum of a month not that of another one?"""

from portal.pages.difference.handlers import routes

__all__ = ["routes"]
