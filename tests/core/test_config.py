"""A setting is understood, or refused with file, line and the right word."""

from __future__ import annotations

import pickle
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.config import Config, SourceSetting
from lk_sync.errors import SettingsError
from lk_sync.setting import Secret
from lk_sync.settings_file import read

LK = """\
supplier:
  name: АО «Энергосервис»
  short_name: ЭС
  inn: "0814042970"
  address: Элиста
  office: Элиста
  phone: "1"
portal:
  base_url: http://127.0.0.1:8080
  port: 8081
readings:
  cap_micro: {m3: 5}
mail:
  host: smtp.example
  sender: lk@example
  password: {secret: SMTP_PASSWORD}
  ca: ca.pem
legal:
  rules: "1"
  personal_data: "1"
"""
SOURCE = """\
source: odbc
connection: {host: x}
datasets:
  payments:
    from: Платежи
    fields:
      account: {column: ЛС}
      amount_kopecks: {column: Сумма, type: money}
  bills:
    from: Квитанции
    fields:
      account: {column: ЛС}
    guards:
      shrink_percent: 5
"""
SINK = """\
sink: sftp
connection: {host: x}
exports:
  reading:
    fields:
      - {name: id, value: item}
      - {name: Показание, value: value}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("lk", LK), ("sources/accounting", SOURCE), ("sinks/accounting", SINK)):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_the_shipped_settings_are_understood() -> None:
    config = Config(Path(__file__).parents[2] / "config", {})
    assert config.lk.time_zone == "Europe/Moscow"
    assert set(config.sources) == {"accounting"}
    assert set(config.sinks) == {"accounting"}


def _refusal(folder: Path, file: str, old: str, new: str) -> str:
    """What is said after the name of the file when it was changed so."""
    path = folder / f"{file}.yaml"
    _change(path, old, new)
    with pytest.raises(SettingsError) as told:
        Config(folder, {})
    said = str(told.value)
    assert said.startswith(str(path))
    return said.removeprefix(str(path))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  port: 8081", "  prot: 8081", ", строка 10: portal.prot: неизвестный ключ; может быть, «port»?"),
        ("port: 8081", "port: 99999", ", строка 10: portal.port: нужно: целое число не больше 65535"),
        ("port: 8081", "port: много", ", строка 10: portal.port: нужно: целое число, а здесь: текст"),
        ("port: 8081", "port:", ", строка 10: portal.port: нужно: целое число, а здесь: пусто"),
        ("  port: 8081", "  port: 8081\n  port: 1", ", строка 11: ключ «port» задан дважды"),
        ("  phone: ", "  fax: ", ", строка 7: supplier.fax: неизвестный ключ; есть: name, "),
        ('  phone: "1"\n', "", ", строка 1: supplier: нет обязательного ключа «phone»"),
        (
            "  host: smtp.example",
            "  security: ssl",
            ", строка 14: mail.security: «ssl» не подходит; есть: tls, starttls",
        ),
        ("{m3: 5}", "{m3: пять}", ", строка 12: readings.cap_micro.m3: нужно: целое число, а здесь: текст"),
        ("{m3: 5}", "{m3: 5, Gcal: x}", ", строка 12: readings.cap_micro.Gcal: нужно: целое число"),
        ("{secret: SMTP_PASSWORD}", "сезам", ", строка 16: mail.password: нужно: раздел из ключей и значений"),
        ("SMTP_PASSWORD", "smtp", ", строка 16: mail.password.secret: значение не подходит под образец"),
        ("portal:", "time_zone: Europe/Elista\nportal:", ", строка 8: time_zone: неизвестный часовой пояс"),
        ("portal:", "time_zone: ../etc\nportal:", ", строка 8: time_zone: неизвестный часовой пояс «../etc»"),
        ("readings:", "readings: ]", ", строка 11: это не YAML"),
        ("readings:", "readings:\x01", ": это не YAML"),
        (LK, "", ": нужно: раздел из ключей и значений, а здесь: пусто"),
        (LK, "- x\n", ", строка 1: нужно: раздел из ключей и значений, а здесь: список"),
    ],
)
def test_a_fault_is_told_with_its_line_and_the_right_word(folder: Path, old: str, new: str, says: str) -> None:
    said = _refusal(folder, "lk", old, new)
    assert said.startswith(says)
    assert "сезам" not in said


def test_a_section_written_as_a_word_is_told_with_what_stands_in_it(folder: Path) -> None:
    assert "; пишется {secret: ИМЯ}, само значение" in _refusal(folder, "lk", "{secret: SMTP_PASSWORD}", "сезам")


def test_the_whole_file_written_as_a_list_is_told_with_its_keys(folder: Path) -> None:
    assert "; ключи: supplier, " in _refusal(folder, "lk", LK, "- x\n")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"0814042970"', "0714042170", "строка 4: supplier.inn"),  # an octal number to YAML
        ('rules: "1"', "rules: 2026-11-01", "строка 19: legal.rules"),
        ("short_name: ЭС", "short_name: yes", "строка 3: supplier.short_name"),
    ],
)
def test_what_yaml_takes_for_something_else_is_to_be_quoted(folder: Path, old: str, new: str, place: str) -> None:
    said = _refusal(folder, "lk", old, new)
    assert said.startswith(f", {place}: нужно: текст, а здесь: ")
    assert said.endswith("; возьмите значение в кавычки")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        (
            "column: Сумма",
            "colum: x",
            8,
            "payments.fields.amount_kopecks.colum: неизвестный ключ; может быть, «column»?",
        ),
        (
            "type: money",
            "type: mony",
            8,
            "payments.fields.amount_kopecks.type: «mony» не подходит; может быть, «money»?",
        ),
        ("Квитанции", "[Квитанции]", 10, "bills.from: нужно: текст, а здесь: список"),
        ("percent: 5", "percent: 500", 14, "bills.guards.shrink_percent: нужно: целое число не больше 100"),
    ],
)
def test_a_fault_in_a_mapping_names_dataset_and_field(folder: Path, old: str, new: str, line: int, says: str) -> None:
    assert _refusal(folder, "sources/accounting", old, new) == f", строка {line}: datasets.{says}"


def test_a_source_has_a_time_zone_that_exists_and_no_dataset_twice(folder: Path) -> None:
    said = _refusal(folder, "sources/accounting", "datasets:", "time_zone: Moscow\ndatasets:")
    assert said.startswith(", строка 3: time_zone: неизвестный часовой пояс «Moscow»")
    said = _refusal(folder, "sources/accounting", "  payments:", "  bills: {}\n  payments:")
    assert said == ", строка 11: ключ «bills» задан дважды"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  reading:", "  readings:", ", строка 4: exports.readings: неизвестный ключ; может быть, «reading»?"),
        ("value: value", "value: sum", ", строка 7: exports.reading.fields.1.value: «sum» не подходит; есть: item, "),
        (
            "    fields:",
            '    delimiter: ";;"\n    fields:',
            ", строка 5: exports.reading.delimiter: нужно: текст, знаков",
        ),
    ],
)
def test_a_fault_in_a_sink_names_kind_and_place(folder: Path, old: str, new: str, says: str) -> None:
    assert _refusal(folder, "sinks/accounting", old, new).startswith(says)


def test_a_file_that_is_not_there_or_in_another_encoding_is_named(folder: Path) -> None:
    (folder / "lk.yaml").write_bytes(LK.encode("cp1251"))
    with pytest.raises(SettingsError, match=r"lk\.yaml: файл настроек не в кодировке UTF-8"):
        Config(folder, {})
    (folder / "lk.yaml").unlink()
    with pytest.raises(SettingsError, match=r"lk\.yaml: нет такого файла настроек"):
        Config(folder, {})
    (folder / "lk.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"lk\.yaml: файл настроек не читается"):
        Config(folder, {})


def test_a_file_with_another_ending_is_not_passed_over(folder: Path) -> None:
    (folder / "sources" / "bank.yml").write_text(SOURCE, "utf-8")
    with pytest.raises(SettingsError, match=r"bank\.yml: читаются только файлы с окончанием \.yaml"):
        Config(folder, {})


def test_paths_start_at_the_folder_of_their_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _change(folder / "lk.yaml", "portal:", "data_dir: ../var\nportal:")
    monkeypatch.chdir(folder.parent)
    for place in (folder, Path(folder.name)):
        config = Config(place, {})
        assert config.lk.data_dir == folder.parent / "var"
        assert config.lk.mail is not None
        assert config.lk.mail.ca == folder / "ca.pem"


def test_a_variable_is_stronger_than_the_file(folder: Path) -> None:
    environment = {
        "LK_PORTAL__PORT": "9000",
        "LK_PORTAL__TRUSTED_PROXIES": "[10.0.0.1, 10.0.0.2]",
        "LK_DATA_DIR": "/var/lib/lk",
        "LK_BUDGETS__LOGIN_ACCOUNT_PER_HOUR": "7",
        "LK_LOG": "json",
        "LK_SMTP_PASSWORD": "сезам",
        "PORTAL__PORT": "1",
    }
    lk = Config(folder, environment).lk
    assert (lk.portal.port, lk.portal.trusted_proxies) == (9000, ("10.0.0.1", "10.0.0.2"))
    assert (lk.data_dir, lk.budgets.login_account_per_hour) == (Path("/var/lib/lk"), 7)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("LK_PORTAL__PORT", "восемь", "переменная LK_PORTAL__PORT: нужно: целое число, а здесь: текст"),
        ("LK_PORTAL__PROT", "1", "переменная LK_PORTAL__PROT: неизвестный ключ; может быть, «port»?"),
        ("LK_PORTALL__PORT", "1", "переменная LK_PORTALL__PORT: нет раздела «portall»; может быть, «portal»?"),
        ("LK_TIME_ZONE__X", "1", "переменная LK_TIME_ZONE__X: «time_zone» — не раздел"),
        ("LK_PORTAL__TRUSTED_PROXIES", "[10.0.0.1", "переменная LK_PORTAL__TRUSTED_PROXIES: это не список"),
        ("LK_MAIL__PASSWORD", "сезам", "переменная LK_MAIL__PASSWORD: нужно: раздел"),
    ],
)
def test_a_fault_in_a_variable_names_the_variable(folder: Path, variable: str, value: str, says: str) -> None:
    _change(folder / "lk.yaml", "portal:", "time_zone: Europe/Moscow\nportal:")
    with pytest.raises(SettingsError) as told:
        Config(folder, {variable: value})
    assert str(told.value).startswith(says)
    assert "сезам" not in str(told.value)


def test_a_fault_of_the_file_is_not_blamed_on_a_variable(folder: Path) -> None:
    _change(folder / "lk.yaml", "port: 8081", "port: x")
    with pytest.raises(SettingsError, match=r"lk\.yaml, строка 10: portal\.port"):
        Config(folder, {"LK_PORTAL__LISTEN": "0.0.0.0"})  # noqa: S104 - only parsed


def test_a_section_may_be_made_of_variables_alone(folder: Path) -> None:
    (folder / "lk.yaml").write_text(LK.replace("mail:", "budgets:\nmail:"), "utf-8")
    assert Config(folder, {"LK_BUDGETS__LOGIN_ACCOUNT_PER_HOUR": "9"}).lk.budgets.login_account_per_hour == 9


def test_a_secret_is_in_a_variable_or_better_in_a_file(tmp_path: Path) -> None:
    secret = Secret(secret="SMTP_PASSWORD")
    file = tmp_path / "password"
    file.touch(mode=0o640)
    file.write_text("из файла\n", "utf-8")
    assert secret.value({"LK_SMTP_PASSWORD": " из переменной "}).reveal() == " из переменной "
    assert secret.value({"LK_SMTP_PASSWORD": "x", "LK_SMTP_PASSWORD_FILE": str(file)}).reveal() == "из файла"
    with pytest.raises(SettingsError, match="переменная LK_SMTP_PASSWORD или файл в переменной LK_SMTP_PASSWORD_FILE"):
        secret.value({})
    with pytest.raises(SettingsError, match=r"LK_SMTP_PASSWORD_FILE: файл .*nowhere не читается"):
        secret.value({"LK_SMTP_PASSWORD_FILE": str(tmp_path / "nowhere")})
    file.write_bytes("пароль".encode("cp1251"))
    with pytest.raises(SettingsError, match="не в кодировке UTF-8"):
        secret.value({"LK_SMTP_PASSWORD_FILE": str(file)})


def test_a_secret_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("сезам", "utf-8")
    file.chmod(0o604)
    with pytest.raises(SettingsError, match=r"LK_X_FILE: файл .* открыт посторонним; выполните chmod 600"):
        Secret(secret="X").value({"LK_X_FILE": str(file)})


CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates()
WORDS = st.sampled_from(
    ["source", "connection", "datasets", "bills", "from", "fields", "account", "column", "guards", "x"]
)
TREES = st.recursive(CELLS, lambda tree: st.lists(tree, max_size=3) | st.dictionaries(WORDS | CELLS, tree, max_size=4))


@given(TREES)
def test_whatever_stands_in_a_file_is_understood_or_refused_in_words(tree: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "books.yaml"
        path.write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
        try:
            read(path, SourceSetting)
        except SettingsError as refused:
            assert str(refused).startswith(str(path))  # noqa: PT017 - either outcome is right
            assert not re.search("Expected|Invalid|Object", str(refused))  # noqa: PT017 - as above


@given(st.binary(max_size=60))
def test_bytes_that_are_no_settings_are_refused_in_words(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "books.yaml"
        path.write_bytes(body)
        with pytest.raises(SettingsError):
            read(path, SourceSetting)


def test_a_secret_does_not_show_itself() -> None:
    value = Secret(secret="SMTP_PASSWORD").value({"LK_SMTP_PASSWORD": "сезам"})
    for shown in (repr(value), str(value), f"{value}", f"{[value]}"):
        assert "сезам" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(value, protocol=1)
