"""Requests: the list of what was asked for, one request with its way, taking it back, asking again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid5

from aiohttp import web

from lk_sync.flow import lodge as lodging
from lk_sync.flow.lodge import Draft
from lk_sync.store import requests
from lk_sync.store.requests import Request, Told
from portal.access import address, subscriber, visitor
from portal.keys import CLOCK, REQUESTS, STORE
from portal.language import SOURCE
from portal.pages.requests.way import way_of, ways_of
from portal.pages.requests.writing import due_on, party_of, store
from portal.refusal import Refusal, see_other
from portal.render import frame_of, render
from portal.today import today

routes = web.RouteTableDef()
REMINDER: Final = "Повторное обращение: на заявку {number} ответа нет, срок {day} прошёл."


@routes.get("/requests")
@subscriber
async def show(request: web.Request) -> web.Response:
    who = visitor(request)
    found = requests.of_account(request.app[STORE].reading, account=who.account, holder_key=who.holder_key)
    return render(request, "requests/list.html", ways=ways_of(request, found, today(request)), titles=_titles(request))


@routes.get("/requests/{request}")
@subscriber
async def one(request: web.Request) -> web.Response:
    return render(request, "requests/one.html", **shown(request, wanted(request)))


def shown(request: web.Request, asked: Request) -> dict[str, Any]:
    """What a page about one request shows of it."""
    return {
        "way": way_of(request, asked, today(request)),
        "title": _titles(request).get(asked.kind, asked.title),
        "told": _told(request, asked),
        "files": requests.files(request.app[STORE].reading, request=asked.request),
        "sent": "sent" in request.query,
    }


@routes.post("/requests/{request}/withdraw")
@subscriber
async def withdraw(request: web.Request) -> web.Response:
    """What has been handed over meanwhile stays, and the page shows it."""
    asked, who, now, here = wanted(request), visitor(request), request.app[CLOCK](), address(request)
    await request.app[STORE].write(
        lambda tx: lodging.withdraw(tx, asked, user_code=who.user_code, address=here, now=now)
    )
    return see_other(f"/requests/{asked.request}")


@routes.post("/requests/{request}/remind")
@subscriber
async def remind(request: web.Request) -> web.Response:
    """The same once more, as a request of its own that names the first one."""
    asked = wanted(request)
    if asked.due_on is None or not way_of(request, asked, today(request)).late:
        raise Refusal(HTTPStatus.CONFLICT)
    told = Told("repeats", "Повторно", REMINDER.format(number=asked.shown, day=asked.due_on))
    draft = Draft(
        request=_reminder(asked),
        kind=asked.kind,
        title=asked.title,
        told=[told, *(each for each in asked.told if each.name != "repeats")],
        files=requests.files(request.app[STORE].reading, request=asked.request),
        due_on=due_on(request, request.app[REQUESTS].get(asked.kind)),
        repeats=asked.number,
    )
    await store(request, draft, party_of(request))
    return see_other(f"/requests/{draft.request}?sent")


def wanted(request: web.Request) -> Request:
    """The request that the address names. 404: there is none of this account."""
    who, name = visitor(request), request.match_info["request"]
    found = requests.one(request.app[STORE].reading, request=name, account=who.account, holder_key=who.holder_key)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND)
    return found


def _reminder(asked: Request) -> str:
    """The id of the one reminder that a request may have: pressed twice, it is one."""
    return str(uuid5(UUID(asked.request), "reminder"))


def _titles(request: web.Request) -> dict[str, str]:
    """Of kinds, for the reader; a kind that is no more is called as it was called then."""
    language = frame_of(request).language
    return {name: kind.title.to(language) for name, kind in request.app[REQUESTS].items()}


def _told(request: web.Request, asked: Request) -> list[tuple[str, str]]:
    """(title, text): titles for the reader where the kind still has the field."""
    kind, language = request.app[REQUESTS].get(asked.kind), frame_of(request).language
    titles = {field.name: field.title.to(language) for field in kind.fields} if kind and language != SOURCE else {}
    return [(titles.get(each.name, each.title), each.text) for each in asked.told]
