"""Faults: what did an ODBC driver complain of? Its message is quoted without its own noise and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pyodbc

from connectors.sql.faults import Fault, shown

_TORN: Final = re.compile(r"\x00.*?(?=\s*\(\d+\) \(SQL|$)", re.DOTALL)  # what a driver left behind the end of its text
_NUMBER: Final = re.compile(r"\((-?\d+)\) \(SQL\w+\)")
_NOISE: Final = re.compile(
    r"^\[\w{5}\]\s*(?:\[[^\]]*\]\s*)*|\s*\(\d+\) \(SQL\w+\)|;?\s*Error while executing the query"
)


def fault(error: pyodbc.Error, *, secrets: Iterable[str]) -> Fault:
    """The complaint without secrets. The error itself may hold them: raise from `None`, never from it."""
    state, text = "HY000", str(error)
    if len(error.args) > 1:
        state, text = str(error.args[0]), str(error.args[1])
    number = _NUMBER.search(text)
    text = _TORN.sub("", text)
    # Secrets go before the noise: what is cut out of the text may stand in the middle of one.
    text = shown(text, secrets=secrets)
    return Fault(state, _NOISE.sub("", text).strip(), int(number[1]) if number else 0)
