"""Today: which day is it where the supplier is?"""

from __future__ import annotations

from datetime import date

from aiohttp import web

from portal.keys import CLOCK, LK


def today(request: web.Request) -> date:
    return request.app[CLOCK]().astimezone(request.app[LK].zone).date()
