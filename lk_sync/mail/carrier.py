"""Carrier: how does a letter reach the mail server, and when is it certain that it did not?

Over TLS only, with the server's certificate and name verified. One connection carries many letters. The text
leaves with DATA: before that nothing was delivered; after it only the server's answer tells.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from lk_sync.config import Mail
from lk_sync.errors import AccessDenied, SettingsError, Unreachable

FOR_GOOD: Final = 500
NO_SUCH_ADDRESS: Final = frozenset({550, 551, 553})
POLICY: Final = "5.7."  # RFC 3463: it is us whom the server does not like
LETTERS_PER_CONNECTION: Final = 100


class Refused(Exception):
    """The server answered that it does not take the letter. `for_good`: it never will. `no_such_address`: it is not the
    letter that it dislikes."""

    def __init__(self, code: int, text: str, *, at_recipient: bool = False) -> None:
        super().__init__(f"{code} {text}")
        self.for_good = code >= FOR_GOOD
        self.no_such_address = at_recipient and code in NO_SUCH_ADDRESS and POLICY not in text


class Unanswered(Exception):
    """The text left, and the connection broke before the answer: nobody knows."""


class Carrier:
    """One connection to the mail server, opened when it is needed."""

    def __init__(self, mail: Mail, *, hostname: str, environment: Mapping[str, str]) -> None:
        self._mail = mail
        self._hostname = hostname
        self._password = mail.password.value(environment) if mail.password else None
        self._tls = _context(mail)
        self._server: aiosmtplib.SMTP | None = None
        self._carried = 0

    async def deliver(
        self, message: EmailMessage, *, sender: str, recipient: str, about_to_send: Callable[[], Awaitable[bool]]
    ) -> str:
        """The server's answer when it has taken the letter. `about_to_send` may still forbid it.

        Raises Unreachable or AccessDenied (nothing was sent), Refused (not taken), Unanswered (nobody knows).
        """
        server = await self._connected()
        try:
            await server.mail(sender)
            await server.rcpt(recipient)
        except SMTPSenderRefused as error:
            await self._start_over(server)
            raise AccessDenied(
                f"почтовый сервер {self._name} не принимает писем от {sender} ({error.code} {error.message}); "
                "исправьте mail.sender или mail.username"
            ) from error
        except SMTPResponseException as error:
            await self._start_over(server)
            raise Refused(error.code, error.message, at_recipient=True) from error
        except (SMTPException, OSError) as error:
            await self.close()
            raise Unreachable(f"почтовый сервер {self._name} оборвал связь ({error})") from error
        if not await about_to_send():
            await self._start_over(server)
            raise Refused(0, "письмо отправляет другой процесс")
        return await self._send(server, message)

    async def _send(self, server: aiosmtplib.SMTP, message: EmailMessage) -> str:
        try:
            answer = await server.data(message.as_bytes())
        except SMTPResponseException as error:
            await self._start_over(server)
            raise Refused(error.code, error.message) from error
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
            await self.close()
            raise Unanswered(str(error)) from error
        self._carried += 1
        if self._carried >= LETTERS_PER_CONNECTION:
            await self.close()
        return f"{answer.code} {answer.message}"

    async def close(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        transport = server.transport
        with suppress(SMTPException, OSError):
            if server.is_connected:
                await server.quit()
        await _drop(server, transport)

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._server is not None and self._server.is_connected:
            return self._server
        await self.close()
        server = self._new()
        try:
            await server.connect()
        except SMTPAuthenticationError as error:
            await _drop(server, server.transport)
            raise AccessDenied(
                f"почтовый сервер {self._name} не принял имя и пароль ({error.code} {error.message}); "
                "исправьте mail.username и секрет mail.password"
            ) from error
        except (SMTPException, OSError, ssl.SSLError) as error:
            await _drop(server, server.transport)
            raise _unreachable(self._name, error) from error
        self._server, self._carried = server, 0
        return server

    def _new(self) -> aiosmtplib.SMTP:
        mail = self._mail
        return aiosmtplib.SMTP(
            hostname=mail.host,
            port=mail.port,
            local_hostname=self._hostname,
            username=mail.username,
            password=self._password.reveal() if self._password else None,
            use_tls=mail.security == "tls",
            start_tls=mail.security == "starttls",
            tls_context=self._tls,
            timeout=mail.timeout_seconds,
        )

    async def _start_over(self, server: aiosmtplib.SMTP) -> None:
        """After a refusal the connection serves the next letter."""
        try:
            await server.rset()
        except (SMTPException, OSError):
            await self.close()

    @property
    def _name(self) -> str:
        return f"{self._mail.host}:{self._mail.port}"


def _context(mail: Mail) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(mail.ca) if mail.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"mail.ca: {mail.ca} – сертификат центра не читается ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _drop(server: aiosmtplib.SMTP, transport: asyncio.BaseTransport | None) -> None:
    """Ends the connection now: a TLS farewell would keep its socket open for as long as the server likes."""
    server.close()
    if (abort := getattr(transport, "abort", None)) is not None:
        abort()
        await asyncio.sleep(0)


def _unreachable(name: str, error: Exception) -> Unreachable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"почтовый сервер {name}: сертификат не подтверждён ({cause.verify_message}); письма ждут. "
                "Проверьте mail.host и mail.ca"
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable(f"почтовый сервер {name} недоступен ({error})")
