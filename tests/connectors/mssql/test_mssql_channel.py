"""Is a SQL Server that does not prove who it is refused before it hears a name or a password?"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from connectors.odbc.mssql import SqlServer, connect
from connectors.odbc.settings import OdbcSettings
from connectors.odbc.source import OdbcSource
from demo.certificates import Authority
from lk_sync import config
from lk_sync.errors import AccessDenied, LkError, SettingsError, Unprotected, Unreachable
from tests.connectors.mssql.tds_peer import NOT_SUPPORTED, OFF, ON, Login, TdsPeer

PASSWORD = "п;SERVER=127.0.0.2;PWD={'\\\" Ё"
SPOILING = {"TDSDUMP": "/tmp/lk-tds-dump", "TDSVER": "7.0", "FREETDSCONF": "/nowhere"}  # noqa: S108 - never written


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_BASE_PASSWORD", PASSWORD)
    for name, value in SPOILING.items():  # what the machine might say
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def settings(**connection: Any) -> OdbcSettings:
    plain = {"dialect": "mssql", "host": "127.0.0.1", "database": "a;PWD=b", "username": "lk; reader",
             "tls": "verify-full", "password": {"secret": "BASE_PASSWORD"}, "connect_timeout": 3}  # fmt: skip
    said = {key: value for key, value in (plain | connection).items() if value is not None}
    return config.convert(said, OdbcSettings, path=Path("source.yaml"))


def refusal(kind: type[LkError], **connection: Any) -> str:
    with pytest.raises(kind) as caught, OdbcSource(settings(**connection)).connect():
        pass
    assert type(caught.value) is kind, str(caught.value)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_proven_server_hears_name_and_password_through_tls_only(authority: Authority) -> None:
    with TdsPeer(authority.issue("own")) as peer:
        text = refusal(AccessDenied, port=peer.port, ca=str(authority.ca))
    assert "Login failed" in text
    assert peer.asked is not None
    assert peer.asked & 1, "the client demands encryption"
    assert peer.login == Login("lk; reader", PASSWORD, "a;PWD=b", "lk-sync")
    assert PASSWORD.encode("utf-16le") not in peer.plain
    assert not Path(SPOILING["TDSDUMP"]).exists()


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("stranger", "self-signed certificate"),
        ("other name", "IP address mismatch"),
        ("expired", "has expired"),
    ],
)
def test_a_certificate_that_proves_nothing_ends_it_before_the_login(
    authority: Authority, tmp_path: Path, way: str, why: str
) -> None:
    shown = {
        "stranger": lambda: Authority(tmp_path / "stranger").issue("own"),
        "other name": lambda: authority.issue("other", names=("elsewhere.example",)),
        "expired": lambda: authority.issue("expired", expired=True),
    }[way]()
    with TdsPeer(shown) as peer:
        text = refusal(Unprotected, port=peer.port, ca=str(authority.ca))
    assert why in text
    assert "Проверьте ca и host" in text
    assert peer.login is None


@pytest.mark.parametrize("offers", [OFF, ON, NOT_SUPPORTED])
def test_a_server_that_does_not_demand_encryption_hears_nothing(authority: Authority, offers: int) -> None:
    with TdsPeer(authority.issue("own"), offers=offers) as peer:
        text = refusal(Unprotected, port=peer.port, ca=str(authority.ca))
    assert "включите на сервере Force Encryption" in text
    assert peer.login is None
    assert "lk; reader".encode("utf-16le") not in peer.plain


def test_nobody_there_is_unreachable(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "Проверьте host, port" in refusal(Unreachable, port=port, ca=str(authority.ca))


@pytest.mark.parametrize("tls", [None, "require", "yes"])
def test_settings_that_would_not_verify_are_refused(authority: Authority, tls: str | None) -> None:
    assert "напишите tls: verify-full" in refusal(Unprotected, tls=tls, ca=str(authority.ca))
    assert "не указан файл с сертификатом" in refusal(Unprotected)


def test_the_section_of_freetds_says_all_that_its_string_cannot(authority: Authority) -> None:
    dialect, own = SqlServer(), settings(ca=str(authority.ca), port=5)
    endpoint = OdbcSource(own)._endpoint()
    fixed, values = dialect.attributes(endpoint, own, PASSWORD)
    conf = Path(os.environ["FREETDSCONF"])
    said = conf.read_text("utf-8").partition(f"[{fixed['Servername']}]")[2].partition("[")[0]
    for line in ("encryption = require", f"ca file = {authority.ca}", "check certificate hostname = yes",
                 "tds version = 7.4", "host = 127.0.0.1", "port = 5"):  # fmt: skip
        assert f"\t{line}\n" in said
    assert conf.parent.stat().st_mode & 0o077 == 0
    assert values == {"Database": "a;PWD=b", "UID": "lk; reader", "PWD": PASSWORD}
    assert "verify" not in "".join(fixed)
    odd = authority.folder / "a;b.pem"
    odd.write_bytes(authority.ca.read_bytes())
    unreadable = settings(ca=str(odd), port=5)
    with pytest.raises(SettingsError, match="назовите файл проще"):
        dialect.attributes(OdbcSource(unreadable)._endpoint(), unreadable, PASSWORD)
    for value in ("a}", "};SERVER=evil;PWD={"):
        with pytest.raises(SettingsError, match=r"connection\.password: знак «}» FreeTDS не передаёт"):
            dialect.attributes(endpoint, own, value)


def test_microsofts_driver_is_told_to_be_strict_and_an_older_one_is_refused(authority: Authority) -> None:
    dialect, own = SqlServer(), settings(ca=str(authority.ca), port=5, driver="/opt/lib/libmsodbcsql-18.4.so.1.1")
    endpoint = OdbcSource(own)._endpoint()
    fixed, values = dialect.attributes(endpoint, own, PASSWORD)
    assert (
        fixed.items() >= {"Encrypt": "strict", "TrustServerCertificate": "no", "ApplicationIntent": "ReadOnly"}.items()
    )
    assert values["Server"] == "127.0.0.1,5"
    assert values["ServerCertificate"] == str(authority.ca)
    assert "Encrypt=strict" in dialect.protection(endpoint)
    old = settings(ca=str(authority.ca), driver="/opt/lib/libmsodbcsql-17.10.so.1.1")
    with pytest.raises(Unprotected, match=r"поставьте\s+msodbcsql18 или FreeTDS"):
        dialect.attributes(OdbcSource(old)._endpoint(), old, PASSWORD)
    assert connect.made_by_microsoft("/opt/x/libmsodbcsql-18.so")
