"""An engine killed at any moment of a walk, and two that walk at once, tell everybody everything exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial

from lk_sync import databases
from lk_sync.notices import of_runs
from lk_sync.notices.walking import Ground
from tests.notices.conftest import Town

# As an engine does, one account a step, and slowly, so that it is killed on the way.
WALK = """
import sys, threading, time
from datetime import datetime
from pathlib import Path
from lk_sync import databases
from lk_sync.config import Config
from lk_sync.notices import of_runs, walking
from lk_sync.store import walks

walking.AT_ONCE = 1
step = walks.step

def slowly(*args):
    done = step(*args)
    time.sleep(0.1)
    return done

walks.step = slowly
config = Config(Path(sys.argv[1]))
ground = walking.Ground(
    config.lk, databases.open_store(config), databases.cache(config).reader(), datetime.fromisoformat(sys.argv[2]),
    threading.Event(),
)
print("ready", flush=True)
of_runs.go(ground)
"""


def _billed(town: Town) -> list[str]:
    codes = [town.user(f"00{number}") for number in range(5)]
    for number in range(5):
        town.days.charge(f"00{number}", "2026-10", "120.00")
        town.days.bill(f"00{number}", "2026-10", "120.00", f"О{number}")
    town.days.pull()
    return codes


def test_a_killed_engine_has_told_nobody_twice_and_forgets_nobody(town: Town) -> None:
    codes, chance = _billed(town), random.Random(4)  # noqa: S311 - the test repeats by its seed
    folder, moment = str(town.days.world.config.folder), town.days.today.isoformat()
    killed = 0
    while True:
        command = [sys.executable, "-c", WALK, folder, moment]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
            assert engine.stdout is not None
            assert engine.stdout.readline() == "ready\n"
            if killed < 3:
                time.sleep(chance.uniform(0.0, 0.25))
                engine.send_signal(signal.SIGKILL)
            if engine.wait() == 0:
                break
            killed += 1
    assert killed > 0
    assert [town.kinds(code) for code in codes] == [["bill"]] * 5


def test_two_engines_at_the_same_moment_tell_everybody_once(town: Town) -> None:
    codes = _billed(town)
    barrier = threading.Barrier(2)

    def engine() -> None:
        with (
            closing(databases.open_store(town.days.world.config)) as store,
            closing(databases.cache(town.days.world.config).reader()) as reader,
        ):
            ground = Ground(town.lk, store, reader, town.days.today, threading.Event())
            barrier.wait()
            of_runs.go(ground)

    threads = [threading.Thread(target=partial(engine)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    of_runs.go(town.ground())
    assert [town.kinds(code) for code in codes] == [["bill"]] * 5
