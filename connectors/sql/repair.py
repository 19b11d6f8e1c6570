"""Repair: how does a cell in the server's own words become what the operator says that it means?"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.sql.relation import Column
from lk_sync.records import Kind

_NO_FRACTION: Final = re.compile(r"\.0*$", re.ASCII)
TRUE_DIGITS: Final = 15  # of a binary fraction of 64 bits; what follows them is noise


def repaired(columns: Sequence[Column], kinds: Sequence[Kind], cells: list[list[Any]]) -> list[list[Any]]:
    """Cells column by column; a column that needs nothing is left as it is."""
    return [_repaired(*each) for each in zip(columns, kinds, cells, strict=True)]


def _repaired(column: Column, kind: Kind, cells: list[Any]) -> list[Any]:
    if column.family == "rounded":
        return [meant(cell) for cell in cells]
    if kind == "account" and column.family == "numeric":  # a packed page says 5 where the server's text is 5.00
        return [_NO_FRACTION.sub("", str(cell)) if cell is not None else None for cell in cells]
    return cells


def meant(cell: Any) -> Any:
    """The decimal number that a binary fraction stands for; what is no number stays for validation to refuse."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return cell
    return format(Decimal(format(number, f".{TRUE_DIGITS}g")), "f") if math.isfinite(number) else str(cell)
