"""Connect: what is the client library told, and what do its complaints mean?

Facts of libfbclient 3.0.11 and firebird-driver 2.1, seen in December 2026.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from firebird.driver import Connection as Attachment
from firebird.driver import connect, driver_config

from connectors.firebird import signals
from connectors.firebird.gate import LOOPBACK, Gate
from connectors.firebird.settings import Endpoint, FirebirdSettings
from connectors.sql.faults import Fault, Meaning
from connectors.sql.meanings import BAD, BROKEN, BUSY, DRIFT, FORBIDDEN
from lk_sync.errors import AccessDenied, SettingsError, Unprotected, Unreachable

DIALECT: Final = 3  # also for bases of dialect 1: only so can a name be quoted and a date be a date
CHARSET: Final = "UTF8"

_PLAIN: Final = Meaning(
    Unprotected,
    "{peer}: сервер не шифрует канал или не доказывает, что он тот самый: {said}. Соединение прервано до передачи "
    "пароля и данных. На сервере в firebird.conf нужны WireCrypt = Required (или Enabled) и AuthServer = Srp256, Srp",
)
_NO_PROOF: Final = Meaning(
    Unprotected,
    "{peer}: сервер не знает пароля по SRP: {said}. Соединение прервано до передачи пароля. Заведите пользователя "
    "заново на сервере: CREATE USER … USING PLUGIN Srp, и впишите Srp256, Srp в AuthServer файла firebird.conf",
)
_REFUSED: Final = Meaning(
    AccessDenied,
    "{peer}: сервер не пустил: {said}. Проверьте username, пароль и роль; пользователь заводится USING PLUGIN Srp",
)
_NO_BASE: Final = Meaning(
    AccessDenied,
    "{peer}: сервер не открыл базу: {said}. Проверьте database: путь на сервере или псевдоним из databases.conf",
)
_NO_WAY: Final = Meaning(
    Unreachable, "{peer}: соединение не установилось: {said}. Проверьте host, port, сеть и работает ли там Firebird"
)
_SILENT: Final = Meaning(
    Unreachable,
    "{peer}: сервер молчит: {said}. Данные прежние, попытка повторится; если запрос и вправду долог, увеличьте "
    "statement_timeout",
)
_LIBRARY: Final = Meaning(
    SettingsError, "{peer}: клиентская библиотека Firebird не работает: {said}. Установите её: apt install libfbclient2"
)

REFUSED_BY_GATE, SILENT_SERVER, NO_LIBRARY = "LK001", "LK002", "LK003"  # states of our own
_CONNECTING: Final[Mapping[str | int, Meaning]] = {
    REFUSED_BY_GATE: _PLAIN,
    SILENT_SERVER: _NO_WAY,
    NO_LIBRARY: _LIBRARY,
    335545064: _PLAIN,  # isc_wirecrypt_incompatible
    335545106: _NO_PROOF,  # isc_login_error: no plugin of ours, or no verifier of this user
    335544344: _NO_BASE,  # isc_io_error
    335544323: _NO_BASE,  # isc_bad_db_format
    335544379: _NO_BASE,  # isc_wrong_ods
    335544528: BUSY,  # isc_shutdown
    335544842: BUSY,  # isc_att_shutdown
    "08": _NO_WAY,
    "28": _REFUSED,
}
_ASKING: Final[Mapping[str | int, Meaning]] = {
    SILENT_SERVER: _SILENT,
    335544528: BROKEN,
    335544856: BROKEN,  # isc_att_shutdown
    335544352: FORBIDDEN,  # isc_no_priv
    "42S02": DRIFT,
    "42S22": DRIFT,
    "08": BROKEN,
    "28": FORBIDDEN,
}


def attached(endpoint: Endpoint, settings: FirebirdSettings, gate: Gate) -> Attachment:
    """An attachment through the gate. Raises what the driver raises."""
    name = f"lk-{os.urandom(8).hex()}"
    own = driver_config.register_database(name)
    try:
        own.dsn.value = f"inet://{LOOPBACK}:{gate.port}/{endpoint.database}"
        own.utf8filename.value = True
        own.user.value = settings.username
        own.password.value = settings.password.value().reveal()
        own.role.value = settings.role
        own.charset.value = CHARSET
        own.sql_dialect.value = DIALECT
        own.config.value = "\n".join(f"{key}={word}" for key, word in _told(endpoint, settings).items())
        with signals.left_alone():
            return connect(name)
    finally:
        driver_config.databases.value.remove(own)


def _told(endpoint: Endpoint, settings: FirebirdSettings) -> Mapping[str, str]:
    """What no firebird.conf of this machine may change."""
    return {
        "WireCrypt": "Required",
        "AuthClient": ", ".join(endpoint.auth),
        "Providers": "Remote",
        "ConnectionTimeout": str(settings.connect_timeout),
    }


def connecting(said: Fault) -> Meaning:
    return _meant(_CONNECTING, said)


def asking(said: Fault) -> Meaning:
    return _meant(_ASKING, said)


def _meant(known: Mapping[str | int, Meaning], said: Fault) -> Meaning:
    """By its number, its state, the class of its state."""
    return next((known[sign] for sign in (said.number, said.state, said.state[:2]) if sign in known), BAD)
