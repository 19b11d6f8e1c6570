"""Charges: from which base do all programs of `bench.pull` read, and how does it change between readings?

The demo supplier's charge lines in a throw-away PostgreSQL over TLS, with the indices that `demo.sql_base` makes.
Programs that cannot speak of Russian names read a copy of the table with plain ones; both always hold the same rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from demo import sql_base
from demo.accounting import TABLES
from demo.bookkeeper import Bookkeeper
from demo.postgres import Postgres
from demo.snapshot import portions
from demo.supplier import Plan, Supplier
from lk_sync.records import DATASETS

DATABASE: Final = "accounting"
READER: Final = "lk_reader"
PASSWORD: Final = "bench"
LINES_PER_ACCOUNT: Final = 86
PLAIN: Final = dict(zip(TABLES["charges"].heading, (*DATASETS["charges"].columns, "changed"), strict=True))
PLAIN_NAMES: Final = {column: name.removesuffix("_kopecks").removesuffix("_micro") for column, name in PLAIN.items()}


class Charges:
    """The base. `rows` and `kopecks` are what every reading must amount to."""

    def __init__(self, server: Postgres, rows: int) -> None:
        self.server = server
        server.create_database(DATABASE)
        server.create_reader(DATABASE, READER, PASSWORD)
        self._books: psycopg.Connection[Any] = server.connect(DATABASE)
        self._changes = 0
        self._fill(rows)

    @property
    def url(self) -> str:
        """For programs that take one; the certificate is verified by all of them."""
        where = f"{self.server.host}:{self.server.port}/{DATABASE}"
        return f"postgresql://{READER}:{PASSWORD}@{where}?sslmode=verify-full&sslrootcert={self.server.ca}"

    def _fill(self, rows: int) -> None:
        plan = Plan(seed=1, accounts=rows // LINES_PER_ACCOUNT + 200, today=datetime.now(UTC).date())
        books = self._books
        books.execute(sql_base.DDL.read_text("utf-8"))
        for portion in portions(Bookkeeper(Supplier(plan)).every()):
            sql_base.copy_rows(books, TABLES["charges"], portion["charges"])
        books.execute(
            'DELETE FROM "Начисления" WHERE ctid IN'
            ' (SELECT ctid FROM "Начисления" ORDER BY "ЛС" DESC, "Месяц" DESC OFFSET %s)',
            (rows,),
        )
        columns = ", ".join(f'"{column}" AS {name}' for column, name in PLAIN_NAMES.items())
        books.execute(f'CREATE TABLE charges AS SELECT {columns} FROM "Начисления"')
        books.execute('ALTER TABLE "Начисления" ADD PRIMARY KEY ("ЛС", "Месяц", "Услуга", "Компонент")')
        books.execute('CREATE INDEX ON "Начисления" ("ДатаИзменения", "ЛС")')
        books.execute("ALTER TABLE charges ADD PRIMARY KEY (account, period, service, component)")
        books.execute("CREATE INDEX ON charges (changed, account)")
        books.execute("VACUUM ANALYZE")
        (self._filled,) = books.execute("SELECT max(changed) FROM charges").fetchone() or (None,)

    def change(self, percent: float) -> int:
        """Correct so many lines in the course of the next half an hour. Returns how many."""
        self._changes += 1
        done = self._books.execute(
            'UPDATE "Начисления" SET "Начислено" = "Начислено" + 1.01, "Итого" = "Итого" + 1.01,'
            " \"ДатаИзменения\" = %s::timestamptz + interval '30 minutes' * (%s - random())"
            ' WHERE mod(abs(hashtext("ЛС" || "Месяц")), 1000) BETWEEN %s AND %s',
            (self._filled, self._changes, 10 * self._changes * percent, 10 * (self._changes + 1) * percent - 1),
        )
        self._books.execute(
            'UPDATE charges AS c SET charged = n."Начислено", total = n."Итого", changed = n."ДатаИзменения"'
            ' FROM "Начисления" AS n WHERE (c.account, c.period, c.service, c.component)'
            ' = (n."ЛС", n."Месяц", n."Услуга", n."Компонент") AND c.changed <> n."ДатаИзменения"'
        )
        self._books.execute("VACUUM ANALYZE")
        return done.rowcount

    def amount(self) -> tuple[int, int]:
        """Rows, and the kopecks of all totals."""
        row = self._books.execute('SELECT count(*), (sum("Итого") * 100)::bigint FROM "Начисления"').fetchone()
        assert row is not None
        return row[0], row[1]

    def close(self) -> None:
        self._books.close()
