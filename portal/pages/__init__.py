"""Pages: which are there, and in which order does the menu name them?

A page is a folder with `routes: web.RouteTableDef`, its forms and its templates.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from aiohttp import web

PAGES: Final = (
    "login",
    "logout",
    "register",
    "password",
    "help",
    "legal",
    "health",
)


def tables() -> list[web.RouteTableDef]:
    """The routes of every page."""
    return [import_module(f"portal.pages.{name}").routes for name in PAGES]
