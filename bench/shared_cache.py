"""Shared cache: what does a publication into PostgreSQL cost beside a bare COPY of the same rows?

    python -m bench.shared_cache [ROWS]

Rows of charges lie in a staging file, as a pull leaves them. Ours: COPY into tables of the session, journal, merge,
comparison of sums, COMMIT. Bare: COPY of ready text into the very tables of the cache, and the merge alone. Each result
is counted and summed before anything is printed; the same server, over TLS, one after the other.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from demo.postgres import ADMIN, Postgres, throw_away
from lk_sync.cache import merge
from lk_sync.cache.codes import Codes
from lk_sync.cache.server_base import PostgresBase, open_for_writing
from lk_sync.flow import publish
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Validated
from lk_sync.postgresql.address import Address, parse
from lk_sync.records import DATASETS

CHARGES: Final = DATASETS["charges"]
SERVICES: Final = 10
AT_ONCE: Final = 20_000
WANTED: Final = 1.5
CHUNK: Final = 1 << 18


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with throw_away() as server, tempfile.TemporaryDirectory() as folder:
        ours, bare = (_base(server, name) for name in ("ours", "bare"))
        text = Path(folder) / "rows.txt"
        with closing(open_for_writing(ours)) as base:
            staged = _staged(base, Path(folder) / "run.db", rows)
            spent = {"COPY of the staging file": _timed(lambda: base.take_in(staged))}
            spent["publication"] = _timed(lambda: _publish(base))
            _check(base, rows)
            _dump(base, text)
        with closing(open_for_writing(bare)) as base:
            spent["bare COPY into cache.charges"] = _timed(lambda: _copy(base, text, "cache.charges"))
            _check(base, rows)
            base.execute("TRUNCATE cache.charges")
            base.execute("CREATE TEMP TABLE charges AS SELECT * FROM cache.charges")
            _copy(base, text, "pg_temp.charges")
            spent["bare merge"] = _timed(lambda: merge.load(base, CHARGES, run=1))
            _check(base, rows)
    _print(spent, rows)


def _print(spent: dict[str, float], rows: int) -> None:
    first, second, third, fourth = spent.values()
    for name, seconds in spent.items():
        print(f"{name:32} {seconds:7.2f} s")
    print(f"{rows} rows, checked. Ratio {(first + second) / (third + fourth):.2f}, wanted ≤ {WANTED}")


def _base(server: Postgres, name: str) -> Address:
    server.create_database(name)
    who = f"{ADMIN}:{quote(server.admin_password, safe='')}"
    return parse(f"postgresql://{who}@{server.host}:{server.port}/{name}?sslmode=verify-full&sslrootcert={server.ca}")


def _staged(base: PostgresBase, path: Path, rows: int) -> Path:
    staging = Staging(path, run=1, source="bench", codes=Codes(base))
    stage = staging.begin(CHARGES, CHARGES.columns)
    for start in range(0, rows, AT_ONCE):
        numbers = range(start, min(rows, start + AT_ONCE))
        columns = [[_cell(name, number) for number in numbers] for name in CHARGES.columns]
        stage.add(
            Validated(columns=columns, numbers=range(1, len(numbers) + 1), rejects=[], rejected_rows=0), where="bench"
        )
    stage.finish(Staged(dataset="charges", mode="full", pulled=rows, sums=stage.sums))
    staging.close()
    return path


def _cell(name: str, number: int) -> Any:
    match name:
        case "account":
            return 1_000_000_000 + number // SERVICES
        case "service":
            return f"service {number % SERVICES}"
        case "charged_kopecks" | "total_kopecks":
            return number % 100_000
        case "volume_micro":
            return number * 1_000
    fixed = {"period": 202610, "component": "heat", "tariff_micro": 2_500_000_000, "method": "norm"}
    return fixed.get(name, None if name == "recalculation_reason" else 0)


def _publish(base: PostgresBase) -> None:
    publish.publish(base, publish.attached(base), run=1, source="bench", at="2026-11-01T00:00:00.000Z")


def _dump(base: PostgresBase, text: Path) -> None:
    dump = "COPY (SELECT * FROM cache.charges ORDER BY 1, 2, 3, 4) TO STDOUT"
    with text.open("wb") as out, base.connection.cursor().copy(dump) as copy:
        for data in copy:
            out.write(data)


def _copy(base: PostgresBase, text: Path, into: str) -> None:
    with text.open("rb") as file, base.connection.cursor().copy(f"COPY {into} FROM STDIN") as copy:
        while data := file.read(CHUNK):
            copy.write(data)


def _check(base: PostgresBase, rows: int) -> None:
    wanted = (rows, sum(number % 100_000 for number in range(rows)))
    assert base.execute("SELECT COUNT(*), SUM(total_kopecks) FROM cache.charges").fetchone() == wanted


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
