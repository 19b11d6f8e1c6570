"""Faults: what did the driver complain of, and what must happen next?

A driver's message is quoted with secrets, line breaks and the driver's own noise removed. What it means is decided
by the SQLSTATE; at connecting psqlODBC has one SQLSTATE for everything, so there its dialect reads the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pyodbc

from lk_sync.errors import LkError

_NOISE: Final = re.compile(
    r"^\[\w{5}\]\s*(?:\[[^\]]*\]\s*)*|\s*\(\d+\) \(SQL\w+\)|;?\s*Error while executing the query"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
MAX_QUOTED: Final = 300
HIDDEN: Final = "***"


class Fault(Exception):
    """A complaint of the driver, fit to be shown: `state` is its SQLSTATE, `text` what it said."""

    def __init__(self, state: str, text: str) -> None:
        super().__init__(state, text)
        self.state = state
        self.text = text

    @property
    def quoted(self) -> str:
        return f"{self.text} (SQLSTATE {self.state})"


def fault(error: pyodbc.Error, *, secrets: Iterable[str]) -> Fault:
    """The complaint without secrets. The error itself may hold them: raise from `None`, never from it."""
    state, text = "HY000", str(error)
    if len(error.args) > 1:
        state, text = str(error.args[0]), str(error.args[1])
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _CONTROL.sub(" ", _NOISE.sub("", text)).strip()
    return Fault(state, text[:MAX_QUOTED])


class Meaning:
    """Which of our errors a complaint becomes, and the sentence for the operator. `{peer}` and `{said}` are filled."""

    def __init__(self, kind: type[LkError], sentence: str) -> None:
        self.kind = kind
        self.sentence = sentence

    def error(self, *, peer: str, said: Fault) -> LkError:
        return self.kind(self.sentence.format(peer=peer, said=said.quoted))
