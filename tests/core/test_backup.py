"""A copy is taken while everybody works, and comes back as the store: all that was in it, and no number twice."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.certificates import Authority
from lk_sync import backup
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.errors import LkError
from lk_sync.store import batches, letters, outbox, runs
from lk_sync.store.batches import Batch
from lk_sync.store.database import Store, Tx
from tests.core.conftest import Office
from tests.core.engines import engines_of

Table = list[tuple[Any, ...]]
CHANGED_BY_A_RESTORE = {"restores", "sessions", "letters", "audit", "engines"}


@pytest.fixture
def store(office: Office) -> Store:
    """The store as a portal holds it open; the office's own is closed."""
    office.store.close()
    store = Store(office.config.lk.store_path)
    office.store = store
    return store


def _tables(path: Path) -> dict[str, Table]:
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    finally:
        connection.close()


def _batch(number: int) -> Batch:
    return Batch(
        sink="files", number=number, kind="reading", file=f"{number}.csv", row_count=1, control_sum=0, sha256="",
        layout="{}", created_at="2026-12-01T00:00:00.000Z",
    )  # fmt: skip


def _hand_in(tx: Tx, item: str) -> int:
    """A reading and its file: both or neither. The number of the file."""
    outbox.insert(tx, item=item, kind="reading", account="000000001", payload="{}", now=now())
    number = batches.next_number(tx, sink="files")
    batches.open(tx, _batch(number))
    outbox.batch(tx, sink="files", number=number, lines=[(2, item)])
    return number


def _letter(tx: Tx) -> None:
    letters.write(
        tx, kind="organisation", once="x", recipient="a@b.ru", language="ru", context={"account": "1"}, now=now()
    )


def test_a_copy_under_load_is_whole_and_becomes_the_store_of_another_place(
    office: Office, store: Store, tmp_path: Path
) -> None:
    office.pull()
    stop = threading.Event()
    done: list[int] = []

    def work(name: int) -> None:
        while not stop.is_set():
            done.append(store.write_now(lambda tx: _hand_in(tx, f"{name}-{len(done)}-{threading.get_ident()}")))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    copy = tmp_path / "copies" / "store.copy"
    copy.parent.mkdir()
    before = len(done)
    said = office.lk_sync("backup", copy)
    after = len(done)
    stop.set()
    for thread in threads:
        thread.join()
    assert (said.code, after > before) == (0, True)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert copy.with_name("store.copy.sha256").read_text() == f"{digest}  store.copy\n"
    assert sorted(path.name for path in copy.parent.iterdir()) == ["store.copy", "store.copy.sha256"]
    kept = _tables(copy)
    assert len(kept["outbox"]) == len(kept["batches"])  # a unit of work is in it whole or not at all
    assert before <= len(kept["outbox"]) <= len(done)

    elsewhere = tmp_path / "elsewhere"
    back = office.lk_sync("restore", copy, LK_DATA_DIR=str(elsewhere))
    assert back.code == 0, back.err
    found = _tables(elsewhere / "store.db")
    assert {name: rows for name, rows in found.items() if name not in CHANGED_BY_A_RESTORE} == {
        name: rows for name, rows in kept.items() if name not in CHANGED_BY_A_RESTORE
    }
    assert stat.S_IMODE((elsewhere / "store.db").stat().st_mode) == 0o600
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == digest
    assert office.lk_sync("status", LK_DATA_DIR=str(elsewhere)).code == 1  # no cache yet, and says so


def test_numbers_go_on_after_those_that_were_given_since_the_copy(office: Office, store: Store, tmp_path: Path) -> None:
    office.pull()
    store.write_now(_letter)
    store.write_now(lambda tx: _hand_in(tx, "a"))
    copy = tmp_path / "copy"
    assert office.lk_sync("backup", copy).code == 0
    last_file = store.write_now(lambda tx: _hand_in(tx, "b"))
    for _ in range(3):
        office.pull(full=True)
    last_run = store.read(runs.recent)[0].run
    store.close()
    back = office.lk_sync("restore", copy, "--force")
    assert back.code == 0, back.err
    (aside,) = office.config.lk.data_dir.glob("store.db.before-*")
    assert str(aside) in back.out
    assert ("b",) in [(row[0],) for row in _tables(aside)["outbox"]]
    office.store = Store(office.config.lk.store_path)
    assert office.store.read(lambda tx: outbox.find(tx, item="b")) is None
    number = office.store.read(lambda tx: batches.next_number(tx, sink="files"))
    other = office.store.read(lambda tx: batches.next_number(tx, sink="a sink of later"))
    assert number == other == last_file + 10_001
    assert f"файлы выгрузки — с {number}" in back.out
    report = office.pull()
    assert report.run == last_run + 10_001
    assert office.store.read(letters.backlog) == letters.Backlog(waiting=0, failed=0, uncertain=1)
    assert office.lk_sync("runs").code == 0


def test_an_old_copy_leaves_more_room(office: Office, store: Store, tmp_path: Path) -> None:
    old = now() - timedelta(days=30)
    store.write_now(lambda tx: runs.open_run(tx, job="x", source="x", started_by="hand", now=old))
    copy = tmp_path / "copy"
    office.lk_sync("backup", copy)
    said = json.loads(office.lk_sync("restore", copy, "--json", LK_DATA_DIR=str(tmp_path / "other")).out)
    assert said["restored"]["batches_past"] >= 30 * 24 * 60
    assert (said["aside"], said["verified"]) == (None, True)


def test_a_living_store_is_not_replaced_by_the_way(office: Office, store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    office.lk_sync("backup", copy)
    kept = _tables(office.config.lk.store_path)
    refused = office.lk_sync("restore", copy)
    assert refused.code == 2
    assert "хранилище уже есть" in refused.err
    assert "--force" in refused.err
    in_use = office.lk_sync("restore", copy, "--force")  # `store` is open, as a portal's
    assert in_use.code == 1
    assert "остановите lk-sync run и lk-portal" in in_use.err
    with engines_of(office) as start:
        start().wait_for("timetable started")
        assert office.lk_sync("restore", copy, "--force").code == 1
    found = _tables(office.config.lk.store_path)
    assert (found["batches"], found["outbox"]) == (kept["batches"], kept["outbox"])
    store.write_now(lambda tx: _hand_in(tx, "still ours"))
    assert not list(office.config.lk.data_dir.glob("*.restoring*"))


def _spoil(copy: Path) -> None:
    body = bytearray(copy.read_bytes())
    body[len(body) // 2] ^= 0xFF
    copy.write_bytes(body)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_spoil, "не сходится с copy.sha256, копия повреждена"),
        (lambda copy: copy.write_bytes(copy.read_bytes()[:-4096]), "не сходится с copy.sha256"),
        (lambda copy: (copy.write_bytes(b"no database" * 999), copy.with_name("copy.sha256").unlink()), "не читается"),
        (lambda copy: (copy.write_bytes(b""), copy.with_name("copy.sha256").unlink()), "это не хранилище"),
        (
            lambda copy: (copy.write_bytes(copy.read_bytes()[:8192]), copy.with_name("copy.sha256").unlink()),
            "не читается как хранилище",
        ),
        (lambda copy: copy.unlink(), "нет такой копии"),
    ],
)
def test_a_copy_that_is_none_is_refused(office: Office, store: Store, tmp_path: Path, spoil: Any, says: str) -> None:
    copy = tmp_path / "copy"
    backup.backup(office.config, copy)
    spoil(copy)
    elsewhere = Config(office.config.folder, {"LK_DATA_DIR": str(tmp_path / "elsewhere")})
    with pytest.raises(LkError, match=re.escape(says)):
        backup.restore(elsewhere, copy, force=False, now=now())
    assert list(elsewhere.lk.data_dir.glob("*.db*")) == []


def test_a_copy_of_a_newer_version_is_refused(office: Office, store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    office.lk_sync("backup", copy)
    connection = sqlite3.connect(copy)
    with connection:
        connection.execute("INSERT INTO migrations VALUES ('9999_later', '')")
    connection.close()
    copy.with_name("copy.sha256").unlink()
    said = office.lk_sync("restore", copy, LK_DATA_DIR=str(tmp_path / "elsewhere"))
    assert said.code == 2
    assert "создано более новой версией программы (миграции 9999_later)" in said.err


def test_a_store_that_cannot_be_read_is_put_aside_as_it_is(office: Office, store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    store.write_now(lambda tx: _hand_in(tx, "a"))
    office.lk_sync("backup", copy)
    store.close()
    path = office.config.lk.store_path
    path.write_bytes(b"broken" * 5000)
    said = office.lk_sync("restore", copy, "--force")
    assert said.code == 0, said.err
    (aside,) = path.parent.glob("store.db.before-*")
    assert aside.read_bytes() == b"broken" * 5000
    office.store = Store(path)
    assert office.store.read(lambda tx: outbox.find(tx, item="a")) is not None


def test_a_copy_does_not_cover_another_file_and_leaves_nothing_half_done(
    office: Office, store: Store, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("важное")
    said = office.lk_sync("backup", taken)
    assert (said.code, taken.read_text()) == (2, "важное")
    assert "такой файл уже есть" in said.err
    nowhere = office.lk_sync("backup", tmp_path / "нет" / "copy")
    assert nowhere.code == 1
    assert "не удалось записать данные" in nowhere.err
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_store_in_postgresql_is_copied_by_its_own_means(office: Office, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    address = f"postgresql://lk:x@127.0.0.1:1/lk?sslmode=verify-full&sslrootcert={authority.ca}"
    for words in (("backup", tmp_path / "copy"), ("restore", office.config.lk.store_path)):
        said = office.lk_sync(*words, LK_DATABASE_URL=address)
        assert said.code == 2, said
        assert "pg_dump" in said.err
