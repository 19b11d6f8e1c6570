"""Register: how does somebody who holds a bill ask for a password?"""

from portal.pages.register.handlers import routes

__all__ = ["routes"]
