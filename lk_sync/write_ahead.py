"""Write ahead: how does an SQLite file become one that its readers and its writer use at the same time?"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

PAUSE_SECONDS: Final = 0.01
PRIMARY_CODE: Final = 0xFF


def log_ahead(connection: sqlite3.Connection, *, patience_ms: int) -> None:
    """WAL for the file of `connection`. SQLite itself does not wait for others when it switches to it, so that of
    several processes that open a new file at once all but one would fail."""
    until = time.monotonic() + patience_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return
