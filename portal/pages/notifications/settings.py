"""Settings: which events is the reader told of, here and by letter?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, get_args

from aiohttp import web

from lk_sync.store import switches
from lk_sync.store.database import Tx
from lk_sync.store.switches import ALL, Channel
from portal.access import Need, form, open_to, visitor
from portal.keys import CLOCK, LK, STORE
from portal.language import N_
from portal.refusal import see_other
from portal.render import render, words

routes = web.RouteTableDef()
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
ON: Final = "yes"
TITLES: Final[Mapping[str, str]] = {
    "bill": N_("Новая или изменённая квитанция"),
    "month_changed": N_("Пересчитан закрытый месяц"),
    "payment": N_("Платёж учтён"),
    "window_opens": N_("Открыт приём показаний"),
    "window_closes": N_("Скоро закончится приём, а показаний нет"),
    "reading_rejected": N_("Показание не принято"),
    "verification": N_("Срок поверки прибора"),
    "works": N_("Отключения и работы в моём доме"),
    "request_answered": N_("Ответ на заявку"),
    "device": N_("Вход с нового устройства"),
    "access": N_("Изменён доступ к лицевым счетам"),
}


@routes.get("/notifications/settings")
@open_to(Need.PERSON)
async def show(request: web.Request) -> web.Response:
    off = switches.of(request.app[STORE].reading, user_code=visitor(request).user_code)
    setting = request.app[LK].notifications
    return render(
        request,
        "notifications/settings.html",
        titles={kind: words(request).gettext(title) for kind, title in TITLES.items()},
        on={(kind, channel): (kind, channel) not in off.switches for kind in TITLES for channel in CHANNELS},
        letters=(ALL, "letter") not in off.switches,
        saved="saved" in request.query,
        letter_hour=setting.letter_hour,
    )


@routes.post("/notifications/settings")
@open_to(Need.PERSON)
async def change(request: web.Request) -> web.Response:
    fields, who, now = form(request), visitor(request).user_code, request.app[CLOCK]()
    await request.app[STORE].write(lambda tx: _put(tx, who, fields, now))
    return see_other("/notifications/settings?saved")


def _put(tx: Tx, user_code: str, fields: Mapping[str, str], now: datetime) -> None:
    """What is ticked is on; the same form twice is the same."""
    for kind in TITLES:
        for channel in CHANNELS:
            ticked = fields.get(f"{kind}-{channel}") == ON
            switches.put(tx, user_code=user_code, kind=kind, channel=channel, on=ticked, now=now)
    switches.put(tx, user_code=user_code, kind=ALL, channel="letter", on=fields.get("letters") == ON, now=now)
