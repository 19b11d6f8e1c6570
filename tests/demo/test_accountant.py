"""The accounting system at the other end: believes only what adds up, applies everything once, answers every line."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import drop
from demo.accountant import COLUMNS, Accountant

HEADER = list(COLUMNS.values())


class Office:
    """The drop as a folder, the accountant, and what was booked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.booked: list[dict[str, Any]] = []
        self.meters: dict[tuple[str, str], int | None] = {}
        drop.prepare(root)
        self.accountant = Accountant(root, on_reading=self.book, last_value=self.last)

    def book(self, **reading: Any) -> None:
        self.booked.append(reading)

    def last(self, *, account: str, meter: str) -> int | None:
        return self.meters[account, meter]

    def hand_in(self, number: int, *rows: dict[str, str], said: dict[str, Any] | None = None) -> str:
        name = f"readings-{number:06d}.csv"
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, HEADER, delimiter=";")
        table.writeheader()
        table.writerows(rows)
        body = text.getvalue().encode()
        total = sum(int(row["Показание"]) for row in rows)
        right = {
            "file": name,
            "number": number,
            "rows": len(rows),
            "control_sum": str(total),
            "sha256": hashlib.sha256(body).hexdigest(),
            "encoding": "utf-8",
            "delimiter": ";",
        }
        (self.root / "in" / name).write_bytes(body)
        (self.root / "in" / f"{name}.ok").write_text(json.dumps(right | (said or {})))
        return name

    def answered(self, number: int) -> dict[str, list[str]]:
        file = self.root / "answers" / f"readings-{number:06d}.answer.csv"
        said = json.loads(Path(f"{file}.ok").read_text())
        assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        head, *rows = csv.reader(io.StringIO(file.read_text("utf-8"), newline=""), delimiter=";")
        assert head == ["id", "status", "code", "text"]
        assert said["rows"] == len(rows)
        return {row[0]: row[1:] for row in rows}

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir() if path.is_file())


def row(item: str, value: str, **other: str) -> dict[str, str]:
    plain = {
        "id": item,
        "ЛС": "000012345",
        "Прибор": "М1",
        "Месяц": "2026-11",
        "Показание": value,
        "Дата": "2026-11-20",
    }
    return plain | {"Признаки": "", "Взамен": ""} | other


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "drop")
    office.meters["000012345", "М1"] = 100_000_000
    return office


def test_readings_are_taken_booked_answered_and_cleared_away(office: Office) -> None:
    name = office.hand_in(1, row("a", "105"))
    assert office.accountant.work() == [name]
    assert office.booked == [
        {
            "account": "000012345",
            "meter": "М1",
            "period": "2026-11",
            "value_micro": 105_000_000,
            "taken_on": "2026-11-20",
            "item": "a",
            "supersedes": None,
        }
    ]
    assert office.answered(1) == {"a": ["confirmed", "", ""]}
    assert (office.names("in"), office.names("in/done")) == ([], [name, f"{name}.ok"])
    assert office.accountant.work() == []


def test_a_reading_below_the_last_one_is_rejected_with_it_unless_the_meter_rolled_over(office: Office) -> None:
    office.hand_in(1, row("less", "99"), row("rolled", "3", Признаки="rollover"), row("unknown", "1", Прибор="М9"))
    office.accountant.work()
    assert office.answered(1) == {
        "less": ["rejected", "less", "показание меньше предыдущего, 100"],
        "rolled": ["confirmed", "", ""],
        "unknown": ["rejected", "unknown_meter", "такого прибора на этом лицевом счёте нет"],
    }
    assert [reading["item"] for reading in office.booked] == ["rolled"]


def test_a_correction_follows_what_its_predecessor_followed(office: Office) -> None:
    office.hand_in(1, row("first", "150"))
    office.accountant.work()
    office.meters["000012345", "М1"] = 150_000_000
    office.hand_in(2, row("second", "120", Взамен="first"), row("third", "119"))
    office.accountant.work()
    assert office.answered(2)["second"] == ["confirmed", "", ""]
    assert office.answered(2)["third"] == ["rejected", "less", "показание меньше предыдущего, 120"]


def test_the_same_file_again_changes_nothing(office: Office) -> None:
    for _ in range(2):
        office.hand_in(1, row("a", "105"))
        office.accountant.work()
    assert len(office.booked) == 1
    assert office.answered(1) == {"a": ["confirmed", "", ""]}


def test_an_answer_that_was_taken_is_not_laid_again(office: Office) -> None:
    office.hand_in(1, row("a", "105"))
    office.accountant.work()
    for name in office.names("answers"):
        (office.root / "answers" / name).rename(office.root / "answers" / "done" / name)
    office.hand_in(1, row("a", "105"))
    office.accountant.work()
    assert office.names("answers") == []


def test_a_used_number_with_other_content_is_refused(office: Office) -> None:
    office.hand_in(1, row("a", "105"))
    office.accountant.work()
    name = office.hand_in(1, row("b", "106"))
    office.accountant.work()
    assert office.names("in/error") == [name, f"{name}.err.csv", f"{name}.ok"]
    assert [reading["item"] for reading in office.booked] == ["a"]


@pytest.mark.parametrize(
    "said",
    [{"rows": 2}, {"control_sum": "1"}, {"sha256": "0" * 64}, {"file": "x"}, {"number": None}, {"encoding": "ascii"}],
)
def test_a_file_that_does_not_add_up_is_refused_with_a_report(office: Office, said: dict[str, Any]) -> None:
    name = office.hand_in(1, row("a", "105"), said=said)
    office.accountant.work()
    assert office.names("in/error") == [name, f"{name}.err.csv", f"{name}.ok"]
    assert office.booked == []
    assert office.names("answers") == []


def test_a_file_without_a_manifest_does_not_exist(office: Office) -> None:
    name = office.hand_in(1, row("a", "105"))
    (office.root / "in" / f"{name}.ok").unlink()
    (office.root / "in" / f"{name}.part").write_text("x")
    assert office.accountant.work() == []
    assert office.names("in") == [name, f"{name}.part"]


@pytest.mark.parametrize("booked", [0, 1])
def test_cut_off_while_booking_it_goes_on_where_it_was(office: Office, booked: int) -> None:
    office.hand_in(1, row("a", "105"), row("b", "106"))
    seen: list[str] = []

    def break_down(*, item: str, **_: Any) -> None:
        if len(seen) == booked:
            raise ConnectionError
        seen.append(item)

    with pytest.raises(ConnectionError):
        Accountant(office.root, on_reading=break_down).work()
    assert office.names("answers") == []
    office.accountant.work()
    assert seen + [reading["item"] for reading in office.booked] == ["a", "b"]
    assert set(office.answered(1)) == {"a", "b"}


def test_a_manifest_left_over_from_clearing_away_follows_its_file(office: Office) -> None:
    name = office.hand_in(1, row("a", "105"))
    (office.root / "in" / name).rename(office.root / "in" / "done" / name)
    office.accountant.work()
    assert office.names("in/done") == [name, f"{name}.ok"]
    assert office.booked == []
