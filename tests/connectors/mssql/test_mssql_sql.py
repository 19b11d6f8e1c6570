"""Is the SQL that SQL Server would get right, as far as that can be known without one?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.odbc.mssql import SqlServer
from connectors.odbc.mssql.names import dotted, quoted
from connectors.odbc.postgresql import PostgreSQL
from connectors.sql.dialect import Row, Where
from connectors.sql.faults import Fault
from connectors.sql.options import SqlOptions, as_said
from connectors.sql.relation import Column, Relation, agree
from connectors.sql.session import SqlSession
from lk_sync.errors import AccessDenied, BadData, LkError, SchemaDrift, SettingsError, Unprotected, Unreachable
from tests.at_the_base import wanted

DIALECT = SqlServer()
COLUMNS = {"account": "ЛС", "payment": "Док]умент", "paid_on": "Дата", "amount_kopecks": "Сумма"}
PAYMENTS = wanted("payments", COLUMNS, table="Платежи", watermark="Версия")
DESCRIBED = [  # as sys.dm_exec_describe_first_result_set says it
    ("ЛС", "nvarchar", True, 0, 0, 60, None),
    ("Док]умент", "binary", False, 0, 0, 16, None),
    ("Дата", "datetime", False, 23, 3, 8, None),
    ("Сумма", "money", False, 19, 4, 8, None),
    ("Версия", "timestamp", False, 0, 0, 8, None),
    ("Пометка", "binary", False, 0, 0, 1, None),
    ("Ид", "uniqueidentifier", False, 0, 0, 16, None),
    ("Когда", "datetimeoffset", False, 34, 7, 10, None),
    ("Число", "numeric", True, 18, 6, 9, None),
    ("Дробь", "float", True, 53, 0, 8, None),
]


class Answers:
    """What a server would answer; keeps what it was asked."""

    def __init__(self, described: list[Row]) -> None:
        self._described = described
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        self.asked.append((sql, parameters))
        if "dm_exec_describe_first_result_set" in sql:
            return self._described
        if "is_primary_key" in sql:
            return [("ЛС",)]
        if "HAS_PERMS_BY_NAME" in sql:
            return [("dbo", "Платежи", 1), ("s.1", "Счета", 0)]
        return [("1",)] if "sys.objects" in sql or "snapshot_isolation_state" in sql else []

    def heading(self, sql: str) -> list[Any]:
        raise AssertionError(sql)

    def stream(self, sql: str, *parameters: str, rows: int) -> Iterator[list[Row]]:
        self.asked.append((sql, parameters))
        yield from ()


def relation(**options: Any) -> Relation:
    found = DIALECT.table(Answers(DESCRIBED), "Платежи", seekable=False)
    return as_said(found, SqlOptions(**options))


def test_columns_are_what_the_server_says_of_them() -> None:
    found = relation()
    agree(found, PAYMENTS)
    assert found.sql == "[Платежи]"
    assert found.key == ("ЛС",)
    assert {name: (column.family, column.type) for name, column in found.columns.items()} == {
        "ЛС": ("text", "nvarchar"),
        "Док]умент": ("text", "binary(16)"),  # a reference of 1C
        "Дата": ("timestamp", "datetime"),
        "Сумма": ("numeric", "money"),
        "Версия": ("integer", "rowversion"),
        "Пометка": ("bool", "binary(1)"),
        "Ид": ("text", "uniqueidentifier"),
        "Когда": ("timestamptz", "datetimeoffset"),
        "Число": ("numeric", "numeric(18,6)"),
        "Дробь": ("float", "float"),
    }
    assert found.columns["Сумма"].digits == (15, 4)


def test_what_the_server_does_not_understand_is_told() -> None:
    refused = Answers([(None, None, None, 0, 0, 0, "Invalid column name 'x'.")])
    with pytest.raises(SchemaDrift, match=r"сервер не понял этого: Invalid column name 'x'\."):
        DIALECT.query(refused, "SELECT x FROM t", seekable=False)


@pytest.mark.parametrize(
    ("column", "sql"),
    [
        ("ЛС", "CAST(LEFT(LTRIM(RTRIM(CAST([ЛС] AS nvarchar(max)))), 2001) AS nvarchar(2001))"),
        ("Док]умент", "CONVERT(varchar(40), [Док]]умент], 2)"),
        ("Дата", "CONVERT(varchar(27), CAST(CAST([Дата] AS datetime2(7)) AS datetime2(7)), 121)"),
        ("Сумма", "CONVERT(varchar(50), [Сумма], 2)"),
        ("Версия", "CONVERT(varchar(20), CAST([Версия] AS bigint))"),
        ("Пометка", "CONVERT(varchar(3), CAST([Пометка] AS tinyint))"),
        ("Ид", "CONVERT(nvarchar(400), [Ид])"),
        ("Число", "CONVERT(varchar(50), [Число])"),
        ("Дробь", "[Дробь]"),
    ],
)
def test_every_cell_leaves_as_exact_text(column: str, sql: str) -> None:
    assert DIALECT.cell_text(relation().columns[column], day=False, time_zone="Europe/Moscow") == sql


def test_a_moment_with_a_zone_is_shown_in_utc_or_as_a_day_of_the_supplier() -> None:
    column = relation().columns["Когда"]
    exact = DIALECT.cell_text(column, day=False, time_zone="Asia/Tomsk")
    utc = "CAST(SWITCHOFFSET([Когда], '+00:00') AS datetime2(7))"
    assert exact == f"CONVERT(varchar(27), CAST({utc} AS datetime2(7)), 121) + '+00:00'"
    day = DIALECT.cell_text(column, day=True, time_zone="Asia/Tomsk")
    assert f"DATEADD(second, CASE WHEN {utc} >= '2016-05-28T20:00:00' THEN 25200" in day


def test_the_years_that_1c_adds_are_taken_back_from_dates_and_the_watermark() -> None:
    column = relation(year_offset=2000).columns["Дата"]
    cell = "CAST([Дата] AS datetime2(7))"
    back = f"CASE WHEN YEAR({cell}) > 2000 THEN DATEADD(year, -2000, {cell}) ELSE {cell} END"
    assert back in DIALECT.cell_text(column, day=True, time_zone="UTC")
    assert back in DIALECT.watermark(column, time_zone="UTC")
    since = DIALECT.changed_since(column, "2024-02-29 10:00:00.123456")
    assert since == Where("[Дата] >= CAST(N'4024-02-29 10:00:00.123456' AS datetime2(7))")
    assert relation(year_offset=2000).columns["Когда"].years == 0
    assert DIALECT.changed_since(relation().columns["Дата"], "2024-02-29 10:00:00").sql.count("2024") == 1


def test_only_1c_on_sql_server_adds_years() -> None:
    class Connected:
        ask = Answers(DESCRIBED)

        def do(self, call: Any, *args: Any) -> Any:
            return call(*args)

    session = SqlSession(PostgreSQL(), connect=Connected, connections=1)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="годы сдвигает только 1С на SQL Server"):
        session.columns(msgspec.structs.replace(PAYMENTS, options={"year_offset": 2000}))
    with pytest.raises(SettingsError, match="year_offset"):
        session.columns(msgspec.structs.replace(PAYMENTS, options={"year_offset": 1000}))


def test_a_rowversion_is_a_watermark_that_sorts_as_text() -> None:
    column = relation().columns["Версия"]
    number = "CAST([Версия] AS bigint)"
    padded = f"RIGHT(REPLICATE('0', 19) + CONVERT(varchar(20), {number}), 19)"
    assert DIALECT.watermark(column, time_zone="UTC") == f"CASE WHEN {number} >= 0 THEN {padded} END"
    assert DIALECT.changed_since(column, "0000000000000002007") == Where(f"{number} >= 2007")
    with pytest.raises(SchemaDrift, match="прежняя отметка"):
        DIALECT.changed_since(column, "2026-10-01 00:00:00'; DROP")


def test_statements_hold_names_in_brackets_and_no_value_of_others() -> None:
    found = relation()
    cells = [DIALECT.cell_text(found.columns["ЛС"], day=False, time_zone="UTC")]
    where = DIALECT.changed_since(found.columns["Версия"], "7")
    ask = Answers(DESCRIBED)
    assert list(DIALECT.stream(ask, found, cells, where, rows=10)) == []
    assert ask.asked == [(f"SELECT {cells[0]} FROM [Платежи] WHERE CAST([Версия] AS bigint) >= 7", ())]
    totals = DIALECT.totals(found, [found.columns["Сумма"], found.columns["Число"]])
    assert totals == (
        "SELECT COUNT_BIG(*), CONVERT(varchar(50), SUM(CAST([Сумма] AS decimal(38,4)))), "
        "CONVERT(varchar(50), SUM(CAST([Число] AS decimal(38,6)))) FROM [Платежи]"
    )
    assert dotted('"a.b".[x]]y]') == "[a.b].[x]]y]"
    assert quoted("a] DROP TABLE x --") == "[a]] DROP TABLE x --]"
    with pytest.raises(SettingsError, match="до 128 знаков"):
        dotted("я" * 129)


def test_a_query_may_end_with_a_comment() -> None:
    ask = Answers(DESCRIBED)
    found = DIALECT.query(ask, "SELECT * FROM t -- все;", seekable=False)
    assert found.sql == "(SELECT * FROM t -- все\n) AS query"
    assert ask.asked[0][1] == (f"SELECT * FROM {found.sql}",)


def test_what_may_be_read_is_surveyed_under_the_names_of_the_mapping() -> None:
    assert [found.title for found in DIALECT.survey(Answers(DESCRIBED))] == ["Платежи", '"s.1".Счета']


def test_one_moment_is_read_or_nothing() -> None:
    ask = Answers([])
    DIALECT.begin(ask)
    assert ask.asked[-1][0].endswith("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION;")
    with pytest.raises(SettingsError, match="SET ALLOW_SNAPSHOT_ISOLATION ON"):
        DIALECT.begin(lambda sql: [("0",)] if "snapshot" in sql else [])  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="нужна версия 2016"):
        DIALECT.accept("12.00.6024")
    DIALECT.accept("16.00.1000")


@pytest.mark.parametrize(
    ("state", "number", "connecting", "asking"),
    [
        ("28000", 18456, AccessDenied, BadData),
        ("42000", 4060, AccessDenied, BadData),
        ("08001", 0, Unreachable, Unreachable),
        ("HY000", 17142, Unreachable, BadData),
        ("42S02", 208, Unreachable, SchemaDrift),
        ("42000", 229, Unreachable, AccessDenied),
        ("42000", 3952, Unreachable, SettingsError),
        ("HYT00", 0, Unreachable, Unreachable),
        ("08S01", 20004, Unreachable, Unreachable),
        ("40001", 1205, Unreachable, Unreachable),
    ],
)
def test_complaints_are_understood_by_their_number_and_state(
    state: str, number: int, connecting: type[LkError], asking: type[LkError]
) -> None:
    said = Fault(state, "whatever", number)
    assert DIALECT.connecting(said).kind is connecting
    assert DIALECT.asking(said).kind is asking


def test_a_certificate_that_microsofts_driver_complains_of_is_no_matter_of_waiting() -> None:
    said = Fault("08001", "SSL Provider: The certificate chain was issued by an authority that is not trusted.")
    assert DIALECT.connecting(said).kind is Unprotected


def test_no_column_is_taken_for_more_than_it_is() -> None:
    odd = Column(name="x", type="float", family="float")
    wish = wanted("payments", {"amount_kopecks": "x"}, table="t")
    with pytest.raises(SchemaDrift, match=r"options\.rounded"):
        agree(Relation(title="t", sql="[t]", columns={"x": odd}), wish)
