"""Bill code: which code stands on a bill, and only on that one?

`bill_code(key, account=…, period=…, number=…)` is all there is to it: whoever prints the bill and whoever checks what
was typed compute the same, and no code is kept anywhere. It depends on the account, the month and the number of the
bill, and on a secret of this installation (`registration.code_key`), so that nobody else can compute it. 30 bits, in
letters that are neither taken for others on paper nor missed on a Russian keyboard.

Codes of the desk are drawn by lot from the same letters.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import msgspec

from lk_sync.records import Month
from lk_sync.setting import SecretValue

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: without I, L, O, U
BITS: Final = 5  # of a letter
LENGTH: Final = 6
DESK_LENGTH: Final = 10
_AS_MEANT: Final = str.maketrans("OILUАВЕКМНОРСТХУ", "011VABEKMH0PCTXY")  # typed letter → the one that was printed


def bill_code(key: SecretValue, *, account: str, period: Month, number: str) -> str:
    """The code of one bill, in groups: `K7M-4QX`."""
    about = msgspec.json.encode(["bill code", account, period, number])
    drawn = int.from_bytes(hmac.digest(key.reveal().encode(), about, "sha256"), "big")
    return grouped("".join(LETTERS[drawn >> BITS * place & 31] for place in range(LENGTH)))


def desk_code() -> str:
    """A code for one person at the desk, by lot: 50 bits."""
    return grouped("".join(secrets.choice(LETTERS) for _ in range(DESK_LENGTH)))


def grouped(letters: str) -> str:
    """In two halves, as it is printed and read aloud."""
    half = len(letters) // 2
    return f"{letters[:half]}-{letters[half:]}"


def typed_code(text: str) -> str:
    """A code as it is compared: without groups, in the letters that were meant."""
    return "".join(text.replace("-", " ").replace("–", " ").split()).upper().translate(_AS_MEANT)
