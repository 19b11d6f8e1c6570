"""The proxy itself: does each fault look to both ends as its name says?"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Fault, Proxy


class Echo:
    """A server that answers every byte with itself and remembers how its last visitor left."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.left: list[str] = []
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            with visitor:
                try:
                    while data := visitor.recv(4096):
                        visitor.sendall(data)
                    self.left.append("end")
                except ConnectionResetError:
                    self.left.append("reset")
            self.gone.set()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


def visitor(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=2)


def read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


def test_without_a_fault_all_bytes_pass(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy, visitor(proxy) as client:
        client.sendall(b"x" * 1000)
        assert read(client, 1000) == b"x" * 1000
        assert proxy.connections == 1


def test_a_closed_connection_ends_in_order_at_the_byte(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("close", at=3)
        with visitor(proxy) as client:
            client.sendall(b"abcdef")
            assert read(client, 6) == b"abc"
        assert echo.gone.wait(2)
    assert echo.left == ["end"]


def test_a_reset_is_a_reset_for_both_ends(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("reset", at=3)
        with visitor(proxy) as client:
            client.sendall(b"abcdef")
            with pytest.raises(ConnectionResetError):
                read(client, 6)
        assert echo.gone.wait(2)
    assert echo.left == ["reset"]


def test_silence_keeps_the_connection_open(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("silence", at=3)
        with visitor(proxy) as client:
            client.sendall(b"abcdef")
            assert read(client, 3) == b"abc"
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.sendall(b"ghi")


def test_one_bit_of_one_byte_is_flipped(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("flip", at=2, direction="to_server")
        with visitor(proxy) as client:
            client.sendall(b"aaaa")
            assert read(client, 4) == b"aa`a"


def test_a_refused_connection_is_reset_at_once(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("refuse")
        with pytest.raises(ConnectionResetError), visitor(proxy) as client:
            client.recv(1)


def test_a_slow_line_passes_everything_late(echo: Echo) -> None:
    with Proxy("127.0.0.1", echo.port) as proxy:
        proxy.fault = Fault("slow", at=0, pause=0.05)
        with visitor(proxy) as client:
            client.sendall(b"x" * 3000)
            assert read(client, 3000) == b"x" * 3000
