"""Mailbox: where do the letters of the demo arrive?

A real mail server on this machine: TLS or STARTTLS with a certificate of the demo's own authority, name and
password, and every letter as a file in a folder. It can be told to behave like the servers that make life hard:
`mailbox.next_time(Fault.GREYLIST)` is what happens to the next letter that somebody tries to hand over.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from demo import aside
from demo.certificates import ServerCertificate

HOST = "127.0.0.1"


class Fault(Enum):
    """What the server does to a letter instead of taking it."""

    GREYLIST = "451 at RCPT: come back later"
    UNKNOWN_RECIPIENT = "550 at RCPT: there is no such mailbox"
    SENDER_REFUSED = "553 at MAIL: not from you"
    DROP_AT_MAIL = "the connection breaks at MAIL"
    DROP_IN_DATA = "the connection breaks while the text arrives; the letter is not taken"
    DROP_AFTER_DOT = "the letter is taken, the connection breaks before the answer"
    SILENT_AFTER_DOT = "the letter is taken, the answer never comes"
    FULL = "452 after the text: no room now"
    REFUSED_TEXT = "554 after the text: not with this content"
    NONE = "taken as usual"


@dataclass
class Mailbox:
    """The running server. `letters` are those it has taken, oldest first."""

    folder: Path
    username: str
    password: str
    host: str = HOST
    port: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    connections: int = 0
    attempts: int = 0

    def next_time(self, *faults: Fault) -> None:
        """One fault for each of the next letters."""
        self.faults.extend(faults)

    def letters(self, to: str | None = None) -> list[EmailMessage]:
        found = [self._read(path) for path in sorted(self.folder.glob("*.eml"))]
        return [letter for letter in found if to is None or letter["Delivered-To"] == to]

    async def arrived(self, number: int, *, within_seconds: float = 20) -> list[EmailMessage]:
        """The letters, once there are `number` of them. Raises TimeoutError."""
        async with asyncio.timeout(within_seconds):
            while len(found := self.letters()) < number:  # noqa: ASYNC110 - they appear as files
                await asyncio.sleep(0.05)
        return found

    def keep(self, envelope: Envelope) -> None:
        """Writes the letter whole, under a name that sorts by arrival."""
        number = len(list(self.folder.glob("*.eml"))) + 1
        recipients = "".join(f"Delivered-To: {each}\r\n" for each in envelope.rcpt_tos)
        text = envelope.original_content or b""
        part = self.folder / f"{number:06d}.eml.part"
        part.write_bytes(f"Return-Path: <{envelope.mail_from}>\r\n{recipients}".encode() + text)
        part.rename(part.with_suffix(""))

    def _read(self, path: Path) -> EmailMessage:
        return BytesParser(policy=policy.default).parsebytes(path.read_bytes())  # type: ignore[return-value]  # the policy makes EmailMessage


@contextmanager
def running(
    folder: Path,
    certificate: ServerCertificate,
    *,
    username: str,
    password: str,
    port: int = 0,
    security: Literal["tls", "starttls"] = "tls",
) -> Iterator[Mailbox]:
    """Serves from a thread of its own until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    mailbox = Mailbox(folder, username, password)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    with aside.running(_serving(mailbox, tls, port, security), "mailbox"):
        yield mailbox


@asynccontextmanager
async def _serving(mailbox: Mailbox, tls: ssl.SSLContext, port: int, security: str) -> AsyncIterator[None]:
    server = await _serve(mailbox, tls, port, security)
    try:
        yield
    finally:
        await _stop(server)


async def _serve(mailbox: Mailbox, tls: ssl.SSLContext, port: int, security: str) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    implicit = security == "tls"

    def connection() -> SMTP:
        return _Connection(
            _Desk(mailbox),
            hostname="localhost",
            ident="demo mailbox",
            tls_context=None if implicit else tls,
            require_starttls=not implicit,
            auth_require_tls=not implicit,  # the whole connection is encrypted then
            authenticator=_Doorman(mailbox),
            loop=loop,
        )

    server = await loop.create_server(connection, mailbox.host, port, ssl=tls if implicit else None)
    mailbox.port = server.sockets[0].getsockname()[1]
    return server


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Doorman:
    """Lets in whoever knows the one name and password."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def __call__(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = (
            isinstance(data, LoginPassword)
            and data.login.decode() == self._mailbox.username
            and hmac.compare_digest(data.password, self._mailbox.password.encode())
        )
        return AuthResult(success=right, handled=right)


class _Connection(SMTP):
    """One visit. Breaks off where the fault of the letter in hand says so."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.mailbox.connections += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the name that aiosmtpd looks for
        if self.event_handler.fault is not Fault.DROP_IN_DATA:
            await super().smtp_DATA(arg)
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        await self._reader.readuntil(b"\r\n")
        self.transport.abort()
        await asyncio.Event().wait()  # ends with the connection; what is still in the buffer is no command


class _Desk:
    """Decides about the letters of one connection."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.fault = Fault.NONE

    async def handle_MAIL(  # noqa: N802 - as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        self.mailbox.attempts += 1
        self.fault = self.mailbox.faults.popleft() if self.mailbox.faults else Fault.NONE
        if self.fault is Fault.DROP_AT_MAIL:
            server.transport.abort()
        if self.fault is Fault.SENDER_REFUSED:
            return "553 5.7.1 This sender is not yours"
        envelope.mail_from = address
        return "250 2.1.0 Sender is fine"

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault is Fault.GREYLIST:
            return "451 4.7.1 Greylisted, come back later"
        if self.fault is Fault.UNKNOWN_RECIPIENT:
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient is fine"

    async def handle_DATA(  # noqa: N802 - as above
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.fault is Fault.FULL:
            return "452 4.2.2 No room now"
        if self.fault is Fault.REFUSED_TEXT:
            return "554 5.7.1 Not with this content"
        self.mailbox.keep(envelope)
        if self.fault is Fault.DROP_AFTER_DOT:
            server.transport.abort()
        if self.fault is Fault.SILENT_AFTER_DOT:
            await asyncio.Event().wait()
        return "250 2.0.0 Taken"
