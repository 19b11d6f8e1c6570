"""Files for the accounting system arrive whole, once and under their own number, wherever the line breaks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import asyncssh
import pytest

from connectors.sftp.sink import SftpSink
from demo import drop as players
from lk_sync.contracts import AnswerFile, ExportFile
from lk_sync.errors import AccessDenied, BadData, LkError, Unreachable
from tests.at_the_drop import TheDrop
from tests.faults.proxy import Fault, Proxy

BODY = "id;Показание\r\nab12;12.5\r\n".encode() * 500
NAME = "readings-000001.csv"
ANSWER = "readings-000001.answer.csv"
SAID = b"id;status;code;text\r\nab12;confirmed;;\r\n"


def export(body: bytes = BODY, name: str = NAME) -> ExportFile:
    manifest = {"file": name, "sha256": hashlib.sha256(body).hexdigest(), "rows": 500}
    return ExportFile(name=name, body=body, manifest_name=f"{name}.ok", manifest=json.dumps(manifest).encode())


def is_offered(drop: TheDrop, file: ExportFile) -> bool:
    """What an accounting system that goes by the manifest would take."""
    manifest = drop.root / "in" / file.manifest_name
    return manifest.exists()


def take(drop: TheDrop, *names: str, aside: str = "done") -> None:
    for name in names:
        (drop.root / "in" / name).rename(drop.root / "in" / aside / name)


def test_a_delivered_file_stands_there_whole_with_its_manifest(drop: TheDrop) -> None:
    drop.sink().deliver(export())
    assert drop.names("in") == [NAME, f"{NAME}.ok"]
    assert (drop.root / "in" / NAME).read_bytes() == BODY
    assert (drop.root / "in" / f"{NAME}.ok").read_bytes() == export().manifest


def test_delivering_again_changes_nothing(drop: TheDrop) -> None:
    drop.sink().deliver(export())
    before = {path: path.stat().st_mtime_ns for path in (drop.root / "in").iterdir()}
    drop.sink().deliver(export())
    assert {path: path.stat().st_mtime_ns for path in (drop.root / "in").iterdir()} == before


@pytest.mark.parametrize("aside", ["done", "error"])
@pytest.mark.parametrize("moved", [(NAME, f"{NAME}.ok"), (NAME,), (f"{NAME}.ok",)])
def test_a_file_that_was_taken_meanwhile_is_not_offered_again(
    drop: TheDrop, aside: str, moved: tuple[str, ...]
) -> None:
    drop.sink().deliver(export())
    take(drop, *moved, aside=aside)
    left = drop.names("in")
    drop.sink().deliver(export())
    assert drop.names("in") == left


@pytest.mark.parametrize("where", ["in", "in/done", "in/error"])
@pytest.mark.parametrize("other", [b"id\r\n", BODY + b"x", b""])
def test_other_bytes_under_the_same_number_are_never_overwritten(drop: TheDrop, where: str, other: bytes) -> None:
    drop.lay(where, NAME, other)
    with pytest.raises(BadData, match="уже лежит другой файл"):
        drop.sink().deliver(export())
    assert (drop.root / where / NAME).read_bytes() == other


def test_a_torn_body_without_a_manifest_is_written_anew(drop: TheDrop) -> None:
    drop.lay("in", NAME, BODY[:100], manifest=False)
    drop.sink().deliver(export())
    assert (drop.root / "in" / NAME).read_bytes() == BODY


def test_what_deliveries_left_behind_that_were_cut_off_long_ago_is_swept_away_and_only_that(drop: TheDrop) -> None:
    old, new = f"{NAME}.0011aabb.part", "readings-000002.csv.ok.0011aabb.part"
    for name in (old, new, "other.part", "other.csv"):
        drop.lay("in", name, b"x", manifest=False)
        if name != new:
            os.utime(drop.root / "in" / name, (1_000_000, 1_000_000))
    drop.sink().deliver(export())
    assert drop.names("in") == ["other.csv", "other.part", NAME, f"{NAME}.ok", new]


def _passed(drop: TheDrop, work: Callable[[SftpSink], object]) -> int:
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        work(drop.sink(port=proxy.port))
        return proxy.passed["to_server"]


@pytest.mark.parametrize("part", range(12))
def test_cut_anywhere_a_file_is_offered_whole_or_not_at_all(drop: TheDrop, part: int) -> None:
    whole = _passed(drop, lambda sink: sink.deliver(export(name="readings-000009.csv")))
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        proxy.fault = Fault("reset", at=whole * part // 12, direction="to_server")
        with pytest.raises(Unreachable):
            drop.sink(port=proxy.port).deliver(export())
        if is_offered(drop, export()):
            assert (drop.root / "in" / NAME).read_bytes() == BODY
        proxy.fault = None
        drop.sink(port=proxy.port).deliver(export())
    whole_files = [name for name in drop.names("in") if not name.endswith(".part")]
    assert whole_files == [NAME, f"{NAME}.ok", "readings-000009.csv", "readings-000009.csv.ok"]
    assert (drop.root / "in" / NAME).read_bytes() == BODY


def test_a_silent_line_is_given_up_by_the_deadline(drop: TheDrop) -> None:
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        proxy.fault = Fault("silence", at=6000, direction="to_server")
        began = time.monotonic()
        with pytest.raises(Unreachable, match="не ответил вовремя"):
            drop.sink(port=proxy.port, deadline_seconds=2).deliver(export())
        assert time.monotonic() - began < 5


def test_a_folder_that_may_not_be_written_is_access_denied(drop: TheDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise asyncssh.SFTPPermissionDenied("read only")

    monkeypatch.setattr(players.Folders, "posix_rename", refuse)
    with pytest.raises(AccessDenied, match="не даёт доступа к /in"):
        drop.sink().probe()
    with pytest.raises(AccessDenied):
        drop.sink().deliver(export())


def test_a_server_without_the_openssh_extensions_gets_the_file_too(
    drop: TheDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise asyncssh.SFTPOpUnsupported("unknown request")

    monkeypatch.setattr(players.Folders, "posix_rename", unknown)
    monkeypatch.setattr(players.Folders, "fsync", unknown)
    drop.lay("in", NAME, BODY[:100], manifest=False)
    drop.sink().deliver(export())
    assert (drop.root / "in" / NAME).read_bytes() == BODY
    drop.lay("answers", ANSWER, SAID, rows=1)
    (answer,) = drop.sink().answers()
    drop.sink().put_aside(answer, taken=True)
    assert drop.names("answers") == []


def test_a_full_disk_at_the_other_end_is_one_of_our_errors(drop: TheDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(players.Folders, "write", full)
    with pytest.raises(LkError, match=r"No space left|space"):
        drop.sink().deliver(export())
    assert not is_offered(drop, export())


def test_probing_leaves_nothing_behind(drop: TheDrop) -> None:
    drop.sink().probe()
    assert drop.names("in") == drop.names("answers") == []


def test_whole_answers_are_read_oldest_first(drop: TheDrop) -> None:
    for age, name in enumerate(["readings-000003.answer.csv", "readings-000002.answer.csv", ANSWER]):
        drop.lay("answers", name, SAID, rows=1)
        os.utime(drop.root / "answers" / name, (1_000_000 - age, 1_000_000 - age))
    names = [answer.name for answer in drop.sink().answers()]
    assert names == [ANSWER, "readings-000002.answer.csv", "readings-000003.answer.csv"]


def test_an_answer_without_a_manifest_is_left_alone(drop: TheDrop) -> None:
    drop.lay("answers", ANSWER, SAID, manifest=False)
    (drop.root / "answers" / f"{ANSWER}.ok.part").write_text("{")
    (drop.root / "answers" / "readings-000002.answer.csv").symlink_to("/etc/passwd")
    assert drop.sink().answers() == []
    assert drop.names("answers") == [ANSWER, f"{ANSWER}.ok.part", "readings-000002.answer.csv"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"sha256": "0" * 64}, "SHA-256 не сходится"),
        ({"rows": "много"}, "манифест не читается"),
        ({"file": "x"}, "о другом"),
    ],
)
def test_a_torn_answer_comes_with_its_fault(drop: TheDrop, said: dict[str, Any], why: str) -> None:
    drop.lay("answers", ANSWER, SAID, **said)
    (answer,) = drop.sink().answers()
    assert answer.fault is not None
    assert why in answer.fault


def test_an_answer_that_is_still_being_written_is_left_for_the_next_time(drop: TheDrop) -> None:
    drop.lay("answers", ANSWER, SAID[:10], sha256=hashlib.sha256(SAID).hexdigest())
    threading.Timer(0.4, lambda: (drop.root / "answers" / ANSWER).write_bytes(SAID[:20])).start()
    assert drop.sink().answers() == []
    threading.Timer(0.4, lambda: (drop.root / "answers" / ANSWER).write_bytes(SAID)).start()
    assert drop.sink().answers() == [AnswerFile(name=ANSWER, body=SAID)]


def test_a_huge_answer_is_not_swallowed(drop: TheDrop) -> None:
    drop.lay("answers", ANSWER, SAID * 100, rows=100)
    (answer,) = drop.sink(max_answer_bytes=1000).answers()
    assert answer.fault is not None
    assert answer.body == b""


@pytest.mark.parametrize(("taken", "aside"), [(True, "done"), (False, "error")])
def test_an_answer_is_put_aside_with_its_manifest_and_report(drop: TheDrop, taken: bool, aside: str) -> None:
    drop.lay("answers", ANSWER, SAID, rows=1)
    (answer,) = drop.sink().answers()
    for _ in range(2):  # safe to repeat
        drop.sink().put_aside(answer, taken=taken, report="row;code;text\r\n")
    assert drop.names("answers") == []
    assert drop.names(f"answers/{aside}") == [ANSWER, f"{ANSWER}.err.csv", f"{ANSWER}.ok"]


def test_a_second_answer_of_the_same_name_does_not_bury_the_first(drop: TheDrop) -> None:
    for body in (SAID, SAID + SAID):
        drop.lay("answers", ANSWER, body)
        (answer,) = drop.sink().answers()
        drop.sink().put_aside(answer, taken=True)
    aside = f"readings-000001.answer.{hashlib.sha256(SAID + SAID).hexdigest()[:8]}.csv"
    assert drop.names("answers/done") == sorted([ANSWER, f"{ANSWER}.ok", aside, f"{aside}.ok"])
    assert (drop.root / "answers" / "done" / ANSWER).read_bytes() == SAID


def test_the_folders_for_what_is_put_aside_are_made_if_missing(drop: TheDrop) -> None:
    shutil.rmtree(drop.root / "answers" / "done")
    drop.lay("answers", ANSWER, SAID, rows=1)
    (answer,) = drop.sink().answers()
    drop.sink().put_aside(answer, taken=True)
    assert drop.names("answers/done") == [ANSWER, f"{ANSWER}.ok"]


def test_a_manifest_whose_answer_was_put_aside_before_a_cut_follows_it(drop: TheDrop) -> None:
    drop.lay("answers", ANSWER, SAID, rows=1)
    (drop.root / "answers" / ANSWER).rename(drop.root / "answers" / "done" / ANSWER)
    assert drop.sink().answers() == []
    assert drop.names("answers/done") == [ANSWER, f"{ANSWER}.ok"]
