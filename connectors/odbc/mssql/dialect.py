"""Dialect: which SQL makes SQL Server hand over rows exactly as they stand?

Every cell leaves as text made by the server, row by row in one pass. Nothing is compared or sorted there: its Cyrillic
collations hold `Щукин` and `щукин` for the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import pyodbc

from connectors.odbc.mssql import catalog, connect
from connectors.odbc.mssql.catalog import MONEY, ROWVERSION
from connectors.odbc.mssql.names import literal, quoted
from connectors.odbc.settings import Endpoint, OdbcSettings
from connectors.sql import zones
from connectors.sql.dialect import Ask, Where, select
from connectors.sql.faults import Fault, Meaning
from connectors.sql.one_pass import OnePass
from connectors.sql.relation import Column, Relation
from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.flow.validate import MAX_TEXT

OLDEST: Final = 13  # SQL Server 2016
ENOUGH: Final = MAX_TEXT + 1  # letters of a text: one that is longer is rejected for its length all the same
COUNTER_DIGITS: Final = 19
SESSION: Final = (
    "SET LANGUAGE us_english; SET DATEFORMAT ymd; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON;"
    " SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET LOCK_TIMEOUT 30000;"
)
ONE_MOMENT: Final = (
    "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET IMPLICIT_TRANSACTIONS OFF;"
    " SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION;"
)
_ALLOWED: Final = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
_MOMENT: Final = "121"  # yyyy-mm-dd hh:mi:ss.nnnnnnn


class SqlServer(OnePass):
    title = "SQL Server"
    default_port = 1433
    driver_names: Sequence[str] = ("FreeTDS", "ODBC Driver 18 for SQL Server")
    package = "tdsodbc"
    dsn_words = connect.DSN_WORDS
    shifts_years = True

    def protection(self, endpoint: Endpoint) -> str:
        return connect.protection(endpoint)

    def attributes(
        self, endpoint: Endpoint, settings: OdbcSettings, password: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return connect.attributes(endpoint, settings, password)

    def preflight(self, endpoint: Endpoint, settings: OdbcSettings) -> None:
        connect.preflight(endpoint, settings)

    def tune(self, connection: pyodbc.Connection) -> None:
        """Nothing: every text leaves as nvarchar."""

    def accept(self, version: str) -> None:
        if int(version.partition(".")[0]) < OLDEST:
            raise SettingsError(f"SQL Server {version} не поддерживается: нужна версия 2016 ({OLDEST}) или новее")

    def begin(self, ask: Ask) -> None:
        ask(SESSION)
        if str(ask(_ALLOWED)[0][0]) != "1":
            raise SettingsError(
                "база не даёт читать один миг; выполните на сервере: ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON"
            )
        ask(ONE_MOMENT)

    def connecting(self, said: Fault) -> Meaning:
        return connect.connecting(said)

    def asking(self, said: Fault) -> Meaning:
        return connect.asking(said)

    def table(self, ask: Ask, name: str, *, seekable: bool) -> Relation:
        return catalog.table(ask, name)

    def query(self, ask: Ask, text: str, *, seekable: bool) -> Relation:
        return catalog.query(ask, text)

    def survey(self, ask: Ask) -> list[Relation]:
        return catalog.survey(ask)

    def cell_text(self, column: Column, *, day: bool, time_zone: str) -> str:
        name = quoted(column.name)
        match column.family:
            case "text" if not column.type.startswith(("binary", "uniqueidentifier")):
                return f"CAST(LEFT(LTRIM(RTRIM(CAST({name} AS nvarchar(max)))), {ENOUGH}) AS nvarchar({ENOUGH}))"
            case "text" if column.type.startswith("binary"):
                return f"CONVERT(varchar(40), {name}, 2)"
            case "bool" if column.type.startswith("binary"):
                return f"CONVERT(varchar(3), CAST({name} AS tinyint))"
            case "integer":
                return f"CONVERT(varchar(20), {_counted(column)})"
            case "numeric":
                style = ", 2" if column.type in MONEY else ""  # 2: all four digits after the point
                return f"CONVERT(varchar(50), {name}{style})"
            case "date" | "timestamp":
                return _shown(_years_back(column))
            case "timestamptz":
                return _shown(_local(name, time_zone)) if day else f"{_shown(_in_utc(name))} + '+00:00'"
            case "float" | "rounded" | "binary":
                return name
        return f"CONVERT(nvarchar(400), {name})"

    def rows(self, relation: Relation, cells: Sequence[str], where: Where, order: Sequence[Column]) -> str:
        ordered = f" ORDER BY {', '.join(quoted(column.name) for column in order)}" if order else ""
        return select(cells, relation, where) + ordered

    def totals(self, relation: Relation, sums: Sequence[Column]) -> str:
        summed = (f"CONVERT(varchar(50), SUM(CAST({quoted(c.name)} AS decimal(38,{_scale(c)}))))" for c in sums)
        return select(["COUNT_BIG(*)", *summed], relation, Where())

    def changed_since(self, column: Column, since: str) -> Where:
        return Where(f"{_counted(column)} >= {_bound(column, since)}")

    def watermark(self, column: Column, *, time_zone: str) -> str:
        """Absent for a moment that is still to come."""
        if column.family == "integer":
            number = _counted(column)
            padded = f"RIGHT(REPLICATE('0', {COUNTER_DIGITS}) + CONVERT(varchar(20), {number}), {COUNTER_DIGITS})"
            return f"CASE WHEN {number} >= 0 THEN {padded} END"
        name, now = quoted(column.name), "SYSUTCDATETIME()"
        if column.family == "timestamptz":
            utc = _in_utc(name)
            return f"CASE WHEN {utc} <= {now} THEN {_shown(utc)} + '+00:00' END"
        cell = _years_back(column)
        now = f"'{datetime.now(ZoneInfo(time_zone)):%Y-%m-%dT%H:%M:%S.%f}'"
        return f"CASE WHEN {cell} <= {now} AND {cell} > '0001-01-01' THEN {_shown(cell)} END"


def _scale(column: Column) -> int:
    return column.digits[1] if column.digits else 0


def _counted(column: Column) -> str:
    name = quoted(column.name)
    return f"CAST({name} AS bigint)" if column.type == ROWVERSION else name


def _shown(moment: str) -> str:
    return f"CONVERT(varchar(27), CAST({moment} AS datetime2(7)), {_MOMENT})"


def _years_back(column: Column) -> str:
    """1C adds 2000 years to every date, also to the one that means that there is none."""
    cell = f"CAST({quoted(column.name)} AS datetime2(7))"  # DATETIME itself begins in 1753
    if not column.years:
        return cell
    return f"CASE WHEN YEAR({cell}) > {column.years} THEN DATEADD(year, -{column.years}, {cell}) ELSE {cell} END"


def _in_utc(name: str) -> str:
    return f"CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(7))"


def _local(name: str, time_zone: str) -> str:
    """What the clock of the supplier shows. The server knows zones by other names than we do."""
    utc = _in_utc(name)
    *changes, (_, first) = zones.offsets(time_zone)
    branches = "".join(f" WHEN {utc} >= '{at:%Y-%m-%dT%H:%M:%S}' THEN {seconds}" for at, seconds in changes)
    ahead = f"CASE{branches} ELSE {first} END" if branches else str(first)
    return f"DATEADD(second, {ahead}, {utc})"


def _bound(column: Column, since: str) -> str:
    """A constant of the column's own type and years, so that an index on it serves."""
    try:
        if column.family == "integer":
            return str(int(since))
        moment = datetime.fromisoformat(since)
        moment = moment.replace(year=moment.year + column.years)
    except ValueError:
        raise SchemaDrift(
            f"столбец «{column.name}» (watermark) имеет тип {column.type}, а прежняя отметка — «{since[:40]}»; "
            "загрузите набор целиком (lk-sync pull --full)"
        ) from None
    if column.family == "timestamptz":
        return f"CAST({literal(moment.isoformat(sep=' '))} AS datetimeoffset(7))"
    return f"CAST({literal(moment.replace(tzinfo=None).isoformat(sep=' '))} AS datetime2(7))"
