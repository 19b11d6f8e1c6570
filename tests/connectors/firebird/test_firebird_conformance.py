"""Does the connector to Firebird keep the promises of `lk_sync.contracts`?

It keeps the demo supplier's books as an old program would: a name has fifteen Cyrillic letters, a moment no zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import pytest

from demo import firebird as firebird_
from demo.accounting import TABLES, cells
from lk_sync import conformance
from lk_sync.conformance import SourceCase
from lk_sync.contracts import Wanted
from lk_sync.records import DATASETS
from tests.at_the_base import PASSWORD as BASE_PASSWORD
from tests.at_the_firebird import TheFirebird
from tests.connectors.test_conformance import WRONG, Kept, _wanted
from tests.connectors.test_conformance import closed_port as closed_port
from tests.connectors.test_conformance import kept as kept


def _short(name: str) -> str:
    return name[:15]


def _in_firebird(wanted: Wanted) -> Wanted:
    fields = tuple(msgspec.structs.replace(f, column=_short(f.column)) if f.column else f for f in wanted.fields)
    control = wanted.control_query and wanted.control_query.replace("AS rows", 'AS "rows"')
    return msgspec.structs.replace(wanted, table=_short(wanted.table or ""), fields=fields, control_query=control)


def _in_firebird_s_words(kept: Kept) -> str:
    """The tables as an old program of Firebird keeps them, and what stands in them."""
    script = []
    for name, table in TABLES.items():
        fields = [DATASETS[name].field(field) for field in table.columns.values()]
        kinds = {"money": "numeric(15,2)", "volume": "numeric(18,6)", "month": "date", "date": "date", "int": "integer",
                 "bool": "boolean"}  # fmt: skip
        columns = [
            f'"{_short(c)}" {kinds.get(f.kind, "varchar(500)")}' for c, f in zip(table.columns, fields, strict=True)
        ]
        script.append(f'CREATE TABLE "{_short(table.name)}" ({", ".join(columns)}, "ДатаИзменения" timestamp); COMMIT;')
        for *row, moment in cells(table, kept.rows[name]):
            values = [
                "NULL" if cell is None else "'" + cell.replace("'", "''") + "'" for cell in (*row, _plain(moment))
            ]
            script.append(f'INSERT INTO "{_short(table.name)}" VALUES ({", ".join(values)});')
        script.append(f'COMMIT; GRANT SELECT ON "{_short(table.name)}" TO LK_READER;')
    return "\n".join([*script, "COMMIT;"])


def _plain(moment: str | None) -> str:
    return datetime.fromisoformat(moment or "").strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture(scope="module")
def unencrypted() -> Iterator[firebird_.Firebird]:
    with firebird_.throw_away(WireCrypt="Disabled") as server:
        yield server


@pytest.fixture(scope="module")
def firebird_case(
    kept: Kept, bird: TheFirebird, unencrypted: firebird_.Firebird, closed_port: int
) -> Iterator[SourceCase]:
    bird.books(_in_firebird_s_words(kept))
    plain = {name: [(*row[:-1], _plain(row[-1])) for row in rows] for name, rows in kept.rows.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        yield Kept(kept.books, plain).case(
            tuple(map(_in_firebird, _wanted())),
            make=bird.source,
            unprotected=lambda: bird.source(wire_crypt="enabled"),
            impostor=lambda: bird.source(port=unencrypted.port),
            unreachable=lambda: bird.source(port=closed_port),
            denied=lambda: bird.source(password={"secret": "WRONG_PASSWORD"}),
            secrets=(BASE_PASSWORD, WRONG),
        )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_firebird_source_keeps(promise: Callable[[SourceCase], None], firebird_case: SourceCase) -> None:
    promise(firebird_case)
