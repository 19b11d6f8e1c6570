"""Clock: how long do the first bill and the next ones take in this process? `measure` says it as JSON."""

import json
import time
from collections.abc import Callable
from pathlib import Path


def measure(print_one: Callable[[], bytes], count: int, began: float) -> None:
    """`print_one()` gives the bytes of a bill; `began`: when the process did."""
    body = print_one()
    first = time.perf_counter() - began
    print_one()
    cpu, wall = time.process_time(), time.perf_counter()
    sizes = [len(print_one()) for _ in range(count)]
    done = {
        "first": first,
        "wall": (time.perf_counter() - wall) / count,
        "cpu": (time.process_time() - cpu) / count,
        "bytes": sizes[-1],
        "peak_mb": _peak_kb() / 1024,
    }
    print(json.dumps(done))
    Path("bill.pdf").write_bytes(body)


def _peak_kb() -> int:
    """Of this program alone: what it was forked from is not counted."""
    (line,) = (each for each in Path("/proc/self/status").read_text("ascii").splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1])
