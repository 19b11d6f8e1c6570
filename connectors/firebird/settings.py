"""Settings: which Firebird is asked, by whom, and what makes the way to it encrypted and proven?

Firebird 3 knows no TLS. With SRP the server proves that it knows the password's verifier without either side sending
the password, and the key that both have agreed upon encrypts the wire. Whoever wants certificates as well puts a TLS
tunnel (stunnel) before the server and says `tls` and `ca`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from lk_sync.errors import SettingsError, Unprotected
from lk_sync.setting import Port, Secret, Strict

NOT_TRIED: Final = "Соединение не устанавливалось"
REQUIRED: Final = "required"
VERIFIED: Final = "verify-full"
PROOFS: Final = ("Srp256", "Srp", "Srp224", "Srp384", "Srp512")
DEFAULT_PORT: Final = 3050
_HOST: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|[0-9A-Fa-f:]{2,39}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_OTHER_MACHINE: Final = re.compile(r"(?![A-Za-z]:[\\/]).*:|\\\\|//", re.DOTALL)

Seconds = Annotated[int, msgspec.Meta(ge=2, le=3600)]
Charset = Literal["UTF8", "WIN1251", "DOS866", "KOI8R", "ISO8859_5"]
CODECS: Final[dict[str, str]] = {
    "UTF8": "utf-8",
    "WIN1251": "cp1251",
    "DOS866": "cp866",
    "KOI8R": "koi8-r",
    "ISO8859_5": "iso8859-5",
}


class FirebirdSettings(Strict, frozen=True, kw_only=True):
    """`connection:` of a source. `database`: an alias of the server or a path on its machine.

    `charset`: what texts are written in of which the base does not know it (CHARACTER SET NONE).
    `statement_timeout`: seconds that the server may be silent while it is asked something.
    """

    host: str
    port: Port = DEFAULT_PORT
    database: str
    username: str
    password: Secret
    role: str | None = None
    charset: Charset | None = None
    wire_crypt: str | None = None
    auth: tuple[str, ...] = PROOFS[:2]
    tls: str | None = None
    ca: Path | None = None
    connect_timeout: Seconds = 10
    statement_timeout: Seconds = 300


class FirebirdOptions(Strict, frozen=True, kw_only=True):
    """Options of a dataset, as `connectors.sql.options` knows them: pages by ranges are not among them."""

    rounded: tuple[str, ...] = ()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A server that will prove who it is: only `protected` makes one. `ca`: of the tunnel, if there is one."""

    host: str
    port: int
    database: str
    auth: tuple[str, ...]
    ca: Path | None

    @property
    def peer(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"

    @property
    def protection(self) -> str:
        proof = f"{', '.join(self.auth)} (взаимное доказательство пароля) и WireCrypt=Required (шифрование ключом SRP)"
        return f"{proof} внутри TLS 1.2+, verify-full, {self.ca}" if self.ca else proof


def protected(settings: FirebirdSettings) -> Endpoint:
    """Where the settings lead. Raises Unprotected unless they demand encryption and proof, SettingsError for what
    cannot be meant; sends nothing."""
    if settings.wire_crypt != REQUIRED:
        said = f"указано «{settings.wire_crypt}»" if settings.wire_crypt else "не указано ничего"
        raise Unprotected(
            f"connection.wire_crypt: {said}, а канал должен быть зашифрован; напишите wire_crypt: {REQUIRED} (на "
            f"сервере в firebird.conf — WireCrypt = Required или Enabled). {NOT_TRIED}"
        )
    if not _HOST.fullmatch(settings.host):
        raise SettingsError(f"connection.host: «{settings.host}» — это не имя и не адрес одного сервера")
    return Endpoint(
        host=settings.host,
        port=settings.port,
        database=_database(settings.database),
        auth=_proofs(settings.auth),
        ca=_authority(settings),
    )


def _proofs(auth: tuple[str, ...]) -> tuple[str, ...]:
    for word in auth:
        if word not in PROOFS:
            raise Unprotected(
                f"connection.auth: «{word}» не доказывает, что сервер настоящий, и не даёт ключа для шифрования; "
                f"допустимы {', '.join(PROOFS)}. {NOT_TRIED}"
            )
    if not auth:
        raise Unprotected(f"connection.auth: не указано ничего; напишите auth: [{', '.join(PROOFS[:2])}]. {NOT_TRIED}")
    return auth


def _database(name: str) -> str:
    if not name.strip() or _CONTROL.search(name):
        raise SettingsError("connection.database: нужен путь к базе на сервере или её псевдоним из databases.conf")
    if _OTHER_MACHINE.match(name):
        raise Unprotected(
            f"connection.database: «{name}» ведёт через этот сервер на другой компьютер, а тот путь не проверен; "
            f"напишите его в host, а здесь — путь или псевдоним базы на нём. {NOT_TRIED}"
        )
    return name


def _authority(settings: FirebirdSettings) -> Path | None:
    """The CA file of the tunnel; None = there is no tunnel."""
    if settings.tls is None and settings.ca is None:
        return None
    if settings.tls != VERIFIED or settings.ca is None:
        raise Unprotected(
            f"connection.tls: для туннеля TLS перед сервером нужны оба: tls: {VERIFIED} и ca: /путь/к/ca.pem; "
            f"если туннеля нет, уберите оба. {NOT_TRIED}"
        )
    try:
        text = settings.ca.read_text("ascii", errors="replace")
    except OSError as error:
        raise Unprotected(f"connection.ca: файл {settings.ca} не читается ({error.strerror}). {NOT_TRIED}") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise Unprotected(
            f"connection.ca: в {settings.ca} нет сертификата в виде PEM (-----BEGIN CERTIFICATE-----). {NOT_TRIED}"
        )
    return settings.ca.absolute()
