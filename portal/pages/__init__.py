"""Pages: which are there, and in which order does the menu name them?

A page is a module or a folder with `routes: web.RouteTableDef` and, beside it, its forms and templates. One that
stands in the menu has `MENU` as well.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

from aiohttp import web

from portal.render import MenuItem

PAGES: Final = (
    "home",
    "charges",
    "difference",
    "readings",
    "bills",
    "payments",
    "documents",
    "static_files",
    "help",
    "register",
    "login",
    "password",
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


def menu() -> list[MenuItem]:
    return [page.MENU for page in modules() if hasattr(page, "MENU")]
