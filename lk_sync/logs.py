"""Logs: what does the operator read while the engine runs?

One line per change of state on stderr, `key=value`, JSON with `LK_LOG=json`. Control characters are escaped,
so that no value can forge a line; nothing that holds a secret is ever handed to a logger.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(0x80, 0xA0))}


def harmless(text: str) -> str:
    """`text` on one line, with control characters as `\\x1b`: it can neither forge a line nor move the cursor."""
    return text.translate(_ESCAPES)


def _escape(_: Any, __: str, event: EventDict) -> EventDict:
    return {key: harmless(value) if isinstance(value, str) else value for key, value in event.items()}


def configure() -> None:
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if os.environ.get("LK_LOG") == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            _escape,
            last,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get(**fields: Any) -> Any:
    return structlog.get_logger(**fields)


class _Bridge(logging.Handler):
    """Hands a line of the standard logging on, so that it is escaped as well."""

    def emit(self, record: logging.LogRecord) -> None:
        told = {"exc_info": record.exc_info} if record.exc_info else {}
        getattr(get(), record.levelname.lower())(record.getMessage(), logger=record.name, **told)


def through_structlog(level: int = logging.INFO) -> None:
    """What libraries say by the standard logging goes the same way. A start that is passed over because the former
    one still runs is our policy and not told."""
    logging.basicConfig(handlers=[_Bridge()], level=level, force=True)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
