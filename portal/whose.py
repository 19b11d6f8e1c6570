"""Whose: to whom does what a browser has kept without a network belong?

A mark of the user record and of the account with its holder. It names nobody and stays the same from login to login,
so that what one person has entered is neither shown to nor sent for another one on the same device.
"""

from __future__ import annotations

import hashlib
from typing import Final

LENGTH: Final = 16  # of each half


def whose(*, user_code: str, account: str, holder_key: str) -> str:
    """`user.account`."""
    return f"{_half('user', user_code)}.{_half('account', user_code, account, holder_key)}"


def _half(*parts: str) -> str:
    text = "\0".join(("kept", *parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:LENGTH]
