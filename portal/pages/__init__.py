"""Pages: which are there, and in which order does the menu name them?

A page is a module or a folder with `routes: web.RouteTableDef` and, beside it, its forms and templates. One that
stands in the menu has `MENU` as well.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final, TypeGuard

from aiohttp import web

from lk_sync.store.links import OWNER, Role
from portal.access import MAY, need_of
from portal.render import MenuItem

PAGES: Final = (
    "home",
    "charges",
    "difference",
    "check",
    "readings",
    "consumption",
    "bills",
    "payments",
    "documents",
    "requests",
    "notifications",
    "calendar",
    "settings",
    "accounts",
    "people",
    "static_files",
    "offline",
    "help",
    "register",
    "login",
    "password",
    "recovery",
    "logout",
    "legal",
    "language",
    "health",
)


def modules() -> list[ModuleType]:
    return [import_module(f"portal.pages.{name}") for name in PAGES]


def tables() -> list[web.RouteTableDef]:
    """The routes of every page."""
    return [page.routes for page in modules()]


def menu(role: Role = OWNER) -> list[MenuItem]:
    """What the menu holds for whoever is on an account in this role: the pages that are open to it."""
    items = [page.MENU for page in modules() if hasattr(page, "MENU")]
    needs = {route.path: need_of(route.handler) for table in tables() for route in table if _is_shown(route)}
    return [item for item in items if (need := needs.get(item.path)) is None or need in MAY[role]]


def _is_shown(route: web.AbstractRouteDef) -> TypeGuard[web.RouteDef]:
    return isinstance(route, web.RouteDef) and route.method == "GET"
