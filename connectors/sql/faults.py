"""Faults: what did a driver complain of, and what must happen next?

A driver's message is quoted with secrets and line breaks removed. What it means is the dialect's to say: by the
SQLSTATE where the driver has a true one, by the words where it has one state for everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lk_sync.errors import LkError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
MAX_QUOTED: Final = 300
HIDDEN: Final = "***"


class Fault(Exception):
    """A complaint of the driver, fit to be shown: `state` is its SQLSTATE, `text` what it said, `number` the server's
    own number of it, 0 where there is none."""

    def __init__(self, state: str, text: str, number: int = 0) -> None:
        super().__init__(state, text, number)
        self.state = state
        self.text = text
        self.number = number

    @property
    def quoted(self) -> str:
        return f"{self.text} (SQLSTATE {self.state})"


def shown(text: str, *, secrets: Iterable[str]) -> str:
    """The text on one line and without secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _CONTROL.sub(" ", text).strip()[:MAX_QUOTED]


class Meaning:
    """Which of our errors a complaint becomes, and the sentence for the operator. `{peer}` and `{said}` are filled."""

    def __init__(self, kind: type[LkError], sentence: str) -> None:
        self.kind = kind
        self.sentence = sentence

    def error(self, *, peer: str, said: Fault) -> LkError:
        return self.kind(self.sentence.format(peer=peer, said=said.quoted))
