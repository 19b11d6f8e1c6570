"""Run in DuckDB's own environment: the charges into a keyed SQLite table of integers, in one statement.

python duckdb_load.py LIBPQ_STRING TARGET
"""

import sqlite3
import sys
from pathlib import Path

import duckdb

source, target = sys.argv[1:]
with sqlite3.connect(target) as lite:
    lite.execute(
        "CREATE TABLE charges (account INTEGER, period INTEGER, service TEXT, component TEXT, volume INTEGER,"
        " tariff INTEGER, method TEXT, charged INTEGER, recalculated INTEGER, recalculation_reason TEXT,"
        " benefit INTEGER, total INTEGER, PRIMARY KEY (account, period, service, component)) WITHOUT ROWID"
    )
lite.close()
duck = duckdb.connect()
for extension in Path(sys.prefix).glob("lib/python3*/site-packages/duckdb_extension_*/extensions/*/*.duckdb_extension"):
    duck.execute(f"LOAD '{extension}'")
duck.execute(f"ATTACH '{source}' AS base (TYPE postgres, READ_ONLY)")
duck.execute(f"ATTACH '{target}' AS lite (TYPE sqlite)")
duck.execute(
    "INSERT INTO lite.charges SELECT ('1' || account)::BIGINT, year(period) * 100 + month(period), service, component,"
    " (volume * 1000000)::BIGINT, (tariff * 1000000)::BIGINT, method, (charged * 100)::BIGINT,"
    " (recalculated * 100)::BIGINT, recalculation_reason, (benefit * 100)::BIGINT, (total * 100)::BIGINT"
    " FROM base.public.charges"
)
