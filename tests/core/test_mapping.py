"""A description of a source becomes a precise wish, or is refused with the line and the right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_sync import mapping
from lk_sync.config import SourceSetting
from lk_sync.contracts import FieldMap
from lk_sync.errors import SettingsError
from lk_sync.settings_file import read

SOURCE = """\
source: odbc
connection: {}
time_zone: Asia/Omsk
datasets:
  meters:
    from: Приборы
    fields:
      account: {column: ЛС}
      meter: {column: Прибор, type: text}
      serial: {column: Номер}
      service: {constant: hot_water}
      unit: {column: Единица, type: enum, values: {м3: m3}}
      digits_int: {column: До, type: int}
      digits_frac: {constant: "3"}
      installed_on: {column: Установлен}
      automatic: {column: Авто, type: bool}
  accounts:
    query: SELECT * FROM "ЛицевыеСчета"
    watermark: Изменён
    options: {page: 5}
    guards: {control_total: {query: SELECT 1}}
    fields:
      account: {column: ЛС}
      holder_key: {column: Код}
      holder_name: {column: ФИО}
      holder_kind: {constant: person}
      address: {column: Адрес}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounting.yaml"
    path.write_text(SOURCE, "utf-8")
    return path


def test_a_wish_states_everything_a_connector_needs(file: Path) -> None:
    accounts, meters = mapping.all_wanted(file, read(file, SourceSetting))
    assert [wanted.dataset.name for wanted in (accounts, meters)] == ["accounts", "meters"]
    assert (accounts.query, accounts.watermark, accounts.control_query) == (
        'SELECT * FROM "ЛицевыеСчета"', "Изменён", "SELECT 1",
    )  # fmt: skip
    assert (accounts.options, accounts.time_zone, accounts.since) == ({"page": 5}, "Asia/Omsk", None)
    assert [field.name for field in meters.fields] == [
        "account", "meter", "serial", "service", "unit", "digits_int", "digits_frac", "installed_on", "automatic",
    ]  # fmt: skip
    assert meters.fields[4] == FieldMap(
        name="unit",
        kind="code",
        required=True,
        column="Единица",
        values={"м3": "m3"},
        words=("m3", "Gcal", "GJ", "kWh", "m2", "person"),
    )


def test_an_option_that_is_a_path_starts_at_the_folder_of_its_file(file: Path) -> None:
    file.write_text(SOURCE.replace("{page: 5}", "{profile: ../registers/bank.yaml, page: 5}"), "utf-8")
    (accounts,) = mapping.all_wanted(file, read(file, SourceSetting), ["accounts"])
    assert accounts.options == {"profile": str(file.parent.parent / "registers/bank.yaml"), "page": 5}


def test_the_number_on_the_bill_is_the_account_unless_said_otherwise(file: Path) -> None:
    accounts = mapping.wanted(file, read(file, SourceSetting), "accounts")
    assert {field.column for field in accounts.fields if field.name in ("account", "number")} == {"ЛС"}


def test_a_job_may_ask_for_some_datasets_only(file: Path) -> None:
    setting = read(file, SourceSetting)
    assert [wanted.dataset.name for wanted in mapping.all_wanted(file, setting, ["meters"])] == ["meters"]
    with pytest.raises(SettingsError, match="набор «metres» не описан в этом источнике; может быть, «meters»"):
        mapping.all_wanted(file, setting, ["metres"])


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  meters:", "  metres:", 5, "datasets.metres: нет такого набора данных; может быть, «meters»?"),
        ("    from: Приборы\n", "", 5, "datasets.meters: нужен ровно один из ключей from, query, file"),
        ("from: Приборы", "from: x\n    file: y", 5, "datasets.meters: нужен ровно один из ключей from, query, file"),
        ("serial:", "serail:", 10, "datasets.meters.fields.serail: нет такого поля; может быть, «serial»?"),
        ("      serial: {column: Номер}\n", "", 7, "meters.fields: обязательное поле serial не описано; укажите"),
        ("{column: Номер}", "{column: a, constant: b}", 10, "fields.serial: нужен ровно один из ключей column, "),
        ("{column: Номер}", "{}", 10, "fields.serial: нужен ровно один из ключей column, "),
        ("Прибор, type: text", "x, type: int", 9, "fields.meter: тип int не подходит, это поле типа text"),
        ("{м3: m3}", "{м3: m4}", 12, "fields.unit: неизвестный код «m4»; может быть, «m3»?"),
        ("Номер}", "Номер, values: {a: b}}", 10, "fields.serial: values бывает только у столбцов типа enum и text с"),
        ('"3"', '"три"', 14, "fields.digits_frac: constant «три»: это не число"),
        ("{column: Номер}", "{sum: [а, б]}", 10, "fields.serial.sum: sum не подходит полю этого вида"),
        ("{column: Номер}", "{concat: [/, {constant: а}]}", 10, "serial.concat: в concat нет ни одного столбца"),
        ("{column: Номер}", "{concat: [a, {sum: [b]}]}", 10, "concat.1: в concat бывают только столбцы"),
        (
            "{column: Номер}", "{coalesce: [{concat: [{lookup: {column: a, from: b, key: c, value: d}}]}]}", 10,
            "serial.coalesce.0.concat.0: в concat бывают только столбцы, constant и lookup",
        ),
        ("{column: Номер}", "{concat: [{lookup: {column: a, key: b, value: c}}]}", 10, "lookup: нужен ровно один из"),
        ("{column: Номер}", "{coalesce: []}", 10, "fields.serial.coalesce: пустой список"),
        ("{column: Номер}", "{coalesce: [a, {coalesce: [{coalesce: [b]}]}]}", 10, "не глубже одного раза"),
        ("{column: Номер}", "{lookup: {column: a, key: b, value: c}}", 10, "serial.lookup: нужен ровно один из ключей"),
        ("{column: Номер}", "{lokup: {column: a}}", 10, "неизвестный ключ; может быть, «lookup»?"),
        ("{column: Номер}", "{column: a, scale: 2}", 10, "fields.serial.scale: scale не подходит полю этого вида"),
        ("Установлен}", "У, format: ДД/ММ}", 15, "installed_on.format: в format «ДД/ММ» нет того, что нужно полю: год"),
        ("Установлен}", 'У, default: "5"}', 15, "installed_on.default: constant «5»: это не дата"),
        ("Номер}", "Номер, any_case: true}", 10, "serial: any_case бывает только у столбцов типа enum"),
        ("    from: Приборы\n", "    from: П\n    extra: {a: x, b: x}\n", 7, "extra.a: подпись «x» стоит у двух"),
        ("from: Приборы\n", "from: П\n    match: [sum]\n", 7, "meters.match.0: нет такого поля «sum»"),
        ("from: Приборы\n", "from: П\n    match: [serial]\n", 7, "meters.match: match и match_days имеют смысл"),
        (
            "from: Приборы\n", "from: П\n    deletes: {table: {from: У, fields: {account: {column: ЛС}}}}\n", 7,
            "meters.deletes.table.fields: обязательное поле meter не описано",
        ),
        ("constant: person", "constant: family", 26, "fields.holder_kind: неизвестный код «family»; есть: person, "),
    ],
)  # fmt: skip
def test_a_wrong_description_is_refused_with_its_line(file: Path, old: str, new: str, line: int, says: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(SettingsError) as told:
        mapping.all_wanted(file, read(file, SourceSetting))
    place, _, sentence = str(told.value).partition(": ")
    assert place == f"{file}, строка {line}"
    assert says in sentence


def test_a_dataset_has_one_source_that_feeds_it_first(file: Path) -> None:
    books = read(file, SourceSetting)
    bank = file.with_name("bank.yaml")
    bank.write_text(SOURCE, "utf-8")
    with pytest.raises(SettingsError) as told:
        mapping.agree(file.parent, {"accounting": books, "bank": read(bank, SourceSetting)})
    assert str(told.value).startswith(f"{bank}, строка 5: datasets.meters: этот же набор загружает {file}; пусть один")
    for beside, faulty in (("accounting", False), ("acounting", True)):
        bank.write_text(SOURCE.replace("    from:", f"    beside: {beside}\n    from:"), "utf-8")
        bank.write_text(bank.read_text("utf-8").replace("    query:", f"    beside: {beside}\n    query:"), "utf-8")
        sources = {"accounting": books, "bank": read(bank, SourceSetting)}
        if faulty:
            with pytest.raises(SettingsError, match="нет; может быть, «accounting»"):
                mapping.agree(file.parent, sources)
        else:
            mapping.agree(file.parent, sources)
