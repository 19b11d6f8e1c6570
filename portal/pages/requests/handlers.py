"""Requests: the list of what was asked for, one request with its way, taking it back, asking again."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID, uuid5

from aiohttp import web

from lk_sync.flow import lodge as lodging
from lk_sync.flow.lodge import Draft, Lodged, Party
from lk_sync.store import attempts, requests
from lk_sync.store.database import Tx
from lk_sync.store.requests import Request, Told
from portal import budgets
from portal.access import address, subscriber, visitor
from portal.keys import CLOCK, LK, REQUESTS, STORE, WORKING_DAYS
from portal.language import SOURCE
from portal.pages.requests.way import way_of
from portal.refusal import Refusal, see_other
from portal.render import frame_of, render
from portal.today import today

routes = web.RouteTableDef()
REMINDER = "Повторное обращение: на заявку {number} ответа нет, срок {day} прошёл."


@routes.get("/requests")
@subscriber
async def show(request: web.Request) -> web.Response:
    who = visitor(request)
    found = requests.of_account(request.app[STORE].reading, account=who.account, holder_key=who.holder_key)
    day = today(request)
    return render(
        request,
        "requests/list.html",
        ways=[way_of(request, each, day) for each in found],
        titles=_titles(request),
    )


@routes.get("/requests/{request}")
@subscriber
async def one(request: web.Request) -> web.Response:
    asked = wanted(request)
    return render(
        request,
        "requests/one.html",
        way=way_of(request, asked, today(request)),
        title=_titles(request).get(asked.kind, asked.title),
        told=told_to(request, asked),
        files=requests.files(request.app[STORE].reading, request=asked.request),
        sent="sent" in request.query,
    )


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
    asked, who, now, here = wanted(request), visitor(request), request.app[CLOCK](), address(request)
    if asked.due_on is None or not way_of(request, asked, today(request)).late:
        raise Refusal(HTTPStatus.CONFLICT)
    kind = request.app[REQUESTS].get(asked.kind)
    days = kind.answer_days if kind else None
    told = Told("repeats", "Повторно", REMINDER.format(number=asked.shown, day=asked.due_on))
    draft = Draft(
        request=_reminder(asked),
        kind=asked.kind,
        title=asked.title,
        told=[told, *(each for each in asked.told if each.name != "repeats")],
        files=requests.files(request.app[STORE].reading, request=asked.request),
        due_on=request.app[WORKING_DAYS].due(today(request), days) if days else None,
        repeats=asked.number,
    )
    party = Party(
        user_code=who.user_code, account=who.account, holder_key=who.holder_key, language=frame_of(request).language
    )
    wanted_budgets = budgets.requests(request.app[LK].requests, user_code=who.user_code, address=here)

    def work(tx: Tx) -> Lodged:
        lodged = lodging.lodge(tx, draft, party, secret=None, address=here, now=now)
        if lodged.kind == "taken" and (empty := attempts.take(tx, wanted_budgets, now=now)) is not None:
            raise budgets.used_up(empty, now)
        return lodged

    await request.app[STORE].write(work)
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


def told_to(request: web.Request, asked: Request) -> list[tuple[str, str]]:
    """(title, text): titles for the reader where the kind still has the field."""
    kind, language = request.app[REQUESTS].get(asked.kind), frame_of(request).language
    titles = {field.name: field.title.to(language) for field in kind.fields} if kind and language != SOURCE else {}
    return [(titles.get(each.name, each.title), each.text) for each in asked.told]
