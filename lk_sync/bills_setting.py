"""Bills setting: to which bank account is a bill paid, and how is it printed?"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lk_sync.setting import Strict

Bic = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{9}$")]
Kpp = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}[0-9A-Z]{2}[0-9]{3})?$")]
BankAccount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5}[0-9ABCEHKMPTX][0-9]{14}$")]
OptionalBankAccount = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{5}[0-9ABCEHKMPTX][0-9]{14})?$")]


class Bank(Strict, frozen=True, kw_only=True):
    """Where the supplier's money goes. `correspondent_account` empty: the bank is the treasury."""

    name: str
    bic: Bic
    account: BankAccount
    correspondent_account: OptionalBankAccount = ""


class Bills(Strict, frozen=True, kw_only=True):
    """`qr_encoding` of the payment code: old terminals of banks know only cp1251. `workers`: processes that print, for
    each process of the portal."""

    qr_encoding: Literal["utf-8", "cp1251"] = "utf-8"
    workers: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1
