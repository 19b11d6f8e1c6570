"""Pairing: which rows of a second source are the same things as rows of the first one?

One to one: a row is paired at most once, so two equal payments of one day are two. Pairs agree in every field of the
match, the day apart, which may differ by some days; the nearest days are paired first, and when no more can be paired,
no row is left whose like is free. Set-based: a fixed number of statements, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lk_sync.cache.base import Base
from lk_sync.records import Dataset

FIRST: Final = "pairing_first"
SECOND: Final = "pairing_second"
PAIRS: Final = "pairing_pairs"


def left_out(dataset: Dataset) -> str:
    """A condition on alias `s`: its key is that of a row of the second source that is paired."""
    return _keys_in(dataset, f"SELECT {_key(dataset, 't')} FROM {SECOND} AS t JOIN {PAIRS} AS p ON p.second = t.id")


def _keys_in(dataset: Dataset, query: str) -> str:
    return f"({_key(dataset, 's')}) IN ({query})"


def _key(dataset: Dataset, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in dataset.key)


def pair(base: Base, dataset: Dataset, first: str, second: str, *, match: Sequence[str], days: int) -> None:
    """Fills the scratch table of pairs. `first`, `second`: queries that give rows of the dataset, each key once. Rows
    with the same key are the same thing whatever they hold."""
    day = next((name for name in match if dataset.field(name).kind == "date"), None)
    exact = [name for name in match if name != day]
    for table, query in ((FIRST, first), (SECOND, second)):
        base.execute(f"DROP TABLE IF EXISTS {table}")
        base.execute(f"CREATE TEMP TABLE {table} AS {_numbered(dataset, query, exact, day)}")
        columns = ", ".join([f"m{i}" for i in range(len(exact))] + ["day"])
        base.execute(f"CREATE INDEX {table}_match ON {table} ({columns})")
    base.execute(f"DROP TABLE IF EXISTS {PAIRS}")
    same = " AND ".join(f"f.{name} = t.{name}" for name in dataset.key)
    base.execute(
        f"CREATE TEMP TABLE {PAIRS} AS SELECT t.id AS second, f.id AS first"
        f" FROM {SECOND} AS t JOIN {FIRST} AS f ON {same}"
    )
    if match:
        for away in _nearest_first(days if day else 0):
            base.execute(_round(len(exact), away))


def _nearest_first(days: int) -> list[int]:
    """The first source books a payment on the day or later rather than before."""
    return [0] + [away for distance in range(1, days + 1) for away in (distance, -distance)]


def _numbered(dataset: Dataset, query: str, exact: Sequence[str], day: str | None) -> str:
    key = _key(dataset, "r")
    cells = [f"ROW_NUMBER() OVER (ORDER BY {key}) AS id", key, *(f"r.{name} AS m{i}" for i, name in enumerate(exact))]
    cells.append(f"{_day_number(f'r.{day}')} AS day" if day else "0 AS day")
    return f"SELECT {', '.join(cells)} FROM ({query}) AS r"


def _day_number(text: str) -> str:
    """Days as whole numbers, by the arithmetic of the calendar: both databases know no common function for it."""
    year, month, day = (f"CAST(substr({text}, {at}, {size}) AS INTEGER)" for at, size in ((1, 4), (6, 2), (9, 2)))
    years = f"({year} - CASE WHEN {month} <= 2 THEN 1 ELSE 0 END)"
    months = f"(({month} + 9) % 12)"
    return f"365 * {years} + {years} / 4 - {years} / 100 + {years} / 400 + ({months} * 306 + 5) / 10 + {day}"


def _round(width: int, away: int) -> str:
    """Pairs what is free and whose days are `away` days apart: the first with the first, the second with the second."""
    same = " AND ".join([*(f"f.m{i} = t.m{i}" for i in range(width)), f"f.day = t.day + {away:d}", "f.turn = t.turn"])
    return (
        f"INSERT INTO {PAIRS} SELECT t.id, f.id FROM ({_free(SECOND, 'second', width)}) AS t"
        f" JOIN ({_free(FIRST, 'first', width)}) AS f ON {same}"
    )


def _free(table: str, side: str, width: int) -> str:
    group = ", ".join([*(f"m{i}" for i in range(width)), "day"])
    return (
        f"SELECT id, {group}, ROW_NUMBER() OVER (PARTITION BY {group} ORDER BY id) AS turn FROM {table}"
        f" WHERE id NOT IN (SELECT {side} FROM {PAIRS})"
    )
