"""Bank account: can this be a bank account at this bank, and this a taxpayer's number?

The key of an account (its 9th digit) is made of the account and of the BIC of its bank (Bank of Russia, procedure 515
of 08.09.1997); a taxpayer's number has keys of its own. Real ones that fail are known, so a doubt is told, and nothing
is refused because of it.
"""

from __future__ import annotations

import re
from typing import Final

LETTERS: Final = "ABCEHKMPTX"  # stand for 0 … 9 in the sixth place of an account
KEY_PLACE: Final = 8
_ACCOUNT: Final = re.compile(rf"[0-9]{{5}}[0-9{LETTERS}][0-9]{{14}}")
_BIC: Final = re.compile(r"0[1-9][0-9]{7}|[1-9][0-9]{8}")
_WEIGHTS: Final = (7, 1, 3) * 8
_INN_WEIGHTS: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_TREASURY: Final = "01"


def key_of(account: str, bic: str) -> int | None:
    """The key that an account of these digits must have; None: there is no rule for it (treasury, wrong form)."""
    if not (_ACCOUNT.fullmatch(account) and _BIC.fullmatch(bic)) or bic.startswith(_TREASURY):
        return None
    digits = f"{account[:5]}{_digit(account[5])}{account[6:KEY_PLACE]}0{account[KEY_PLACE + 1 :]}"
    summed = sum(
        int(digit) * weight % 10 for digit, weight in zip(_of_bank(account, bic) + digits, _WEIGHTS, strict=False)
    )
    return summed * 3 % 10


def _digit(sign: str) -> str:
    return sign if sign.isdigit() else str(LETTERS.index(sign))


def _of_bank(account: str, bic: str) -> str:
    """Three digits for the bank: of the office that keeps its correspondent account, or its own."""
    return f"0{bic[4:6]}" if account.startswith("30101") or bic[6:8] == "00" else bic[6:]


def doubts_of_account(account: str, bic: str) -> str | None:
    """What is wrong with an account at the bank with this BIC; None: nothing, or it cannot be told."""
    if not _ACCOUNT.fullmatch(account):
        return f"счёт {account}: нужно 20 цифр"
    key = key_of(account, bic)
    if key is None or key == int(account[KEY_PLACE]):
        return None
    return f"счёт {account}: ключ (девятая цифра) не подходит к БИК {bic}; одна из цифр, вероятно, неверна"


def doubts_of_correspondent(account: str, bic: str) -> str | None:
    """The correspondent account of a bank: its own key, and the last three digits of the BIC at its end."""
    if not account or bic.startswith(_TREASURY):
        return None
    if account.startswith("30101") and account[-3:] != bic[-3:]:
        return f"корреспондентский счёт {account}: последние три цифры не те, что у БИК {bic}"
    return doubts_of_account(account, bic)


def doubts_of_bic(bic: str) -> str | None:
    return None if _BIC.fullmatch(bic) and bic[:2] in ("01", "04") else f"БИК {bic}: нужно 9 цифр, первые — 04 или 01"


def doubts_of_inn(inn: str) -> str | None:
    """A taxpayer's number: ten digits of an organisation, twelve of a person."""
    if not (inn.isascii() and inn.isdigit() and len(inn) in (10, 12)):
        return f"ИНН {inn}: нужно 10 или 12 цифр"
    ends = (9,) if len(inn) == 10 else (10, 11)
    return None if all(_inn_key(inn[:end]) == inn[end] for end in ends) else f"ИНН {inn}: контрольная цифра не сходится"


def _inn_key(digits: str) -> str:
    weights = _INN_WEIGHTS[-len(digits) :]
    return str(sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10)
