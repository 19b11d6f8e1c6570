"""Every route says who may see it, and the word is kept."""

from __future__ import annotations

import re

import pytest
from aiohttp import web

from portal import pages
from portal.access import Mark, mark_of
from portal.app import make_app
from tests.portal.world import World

OPEN = {"/login", "/register", "/register/sent", "/language", "/help"}
OPEN |= {"/invitation/{secret}", "/email/{secret}", "/look", "/recovery", "/recovery/sent", "/recovery/{secret}"}
OPEN |= {"/apply", "/apply/{kind}", "/help/words", "/help/accessibility"}
OPEN |= {"/rules", "/rules/{version}", "/consent", "/consent/{version}"}
FILES = {"/healthz", "/readyz", "/static/{name}", "/calendar/{secret}.ics"}
FILES |= {"/worker.js", "/offline/{language}", "/manifest/{language}"}
LEAVING = {"/password", "/logout"}
SOMETHING = "00000000-0000-4000-8000-000000000000"


def marked(world: World, mark: Mark) -> set[str]:
    return {route.resource.canonical for route in world.app.router.routes() if mark_of(route.handler) is mark}


async def test_nothing_is_open_that_was_not_meant_to_be(world: World) -> None:
    assert marked(world, Mark.PUBLIC) == OPEN
    assert marked(world, Mark.FILE) == FILES
    assert marked(world, Mark.NEWCOMER) == LEAVING
    assert "/" in marked(world, Mark.SUBSCRIBER)


async def test_a_page_for_subscribers_sends_everyone_else_to_the_login(world: World) -> None:
    stranger = world.browser()
    for path in marked(world, Mark.SUBSCRIBER) | LEAVING:
        asked = re.sub(r"{[^}]*}", SOMETHING, path)
        page = await stranger.get(asked)
        if page.status != 405:
            assert page.location is not None, path
            assert page.location.startswith("/login"), path
            assert page.text == "", path


async def test_a_page_that_does_not_say_who_may_see_it_is_refused_at_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = web.RouteTableDef()

    @forgetful.get("/everything")
    async def everything(request: web.Request) -> web.Response:
        return web.Response(text="oops")

    known = pages.tables()
    monkeypatch.setattr(pages, "tables", lambda: [*known, forgetful])
    with pytest.raises(LookupError, match="/everything"):
        make_app(world.config, store=world.store, cache=world.cache)
