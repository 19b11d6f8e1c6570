"""Subscribers: who hands in readings while everything around is being killed, and what were they told?

A subscriber sends a form until there is an answer, always with the same UUID, as a person presses the button again.
The chronicle is what they all know: every form, and the answer that was given to it.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from demo.supplier import Books
from lk_sync.clock import now
from lk_sync.flow.submit import Answer
from lk_sync.records import DATASETS, next_month
from lk_sync.store import users
from lk_sync.store.database import Store
from tests.faults.killing.town import Town
from tests.faults.killing.trades import Form

FIRST_MONTH: Final = 202612
MOST_FORMS_A_MONTH: Final = 4
ANSWER_SECONDS: Final = 20
AGAIN_SECONDS: Final = 0.02
SLIPS: Final = 0.1
"""How often a value is less than the meter has shown, which the accounting system rejects."""


class MeterOf(msgspec.Struct, frozen=True):
    """A meter, and the user who may hand in for it."""

    user_code: str
    account: str
    meter: str
    serial: str
    last_micro: int


class Chronicle:
    """Every form that was sent, with its answer once there was one; in the order of the answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answered: list[tuple[Form, Answer]] = []
        self.attempts = 0

    def tried(self) -> None:
        with self._lock:
            self.attempts += 1

    def told(self, form: Form, answer: Answer) -> None:
        with self._lock:
            self.answered.append((form, answer))


class Subscriber(threading.Thread):
    """Hands in readings of its meters, month after month, with corrections, until `stop` is set."""

    def __init__(self, town: Town, meters: Sequence[MeterOf], seed: int, chronicle: Chronicle) -> None:
        super().__init__(name=f"subscriber {seed}", daemon=True)
        self._town, self._meters, self._chronicle = town, meters, chronicle
        self._chance = random.Random(seed)  # noqa: S311 - repeatable by seed
        self.stop = threading.Event()
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            for form in self._forms():
                self._hand_in(form)
                if self.stop.wait(self._chance.uniform(0.02, 0.3)):
                    return
        except Exception as error:  # it is raised where the subscriber is asked how it went
            self.fault = error

    def _forms(self) -> Iterator[Form]:
        period, values = FIRST_MONTH, {meter.meter: meter.last_micro for meter in self._meters}
        while True:
            for meter in self._meters:
                for _ in range(self._chance.randrange(1, MOST_FORMS_A_MONTH)):
                    values[meter.meter] += self._chance.randrange(2, 900) * 1000
                    slip = self._chance.random() < SLIPS
                    yield self._form(meter, period, values[meter.meter] // 2 + 1 if slip else values[meter.meter])
            period = next_month(period)

    def _form(self, meter: MeterOf, period: int, value_micro: int) -> Form:
        return Form(
            submission=str(UUID(int=self._chance.getrandbits(128), version=4)),
            user_code=meter.user_code,
            account=meter.account,
            meter=meter.meter,
            serial=meter.serial,
            period=period,
            value_micro=value_micro,
        )

    def _hand_in(self, form: Form) -> None:
        until = time.monotonic() + ANSWER_SECONDS
        while (answer := self._ask(form)) is None:
            assert time.monotonic() < until, f"no answer to {form}"
            time.sleep(AGAIN_SECONDS)
        self._chronicle.told(form, answer)

    def _ask(self, form: Form) -> Answer | None:
        """The answer; None if the connection broke before there was a whole one."""
        self._chronicle.tried()
        try:
            with closing(socket.socket(socket.AF_UNIX)) as line:
                line.settimeout(ANSWER_SECONDS)
                line.connect(str(self._town.door))
                line.sendall(msgspec.json.encode(form) + b"\n")
                answer = line.makefile("rb").readline()
        except OSError:
            return None
        return msgspec.json.decode(answer, type=Answer) if answer.endswith(b"\n") else None


def registered(town: Town) -> list[MeterOf]:
    """Everyone who has a meter, as a registered user of the store."""
    store = Store(town.store)
    try:
        return [meter for books in town.supplier.every() for meter in _meters_of(store, books)]
    finally:
        store.close()


def _meters_of(store: Store, books: Books) -> Iterator[MeterOf]:
    account, meters = _named("accounts", books)[0], _named("meters", books)
    if not meters:
        return
    code = store.write_now(
        lambda tx: users.create(
            tx,
            account=account["account"],
            holder_key=account["holder_key"],
            email="a@example.org",
            language="ru",
            password_hash="-",
            lasts=timedelta(days=1),
            now=now(),
        )
    )
    for meter in meters:
        if meter["removed_on"] is None:
            last = [row["value_micro"] for row in _named("readings", books) if row["meter"] == meter["meter"]][-1]
            yield MeterOf(code, account["account"], meter["meter"], meter["serial"], last)


def _named(dataset: str, books: Books) -> list[dict[str, Any]]:
    return [dict(zip(DATASETS[dataset].columns, row[:-1], strict=True)) for row in books[dataset]]
