"""Wire: what do the portal and a worker that prints say to each other?

Frames: four bytes of length, then so many bytes. To the worker `Setup`, then papers; from it `Ready`, then for each
paper `PDF` and the file, or `FAULT`, what went wrong and the file all the same.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import msgspec

from lk_sync.bills_setting import Bills
from lk_sync.config import Supplier
from lk_sync.printing import own_template

SHIPPED: Final = Path(__file__).parent / "shipped"
LENGTH: Final = struct.Struct(">I")
PDF, FAULT = b"P", b"F"


class Setup(msgspec.Struct, frozen=True):
    """The first frame. `look`: try the template on the samples before the first bill."""

    supplier: Supplier
    bills: Bills
    zone: str
    folder: str
    look: bool = True


class Ready(msgspec.Struct, frozen=True):
    """The answer to it. `fault`: what is wrong with the supplier's template, the shipped one is used instead.
    `fingerprint`: of the template that is used."""

    fingerprint: str
    fault: str = ""


def folder_in(config: Path) -> Path:
    """Where the supplier keeps his template; the shipped one, if he keeps none."""
    return own_template(config) or SHIPPED
