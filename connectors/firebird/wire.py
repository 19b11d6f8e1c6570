"""Wire: how does Firebird's own client library answer, and how is it left without pulling the process down?

The library ends the process with SIGSEGV at exit when a connection is left open, so whatever is opened is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from firebird.driver import Connection as Attachment
from firebird.driver import Cursor, DatabaseError, Isolation, TraAccessMode, tpb
from firebird.driver.types import Error

from connectors.firebird import connect, parting
from connectors.firebird.gate import Gate
from connectors.firebird.settings import CODECS, Endpoint, FirebirdSettings
from connectors.sql.connection import Connection, Explains
from connectors.sql.dialect import Heading, Row
from connectors.sql.faults import Fault, shown
from lk_sync.errors import LkError

ONE_MOMENT: Final = tpb(isolation=Isolation.SNAPSHOT, access_mode=TraAccessMode.READ)


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A column as the server describes it. `charset`: 0 = the base does not know it, 1 = bytes."""

    name: str
    type: int
    subtype: int
    scale: int
    bytes: int
    charset: int
    nullable: bool


class FirebirdWire:
    """Fulfils `connectors.sql.connection.Wire`. Texts of no known charset are decoded by `codec`; what it cannot
    decode becomes a sign that validation rejects."""

    def __init__(self, attachment: Attachment, gate: Gate, *, codec: str, secrets: tuple[str, ...]) -> None:
        self._attachment, self._gate = attachment, gate
        self._codec, self._secrets = codec, secrets
        with self._answering():
            self.server_version = str(attachment.info.version)
            attachment.begin(ONE_MOMENT)

    def __call__(self, sql: str, *parameters: str) -> list[Row]:
        with self._cursor() as cursor:
            cursor.execute(sql, parameters)
            return [self._read(row) for row in cursor.fetchall()] if cursor.description else []

    def heading(self, sql: str) -> list[Heading]:
        return [Heading(column.name, object) for column in self.described(sql)]

    def described(self, sql: str) -> list[Described]:
        """The columns of an answer that is not asked for. (The driver shows names and types only after a statement
        was run, and charsets never: hence its own list.)"""
        with self._cursor() as cursor, freed(cursor.prepare(sql)) as statement:
            return [
                Described(
                    name=each.alias or each.field,
                    type=int(each.datatype),
                    subtype=each.subtype,
                    scale=-each.scale,
                    bytes=each.length,
                    charset=each.charset,
                    nullable=each.nullable,
                )
                for each in statement._out_desc
            ]

    def stream(self, sql: str, *parameters: str, rows: int) -> Iterator[list[Row]]:
        with self._cursor() as cursor:
            cursor.execute(sql, parameters)
            while portion := cursor.fetchmany(rows):
                yield [self._read(row) for row in portion]

    def _read(self, row: tuple[Any, ...]) -> Row:
        if bytes not in map(type, row):
            return row
        return [cell.decode(self._codec, "replace") if type(cell) is bytes else cell for cell in row]

    def close(self) -> None:
        with self._gate.asking():
            parting.leave(self._attachment)
        self._gate.close()

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        with self._answering():
            cursor = self._attachment.cursor()
            try:
                yield cursor
            finally:
                parting.leave_cursor(cursor)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self._gate.asking():
                yield
        except Error as error:
            raise fault(error, self._gate, secrets=self._secrets) from None


@contextmanager
def freed(statement: Any) -> Iterator[Any]:
    """A prepared statement, freed in the end."""
    try:
        yield statement
    finally:
        parting.leave_statement(statement)


def fault(error: Exception, gate: Gate, *, secrets: tuple[str, ...]) -> Fault:
    """The complaint without secrets; what the gate has seen is why the library complains at all."""
    text = shown(str(error), secrets=secrets)
    if gate.refused:
        return Fault(connect.REFUSED_BY_GATE, "он ведёт себя как старый сервер и не просит доказательства")
    if gate.silent:
        return Fault(connect.SILENT_SERVER, f"ответа не было слишком долго, {text}")
    numbers = getattr(error, "gds_codes", None) or (0,)
    state = getattr(error, "sqlstate", None) or "HY000"
    return Fault(state, text, int(numbers[0]))


def connected(explains: Explains, endpoint: Endpoint, settings: FirebirdSettings) -> Connection:
    """Connect and verify. Raises Unprotected, Unreachable, AccessDenied."""
    secrets = (settings.password.value().reveal(),)
    return Connection(
        lambda: _opened(endpoint, settings, secrets),
        peer=endpoint.peer,
        explains=explains,
        connect_timeout=2 * settings.connect_timeout,  # the gate reaches the server, then the library opens the base
        statement_timeout=settings.statement_timeout,
    )


def _opened(endpoint: Endpoint, settings: FirebirdSettings, secrets: tuple[str, ...]) -> FirebirdWire:
    gate = Gate(endpoint, connect_timeout=settings.connect_timeout, statement_timeout=settings.statement_timeout)
    try:
        with gate.asking():
            attachment = connect.attached(endpoint, settings, gate)
    except LkError:
        gate.close()
        raise
    except DatabaseError as error:
        gate.close()
        raise fault(error, gate, secrets=secrets) from None
    except Exception as error:  # no library on this machine, or one that does not fit: it raises whatever it likes
        gate.close()
        raise Fault(connect.NO_LIBRARY, shown(str(error), secrets=secrets)) from None
    return _verified(attachment, gate, settings, secrets)


def _verified(attachment: Attachment, gate: Gate, settings: FirebirdSettings, secrets: tuple[str, ...]) -> FirebirdWire:
    """The wire, if it is encrypted in truth and not only in the settings."""
    try:
        if not gate.encrypted:
            raise Fault(connect.REFUSED_BY_GATE, "шифрование так и не включилось")
        codec = CODECS[settings.charset or "UTF8"]
        wire = FirebirdWire(attachment, gate, codec=codec, secrets=secrets)
    except BaseException:
        parting.leave(attachment)
        gate.close()
        raise
    gate.opened()
    return wire
