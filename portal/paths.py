"""Paths: may a form or a link name where to go next?

Only a page of ours: one slash, no second one, no host, nothing that a browser would read as one.
"""

from __future__ import annotations

import re
from typing import Final

_OURS: Final = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?(?:\?[A-Za-z0-9._~/=&%+-]*)?")
LONGEST: Final = 300


def ours(path: str, otherwise: str = "/") -> str:
    """`path` if it is one of ours, else `otherwise`."""
    return path if len(path) <= LONGEST and _OURS.fullmatch(path) else otherwise
