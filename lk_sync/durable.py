"""Durable: how does what was written stay there when the power goes?"""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """A file is on the disk, or the names in a folder are: after a rename the folder has to be flushed, too."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
