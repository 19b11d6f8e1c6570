"""Proof: may FreeTDS be let near this server?

The beginning of the talk is had by ourselves first: PRELOGIN, then TLS inside of TDS packets, with the same authority
and name. No user and no password is said. It tells what FreeTDS has no words for (whose certificate is wrong, and why),
and what FreeTDS 1.3.17 lets pass: told to require encryption, it still goes on in plain text after the login when the
answer to PRELOGIN, which nothing protects, says so. A server that demands encryption of everybody cannot be talked into
that.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Final

from connectors.odbc.settings import Endpoint

PRELOGIN: Final = 0x12
ENCRYPTION: Final = 0x01
OFF, DEMANDED = 0x00, 0x03
_HEAD: Final = struct.Struct(">BBHHBB")
_ASKING: Final = struct.pack(">BHHBHHB", 0, 11, 6, ENCRYPTION, 17, 1, 0xFF) + bytes([9, 0, 0, 0, 0, 0, OFF])
MOST: Final = 64 * 1024


def doubt(endpoint: Endpoint, seconds: float) -> str | None:
    """What is wrong with the one who answers; None = nothing, or nobody answers."""
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=seconds) as peer:
            _send(peer, _ASKING)
            if _encryption(_packet(peer)) != DEMANDED:
                return "он не требует шифрования от всех; включите на сервере Force Encryption"
            _shake_hands(peer, endpoint)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message or str(error)
    except ssl.SSLError as error:
        return str(error.reason or error)
    except (OSError, ValueError, struct.error):
        return None
    return None


def _shake_hands(peer: socket.socket, endpoint: Endpoint) -> None:
    context = ssl.create_default_context(cafile=str(endpoint.ca))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=endpoint.host)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            _send(peer, outgoing.read())
            incoming.write(_packet(peer))
        else:
            return


def _send(peer: socket.socket, words: bytes) -> None:
    if words:
        peer.sendall(_HEAD.pack(PRELOGIN, 1, _HEAD.size + len(words), 0, 0, 0) + words)


def _packet(peer: socket.socket) -> bytes:
    size = _HEAD.unpack(_exactly(peer, _HEAD.size))[2]
    return _exactly(peer, size - _HEAD.size)


def _exactly(peer: socket.socket, size: int) -> bytes:
    if not 0 <= size <= MOST:
        raise ValueError(size)
    heard = b""
    while len(heard) < size:
        data = peer.recv(size - len(heard))
        if not data:
            raise ValueError("no more")
        heard += data
    return heard


def _encryption(answer: bytes) -> int:
    """What the answer to PRELOGIN says of it."""
    at = 0
    while answer[at : at + 1] not in (b"", b"\xff"):
        token, offset, _size = struct.unpack_from(">BHH", answer, at)
        if token == ENCRYPTION and offset < len(answer):
            return int(answer[offset])
        at += 5
    raise ValueError("no word of encryption")
