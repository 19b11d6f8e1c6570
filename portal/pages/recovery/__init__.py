"""Recovery: how does somebody who has lost the password get back in?"""

from portal.pages.recovery.handlers import routes

__all__ = ["routes"]
