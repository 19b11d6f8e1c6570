"""The doctor says what a file is and what is wrong with it, on every sample and on spoilt ones, and never guesses."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.doctor import examine
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.cli import main
from lk_sync.contracts import Diagnosis, FieldMap, Wanted
from lk_sync.records import DATASETS
from lk_sync.written_dates import DateForm
from tests.connectors.formats.dbf_files import dbf

SAMPLES = Path(__file__).parent / "samples"
HEADER = "ЛС;Абонент;Адрес;Дата;Начислено"


def lines(count: int = 40, **changes: str) -> list[str]:
    """A sound export; `changes`: what stands in row N instead (row2=…)."""
    rows = [
        f"{i:09d};Иванов Пётр;г. Элиста, ул. Ленина, д. {i};{i % 28 + 1:02d}.11.2026;{i * 7}.{i % 100:02d}"
        for i in range(101, 101 + count)
    ]
    whole = [HEADER, *rows]
    for key, line in changes.items():
        whole[int(key.removeprefix("row")) - 1] = line
    return whole


def body(rows: list[str], encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    return (end.join(rows) + end).encode(encoding)


def seen(raw: bytes, name: str = "acc.csv", wanted: Wanted | None = None) -> Diagnosis:
    found = examine(io.BytesIO(raw), name=name, wanted=wanted)
    assert found is not None
    return found


def said(found: Diagnosis) -> str:
    return "\n".join(f"{remark.what} -> {remark.advice} {remark.rows}" for remark in found.remarks)


def graves(found: Diagnosis) -> list[str]:
    return [remark.what for remark in found.remarks if remark.grave]


def opens(raw: bytes, found: Diagnosis, name: str = "acc.csv") -> int:
    """How many rows the draft brings."""
    options = yaml.safe_load(yaml.safe_dump(dict(found.options or {})))
    table = open_file(io.BytesIO(raw), name=name, options=FileOptions(**_converted(options)))
    return sum(part.rows for part in table.batches(table.columns[:1]))


def _converted(options: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(msgspec.convert(options, FileOptions), key) for key in options}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp866", "koi8-r"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|", ",", "||", "<|>"])
def test_a_sound_export_of_any_kind_has_no_remarks_and_its_draft_reads_it(encoding: str, delimiter: str) -> None:
    rows = [line.replace(",", "").replace(";", delimiter) for line in lines()]
    raw = body(rows, encoding)
    found = seen(raw)
    assert graves(found) == []
    assert dict(found.facts)["кодировка"].startswith(encoding.removesuffix("-sig"))
    assert found.rows == 40
    assert opens(raw, found) == 40


@pytest.mark.parametrize(
    ("sample", "kind", "graves_", "rows"),
    [
        ("dbf/SOCRBASE.DBF", "таблица DBF", [], 148),
        ("dbf/cp1251.dbf", "таблица DBF", [], 4),
        ("dbf/dbase_03_cyrillic.dbf", "таблица DBF", [], 2),
        ("dbf/people.dbf", "таблица DBF", [], 2),
        ("dbf/invalid_value.dbf", "таблица DBF", ["среди дат есть не даты"], 2),
        ("registers/condo_check.dbf", "таблица DBF", [], 2),
        ("registers/condo_check.csv", "csv", [], 3),
        ("registers/condo_with-comments.csv", "csv", [], 3),
        ("registers/condo_check.xlsx", "Excel", ["месяц вида ММГГ без ведущего нуля"], 2),
        ("readings/condo_meter-import-example.xlsx", "Excel", [], 10),
        ("1c_client_bank/kilylabs_one_day_cp1251.txt", "1CClientBank", [], 3),
        ("1c_client_bank/kilylabs_one_day_utf8.txt", "1CClientBank", [], 3),
        ("1c_client_bank/condo_utf8_body_windows_header.txt", "1CClientBank", ["ВсегоПоступило = 2681831.46"], 2),
        ("1c_client_bank/condo_invalid.txt", "1CClientBank", ["нет строки КонецФайла"], None),
        ("profiles/sberbank_debts.txt", "csv", [], 2),
    ],
)
def test_every_sample_is_what_it_is(sample: str, kind: str, graves_: list[str], rows: int | None) -> None:
    raw = (SAMPLES / sample).read_bytes()
    found = seen(raw, Path(sample).name)
    assert kind in found.kind
    assert found.rows == rows
    assert len(graves(found)) == len(graves_), graves(found)
    assert all(why in what for what, why in zip(graves(found), graves_, strict=True))
    if rows is not None and "profile" not in (found.options or {}) and "ВсегоПоступило" not in said(found):
        assert opens(raw, found, Path(sample).name) == rows


def spoilt(change: Callable[[str], str]) -> bytes:
    return body([HEADER, *map(change, lines()[1:])])


def _part(line: str, place: int, make: Callable[[str], str]) -> str:
    cells = line.split(";")
    cells[place] = make(cells[place])
    return ";".join(cells)


def garbled(cell: str) -> str:
    return cell.encode().decode("cp1251", "replace")


SPOILT: list[tuple[str, bytes, str]] = [
    ("zeros", spoilt(lambda line: line.lstrip("0")) + body(["7;a;b;01.11.2026;1"]), "потеряны ведущие нули"),
    ("exponent", body(lines(row5="1,23457E+11;a;b;01.11.2026;1")), "последние цифры потеряны"),
    ("us dates", spoilt(lambda line: _part(line, 3, lambda _: "03/11/2026")), "не понять, где день, а где месяц"),
    ("two dates", body(lines(row5="000000105;a;b;2026-11-01;1")), "даты записаны по-разному"),
    ("both slashes", body(lines(row5="1;a;b;31/01/2026;1", row6="1;a;b;01/31/2026;1")), "даты записаны по-разному"),
    ("european", spoilt(lambda line: _part(line, 4, lambda _: "1.234,50")), "вида 1.234,50"),
    ("rubles", spoilt(lambda line: _part(line, 4, lambda cell: f"{cell} руб.")), "со словом «руб»"),
    ("ragged", body(lines(row7="000000107;a;b")), "полей 3 вместо 5"),
    ("quote", body(lines(row7='000000107;"ООО Маяк;b;01.11.2026;1')), "кавычка не закрыта"),
    ("mixed", body(lines(30)) + body(["1;Пётр;г. Элиста;01.11.2026;1"], "cp1251"), "кодировки смешаны"),
    ("two code pages", body(lines(400), "cp1251") + body(lines(400)[1:], "cp866"), "несколько кодировок: cp1251"),
    ("cut letter", body(lines()) + "1;П".encode()[:-1], "обрывается посреди буквы"),
    ("cut row", body(lines())[:-20], "файл, похоже, обрезан"),
    ("questions", spoilt(lambda line: _part(line, 1, lambda _: "?????? ????")), "буквы потеряны при перекодировке"),
    ("twice", spoilt(lambda line: _part(line, 1, garbled)), "перекодирован дважды"),
    ("total", body([*lines(), "Итого;;;;1,00"]), "в строке итогов 1,00, а сумма столбца «Начислено»"),
    ("column twice", body(["ЛС;ЛС;Сумма", *["1;2;3"] * 5]), "стоит в заголовке дважды"),
    ("zero bytes", body(lines(row9="1\0;a;b;01.11.2026;1")), "нулевые байты"),
    ("html", b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>", "страница HTML"),
    ("empty", b"", "пустой файл"),
    ("pdf", b"%PDF-1.7\n...", "PDF"),
    ("old excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "xls"),
    ("serials", spoilt(lambda line: _part(line, 3, lambda _: "46000")), "дни записаны числами Excel"),
    ("two headers", body([*lines(), *lines()]), "заголовок повторяется"),
    ("subtotals", body([*lines(5), "Итого по дому;;;;1", *lines(5)[1:]]), "промежуточные итоги"),
    ("no rows", body([HEADER]), "нет ни одной строки"),
    ("json", b'{"error": "license"}', "JSON"),
    ("commas", body([HEADER.replace(";", ","), *["1,a,b,01.11.2026,5,50"] * 9]), "в заголовке полей 5, а в строках 6"),
    ("few letters", body(["ЛС;Сумма", "1;2", "3;4", "5;6"], "cp866"), "букв слишком мало"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "why"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_what_was_spoilt_is_told(raw: bytes, why: str) -> None:
    found = seen(raw)
    assert why in said(found)
    assert graves(found) or not found.readable


@pytest.mark.parametrize(
    ("day", "form"),
    [("03.11.26", "Д.М.ГГ"), ("30/11/2026", "Д/М/ГГГГ"), ("30/1/26", "Д/М/ГГ"), ("1/30/26", "М/Д/ГГ")],
)
def test_the_format_that_a_date_needs_is_told_and_reads_it(day: str, form: str) -> None:
    found = seen(spoilt(lambda line: _part(line, 3, lambda _: day)))
    assert f"полю нужен format: {form} ->" in said(found)
    assert DateForm(form, "date").read(day).year == 2026


def test_the_draft_does_not_give_up_the_guard_that_found_the_fault() -> None:
    cut = seen(body(lines())[:-20])
    assert "обрезан" in said(cut)
    assert "open_end" not in (cut.options or {})
    assert (seen(body(lines())[:-2]).options or {})["open_end"]  # whole but for its end, it is only asked about
    raw = (SAMPLES / "1c_client_bank/condo_utf8_body_windows_header.txt").read_bytes()
    assert seen(raw, "statement.txt").options == {"format": "client_bank"}


def test_a_delimiter_at_the_end_of_rows_is_read() -> None:
    raw = body([HEADER, *[f"{line};" for line in lines()[1:]]])
    found = seen(raw)
    assert (graves(found), (found.options or {})["closing_delimiter"]) == ([], True)
    assert opens(raw, found) == 40


def test_an_account_that_comes_again_among_different_ones_is_mentioned() -> None:
    found = seen(body([*lines(90), lines(90)[5].replace("Иванов", "Петров")]))
    assert "лицевой счёт повторяется" in said(found)


def test_a_right_total_is_part_of_the_draft() -> None:
    total = sum(int(line.rsplit(";", 1)[1].replace(".", "")) for line in lines()[1:])
    raw = body([*lines(), f"Итого;40;;;{total // 100},{total % 100:02d}"])
    found = seen(raw)
    assert graves(found) == []
    assert (found.options or {})["total"] == {"starts": "Итого", "rows": 2, "sums": {"Начислено": 5}}
    assert opens(raw, found) == 40


def test_lines_above_the_header_and_comments_are_seen() -> None:
    raw = body(["Выгрузка за ноябрь", *lines()])
    found = seen(raw)
    assert (found.options or {})["skip_lines"] == 1
    assert opens(raw, found) == 40


def test_a_dbf_that_cannot_be_known_is_a_question() -> None:
    raw = dbf([("LS", "C", 9, 0), ("FIO", "C", 9, 0)], [("1", "Ён")], encoding="cp1251", mark=0)
    found = seen(raw, "a.dbf")
    assert not found.readable
    assert found.options is None
    assert "options.encoding" in said(found)


def test_formulas_without_values_are_told_with_their_rows() -> None:
    book = openpyxl.Workbook()
    for row in (["ЛС", "Сумма"], ["000012345", "=1+1"], ["000012346", 5], ["000012347", 6]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    found = seen(file.getvalue(), "a.xlsx")
    assert "формула без значения" in said(found)
    assert "(2,)" in said(found)


def test_a_packed_file_is_looked_into() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("acc.csv", body(lines(), "cp1251"))
    found = seen(out.getvalue(), "acc.zip")
    assert (found.kind, found.rows) == ("таблица с разделителем (csv), в архиве ZIP", 40)


def test_names_and_addresses_are_not_repeated() -> None:
    raw = body(lines(row7="000000107;Манджиева Светлана;г. Лагань"))
    assert "Манджиева" not in said(seen(raw))
    assert "Лагань" not in str(seen(raw).facts)


def payments(**options: Any) -> Wanted:
    dataset = DATASETS["payments"]
    columns = {"account": "ЛС", "payment": "Номер", "paid_on": "Дата", "period": "Месяц", "amount_kopecks": "Сумма"}
    fields = tuple(
        FieldMap(name=field.name, kind=field.kind, required=field.required, column=columns[field.name])
        for field in dataset.fields
        if field.name in columns
    )
    return Wanted(dataset=dataset, fields=fields, file="payments-*.csv", options=options)


PAID = ["ЛС;Номер;Дата;Месяц;Сумма", "01;П1;03.11.2026;2026-11;10,00", "01;П2;04.11.2026;2026-11;5,00"]


def test_a_file_of_a_dataset_is_judged_as_the_run_would() -> None:
    assert seen(body(PAID), wanted=payments()).remarks == ()
    rows = [
        *PAID,
        "01;П3;31.11.2026;2026-11;1,00",
        "01;П4;05.11.2026;2026-11;одна",
        "01;П1;05.11.2026;2026-11;1,00",
        "01",
    ]
    found = seen(body(rows), wanted=payments())
    text = said(found)
    assert "paid_on (столбец «Дата»): такой даты нет в календаре, например «31.11.2026»" in text
    assert "amount_kopecks (столбец «Сумма»): это не число, например «одна»" in text
    assert "один и тот же ключ (account, payment) у нескольких строк: 1" in text
    assert "полей 1 вместо 5" in text
    assert dict(found.facts)["будет принято"] == "3"


def test_a_file_that_the_description_does_not_fit_is_told_with_what_it_is() -> None:
    found = seen(body(PAID, "cp1251"), wanted=payments())
    assert "по описанию набора payments файл не читается" in said(found)
    assert found.kind.startswith("таблица")
    renamed = seen(body([PAID[0].replace("Сумма", "СуммаПлатежа"), *PAID[1:]]), wanted=payments())
    assert "есть похожая «СуммаПлатежа»" in said(renamed)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def call(raw: bytes, *words: str, name: str = "acc.csv") -> Result:
        path = tmp_path / name
        path.write_bytes(raw)
        return CliRunner().invoke(main, ["doctor", str(path), *words])

    return call


def test_the_command_ends_with_what_it_found(run: Callable[..., Result]) -> None:
    for raw, code in ((body(lines()), 0), (body(lines(row7="1")), 1), (b"", 2)):
        assert run(raw).exit_code == code or run(raw).return_value == code


def test_the_command_tells_people_and_programs(run: Callable[..., Result]) -> None:
    shown = run(body(lines(row7="000000107;a;b"), "cp1251")).output
    assert "кодировка: cp1251" in shown
    assert "(строки: 7)" in shown
    assert "  encoding: cp1251" in shown
    told = json.loads(run(body(lines(), "cp1251"), "--json").output)
    assert (told["code"], told["rows"], told["options"]["encoding"]) == (0, 40, "cp1251")


DROP = """\
source: sftp
connection: {host: files.example, username: lk}
datasets:
  payments:
    file: payments-*.csv
    fields:
      account: {column: ЛС}
      payment: {column: Номер}
      paid_on: {column: Дата}
      period: {column: Месяц}
      amount_kopecks: {column: Сумма}
      channel: {constant: касса}
"""


def test_the_command_reads_as_the_source_is_described(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[3] / "config", tmp_path / "config")
    (tmp_path / "config/sources/drop.yaml").write_text(DROP, "utf-8")
    file = tmp_path / "payments-1.csv"
    file.write_bytes(body([*PAID, "01;П3;31.11.2026;2026-11;1,00"]))

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(tmp_path / "config"), "doctor", str(file), *words])

    judged = run("--source", "drop", "--dataset", "payments")
    assert judged.exit_code == 1
    assert "будет принято: 2" in judged.output
    assert "такой даты нет в календаре" in judged.output
    assert run("--source", "drop").exit_code == 2
    assert run("--source", "other", "--dataset", "payments").exit_code == 2
    assert run("--source", "drop", "--dataset", "bills").exit_code == 2


def _whole() -> Iterator[tuple[str, bytes]]:
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file() and path.suffix not in (".md",) and path.stat().st_size < 20_000:
            yield path.name, path.read_bytes()


WHOLE = list(_whole())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(WHOLE), st.integers(0), st.binary(max_size=6), st.integers(0, 200))
def test_any_damage_to_any_sample_is_examined(whole: tuple[str, bytes], place: int, noise: bytes, cut: int) -> None:
    name, raw = whole
    at = place % len(raw)
    found = seen(raw[:at] + noise + raw[at + cut :], name)
    assert found.kind
    assert all(remark.what for remark in found.remarks)
    assert found.readable or found.remarks
