"""Login: does this account number go with this password?"""

from portal.pages.login.handlers import routes

__all__ = ["routes"]
