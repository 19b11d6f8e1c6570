"""Office: what does the supplier's accounting system do while the demo runs?

It looks into the drop every few seconds, takes what we have laid there, answers it, books the readings that it
accepts, and hands out its books anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from demo import snapshot
from demo.accountant import Accountant
from demo.bookkeeper import Bookkeeper, ReadingTaken, RequestAnswered
from demo.children import Fallen
from demo.state import State
from lk_sync.records import DATASETS, month_number

ZONE: Final = ZoneInfo("Europe/Moscow")
ROUND_SECONDS: Final = 2
SETS_KEPT: Final = 3
ANSWERS: Final = {
    "question": ("answered", "Спасибо, что написали. Мы проверили: в вашем лицевом счёте всё в порядке."),
    "certificate": ("answered", "Справка готова, её можно взять в офисе с паспортом."),
}
VALUE: Final = DATASETS["readings"].columns.index("value_micro")


class Office:
    """`open` sets it to work in a thread of its own; `check` tells whether it still does."""

    def __init__(self, state: State, books: Bookkeeper) -> None:
        self._out = state.drop / "out"
        self._books = books
        self._accountant = Accountant(
            state.drop,
            state.accountant,
            on_reading=self._book,
            on_request=self._deal_with,
            last_value=self._last_value,
        )
        self._closing = threading.Event()
        self._fault: Exception | None = None

    def hand_out(self) -> None:
        """A new set of files; older ones are cleared away."""
        snapshot.write(self._out, self._books, datetime.now(ZONE))
        snapshot.prune(self._out, SETS_KEPT)

    @contextmanager
    def open(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, name="office", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._closing.set()
            thread.join()

    def check(self) -> None:
        """Raise Fallen if it works no more."""
        if self._fault is not None:
            raise Fallen(f"учётная система поставщика остановилась: {self._fault!r}") from self._fault

    def _work(self) -> None:
        try:
            while not self._closing.wait(ROUND_SECONDS):
                if self._accountant.work():
                    self.hand_out()
        except Exception as fault:  # told by `check`, in the thread that can end the play
            self._fault = fault

    def _book(
        self,
        *,
        account: str,
        meter: str,
        period: str,
        value_micro: int,
        taken_on: str,
        item: str,
        supersedes: str | None,
    ) -> None:
        self._books.book(
            ReadingTaken(
                account=account,
                at=datetime.now(ZONE).isoformat(timespec="seconds"),
                reading=_id(item),
                meter=meter,
                taken_on=taken_on,
                period=month_number(period),
                value_micro=value_micro,
                supersedes=_id(supersedes) if supersedes else None,
            )
        )

    def _deal_with(self, *, account: str, number: str, kind: str) -> None:
        """What needs nobody to go anywhere is answered at once. Whoever has no account is answered by e-mail."""
        if self._books.books_of(account) is None:
            return
        now = datetime.now(ZONE)
        state, text = ANSWERS.get(kind, ("in_work", "Заявка передана специалисту."))
        self._books.book(
            RequestAnswered(
                account=account,
                at=now.isoformat(timespec="seconds"),
                request=number,
                answer="1",
                state=state,
                text=text,
                answered_on=now.date().isoformat(),
            )
        )

    def _last_value(self, *, account: str, meter: str) -> int | None:
        books = self._books.books_of(account)
        if books is None or meter not in {row[1] for row in books["meters"]}:
            raise LookupError(meter)
        values: list[int] = [row[VALUE] for row in books["readings"] if row[1] == meter]
        return values[-1] if values else None


def _id(item: str) -> str:
    """The reading's id in the supplier's books, from the id it came with."""
    return f"ЛК-{item}"
