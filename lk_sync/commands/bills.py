"""Bills: how are the bills of a whole month printed, for the post or for a printing house?"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from lk_sync import printing
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.errors import SettingsError
from lk_sync.printing import Far, Order, Printed
from lk_sync.records import Kopecks, Month, month_number
from lk_sync.reports import as_json, complain, number, say

EVERY_SECONDS: Final = 5.0


@click.command(cls=Command)
@click.option("--period", default=None, metavar="ГГГГ-ММ", help="Месяц, за который печатать.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, metavar="ПАПКА|ФАЙЛ.zip", help="Куда положить квитанции."
)
@click.option("--workers", type=click.IntRange(1, 15), default=None, metavar="N", help="Процессов; bills.workers.")
@click.option(
    "--accounts", default="", metavar="СЧЁТ,…|@ФАЙЛ", help="Только эти лицевые счета; @ФАЙЛ — по одному в строке."
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="ФАЙЛ.pdf",
    help="Квитанция выдуманного абонента: посмотреть, как выглядит шаблон.",
)
@as_json_option
@click.pass_obj
def bills(
    desk: Desk,
    period: str | None,
    out: Path | None,
    workers: int | None,
    accounts: str,
    preview: Path | None,
    json: bool,
) -> int:
    """Напечатать квитанции за месяц: PDF на каждый счёт и manifest.json с итогами.

    Прерванное продолжается той же командой: готовое не печатается второй раз, а изменившееся печатается заново.
    """
    if preview is not None:
        preview.write_bytes(printing.printer().preview(desk.config))
        say(f"{preview}: квитанция выдуманного абонента, платить по ней нельзя")
        return 0
    if period is None or out is None:
        raise SettingsError("назовите --period и --out, или --preview")
    order = Order(
        period=_month(period),
        out=out,
        workers=workers or desk.config.lk.bills.workers,
        accounts=_accounts(accounts),
    )
    done = printing.printer().month(desk.config, order, _teller())
    if json:
        as_json(done)
    else:
        _tell(done)
    return 1 if done.failed or done.unknown else 0


def _month(text: str) -> Month:
    try:
        return month_number(text)
    except ValueError:
        raise SettingsError(f"--period: «{text}» — не месяц; пример: 2026-10") from None


def _accounts(text: str) -> list[str]:
    if not text.startswith("@"):
        return [each.strip() for each in text.split(",") if each.strip()]
    try:
        return [line.strip() for line in Path(text[1:]).read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--accounts: файл {text[1:]} не читается ({error})") from error


def _teller() -> Callable[[Far], None]:
    """Says how far it is, not too often."""
    told_at = 0.0

    def tell(far: Far) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < EVERY_SECONDS:
            return
        told_at = time.monotonic()
        fresh = far.done - far.kept
        if not fresh or far.seconds <= 0:
            return
        rate = fresh / far.seconds
        left = (far.whole - far.done) / rate
        complain(f"{number(far.done)} из {number(far.whole)}, {rate:.1f} в секунду, осталось около {_span(left)}")

    return tell


def _span(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} ч {minutes} мин" if hours else f"{minutes} мин" if minutes else f"{round(seconds)} с"


def _rubles(kopecks: Kopecks) -> str:
    return f"{number(kopecks // 100)},{kopecks % 100:02d} ₽"


def _tell(done: Printed) -> None:
    say(
        f"{done.out}: квитанций за {done.period} — {number(done.bills)}, из них к оплате {number(done.payable)} "
        f"на {_rubles(done.due_kopecks)}; {number(done.bytes)} байт"
    )
    say(f"Напечатано сейчас: {number(done.bills - done.kept)} за {_span(done.seconds)}")
    for account in done.unknown:
        say(f"! {account}: за этот месяц квитанции нет")
    for account in done.failed:
        say(f"! {account}: не напечатана; повторите команду")


COMMANDS = (bills,)
