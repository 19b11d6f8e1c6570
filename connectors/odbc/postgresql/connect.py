"""Connect: what is psqlODBC told, and what do its complaints mean?

libpq gets everything that matters in `pqopt`, in its own quoting: psqlODBC passes that on unread, while it would
cut a host name or a database name at a semicolon. Facts of psqlODBC 13.02 and libpq 15, seen in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.odbc.dsn import DsnWords
from connectors.odbc.settings import VERIFIED, Endpoint, OdbcSettings
from connectors.sql.faults import Fault, Meaning
from connectors.sql.meanings import BAD, BROKEN, BUSY, CANNOT_VERIFY, DRIFT, FORBIDDEN, NO_WAY, TOO_SLOW
from lk_sync.errors import AccessDenied

FIXED: Final[Mapping[str, str]] = {
    "SSLmode": VERIFIED,  # without it psqlODBC says `disable`, and a word in pqopt would be refused as a conflict
    "UseDeclareFetch": "0",  # with 1 the process crashed in 3 of 3 broken connections
    "Protocol": "7.4-1",  # an error ends the transaction; the default, a savepoint around each statement, costs
    "BoolsAsChar": "0",  # two more questions and forbids to share the moment with a second connection
    "UpdatableCursors": "0",
    "MaxLongVarcharSize": "0",  # 0 = no limit; the default would cut a page
    "Debug": "0",
    "CommLog": "0",
}
DSN_WORDS: Final = DsnWords(
    keys={
        "driver": "driver",
        "server": "host",
        "servername": "host",
        "port": "port",
        "database": "database",
        "uid": "username",
        "username": "username",
        "pqopt": "ca",
    },
    proofs={"SSLmode": (VERIFIED,)},
    authority=r"\{?\s*sslrootcert\s*=\s*'?([^'{}\s]+)'?\s*\}?",
    authority_shown="в pqopt допускается только sslrootcert=/путь/к/ca.pem; остальное уберите",
)
SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",  # a whole pull and its control totals see one moment
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "synchronize_seqscans": "off",
    "jit": "off",  # compiling a page's expressions costs more than the page
    "random_page_cost": "1.1",  # a page is a range of an index; a bitmap and a sort would cost double
}
# The server was reached and verified, and said no (FATAL, in the server's language: ВАЖНО). It will say yes later if:
_LATER: Final = re.compile(
    r"starting up|shutting down|recovery mode|too many (?:clients|connections)|remaining connection slots|not accepting"
    r"|запускается|останавливается|выключается|восстановления|слишком много|зарезервирован|не принимает"
)
_SERVER_SAID: Final = re.compile(r"\b(?:FATAL|ВАЖНО)\b")
_NO_PROOF: Final = re.compile(
    r"certificate|SSL|host name \"[^\"]*\" (?:does not|for a verified)|does not match host name|no encryption",
    re.IGNORECASE,
)

_REFUSED: Final = Meaning(
    AccessDenied, "{peer}: сервер не пустил: {said}. Проверьте username, пароль, database и pg_hba.conf сервера"
)


def attributes(
    endpoint: Endpoint, settings: OdbcSettings, password: str
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    server = {**SERVER_SETTINGS, "statement_timeout": f"{settings.statement_timeout}s"}
    libpq = {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "dbname": endpoint.database,
        "user": endpoint.username,
        "sslrootcert": str(endpoint.ca),
        "ssl_min_protocol_version": "TLSv1.2",
        "gssencmode": "disable",  # Kerberos encryption would take the place of TLS and its certificate
        "connect_timeout": str(settings.connect_timeout),
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "application_name": "lk-sync",
        "options": " ".join(f"-c {name}={_escaped(value)}" for name, value in server.items()),
    }
    pqopt = " ".join(f"{name}={_quoted(value)}" for name, value in libpq.items())
    return FIXED, {"Pwd": password, "pqopt": pqopt}


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def connecting(said: Fault) -> Meaning:
    if _SERVER_SAID.search(said.text):
        return BUSY if _LATER.search(said.text) else _REFUSED
    return CANNOT_VERIFY if _NO_PROOF.search(said.text) else NO_WAY


_BY_STATE: Final[Mapping[str, Meaning]] = {
    "57014": TOO_SLOW,
    "57P05": BROKEN,
    "42501": FORBIDDEN,
    "42703": DRIFT,
    "42P01": DRIFT,
    "3F000": DRIFT,
    "HY000": BROKEN,  # psqlODBC's word for «Could not send Query(connection dead)»
}
_BY_CLASS: Final[Mapping[str, Meaning]] = {
    "08": BROKEN,
    "57": BROKEN,  # an administrator ended the session, the server shuts down
    "58": BROKEN,
    "53": BUSY,  # memory, disk, connections
    "40": BUSY,  # a standby had to cancel us
    "28": _REFUSED,
}


def asking(said: Fault) -> Meaning:
    return _BY_STATE.get(said.state) or _BY_CLASS.get(said.state[:2]) or BAD
