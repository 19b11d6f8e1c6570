"""Feed: what does a program get that reads the calendar by its secret address?

Without a login: the address is the key, and only its hash is kept. Whatever opens nothing (a wrong secret, one that was
renewed, an account that has another holder now) is not found, in the same way. A calendar that has not changed since
it was read is not sent again.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from lk_sync.cache.reader import EVER
from lk_sync.clock import moment
from lk_sync.records import month_number
from lk_sync.store import attempts, calendars
from lk_sync.store.attempts import Budget
from lk_sync.store.calendars import Feed
from portal import budgets
from portal.access import address, file
from portal.keys import CACHE, CLOCK, LK, ORIGIN, STORE
from portal.language import translations
from portal.pages.calendar import days
from portal.pages.calendar.days import Entry
from portal.refusal import Refusal
from portal.render import FORMATS

if TYPE_CHECKING:  # three megabytes that a process needs only once somebody has a calendar
    from icalendar import Alarm, Event

routes = web.RouteTableDef()
READ_AGAIN: Final = timedelta(hours=12)
REMINDED_AT: Final = timedelta(hours=9)  # of the day
TAG: Final = 12  # of 64 characters


@routes.get("/calendar/{secret}.ics")
@file
async def read(request: web.Request) -> web.Response:
    app = request.app
    now, most = app[CLOCK](), app[LK].notifications.calendar_reads_per_hour
    wrong = Budget("calendar_wrong", address(request), "hour", most)
    if attempts.left(app[STORE].reading, wrong, now=now) == 0:
        raise budgets.used_up(wrong, now)
    feed = calendars.find(app[STORE].reading, secret=request.match_info["secret"])
    entries = _entries(request, feed, now) if feed is not None else None
    if feed is None or entries is None:
        await app[STORE].write(partial(attempts.take, budgets=[wrong], now=now))
        raise Refusal(HTTPStatus.NOT_FOUND)
    right = Budget("calendar", feed.secret_hash, "hour", most)
    if await app[STORE].write(partial(attempts.take, budgets=[right], now=now)) is not None:
        raise budgets.used_up(right, now)
    return _answer(request, _calendar(request, feed, entries))


def _entries(request: web.Request, feed: Feed, now: datetime) -> list[Entry] | None:
    """None: the account is held by somebody else now, or not in the cache."""
    app = request.app
    key = app[CACHE].account_key(feed.account)
    with app[CACHE].view() as view:
        card = None if key is None else view.card(key)
        if key is None or card is None or card.holder_key != feed.holder_key:
            return None
        return days.of_account(
            view,
            key,
            now=now,
            today=now.astimezone(app[LK].zone).date(),
            window=app[LK].readings,
            since=month_number(card.holder_since[:7]) if card.holder_since else EVER,
            is_closed=card.closed_on is not None,
            formats=app[FORMATS[feed.language]],
            words=translations(feed.language),
            with_sums=feed.with_sums,
        )


def _calendar(request: web.Request, feed: Feed, entries: list[Entry]) -> bytes:
    """The same bytes for the same days: a program that has them needs no others."""
    from icalendar import Calendar  # here and below: see above

    origin, supplier = request.app[ORIGIN], request.app[LK].supplier
    calendar = Calendar()
    calendar.add("prodid", "-//lk//calendar//RU")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{supplier.short_name} · …{feed.account[-4:]}")
    calendar.add("refresh-interval", READ_AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT12H")
    tag = hashlib.sha256(f"{feed.user_code} {feed.account}".encode()).hexdigest()[:TAG]
    for entry in entries:
        uid = f"{hashlib.sha256(entry.ident.encode()).hexdigest()[:TAG]}-{tag}@{origin.hostname}"
        calendar.add_component(_event(entry, uid, origin.base_url, moment(feed.created_at)))
    body: bytes = calendar.to_ical()
    return body


def _event(entry: Entry, uid: str, base_url: str, stamp: datetime) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp.replace(microsecond=0))
    event.add("summary", entry.words)
    event.add("dtstart", entry.first)
    event.add("dtend", entry.last if isinstance(entry.last, datetime) else entry.last + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    event.add("url", base_url + entry.path)
    if entry.alarm is not None:
        event.add_component(_alarm(entry, entry.alarm))
    return event


def _alarm(entry: Entry, on: date) -> Alarm:
    from icalendar import Alarm

    first = entry.first.date() if isinstance(entry.first, datetime) else entry.first
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", entry.words)
    alarm.add("trigger", on - first + REMINDED_AT)
    return alarm


def _answer(request: web.Request, body: bytes) -> web.Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: "private, no-cache"}
    known = request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")
    if any(each.strip().removeprefix("W/") in (tag, "*") for each in known):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=headers)
