"""A file that nobody has described is described well enough to begin with, or is a question."""

from __future__ import annotations

import io

import pytest

from connectors.formats.options import FileOptions
from connectors.formats.survey import survey
from lk_sync.errors import BadData

BODY = (
    "ЛС;Абонент;Дата;Месяц;Сумма\r\n"
    "000012345;Иванов Пётр Сергеевич;03.11.2026;2026-11;10,50\r\n"
    "000012346;Манджиева Светлана;04.11.2026;2026-11;-1,00\r\n"
)


def test_a_file_is_found_with_its_columns_and_its_options() -> None:
    found = survey(io.BytesIO(BODY.encode("cp1251")), name="payments-20261123-0400.csv")
    assert (found.how, found.origin, found.rows) == ("file", "payments-*.csv", 2)
    assert found.options == {"format": "csv", "encoding": "cp1251"}
    kinds = {column.name: column.kinds[0] for column in found.columns}
    assert kinds == {"ЛС": "account", "Абонент": "text", "Дата": "date", "Месяц": "month", "Сумма": "money"}
    samples = {column.name: column.sample for column in found.columns}
    assert samples == {"ЛС": "000012345", "Абонент": None, "Дата": "03.11.2026", "Месяц": "2026-11", "Сумма": "10,50"}


def test_what_cannot_be_known_for_certain_is_told_and_may_be_said() -> None:
    body = "ЛС;Сумма\r\n1;2\r\n3;4\r\n".encode("cp866")
    with pytest.raises(BadData, match="букв слишком мало"):
        survey(io.BytesIO(body), name="a.csv")
    found = survey(io.BytesIO(body), name="a.csv", options=FileOptions(encoding="cp866"))
    assert [column.name for column in found.columns] == ["ЛС", "Сумма"]


def test_what_is_no_file_of_rows_is_told() -> None:
    with pytest.raises(BadData, match="страница HTML"):
        survey(io.BytesIO(b"<html>502</html>"), name="a.csv")
