"""The drop itself: one visitor, one folder, and no way out of it."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from demo import drop as players
from tests.at_the_drop import PASSWORD, TheDrop
from tests.at_the_drop import drop as drop
from tests.at_the_drop import server_key as server_key


def visit(drop: TheDrop, work: Callable[[asyncssh.SFTPClient], Awaitable[Any]], **other: Any) -> Any:
    async def go() -> Any:
        known = ([asyncssh.import_public_key(drop.drop.host_key)], [], [])
        login = {"username": "lk", "password": PASSWORD, "known_hosts": known, "client_keys": None, "config": None}
        async with (
            asyncssh.connect(drop.drop.host, drop.drop.port, **(login | other)) as connection,
            connection.start_sftp_client() as sftp,
        ):
            return await work(sftp)

    return asyncio.run(go())


def test_the_folders_are_there_and_private(drop: TheDrop) -> None:
    assert set(visit(drop, lambda sftp: sftp.listdir("/"))) == {".", "..", "out", "in", "answers"}
    for folder in ("out", "in", "answers"):
        assert set(visit(drop, lambda sftp, folder=folder: sftp.listdir(f"/{folder}"))) == {".", "..", "done", "error"}
    assert stat.S_IMODE(drop.root.stat().st_mode) == 0o700


def test_nobody_but_the_visitor_comes_in(drop: TheDrop) -> None:
    for wrong in ({"username": "root"}, {"password": "наугад"}, {"password": ""}):
        with pytest.raises(asyncssh.PermissionDenied):
            visit(drop, lambda sftp: sftp.listdir("/"), **wrong)


def test_nothing_above_the_folder_can_be_seen(drop: TheDrop, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("тайна")
    for path in ("/../secret", "../../secret", str(tmp_path / "secret")):
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            visit(drop, lambda sftp, path=path: sftp.stat(path))


def test_a_visitor_makes_no_links(drop: TheDrop) -> None:
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        visit(drop, lambda sftp: sftp.symlink("/etc/passwd", "/out/x"))
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        visit(drop, lambda sftp: sftp.link("/out", "/in/x"))


def test_the_host_key_is_made_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "host_key"
    line = players.public_line(players.host_key(file))
    assert players.public_line(players.host_key(file)) == line
    assert line.startswith("ssh-ed25519 ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_when_it_ends_its_visitors_are_shown_out_and_the_port_is_free(
    tmp_path: Path, server_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    visitor = players.Visitor(name="lk", password=PASSWORD)

    async def go() -> int:
        async with players.serving(tmp_path / "drop", key=server_key, visitor=visitor) as served:
            connection = await asyncssh.connect(
                served.host, served.port, username="lk", password=PASSWORD, known_hosts=None, config=None
            )
        await asyncio.wait_for(connection.wait_closed(), 5)
        return served.port

    port = asyncio.run(go())
    with players.running(tmp_path / "drop", key=server_key, visitor=visitor, port=port) as again:
        TheDrop(again).sink().probe()
