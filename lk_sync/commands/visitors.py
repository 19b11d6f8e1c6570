"""Visitors: what can the desk do for somebody who stands at it?"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import click

from lk_sync import databases
from lk_sync.clock import instant, now
from lk_sync.commands.desk import Desk, as_json_option, person
from lk_sync.commands.speech import Command
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, say, when
from lk_sync.store import codes


@click.command(cls=Command, name="desk-code")
@click.argument("account", metavar="ЛИЦЕВОЙ_СЧЁТ")
@as_json_option
@click.pass_obj
def desk_code(desk: Desk, account: str, json: bool) -> None:
    """Напечатать код для того, кто пришёл в офис с документами: с ним регистрируются и возвращают доступ."""
    if not _is_known(desk, account):
        raise SettingsError(f"лицевого счёта «{account}» в данных нет; номер пишется как на квитанции, с нулями")
    began, lasts = now(), timedelta(hours=desk.config.lk.registration.desk_code_hours)
    code = desk.store.write_now(lambda tx: codes.issue(tx, account=account, by=person(), lasts=lasts, now=began))
    until = instant(began + lasts)
    if json:
        as_json({"account": account, "code": code, "expires_at": until})
        return
    say(f"Код: {code}")
    say(
        f"Лицевой счёт {account}; до {when(until, desk.config.lk.zone)}, на один раз. Прежний код этого счёта не годен."
    )
    say("Отдайте его в руки тому, чей документ проверили; по телефону и почтой — нельзя. Выдача записана в журнал.")


def _is_known(desk: Desk, account: str) -> bool:
    with closing(databases.cache(desk.config).reader()) as reader:
        key = reader.account_key(account)
        return key is not None and reader.holder_key(key) is not None


COMMANDS = (desk_code,)
