"""Ways: how is the same trouble made in an accounting system that is reached by SFTP and in one reached by ODBC?

`ByDrop` and `ByOdbc` have the same books behind them, the same mapping and the same troubles; what the operator does
is the real command in a process of its own.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import yaml
from psycopg import sql

from demo import snapshot
from demo.accounting import TABLES
from demo.bookkeeper import Bookkeeper, PaymentBooked
from demo.postgres import Postgres
from demo.snapshot import NO_QUIRKS, Quirks
from demo.sql_base import Desk, copy_rows, load
from demo.supplier import Plan, Supplier
from tests.faults.killing import truths
from tests.faults.killing.town import Town

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = Path(sys.executable).with_name("lk-sync")
READER: Final = "lk_reader"
READER_PASSWORD: Final = "тише; едешь={дальше}"
SPOILED: Final = "charges"
COLUMN: Final = "Начислено"
RENAMED: Final = "НачисленоВсего"


class Way(ABC):
    """An accounting system and our side of it. `books` are what it means to say."""

    config: Path
    books: Bookkeeper
    environment: dict[str, str]

    def sync(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What the operator types and reads."""
        command = [COMMAND, "--config", self.config, *words]
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    @property
    def cache(self) -> Path:
        return self.config.parent / "var" / "cache.db"

    @property
    def shown(self) -> str:
        return truths.of_cache(self.cache)

    @property
    def meant(self) -> str:
        return truths.of_every_book(self.books)

    def payment(self) -> PaymentBooked:
        """Something that happens: the books differ from what they were."""
        at = datetime.now(UTC).isoformat()
        account = next(self.books.every())["accounts"][0][0]
        return PaymentBooked(account=account, at=at, payment=f"К-{at}", paid_on="2026-11-21", amount_kopecks=100)

    @abstractmethod
    def change(self) -> None:
        """Something happens, and the next pull would bring it."""

    @abstractmethod
    def empty(self) -> None:
        """A dataset has no rows."""

    @abstractmethod
    def rename(self) -> None:
        """A column has another name."""

    @abstractmethod
    def retype(self) -> None:
        """A column of numbers holds words."""

    @abstractmethod
    def heal(self) -> None:
        """Whatever was wrong is right again, and something has happened meanwhile."""


class ByDrop(Way):
    """Files over SFTP."""

    def __init__(self, town: Town) -> None:
        self._out = town.drop / "out"
        self.config = town.folder / "config"
        self.books = town.books
        self.environment: dict[str, str] = {}

    def change(self) -> None:
        self._export(NO_QUIRKS)

    def _export(self, quirks: Quirks) -> str:
        self.books.book(self.payment())
        return snapshot.write(self._out, self.books, datetime.now(UTC), quirks)

    def empty(self) -> None:
        self._export(Quirks(emptied=frozenset({SPOILED})))

    def rename(self) -> None:
        self._export(Quirks(renamed={SPOILED: {COLUMN: RENAMED}}))

    def retype(self) -> None:
        self._rewrite(_in_words)

    def recode(self) -> None:
        """A file is of another encoding."""
        self._rewrite(lambda body: body.decode().encode("cp1251", "replace"))

    def _rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """An export whose file was changed by somebody who also mended the manifest."""
        file = self._out / f"{SPOILED}-{self._export(NO_QUIRKS)}.csv"
        body = change(file.read_bytes())
        file.write_bytes(body)
        manifest = snapshot.manifest_of(file)
        said = json.loads(manifest.read_text("utf-8"))
        manifest.write_text(json.dumps(said | {"sha256": hashlib.sha256(body).hexdigest()}), "utf-8")

    def heal(self) -> None:
        self.change()


def _in_words(body: bytes) -> bytes:
    heading, *rows = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=";")
    place = heading.index(COLUMN)
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([heading, *([*row[:place], "сто", *row[place + 1 :]] for row in rows)])
    return text.getvalue().encode()


def over_odbc(server: Postgres, base: str) -> dict[str, Any]:
    """The shipped description of the source, led to this server."""
    source: dict[str, Any] = yaml.safe_load((ROOT / "config" / "sources" / "accounting.yaml").read_text("utf-8"))
    reach = {"host": server.host, "port": server.port, "database": base, "ca": str(server.ca), "connect_timeout": 5}
    source["connection"] |= reach
    return source


class ByOdbc(Way):
    """A PostgreSQL base over verified TLS. The last trouble that was made is the one that is healed."""

    def __init__(self, folder: Path, server: Postgres, base: str, *, accounts: int) -> None:
        self.config = folder / "config"
        self.environment = {"LK_ACCOUNTING_PASSWORD": READER_PASSWORD}
        self.books = Bookkeeper(Supplier(Plan(seed=1, accounts=accounts, today=date(2026, 11, 23))))
        server.create_database(base)
        self._connection: psycopg.Connection[Any] = server.connect(base)
        load(self._connection, self.books)
        server.create_reader(base, READER, READER_PASSWORD)
        self._desk = Desk(self._connection, self.books)
        self._cure: Callable[[], object] = lambda: None
        self._write_settings(server, base)

    def _write_settings(self, server: Postgres, base: str) -> None:
        for part in ("sources", "sinks"):
            (self.config / part).mkdir(parents=True)
        lk = yaml.safe_load((ROOT / "config" / "lk.yaml").read_text("utf-8"))
        self._write("lk.yaml", lk | {"data_dir": str(self.cache.parent)})
        self._write("sources/accounting.yaml", over_odbc(server, base))
        self._write("../schedules.yaml", {"jobs": {"pull": {"pull": "accounting", "full": True, "every": "1s"}}})

    def _write(self, name: str, settings: dict[str, Any]) -> None:
        (self.config / name).write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")

    def reroute(self, port: int) -> None:
        """From now on the server is called at another port."""
        setting = yaml.safe_load((self.config / "sources" / "accounting.yaml").read_text("utf-8"))
        setting["connection"]["port"] = port
        self._write("sources/accounting.yaml", setting)

    def change(self) -> None:
        self._desk.book(self.payment())

    def empty(self) -> None:
        self._desk.empty(SPOILED)
        rows = [row for books in self.books.every() for row in books[SPOILED]]
        self._cure = lambda: copy_rows(self._connection, TABLES[SPOILED], rows)

    def rename(self) -> None:
        self._desk.rename_column(SPOILED, COLUMN, RENAMED)
        self._cure = lambda: self._desk.rename_column(SPOILED, RENAMED, COLUMN)

    def retype(self) -> None:
        self._alter("text USING 'сто'::text")
        rows = [row for books in self.books.every() for row in books[SPOILED]]

        def cure() -> None:
            self._desk.empty(SPOILED)
            self._alter("numeric(15,2) USING NULL")
            copy_rows(self._connection, TABLES[SPOILED], rows)

        self._cure = cure

    def _alter(self, to: str) -> None:
        table = sql.Identifier(TABLES[SPOILED].name)
        alter = sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE ").format(table, sql.Identifier(COLUMN))
        self._connection.execute(alter + sql.SQL(to))  # type: ignore[arg-type] # a constant of this file

    def heal(self) -> None:
        self._cure()
        self._cure = lambda: None
        self.change()

    def close(self) -> None:
        self._connection.close()
