"""Connection: how does one of our processes speak with PostgreSQL, and what do its complaints mean?

Statements of ours name their parameters `:so`; SQL that was written for both databases goes through `in_psycopg`. Every
connection is in autocommit: whoever needs a transaction begins it in so many words. A sum of whole numbers is a whole
number here as it is in SQLite.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.string import StrDumperUnknown

from lk_sync.errors import AccessDenied, BadData, Busy, LkError, SettingsError, Unprotected, Unreachable
from lk_sync.postgresql.address import SETTING, Address

Connection = psycopg.Connection[tuple[Any, ...]]

NAMED: Final = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_ABSENT: Final = "\N{REPLACEMENT CHARACTER}"

_CHOSEN: Final = {
    "target_session_attrs": "primary",  # of several hosts the one that takes what is written
    "client_encoding": "utf-8",
}
# A peer that is gone without a word is given up on either side within some ten seconds.
_PATIENCE: Final = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "8000",
}
_SESSION: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "8000",
    "synchronous_commit": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "jit": "off",  # compiling a page's query costs more than the query
    "lock_timeout": "15s",
}
_SIZE: Final = (
    "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0) FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'"
)
_NO_PROOF: Final = re.compile(
    r"certificate|SSL|does not match host name|(?:does not|for a verified).*host|no encryption", re.IGNORECASE
)
_LATER: Final = re.compile(
    r"starting up|shutting down|recovery mode|too many (?:clients|connections)|connection slots|not accepting"
    r"|запускается|останавливается|выключается|восстановления|слишком много|зарезервирован|не принимает"
)


class _Whole(Loader):
    """Sums of BIGINT are NUMERIC on the wire; we have no other NUMERIC."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class _Text(StrDumperUnknown):
    """PostgreSQL has no character for nothing; SQLite does, and hostile input may."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(without_nothing(obj))


def without_nothing(text: str) -> str:
    return text.replace("\0", _ABSENT) if "\0" in text else text


def connect(address: Address, what: str, settings: Mapping[str, str], *, seconds: int = 5) -> Connection:
    """A session named `what`, within some `seconds`; `settings` are the server's own. Raises LkError, in words."""
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in {**_SESSION, **settings}.items())
    own: dict[str, Any] = {"connect_timeout": str(seconds), "options": options, "application_name": _name(what)}
    try:
        connection = psycopg.connect(**(_CHOSEN | own | address.parameters | _PATIENCE), autocommit=True)
    except psycopg.Error as error:
        raise _not_connected(str(error), address) from None
    connection.adapters.register_loader("numeric", _Whole)
    connection.adapters.register_dumper(str, _Text)
    if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
        connection.close()
        raise SettingsError(
            f"{address.peer}: база в кодировке {encoding}, в неё войдут не все буквы; создайте базу с ENCODING 'UTF8'"
        )
    return connection


def _name(what: str) -> str:
    """As the administrator of the server sees us."""
    return f"{Path(sys.argv[0]).name} {what} {socket.gethostname()}:{os.getpid()}"[:63]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def size_of(address: Address, schema: str) -> int:
    """Bytes of everything in a schema."""
    with connect(address, "sizes", {"statement_timeout": "20s"}) as connection:
        found = connection.execute(_SIZE, (schema,)).fetchone()
    return int(found[0]) if found else 0


@cache
def in_psycopg(sql: str) -> str:
    """SQL with `:name` as psycopg wants it."""
    return NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


def in_postgresql(statement: str) -> str:
    """A statement that makes a table: text sorts by its bytes, as in SQLite, whatever the base's own order is."""
    return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', statement)


# What is said to people


def _not_connected(said: str, address: Address) -> LkError:
    said = " ".join(said.strip().splitlines()[-1].split())  # each try has a line, the last one counts
    if _NO_PROOF.search(said):
        return Unprotected(
            f"{address.peer}: сервер не доказал, что он тот самый: {said}. Соединение прервано до передачи пароля; "
            f"проверьте в {SETTING} sslrootcert и имя сервера: центр, выдавший сертификат, и имя в нём"
        )
    if re.search(r"\b(?:FATAL|ВАЖНО)\b", said) and not _LATER.search(said):
        return AccessDenied(
            f"{address.peer}: сервер не пустил: {said}. Проверьте в {SETTING} имя, пароль и базу и pg_hba.conf сервера"
        )
    return Unreachable(f"{address.peer}: база недоступна: {said}. Проверьте сеть и работает ли сервер")


def is_lost(error: psycopg.Error) -> bool:
    """Whether the session is of no use any more, so that another one may be better."""
    state = error.sqlstate
    if state is None:  # not the server's word: either the connection is gone, or we said nonsense
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state in _LOST or state[:2] in ("08", "58")


def told(error: psycopg.Error, address: Address) -> LkError:
    """The complaint without what the rows hold: DETAIL may name a person, and lines of a log are read by many."""
    said = error.diag.message_primary or " ".join(str(error).split())
    kind, advice = _meaning(error)
    return kind(f"{address.peer}: {said}; {advice}")


def _meaning(error: psycopg.Error) -> tuple[type[LkError], str]:
    if is_lost(error):
        return Unreachable, "соединение с базой оборвалось"
    state = error.sqlstate or ""
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or (BadData, f"база отказала ({state or 'до отправки'})")


_LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25006"})  # the last: no longer the primary
_BY_STATE: Final[Mapping[str, tuple[type[LkError], str]]] = {
    "57014": (Unreachable, "база не ответила вовремя"),
    "55P03": (Busy, "другой процесс долго пишет то же самое; повторите позже"),
    "53300": (Unreachable, "на сервере базы кончились соединения (max_connections)"),
    "42501": (AccessDenied, "у роли нет на это права; дайте их, как сказано в docs/postgresql.ru.md"),
    "42P01": (AccessDenied, "нет таблиц; выполните lk-sync check от имени владельца базы"),
    "3F000": (AccessDenied, "нет таблиц; выполните lk-sync check от имени владельца базы"),
    "53100": (BadData, "на сервере базы кончилось место; освободите его и повторите"),
}
_BY_CLASS: Final[Mapping[str, tuple[type[LkError], str]]] = {
    "40": (Busy, "слишком много одновременных записей; повторите позже"),
    "53": (Unreachable, "серверу базы не хватает памяти или соединений"),
}
