"""Killing: `python -m tests.faults.killing [--kills 60] [--seed N]` kills, looks, reckons, and tells what it saw."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Final

from demo import snapshot
from tests.faults.killing.founding import founded
from tests.faults.killing.reckoning import nothing_is_outstanding, reckon
from tests.faults.killing.siege import Plan, Siege
from tests.faults.killing.town import Town
from tests.faults.killing.trades import note_truth

ACCOUNTS: Final = 80
PEACE_SECONDS: Final = 90.0
WALKS: Final[Mapping[str, Plan]] = {
    "pull": {"pull": 8, "publish": 8},
    "push": {"export": 9, "acknowledge": 9},
    "portal": {"submit": 10},
    "accounting": {"book": 5},
    "books": {"write": 3},
}
"""Processes that walk a single job for ever; most kills, because a life of theirs begins in milliseconds."""
TIMETABLE: Final[Mapping[str, Plan]] = {
    "engine": {"pull": 2, "publish": 3, "export": 2, "acknowledge": 2},
    "portal": {},
    "accounting": {"book": 1},
    "books": {},
}
"""The engine as the operator starts it, both jobs at a time, with its fork server and all."""
PLANNED: Final = sum(sum(plan.values()) for plans in (WALKS, TIMETABLE) for plan in plans.values())


def main(kills: int, seed: int) -> None:
    began = time.monotonic()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="killing-") as folder, founded(Path(folder), accounts=ACCOUNTS) as town:
        siege = Siege(town, seed=seed)
        try:
            with siege.open():
                siege.hunt(_times(WALKS, kills / PLANNED))
                siege.hunt(_times(TIMETABLE, kills / PLANNED))
            ended = _peace(siege)
        except BaseException:
            print("\n".join((town.folder / "log").read_text("utf-8").splitlines()[-100:]))
            raise
        finally:
            _tell(siege, time.monotonic() - began)
    print(f"readings: {_listed(ended)}; nothing lost, nothing doubled")


def _times(plans: Mapping[str, Plan], factor: float) -> dict[str, Plan]:
    return {name: {phase: round(n * factor) for phase, n in plan.items()} for name, plan in plans.items()}


def _peace(siege: Siege) -> Counter[str]:
    """Nobody is killed any more: the engine brings everything to its end by itself and stops when it is told to."""
    town = siege.town
    with siege.living(("engine", "accounting")) as victims:
        siege.wait_for(lambda: nothing_is_outstanding(town), PEACE_SECONDS)
        last = _last_set(town)
        siege.wait_for(lambda: siege.witness.shown == last, PEACE_SECONDS)
        code = victims["engine"].stop()
        assert code == 0, f"the engine stopped with code {code}"
    siege.witness.look()
    siege.witness.numbers()
    return reckon(town, siege.chronicle.answered)


def _last_set(town: Town) -> str:
    books, moment = town.books, datetime.now(UTC)
    note_truth(town, books, moment)
    return snapshot.write(town.drop / "out", books, moment)


def _tell(siege: Siege, seconds: float) -> None:
    phases = Counter(phase for _, doing in siege.kills for phase in doing)
    print(f"kills: {len(siege.kills)} in {seconds:.0f} s; of {_listed(Counter(name for name, _ in siege.kills))}")
    print(f"  found at their death in: {_listed(phases)}")
    print(f"  left behind: {_listed(siege.left_behind)}")
    answers = Counter(answer.kind for _, answer in siege.chronicle.answered)
    print(f"forms: {siege.chronicle.attempts} sent for {len(siege.chronicle.answered)} readings; {_listed(answers)}")
    print(f"looks at the cache and the drop: {siege.witness.looks}; export files: {len(siege.witness.files)}")


def _listed(found: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(found.items())) or "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=PLANNED)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args()
    sys.exit(main(chosen.kills, chosen.seed))
