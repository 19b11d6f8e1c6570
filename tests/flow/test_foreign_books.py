"""Do books that nobody designed for us go in by a YAML file alone, from either server, all the way to the cache?"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.mariadb import MariaDb
from demo.postgres import Postgres
from lk_sync import databases
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.flow.run import Puller, RunReport
from lk_sync.schedules import Job
from tests.at_the_base import PASSWORD, READER, SECRET
from tests.at_the_store import Kept
from tests.flow.conftest import LK

FOREIGN = Path(__file__).with_name("foreign")
Rows = Sequence[Sequence[Any]]


@dataclass
class Books:
    """A base in one of the servers. `name`: the kind of server."""

    name: str
    server: Postgres | MariaDb
    base: str

    def run(self, script: str) -> None:
        if isinstance(self.server, MariaDb):
            self.server.run(script, database=self.base)
        else:
            with self.server.connect(self.base) as admin:
                admin.execute(script.encode())

    def quoted(self, *parts: str) -> str:
        mark = "`" if self.name == "mariadb" else '"'
        return ".".join(mark + part.replace(mark, mark * 2) + mark for part in parts)

    def table(self, *parts: str, columns: Mapping[str, str], rows: Rows, key: str = "") -> None:
        """A table in a schema of its own, which is a base of its own for MariaDB, if it has two names."""
        if len(parts) > 1:
            self.run(f"CREATE SCHEMA IF NOT EXISTS {self.quoted(parts[0])}")
            self.run(self._grant(parts[0]))
        kinds = ", ".join(f"{self.quoted(name)} {self.kind(kind)}" for name, kind in columns.items())
        primary = f", PRIMARY KEY ({self.quoted(key)})" if key else ""
        self.run(f"CREATE TABLE {self.quoted(*parts)} ({kinds}{primary})")
        lines = ", ".join(f"({', '.join(map(constant, row))})" for row in rows)
        self.run(f"INSERT INTO {self.quoted(*parts)} VALUES {lines}")

    def kind(self, kind: str) -> str:
        return kind.replace("timestamp", "datetime(6)") if self.name == "mariadb" else kind

    def _grant(self, schema: str) -> str:
        if self.name == "mariadb":
            return f"GRANT SELECT ON {self.quoted(schema)}.* TO '{READER}'@'%'"
        own = self.quoted(schema)
        return (
            f"GRANT USAGE ON SCHEMA {own} TO {READER};"
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {own} GRANT SELECT ON TABLES TO {READER}"
        )

    def connection(self) -> str:
        reach = {
            "dialect": self.name,
            "host": self.server.host,
            "port": self.server.port,
            "database": self.base,
            "username": READER,
            "password": SECRET,
            "tls": "verify-full",
            "ca": str(self.server.ca),
        }
        return json.dumps(reach, ensure_ascii=False)


def constant(cell: Any) -> str:
    if cell is None:
        return "NULL"
    return "'" + cell.replace("'", "''") + "'" if isinstance(cell, str) else str(cell)


@pytest.fixture(params=["postgresql", "mariadb"])
def books(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Books:
    name = request.param
    server = request.getfixturevalue("postgres" if name == "postgresql" else "mariadb")
    server.create_database("foreign_books")
    server.create_reader("foreign_books", READER, PASSWORD)
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)
    return Books(name, server, "foreign_books")


class Office:
    """The engine over a source that is described by a file of `foreign/`."""

    def __init__(self, folder: Path, books: Books, description: str) -> None:
        (folder / "config" / "sources").mkdir(parents=True)
        (folder / "config" / "lk.yaml").write_text(LK, "utf-8")
        text = (FOREIGN / description).read_text("utf-8").replace("CONNECTION", books.connection())
        (folder / "config" / "sources" / "books.yaml").write_text(text, "utf-8")
        self.config = Config(folder / "config", {})
        self.kept = Kept(folder)
        self.store = databases.open_store(self.config)

    def pull(self, *, full: bool = False) -> RunReport:
        stop = threading.Event()
        puller = Puller(self.config, self.store, clock=now, watch=lambda _: None, stop=stop, started_by="hand")
        return puller.walk("books", Job(pull="books", every="1h"), full=full)

    def cells(self, sql: str) -> list[tuple[Any, ...]]:
        return self.kept.cells(self.config.lk.cache_path, sql)


@pytest.fixture
def office(tmp_path: Path, books: Books) -> Iterator[Any]:
    """Makes the office for a description."""
    made: list[Office] = []

    def open_(description: str) -> Office:
        made.append(Office(tmp_path, books, description))
        return made[-1]

    yield open_
    for one in made:
        one.store.close()


def taken_whole(report: RunReport) -> dict[str, int]:
    """Rows by dataset of a run that took everything."""
    assert report.state == "published"
    assert {dataset.dataset: dataset.rejected for dataset in report.datasets if dataset.rejected} == {}
    return {dataset.dataset: dataset.pulled for dataset in report.datasets}


def test_chinook_goes_in_by_its_description_alone(office: Any, books: Books) -> None:
    books.run((FOREIGN / f"chinook_{books.name}.sql").read_text("utf-8"))
    one = office(f"chinook_{books.name}.yaml")
    assert taken_whole(one.pull()) == {"accounts": 59, "charges": 2240, "bills": 412}
    assert one.cells("SELECT COUNT(*), SUM(total_kopecks) FROM charges") == [(2240, 232860)]
    assert one.cells("SELECT COUNT(*), SUM(amount_due_kopecks) FROM bills") == [(412, 232860)]
    assert one.cells("SELECT COUNT(*) FROM accounts") == [(59,)]
    assert one.cells("SELECT number, holder_name, address FROM accounts WHERE number = '1'") == [
        ("1", "Gonçalves Luís", "12227-000, Brazil, SP, São José dos Campos, Av. Brigadeiro Faria Lima, 2170")
    ]
    assert one.cells(
        "SELECT COUNT(*) FROM bills b WHERE amount_due_kopecks <> (SELECT SUM(total_kopecks) FROM charges c"
        " WHERE c.account = b.account AND c.period = b.period)"
    ) == [(0,)]
    assert one.pull(full=True).state == "unchanged"


MONTHS = ("2026-09-01", "2026-10-01")


def test_names_as_in_a_report_go_in(office: Any, books: Books) -> None:
    books.table(
        "Учёт 2.0", "Лицевые счета (л/с)", key="№ л/с",
        columns={"№ л/с": "varchar(20)", "Ф.И.О.": "varchar(200)", "СНИЛС": "varchar(20)", "user": "varchar(20)",
                 "Улица": "varchar(50)", "Дом, корпус": "varchar(20)", "Кв.": "integer", "Площадь, м²": "numeric(10,2)",
                 "Закрыт с": "timestamp", 'Примечание "для себя"': "varchar(200)", "Когда изм.?": "timestamp"},
        rows=[[f"0007-{n:04d}", f"Щукина Ёлка {n}-я", None if n % 3 else f"145-{n}", ("физ.  лицо", "ЮР. ЛИЦО")[n == 7],
               "ул. Ленина" if n % 2 else None, f"{n}/1", n if n > 2 else None, f"{n}.50", None,
               "звонить после 18:00" if n == 5 else None, "2026-10-03 10:00:00"] for n in range(1, 13)],
    )  # fmt: skip
    books.table(
        "Учёт 2.0", "Услуги",
        columns={"Код": "varchar(30)", "Полное имя": "varchar(200)", "Ед. изм.": "varchar(10)", "№": "integer"},
        rows=[["отопл.", "Отопление, «тепло»", "ГКАЛ", 1], ["ГВС", "Горячая вода", "куб. м", 2]],
    )  # fmt: skip
    books.table(
        "Учёт 2.0", 'Начисления "по факту"',
        columns={"№ л/с": "varchar(20)", "За месяц": "date", "Услуга": "varchar(30)", "Кол-во": "numeric(12,4)",
                 "Цена за ед., руб.": "numeric(12,4)", "select": "varchar(10)", "Сумма, руб.": "numeric(12,2)",
                 'Перерасчёт "+/-"': "numeric(12,2)", "Льгота": "numeric(12,2)", "Удалено?": "varchar(5)",
                 "Когда изм.?": "timestamp"},
        rows=[[f"0007-{n:04d}", month, service, "1.2345", "2104.5600", ("норматив", "счётчик")[n % 2], f"{n}00.05",
               "-0.05" if n == 3 else None, "10.00" if n == 4 else None, "да" if n == 12 else None,
               "2026-11-01 00:00:00"]
              for n in range(1, 13) for month in MONTHS for service in ("отопл.", "ГВС")],
    )  # fmt: skip
    books.table(
        "Учёт 2.0", "order",
        columns={"№ л/с": "varchar(20)", "group": "varchar(20)", "№ док.": "integer", "Дата": "varchar(10)",
                 "Сумма, руб.": "numeric(12,2)"},
        rows=[[f"0007-{n:04d}", "Касса №1", n, f"{n:02d}.10.2026", f"{n}.99"] for n in range(1, 13)],
    )  # fmt: skip
    one = office("cyrillic.yaml")
    assert taken_whole(one.pull()) == {"accounts": 12, "services": 2, "charges": 48, "payments": 12}
    assert one.cells("SELECT holder_name, address FROM accounts WHERE number = '0007-0007'") == [
        ("Щукина Ёлка 7-я", "ул. Ленина, д. 7/1, кв. 7")
    ]
    assert one.cells("SELECT COUNT(*) FROM accounts GROUP BY holder_kind ORDER BY 1") == [(1,), (11,)]
    assert one.cells("SELECT address FROM accounts WHERE number = '0007-0002'") == [("д. 2/1",)]
    expected = sum(n * 10000 + 5 - (5 if n == 3 else 0) - (1000 if n == 4 else 0) for n in range(1, 12)) * 4
    assert one.cells("SELECT COUNT(*), SUM(total_kopecks), SUM(benefit_kopecks) FROM charges") == [(44, expected, 4000)]
    assert one.cells("SELECT SUM(amount_kopecks), MIN(payment), COUNT(DISTINCT period) FROM payments") == [
        (sum(n * 100 + 99 for n in range(1, 13)), "Касса №1/1", 1)
    ]
    assert one.pull().state == "unchanged"


def test_surrogate_keys_kopecks_and_codes_go_in(office: Any, books: Books) -> None:
    numbers = dict.fromkeys(("id", "dom_id", "kv", "vid", "pl", "d_otk", "st"), "integer")
    books.table(
        "abon", key="id",
        columns=numbers | {"ls": "bigint", "fam": "varchar(50)", "im": "varchar(50)", "otch": "varchar(50)"},
        rows=[[n, n % 3 + 1, n or None, 2 if n == 4 else 1, 4550 + n, 0 if n == 5 else 20010203, 9 if n == 11 else 0,
               100200300 + n, f"Фамилия{n}", "Имя", None if n % 2 else "Отчество"] for n in range(12)],
    )  # fmt: skip
    books.table("dom", columns={"id": "integer", "ul": "varchar(50)", "nd": "varchar(10)"}, key="id",
                rows=[[1, "ул. Ленина", "1"], [2, "пр. Мира", "2а"], [3, "пер. 1-й", "3"]])  # fmt: skip
    books.table("usl", columns={"id": "smallint", "nm": "varchar(50)"}, rows=[[1, "Отопление"], [2, "Горячая вода"]])
    books.table("kas", columns={"id": "smallint", "nm": "varchar(50)"}, rows=[[1, "касса"], [2, "Сбербанк"]])
    columns = ("id", "abon_id", "god", "mes", "usl_id", "vol", "sp", "s_nach", "s_per", "s_lg")
    books.table(
        "nach", key="id",
        columns=dict.fromkeys(columns, "integer"),
        rows=[[n * 4 + m * 2 + u, n, 2026, 9 + m, u + 1, 1234, n % 3, n * 1000 + m, -n, None if u else 100]
              for n in range(11) for m in range(2) for u in range(2)],
    )  # fmt: skip
    books.table("kvit", columns=dict.fromkeys(("id", "abon_id", "god", "mes", "d", "s", "st"), "integer"),
                rows=[[n, n, 2026, 10, 20261105, n * 2000 - 5, int(n == 3)] for n in range(11)])  # fmt: skip
    books.table("opl", columns=dict.fromkeys(("id", "abon_id", "d", "s", "kas_id"), "integer"),
                rows=[[n, n, 20261020, n * 100 + 1, n % 2 + 1] for n in range(11)])  # fmt: skip
    one = office("keys.yaml")
    assert taken_whole(one.pull()) == {"accounts": 12, "services": 2, "charges": 44, "bills": 11, "payments": 11}
    assert one.cells("SELECT COUNT(*) FROM accounts") == [(11,)]
    assert one.cells("SELECT holder_name, address, area_micro, opened_on FROM accounts WHERE number = '100200305'") == [
        ("Фамилия5 Имя", "пер. 1-й, д. 3, кв. 5", 45550000, None)
    ]
    total = sum(n * 1000 + m - n - (0 if u else 100) for n in range(11) for m in range(2) for u in range(2))
    assert one.cells("SELECT COUNT(*), SUM(total_kopecks), MIN(period), MAX(period) FROM charges") == [
        (44, total, 202609, 202610)
    ]
    assert one.cells("SELECT SUM(amount_due_kopecks), MIN(number) FROM bills") == [
        (sum(n * 2000 - 5 for n in range(11)), "2026/0")
    ]
    assert one.cells("SELECT SUM(amount_kopecks), COUNT(DISTINCT channel) FROM payments") == [
        (sum(n * 100 + 1 for n in range(11)), 2)
    ]
    assert one.pull(full=True).state == "unchanged"
