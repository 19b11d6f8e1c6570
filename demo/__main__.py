"""Demo: a heat supplier, its accounting system and its subscribers' portal on this machine, until Ctrl-C.

`make demo` runs it; `make demo ONCE=1` walks the whole loop by itself and says whether it held.
"""

from __future__ import annotations

import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Final

import click

from demo.children import Fallen
from demo.office import ZONE
from demo.play import Play, PortTaken, free_port, playing
from demo.state import AlreadyRunning, State
from demo.walk import NotHeld, Walk, sum_shown
from lk_sync.formats import Formats

HERE: Final = Path(__file__).parents[1] / ".demo"
LOOK_SECONDS: Final = 0.5


class Stopped(BaseException):
    """Ctrl-C or SIGTERM."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Порт портала.")
@click.option("--accounts", default=500, show_default=True, type=click.IntRange(50, 1_000_000), help="Сколько счетов.")
@click.option(
    "--folder",
    default=HERE,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Где держать данные демонстрации.",
)
@click.option("--once", is_flag=True, help="Пройти весь круг на свободных портах и выйти.")
def main(port: int, accounts: int, folder: Path, once: bool) -> None:
    """Поставщик тепла, его учётная система и личный кабинет на этой машине."""
    logging.basicConfig(level=logging.ERROR)  # the players' libraries; the product writes its own logs
    try:
        with stopping():
            walk_once(accounts) if once else serve(folder, port, accounts)
    except Stopped:
        print("\nДемонстрация остановлена.")
    except (PortTaken, AlreadyRunning, Fallen, NotHeld) as trouble:
        sys.exit(f"\n{trouble}")


@contextmanager
def stopping() -> Iterator[None]:
    """A stop signal raises Stopped once; while the parts come down it is not heard again."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    yield


def serve(folder: Path, port: int, accounts: int) -> None:
    """Play until stopped, or until a part falls."""
    state = State(folder.resolve())
    with state.held():
        plan = state.settle(accounts, datetime.now(ZONE).date())
        print(f"Поставщик тепла: {accounts} лицевых счетов, {plan.months} месяцев. Данные демонстрации: {state.root}")
        with playing(state, plan, port) as play:
            announce(play)
            while True:
                play.check()
                time.sleep(LOOK_SECONDS)


def announce(play: Play) -> None:
    month = Formats("ru", ZONE).month
    print(f"\nЛичный кабинет: {play.site}\n\nЛицевые счета для регистрации, сумма к оплате и код из квитанции:")
    for each in play.invitations:
        amount, code = sum_shown(each.amount_kopecks), play.code(each)
        print(f"    {each.account}    {amount}    за {month(each.period)}    {code} (спросят, если сумма не редкая)")
    print(f"Письма приходят файлами в {play.state.letters}")
    print(f"Показания и ответы учётной системы: {play.state.drop}, журналы: {play.state.logs}")
    print("Остановить: Ctrl-C", flush=True)


def walk_once(accounts: int) -> None:
    """The loop on free ports and in a folder of its own; the folder is kept only if a step did not hold."""
    root = Path(tempfile.mkdtemp(prefix="lk-demo-"))
    state = State(root)
    try:
        with state.held():
            plan = state.settle(accounts, datetime.now(ZONE).date())
            with playing(state, plan, free_port(), pull_every="10s") as play:
                invited = play.invitations[0]
                Walk(play.site, state, play.books, invited, play.code(invited)).walk()
    except NotHeld as fault:
        raise NotHeld(f"НЕ УДАЛОСЬ: {fault}\nДанные и журналы оставлены в {root}") from fault
    except Fallen as fault:
        raise Fallen(f"{fault}\nДанные и журналы оставлены в {root}") from fault
    except BaseException:
        shutil.rmtree(root)
        raise
    shutil.rmtree(root)
    print("\nКруг пройден: каждый шаг подтвердился.")


if __name__ == "__main__":
    main()
