"""Killing: what is left when everything was killed again and again?

`python -m tests.faults.killing [--source drop|odbc] [--kills 60] [--seed N]` kills, looks, reckons, tells what it saw.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import Final

from demo.postgres import throw_away
from tests.faults.killing.counters import opened
from tests.faults.killing.founding import founded
from tests.faults.killing.reckoning import nothing_is_outstanding, reckon
from tests.faults.killing.siege import Plan, Siege
from tests.faults.killing.town import Town
from tests.faults.ways import READER_PASSWORD

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
AT_THE_BASE: Final[Mapping[str, Plan]] = {
    "pull": {"pull": 8, "publish": 8},
    "push": {},
    "portal": {},
    "accounting": {},
    "books": {"write": 2},
}
AT_THE_BASE_BY_TIMETABLE: Final[Mapping[str, Plan]] = {
    "engine": {"pull": 3, "publish": 3},
    "portal": {},
    "accounting": {},
    "books": {},
}
"""What has to do with the source; the rest is the same whatever the source is."""


def main(source: str, kills: int, seed: int) -> None:
    """Raises AssertionError for anything that is not as it must be."""
    print(f"source {source}, seed {seed}", flush=True)
    os.environ["LK_ACCOUNTING_PASSWORD"] = READER_PASSWORD
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="killing-")))
        server = stack.enter_context(throw_away()) if source == "odbc" else None
        town = stack.enter_context(founded(folder, accounts=ACCOUNTS, server=server))
        parts = (WALKS, TIMETABLE) if server is None else (AT_THE_BASE, AT_THE_BASE_BY_TIMETABLE)
        planned = sum(sum(plan.values()) for part in parts for plan in part.values())
        besiege(town, [_times(part, kills / planned) for part in parts], seed)


def besiege(town: Town, parts: list[dict[str, Plan]], seed: int) -> None:
    began, siege = time.monotonic(), Siege(town, seed=seed)
    try:
        with siege.open():
            for part in parts:
                siege.hunt(part)
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
        with opened(town) as counter:
            last = counter.show()
        siege.wait_for(lambda: siege.witness.shown == last, PEACE_SECONDS)
        code = victims["engine"].stop()
        assert code == 0, f"the engine stopped with code {code}"
    siege.witness.look()
    siege.witness.numbers()
    return reckon(town, siege.chronicle.answered)


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
    parser.add_argument("--source", choices=["drop", "odbc"], default="drop")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args()
    main(chosen.source, chosen.kills, chosen.seed)
