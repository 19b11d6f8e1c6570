"""Accounts: which accounts are open to me, which of them do I look at, and how do I add one?"""

from portal.pages.accounts import adding, handlers

routes = [*handlers.routes, *adding.routes]

__all__ = ["routes"]
