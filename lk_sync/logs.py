"""Logs: what does the operator read while the engine runs?

One line per change of state on stderr, `key=value`, JSON with `LK_LOG=json`; each line of a run carries its job and its
number, those of its child process too. Control characters are escaped, so that no value can forge a line; nothing that
holds a secret is ever handed to a logger.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import Any, Final

import structlog
from structlog.typing import EventDict

FORMAT: Final = "LK_LOG"
PRIORITIES: Final = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(0x80, 0xA0))}


def harmless(text: str) -> str:
    """`text` on one line, with control characters as `\\x1b`: it can neither forge a line nor move the cursor."""
    return text.translate(_ESCAPES)


def _escape(_: Any, __: str, event: EventDict) -> EventDict:
    return {key: harmless(value) if isinstance(value, str) else value for key, value in event.items()}


def configure() -> None:
    journal = _is_journal()
    last: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if os.environ.get(FORMAT) == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event", "job", "run"], drop_missing=True
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([] if journal else [structlog.processors.TimeStamper(fmt="iso", utc=True)]),
            structlog.processors.ExceptionRenderer(),
            _escape,
            *([_grave] if journal else []),
            last,
            *([_with_priority] if journal else []),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _is_journal() -> bool:
    """Whether our stderr goes to the journal of systemd, which notes the time itself and takes `<3>` for a priority."""
    with suppress(OSError, ValueError):
        ours = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{ours.st_dev}:{ours.st_ino}"
    return False


_gravity = threading.local()


def _grave(_: Any, __: str, event: EventDict) -> EventDict:
    _gravity.priority = PRIORITIES.get(str(event.get("level")), 6)
    return event


def _with_priority(_: Any, __: str, line: Any) -> str:
    return f"<{_gravity.priority}>{line}"


def begin(**of: Any) -> None:
    """From here on every line of this thread says whose it is, and no longer whose the former ones were."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**of)


def belongs_to(**of: Any) -> None:
    """As `begin`, beside what is said already."""
    structlog.contextvars.bind_contextvars(**of)


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
