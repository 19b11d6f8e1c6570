"""Prometheus reads how the exchange goes, and nothing about a person."""

from __future__ import annotations

import json
import re
import socket
import stat
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lk_sync import errands
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.schedules import Schedules
from tests.core.conftest import LK, Office
from tests.core.engines import engines_of, until
from tests.core.test_alerts import SECRETS

Figures = dict[tuple[str, ...], float]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _set(office: Office, **metrics: Any) -> None:
    (office.config.folder / "lk.yaml").write_text(LK + f"metrics: {json.dumps(metrics)}\n", "utf-8")


def _figures(text: str) -> Figures:
    """(name, label values by the names of the labels…) → figure."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_an_engine_is_scraped_and_writes_its_file(office: Office, tmp_path: Path) -> None:
    port, file = _free_port(), tmp_path / "lk.prom"
    _set(office, port=port, textfile=str(file))
    office.timetable(
        {"jobs": {"books": {"pull": "books", "every": "1s"}, "nightly": {"pull": "books", "cron": "0 0 1 1 *"}}}
    )
    office.books["payments"]["rows"] *= 20
    for i, row in enumerate(office.books["payments"]["rows"]):
        office.books["payments"]["rows"][i] = row | {"ид": f"П{i}"}
    office.books["payments"]["rows"][0]["сумма"] = "x"
    office.keep_books()
    with engines_of(office) as start:
        engine = start()
        engine.wait_for("unchanged")
        office.books["payments"]["act"] = "BadData"
        office.keep_books()
        engine.wait_for("failed")
        until(lambda: _figures(_scraped(port)).get(("lk_troubles", "failed")) == 1)
        text = _scraped(port)
        until(lambda: file.exists())
    seen = _figures(text)
    assert seen["lk_walks_total", "books", "published"] == 1
    assert seen["lk_walks_total", "books", "BadData"] >= 1
    assert seen["lk_rows_total", "payments", "books", "pulled"] >= 200
    assert seen["lk_rows_total", "payments", "books", "rejected"] >= 1
    assert seen["lk_rows_total", "payments", "books", "inserted"] == 199
    assert seen["lk_walk_seconds_count", "books"] == sum(
        v for k, v in seen.items() if k[:2] == ("lk_walks_total", "books")
    )
    assert 0 <= seen["lk_data_age_seconds", "payments", "books"] < 60
    assert seen["lk_rejects", "payments", "books"] == 1
    assert seen["lk_last_success_timestamp_seconds", "books"] > 1_700_000_000
    assert ("lk_last_success_timestamp_seconds", "nightly") not in seen
    assert (seen["lk_held", "books"], seen["lk_up",], seen["lk_outbox_items", "waiting"]) == (0, 1, 0)
    assert seen["lk_letters", "failed"] == 0
    assert seen["lk_disk_free_bytes",] > 0
    assert seen["lk_failures", "books"] >= 1
    assert not [secret for secret in SECRETS if re.search(rf"(?<![0-9.]){re.escape(secret)}", text)]  # 2000000 is none
    assert _figures(file.read_text("utf-8"))["lk_up",] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"listen": "10.0.0.1", "port": 9108}, "metrics.listen: 10.0.0.1 виден из сети"),
        ({"listen": "lk.example", "port": 9108}, "metrics.listen: lk.example виден из сети"),
        ({}, "metrics: задайте port, textfile или оба"),
        ({"textfile": "/nowhere/lk.prom"}, "metrics.textfile: нет папки /nowhere"),
    ],
)
def test_a_place_that_others_could_see_or_that_is_none_is_refused(office: Office, metrics: Any, says: str) -> None:
    _set(office, **metrics)
    timetable = Schedules(jobs={})
    config = Config(office.config.folder, {})
    with pytest.raises(SettingsError, match=re.escape(says)):
        errands.checked(config, timetable)
    with pytest.raises(SettingsError, match=re.escape(says)):
        errands.Errands(config, timetable, office.store, clock=now)


def test_a_port_that_is_taken_is_named(office: Office) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        _set(office, port=port)
        said = office.lk_sync("run")
    assert said.code == 2
    assert f"metrics: слушать 127.0.0.1:{port} нельзя (Address already in use); задайте другой port" in said.err
