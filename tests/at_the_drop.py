"""A drop with a real SFTP server for one test, and what a configuration needs to reach it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from connectors.sftp.settings import SinkSettings, SourceSettings
from connectors.sftp.sink import SftpSink
from connectors.sftp.source import SftpSource
from demo import drop as players
from lk_sync import config

PASSWORD = "за-семью-замками"


@dataclass
class TheDrop:
    """A drop being served, seen from both sides: `root` is the accounting system's, `source` and `sink` ours."""

    drop: players.Drop

    @property
    def root(self) -> Path:
        return self.drop.root

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {
            "host": self.drop.host,
            "port": self.drop.port,
            "username": "lk",
            "password": {"secret": "DROP_PASSWORD"},
            "host_key": self.drop.host_key,
            "connect_seconds": 2,
            "silence_seconds": 5,
            "deadline_seconds": 30,
        }
        return {key: value for key, value in (plain | other).items() if value is not None}

    def source(self, **other: Any) -> SftpSource:
        return SftpSource(config.convert(self.reach(**other), SourceSettings, path=Path("source.yaml")))

    def sink(self, **other: Any) -> SftpSink:
        setting = self.reach(**({"settle_seconds": 1} | other))
        return SftpSink(config.convert(setting, SinkSettings, path=Path("sink.yaml")))

    def lay(self, folder: str, name: str, body: bytes, *, rows: int = 0, manifest: bool = True, **said: Any) -> None:
        """A file of the accounting system, with a manifest that is right except where `said` says otherwise."""
        (self.root / folder / name).write_bytes(body)
        if manifest:
            right = {"file": name, "rows": rows, "sha256": hashlib.sha256(body).hexdigest()}
            (self.root / folder / f"{name}.ok").write_text(json.dumps(right | said), "utf-8")

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir() if path.is_file())


@pytest.fixture(scope="session")
def server_key(tmp_path_factory: pytest.TempPathFactory) -> asyncssh.SSHKey:
    return players.host_key(tmp_path_factory.mktemp("drop") / "host_key")


@pytest.fixture
def drop(tmp_path: Path, server_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch) -> Iterator[TheDrop]:
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with players.running(tmp_path / "drop", key=server_key, visitor=visitor) as running:
        yield TheDrop(running)
