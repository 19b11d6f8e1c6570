"""TLS: by what do we know a web server, and which of our errors is a fault of the channel to it?

For connectors that speak HTTPS. Without a verified certificate and name nothing is sent.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from lk_sync.errors import AccessDenied, LkError, SettingsError, Unprotected, Unreachable
from lk_sync.setting import Strict

NOT_TRIED: Final = "Соединение не устанавливалось"
READABLE_BY_OTHERS: Final = 0o077
HTTPS_PORT: Final = 443
HUNG_UP_SECONDS: Final = 2
_LOST: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
_NOT_LET_IN: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "EXPIRED")


class Trust(Strict, frozen=True, kw_only=True):
    """Whom we believe, and how we prove who we are. Exactly one of `ca` and `public_ca` says whose certificates
    count; `certificate` and `key` are ours, where the server asks for them."""

    ca: Path | None = None
    public_ca: bool = False
    certificate: Path | None = None
    key: Path | None = None


def address(text: str) -> URL:
    """The address that a setting `url` names. Raises Unprotected unless it is https, SettingsError for what is no
    address or holds a password; such a text is not shown."""
    try:
        url = URL(text)
    except ValueError as error:
        raise SettingsError("connection.url: это не адрес; нужен вид https://сервер/путь") from error
    if url.scheme != "https":
        raise Unprotected(
            f"connection.url: «{url.scheme or 'без схемы'}» — канал без шифрования; нужен адрес https://…. {NOT_TRIED}"
        )
    if url.user is not None or url.password is not None:
        raise SettingsError(
            "connection.url: имя и пароль в адресе не пишут, он попадает в журналы; укажите username и "
            "password: {secret: ИМЯ}"
        )
    if not url.host:
        raise SettingsError("connection.url: в адресе нет имени сервера; нужен вид https://сервер/путь")
    return url


def checked(trust: Trust) -> None:
    """Raises Unprotected when nothing would prove who is at the other end; sends nothing."""
    if (trust.ca is None) == (not trust.public_ca):
        raise Unprotected(
            "connection.ca: нужен ровно один из ключей — ca: /путь/к/ca.pem (сертификат центра, который выдал "
            "сертификат сервера) или public_ca: true (верить общеизвестным центрам этой машины); без них сервер "
            f"нельзя узнать. {NOT_TRIED}"
        )
    if (trust.certificate is None) != (trust.key is None):
        raise SettingsError("connection: certificate и key указывают вместе")


def protection(trust: Trust) -> str:
    """What `Channel.protection` says of it."""
    whose = trust.ca.name if trust.ca else "общеизвестные центры"
    own = "; свой сертификат предъявляется" if trust.certificate else ""
    return f"TLS 1.2+, сертификат и имя проверяются ({whose}){own}"


def context(trust: Trust) -> ssl.SSLContext:
    """Verifies certificate and name. Raises Unprotected or SettingsError for files that cannot be read."""
    try:
        made = ssl.create_default_context(cafile=trust.ca)
    except (OSError, ssl.SSLError) as error:
        raise Unprotected(
            f"connection.ca: файл {trust.ca} не читается как сертификат PEM ({error.strerror or error}). {NOT_TRIED}"
        ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust.certificate and trust.key:
        _present(made, trust.certificate, trust.key)
    return made


def _present(made: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        if key.stat().st_mode & READABLE_BY_OTHERS:
            raise SettingsError(f"connection.key: {key} могут читать посторонние; выполните chmod 600")
        made.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise SettingsError(
            f"connection.certificate: {certificate} и {key} — не пара «сертификат и ключ» PEM без пароля"
        ) from error
    except OSError as error:
        raise SettingsError(f"{error.filename or certificate}: файл не читается ({error.strerror})") from error


@contextmanager
def faults_told(peer: str) -> Iterator[None]:
    """Whatever goes wrong with the connection inside the block leaves it as one of our errors."""
    try:
        yield
    except (aiohttp.ClientError, ssl.SSLError, ConnectionError, TimeoutError) as error:
        raise told(peer, error) from error


def told(peer: str, error: Exception) -> LkError:
    """The fault as one of our errors."""
    cause = _ssl_of(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unprotected(
            f"{peer}: сертификат сервера не принят ({_why(cause)}); соединение разорвано, ничего не отправлено. "
            "Выясните у поставщика, менялся ли сертификат"
        )
    if cause is not None and any(word in (cause.reason or "") for word in _NOT_LET_IN):
        return AccessDenied(f"{peer}: сервер не принял наш сертификат ({cause.reason}); проверьте certificate и key")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{peer}: сервер не ответил вовремя; попытка будет повторена")
    if isinstance(error, aiohttp.ClientConnectorSSLError) and not isinstance(cause, _LOST):
        reason = cause.reason if cause else None
        return Unprotected(f"{peer}: защищённый канал не установлен ({reason or 'сервер говорит не по TLS'})")
    return Unreachable(f"{peer}: связь оборвалась ({_brief(error)}); попытка будет повторена")


def why_lost(error: Unreachable, peer: str, url: URL, made: ssl.SSLContext) -> LkError | None:
    """More than `told` could say of a connection that ended before the answer began, if there is more to say."""
    cause = error.__cause__
    reset = isinstance(cause, OSError) and cause.errno == errno.ECONNRESET  # aiohttp's own kind of it, too
    if not reset and not isinstance(cause, aiohttp.ServerDisconnectedError):
        return None
    return hung_up(peer, str(url.host), url.port or HTTPS_PORT, made, seconds=HUNG_UP_SECONDS)


def hung_up(peer: str, host: str, port: int, made: ssl.SSLContext, *, seconds: float) -> LkError | None:
    """Why a server hung up instead of answering, if it is for our certificate; None: it does not hang up on a client
    that says nothing. By TLS 1.3 a server speaks of it only after the client holds the connection for open, and asyncio
    drops its word; so it is asked once more, with nothing sent."""
    try:
        with (
            socket.create_connection((host, port), timeout=seconds) as plain,
            made.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            wrapped.recv(1)
    except TimeoutError:
        return None
    except ConnectionResetError:
        pass  # hangs up as well, in a hurry: its word was lost with the connection
    except OSError as error:
        return told(peer, error)
    return Unreachable(
        f"{peer}: сервер разрывает соединение, не дожидаясь вопроса; возможно, он пускает только с сертификатом "
        "(certificate и key). Попытка будет повторена"
    )


def _ssl_of(error: BaseException | None) -> ssl.SSLError | None:
    """The fault of TLS behind an error of the client."""
    while error is not None:
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            error = error.certificate_error
        elif isinstance(error, ssl.SSLError):
            return error
        elif isinstance(error, aiohttp.ClientConnectorError):
            error = error.os_error
        else:
            error = error.__cause__
    return None


def _why(error: ssl.SSLCertVerificationError) -> str:
    words = {
        9: "ещё не действует",
        10: "просрочен",
        18: "самоподписанный",
        19: "его центра нет среди тех, кому мы верим",
        20: "его центра нет среди тех, кому мы верим",
        62: "выдан на другое имя",
        64: "выдан на другой адрес",
    }
    return words.get(error.verify_code, error.verify_message)


def _brief(error: Exception) -> str:
    """Without the address: it may hold a secret."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
