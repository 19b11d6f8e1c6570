"""Asking: how is the same question asked again and again at little cost?

A page asks some ten short questions. Through psycopg each costs the processor several times what libpq itself takes,
most of it for things that never change: so the server prepares a question once in a session, and from then on only the
values go there and the rows come back, which psycopg's own loaders make into cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from psycopg import OperationalError, errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from lk_sync.postgresql.connection import NAMED, Connection, without_nothing

_TUPLES: Final = ExecStatus.TUPLES_OK
Row = tuple[Any, ...]


class Answer:
    """The rows of an answer."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._next = iter(rows)
        self.rowcount = len(rows)

    def fetchone(self) -> Row | None:
        return next(self._next, None)

    def fetchall(self) -> list[Row]:
        return list(self._next)

    def __iter__(self) -> Iterator[Row]:
        return self._next


class Asker:
    """Questions of one session. Raises what psycopg would."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._prepared: dict[str, tuple[bytes, tuple[str, ...]]] = {}
        self._cells = Transformer(connection)

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> Answer:
        name, order = self._prepared.get(sql) or self._prepare(sql)
        values: Any = [_sent(parameters[each]) for each in order]  # its annotation has forgotten NULL
        return Answer(self._rows(self.connection.pgconn.exec_prepared(name, values)))

    def _prepare(self, sql: str) -> tuple[bytes, tuple[str, ...]]:
        """The question with numbered places, and which parameter stands in which."""
        order = tuple(dict.fromkeys(NAMED.findall(sql)))
        places = {name: f"${number}" for number, name in enumerate(order, 1)}
        name = f"asked_{len(self._prepared)}".encode()
        question = re.sub(NAMED, lambda found: places[found[1]], sql)
        self._check(self.connection.pgconn.prepare(name, question.encode()), ExecStatus.COMMAND_OK)
        self._prepared[sql] = name, order
        return name, order

    def _rows(self, result: PGresult) -> list[Row]:
        self._check(result, _TUPLES)
        self._cells.set_pgresult(result)
        return self._cells.load_rows(0, result.ntuples, tuple)

    def _check(self, result: PGresult, wanted: ExecStatus) -> None:
        if result.status == wanted:
            return
        if self.connection.pgconn.status != ConnStatus.OK:  # said by libpq, not by the server
            raise OperationalError("the connection is lost")
        raise errors.error_from_result(result)


def _sent(value: Any) -> bytes | None:
    """As text; the server knows which type the place has."""
    if value is None:
        return None
    return without_nothing(value).encode() if isinstance(value, str) else str(value).encode()
