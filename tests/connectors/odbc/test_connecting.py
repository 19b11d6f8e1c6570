"""Is the server really verified, and does every refusal say what to do and nothing secret?"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.odbc.source import OdbcSource
from demo.certificates import Authority
from demo.postgres import Postgres
from lk_sync.errors import AccessDenied, BadData, LkError, Unprotected, Unreachable
from tests.at_the_base import PASSWORD, SECRET, TheBase
from tests.connectors.certificates_shown import showing


def refusal(source: OdbcSource, kind: type[LkError]) -> str:
    """The sentence; it names the server and holds no password, in whole or in parts."""
    with pytest.raises(kind) as caught, source.connect():
        pass
    text = str(caught.value)
    assert type(caught.value) is kind
    assert "127.0.0." in text or "nowhere" in text or "localhost" in text
    assert PASSWORD not in text
    assert "SERVER=127" not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None
    return text


def seen_by_server(base: TheBase, **connection: Any) -> dict[str, Any]:
    with base.source(**connection).connect() as session:
        ask = session._main.ask
        ((name, tls, isolation, read_only, application),) = session._main.do(
            ask,
            "SELECT current_user, s.version, current_setting('transaction_isolation'),"
            " current_setting('transaction_read_only'), a.application_name"
            " FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) WHERE s.pid = pg_backend_pid()",
        )
    return {"name": name, "tls": tls, "isolation": isolation, "read_only": read_only, "application": application}


def test_a_verified_connection_is_tls_and_reads_one_moment_only(base: TheBase) -> None:
    assert seen_by_server(base) == {
        "name": "lk_reader",
        "tls": "TLSv1.3",
        "isolation": "repeatable read",
        "read_only": "on",
        "application": "lk-sync",
    }


@pytest.mark.parametrize(
    "statement",
    [
        'INSERT INTO "Общая" VALUES (2)',
        'DELETE FROM "Общая"',
        'CREATE TABLE "Новая" (a int)',
        'SELECT "Пишет"()',
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT nextval('числа')",
    ],
)
def test_nothing_can_be_written_even_with_the_right_to(base: TheBase, statement: str) -> None:
    base.books.execute(
        'DROP TABLE IF EXISTS "Общая"; CREATE TABLE "Общая" (a int); INSERT INTO "Общая" VALUES (1);'
        " CREATE SEQUENCE IF NOT EXISTS числа; GRANT ALL ON SCHEMA public TO lk_reader;"
        ' GRANT ALL ON "Общая", числа TO lk_reader;'
        """ CREATE OR REPLACE FUNCTION "Пишет"() RETURNS int LANGUAGE sql AS 'DELETE FROM "Общая"; SELECT 1'"""
    )
    with base.source().connect() as session, pytest.raises(BadData, match="SQLSTATE 25"):
        session._main.do(session._main.ask, statement)
    base.books.execute("REVOKE CREATE ON SCHEMA public FROM lk_reader")
    assert base.books.execute('SELECT a FROM "Общая"').fetchall() == [(1,)]


def test_a_name_in_the_certificate_is_as_good_as_an_address(base: TheBase) -> None:
    assert seen_by_server(base, host="localhost")["tls"] == "TLSv1.3"


def test_a_file_dsn_reaches_the_server(base: TheBase, tmp_path: Path) -> None:
    lines = (f"Server={base.server.host}", f"Port={base.server.port}", "SSLmode=verify-full")
    dsn = tmp_path / "a.dsn"
    dsn.write_text("\n".join(["[ODBC]", *lines, f"pqopt={{sslrootcert={base.server.ca}}}"]))
    assert seen_by_server(base, dsn_file=str(dsn), host=None, port=None, tls=None, ca=None)["tls"] == "TLSv1.3"


def test_another_authority_is_refused(base: TheBase, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    text = refusal(base.source(ca=str(stranger.ca)), Unprotected)
    assert "certificate verify failed" in text
    assert "Проверьте ca" in text


def test_another_name_is_refused(base: TheBase) -> None:
    text = refusal(base.source(host=Postgres.other_address), Unprotected)
    assert "does not match host name" in text


def test_an_expired_certificate_is_refused(base: TheBase) -> None:
    with showing(base.server, expired=True):
        text = refusal(base.source(), Unprotected)
    assert "certificate verify failed" in text
    assert "срок" in text
    assert seen_by_server(base)["tls"] == "TLSv1.3"


def test_a_certificate_of_another_server_is_refused(base: TheBase) -> None:
    with showing(base.server, names=("other.example",)):
        assert "does not match host name" in refusal(base.source(), Unprotected)


def test_a_server_without_tls_is_refused(base: TheBase) -> None:
    """It answers the request for TLS with N, as PostgreSQL with ssl=off does."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        heard = _answering(plain, b"N")
        text = refusal(base.source(port=plain.getsockname()[1]), Unprotected)
        assert "SSL" in text
        assert heard == [b"\x00\x00\x00\x08\x04\xd2\x16\x2f"]  # the request for TLS, and nothing after it


def _answering(plain: socket.socket, answer: bytes) -> list[bytes]:
    heard: list[bytes] = []

    def serve() -> None:
        peer, _ = plain.accept()
        with peer:
            heard.append(peer.recv(64))
            peer.sendall(answer)
            if more := peer.recv(64):
                heard.append(more)

    threading.Thread(target=serve, daemon=True).start()
    return heard


def test_a_wrong_password_is_refused_and_never_quoted(base: TheBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_OTHER_PASSWORD", "не тот пароль")
    text = refusal(base.source(password={"secret": "OTHER_PASSWORD"}), AccessDenied)
    assert "не тот пароль" not in text
    assert "password authentication failed" in text


def test_an_unknown_database_is_refused(base: TheBase) -> None:
    assert "does not exist" in refusal(base.source(database="нет такой"), AccessDenied)


@pytest.mark.parametrize(
    "hostile", ["x' host='127.0.0.2", "a;Server=127.0.0.2;", "{a}", "}", "\\", "'", 'a"b', "sslmode=disable", "й ё"]
)
@pytest.mark.parametrize("field", ["database", "username"])
def test_a_hostile_name_stays_a_name(base: TheBase, field: str, hostile: str) -> None:
    text = refusal(base.source(**{field: hostile}), AccessDenied)
    assert f'"{hostile}"' in text  # the server, verified as before, has been asked for just this name


def test_a_hostile_password_stays_a_password(base: TheBase) -> None:
    assert "SERVER=" in PASSWORD
    assert seen_by_server(base)["name"] == "lk_reader"


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_that_is_down_is_unreachable(base: TheBase, closed_port: int) -> None:
    assert "Connection refused" in refusal(base.source(port=closed_port), Unreachable)


def test_a_name_that_nobody_has_is_unreachable(base: TheBase) -> None:
    assert "nowhere.invalid" in refusal(base.source(host="nowhere.invalid"), Unreachable)


def test_a_server_that_keeps_silent_is_left_in_time(base: TheBase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        text = refusal(base.source(port=silent.getsockname()[1], connect_timeout=2), Unreachable)
        assert time.monotonic() - began < 8
    assert "timeout expired" in text


def test_a_server_that_is_full_is_tried_again_later(base: TheBase) -> None:
    base.books.execute("ALTER ROLE lk_reader CONNECTION LIMIT 0")
    try:
        assert "too many connections" in refusal(base.source(), Unreachable)
    finally:
        base.books.execute("ALTER ROLE lk_reader CONNECTION LIMIT -1")


def test_a_secret_that_is_not_set_is_asked_for_by_name(base: TheBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LK_BASE_PASSWORD")
    with pytest.raises(LkError, match="LK_BASE_PASSWORD"), base.source(password=SECRET).connect():
        pass


TALKATIVE = """
[ODBC]
Trace = Yes
TraceFile = {folder}/trace.log
[PostgreSQL Unicode]
Driver = psqlodbcw.so
Debug = 9
CommLog = 1
UseDeclareFetch = 1
[PostgreSQL]
Debug = 9
CommLog = 1
Logdir = {folder}
"""


ASKING = """
import json, os, sys
from tests.at_the_base import *
source = OdbcSource(config.convert(json.loads(sys.argv[1]), OdbcSettings, path=Path("source.yaml")))
with source.connect() as session:
    print(os.getpid(), session._main.do(session._main.ask, "SELECT 'answered'"))
"""


def test_logs_and_traces_of_the_machine_stay_off(base: TheBase, tmp_path: Path) -> None:
    """In a process of its own, for the driver reads the machine's settings once."""
    (tmp_path / "odbcinst.ini").write_text(TALKATIVE.format(folder=tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", ASKING, json.dumps(base.reach())],
        env={**os.environ, "ODBCSYSINI": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "answered" in done.stdout, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["odbcinst.ini"]
    assert list(Path("/tmp").glob(f"*{done.stdout.split()[0]}.log")) == []  # noqa: S108 - where psqlODBC writes
