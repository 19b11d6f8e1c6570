"""Consents: who accepted which text, when, from where, and by which act?

Append only. The hash proves the very words; the version names them.
"""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

import msgspec

from lk_sync.store.database import Tx

Kind = Literal["rules", "personal_data"]


class Consent(msgspec.Struct, frozen=True):
    kind: Kind
    version: str
    sha256: str
    act: str
    address: str
    browser: str
    given_at: str


def give(tx: Tx, *, user_code: str, consent: Consent) -> None:
    tx.change("consents.give", consent=uuid4().hex, user_code=user_code, **msgspec.structs.asdict(consent))


def of_user(tx: Tx, *, user_code: str) -> list[Consent]:
    """Oldest first."""
    return [Consent(*row) for row in tx.rows("consents.of_user", user_code=user_code)]
