from portal.pages.logout.handlers import routes

__all__ = ["routes"]
