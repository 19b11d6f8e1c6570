"""What is lost, doubled, half published or torn if everything is killed again and again while it works?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 400
BY_DROP = ("pull", "publish", "submit", "export", "acknowledge")
BY_ODBC = ("pull", "publish")


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize(("source", "kills", "phases", "each"), [("drop", 52, BY_DROP, 7), ("odbc", 14, BY_ODBC, 4)])
def test_no_kill_at_any_point_loses_doubles_or_shows_half_of_anything(
    source: str, kills: int, phases: tuple[str, ...], each: int
) -> None:
    """More in `tests/faults/killing`; a longer siege is `make torture`."""
    command = [sys.executable, "-m", "tests.faults.killing", "--source", source, "--kills", str(kills)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"kills: (\d+)", done.stdout)[0]) >= kills - each
    found = dict(re.findall(r"(\w+) (\d+)", re.findall(r"found at their death in: (.*)", done.stdout)[0]))
    for phase in phases:
        assert int(found[phase]) >= each, f"{phase} was not hit often enough"
