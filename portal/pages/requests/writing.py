"""Writing: the form of a request, and what becomes of it when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Final
from uuid import UUID, uuid4

import msgspec
from aiohttp import web

from lk_sync.flow.lodge import Draft, Lodged, Party, lodge
from lk_sync.request_setting import RequestKind
from lk_sync.store import attempts
from lk_sync.store.attachments import Attachment
from lk_sync.store.database import Tx
from lk_sync.store.requests import shown as number_shown
from portal import budgets
from portal.access import address, form, form_token, subscriber, takes_files, upload, visitor, visitor_or_none
from portal.keys import ATTACHMENTS, CLOCK, LK, REQUESTS, STORE, WORKING_DAYS
from portal.language import N_, SOURCE
from portal.pages.requests.filling import FIELD, Filled, fill
from portal.pages.requests.kept import Sealed, brought, sealed
from portal.pages.requests.offered import Offers, offers
from portal.refusal import Refusal, see_other
from portal.render import frame_of, render, words
from portal.today import today
from portal.uploads import SUFFIXES, Fault

routes = web.RouteTableDef()
NO_FAULTS: Final = Filled({}, frozenset(), (), {})
FILE_FAULTS: Final[Mapping[Fault | str, str]] = {
    "large": N_("Файл «%(name)s» больше %(most)s МБ. Уменьшите его или пришлите по частям."),
    "total": N_("Файл «%(name)s» не поместился: все файлы вместе – не больше %(all)s МБ."),
    "kind": N_("Файл «%(name)s» не принят: подойдут %(kinds)s."),
    "empty": N_("Файл «%(name)s» пуст."),
    "many": N_("Файлов может быть не больше %(count)s. Уберите лишние."),
    "none": N_("Приложите хотя бы один файл: %(kinds)s."),
}


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A form that has come: what was filled in, its files, and what is wrong with these."""

    id: str
    filled: Filled
    files: Sequence[Attachment]
    file_errors: Sequence[str]

    @property
    def is_right(self) -> bool:
        return not self.filled.errors and not self.file_errors


@routes.get("/requests/new")
@subscriber
async def kinds(request: web.Request) -> web.Response:
    return render(
        request, "requests/kinds.html", kinds=request.app[REQUESTS], to="/requests/new/", days=promised(request)
    )


@routes.get("/requests/new/{kind}")
@subscriber
async def blank(request: web.Request) -> web.Response:
    name, kind = kind_of(request)
    query = request.query
    found = offers(request, query.get("period", ""))
    if isinstance(found, web.Response):
        return found
    chosen = frozenset(query.getall("line", []))
    given = Filled({"meter": query.get("meter", "")}, chosen, (), {})
    return page(request, name, kind, found, given)


@routes.post("/requests/new/{kind}")
@subscriber
@takes_files
async def send(request: web.Request) -> web.Response:
    name, kind = kind_of(request)
    found = offers(request, form(request).get("period", ""))
    if isinstance(found, web.Response):
        return found
    sent = await read(request, kind, found)
    if "show" in form(request):
        return await again(request, name, kind, found, sent, HTTPStatus.OK)
    if not sent.is_right:
        return await again(request, name, kind, found, sent, HTTPStatus.UNPROCESSABLE_ENTITY)
    party = party_of(request)
    lodged = await store(request, draft_of(request, name, kind, sent, party), party)
    if lodged.kind == "conflict":
        return await again(request, name, kind, found, sent, HTTPStatus.CONFLICT, stored=lodged.number)
    return see_other(f"/requests/{sent.id}?sent")


def kind_of(request: web.Request, *, whose: str | None = None) -> tuple[str, RequestKind]:
    """404: there is no such kind, or none for `whose`."""
    name = request.match_info["kind"]
    kind = request.app[REQUESTS].get(name)
    if kind is None or whose not in (None, kind.whose):
        raise Refusal(HTTPStatus.NOT_FOUND)
    return name, kind


async def read(request: web.Request, kind: RequestKind, found: Offers) -> Sent:
    """The form that has come, with the files that it has brought now and before."""
    fields, came = form(request), upload(request)
    former = brought(request.app[STORE].reading, fields, form_token(request), request.app[ATTACHMENTS])
    files = [*former, *came.files] if kind.files else []
    refused = [file_fault(request, kind, each.fault, each.name) for each in came.refused]
    limits = request.app[LK].requests
    if kind.files and len(files) > kind.files.most:
        refused.append(file_fault(request, kind, "many"))
    if kind.files and kind.files.required and not files:
        refused.append(file_fault(request, kind, "none"))
    if sum(each.size for each in files) > limits.largest_request:
        refused.append(file_fault(request, kind, "total", files[-1].name))
    return Sent(id=_id(fields), filled=fill(kind, fields, found), files=files, file_errors=refused)


def _id(fields: Mapping[str, str]) -> str:
    try:
        return str(UUID(fields.get("request", "")))
    except ValueError:
        raise Refusal(HTTPStatus.BAD_REQUEST) from None


def file_fault(request: web.Request, kind: RequestKind, fault: Fault | str, name: str = "") -> str:
    limits = request.app[LK].requests
    told = {
        "name": name,
        "most": limits.largest_file_mb,
        "all": limits.largest_request_mb,
        "kinds": kinds_text(kind),
        "count": kind.files.most if kind.files else 0,
    }
    return words(request).gettext(FILE_FAULTS[fault]) % told


def kinds_text(kind: RequestKind) -> str:
    return ", ".join(media.upper() for media in kind.files.media) if kind.files else ""


def draft_of(request: web.Request, name: str, kind: RequestKind, sent: Sent, party: Party) -> Draft:
    return Draft(
        request=sent.id,
        kind=name,
        title=kind.title.to(SOURCE),
        told=sent.filled.told,
        files=sent.files,
        due_on=due_on(request, kind),
        email="" if party.user_code else sent.filled.email,
    )


def due_on(request: web.Request, kind: RequestKind | None) -> date | None:
    """The day by which there is an answer to what is asked today; None: nothing is promised."""
    if kind is None or kind.answer_days is None:
        return None
    return request.app[WORKING_DAYS].due(today(request), kind.answer_days)


def party_of(request: web.Request) -> Party:
    """The visitor on the account he is at."""
    who = visitor(request)
    return Party(
        user_code=who.user_code, account=who.account, holder_key=who.holder_key, language=frame_of(request).language
    )


async def store(
    request: web.Request,
    draft: Draft,
    party: Party,
    *,
    secret: str | None = None,
    tell: Callable[[Tx, Lodged], None] | None = None,
) -> Lodged:
    """Returns when the request is on the disk, with whatever letter `tell` writes of a new one. Raises Refusal (429):
    too many a day."""
    now, place = request.app[CLOCK](), address(request)
    wanted = budgets.requests(request.app[LK].requests, user_code=party.user_code, address=place)

    def work(tx: Tx) -> Lodged:
        lodged = lodge(tx, draft, party, secret=secret, address=place, now=now)
        if lodged.kind == "taken" and (empty := attempts.take(tx, wanted, now=now)) is not None:
            raise budgets.used_up(empty, now)
        if lodged.kind == "taken" and tell is not None:
            tell(tx, lodged)
        return lodged

    return await request.app[STORE].write(work)


async def again(
    request: web.Request,
    name: str,
    kind: RequestKind,
    found: Offers,
    sent: Sent,
    status: HTTPStatus,
    *,
    stored: int | None = None,
) -> web.Response:
    """The form with all that was filled in and brought. `stored`: the number under which this form was stored before,
    with another content."""
    owner = form_token(request)
    files = await request.app[STORE].write(lambda tx: sealed(tx, sent.files, owner)) if sent.files else []
    told = None if stored is None else number_shown(stored)
    same = sent.id if stored is None else str(uuid4())
    shown = sent.filled if status is not HTTPStatus.OK else msgspec.structs.replace(sent.filled, errors={})
    errors = sent.file_errors if status is not HTTPStatus.OK else ()
    return page(request, name, kind, found, shown, id=same, files=files, file_errors=errors, status=status, stored=told)


def page(
    request: web.Request,
    name: str,
    kind: RequestKind,
    found: Offers,
    filled: Filled,
    *,
    id: str | None = None,  # noqa: A002 - of the form
    files: Sequence[Sealed] = (),
    file_errors: Sequence[str] = (),
    status: HTTPStatus = HTTPStatus.OK,
    stored: str | None = None,
) -> web.Response:
    gettext = words(request).gettext
    return render(
        request,
        "requests/form.html",
        status=status,
        name=name,
        kind=kind,
        offers=found,
        filled=filled,
        errors={field: gettext(sentence) % told for field, (sentence, told) in filled.errors.items()},
        prefix=FIELD,
        id=id or str(uuid4()),
        files=files,
        file_errors=file_errors,
        limits=request.app[LK].requests,
        media=kinds_text(kind),
        accepted=",".join(suffix for each in (kind.files.media if kind.files else ()) for suffix in SUFFIXES[each]),
        promised=promised(request).get(name),
        known=visitor_or_none(request) is not None,
        stored=stored,
    )


def promised(request: web.Request) -> dict[str, str]:
    """Kind → the day by which there is an answer to what is asked today."""
    days = {name: due_on(request, kind) for name, kind in request.app[REQUESTS].items()}
    return {name: day.isoformat() for name, day in days.items() if day is not None}
