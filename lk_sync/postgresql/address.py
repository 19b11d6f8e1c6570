"""Address: at which PostgreSQL do cache and store live, and does that way deserve the password?

It is a URL in the variable `LK_DATABASE_URL`, or in the file that `LK_DATABASE_URL_FILE` names. Nothing of libpq's own
defaults may weaken it: a server is reached by TLS with its certificate and name verified, or through a socket of this
machine. What stands in the URL is never repeated, for the password may be anywhere in one that is badly written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lk_sync.errors import SettingsError, Unprotected
from lk_sync.setting import Secret, SecretValue

SETTING: Final = "LK_DATABASE_URL"
VERIFIED: Final = "verify-full"
EXAMPLE: Final = (
    f"postgresql://<имя>:<пароль>@db.example.ru:5432/lk?sslmode={VERIFIED}&sslrootcert=/etc/lk/postgresql-ca.pem"
)
_SCHEMES: Final = ("postgresql://", "postgres://")
_TLS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl")
_ALLOWED: Final = {"host", "hostaddr", "port", "dbname", "user", "password", "passfile", "requirepeer", *_TLS} | {
    "target_session_attrs",
}
_HOSTS: Final = re.compile(r"[\w.:/-]+(,[\w.:/-]*)*")
_PORTS: Final = re.compile(r"[0-9,]*")
_SECRET: Final = Secret(secret=SETTING.removeprefix("LK_"))


class Address:
    """Where to connect. Its repr holds no secret; it may be handed to a process of ours, and to nobody else."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._password = SecretValue(parameters.get("password", ""))
        self._plain = {name: value for name, value in parameters.items() if name != "password"}

    @property
    def parameters(self) -> dict[str, str]:
        """For psycopg alone."""
        password = self._password.reveal()
        return self._plain | ({"password": password} if password else {})

    @property
    def peer(self) -> str:
        """Host and database as people say them."""
        hosts, ports = self._plain["host"].split(","), self._plain.get("port", "").split(",")
        of_each = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        pairs = zip(hosts, of_each, strict=True)
        where = ",".join(host if _is_socket(host) else f"{host}:{port or 5432}" for host, port in pairs)
        return f"PostgreSQL {where}/{self._plain['dbname']}"

    @property
    def protection(self) -> str:
        """What keeps others from reading along or answering in the server's place."""
        if _is_socket(self._plain["host"]):
            return "сокет этого компьютера, из сети его не видно"
        return f"TLS, сертификат и имя сервера проверяются по {self._plain['sslrootcert']}"

    def __repr__(self) -> str:
        return f"<{self.peer}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash(self.peer)


def from_environment(environment: Mapping[str, str]) -> Address | None:
    """None: no PostgreSQL is set. Raises SettingsError, and Unprotected for a way that would not be verified."""
    if SETTING not in environment and f"{SETTING}_FILE" not in environment:
        return None
    return parse(_SECRET.value(environment).reveal().strip())


def parse(url: str) -> Address:
    """Raises SettingsError and Unprotected, with nothing of the URL in their words but names of parameters."""
    if not url.startswith(_SCHEMES):
        raise SettingsError(f"{SETTING}: нужен адрес вида {EXAMPLE}")
    import psycopg.conninfo  # here, for it costs those nothing who have no PostgreSQL

    try:
        found = {name: str(value) for name, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except psycopg.Error:
        raise _unreadable() from None  # psycopg's words hold what was written, perhaps the password
    _check_words(found)
    return Address(_guarded(found))


def _unreadable() -> SettingsError:
    return SettingsError(
        f"{SETTING}: адрес не разобрать; знаки @ : / ? # % в имени и пароле пишутся как %40 %3A %2F %3F %23 %25, "
        f"а весь адрес — как {EXAMPLE}"
    )


def _check_words(found: Mapping[str, str]) -> None:
    if unknown := sorted(found.keys() - _ALLOWED):
        raise SettingsError(f"{SETTING}: параметр {', '.join(unknown)} не нужен; есть: {', '.join(sorted(_ALLOWED))}")
    for name, what in (("host", "имя сервера"), ("dbname", "имя базы"), ("user", "имя пользователя")):
        if not found.get(name):
            raise SettingsError(f"{SETTING}: не указано {what}; нужен адрес вида {EXAMPLE}")
    if not (_HOSTS.fullmatch(found["host"]) and _PORTS.fullmatch(found.get("port", ""))):
        raise _unreadable()  # an @ or a slash of the password has cut the address in the wrong place


def _guarded(found: dict[str, str]) -> dict[str, str]:
    """The parameters that protect the way. Raises Unprotected."""
    hosts = found["host"].split(",")
    if all(map(_is_socket, hosts)):
        return found
    if any(map(_is_socket, hosts)):
        raise SettingsError(f"{SETTING}: в одном адресе и сокет этого компьютера, и сервер в сети; оставьте одно")
    if found.get("sslmode") != VERIFIED:
        raise Unprotected(
            f"{SETTING}: канал до базы не защищён: без проверки сертификата пароль и данные абонентов достанутся "
            f"любому, кто встанет на пути; добавьте sslmode={VERIFIED} и sslrootcert=<файл центра сертификации>"
        )
    return found | _authority(found.get("sslrootcert", ""))


def _authority(file: str) -> dict[str, str]:
    path = Path(file)
    if not path.is_absolute():
        raise Unprotected(
            f"{SETTING}: sslrootcert — полный путь к файлу центра, который выдал сертификат сервера базы; "
            "без него не узнать, тот ли это сервер"
        )
    if not path.is_file():
        raise Unprotected(f"{SETTING}: sslrootcert: нет файла {path}")
    return {"sslrootcert": file, "ssl_min_protocol_version": "TLSv1.2", "gssencmode": "disable"}


def _is_socket(host: str) -> bool:
    """libpq takes a host that begins so for the folder of a socket."""
    return host.startswith("/")
