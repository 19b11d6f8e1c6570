"""Subject: whose page is this, and from which day may its reader see?

A new holder of an account does not see what belongs to the former one: history begins on `holder_since`.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from lk_sync.cache.reader import EVER, EVER_DAY, Card, View
from lk_sync.records import Day, Month, month_number
from portal.access import Visitor
from portal.render import render


class Subject(msgspec.Struct, frozen=True):
    """The account of a page. `since_day`, `since_month`: the beginning of what its reader may see."""

    key: int
    card: Card
    since_day: Day
    since_month: Month


def subject_of(view: View, visitor: Visitor) -> Subject | None:
    """None: the cache does not hold the account (yet)."""
    return subject(view, visitor.account_key)


def subject(view: View, account: int) -> Subject | None:
    """The same for an account that nobody is logged in on: what its present holder may see."""
    card = view.card(account)
    if card is None:
        return None
    if card.holder_since is None:
        return Subject(account, card, EVER_DAY, EVER)
    return Subject(account, card, card.holder_since, month_number(card.holder_since[:7]))


def nothing_known(request: web.Request, view: View) -> web.Response:
    """The page instead of a page: the account is not in the cache. What is unknown is not shown as zero."""
    return render(request, "unknown.html", loaded=view.state("accounts") is not None)
