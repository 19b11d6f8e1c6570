"""Visitors: what can the desk do for somebody who stands at it?"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Final

import click

from lk_sync import databases
from lk_sync.clock import instant, now
from lk_sync.commands.desk import Desk, as_json_option, person
from lk_sync.commands.speech import Command
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, say, when
from lk_sync.store import blocks, codes

LONGEST_REASON: Final = 300


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


@click.command(cls=Command, name="block")
@click.argument("account", metavar="ЛИЦЕВОЙ_СЧЁТ")
@click.option("--reason", required=True, metavar="ТЕКСТ", help="Почему: так, как это прочтёт абонент.")
@click.pass_obj
def block(desk: Desk, account: str, reason: str) -> None:
    """Закрыть лицевой счёт в кабинете: вместо данных всем, кому он открыт, показана причина; писем о нём нет."""
    said = " ".join(reason.split())
    if not 0 < len(said) <= LONGEST_REASON:
        raise SettingsError(f"причина — от 1 до {LONGEST_REASON} знаков: её прочтёт абонент")
    if not _is_known(desk, account):
        raise SettingsError(f"лицевого счёта «{account}» в данных нет; номер пишется как на квитанции, с нулями")
    desk.store.write_now(lambda tx: blocks.put(tx, account=account, reason=said, by=person(), now=now()))
    say(f"Лицевой счёт {account} закрыт в кабинете. Открыть снова: lk-sync unblock {account}")


@click.command(cls=Command, name="unblock")
@click.argument("account", metavar="ЛИЦЕВОЙ_СЧЁТ")
@click.pass_obj
def unblock(desk: Desk, account: str) -> None:
    """Снова открыть в кабинете лицевой счёт, который закрыла команда block."""
    if not desk.store.write_now(lambda tx: blocks.lift(tx, account=account, by=person(), now=now())):
        raise SettingsError(f"лицевой счёт «{account}» в кабинете не закрыт")
    say(f"Лицевой счёт {account} снова открыт в кабинете.")


COMMANDS = (desk_code, block, unblock)
