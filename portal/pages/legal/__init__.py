"""Legal: what do the rules and the consent say, today and before?"""

from portal.pages.legal.handlers import routes

__all__ = ["routes"]
