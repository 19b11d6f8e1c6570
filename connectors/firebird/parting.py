"""Parting: how is what the driver has opened left when its connection is broken, and every goodbye fails?

firebird-driver 2.1 gives up at the first goodbye that fails and keeps what it holds: it would be said again when Python
collects it, and fail again, on whatever thread that happens. Here each thing is let go of once and for all; what the
client library holds for it on this side is released with it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from firebird.driver import Connection as Attachment
from firebird.driver import Cursor
from firebird.driver.types import Error

STEPS: Final = 4  # of a connection: two transactions, its statements, itself; each attempt gets one step further


def leave_cursor(cursor: Cursor) -> None:
    """Raises nothing."""
    statement = cursor.statement
    try:
        cursor.close()
    except Error:
        cursor._result = None
        with suppress(Error):
            cursor.close()
        cursor._stmt = None
        leave_statement(statement)


def leave_statement(statement: Any) -> None:
    """Raises nothing."""
    if statement is not None:
        with suppress(Error):
            statement.free()
        statement._istmt = None


def leave(attachment: Attachment) -> None:
    """Raises nothing."""
    for _ in range(STEPS):
        with suppress(Error, OSError):
            attachment.close()
            return
    with suppress(Error, OSError):
        attachment._att.detach()
    attachment._att = None
