"""Repair: how does a cell in the server's own words become what the operator says that it means?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.sql.relation import Column

TRUE_DIGITS: Final = 15  # of a binary fraction of 64 bits; what follows them is noise


def repaired(columns: Sequence[Column], cells: list[list[Any]]) -> list[list[Any]]:
    """Cells column by column; a column that needs nothing is left as it is."""
    return [
        [meant(cell) for cell in own] if column.family == "rounded" else own
        for column, own in zip(columns, cells, strict=True)
    ]


def meant(cell: Any) -> Any:
    """The decimal number that a binary fraction stands for; what is no number stays for validation to refuse."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return cell
    return format(Decimal(format(number, f".{TRUE_DIGITS}g")), "f") if math.isfinite(number) else str(cell)
