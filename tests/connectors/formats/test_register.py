"""Registers of banks by their profiles: each shipped one beside a sample, and what a register may have wrong."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.contract import Opened, Portion, Stated
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.errors import BadData, SettingsError

SHIPPED = Path(__file__).parents[3] / "config/registers"
SAMPLES = Path(__file__).parent / "samples/profiles"


def opened(body: bytes, profile: Path, name: str = "reg.txt") -> Opened:
    return open_file(io.BytesIO(body), name=name, options=FileOptions(format="register", profile=str(profile)))


def portions(body: bytes, profile: Path, *columns: str) -> list[Portion]:
    table = opened(body, profile)
    chosen = columns or tuple(table.columns)
    table.require(chosen)
    found = list(table.batches(chosen, size=2))
    table.close()
    return found


def read(body: bytes, profile: Path, *columns: str) -> list[tuple[Any, ...]]:
    found = []
    for part in portions(body, profile, *columns):
        assert not part.faults, part.faults
        found += list(zip(*part.columns, strict=True))
    return found


def faults(body: bytes, profile: Path) -> list[tuple[int, str]]:
    return [(fault.row, fault.reason) for part in portions(body, profile) for fault in part.faults]


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """A profile of the text that is given."""

    def write(text: str) -> Path:
        path = tmp_path / "own.yaml"
        path.write_text(f"title: свой\nencoding: utf-8\nopen_end: true\n{text}", "utf-8")
        return path

    return write


PAYMENTS = (SAMPLES / "sberbank_payments.txt").read_bytes()
OF_PAYMENTS = SHIPPED / "sberbank_payments.yaml"


def test_every_shipped_profile_has_a_sample_that_it_reads_whole() -> None:
    for profile in SHIPPED.glob("*.yaml"):
        (sample,) = SAMPLES.glob(f"{profile.stem}.*")
        parts = portions(sample.read_bytes(), profile)
        assert sum(part.rows for part in parts) >= 2, profile.name
        assert not any(part.faults for part in parts), profile.name


def test_payments_of_a_bank() -> None:
    rows = read(PAYMENTS, OF_PAYMENTS, "ЛС", "Сумма", "Дата", "Банк", "Способ", "ИПД", "Показание")
    assert rows == [
        ("000012345", "1234.50", "2026-11-03", "Сбербанк", "СБП", "70АА000560-01", None),
        ("000012346", "500.00", "2026-11-03", "Сбербанк", "карта", None, "105,3"),
        ("000012347", "0.50", "2026-11-04", "Сбербанк", "наличные", None, None),
    ]
    table = opened(PAYMENTS, OF_PAYMENTS)
    assert (table.stated(), table.ended) == (Stated(rows=3, sums={"Сумма": 173500, "Комиссия": 1736}), True)


def test_debts_in_the_new_and_the_old_form() -> None:
    rows = read((SAMPLES / "sberbank_debts.txt").read_bytes(), SHIPPED / "sberbank_debts.yaml")
    assert [(row[0][:6], *row[2:]) for row in rows] == [
        ("Иванов", "000012345", "1234.50"), ("Манджи", "000012346", "-10.00"),
    ]  # fmt: skip


def test_a_register_with_comments_and_a_short_period() -> None:
    rows = read((SAMPLES / "condo.csv").read_bytes(), SHIPPED / "condo.yaml", "ЛС", "Сумма", "Период")
    assert rows == [("TEST1", "294.55", "2022-06"), ("TEST2", "-1872.61", "2022-06"), ("TEST3", "4231.93", "2022-06")]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("=3;1735,00;17,36", "", "не начинается с «=»"),
        ("=3;", "=4;", "в строке итогов строк 4, а в файле 3"),
        ("=3;1735,00", "=3;1736,00", r"«Сумма» в строке итогов 1736\.00, а сумма строк 1735\.00"),
        ("500,00", "600,00", r"сумма строк 1835\.00"),
        ("=3;1735,00;17,36", "=3;много;17,36", "строка итогов .* не читается"),
    ],
)
def test_a_register_that_does_not_add_up_is_refused(old: str, new: str, why: str) -> None:
    with pytest.raises(BadData, match=why):
        opened(PAYMENTS.replace(old.encode("cp1251"), new.encode("cp1251")), OF_PAYMENTS)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("03/11/2026;CLIENTNO:000012346", "2026-11-03;CLIENTNO:000012346", "не подходит под"),
        ("03/11/2026;CLIENTNO:000012346", "31/11/2026;CLIENTNO:000012346", "такой даты нет"),
        ("500,00", "500.00", "«500.00» — не число вида 1 234,50"),
        ("CounterVal_1:", "CLIENTNO:", "поле CLIENTNO: стоит в строке дважды"),
        ("8618;0139;100002;500,00;5,00;03/11/2026;", "8618;", "полей 4"),
    ],
)
def test_a_field_of_another_form_costs_its_row(old: str, new: str, why: str) -> None:
    body = PAYMENTS.replace(old.encode("cp1251"), new.encode("cp1251"), 1)
    ((row, reason),) = faults(body, OF_PAYMENTS)
    assert row == 3
    assert why in reason


def test_the_same_payment_has_the_same_id_in_another_file_and_two_equal_ones_have_two(own: Any) -> None:
    profile = own("total: {starts: '=', rows: 1}\ncolumns: {ЛС: 1, Документ: 2}\nid: [Документ, ЛС]\n")
    ids = [row[0] for row in read(b"1;100\n2;200\n1;100\n=3", profile, "Платёж")]
    again = [row[0] for row in read(b"2;200\n1;100\n=2", profile, "Платёж")]
    assert len(set(ids)) == 3
    assert again == [ids[1], ids[0]]


def test_a_register_alone_in_an_archive_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/1_2_3.txt", PAYMENTS)
    assert len(read(out.getvalue(), OF_PAYMENTS)) == 3
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("4_5_6.txt", PAYMENTS)
    with pytest.raises(BadData, match="в архиве файлов 2"):
        read(out.getvalue(), OF_PAYMENTS)


def test_a_bomb_is_not_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.txt", b"0" * (32 << 20))
    with pytest.raises(BadData, match="бомбу"):
        read(out.getvalue(), OF_PAYMENTS)


def test_thousands_may_be_points_and_columns_may_be_named(own: Any) -> None:
    profile = own('header: true\ncolumns: {ЛС: Account, Сумма: Sum}\nnumbers: [Сумма]\nthousands: "."\n')
    assert read(b"Sum;Account\n1.234,50;7\n", profile) == [("7", "1234.50")]
    assert faults(b"Sum;Account\n1.23;7\n", profile) == [(2, "Сумма: «1.23» — не число вида 1.234,50")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("columns: {ЛС: 0}", "columns.ЛС: нужен номер поля"),
        ("columns: {ЛС: имя}", "columns.ЛС: нужен номер поля"),
        ("columns: {ЛС: 1}\ndates: {Дата: ДД.ММ.ГГГГ}", "нет колонки «Дата»"),
        ("columns: {Дата: 1}\ndates: {Дата: ДД.ММ}", "нет того, что нужно"),
        ("columns: {ЛС: 1}\nkeys: {ЛС: CLIENTNO}", "«ЛС» есть и среди columns"),
        ('columns: {ЛС: 1}\nthousands: ","', "тот же знак"),
        ("columns: {ЛС: 1}\ncolums: {}", "неизвестный ключ; может быть, «columns»"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_with_its_place(own: Any, text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"own.yaml.*{why}"):
        opened(b"1\n", own(text))


def test_a_register_without_a_profile_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"options\.profile"):
        open_file(io.BytesIO(b""), name="r.txt", options=FileOptions(format="register"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PAYMENTS) - 1), st.binary(max_size=3), st.integers(0, 40))
def test_any_damage_is_a_sentence_or_costs_only_rows_that_are_told(place: int, noise: bytes, cut: int) -> None:
    try:
        table = opened(PAYMENTS[:place] + noise + PAYMENTS[place + cut :], OF_PAYMENTS)
        parts = list(table.batches(["ЛС", "Сумма"]))
    except BadData as error:
        assert str(error).startswith("reg.txt")  # noqa: PT017 - either outcome is right
    else:
        assert sum(part.rows + len(part.faults) for part in parts) == (table.stated() or Stated()).rows
