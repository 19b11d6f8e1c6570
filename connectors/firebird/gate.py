"""Gate: what leaves for the server before the wire is encrypted, and who ends a wait that would never end?

libfbclient, told `WireCrypt=Required`, still goes on in plain text when a server answers as an old one and asks for no
proof (libfbclient 3.0.11, seen in December 2026). So it speaks through this relay, which lets packets of the proof pass
until the one that turns encryption on; anything else ends the connection. From then on the key is one that a server
without the password's verifier cannot have.

A server that falls silent would keep libfbclient for good; the relay hangs up on it.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

from connectors.firebird.handshake import Handshake, NotAProof
from connectors.firebird.settings import Endpoint
from lk_sync.errors import Unprotected, Unreachable

LOOPBACK: Final = "127.0.0.1"
CHUNK: Final = 256 * 1024
_LOOK_SECONDS: Final = 0.5


class Gate:
    """A relay for one connection. `port`: where on this machine the client library connects. `refused`: something was
    about to leave in plain text; `silent`: the server was hung up on."""

    def __init__(self, endpoint: Endpoint, *, connect_timeout: float, statement_timeout: float) -> None:
        """Reach the server. Raises Unreachable, and Unprotected when a tunnel does not prove itself."""
        self._patience = connect_timeout
        self._statement_timeout = statement_timeout
        self._asked_at: float | None = None
        self._heard_at = 0.0
        self._handshake = Handshake()
        self.refused = self.silent = False
        self._server = _reached(endpoint, connect_timeout)
        self._listener = socket.create_server((LOOPBACK, 0), backlog=1)
        self._listener.settimeout(connect_timeout)
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._relay, name=f"firebird gate {endpoint.peer}", daemon=True).start()

    @property
    def encrypted(self) -> bool:
        return self._handshake.encrypted

    def opened(self) -> None:
        """From now on the server may think for as long as a statement may last."""
        self._patience = self._statement_timeout

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Meanwhile the client library waits for the server's word."""
        self._asked_at = time.monotonic()
        try:
            yield
        finally:
            self._asked_at = None

    def close(self) -> None:
        """Hang up on both sides. Safe to repeat."""
        for end in (self._listener, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                end.close()

    def _relay(self) -> None:
        try:
            client, _ = self._listener.accept()
            self._listener.close()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pass_on(client)
        except NotAProof:
            self.refused = True
        except (OSError, ValueError):  # one side has hung up, or `close` was called
            pass
        finally:
            self.close()

    def _pass_on(self, client: socket.socket) -> None:
        """Both ways until one side ends, the server is silent for too long, or something must not leave."""
        with selectors.DefaultSelector() as ends:
            ends.register(client, selectors.EVENT_READ)
            ends.register(self._server, selectors.EVENT_READ)
            while not self._fell_silent():
                ready = [key.fileobj for key, _ in ends.select(_LOOK_SECONDS)]
                if self._server in ready and not self._from_server(client):
                    return
                if client in ready and not self._from_client(client):
                    return

    def _fell_silent(self) -> bool:
        asked_at = self._asked_at
        self.silent = asked_at is not None and time.monotonic() - max(asked_at, self._heard_at) > self._patience
        return self.silent

    def _from_server(self, client: socket.socket) -> bool:
        while (data := self._heard()) is not None:
            if not data:
                return False
            self._heard_at = time.monotonic()
            client.sendall(data)
            if not isinstance(self._server, ssl.SSLSocket):
                break
        return True

    def _heard(self) -> bytes | None:
        """What has come; b"" = the server has hung up, None = nothing yet (of TLS only a part, or words of its own)."""
        if not isinstance(self._server, ssl.SSLSocket):
            return self._server.recv(CHUNK)
        patience = self._server.gettimeout()
        self._server.settimeout(0)
        try:
            return self._server.recv(CHUNK)
        except ssl.SSLWantReadError:
            return None
        finally:
            self._server.settimeout(patience)

    def _from_client(self, client: socket.socket) -> bool:
        data = client.recv(CHUNK)
        if leaving := self._handshake.passed(data):
            self._server.sendall(leaving)
        return bool(data)


def _reached(endpoint: Endpoint, seconds: float) -> socket.socket:
    try:
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout=seconds)
    except OSError as error:
        raise Unreachable(
            f"{endpoint.peer}: до сервера не достучаться: {error.strerror or error}. Проверьте host, port, сеть и "
            "работает ли сервер"
        ) from None
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return _in_tunnel(plain, endpoint) if endpoint.ca else plain


def _in_tunnel(plain: socket.socket, endpoint: Endpoint) -> socket.socket:
    try:
        context = ssl.create_default_context(cafile=str(endpoint.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context.wrap_socket(plain, server_hostname=endpoint.host)
    except TimeoutError:
        plain.close()
        raise Unreachable(f"{endpoint.peer}: туннель TLS молчит; проверьте host и port") from None
    except OSError as error:  # ssl.SSLError among them
        plain.close()
        raise Unprotected(
            f"{endpoint.peer}: туннель TLS не доказал, что он тот самый: {error}. Соединение прервано до передачи "
            "пароля. Проверьте ca и host: центр, выдавший сертификат, и имя в нём"
        ) from None
