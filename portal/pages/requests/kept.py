"""Kept: which files has a form brought already, that has to be filled in once more?

Nobody chooses a file twice because a field beside it was wrong. The form that is shown again names what has come; a
seal with a key that only the store holds, bound to the secret of the visitor's own forms, keeps anybody from naming
what somebody else has sent.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from lk_sync.store import signing
from lk_sync.store.attachments import Attachment, Attachments
from lk_sync.store.database import Tx
from portal.uploads import plain_name

KEPT: Final = "kept-"
DROP: Final = "drop-"
MOST: Final = 20


class Sealed(msgspec.Struct, frozen=True):
    """A file that has come, as the form names it: `token` in a hidden field."""

    file: Attachment
    token: str


def sealed(tx: Tx, files: Sequence[Attachment], owner: str) -> list[Sealed]:
    """`owner`: the secret of the visitor's forms. Writes when the key is needed for the first time."""
    key = signing.made(tx, signing.ATTACHMENT) if files else ""
    return [Sealed(file, f"{_mac(key, owner, file)}{msgspec.json.encode(file).decode()}") for file in files]


def brought(tx: Tx, fields: Mapping[str, str], owner: str, attachments: Attachments) -> list[Attachment]:
    """Those that the form names, has not let go, and that are still there."""
    key, found = signing.key(tx, signing.ATTACHMENT), []
    for at in range(1, MOST + 1):
        token = fields.get(f"{KEPT}{at}", "")
        if key is None or not token or f"{DROP}{at}" in fields:
            continue
        file = _opened(key, owner, token)
        if file is not None and attachments.touch(file.sha256):
            found.append(file)
    return found


def _opened(key: str, owner: str, token: str) -> Attachment | None:
    given, said = token[:_LENGTH], token[_LENGTH:]
    try:
        file = msgspec.json.decode(said, type=Attachment)
    except msgspec.DecodeError:
        return None
    same = hmac.compare_digest(given.encode(), _mac(key, owner, file).encode())
    return file if same and file.name == plain_name(file.name) else None


_LENGTH: Final = 24


def _mac(key: str, owner: str, file: Attachment) -> str:
    return signing.mac(key, f"{owner} {msgspec.json.encode(file).decode()}")
