"""Paging: which part of a long list does the reader ask for?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web

T = TypeVar("T")
ON_A_PAGE: Final = 50
MOST_PAGES: Final = 1000


class Part(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list. `earlier`, `later`: the numbers of the neighbouring parts, None at the ends."""

    rows: Sequence[T]
    later: int | None
    earlier: int | None


def part(request: web.Request, rows: Callable[..., list[T]], *key: Any, **since: Any) -> Part[T]:
    """The part that `?page=` names, of a list read by `rows(*key, …, most=, passed=)`, the newest first."""
    text = request.query.get("page", "1")
    page = int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_PAGES else 1
    found = rows(*key, **since, most=ON_A_PAGE + 1, passed=(page - 1) * ON_A_PAGE)
    return Part(found[:ON_A_PAGE], page - 1 if page > 1 else None, page + 1 if len(found) > ON_A_PAGE else None)
