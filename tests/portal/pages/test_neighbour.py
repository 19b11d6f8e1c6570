"""Nobody sees what is a neighbour's, whichever route they try with the neighbour's numbers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from demo.supplier.oddities import Oddity
from portal.bills.paper import tag
from tests.portal.pages.cast import BOOKS, NEIGHBOUR, SUBSCRIBER, enter
from tests.portal.pages.elements import check
from tests.portal.pages.test_readings import fields_of, form_on, typed
from tests.portal.world import Browser, Page, World

BILL = BOOKS[Oddity.TWO_METERS]["bills"][-1][2]
METER = BOOKS[Oddity.TWO_METERS]["meters"][0][1]
SECRETS = {
    *(row[2] for row in BOOKS[Oddity.TWO_METERS]["meters"]),
    *(row[2] for row in BOOKS[Oddity.TWO_METERS]["bills"]),
    *(row[1] for row in BOOKS[Oddity.TWO_METERS]["payments"]),
    *(row[3] for row in BOOKS[Oddity.TWO_METERS]["documents"]),
    NEIGHBOUR,
}
HOLDER = BOOKS[Oddity.ORDINARY]["accounts"][0][4]

# Routes that name nothing of an account: theirs is the session, or they are for everybody.
OWN = (
    "/",
    "/charges",
    "/charges.csv",
    "/charges.xlsx",
    "/charges/difference",
    "/charges/check",
    "/charges/check.xlsx",
    "/bills",
    "/payments",
    "/payments.csv",
    "/payments.xlsx",
    "/readings",
    "/readings/without",
    "/documents",
    "/consumption",
    "/notifications/settings",
    "/calendar",
    "/settings",
    "/people",
    "/settings/email",
    "/settings/sessions",
    "/settings/bill",
    "/settings/account",
    "/accounts",
    "/accounts/add",
    "/requests",
    "/requests/new",
    "/requests/new/{kind}",
)
ENTRY = ("/register", "/register/sent", "/recovery", "/recovery/sent", "/login")
PUBLIC = (
    *ENTRY,
    "/help/words",
    "/help/accessibility",
    "/apply",
    "/apply/{kind}",
    "/look",
    "/help",
    "/rules",
    "/rules/{version}",
    "/consent",
)
NAMELESS = {
    *(("GET", path) for path in (*OWN, *PUBLIC, "/password", "/consent/{version}", "/static/{name}")),
    *(("GET", path) for path in ("/healthz", "/readyz", "/worker.js", "/offline/{language}", "/manifest/{language}")),
    *(("POST", path) for path in ("/requests/new/{kind}", "/apply/{kind}")),
    *(("POST", path) for path in ("/password", "/register", "/recovery", "/login", "/logout", "/language")),
    *(("POST", f"/notifications/{path}") for path in ("read", "address", "settings")),
    *(
        ("POST", path)
        for path in (
            "/settings/email",
            "/settings/email/stop",
            "/look",
            "/settings/bill",
            "/settings/account",
            "/accounts/add",
        )
    ),
    ("POST", "/people"),
    *(("POST", path) for path in ("/calendar", "/calendar/sums", "/calendar/end")),
}

Attempt = Callable[[Browser, str], Awaitable[Page]]


async def _post_reading(browser: Browser, submission: str) -> Page:
    form = await form_on(browser)
    return await browser.post("/readings", fields_of(form, value="1", meter=METER))


async def _ask_for_kept(browser: Browser, submission: str) -> Page:
    """Whether a neighbour's reading is stored is not told."""
    assert (await browser.get(f"/readings/kept?of={submission}")).text.endswith('"stored":[]}')
    return await browser.get("/readings/none")


async def _send_kept(browser: Browser, submission: str) -> Page:
    form = await form_on(browser)
    fields = {"whose": form.field("whose"), "typed-1": "2026-11-23", "seen-1": submission}
    return await browser.post("/readings/kept", fields_of(form, value="1", meter=METER) | fields)


def _with_account(path: str) -> Attempt:
    return lambda browser, submission: browser.post(path, {"account": NEIGHBOUR, "alias": "x"}, form_on="/accounts")


def _to_request(what: str) -> Attempt:
    return lambda browser, submission: browser.post(f"/requests/{submission}/{what}", {}, form_on="/help")


async def _end_session(browser: Browser, submission: str) -> Page:
    """Whoever ends a session that is not theirs ends nothing; nothing is said of whose it is."""
    await browser.post("/settings/sessions", {"end": submission[:12]}, form_on="/settings")
    return await browser.get("/settings/sessions/none")


# Routes that name something: how to try them with what is the neighbour's.
ATTEMPTS: dict[tuple[str, str], Attempt] = {
    ("GET", "/bills/{period}.pdf"): lambda browser, submission: browser.get(f"/bills/2026-10.pdf?of={tag(BILL)}"),
    ("GET", "/invitation/{secret}"): lambda browser, submission: browser.get("/invitation/none/none"),
    ("POST", "/invitation/{secret}"): lambda browser, submission: browser.post("/invitation/x", {}, form_on="/people"),
    ("POST", "/people/end"): lambda browser, submission: browser.post("/people/end", {"end": "x"}, form_on="/people"),
    ("GET", "/email/{secret}"): lambda browser, submission: browser.get("/email/none/none"),
    ("POST", "/email/{secret}"): lambda browser, submission: browser.post("/email/none", {}, form_on="/settings"),
    **{("POST", path): _with_account(path) for path in ("/accounts", "/accounts/name", "/accounts/leave")},
    ("POST", "/settings/sessions"): _end_session,
    ("GET", "/notifications"): lambda browser, submission: browser.get(f"/notifications?before={submission}"),
    ("GET", "/calendar/{secret}.ics"): lambda browser, submission: browser.get(f"/calendar/{NEIGHBOUR}.ics"),
    ("GET", "/unsubscribe/{token}"): lambda browser, submission: browser.get(f"/unsubscribe/{NEIGHBOUR}.{'A' * 24}"),
    ("POST", "/unsubscribe/{token}"): lambda browser, submission: browser.post(
        f"/unsubscribe/{NEIGHBOUR}.{'A' * 24}", {}, form_on="/help"
    ),
    ("GET", "/recovery/{secret}"): lambda browser, submission: browser.get(f"/recovery/{submission}"),
    ("POST", "/recovery/{secret}"): lambda browser, submission: browser.post(
        f"/recovery/{submission}", {}, form_on="/help"
    ),
    ("GET", "/readings/history"): lambda browser, submission: browser.get(f"/readings/history?meter={METER}"),
    ("GET", "/readings/taken"): lambda browser, submission: browser.get(f"/readings/taken?of={submission}"),
    ("GET", "/readings/{submission}"): lambda browser, submission: browser.get(f"/readings/{submission}"),
    ("GET", "/readings/{submission}/proof"): lambda browser, submission: browser.get(f"/readings/{submission}/proof"),
    ("POST", "/readings"): _post_reading,
    ("GET", "/requests/{request}"): lambda browser, submission: browser.get(f"/requests/{submission}"),
    ("GET", "/requests/{request}/files/{position}"): lambda browser, submission: browser.get(
        f"/requests/{submission}/files/1"
    ),
    **{("POST", f"/requests/{{request}}/{what}"): _to_request(what) for what in ("withdraw", "remind")},
    ("GET", "/asked/{secret}"): lambda browser, submission: browser.get(f"/asked/{submission}"),
    ("GET", "/readings/kept"): _ask_for_kept,
    ("POST", "/readings/kept"): _send_kept,
}


def routes(world: World) -> set[tuple[str, str]]:
    return {
        (route.method, route.resource.canonical)
        for route in world.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


async def test_every_route_is_known_here(world: World) -> None:
    unknown = routes(world) - NAMELESS - ATTEMPTS.keys()
    assert not unknown, f"say in this file how to try these routes with a neighbour's ids: {sorted(unknown)}"
    assert not (NAMELESS | ATTEMPTS.keys()) - routes(world), "these routes are gone"


@pytest.mark.parametrize("route", sorted(ATTEMPTS))
async def test_what_is_the_neighbours_is_not_found(world: World, route: tuple[str, str]) -> None:
    theirs = enter(world, NEIGHBOUR)
    form = await form_on(theirs)
    fields = fields_of(form, value=typed(_next_reading()))
    stored = await theirs.post("/readings", fields)
    assert stored.location is not None
    assert (await theirs.get(stored.location)).status == 200
    await _ask(theirs, fields["submission-1"])
    refused = await ATTEMPTS[route](enter(world, SUBSCRIBER), fields["submission-1"])
    assert refused.status == 404
    assert not [secret for secret in SECRETS if secret in refused.text]


async def _ask(theirs: Browser, request: str) -> None:
    """A request that is told by the same id as the reading."""
    csrf = (await theirs.get("/requests/new/question")).csrf
    fields = {"csrf": csrf, "request": request, "field-text": NEIGHBOUR}
    asked = await theirs.send("/requests/new/question", fields, [("a.pdf", b"%PDF-1.4\n%%EOF\n")])
    assert asked.location == f"/requests/{request}?sent"


def _next_reading() -> int:
    mine = [row[5] for row in BOOKS[Oddity.TWO_METERS]["readings"] if row[1] == METER]
    return int(max(mine)) + 2_000_000


async def test_a_neighbours_form_that_is_replayed_is_a_conflict_and_tells_nothing(world: World) -> None:
    theirs = enter(world, NEIGHBOUR)
    fields = fields_of(await form_on(theirs), value=typed(_next_reading()))
    await theirs.post("/readings", fields)
    mine = enter(world, SUBSCRIBER)
    own = fields_of(await form_on(mine), value=fields["value-1"])
    refused = await mine.post("/readings", own | {"submission-1": fields["submission-1"]})
    assert refused.status == 409
    assert not [secret for secret in SECRETS if secret in refused.text]


async def test_no_page_of_the_subscriber_holds_anything_of_the_neighbour(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    for method, path in sorted(NAMELESS):
        if method == "GET" and "{" not in path:
            page = await browser.get(path)
            assert not [secret for secret in SECRETS if secret in page.text], path
            assert HOLDER not in page.text, path  # not even to whoever is in: a bill from a mailbox may have let him in


async def test_a_stranger_is_sent_to_log_in(world: World) -> None:
    stranger = world.browser()
    for path in ("/", "/charges", "/bills", "/payments", "/readings", "/documents", "/readings/history?meter=1"):
        page = await stranger.get(path)
        assert page.status == web.HTTPSeeOther.status_code
        assert (page.location or "").startswith("/login")
    assert check((await stranger.get("/login")).text).all("nav", "menu") == []
