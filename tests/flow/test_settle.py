"""Every file of a drop is told what became of it, with a report of the rows that were not taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from lk_sync.contracts import FileOutcome, Source, TakenFile
from lk_sync.errors import SettingsError, Unreachable
from lk_sync.flow.settle import outcome, settle


def taken(name: str, dataset: str = "payments", fault: str | None = None) -> TakenFile:
    return TakenFile(dataset=dataset, name=name, sha256="0" * 64, rows=2, fault=fault)


def rejected(where: str, reason: str, value: str = "х", dataset: str = "payments") -> tuple[Any, ...]:
    return (dataset, 1, 17, "000700", "amount_kopecks", value, reason, where)


ROWS = [
    rejected("банк.csv", "это не число", '=1+"1"'),
    rejected("архив.zip/март.csv", "такой даты нет в календаре"),
    rejected("банк.csv", "другого набора", dataset="readings"),
]


def test_the_report_of_a_file_names_its_own_rows() -> None:
    assert outcome(taken("банк.csv"), ROWS).report == (
        'строка;поле;значение;причина\r\n17;amount_kopecks;"\'=1+""1""";это не число\r\n'
    )
    assert "такой даты нет" in (outcome(taken("архив.zip"), ROWS).report or "")
    assert outcome(taken("чистый.csv"), ROWS) == FileOutcome(file=taken("чистый.csv"), state="published")


def test_a_file_that_could_not_be_read_is_refused_with_the_reason() -> None:
    found = outcome(taken("банк.csv", fault="файл оборван"), ROWS)
    assert (found.state, found.report) == ("refused", "строка;поле;значение;причина\r\n;;;файл оборван\r\n")


@pytest.mark.parametrize("fault", [Unreachable("сервер не ответил"), PermissionError(13, "нельзя")])
def test_a_source_that_cannot_put_its_files_aside_undoes_nothing(fault: Exception) -> None:
    class Shelf:
        told: Sequence[FileOutcome] = ()

        def settle(self, outcomes: Sequence[FileOutcome]) -> None:
            self.told = outcomes
            raise fault

    shelf, told = Shelf(), [outcome(taken("а"), []), outcome(taken("удалено", "payments.deleted"), [])]
    settle(lambda: cast(Source, shelf), told)
    assert shelf.told == told
    settle(lambda: cast(Source, object()), told)

    def unbuilt() -> Source:
        raise SettingsError("источник больше не описан")

    settle(unbuilt, told)
