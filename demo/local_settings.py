"""Local settings: how are the supplier's settings changed so that they fit this machine?

The demo runs on the same files as a real supplier. `config/` is copied, and only what differs here is replaced: where
data lie, which address the portal has, how mail and files travel. The mapping of the source keeps its fields; `from:`
becomes a file mask, because the demo reads the drop and not the SQL base.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

SHIPPED: Final = Path(__file__).parents[1] / "config"
EVERY_DAY: Final = {"first_day": 1, "last_day": 31}
PUSH_EVERY: Final = "5s"


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A server to talk to and what proves that it is the right one: a host key line or a CA file."""

    host: str
    port: int
    username: str
    proof: str


def write(folder: Path, *, port: int, data: Path, drop: Peer, mail: Peer, pull_every: str) -> None:
    """The operator's folder, and `schedules.yaml` beside it. Secrets are named, not written."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SHIPPED, folder)
    _write(folder / "lk.yaml", _lk(_read("lk.yaml"), port, data, mail))
    _write(folder / "sources" / "accounting.yaml", _source(_read("sources/accounting.yaml"), drop))
    _write(folder / "sinks" / "accounting.yaml", _sink(_read("sinks/accounting.yaml"), drop))
    _write(folder.parent / "schedules.yaml", _timetable(pull_every))


def _lk(settings: dict[str, Any], port: int, data: Path, mail: Peer) -> dict[str, Any]:
    settings["data_dir"] = str(data)
    settings["portal"] |= {"base_url": f"http://127.0.0.1:{port}", "port": port}
    settings["readings"] |= EVERY_DAY
    settings["mail"] |= {"host": mail.host, "port": mail.port, "ca": mail.proof, "username": mail.username}
    return settings


def _source(settings: dict[str, Any], drop: Peer) -> dict[str, Any]:
    settings |= {"source": "sftp", "connection": _connection(drop) | {"folder": "/out"}}
    for name, dataset in settings["datasets"].items():
        for of_the_base in ("from", "watermark"):
            dataset.pop(of_the_base)
        dataset.get("guards", {}).pop("control_total", None)  # the manifest of a file states its sums
        dataset["file"] = f"{name}-*.csv"
    return settings


def _sink(settings: dict[str, Any], drop: Peer) -> dict[str, Any]:
    return settings | {"connection": _connection(drop) | {"folder": "/in", "answers": "/answers"}}


def _connection(drop: Peer) -> dict[str, Any]:
    return {
        "host": drop.host,
        "port": drop.port,
        "username": drop.username,
        "password": {"secret": "SFTP_PASSWORD"},
        "host_key": drop.proof,
    }


def _timetable(pull_every: str) -> dict[str, Any]:
    return {
        "jobs": {
            "accounting": {"pull": "accounting", "full": True, "every": pull_every, "deadline_minutes": 5},
            "readings": {"push": "accounting", "every": PUSH_EVERY, "deadline_minutes": 5},
        }
    }


def _read(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((SHIPPED / name).read_text("utf-8"))
    return settings


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=120), "utf-8")
