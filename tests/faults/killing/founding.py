"""Founding: how does a town come to be?

Its settings are those of `config/` as they are shipped, but for the way to the accounting system: an SFTP drop
instead of a database. The drop is served by a process of its own, which is nobody's victim.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Final

import asyncssh
import yaml

from demo import drop
from lk_sync.cache import schema
from tests.faults.killing.town import VISITOR, Town
from tests.faults.killing.trades import serve_the_drop
from tests.faults.killing.victims import Victim, fork

SHIPPED: Final = Path(__file__).parents[3] / "config"
START_SECONDS: Final = 30
TIMETABLE: Final = """
time_zone: Europe/Moscow
jobs:
  pull: {pull: accounting, full: true, every: 1s}
  push: {push: accounting, every: 1s}
"""


@contextmanager
def founded(folder: Path, *, accounts: int) -> Iterator[Town]:
    """A town whose drop is being served."""
    town = Town(folder, accounts)
    for path in (town.truths, town.cache.parent, folder / "config" / "sources", folder / "config" / "sinks"):
        path.mkdir(parents=True)
    heard, said = Pipe(duplex=False)
    trade = fork(serve_the_drop, town.drop, folder / "drop_key", _new_key(folder / "our_key"), said)
    server = Victim("drop", folder, trade)
    server.start()
    try:
        assert heard.poll(START_SECONDS), "the drop does not answer"
        theirs = drop.public_line(drop.host_key(folder / "drop_key"))
        reach = {"port": heard.recv(), "host_key": theirs, "key_file": str(folder / "our_key")}
        _write_settings(town, {"host": "127.0.0.1", "username": VISITOR, **reach})
        schema.open_for_writing(town.cache).close()
        yield town
    finally:
        server.kill()


def _new_key(file: Path) -> str:
    """A private key in `file`; its public line."""
    file.touch(mode=0o600)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(file)
    return drop.public_line(key)


def _write_settings(town: Town, reach: dict[str, Any]) -> None:
    config = town.folder / "config"
    lk = _shipped("lk.yaml")
    del lk["mail"]
    _write(config / "lk.yaml", lk)
    _write(config / "sources" / "accounting.yaml", _over_the_drop(_shipped("sources/accounting.yaml"), reach))
    _write(config / "sinks" / "accounting.yaml", _shipped("sinks/accounting.yaml") | {"connection": reach})
    town.timetable.write_text(TIMETABLE, "utf-8")


def _over_the_drop(source: dict[str, Any], reach: dict[str, Any]) -> dict[str, Any]:
    """The shipped mapping with files in place of tables."""
    datasets = {
        name: {"file": f"{name}-*.csv", "options": {"delimiter": ";"}, "fields": dataset["fields"]}
        for name, dataset in source["datasets"].items()
    }
    return source | {"source": "sftp", "connection": reach, "datasets": datasets}


def source_port(town: Town) -> int:
    """Where the drop is served."""
    port: int = yaml.safe_load(_source(town).read_text("utf-8"))["connection"]["port"]
    return port


def reroute_source(town: Town, port: int) -> None:
    """From now on the source is called at another port."""
    setting = yaml.safe_load(_source(town).read_text("utf-8"))
    setting["connection"]["port"] = port
    _write(_source(town), setting)


def _source(town: Town) -> Path:
    return town.folder / "config" / "sources" / "accounting.yaml"


def _shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SHIPPED / name).read_text("utf-8"))
    return found


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
