"""Office: what does the portal have at hand to print a bill for whoever asks for one?"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from lk_sync.config import Config
from lk_sync.proofs import checked_key
from portal.bills.paper import Desk
from portal.bills.press import Press
from portal.bills.wire import folder_in
from portal.vocabulary import vocabulary

PRESS: Final = web.AppKey("press", Press)
DESK: Final = web.AppKey("paper_desk", Desk)


def desk(config: Config) -> Desk:
    """Raises SettingsError: the key of the codes on bills is set and not there."""
    key = config.lk.registration.code_key
    return Desk(
        config.lk.supplier,
        config.lk.bills,
        vocabulary("ru"),
        None if key is None else checked_key(key.value(config.environment)),
    )


def press(config: Config) -> Press:
    lk = config.lk
    return Press(lk.supplier, lk.bills, lk.time_zone, folder_in(config.folder))


def setup(app: web.Application, config: Config) -> None:
    """Workers start with the first bill that is asked for."""
    app[DESK], app[PRESS] = desk(config), press(config)
    app.on_cleanup.append(_close)


async def _close(app: web.Application) -> None:
    await app[PRESS].close()
