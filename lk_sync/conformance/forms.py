"""Forms: has a cell the form that a record keeps a value of its kind in?"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from lk_sync.clock import instant
from lk_sync.contracts import FieldMap
from lk_sync.flow.validate import account_number
from lk_sync.records import month_number, month_text, plain_account

MAX_INT: Final = 2**63 - 1
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


def fits(field: FieldMap, cell: Any, *, exact: bool) -> bool:
    """Whether a cell has the record's form. An account is a key in an exact batch, else its canonical number."""
    if cell is None:
        return not field.required
    if field.kind == "account":
        return _is_account(cell, exact=exact)
    return type(cell) in (int, str) and _FORMS[field.kind](cell, field)


def _is_account(cell: Any, *, exact: bool) -> bool:
    if exact:
        return type(cell) is int and cell > 0 and plain_account(str(cell)[1:]) == cell
    return type(cell) is str and account_number(cell) == cell


def _is_text(cell: Any) -> bool:
    return type(cell) is str and cell == cell.strip() and not _CONTROL.search(cell)


def _is_whole(cell: Any, least: int = -MAX_INT) -> bool:
    return type(cell) is int and least <= cell <= MAX_INT


def _same(write: Callable[[], Any], cell: Any) -> bool:
    """Whether writing down what was read from the cell gives the cell again."""
    try:
        return bool(write() == cell)
    except (ValueError, TypeError):
        return False


_FORMS: Final[dict[str, Callable[[Any, FieldMap], bool]]] = {
    "code": lambda cell, field: _is_text(cell) and (not field.words or cell in field.words),
    "text": lambda cell, _: _is_text(cell),
    "int": lambda cell, _: _is_whole(cell, 0),
    "bool": lambda cell, _: type(cell) is int and cell in (0, 1),
    "money": lambda cell, _: _is_whole(cell),
    "volume": lambda cell, _: _is_whole(cell),
    "date": lambda cell, _: _same(lambda: date.fromisoformat(cell).isoformat(), cell),
    "datetime": lambda cell, _: _same(lambda: instant(datetime.fromisoformat(cell)), cell),
    "month": lambda cell, _: _is_whole(cell) and _same(lambda: month_number(month_text(cell)), cell),
}
