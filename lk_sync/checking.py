"""Checking: how precise are the figures that charges are checked with?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from lk_sync.setting import Strict

Decimals = Annotated[int, msgspec.Meta(ge=0, le=6)]


class Checking(Strict, frozen=True, kw_only=True):
    """`volume_decimals`: to how many decimals the supplier rounds a volume, by its unit; volumes in other units are
    taken to be exact."""

    volume_decimals: Mapping[str, Decimals] = msgspec.field(default_factory=lambda: {"Gcal": 4, "m3": 3})
