"""Is a MariaDB really verified, and does every refusal say what to do and nothing secret?"""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.odbc.source import OdbcSource
from demo.certificates import Authority, ServerCertificate
from demo.mariadb import MariaDb
from lk_sync.errors import AccessDenied, LkError, SettingsError, Unprotected, Unreachable
from tests.at_the_base import PASSWORD, READER
from tests.at_the_mariadb import TheMariaDb
from tests.connectors.certificates_shown import showing

SEEN = """
SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1), @@tx_isolation, @@in_transaction, @@sql_mode, @@time_zone,
       @@max_statement_time
"""


def refusal(source: OdbcSource, kind: type[LkError]) -> str:
    """The sentence; it names the server and holds no password, in whole or in parts."""
    with pytest.raises(kind) as caught, source.connect():
        pass
    text = str(caught.value)
    assert type(caught.value) is kind
    assert "127.0.0." in text or "nowhere" in text
    assert PASSWORD not in text
    assert "SERVER=127" not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None
    return text


def asked(maria: TheMariaDb, sql: str, **connection: object) -> list[tuple[object, ...]]:
    with maria.source(**connection).connect() as session:
        return [tuple(row) for row in session._main.do(session._main.ask, sql)]


def test_a_verified_connection_is_tls_and_reads_one_moment_only(maria: TheMariaDb) -> None:
    assert asked(maria, SEEN) == [(READER, "REPEATABLE-READ", 1, "", "+00:00", 30.0)]
    assert asked(maria, "SHOW STATUS LIKE 'Ssl_version'") == [("Ssl_version", "TLSv1.3")]


def test_a_name_in_the_certificate_goes_over_the_net_and_not_through_a_socket(maria: TheMariaDb) -> None:
    assert asked(maria, "SHOW STATUS LIKE 'Ssl_version'", host="localhost") == [("Ssl_version", "TLSv1.3")]


def test_a_file_dsn_reaches_the_server(maria: TheMariaDb, tmp_path: Path) -> None:
    lines = (f"SERVER={maria.server.host}", f"PORT={maria.server.port}", "SSLVERIFY=1", f"SSLCA={maria.server.ca}")
    dsn = tmp_path / "a.dsn"
    dsn.write_text("\n".join(["[ODBC]", *lines]))
    assert asked(maria, "SELECT 1", dsn_file=str(dsn), host=None, port=None, tls=None, ca=None) == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO `Общая` VALUES (2)",
        "DELETE FROM `Общая`",
        "CREATE TABLE `Новая` (a int)",
        "SELECT `Пишет`()",
        "SELECT 1; DELETE FROM `Общая`",
    ],
)
def test_nothing_can_be_written_even_with_the_right_to(maria: TheMariaDb, statement: str) -> None:
    maria.books(
        "CREATE OR REPLACE TABLE `Общая` (a int); INSERT INTO `Общая` VALUES (1);"
        "CREATE OR REPLACE FUNCTION `Пишет`() RETURNS int BEGIN DELETE FROM `Общая`; RETURN 1; END;"
        f"GRANT ALL ON `{maria.name}`.* TO '{READER}'@'%'"
    )
    with maria.source().connect() as session, pytest.raises(LkError):
        session._main.do(session._main.ask, statement)
    maria.server.create_reader(maria.name, READER, PASSWORD)
    assert maria.books("SELECT a FROM `Общая`") == "1\n"
    assert maria.books("SHOW TABLES LIKE 'Новая'") == ""


def test_another_authority_is_refused(maria: TheMariaDb, tmp_path: Path) -> None:
    text = refusal(maria.source(ca=str(Authority(tmp_path).ca)), Unprotected)
    assert "self-signed certificate in certificate chain" in text
    assert "Проверьте ca" in text


def test_another_name_is_refused(maria: TheMariaDb) -> None:
    assert "Проверьте ca и host" in refusal(maria.source(host=MariaDb.other_address), Unprotected)


def test_a_certificate_of_another_server_is_refused(maria: TheMariaDb) -> None:
    with showing(maria.server, names=("other.example",)):
        assert "Validation of SSL server certificate failed" in refusal(maria.source(), Unprotected)


def test_an_expired_certificate_is_refused(maria: TheMariaDb) -> None:
    with showing(maria.server, expired=True):
        assert "certificate has expired" in refusal(maria.source(), Unprotected)
    assert asked(maria, "SELECT 1") == [(1,)]


# Somebody else answers


def packet(body: bytes, *, number: int = 0) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def greeting(*, tls: bool) -> bytes:
    """The first words of a server; its capabilities say whether it speaks TLS."""
    low, high = (0xFFFE if tls else 0xF7FE), 0x81BF
    end = struct.pack("<I", 0x1D) + b"ijklmnopqrst\0mysql_native_password\0"
    numbers = struct.pack("<HBHHB", low, 45, 2, high, 21)
    return packet(b"\n5.5.5-10.11.18-MariaDB\0" + struct.pack("<I", 7) + b"abcdefgh\0" + numbers + b"\0" * 6 + end)


@pytest.fixture
def impostor() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answering(server: socket.socket, answer: bytes) -> list[bytes]:
    """What a visitor says to one who has said `answer`."""
    heard: list[bytes] = []

    def serve() -> None:
        visitor, _ = server.accept()
        with visitor:
            visitor.sendall(answer)
            visitor.settimeout(5)
            while more := visitor.recv(4096):
                heard.append(more)

    threading.Thread(target=serve, daemon=True).start()
    return heard


def test_a_server_without_tls_is_refused_and_hears_nothing(maria: TheMariaDb, impostor: socket.socket) -> None:
    heard = answering(impostor, greeting(tls=False))
    text = refusal(maria.source(port=impostor.getsockname()[1]), Unprotected)
    assert "the server does not support it" in text
    assert "TLS (ssl_cert, ssl_key)" in text
    assert heard == []


def test_what_is_no_mariadb_is_unreachable(maria: TheMariaDb, impostor: socket.socket) -> None:
    heard = answering(impostor, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" * 20)
    refusal(maria.source(port=impostor.getsockname()[1], connect_timeout=2), Unreachable)
    assert not any(PASSWORD.encode() in part or READER.encode() in part for part in heard)


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [(1040, "Too many connections", Unreachable), (1130, "Host '10.0.0.1' is not allowed", AccessDenied)],
)
def test_what_is_said_before_tls_stands_is_told(
    maria: TheMariaDb, impostor: socket.socket, number: int, words: str, kind: type[LkError]
) -> None:
    answering(impostor, packet(b"\xff" + struct.pack("<H", number) + words.encode()))
    assert words in refusal(maria.source(port=impostor.getsockname()[1]), kind)


def test_a_server_that_asks_for_a_file_of_ours_gets_none(
    maria: TheMariaDb, impostor: socket.socket, tmp_path: Path
) -> None:
    """The protocol lets a server answer any question with a demand for a file, as if it had been LOAD DATA LOCAL."""
    secret = tmp_path / "secret"
    secret.write_text("тайна")
    heard = demanding(impostor, maria.server.authority.issue("robber"), secret)
    refusal(maria.source(port=impostor.getsockname()[1], statement_timeout=2), Unreachable)
    assert any(b"max_statement_time" in part for part in heard)
    assert not any("тайна".encode() in part for part in heard)


def demanding(server: socket.socket, certificate: ServerCertificate, file: Path) -> list[bytes]:
    """What a visitor says to one who shows a good certificate, lets him in, and demands the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    heard: list[bytes] = []

    def serve() -> None:
        plain, _ = server.accept()
        plain.sendall(greeting(tls=True))
        plain.recv(36)  # the wish for TLS
        with context.wrap_socket(plain, server_side=True) as visitor:
            heard.append(visitor.recv(4096))
            visitor.sendall(packet(b"\0\0\0\2\0\0\0", number=heard[-1][3] + 1))
            heard.append(visitor.recv(4096))
            visitor.sendall(packet(b"\xfb" + bytes(file), number=1))
            while more := visitor.recv(4096):
                heard.append(more)

    threading.Thread(target=serve, daemon=True).start()
    return heard


# The server itself says no


def test_a_wrong_password_is_refused_and_never_quoted(maria: TheMariaDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_OTHER_PASSWORD", "не тот пароль")
    text = refusal(maria.source(password={"secret": "OTHER_PASSWORD"}), AccessDenied)
    assert "не тот пароль" not in text
    assert "Access denied" in text
    assert "Проверьте username, пароль" in text


@pytest.mark.parametrize("password", [" x", "x ", "x\t"])
def test_a_password_that_the_driver_would_cut_is_refused_and_never_quoted(
    maria: TheMariaDb, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_OTHER_PASSWORD", f"{password}\n" if password.endswith("x") else password)
    with (
        pytest.raises(SettingsError, match=r"connection\.password: пробел"),
        maria.source(password={"secret": "OTHER_PASSWORD"}).connect(),
    ):
        pass


def test_an_unknown_database_is_refused(maria: TheMariaDb) -> None:
    assert "нет такой" in refusal(maria.source(database="нет такой"), AccessDenied)


@pytest.mark.parametrize(
    "hostile", ["a;Server=127.0.0.2;", "{a}", "}", "}}", "\\", "'", 'a"b', "SSLVERIFY=0", "й ё", "a};SSLVERIFY=0;{"]
)
@pytest.mark.parametrize("field", ["database", "username"])
def test_a_hostile_name_stays_a_name(maria: TheMariaDb, field: str, hostile: str) -> None:
    text = refusal(maria.source(**{field: hostile}), AccessDenied)
    assert f"'{hostile}'" in text  # the server, verified as before, has been asked for just this name


def test_a_hostile_password_stays_a_password(maria: TheMariaDb) -> None:
    assert "SERVER=" in PASSWORD
    assert asked(maria, "SELECT 1") == [(1,)]


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_that_is_down_is_unreachable(maria: TheMariaDb, closed_port: int) -> None:
    assert "Can't connect" in refusal(maria.source(port=closed_port), Unreachable)


def test_a_name_that_nobody_has_is_unreachable(maria: TheMariaDb) -> None:
    assert "nowhere.invalid" in refusal(maria.source(host="nowhere.invalid"), Unreachable)


def test_a_server_that_keeps_silent_is_left_in_time(maria: TheMariaDb) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        refusal(maria.source(port=silent.getsockname()[1], connect_timeout=2), Unreachable)
        assert time.monotonic() - began < 8


def test_a_server_that_is_full_is_tried_again_later(maria: TheMariaDb) -> None:
    maria.server.run(f"ALTER USER '{READER}'@'%' WITH MAX_USER_CONNECTIONS 1")
    try:
        with maria.source().connect():
            assert "сервер пока занят" in refusal(maria.source(), Unreachable)
    finally:
        maria.server.run(f"ALTER USER '{READER}'@'%' WITH MAX_USER_CONNECTIONS 0")


ASKING = """
import json, sys
from tests.at_the_base import *
source = OdbcSource(config.convert(json.loads(sys.argv[1]), OdbcSettings, path=Path("source.yaml")))
with source.connect() as session:
    print(session._main.do(session._main.ask, "SELECT 'answered'"))
"""
TALKATIVE = """
[ODBC]
Trace = Yes
TraceFile = {folder}/trace.log
[MariaDB Unicode]
Driver = libmaodbc.so
"""


def test_traces_and_option_files_of_the_machine_stay_out(maria: TheMariaDb, tmp_path: Path) -> None:
    """In a process of its own, for the driver manager reads the machine's settings once."""
    (tmp_path / "odbcinst.ini").write_text(TALKATIVE.format(folder=tmp_path))
    (tmp_path / ".my.cnf").write_text("[client]\nhost=127.0.0.9\nssl-verify-server-cert=0\n[odbc]\nport=1\n")
    done = subprocess.run(
        [sys.executable, "-c", ASKING, json.dumps(maria.reach())],
        env={**os.environ, "ODBCSYSINI": str(tmp_path), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "answered" in done.stdout, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".my.cnf", "odbcinst.ini"]
