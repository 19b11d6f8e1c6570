"""Logs: how do lines of the standard logging, ours and our libraries', reach the operator's one stream?"""

from __future__ import annotations

import logging

from lk_sync import logs


class _Bridge(logging.Handler):
    """Hands every line on to structlog, which escapes it."""

    def emit(self, record: logging.LogRecord) -> None:
        say = getattr(logs.get(), record.levelname.lower(), logs.get().info)
        say(record.getMessage(), logger=record.name, **({"exc_info": record.exc_info} if record.exc_info else {}))


def through_structlog(level: int = logging.INFO) -> None:
    logging.basicConfig(handlers=[_Bridge()], level=level, force=True)
