"""Every route says who may enter, and every page of the portal is one of the list."""

from __future__ import annotations

from aiohttp import web

from portal import pages
from portal.access import mark_of
from tests.house.repository import ROOT, told

NOT_PAGES = {"answers"}  # what is said instead of a page


def test_every_route_says_who_may_enter() -> None:
    routes = [route for table in pages.tables() for route in table if isinstance(route, web.RouteDef)]
    assert routes
    faults = [f"{route.method} {route.path}" for route in routes if mark_of(route.handler) is None]
    assert not faults, told(faults, "Над обработчиком — @subscriber, @newcomer, @public или @file: portal/access.py")


def test_every_folder_of_pages_is_a_page_of_the_list() -> None:
    folder = ROOT / "portal" / "pages"
    found = {path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))} - NOT_PAGES
    assert found <= set(pages.PAGES), f"в PAGES (portal/pages/__init__.py) нет: {', '.join(found - set(pages.PAGES))}"


def test_a_path_is_served_by_one_page() -> None:
    taken: dict[tuple[str, str], object] = {}
    for table in pages.tables():
        for route in table:
            assert isinstance(route, web.RouteDef)
            assert (route.method, route.path) not in taken, f"{route.method} {route.path} есть на двух страницах"
            taken[route.method, route.path] = route.handler
