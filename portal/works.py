"""Works: is the portal open, may it only be read, or is it closed, and what do pages say of it?

Asked of the store every few seconds, not on every page. While it can only be read, forms are refused, and what was
typed stays on the page; while it is closed, there is a page that says until when. Some pages are never closed.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, TypeVar

import msgspec

from lk_sync.clock import Clock, moment
from lk_sync.errors import LkError
from lk_sync.formats import LANGUAGES, Formats
from lk_sync.store import maintenance
from lk_sync.store.database import Store
from lk_sync.store.maintenance import Works

H = TypeVar("H", bound=Callable[..., object])
Kind = Literal["planned", "read_only", "closed"]

LOOK_EVERY_SECONDS: Final = 3.0
SOONEST_SECONDS, LATEST_SECONDS = 60, 3_600  # after which it is worth asking again

log: Final = logging.getLogger("portal")

_NEVER_CLOSED: set[object] = set()
_WAYS_IN: set[object] = set()


def never_closed(handler: H) -> H:
    """The page is shown and its form is taken while the portal is closed, too."""
    _NEVER_CLOSED.add(handler)
    return handler


def way_in(handler: H) -> H:
    """The form is taken while the portal can only be read: without it nobody could read."""
    _WAYS_IN.add(handler)
    return handler


class Notice(msgspec.Struct, frozen=True):
    """What every page says of the works, in its reader's language. Times are told as they are to be shown."""

    kind: Kind
    begins: str
    ends: str | None
    text: str


class Announced:
    """What is known of the works. `look` before anything else is asked."""

    def __init__(self, store: Store, clock: Clock, formats: Mapping[str, Formats]) -> None:
        self._store = store
        self._clock = clock
        self._formats = formats
        self._look_at = 0.0
        self._works: Works | None = None
        self._now: datetime | None = None
        self._notices: dict[str, Notice] = {}

    def look(self, *, at_once: bool = False) -> None:
        if time.monotonic() < self._look_at and not at_once:
            return
        self._look_at = time.monotonic() + LOOK_EVERY_SECONDS
        try:
            self._take(maintenance.standing(self._store.reading, now=self._clock()))
        except (sqlite3.Error, LkError) as error:  # pages that need the store say so; what was known holds
            log.warning("идут ли работы, узнать не удалось: %s", error)

    def _take(self, standing: list[Works]) -> None:
        """Those that go on count; else the first to come is announced."""
        self._now = self._clock()
        going = [works for works in standing if works.go_on(self._now)]
        self._works = next(reversed(going), next(iter(standing), None))
        self._notices = {} if self._works is None else dict(self._tell(self._works, begun=bool(going)))

    def _tell(self, works: Works, *, begun: bool) -> Iterator[tuple[str, Notice]]:
        for language in LANGUAGES:
            said = self._formats[language].moment
            yield (
                language,
                Notice(
                    kind=works.mode if begun else "planned",
                    begins=said(works.starts_at),
                    ends=None if works.ends_at is None else said(works.ends_at),
                    text=works.text_en if language == "en" else works.text_ru,
                ),
            )

    @property
    def kind(self) -> Kind | None:
        """None: no works go on and none are planned."""
        return next(iter(self._notices.values())).kind if self._notices else None

    def notice(self, language: str) -> Notice | None:
        return self._notices.get(language)

    @property
    def will_close(self) -> bool:
        return self._works is not None and self._works.mode == "closed"

    @property
    def retry_after(self) -> int:
        """Seconds until the works end, as far as that is known."""
        if self._works is None or self._works.ends_at is None or self._now is None:
            return LATEST_SECONDS
        return max(SOONEST_SECONDS, int((moment(self._works.ends_at) - self._now).total_seconds()))

    def closes(self, handler: object) -> bool:
        return self.kind == "closed" and handler not in _NEVER_CLOSED

    def refuses(self, handler: object) -> bool:
        """The form of this handler, while pages can only be read."""
        return self.kind == "read_only" and handler not in _NEVER_CLOSED and handler not in _WAYS_IN
