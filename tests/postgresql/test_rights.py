"""The page of the documentation as an administrator follows it: roles, rights, and who may do what with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lk_sync.cache.codes import Codes
from lk_sync.errors import AccessDenied
from lk_sync.postgresql.connection import connect
from lk_sync.store import audit, runs
from tests.at_the_store import PASSWORD, Kept, Server
from tests.store.test_postgresql import NOW

PAGE = Path(__file__).parents[2] / "docs" / "postgresql.ru.md"
ROLES = ("lk_engine", "lk_portal")


@pytest.fixture(scope="module")
def machines(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kept, Kept]]:
    """What the engine and the portal are given."""
    by_admin, by_owner = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    with server.postgres.connect() as admin:
        for statement in filter(None, map(str.strip, by_admin.split(";"))):
            if "lk_engine LOGIN" not in statement:  # the tests have it already
                admin.execute(statement)
        admin.execute(sql.SQL("ALTER ROLE lk_portal PASSWORD {}").format(sql.Literal(PASSWORD)))
    folder = tmp_path_factory.mktemp("rights")
    engine, portal = (Kept(folder, server.environment("lk", user=role)) for role in ROLES)
    assert engine.address is not None
    with connect(engine.address, "test", {}) as owner:
        owner.execute(by_owner)
    yield engine, portal
    with server.postgres.connect() as admin:
        admin.execute("DROP DATABASE lk WITH (FORCE)")
        admin.execute("DROP ROLE lk_portal")


def test_rights_are_enough_and_no_more(machines: tuple[Kept, Kept]) -> None:
    engine, portal = machines
    with pytest.raises(AccessDenied, match="выполните lk-sync check от имени владельца"):
        portal.store()
    with closing(portal.cache().reader()) as reader, reader.view() as view:
        assert view.states() == []
    engine.store().close()
    with closing(engine.cache().open()) as base:
        Codes(base).ids(["heat"])
    with closing(portal.store()) as store, closing(portal.cache().reader()) as reader:
        store.write_now(lambda tx: audit.append(tx, actor="a", act="b", object="c", now=NOW))
        assert len(audit.about(store.reading, object="c")) == 1
        assert store.read(runs.recent) == []
        with reader.view() as view:
            assert view.code_id("heat") == 1
    assert portal.address is not None
    with connect(portal.address, "test", {}) as session:
        for forbidden in (
            "DELETE FROM cache.accounts",
            "UPDATE cache.edition SET number = 0",
            "DROP TABLE store.audit",
            "CREATE TABLE store.mine (a TEXT)",
            "CREATE TABLE public.mine (a TEXT)",
            "TRUNCATE store.outbox",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(forbidden)
    with closing(portal.cache().open()) as base, pytest.raises(AccessDenied, match="у роли нет на это права"):
        Codes(base).ids(["cold"])


def test_tables_that_are_made_anew_are_read_as_before(machines: tuple[Kept, Kept], monkeypatch: Any) -> None:
    from lk_sync.cache import schema

    engine, portal = machines
    monkeypatch.setattr(schema, "LAYOUT", schema.LAYOUT + 1)
    with closing(engine.cache().open()) as base:
        Codes(base).ids(["cold"])
    with closing(portal.cache().reader()) as reader, reader.view() as view:
        assert view.code_id("cold") == 1
