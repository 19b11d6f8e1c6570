"""Picture: what would change for whom, in rubles, if a run that is staged were published?

Drawn from what differs, before anything is visible, and kept for whoever decides. Of people it holds account numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from lk_sync.cache.base import Base
from lk_sync.cache.outlook import Outlook
from lk_sync.flow.case import Case
from lk_sync.records import month_text

MONEY: Final = {  # of each dataset the sum that a person looks at, in the order of interest
    "balances": "closing_kopecks",
    "charges": "total_kopecks",
    "payments": "amount_kopecks",
    "bills": "amount_due_kopecks",
}
MOST_MOVERS: Final = 20
MOST_GROUPS: Final = 5_000


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows would be inserted, updated, ended, and of how many accounts they are."""

    dataset: str
    inserted: int
    updated: int
    ended: int
    accounts: int


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of a dataset in a month and service, in kopecks, and its rows: as published and as it would be. Of a
    `balances` sum it is the closing balance."""

    dataset: str
    period: str
    service: str | None = None
    rows_was: int
    rows_now: int
    was: int
    now: int


class Mover(msgspec.Struct, frozen=True):
    """By account number, in kopecks."""

    account: str
    was: int
    now: int


class Stand(msgspec.Struct, frozen=True):
    """Which edition of a dataset of a source was published when the picture was drawn, and by which run."""

    dataset: str
    source: str
    run: int
    version: int

    @property
    def edition(self) -> tuple[str, str, int]:
        """A run that found nothing new has not changed it."""
        return self.dataset, self.source, self.version


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """`movers_of`: the dataset whose sums the movers are told by: balances as the subscriber sees them, in his latest
    month; of others what the lines that change amount to."""

    datasets: tuple[Dataset, ...]
    amounts: tuple[Amount, ...]
    movers_of: str | None
    movers: tuple[Mover, ...]
    stand: tuple[Stand, ...]


def draw(case: Case) -> Picture:
    changed = {name: case.outlook(name) for name in case.staged}
    changed = {name: outlook for name, outlook in changed.items() if outlook.changed}
    movers_of = next((name for name in MONEY if name in changed), None)
    return Picture(
        datasets=tuple(_dataset(case, outlook) for outlook in changed.values()),
        amounts=tuple(amount for name in MONEY if name in changed for amount in _amounts(case, changed[name])),
        movers_of=movers_of,
        movers=tuple(_movers(case, changed[movers_of])) if movers_of else (),
        stand=stand(case.base, tuple(case.staged)),
    )


def stand(base: Base, datasets: tuple[str, ...]) -> tuple[Stand, ...]:
    """Of all sources that feed the datasets."""
    sql = f"SELECT dataset, source, run, data_version FROM {base.at.cache}.dataset_state ORDER BY dataset, source"
    return tuple(Stand(*row) for row in base.execute(sql).fetchall() if row[0] in datasets)


def _dataset(case: Case, outlook: Outlook) -> Dataset:
    name = outlook.dataset.name
    merged = case.differences.merged[name]
    accounts = case.number(f"SELECT COUNT(*) FROM ({_accounts(outlook)}) AS a") if _has_account(outlook) else 0
    rows = case.number(f"SELECT COUNT(*) FROM {outlook.staged}") if merged is None else merged.inserted
    updated, ended = (merged.updated, merged.ended) if merged else (0, 0)
    return Dataset(dataset=name, inserted=rows, updated=updated, ended=ended, accounts=accounts)


def _has_account(outlook: Outlook) -> bool:
    return outlook.dataset.key[0] == "account"


def _accounts(outlook: Outlook) -> str:
    return f"SELECT DISTINCT account FROM {outlook.staged if outlook.first else outlook.scratch}"


def _changes(outlook: Outlook, *columns: str) -> str:
    """Rows that come with a sign of 1 and those that go with -1, by these columns and `amount`."""
    field = MONEY[outlook.dataset.name]
    comes = ", ".join(f"s.{name}" for name in columns)
    parts = [f"SELECT {comes}, 1 AS sign, s.{field} AS amount FROM {outlook.touched}"]
    if not outlook.first:
        goes = ", ".join(f"c.{name}" for name in columns)
        same = outlook.same("d", "c")
        parts.append(
            f"SELECT {goes}, -1 AS sign, c.{field} AS amount FROM {outlook.scratch} AS d"
            f" JOIN {outlook.cache} AS c ON {same} WHERE d.act <> 'insert'"
        )
    return " UNION ALL ".join(parts)


def _amounts(case: Case, outlook: Outlook) -> Iterator[Amount]:
    """By month, and by service where the dataset has one; groups in which nothing changes are left out."""
    keys = [name for name in ("period", "service") if name in outlook.dataset.columns]
    by, money = ", ".join(keys), MONEY[outlook.dataset.name]
    changes = case.rows(
        f"SELECT {by}, SUM(sign), SUM(sign * amount) FROM ({_changes(outlook, *keys)}) AS x GROUP BY {by}"
        f" ORDER BY {by} LIMIT {MOST_GROUPS}"
    )
    known: dict[tuple[Any, ...], tuple[int, int]] = {}
    if not outlook.first:
        published = case.rows(f"SELECT {by}, COUNT(*), SUM({money}) FROM {outlook.cache} GROUP BY {by}")
        known = {tuple(row[: len(keys)]): (int(row[-2]), int(row[-1])) for row in published}
    for *group, rows, amount in changes:
        rows_was, was = known.get(tuple(group), (0, 0))
        yield Amount(
            dataset=outlook.dataset.name,
            period=month_text(group[0]),
            service=case.words.code(group[1]) if len(group) > 1 else None,
            rows_was=rows_was,
            rows_now=rows_was + int(rows),
            was=was,
            now=was + int(amount),
        )


def _movers(case: Case, outlook: Outlook) -> Iterator[Mover]:
    sums = _seen(outlook) if outlook.dataset.name == "balances" else _of_lines(outlook)
    rows = case.rows(
        f"SELECT account, was, now FROM ({sums}) AS m WHERE was <> now"
        f" ORDER BY ABS(now - was) DESC, account LIMIT {MOST_MOVERS}"
    )
    for account, was, now in rows:
        yield Mover(case.words.account(account), int(was), int(now))


def _of_lines(outlook: Outlook) -> str:
    return (
        "SELECT account, SUM(CASE WHEN sign < 0 THEN amount ELSE 0 END) AS was,"
        " SUM(CASE WHEN sign > 0 THEN amount ELSE 0 END) AS now"
        f" FROM ({_changes(outlook, 'account')}) AS x GROUP BY account"
    )


def _seen(balances: Outlook) -> str:
    """Of every touched account what its latest month closes with: now, and once the run is published."""
    touched = f"({_accounts(balances)}) AS t"
    will_be = (
        f"SELECT s.account, s.period, s.closing_kopecks FROM {touched}"
        f" JOIN {balances.staged} AS s ON s.account = t.account"
    )
    if balances.first:
        return f"SELECT account, 0 AS was, closing AS now FROM ({_latest(will_be)}) AS n"
    was = f"SELECT c.account, c.period, c.closing_kopecks FROM {touched} JOIN {balances.cache} AS c"
    was += " ON c.account = t.account"
    will_be += f" UNION ALL {was} WHERE {balances.unstaged('c')} AND {balances.stays('c')}"
    return (
        f"SELECT t.account, COALESCE(w.closing, 0) AS was, COALESCE(n.closing, 0) AS now FROM {touched}"
        f" LEFT JOIN ({_latest(was)}) AS w ON w.account = t.account"
        f" LEFT JOIN ({_latest(will_be)}) AS n ON n.account = t.account"
    )


def _latest(rows: str) -> str:
    """The sum over services of each account's latest month among rows (account, period, closing_kopecks)."""
    return (
        f"SELECT account, closing FROM (SELECT account, period, SUM(closing_kopecks) AS closing,"
        " ROW_NUMBER() OVER (PARTITION BY account ORDER BY period DESC) AS place"
        f" FROM ({rows}) AS r GROUP BY account, period) AS p WHERE place = 1"
    )
