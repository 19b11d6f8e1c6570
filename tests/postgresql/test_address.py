"""The address of the server: refused unless the way there is protected, and never repeated."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.certificates import Authority
from lk_sync.errors import AccessDenied, LkError, SettingsError, Unprotected, Unreachable
from lk_sync.postgresql import address
from lk_sync.postgresql.connection import connect
from tests.at_the_store import OWNER, PASSWORD, Kept, Server

SECRET = "sesame"
BASE = f"postgresql://lk:{SECRET}@db.example.ru"


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_text("")
    return str(path)


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("", SettingsError, "нужен адрес вида postgresql://"),
        ("mysql://lk:sesame@db/lk", SettingsError, "нужен адрес вида postgresql://"),
        ("host=db password=sesame", SettingsError, "нужен адрес вида postgresql://"),
        ("postgresql://lk:sesame%zz@db/lk", SettingsError, "адрес не разобрать"),
        ("postgresql://lk:ses/ame@db/lk", SettingsError, "не указано имя пользователя"),
        ("postgresql://lk:ses/ame@db/lk?user=lk", SettingsError, "адрес не разобрать"),
        ("postgresql://lk:x@sesame@db/lk?sslmode=verify-full&sslrootcert=/x", SettingsError, "адрес не разобрать"),
        (f"{BASE}/lk?sslmod=verify-full", SettingsError, "адрес не разобрать"),
        (f"{BASE}/lk?options=-csearch_path%3Dx", SettingsError, "параметр options не нужен"),
        (f"{BASE}/lk?gssencmode=prefer", SettingsError, "параметр gssencmode не нужен"),
        ("postgresql:///lk?user=lk", SettingsError, "не указано имя сервера"),
        (f"{BASE}/?sslmode=verify-full", SettingsError, "не указано имя базы"),
        ("postgresql://db.example.ru/lk", SettingsError, "не указано имя пользователя"),
        (f"{BASE}/lk", Unprotected, "добавьте sslmode=verify-full и sslrootcert="),
        (f"{BASE}/lk?sslmode=require", Unprotected, "канал до базы не защищён"),
        (f"{BASE}/lk?sslmode=verify-ca&sslrootcert=/ca", Unprotected, "канал до базы не защищён"),
        (f"{BASE}/lk?sslmode=verify-full", Unprotected, "sslrootcert — полный путь"),
        (f"{BASE}/lk?sslmode=verify-full&sslrootcert=ca.pem", Unprotected, "sslrootcert — полный путь"),
        (f"{BASE}/lk?sslmode=verify-full&sslrootcert=system", Unprotected, "sslrootcert — полный путь"),
        (f"{BASE}/lk?sslmode=verify-full&sslrootcert=/no/such", Unprotected, "нет файла /no/such"),
        (f"postgresql://lk:{SECRET}@db,%2Frun/lk?sslmode=verify-full", SettingsError, "оставьте одно"),
    ],
)
def test_an_address_that_protects_nothing_is_refused_without_being_repeated(
    url: str, kind: type[LkError], says: str
) -> None:
    with pytest.raises(kind, match=re.escape(says)) as found:
        address.parse(url)
    assert "sesame" not in str(found.value)
    assert found.value.__cause__ is None
    assert found.value.__suppress_context__ or found.value.__context__ is None


def test_a_protected_address_says_whom_it_reaches_and_by_what(ca: str) -> None:
    found = address.parse(f"postgresql://lk:{SECRET}@db1:6432,db2/lk?sslmode=verify-full&sslrootcert={ca}")
    assert found.peer == "PostgreSQL db1:6432,db2:5432/lk"
    assert found.protection == f"TLS, сертификат и имя сервера проверяются по {ca}"
    assert SECRET not in f"{found} {found!r} {vars(found)}"
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own, on its way to a child
    assert found.parameters["gssencmode"] == "disable"


def test_a_socket_of_this_machine_needs_no_certificate() -> None:
    found = address.parse("postgresql://lk@/lk?host=/run/postgresql")
    assert (found.peer, found.protection) == (
        "PostgreSQL /run/postgresql/lk",
        "сокет этого компьютера, из сети его не видно",
    )


def test_it_is_read_from_a_variable_or_a_file_that_others_cannot_read(tmp_path: Path, ca: str) -> None:
    url = f"{BASE}/lk?sslmode=verify-full&sslrootcert={ca}"
    file = tmp_path / "url"
    file.write_text(f"{url}\n")
    file.chmod(0o600)
    assert address.from_environment({}) is None
    assert address.from_environment({address.SETTING: url}) == address.parse(url)
    assert address.from_environment({f"{address.SETTING}_FILE": str(file)}) == address.parse(url)
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        address.from_environment({f"{address.SETTING}_FILE": str(file)})


def _reach(server: Server, **other: Any) -> None:
    connect(address.parse(server.url("postgres", **other)), "test", {}, seconds=2).close()


@pytest.mark.parametrize(
    ("other", "kind", "says"),
    [
        (lambda server, folder: {"password": "wrong"}, AccessDenied, "сервер не пустил"),
        (lambda server, folder: {"user": "nobody"}, AccessDenied, "сервер не пустил"),
        (lambda server, folder: {"sslrootcert": str(Authority(folder / "x").ca)}, Unprotected, "не доказал"),
        (lambda server, folder: {"sslrootcert": __file__}, Unprotected, "не доказал"),
        (lambda server, folder: {"host": server.postgres.other_address}, Unprotected, "не доказал"),
        (lambda server, folder: {"port": "1"}, Unreachable, "база недоступна"),
    ],
)
def test_what_the_server_or_the_way_there_is_at_fault_with_is_told(
    server: Server, tmp_path: Path, other: Callable[[Server, Path], dict[str, Any]], kind: type[LkError], says: str
) -> None:
    with pytest.raises(kind, match=says) as found:
        _reach(server, **other(server, tmp_path))
    assert PASSWORD not in str(found.value)
    assert found.value.__cause__ is None


def test_the_environment_of_libpq_weakens_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGSSLMODE", "disable"), ("PGOPTIONS", "-c synchronous_commit=off"), ("PGHOST", "/nowhere")):
        monkeypatch.setenv(name, value)
    with connect(address.parse(server.url("postgres")), "test", {}) as session:
        (encrypted,) = session.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() or (0,)
        (durable,) = session.execute("SHOW synchronous_commit").fetchone() or (0,)
    assert (encrypted, durable) == (True, "on")


def test_check_says_what_protects_the_way_to_the_data(shared: Kept) -> None:
    from lk_sync import databases
    from tests.flow.conftest import World

    world = World(shared.folder, shared.environment)
    world.store.close()
    for connect_ in (False, True):
        said = databases.look(world.config, connect=connect_)
        assert "TLS, сертификат и имя сервера проверяются" in said
        assert ("хранилище отвечает, в кэше наборов: 0" in said) == connect_
        assert PASSWORD not in said
        assert OWNER not in said
    assert all(size > 8192 for size in databases.sizes(world.config))
