"""Signing: did this address leave in a letter of ours, and for which single purpose?

A token names its subject and carries an HMAC with a key that only the store holds, one for each purpose: it opens
nothing else, and no login is needed to use it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Final

from lk_sync.store.database import Tx

UNSUBSCRIBE: Final = "unsubscribe"
CALENDAR: Final = "calendar"
ATTACHMENT: Final = "attachment"
REQUEST: Final = "request"
MAC_BYTES: Final = 18
PARTS: Final = ("a", "b")  # of a secret
_TOKEN: Final = re.compile(r"([A-Z0-9]{1,40})\.([A-Za-z0-9_-]{24})")
_NOBODYS: Final = "0" * 24


def token(tx: Tx, *, purpose: str, subject: str) -> str:
    """`subject` is of capitals and digits, as a user code is. Writes when the key is needed for the first time."""
    return f"{subject}.{mac(made(tx, purpose), subject)}"


def subject_of(tx: Tx, *, purpose: str, token: str) -> str | None:
    """Whose token it is; None: none of ours. Reads only, and takes as long for any text of this length."""
    match = _TOKEN.fullmatch(token)
    subject, given = (match[1], match[2]) if match else (_NOBODYS, _NOBODYS)
    known = key(tx, purpose)
    same = hmac.compare_digest(mac(known or _NOBODYS, subject), given)
    return subject if same and match and known else None


def mac(key: str, text: str) -> str:
    """24 characters that may stand in an address."""
    return urlsafe_b64encode(hmac.digest(key.encode(), text.encode(), "sha256")[:MAC_BYTES]).decode()


def secret(tx: Tx, purpose: str, text: str) -> str:
    """48 characters that may stand in an address and that only this store makes of `text`."""
    known = made(tx, purpose)
    return "".join(mac(known, f"{part} {text}") for part in PARTS)


def key(tx: Tx, purpose: str) -> str | None:
    row = tx.row("signing.key", purpose=purpose)
    return None if row is None else str(row[0])


def made(tx: Tx, purpose: str) -> str:
    """The key of a purpose, made when it is needed for the first time."""
    found = key(tx, purpose)
    if found is None:
        tx.change("signing.make", purpose=purpose, key=secrets.token_hex(32))
        found = key(tx, purpose)
    if found is None:
        raise LookupError(purpose)
    return found
