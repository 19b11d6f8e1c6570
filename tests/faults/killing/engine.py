"""Engine: `lk-sync run` as the operator starts it, which also tells its phases to the board named last."""

from __future__ import annotations

import sys
from pathlib import Path

from lk_sync.cli import main
from tests.faults.killing.phases import Board

if __name__ == "__main__":
    Board(Path(sys.argv.pop())).watch_the_flow()
    main([*sys.argv[1:], "run"])
