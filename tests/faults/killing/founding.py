"""Founding: how does a town come to be?

Its settings are the demo's: those that are shipped, with the SFTP drop of this machine for the way to the accounting
system. The drop is served by a process of its own, which is nobody's victim.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Final, Literal

import asyncssh
import yaml
from psycopg.conninfo import make_conninfo

from demo import drop, local_settings
from demo.local_settings import Peer
from demo.postgres import ADMIN, Postgres
from demo.sql_base import load
from lk_sync.cache import schema
from tests.faults.killing.counters import note
from tests.faults.killing.town import VISITOR, Town
from tests.faults.killing.trades import serve_the_drop
from tests.faults.killing.victims import Victim, fork
from tests.faults.ways import READER, READER_PASSWORD, over_odbc

BASE: Final = "killing"
START_SECONDS: Final = 30
TIMETABLE: Final = """
time_zone: Europe/Moscow
jobs:
  pull: {pull: accounting, full: true, every: 1s}
  push: {push: accounting, every: 1s}
"""


@contextmanager
def founded(folder: Path, *, accounts: int, server: Postgres | None = None) -> Iterator[Town]:
    """A town whose drop is being served. With `server` its books are kept in a base there, and read by ODBC."""
    town = Town(folder, accounts, None if server is None else _address(server))
    for path in (town.truths, town.cache.parent):
        path.mkdir(parents=True, exist_ok=True)
    heard, said = Pipe(duplex=False)
    trade = fork(serve_the_drop, town.drop, folder / "drop_key", _new_key(folder / "our_key"), said)
    served = Victim("drop", folder, trade)
    served.start()
    try:
        assert heard.poll(START_SECONDS), "the drop does not answer"
        theirs = drop.public_line(drop.host_key(folder / "drop_key"))
        _write_settings(town, Peer(host="127.0.0.1", port=heard.recv(), username=VISITOR, proof=theirs))
        if server is not None:
            _keep_books_in(server, town)
        schema.open_for_writing(town.cache).close()
        yield town
    finally:
        served.kill()


def _new_key(file: Path) -> str:
    """A private key in `file`; its public line."""
    file.touch(mode=0o600)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(file)
    return drop.public_line(key)


def _write_settings(town: Town, drop_: Peer) -> None:
    """The demo's settings for this machine, but with a key for a password: a process needs no environment then."""
    config = town.folder / "config"
    local_settings.write(config, port=0, data=town.cache.parent, drop=drop_, mail=drop_, pull_every="1s")
    for part in ("sources", "sinks"):
        setting = _among_months_to_come(_read(config / part / "accounting.yaml"))
        del setting["connection"]["password"]
        setting["connection"]["key_file"] = str(town.folder / "our_key")
        _write(config / part / "accounting.yaml", setting)
    town.timetable.write_text(TIMETABLE, "utf-8")


def _among_months_to_come(setting: dict[str, Any]) -> dict[str, Any]:
    """A month of the books passes in seconds here: that it is still to come is no reason to stop."""
    for dataset in setting.get("datasets", {}).values():
        dataset["guards"] = dataset.get("guards", {}) | {"rules": {"future": "warn"}}
    return setting


def _address(server: Postgres) -> str:
    """How the accounting system itself comes to its base."""
    return make_conninfo(
        host=server.host,
        port=server.port,
        dbname=BASE,
        user=ADMIN,
        password=server.admin_password,
        sslmode="verify-full",
        sslrootcert=str(server.ca),
    )


def _keep_books_in(server: Postgres, town: Town) -> None:
    server.create_database(BASE)
    note(town, town.books, datetime.now(UTC))
    with server.connect(BASE) as connection:
        load(connection, town.books)
    server.create_reader(BASE, READER, READER_PASSWORD)
    _write(town.folder / "config" / "sources" / "accounting.yaml", _among_months_to_come(over_odbc(server, BASE)))


def drop_port(town: Town) -> int:
    """Where the drop is served."""
    port: int = _read(town.folder / "config" / "sinks" / "accounting.yaml")["connection"]["port"]
    return port


def reroute(town: Town, part: Literal["sources", "sinks"], **reach: Any) -> None:
    """From now on the source or the sink is called in another way: at another `port`, with another `host_key`."""
    file = town.folder / "config" / part / "accounting.yaml"
    setting = _read(file)
    setting["connection"] |= reach
    _write(file, setting)


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return found


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
