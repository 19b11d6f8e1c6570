"""Is every way of reaching a server without proof of who it is refused, before a byte is sent?"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.odbc import driver
from connectors.odbc.mariadb import MariaDb
from connectors.odbc.postgresql import PostgreSQL
from connectors.odbc.settings import OdbcSettings
from connectors.odbc.source import DIALECTS, OdbcSource
from lk_sync import config
from lk_sync.errors import SettingsError, Unprotected


class Listener:
    """Somebody who only listens. `heard` counts those who came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.heard += 1
            visitor.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.close()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\n")
    return path


def source(**connection: Any) -> OdbcSource:
    plain = {"host": "127.0.0.1", "database": "books", "username": "lk", "password": {"secret": "BASE_PASSWORD"}}
    setting = {key: value for key, value in (plain | connection).items() if value is not None}
    return OdbcSource(config.convert(setting, OdbcSettings, path=Path("source.yaml")))


def refused(one: OdbcSource, kind: type[SettingsError] = Unprotected) -> str:
    """What `channel` and `connect` say, both the same."""
    with pytest.raises(kind) as judged:
        one.channel()
    with pytest.raises(kind) as tried, one.connect():
        pass
    assert str(judged.value) == str(tried.value)
    return str(judged.value)


@pytest.mark.parametrize(
    ("dialect", "peer", "proof"),
    [
        ("postgresql", "PostgreSQL books.example:5432", "verify-full"),
        ("mariadb", "MariaDB books.example:3306", "SSLVERIFY"),
    ],
)
def test_the_channel_says_who_is_asked_and_what_proves_it(ca: Path, dialect: str, peer: str, proof: str) -> None:
    channel = source(dialect=dialect, tls="verify-full", ca=str(ca), host="books.example").channel()
    assert channel.peer == f"{peer}/books"
    assert proof in channel.protection
    assert str(ca) in channel.protection


@pytest.mark.parametrize("tls", [None, "", "disable", "allow", "prefer", "require", "verify-ca", "VERIFY-FULL"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_anything_but_full_verification_is_refused_before_a_byte_is_sent(
    dialect: str, tls: str | None, listener: Listener, ca: Path
) -> None:
    text = refused(source(dialect=dialect, tls=tls, ca=str(ca), port=listener.port))
    assert "connection.tls" in text
    assert "напишите tls: verify-full" in text
    assert listener.heard == 0


def test_the_listener_would_have_heard_a_connection(listener: Listener, ca: Path) -> None:
    with socket.create_connection(("127.0.0.1", listener.port)) as visit:
        visit.recv(1)
    assert listener.heard == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_missing_authority_is_refused(dialect: str, listener: Listener) -> None:
    text = refused(source(dialect=dialect, tls="verify-full", port=listener.port))
    assert "connection.ca" in text
    assert listener.heard == 0


def test_an_authority_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "не читается" in refused(source(tls="verify-full", ca=str(tmp_path / "none.pem")))


def test_an_authority_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("не сертификат")
    assert "нет сертификата" in refused(source(tls="verify-full", ca=str(tmp_path / "ca.pem")))


@pytest.mark.parametrize("host", ["a,b", "/var/run/postgresql", "a b", "x' host='y", "", "a;Server=b", "{a}", "a\nb"])
def test_a_host_that_is_not_one_name_is_refused(host: str, ca: Path) -> None:
    assert "connection.host" in refused(source(tls="verify-full", ca=str(ca), host=host), SettingsError)


def test_an_unknown_key_is_refused_with_the_nearest_right_one() -> None:
    with pytest.raises(SettingsError, match=r"sslmod.*"):
        source(sslmode="require")


# File DSN


def dsn(folder: Path, *lines: str) -> str:
    path = folder / "accounting.dsn"
    path.write_text("\n".join(["[ODBC]", *lines]), "utf-8")
    return str(path)


def test_a_file_dsn_is_read_into_the_same_fields(tmp_path: Path, ca: Path) -> None:
    lines = ("Driver=PostgreSQL Unicode", "Servername=b.example", "Port=5433", "Database=d", "Username=u")
    file = dsn(tmp_path, *lines, "SSLmode=verify-full", f"pqopt={{sslrootcert={ca}}}")
    one = source(dsn_file=file, host=None, database=None, username=None)
    assert one.channel().peer == "PostgreSQL b.example:5433/d"
    assert str(ca) in one.channel().protection


def test_a_file_dsn_of_mariadb_is_read_into_the_same_fields(tmp_path: Path, ca: Path) -> None:
    lines = ("Driver=MariaDB Unicode", "SERVER=b.example", "PORT=3307", "DB=d", "USER=u", "CHARSET=utf8mb4")
    file = dsn(tmp_path, *lines, "FORCETLS=1", "SSLVERIFY=1", f"SSLCA={ca}")
    one = source(dialect="mariadb", dsn_file=file, host=None, database=None, username=None)
    assert one.channel().peer == "MariaDB b.example:3307/d"
    assert str(ca) in one.channel().protection


@pytest.mark.parametrize(("key", "value"), [("SSLVERIFY", "0"), ("FORCETLS", "0"), ("TCPIP", "0"), ("SSLVERIFY", "")])
def test_a_file_dsn_of_mariadb_that_does_not_verify_is_refused(
    key: str, value: str, tmp_path: Path, ca: Path, listener: Listener
) -> None:
    file = dsn(tmp_path, "SERVER=127.0.0.1", f"{key}={value}")
    one = source(dialect="mariadb", dsn_file=file, tls="verify-full", ca=str(ca), port=listener.port)
    text = refused(one)
    assert f"напишите {key}=1" in text
    assert file in text
    assert listener.heard == 0


@pytest.mark.parametrize(
    "line", ["INITSTMT=SET x=1", "OPTION=67108864", "USE_MYCNF=1", "SOCKET=/x", "PLUGIN_DIR=/x", "TLSPEERFP=x", "DSN=x"]
)
def test_a_key_of_a_file_dsn_of_mariadb_that_could_weaken_the_channel_is_refused_by_name(
    line: str, tmp_path: Path, ca: Path
) -> None:
    text = refused(source(dialect="mariadb", dsn_file=dsn(tmp_path, line), tls="verify-full", ca=str(ca)))
    assert line.partition("=")[0].lower() in text


@pytest.mark.parametrize("mode", ["disable", "require", "verify-ca", "prefer"])
def test_a_file_dsn_that_does_not_verify_is_refused_even_beside_a_setting_that_does(
    mode: str, tmp_path: Path, ca: Path, listener: Listener
) -> None:
    file = dsn(tmp_path, f"SSLmode={mode}")
    text = refused(source(dsn_file=file, tls="verify-full", ca=str(ca), port=listener.port))
    assert file in text
    assert "SSLmode=verify-full" in text
    assert listener.heard == 0


def test_a_file_dsn_without_a_word_on_tls_is_refused(tmp_path: Path, ca: Path) -> None:
    assert "tls: verify-full" in refused(source(dsn_file=dsn(tmp_path, "Server=b"), ca=str(ca), host=None))


@pytest.mark.parametrize(
    "line", ["ConnSettings=SET x", "Debug=1", "CommLog=1", "UseDeclareFetch=1", "pqopt={sslmode=disable}", "FileDSN=x"]
)
def test_a_key_of_a_file_dsn_that_could_weaken_the_channel_is_refused_by_name(
    line: str, tmp_path: Path, ca: Path
) -> None:
    text = refused(source(dsn_file=dsn(tmp_path, line), tls="verify-full", ca=str(ca)))
    assert line.partition("=")[0].lower() in text


@pytest.mark.parametrize("key", ["Pwd", "Password"])
def test_a_password_in_a_file_dsn_is_refused(key: str, tmp_path: Path) -> None:
    text = refused(source(dsn_file=dsn(tmp_path, f"{key}=s3cr3t"), tls="verify-full"), SettingsError)
    assert "s3cr3t" not in text
    assert "password: {secret:" in text


def test_a_setting_that_contradicts_the_file_dsn_is_refused(tmp_path: Path, ca: Path) -> None:
    file = dsn(tmp_path, "Server=other.example", "SSLmode=verify-full")
    text = refused(source(dsn_file=file, ca=str(ca), host="books.example"), SettingsError)
    assert "books.example" in text
    assert "other.example" in text


@pytest.mark.parametrize("text", ["", "Server=x", "[Other]\nServer=x", "[ODBC]\nServer=x\nServer=y", "\0"])
def test_a_file_that_is_no_file_dsn_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.dsn"
    path.write_text(text)
    assert str(path) in refused(source(dsn_file=str(path)), SettingsError)


def test_a_file_dsn_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "не читается" in refused(source(dsn_file=str(tmp_path / "none.dsn")), SettingsError)


def test_what_is_missing_is_asked_for_by_name(ca: Path) -> None:
    assert "допишите database" in refused(source(tls="verify-full", ca=str(ca), database=None), SettingsError)


# Driver


def test_a_driver_that_is_not_installed_is_asked_for(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_BASE_PASSWORD", "x")
    one = source(tls="verify-full", ca=str(ca), driver="PostgreSQL Uniсode")  # with a Cyrillic с
    with pytest.raises(SettingsError, match="apt install odbc-postgresql"), one.connect():
        pass


@pytest.mark.parametrize("version", ["9.6.24", "12.0.20"])
def test_a_server_that_is_too_old_is_refused_with_its_version(version: str) -> None:
    with pytest.raises(SettingsError, match=f"{version} не поддерживается: нужна версия 13"):
        PostgreSQL().accept(version)


@pytest.mark.parametrize("version", ["13.0.0", "18.0.1"])
def test_a_later_server_is_taken(version: str) -> None:
    PostgreSQL().accept(version)


@pytest.mark.parametrize("version", ["5.5.000068", "10.2.000044"])
def test_a_mariadb_that_is_too_old_is_refused_with_its_version(version: str) -> None:
    with pytest.raises(SettingsError, match=f"MariaDB {version} не поддерживается: нужна версия 10.3"):
        MariaDb().accept(version)


@pytest.mark.parametrize("version", ["10.3.000001", "11.8.000002", "12.0.000002"])
def test_a_later_mariadb_is_taken(version: str) -> None:
    MariaDb().accept(version)


def test_a_driver_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="нет файла"):
        driver.find(str(tmp_path / "x.so"), known_names=(), package="p")


def test_no_value_can_end_its_braces() -> None:
    text = driver.connection_string({"A": "1"}, {"Pwd": "a};Server=b;x={", "Uid": "}"})
    assert text == "A=1;Pwd={a}};Server=b;x={};Uid={}}};"


def test_a_zero_character_is_refused() -> None:
    with pytest.raises(SettingsError, match="кодом 0"):
        driver.connection_string({}, {"Pwd": "a\0b"})
