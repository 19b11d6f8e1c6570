"""Siege: how are all processes of a town killed again and again, and what is looked at after every kill?

Each victim has a hunter of its own: it waits until the victim's board shows the phase it aims at, lets a random part
of that phase pass, kills, looks at what is left, and starts the victim again. So the kills fall all over each phase
and no phase waits for its turn by chance. The seed decides aims and pauses; it is printed, though the machine's own
timing has a say as well.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from tests.faults.killing import trades
from tests.faults.killing.phases import Phase
from tests.faults.killing.subscribers import Chronicle, Subscriber, registered
from tests.faults.killing.town import Town
from tests.faults.killing.victims import Victim, engine, fork
from tests.faults.killing.witness import Witness, left_behind

Plan = Mapping[Phase, int]
SUBSCRIBERS: Final = 4
REACH_SECONDS: Final = 60.0
LASTS: Final[Mapping[Phase, float]] = {
    "pull": 1.0,
    "publish": 0.06,
    "export": 0.15,
    "acknowledge": 0.08,
    "submit": 0.004,
    "book": 0.02,
    "write": 0.3,
}
"""About how long a phase takes, in seconds: the kill comes at a random moment of that time."""
LOOK_SECONDS: Final = 0.0005


class Siege:
    """The victims of a town, and every kill: who was killed, and in which phases."""

    def __init__(self, town: Town, *, seed: int) -> None:
        self.town = town
        self.kills: list[tuple[str, frozenset[Phase]]] = []
        self.chronicle = Chronicle()
        self.witness = Witness(town)
        self._chance = random.Random(seed)  # noqa: S311 - repeatable by seed
        meters = registered(town)
        self.subscribers = [
            Subscriber(town, meters[i::SUBSCRIBERS], seed * 100 + i, self.chronicle) for i in range(SUBSCRIBERS)
        ]
        self._faults: list[BaseException] = []
        self.left_behind: Counter[str] = Counter()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Subscribers hand in, the witness looks. Afterwards every form has its answer, if somebody is there to give
        it, and the witness goes on looking."""
        for thread in (self.witness, *self.subscribers):
            thread.start()
        yield
        with self.living(("portal",)):
            for subscriber in self.subscribers:
                subscriber.stop.set()
            for subscriber in self.subscribers:
                subscriber.join()
        self.raise_faults()

    def hunt(self, plans: Mapping[str, Plan]) -> None:
        """Kill the victims of `plans` as often in each phase as their plan says. Raises what was found amiss."""
        with self.living(plans) as victims:
            hunters = [
                threading.Thread(target=self._hunt, args=(victims[name], plan, self._chance.getrandbits(32)), name=name)
                for name, plan in plans.items()
            ]
            for hunter in hunters:
                hunter.start()
            for hunter in hunters:
                hunter.join()
        self.raise_faults()

    @contextmanager
    def living(self, names: Iterable[str]) -> Iterator[dict[str, Victim]]:
        """Victims by name, alive; at the end nobody is."""
        victims = {name: self._victim(name) for name in names}
        try:
            for victim in victims.values():
                victim.start()
            yield victims
        finally:
            for victim in victims.values():
                victim.end()

    def _victim(self, name: str) -> Victim:
        town, seed = self.town, self._chance.getrandbits(32)
        born = {
            "pull": lambda: fork(trades.walk, town, "pull"),
            "push": lambda: fork(trades.walk, town, "push"),
            "portal": lambda: fork(trades.take_readings, town),
            "accounting": lambda: fork(trades.keep_accounts, town),
            "books": lambda: fork(trades.export_books, town, seed),
            "engine": lambda: engine(town.folder / "config"),
        }
        return Victim(name, town.folder, born[name]())

    def _hunt(self, victim: Victim, plan: Plan, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - repeatable by seed
        left = Counter(plan)
        try:
            while (aims := sorted(left.elements())) and not self._faults:
                self._lie_in_wait(victim, chance.choice(aims), chance)
                doing = victim.kill()
                self.kills.append((victim.name, doing))
                left -= Counter(doing)
                self.left_behind += Counter(left_behind(self.town, victim.name))
                self.town.note(f"KILLED {victim.name} in {sorted(doing)}")
                self.witness.look()
                victim.start()
        except BaseException as error:  # raised by the one who waits for all hunters
            self._faults.append(error)

    def _lie_in_wait(self, victim: Victim, aim: Phase, chance: random.Random) -> None:
        until = time.monotonic() + REACH_SECONDS
        while aim not in victim.board.seen:
            assert victim.alive, f"{victim.name} ended by itself; see the log"
            assert time.monotonic() < until, f"{victim.name} does not come to {aim}"
            time.sleep(LOOK_SECONDS)
        time.sleep(chance.uniform(0, LASTS[aim]))

    def raise_faults(self) -> None:
        for fault in (*self._faults, *(s.fault for s in self.subscribers), self.witness.fault):
            if fault is not None:
                raise fault

    def wait_for(self, done: Callable[[], bool], seconds: float) -> None:
        """With everything left alone."""
        until = time.monotonic() + seconds
        while not done():
            self.raise_faults()
            assert time.monotonic() < until, "the town does not come to rest"
            time.sleep(0.1)
