"""A description of an unknown base begins by itself: what is sure stands in it, what is not stands beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from demo import sql_base
from demo.bookkeeper import Bookkeeper
from demo.supplier import Plan, Supplier
from lk_sync import config, mapping
from lk_sync.cli import main
from lk_sync.config import SourceSetting
from lk_sync.contracts import Found, FoundColumn
from lk_sync.discovery.draft import Draft, draft
from lk_sync.discovery.matching import likeness, plain
from lk_sync.errors import SettingsError
from tests.at_the_1c import MAPPING, The1C
from tests.at_the_1c import onec as onec
from tests.at_the_1c import served_1c as served_1c
from tests.at_the_base import TheBase
from tests.at_the_base import base as base
from tests.flow.conftest import third_party as third_party

CHINOOK = {
    "artist": "artist_id integer PRIMARY KEY, name text",
    "customer": "customer_id integer PRIMARY KEY, first_name text, last_name text, company text, address text, "
    "city text, state text, phone text, email text, support_rep_id integer",
    "employee": "employee_id integer PRIMARY KEY, last_name text, title text, address text",
    "invoice": "invoice_id integer PRIMARY KEY, customer_id integer, invoice_date timestamp, billing_address text, "
    "billing_state text, total numeric(10,2)",
    "invoice_line": "invoice_line_id integer PRIMARY KEY, invoice_id integer, track_id integer, "
    "unit_price numeric(10,2), quantity integer",
    "track": "track_id integer PRIMARY KEY, name text, unit_price numeric(10,2)",
}
LK = """
supplier: {name: АО «Энергосервис», short_name: ЭС, inn: "0814042970", address: Элиста, office: Элиста, phone: "1"}
portal: {base_url: "http://127.0.0.1:8080"}
legal: {rules: "1", personal_data: "1"}
"""


@pytest.fixture
def chinook(base: TheBase) -> Iterator[TheBase]:
    """The tables of a music shop that nobody designed for us."""
    base.books.execute("CREATE SCHEMA chinook; SET search_path = chinook")
    for name, columns in CHINOOK.items():
        base.books.execute(f"CREATE TABLE {name} ({columns})")
    base.books.execute(
        "GRANT USAGE ON SCHEMA chinook TO lk_reader; GRANT SELECT ON ALL TABLES IN SCHEMA chinook TO lk_reader"
    )
    yield base
    base.books.execute("DROP SCHEMA chinook CASCADE; RESET search_path")


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(folder), "discover", *words])


def folder_with(tmp_path: Path, source: str, connection: Mapping[str, Any]) -> Path:
    folder = tmp_path / "config"
    (folder / "sources").mkdir(parents=True)
    (folder / "lk.yaml").write_text(LK, "utf-8")
    tree = {"source": source, "connection": dict(connection)}
    (folder / "sources" / "books.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    return folder


def loaded(path: Path) -> SourceSetting:
    return config.read(path, SourceSetting)


def test_a_1c_is_described_so_that_it_can_be_pulled(onec: The1C, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "odata", onec.reach())
    draft_ = tmp_path / "draft.yaml"
    done = run(folder, "books", "--out", str(draft_))
    assert done.exit_code == 0, done.output
    setting = loaded(draft_)
    kept = config.read(MAPPING, SourceSetting).datasets  # this 1C knows nothing of tariffs, houses and works
    assert set(setting.datasets) == set(kept)
    origins = {name: each.table for name, each in setting.datasets.items()}
    assert origins["charges"] == "AccumulationRegister_Начисления_RecordType"
    assert origins["balances"] == "AccumulationRegister_Расчеты/BalanceAndTurnovers"
    assert setting.datasets["payments"].deletes.flag is not None
    whole = [name for name in kept if name != "balances"]  # which resource is the debt, nobody can tell by names
    with onec.source().connect() as session:
        for wish in mapping.all_wanted(draft_, setting, whole):
            session.columns(wish.asked)
            for lookup in wish.shaping.lookups:
                session.columns(lookup)
    assert re.search(r"Не хватает:\n\s+balances: opening_kopecks, closing_kopecks", done.output)


def test_a_base_in_russian_is_described_without_gaps(base: TheBase, tmp_path: Path) -> None:
    sql_base.load(base.books, Bookkeeper(Supplier(Plan(seed=3, accounts=3, months=2))))
    folder = folder_with(tmp_path, "odbc", base.reach())
    done = run(folder, "books")
    assert done.exit_code == 0, done.output
    assert "Все обязательные поля нашлись" in done.output
    path = folder / "sources" / "books.yaml"
    path.write_text(done.stdout, "utf-8")
    shipped = loaded(Path(__file__).parents[2] / "config" / "sources" / "accounting.yaml")
    for name, each in loaded(path).datasets.items():
        ours = {field: setting.column for field, setting in each.fields.items()}
        assert ours == {field: setting.column for field, setting in shipped.datasets[name].fields.items()}, name
        assert each.watermark == shipped.datasets[name].watermark
    with base.source().connect() as session:
        for wish in mapping.all_wanted(path, loaded(path)):
            session.columns(wish.asked)


def test_a_schema_that_nobody_designed_for_us_is_described_sensibly(chinook: TheBase, tmp_path: Path) -> None:
    tables = [each for each in chinook.source().survey() if "chinook" in each.origin]
    made = draft(SourceSetting(source="odbc", connection=chinook.reach()), tables, today="01.12.2026")
    path = tmp_path / "books.yaml"
    path.write_text(made.text, "utf-8")
    datasets = loaded(path).datasets
    assert {name: str(each.table).rpartition(".")[2] for name, each in datasets.items()} == {
        "accounts": "customer", "charges": "invoice_line", "bills": "invoice",
    }  # fmt: skip
    bills = {name: each.column for name, each in datasets["bills"].fields.items()}
    assert bills == {
        "account": "customer_id",
        "period": "invoice_date",
        "number": "invoice_id",
        "issued_on": "invoice_date",
        "amount_due_kopecks": "total",
    }
    account = datasets["charges"].fields["account"].lookup
    assert account is not None
    assert (account.column, account.key, account.value) == ("invoice_id", "invoice_id", "customer_id")
    assert "payments: подходящей таблицы не нашлось" in made.missing
    with pytest.raises(SettingsError, match="обязательное поле state не описано"):
        mapping.all_wanted(path, loaded(path), ["bills"])
    path.write_text(re.sub(r"# state: .*", "state: {constant: issued}", made.text), "utf-8")
    (wish,) = mapping.all_wanted(path, loaded(path), ["bills"])
    with chinook.source().connect() as session:
        session.columns(wish.asked)


def test_a_file_that_is_there_is_not_written_over(onec: The1C, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "odata", onec.reach())
    mine = folder / "sources" / "books.yaml"
    before = mine.read_bytes()
    done = run(folder, "books", "--out", str(mine))
    assert (done.exit_code, mine.read_bytes()) == (2, before)
    assert "файл уже есть" in done.output
    assert onec.served.asked == []


def test_a_source_that_cannot_say_what_it_has_is_refused_clearly(third_party: None, tmp_path: Path) -> None:
    done = run(folder_with(tmp_path, "scripted", {"script": "books.json"}), "books")
    assert done.exit_code == 2
    assert "коннектор scripted не умеет рассказать, что в нём есть; опишите наборы сами" in done.output


def test_what_is_not_safe_or_not_there_is_refused(tmp_path: Path) -> None:
    open_channel = {"url": "http://127.0.0.1/base", "username": "x", "password": {"secret": "X"}}
    folder = folder_with(tmp_path, "odata", open_channel)
    for source, says in (("books", "https://"), ("boks", "может быть, «books»")):
        done = run(folder, source)
        assert (done.exit_code, says in done.output) == (2, True), done.output


def table(origin: str, *columns: tuple[str, str, tuple[Any, ...]], **more: Any) -> Found:
    found = tuple(FoundColumn(name=name, type=kind, kinds=kinds, sample="секрет") for name, kind, kinds in columns)
    return Found(**({"how": "from", "origin": origin, "columns": found} | more))


def drafted(*tables: Found) -> Draft:
    return draft(SourceSetting(source="odbc", connection={}), tables, today="01.12.2026")


HOSTILE = ["x\n  evil: {source: odbc}", "a: b # c", "'\"{}[]", "\x1b[31mкрасный", "лс\r\ndatasets: {}", "№ сч., %"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_a_source_cannot_step_out_of_their_place(name: str) -> None:
    made = drafted(
        table(f"Платежи {name}", ("ЛС", f"text {name}", ("text", "account")), (f"Сумма {name}", name, ("money",)))
    )
    tree = yaml.safe_load(made.text)
    assert set(tree) == {"source", "connection", "time_zone", "datasets"}
    assert set(tree["datasets"] or {}) <= {"payments"}
    assert all(line.isprintable() for line in made.text.splitlines())
    assert "секрет" not in made.text


def test_values_are_never_shown_and_files_are_described_as_files() -> None:
    columns = (("ЛС", "text", ("text", "account")), ("Сумма", "text", ("money",)), ("Дата", "text", ("date",)))
    made = drafted(table("out/платежи-*.csv", *columns, how="file", options={"delimiter": ";"}))
    tree = yaml.safe_load(made.text)["datasets"]["payments"]
    assert (tree["file"], tree["options"]) == ("out/платежи-*.csv", {"delimiter": ";"})
    assert "секрет" not in made.text


def test_names_are_compared_without_their_dress() -> None:
    assert plain("Лицевой_Счёт №") == "лицевойсчет"
    assert likeness("лицевойсчет", "лс лицевойсчет") > likeness("номерлицевойсчет", "лс лицевойсчет") > 0
    assert likeness("класс", "лс") == 0
