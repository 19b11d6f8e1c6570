"""Logs: what does the operator read while the engine runs?

One line per change of state on stderr, `key=value`, JSON with `LK_LOG=json`. Control characters are escaped,
so that no value can forge a line; nothing that holds a secret is ever handed to a logger.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import structlog
from structlog.typing import EventDict

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(0x80, 0xA0))}


def _escape(_: Any, __: str, event: EventDict) -> EventDict:
    return {key: value.translate(_ESCAPES) if isinstance(value, str) else value for key, value in event.items()}


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
