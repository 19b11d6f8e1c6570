"""What becomes of a reading that cannot be handed over, whatever stands in the way?"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from demo import drop
from demo.accountant import Accountant
from lk_sync import engine
from lk_sync.clock import now
from lk_sync.errors import BadData
from lk_sync.store.database import Store
from tests.faults.disks import mounted
from tests.faults.killing.founding import drop_port, founded, reroute
from tests.faults.killing.subscribers import registered
from tests.faults.killing.town import Town
from tests.faults.killing.trades import Form, hand_in
from tests.faults.proxy import Fault, Proxy
from tests.faults.ways import ByDrop

SUBMISSION = "0b0c2f0e-6a4e-4b4e-9a53-6f1c1de9a001"
DONE, WRONG_SETTINGS, UNREACHABLE = 0, 2, 3


class Desk:
    """A reading waits to be handed over."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._way = ByDrop(town)
        self._store = Store(town.store)
        meter = registered(town)[0]
        form = Form(
            submission=SUBMISSION,
            user_code=meter.user_code,
            account=meter.account,
            meter=meter.meter,
            serial=meter.serial,
            period=202611,
            value_micro=meter.last_micro + 1_000_000,
        )
        self._store.write_now(lambda tx: hand_in(tx, form=form))

    def push(self) -> subprocess.CompletedProcess[str]:
        return self._way.sync("push")

    def push_here(self) -> None:
        """In this process, which the test may leave without room."""
        engine.push(self.town.config, self._store, "accounting", clock=now)

    @property
    def state(self) -> str:
        (row,) = self._store.reading._connection.execute("SELECT state FROM outbox").fetchall()
        return str(row[0])

    def is_confirmed_by_the_next_pushes(self) -> None:
        """In the first file, once, for all that was tried."""
        assert self.push().returncode == DONE
        assert self.state == "exported"
        assert Accountant(self.town.drop, self.town.ledger).work() == ["readings-000001.csv"]
        assert self.push().returncode == DONE
        assert self.state == "confirmed"
        assert [file.name for file in (self.town.drop / "in" / "done").glob("*.csv")] == ["readings-000001.csv"]

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with founded(tmp_path / "town", accounts=10) as town:
        desk = Desk(town)
        yield desk
        desk.close()


def test_a_server_that_refuses_is_told_and_the_reading_goes_out_later(desk: Desk) -> None:
    with Proxy("127.0.0.1", drop_port(desk.town)) as proxy:
        reroute(desk.town, "sinks", port=proxy.port)
        proxy.fault = Fault("refuse")
        done = desk.push()
        assert done.returncode == UNREACHABLE
        assert f"127.0.0.1:{proxy.port}" in done.stderr
        proxy.fault = None
        desk.is_confirmed_by_the_next_pushes()


def test_a_server_with_another_key_gets_nothing_until_a_person_has_looked(desk: Desk) -> None:
    town, other = desk.town, drop.public_line(asyncssh.generate_private_key("ssh-ed25519"))
    right = drop.public_line(drop.host_key(town.folder / "drop_key"))
    reroute(town, "sinks", host_key=other)
    done = desk.push()
    assert done.returncode == WRONG_SETTINGS
    for key in (right, other):
        assert asyncssh.import_public_key(key).get_fingerprint() in done.stderr
    assert not list((town.drop / "in").glob("*.csv*"))
    reroute(town, "sinks", host_key=right)
    desk.is_confirmed_by_the_next_pushes()


def test_without_room_in_the_store_nothing_leaves_and_nothing_is_forgotten(tmp_path: Path) -> None:
    with mounted(tmp_path / "town" / "var", megabytes=8) as disk, founded(tmp_path / "town", accounts=10) as town:
        desk = Desk(town)
        with disk.without_room(town.store), pytest.raises(BadData, match="освободите место на диске и повторите"):
            desk.push_here()
        assert desk.state == "waiting"
        assert not list((town.drop / "in").glob("*.csv*"))
        desk.is_confirmed_by_the_next_pushes()
        desk.close()
