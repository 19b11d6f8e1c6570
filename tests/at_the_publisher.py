"""A supplier's web server with files for one test, and an engine that pulls from it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.https.settings import HttpsSettings
from connectors.https.source import HttpsSource
from demo import publisher as players
from demo.certificates import Authority
from demo.publisher import Oddities, Publisher
from lk_sync import config
from tests.at_the_folder import Shop

TOKEN = "очень-длинный-ключ".encode().hex()
# As for an engine, secrets are there from the start: the server that forks children of a run keeps what it began with.
os.environ.setdefault("LK_SITE_TOKEN", TOKEN)


@dataclass
class TheSite:
    """One web server, seen from both sides: `out` is the supplier's, `source` ours."""

    served: Publisher
    authority: Authority

    @property
    def out(self) -> Path:
        return self.served.root

    @property
    def odd(self) -> Oddities:
        return self.served.oddities

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {
            "url": self.served.url,
            "token": {"secret": "SITE_TOKEN"},
            "ca": str(self.authority.ca),
            "connect_seconds": 2,
            "silence_seconds": 2,
            "deadline_seconds": 20,
        }
        return {key: value for key, value in (plain | other).items() if value is not None}

    def source(self, **other: Any) -> HttpsSource:
        return HttpsSource(config.convert(self.reach(**other), HttpsSettings, path=Path("source.yaml")))

    def shop(self, folder: Path, **other: Any) -> Shop:
        """An engine that pulls payments from here."""
        shop = Shop(folder / "shop", self.reach(**other), source="https")
        (shop.root / "out").symlink_to(self.out)
        return shop


def packed(*members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return made.getvalue()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def served(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    folder = tmp_path_factory.mktemp("site") / "out"
    with players.running(folder, authority.issue("site"), authorization=f"Bearer {TOKEN}") as running:
        yield running


@pytest.fixture
def site(served: Publisher, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> TheSite:
    """The site of the module, empty and without oddities."""
    monkeypatch.setenv("LK_SITE_TOKEN", TOKEN)
    monkeypatch.setattr("connectors.https.web.PAUSE_SECONDS", 0.01)
    for path in served.root.iterdir():
        path.unlink()
    served.oddities = Oddities()
    served.asked.clear()
    served.statuses.clear()
    return TheSite(served, authority)
