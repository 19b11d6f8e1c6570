"""Check: do the charges of a month follow from what is published, and by which formula?"""

from portal.pages.check.handlers import routes

__all__ = ["routes"]
