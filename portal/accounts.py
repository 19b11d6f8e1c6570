"""Accounts: which account number did a person type?

A number stands on the bill in one form. Spaces are how people group digits; anything else that is not on the bill
is refused rather than guessed: full-width digits, invisible characters, letters that only look alike.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 40
_FORM: Final = re.compile(rf"[0-9A-Za-zА-Яа-яЁё/-]{{1,{LONGEST}}}")
_SPACES: Final = re.compile(r"[ \t\u00a0\u202f]+")


def canonical(text: str) -> str | None:
    """The account number in the form of the bill, leading zeros kept; None when it cannot be one."""
    number = _SPACES.sub("", text)
    return number if _FORM.fullmatch(number) else None
