"""Peer: what does SQL Server say until somebody has logged in, and what does it hear?

Only the handshake of TDS 7.4: PRELOGIN, TLS inside of TDS packets, LOGIN7, and a refusal (error 18456). It keeps
what it heard before and after encryption.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from demo.certificates import ServerCertificate

PRELOGIN, LOGIN7, ANSWER = 0x12, 0x10, 0x04
ENCRYPTION, OFF, ON, NOT_SUPPORTED, REQUIRED = 0x01, 0x00, 0x01, 0x02, 0x03
_HEAD: Final = struct.Struct(">BBHHBB")


@dataclass
class Login:
    user: str
    password: str
    database: str
    application: str


class TdsPeer:
    """Use as a context manager. `offers`: what it says of encryption when it is asked."""

    def __init__(self, certificate: ServerCertificate, *, offers: int = REQUIRED) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2  # as TDS 7.4 has it
        self._offers = offers
        self.asked: int | None = None
        self.login: Login | None = None
        self.plain = bytearray()

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for a visitor
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            with visitor, suppress(OSError, EOFError):  # the visitor did not like what it saw
                visitor.settimeout(10)
                self._talk(visitor)

    def _talk(self, visitor: socket.socket) -> None:
        self.asked = _options(self._packet(visitor))[ENCRYPTION][0]
        _send(visitor, ANSWER, _prelogin(self._offers))
        if self._offers == NOT_SUPPORTED:
            self._packet(visitor)
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = self._context.wrap_bio(incoming, outgoing, server_side=True)
        done = False
        while not done:
            try:
                secure.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            if words := outgoing.read():
                _send(visitor, PRELOGIN, words)
            if not done:
                incoming.write(self._packet(visitor))
        self._listen(visitor, incoming, outgoing, secure)

    def _listen(
        self, visitor: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, secure: ssl.SSLObject
    ) -> None:
        heard = bytearray()
        while len(heard) < _HEAD.size or len(heard) < _HEAD.unpack_from(heard)[2]:
            try:
                heard += secure.read(65536)
            except ssl.SSLWantReadError:
                data = visitor.recv(65536)
                if not data:
                    raise EOFError from None
                incoming.write(data)
        self.login = _login(bytes(heard[_HEAD.size :]))
        text = "Login failed for user."
        body = struct.pack("<iBBH", 18456, 1, 14, len(text)) + text.encode("utf-16le") + b"\0\0" + struct.pack("<i", 1)
        error = b"\xaa" + struct.pack("<H", len(body)) + body
        done = b"\xfd" + struct.pack("<HHQ", 2, 0, 0)
        secure.write(_HEAD.pack(ANSWER, 1, _HEAD.size + len(error + done), 0, 1, 0) + error + done)
        visitor.sendall(outgoing.read())

    def _packet(self, visitor: socket.socket) -> bytes:
        head = _exactly(visitor, _HEAD.size)
        body = _exactly(visitor, _HEAD.unpack(head)[2] - _HEAD.size)
        self.plain += head + body
        return body


def _exactly(visitor: socket.socket, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        data = visitor.recv(size - len(heard))
        if not data:
            raise EOFError
        heard += data
    return heard


def _send(visitor: socket.socket, kind: int, body: bytes) -> None:
    visitor.sendall(_HEAD.pack(kind, 1, _HEAD.size + len(body), 0, 1, 0) + body)


def _options(body: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while body[at] != 0xFF:
        token, offset, length = struct.unpack_from(">BHH", body, at)
        found[token] = body[offset : offset + length]
        at += 5
    return found


def _prelogin(encryption: int) -> bytes:
    version = bytes([13, 0, 0, 0, 0, 0])
    tokens = struct.pack(">BHH", 0, 11, len(version)) + struct.pack(">BHH", ENCRYPTION, 11 + len(version), 1) + b"\xff"
    return tokens + version + bytes([encryption])


def _login(body: bytes) -> Login:
    places = struct.unpack_from("<" + "HH" * 9, body, 36)
    texts = [body[places[i] : places[i] + 2 * places[i + 1]] for i in range(0, len(places), 2)]
    secret = bytes(((byte ^ 0xA5) << 4 | (byte ^ 0xA5) >> 4) & 0xFF for byte in texts[2])
    _, user, _, application, *_ = (text.decode("utf-16le") for text in texts)
    return Login(user, secret.decode("utf-16le"), texts[8].decode("utf-16le"), application)
