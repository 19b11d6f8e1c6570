"""Files of a drop are put aside when their rows are published, or remembered where they may not be moved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from demo import drop as players
from lk_sync.errors import Unreachable
from tests.at_the_drop import PASSWORD, TheDrop
from tests.at_the_folder import HEAD, Shop, line
from tests.faults.proxy import Fault, Kind, Proxy

# As for an engine, secrets are there from the start: the server that forks children of a run keeps what it began with.
os.environ.setdefault("LK_DROP_PASSWORD", PASSWORD)


class ReadOnly(players.Folders):
    """The folders of a visitor who may only look."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("read only")

    posix_rename = rename


def shop_at(drop: TheDrop, folder: Path, **other: object) -> Shop:
    (folder / "shop").mkdir()
    shop = Shop(folder / "shop", drop.reach(**other), source="sftp")
    (shop.root / "out").symlink_to(drop.root / "out")
    shop.write(options={"deltas": True})
    return shop


@pytest.fixture
def shop(drop: TheDrop, tmp_path: Path) -> Iterator[Shop]:
    shop = shop_at(drop, tmp_path)
    yield shop
    shop.store.close()


def test_files_are_moved_with_their_sidecars_and_reports(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a") + line("b", "x"))
    shop.lay("payments-2.csv", HEAD + line("c"), sha256="0" * 64)
    (shop.out / "done" / "payments-1.csv").write_text("прежний")
    shop.pull()
    assert shop.paid == {"a": 10_000}
    assert shop.names() == []
    assert shop.names("error") == ["payments-2.csv", "payments-2.csv.err.csv", "payments-2.csv.ok"]
    assert (shop.out / "done" / "payments-1.csv").read_text() == "прежний"
    assert sum(name.startswith("payments-1.") for name in shop.names("done")) == 4
    assert shop.pull().state == "unchanged"


def test_where_nothing_may_be_moved_what_was_taken_is_remembered(
    tmp_path: Path, server_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with players.running(tmp_path / "drop", key=server_key, visitor=visitor, folders=ReadOnly) as running:
        shop = shop_at(TheDrop(running), tmp_path)
        shop.lay("payments-1.csv", HEAD + line("a"))
        assert [shop.pull().state for _ in range(2)] == ["published", "unchanged"]
        shop.lay("payments-2.csv", HEAD + line("b"))
        assert shop.pull().datasets[0].pulled == 1
        assert shop.paid == {"a": 10_000, "b": 10_000}
        assert len(shop.names()) == 4
        shop.store.close()


@pytest.mark.parametrize("kind", ["close", "reset", "silence"])
def test_a_drop_in_the_middle_of_a_file_publishes_nothing_and_the_next_run_everything(
    drop: TheDrop, tmp_path: Path, kind: Kind
) -> None:
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        shop = shop_at(drop, tmp_path, port=proxy.port, silence_seconds=1)
        shop.lay("payments-1.csv", HEAD + line("a"))
        shop.lay("payments-2.csv", HEAD + "".join(line(f"p{i}") for i in range(9_000)))
        proxy.fault = Fault(kind, at=200_000)
        with pytest.raises(Unreachable):
            shop.pull()
        assert (shop.names("done"), len(shop.names())) == ([], 4)
        proxy.fault = None
        assert shop.pull().datasets[0].pulled == 9_001
        assert (len(shop.paid), shop.names()) == (9_001, [])
        shop.store.close()


def test_another_server_key_in_the_middle_of_the_days_stops_everything(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    shop.connection["host_key"] = players.public_line(asyncssh.generate_private_key("ssh-ed25519"))
    shop.write()
    with pytest.raises(Exception, match="host_key"):
        shop.pull()
    assert len(shop.names()) == 2
