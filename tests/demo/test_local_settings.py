"""Do the demo's settings differ from the supplier's only in how data and letters travel?"""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import local_settings
from demo.local_settings import Peer
from lk_sync import mapping, schedules
from lk_sync.config import Config

DROP = Peer(host="127.0.0.1", port=2222, username="lk", proof="ssh-ed25519 AAAA")
MAIL = Peer(host="127.0.0.1", port=4650, username="lk@example.ru", proof="/etc/lk/ca.pem")


@pytest.fixture
def local(tmp_path: Path) -> Config:
    local_settings.write(tmp_path / "config", port=8099, data=tmp_path / "data", drop=DROP, mail=MAIL, pull_every="30s")
    return Config(tmp_path / "config", {})


def test_the_mapping_is_the_suppliers_own(local: Config) -> None:
    shipped = Config(local_settings.SHIPPED, {}).sources["accounting"].datasets
    ours = local.sources["accounting"].datasets
    assert {name: dataset.fields for name, dataset in ours.items()} == {
        name: dataset.fields for name, dataset in shipped.items()
    }


def test_every_dataset_is_read_from_files_of_the_drop(local: Config) -> None:
    source = local.sources["accounting"]
    assert source.source == "sftp"
    for wish in mapping.all_wanted(Path("accounting.yaml"), source):
        assert (wish.file, wish.table, wish.watermark) == (f"{wish.dataset.name}-*.csv", None, None)


def test_the_timetable_fits_the_settings(local: Config) -> None:
    timetable = schedules.load(local.folder.parent / "schedules.yaml", sources=local.sources, sinks=local.sinks)
    assert {job.does for job in timetable.jobs.values()} == {"pull", "push"}


def test_portal_and_letters_stay_on_this_machine(local: Config) -> None:
    assert local.lk.portal.base_url == "http://127.0.0.1:8099"
    assert local.lk.portal.listen == "127.0.0.1"
    assert local.lk.mail is not None
    assert (local.lk.mail.host, local.lk.mail.port, local.lk.mail.security) == ("127.0.0.1", 4650, "tls")


def test_texts_of_letters_and_rules_come_along(local: Config) -> None:
    for folder in ("letters", "legal"):
        ours = {path.relative_to(local.folder) for path in (local.folder / folder).rglob("*")}
        shipped = {path.relative_to(local_settings.SHIPPED) for path in (local_settings.SHIPPED / folder).rglob("*")}
        assert ours == shipped != set()


def test_writing_again_replaces_what_stood_there(local: Config) -> None:
    (local.folder / "sources" / "old.yaml").write_text("source: sftp\n")
    local_settings.write(
        local.folder, port=8100, data=local.folder.parent / "data", drop=DROP, mail=MAIL, pull_every="30s"
    )
    assert set(Config(local.folder, {}).sources) == {"accounting"}
