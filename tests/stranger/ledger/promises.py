"""Does the ledger's connector keep every promise? Run by its author: `pytest promises.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from lk_ledger import LedgerSettings, LedgerSource

from lk_sync import conformance
from lk_sync.conformance import Increment, SourceCase
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.records import DATASETS

COLUMNS = {
    "account": "Счёт",
    "payment": "№",
    "paid_on": "День",
    "period": "Месяц",
    "amount_kopecks": "Сумма",
    "channel": "Как",
}
PAYMENTS = Wanted(
    dataset=DATASETS["payments"],
    table='Платежи "наличные"',
    watermark="Записан",
    fields=tuple(
        FieldMap(name=field.name, kind=field.kind, required=field.required, column=COLUMNS[field.name])
        for field in DATASETS["payments"].fields
        if field.name in COLUMNS
    ),
)


def ledger(file: Path) -> Path:
    base = sqlite3.connect(file)
    base.execute('CREATE TABLE "Платежи ""наличные""" ("Счёт", "№", "День", "Месяц", "Сумма", "Как", "Записан")')
    base.executemany(
        'INSERT INTO "Платежи ""наличные""" VALUES (?, ?, ?, ?, ?, ?, ?)',
        [
            (f"{i:09d}", str(i), "05.11.2026", "11.2026", f"{i},50", "касса", f"2026-11-05T00:00:{i:02d}")
            for i in range(1, 31)
        ],
    )
    base.commit()
    base.close()
    file.chmod(0o600)
    return file


@pytest.fixture
def case(tmp_path: Path) -> SourceCase:
    file, open_file = ledger(tmp_path / "ledger.db"), ledger(tmp_path / "open.db")
    open_file.chmod(0o644)
    return SourceCase(
        make=lambda: LedgerSource(LedgerSettings(file=file)),
        wanted=(PAYMENTS,),
        rows={"payments": 30},
        increments={"payments": Increment("2026-11-05T00:00:21", 10)},
        unprotected=lambda: LedgerSource(LedgerSettings(file=open_file)),
        unreachable=lambda: LedgerSource(LedgerSettings(file=tmp_path / "nowhere.db")),
    )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_ledger_keeps(promise: Callable[[SourceCase], None], case: SourceCase) -> None:
    promise(case)
