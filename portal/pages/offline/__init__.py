"""Offline: what does a browser keep of the portal, so that a reading can be entered where there is no network?"""

from portal.pages.offline.handlers import routes

__all__ = ["routes"]
