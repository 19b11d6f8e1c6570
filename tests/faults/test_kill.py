"""What is lost, doubled, half published or torn if everything is killed again and again while it works?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 56
SECONDS = 400


@pytest.mark.timeout(SECONDS + 30)
def test_no_kill_at_any_point_loses_doubles_or_shows_half_of_anything() -> None:
    """More in `tests/faults/killing`; a longer siege is `make torture`."""
    command = [sys.executable, "-m", "tests.faults.killing", "--kills", str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"kills: (\d+)", done.stdout)[0]) >= 50
    found = dict(re.findall(r"(\w+) (\d+)", re.findall(r"found at their death in: (.*)", done.stdout)[0]))
    for phase in ("pull", "publish", "submit", "export", "acknowledge"):
        assert int(found[phase]) >= 8, f"{phase} was not hit often enough"
