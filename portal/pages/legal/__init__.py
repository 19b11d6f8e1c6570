from portal.pages.legal.handlers import routes

__all__ = ["routes"]
