"""Town: where do the engine, the subscribers and the accounting system of a kill test live?

A folder with the settings of `config/` as they are shipped, but for the way to the accounting system: an SFTP drop
instead of a database. The drop is served by a process of its own, which is nobody's victim.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import asyncssh
import msgspec
import yaml

from demo import drop
from demo.bookkeeper import Bookkeeper
from demo.supplier import Plan, Supplier
from lk_sync.config import Config
from tests.faults.killing.victims import Fork

SHIPPED: Final = Path(__file__).parents[3] / "config"
VISITOR: Final = "lk"
TIMETABLE: Final = """
time_zone: Europe/Moscow
jobs:
  pull: {pull: accounting, full: true, every: 1s}
  push: {push: accounting, every: 1s}
"""


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """Its addresses. `size`: how many accounts the supplier has."""

    folder: Path
    size: int

    @property
    def config(self) -> Config:
        return Config(self.folder / "config", {})

    @property
    def drop(self) -> Path:
        return self.folder / "drop"

    @property
    def truths(self) -> Path:
        """What each export of the books held, by its stamp."""
        return self.folder / "truths"

    @property
    def door(self) -> Path:
        """The socket at which readings are handed in."""
        return self.folder / "door"

    @property
    def books(self) -> Bookkeeper:
        """The supplier's books as they are now."""
        return Bookkeeper(Supplier(Plan(seed=1, accounts=self.size, today=date(2026, 11, 23))), self.folder / "journal")


@contextmanager
def founded(folder: Path, *, size: int) -> Iterator[Town]:
    """A town whose drop is being served."""
    town = Town(folder=folder, size=size)
    for path in (town.truths, folder / "config" / "sources", folder / "config" / "sinks"):
        path.mkdir(parents=True)
    ours = _key(folder / "our_key")
    theirs = drop.host_key(folder / "drop_key")
    heard, said = os.pipe()
    server = Fork("drop", _serve, town.drop, folder / "drop_key", drop.public_line(ours), said)
    server.start()
    try:
        os.close(said)
        port = int(os.read(heard, 16))
        _write_settings(town, {"port": port, "host_key": drop.public_line(theirs), "key_file": str(folder / "our_key")})
        yield town
    finally:
        os.close(heard)
        server.kill()


def _key(file: Path) -> asyncssh.SSHKey:
    file.touch(mode=0o600)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(file)
    return key


def _serve(root: Path, key: Path, visitor: str, said: int) -> None:
    with drop.running(root, key=drop.host_key(key), visitor=drop.Visitor(name=VISITOR, key=visitor)) as served:
        os.write(said, str(served.port).encode())
        os.close(said)
        while True:
            os.wait() if False else __import__("signal").pause()


def _write_settings(town: Town, reach: dict[str, Any]) -> None:
    reach = {"host": "127.0.0.1", "username": VISITOR, **reach}
    config = town.folder / "config"
    lk = _shipped("lk.yaml")
    _write(config / "lk.yaml", {key: value for key, value in lk.items() if key != "mail"})
    _write(config / "sources" / "accounting.yaml", _over_the_drop(_shipped("sources/accounting.yaml"), reach))
    sink = _shipped("sinks/accounting.yaml")
    _write(config / "sinks" / "accounting.yaml", sink | {"connection": reach})
    (town.folder / "schedules.yaml").write_text(TIMETABLE, "utf-8")


def _over_the_drop(source: dict[str, Any], reach: dict[str, Any]) -> dict[str, Any]:
    """The shipped mapping with files in place of tables."""
    datasets = {
        name: {"file": f"{name}-*.csv", "options": {"delimiter": ";"}, "fields": dataset["fields"]}
        for name, dataset in source["datasets"].items()
    }
    return source | {"source": "sftp", "connection": reach | {"folder": "/out"}, "datasets": datasets}


def _shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SHIPPED / name).read_text("utf-8"))
    return found


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
