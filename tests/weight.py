"""Weight: how much memory does a pull of payments take, in a process of its own?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from lk_sync import config
from tests.at_the_base import wanted

ROOT = Path(__file__).parents[1]


def peak(source: type, connection: Mapping[str, Any], columns: Mapping[str, str], **origin: str) -> tuple[int, int]:
    """Rows, and the greatest memory in MB."""
    told = {"source": f"{source.__module__}:{source.__qualname__}", "connection": connection, "columns": columns}
    done = subprocess.run(
        [sys.executable, "-m", "tests.weight", json.dumps(told | {"origin": origin})],
        env=dict(os.environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows, megabytes = done.stdout.split()
    return int(rows), int(megabytes)


def _pull(told: dict[str, Any]) -> None:
    kind = resolve_name(told["source"])
    source = kind(config.convert(told["connection"], kind.settings_type, path=Path("source.yaml")))
    with source.connect() as session:
        rows = sum(batch.rows for batch in session.pull(wanted("payments", told["columns"], **told["origin"])))
    # Not ru_maxrss: that one remembers the process that started this one.
    held = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert held is not None
    print(rows, int(held[1]) // 1024)


if __name__ == "__main__":
    _pull(json.loads(sys.argv[1]))
