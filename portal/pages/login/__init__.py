from portal.pages.login.handlers import routes

__all__ = ["routes"]
