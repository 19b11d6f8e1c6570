"""Cells: which expression of MariaDB says what a cell holds, exactly or as it stands?

None of them raises an error in the server, whatever the row holds: numbers grow as DECIMAL, where too much becomes the
greatest number there is (and is out of every limit of ours), not as BIGINT, where it would end the moment of the pull.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.odbc.mariadb.names import literal, quoted
from connectors.sql import zones
from connectors.sql.dialect import NO_CELL
from connectors.sql.packed import ABSENT, EPOCH, FIRST_DAY, LAST_DAY, NO_DAY
from connectors.sql.relation import Column

NO_TIME: Final = "0000-00-00"
_LETTER_BY_LETTER: Final = "COLLATE utf8mb4_nopad_bin"  # «Ё» is not «ё», «a» is not «a »


def value(column: Column) -> str:
    """The cell itself; of bits, the number that they are."""
    name = quoted(column.name)
    return f"({name} + 0)" if column.type.startswith("bit") else name


def shown(column: Column) -> str:
    """The cell in the server's own words; a TIMESTAMP as the time in UTC that it is."""
    if column.family == "text":
        return quoted(column.name)
    text = f"CAST({value(column)} AS CHAR)"
    return f"CONCAT({_moment(column, text)}, '+00:00')" if column.family == "timestamptz" else text


def shown_as_day(column: Column, time_zone: str) -> str:
    """As `shown`, but a TIMESTAMP as the time on the supplier's clock."""
    if column.family != "timestamptz":
        return shown(column)
    return _moment(column, f"CAST({local(column, time_zone)} AS CHAR)")


def _moment(column: Column, text: str) -> str:
    """A TIMESTAMP of zeros is no moment."""
    return f"CASE WHEN {quoted(column.name)} > '{NO_TIME}' THEN {text} END"


def local(column: Column, time_zone: str) -> str:
    """What the clock of the supplier shows; a DATETIME has no zone, so it shows what was meant."""
    name = quoted(column.name)
    return zones.local(name, time_zone) if column.family == "timestamptz" else name


def exact(column: Column) -> str:
    """The cell as a text that is compared letter by letter."""
    return f"CONVERT({shown(column)} USING utf8mb4) {_LETTER_BY_LETTER}"


def number(column: Column, digits: int) -> str:
    if column.family == "integer":  # as DECIMAL also because a ZEROFILL would show its zeros
        return absent_or(column, f"CAST(CAST({value(column)} AS DECIMAL(30,0)) * {10**digits} AS CHAR)")
    product = f"({value(column)} * {10**digits})"
    whole = f"CAST(CAST({product} AS DECIMAL(65,0)) AS CHAR)"
    if column.digits is not None and column.digits[1] <= digits:
        return absent_or(column, whole)
    return absent_or(column, f"CASE WHEN {product} = TRUNCATE({product}, 0) THEN {whole} ELSE '{NO_CELL}' END")


def account(column: Column) -> str:
    return absent_or(column, f"CONCAT('1', {shown(column)})")


def day(column: Column, time_zone: str) -> str:
    name, cell = quoted(column.name), local(column, time_zone)
    held = f"{cell} BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}' AND {is_in_the_calendar(name)}"
    if column.family != "date":
        held += f" AND {cell} = DATE({cell})"
    absent = f"{name} IS NULL OR {name} = '{NO_TIME}' OR {name} = '{NO_DAY}'"
    days = f"CAST(DATEDIFF({cell}, '{EPOCH}') AS CHAR)"
    return f"CASE WHEN {absent} THEN '{ABSENT}' WHEN {held} THEN {days} ELSE '{NO_CELL}' END"


def is_in_the_calendar(name: str) -> str:
    """False for 2026-02-31 and 2026-00-00, which ALLOW_INVALID_DATES lets in."""
    return f"{name} + INTERVAL 0 DAY IS NOT NULL"


def flag(column: Column) -> str:
    return absent_or(column, f"CAST({value(column)} AS CHAR)")


def text(column: Column, *, keeps_empty: bool) -> str:
    trimmed = f"TRIM(CONVERT({shown(column)} USING utf8mb4))"
    if keeps_empty:
        return absent_or(column, f"JSON_QUOTE({trimmed})")
    return f"CASE WHEN LENGTH({trimmed}) > 0 THEN JSON_QUOTE({trimmed}) ELSE '{ABSENT}' END"


def place(column: Column, words: Sequence[str], *, null: bool) -> str:
    other = f"CASE WHEN {quoted(column.name)} IS NULL THEN '0' ELSE '{NO_CELL}' END" if null else f"'{NO_CELL}'"
    if not words:
        return other
    branches = " ".join(f"WHEN {literal(word)} THEN '{place}'" for place, word in enumerate(words, 1))
    return f"CASE {exact(column)} {branches} ELSE {other} END"


def absent_or(column: Column, expression: str) -> str:
    """An array leaves out what is NULL, so an expression that gives none for a cell that is there must not pass."""
    return f"COALESCE({expression}, CASE WHEN {quoted(column.name)} IS NULL THEN '{ABSENT}' ELSE '{NO_CELL}' END)"
