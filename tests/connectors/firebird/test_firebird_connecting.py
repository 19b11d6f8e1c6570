"""Is a Firebird server really proven and the wire really encrypted, and does every refusal say what to do?"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from connectors.firebird.source import FirebirdSource
from demo import firebird as demo
from demo.certificates import Authority, ServerCertificate
from lk_sync.errors import AccessDenied, LkError, Unprotected, Unreachable
from tests.at_the_base import PASSWORD, wanted
from tests.at_the_firebird import READER, TheFirebird

OP_ACCEPT, OP_RESPONSE, OP_ATTACH = 3, 9, 19
FINE = struct.pack(">8I", OP_RESPONSE, 1, 0, 0, 0, 1, 0, 0)


def refusal(source: FirebirdSource, kind: type[LkError]) -> str:
    """The sentence; it names the server and holds no password, in whole or in parts."""
    with pytest.raises(kind) as caught, source.connect():
        pass
    text = str(caught.value)
    assert type(caught.value) is kind, text
    assert "127.0.0.1" in text
    assert PASSWORD not in text
    assert "SERVER=127" not in text
    assert "\n" not in text
    return text


def seen_by_server(bird: TheFirebird, **connection: Any) -> list[Any]:
    with bird.source(**connection).connect() as session:
        ((*seen,),) = session._main.do(
            session._main.ask,
            "SELECT RDB$GET_CONTEXT('SYSTEM', 'WIRE_ENCRYPTED'), TRIM(CURRENT_USER), MON$AUTH_METHOD,"
            " RDB$GET_CONTEXT('SYSTEM', 'ISOLATION_LEVEL'), MON$READ_ONLY FROM MON$ATTACHMENTS A"
            " JOIN MON$TRANSACTIONS T USING (MON$ATTACHMENT_ID) WHERE A.MON$ATTACHMENT_ID = CURRENT_CONNECTION",
        )
    return seen


def test_a_connection_is_encrypted_and_reads_one_moment_only(bird: TheFirebird) -> None:
    assert seen_by_server(bird) == ["TRUE", READER, "Srp256", "SNAPSHOT", 1]


def test_a_server_that_knows_only_the_older_srp_is_proven_too(bird: TheFirebird) -> None:
    assert seen_by_server(bird, auth=["Srp"])[2] == "Srp"


def test_a_wrong_password_a_stranger_and_a_wrong_base_are_told_apart(
    bird: TheFirebird, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_WRONG", "не тот")
    assert "Проверьте username, пароль" in refusal(bird.source(password={"secret": "WRONG"}), AccessDenied)
    assert "Проверьте username, пароль" in refusal(bird.source(username="NOBODY"), AccessDenied)
    assert "Проверьте database" in refusal(bird.source(database="nowhere"), AccessDenied)
    elsewhere = "/etc/hostname"  # not where the server allows bases to lie
    assert "сервер не пустил" in refusal(bird.source(database=elsewhere), AccessDenied)


def test_a_table_without_a_right_is_denied(bird: TheFirebird) -> None:
    bird.books('CREATE TABLE "Чужая" (LS varchar(9)); COMMIT;')
    with pytest.raises(AccessDenied, match="Нужно право SELECT"):
        bird.pull(wanted("payments", {"account": "LS"}, table="Чужая"))


def test_nobody_there_is_unreachable(bird: TheFirebird) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "до сервера не достучаться" in refusal(bird.source(port=port), Unreachable)


def test_a_server_that_stays_silent_is_given_up(bird: TheFirebird) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        refusal(bird.source(port=silent.getsockname()[1], connect_timeout=2), Unreachable)
    assert time.monotonic() - began < 6


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[demo.Firebird]:
    """A server as an old program wants it: nothing is encrypted, and another login is known besides."""
    with demo.throw_away(WireCrypt="Disabled", AuthServer="Legacy_Auth, Srp") as server:
        yield server


def test_a_server_that_does_not_encrypt_is_refused(bird: TheFirebird, careless: demo.Firebird) -> None:
    text = refusal(bird.source(port=careless.port), Unprotected)
    assert "нужны WireCrypt = Required" in text


class Impostor:
    """Answers like a server of long ago: it takes everybody, asks for no proof, and says that all is well."""

    def __init__(self, *protocols: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard = bytearray()
        threading.Thread(target=self._serve, args=(protocols[0],), daemon=True).start()

    def _serve(self, protocol: int) -> None:
        visitor, _ = self._socket.accept()
        with visitor:
            visitor.settimeout(5)
            self.heard += visitor.recv(65536)
            visitor.sendall(struct.pack(">4I", OP_ACCEPT, protocol, 1, 3) + FINE)  # in advance
            while data := visitor.recv(65536):
                self.heard += data
                visitor.sendall(FINE)

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("protocol", [10, 0x8000 | 11, 0x8000 | 12, 0x8000 | 13, 0x8000 | 15])
def test_an_impostor_that_asks_for_no_proof_is_refused_and_hears_nothing(bird: TheFirebird, protocol: int) -> None:
    """The client library itself would go on in plain text, whatever it was told to require."""
    impostor = Impostor(protocol)
    try:
        text = refusal(bird.source(port=impostor.port), Unprotected)
    finally:
        impostor.close()
    assert "Соединение прервано до передачи пароля и данных" in text
    assert struct.pack(">I", OP_ATTACH) not in impostor.heard[8:]
    assert PASSWORD.encode() not in impostor.heard


# A TLS tunnel before the server


@contextmanager
def tunnel(server: demo.Firebird, certificate: ServerCertificate) -> Iterator[int]:
    """What stunnel does on the server's machine. The port where it listens."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(server.host, server.port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async def stay(told: Future[int], over: asyncio.Event) -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as begun:
            told.set_result(begun.sockets[0].getsockname()[1])
            await over.wait()

    loop, told = asyncio.new_event_loop(), Future[int]()
    over = asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(stay(told, over))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told.result(10)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def test_a_tunnel_is_verified_and_goes_all_the_way(bird: TheFirebird, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "own")
    with tunnel(bird.server, authority.issue("firebird")) as port:
        reach = {"port": port, "tls": "verify-full", "ca": str(authority.ca)}
        assert seen_by_server(bird, **reach)[:3] == ["TRUE", READER, "Srp256"]
        stranger = Authority(tmp_path / "stranger")
        assert "Проверьте ca и host" in refusal(bird.source(**reach | {"ca": str(stranger.ca)}), Unprotected)
        assert "Проверьте ca и host" in refusal(bird.source(**reach | {"port": bird.server.port}), Unprotected)
    with tunnel(bird.server, authority.issue("other", names=("elsewhere.example",))) as port:
        assert "Проверьте ca и host" in refusal(bird.source(**reach | {"port": port}), Unprotected)


# The end of the process

LEFT_OPEN = """
import json, os, signal, sys
from pathlib import Path
from connectors.firebird.settings import FirebirdSettings
from connectors.firebird.source import FirebirdSource
from lk_sync import config
source = FirebirdSource(config.convert(json.loads(sys.argv[1]), FirebirdSettings, path=Path("source.yaml")))
with source.connect() as session:
    pages = session._main.each(session._main.ask.stream("SELECT R.RDB$FIELD_NAME FROM RDB$FIELDS R", rows=10))
    next(pages)
    if sys.argv[2] == "SIGTERM":
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    if sys.argv[2] == "error":
        raise ValueError("whatever")
    if sys.argv[2] == "exit":
        sys.exit(7)
"""


@pytest.mark.parametrize(("how", "code"), [("end", 0), ("exit", 7), ("error", 1), ("SIGTERM", -signal.SIGTERM)])
def test_the_process_ends_in_its_own_way(bird: TheFirebird, how: str, code: int) -> None:
    """The client library kills a process that leaves a connection open, with SIGSEGV, and takes SIGTERM for itself."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, json.dumps(bird.reach()), how],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == code, done.stderr
