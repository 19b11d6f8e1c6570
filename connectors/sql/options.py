"""Options: what may an operator say of a dataset that the server itself cannot tell?"""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.sql.relation import Column, Relation, nearest
from lk_sync.contracts import Wanted
from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.setting import Strict


class SqlOptions(Strict, frozen=True, kw_only=True):
    """Options of a dataset. `by_ranges`: a `query` or a view may be read by ranges of the first key column, because
    the server finds such a range quickly; otherwise it is read in one pass, row by row.

    `rounded`: columns of binary fractions (double) whose 15 true digits
    are taken for the decimal number that was meant; a third digit after the point is still rejected.
    `year_offset`: what 1C on SQL Server adds to the year of every date (its table _YearOffset says it).
    """

    by_ranges: bool = False
    rounded: tuple[str, ...] = ()
    year_offset: Literal[0, 2000] = 0


def options_of(wanted: Wanted) -> SqlOptions:
    try:
        return msgspec.convert(wanted.options, SqlOptions)
    except msgspec.ValidationError as error:
        known = ", ".join(SqlOptions.__struct_fields__)
        raise SettingsError(f"{wanted.dataset.name}.options: {error}; есть только {known}") from error


def as_said(relation: Relation, options: SqlOptions) -> Relation:
    """The relation with what the operator says of its columns. Raises SchemaDrift for a column that is not there,
    SettingsError for one of which this cannot be true."""
    columns = dict(relation.columns)
    for name in options.rounded:
        columns[name] = _rounded(_known(relation, name))
    if options.year_offset:
        columns = {name: _moved(column, options.year_offset) for name, column in columns.items()}
    return msgspec.structs.replace(relation, columns=columns)


def _known(relation: Relation, name: str) -> Column:
    if name not in relation.columns:
        near = nearest(name, relation.columns)
        raise SchemaDrift(
            f"{relation.title}: нет столбца «{name}» (options.rounded){near}; поправьте описание источника"
        )
    return relation.columns[name]


def _rounded(column: Column) -> Column:
    if column.family != "float":
        raise SettingsError(
            f"options.rounded: столбец «{column.name}» имеет тип {column.type}; он и так точен, уберите его отсюда"
        )
    return msgspec.structs.replace(column, family="rounded")


def _moved(column: Column, years: int) -> Column:
    return msgspec.structs.replace(column, years=years) if column.family in ("date", "timestamp") else column
