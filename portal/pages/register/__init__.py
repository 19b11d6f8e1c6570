from portal.pages.register.handlers import routes

__all__ = ["routes"]
