"""Snapshots out of the drop: the newest whole set, byte by byte what its writer meant, or nothing."""

from __future__ import annotations

import os
import resource
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from connectors.sftp.source import SftpSource
from demo import drop as players
from lk_sync import mapping, registry
from lk_sync.config import DatasetSetting, FieldSetting, SourceSetting
from lk_sync.contracts import Session, Totals, Wanted
from lk_sync.errors import BadData, LkError, SchemaDrift, SettingsError, Unprotected, Unreachable
from tests.at_the_drop import PASSWORD, TheDrop
from tests.faults.proxy import Fault, Kind, Proxy

STAMP = "20261122-0400"
PAYMENTS = "ЛС;НомерДокумента;Дата;Месяц;Сумма;Канал\r\n"
LINE = "000012345;П-1;2026-11-03;2026-11-01;1234.56;касса\r\n"
FIELDS = {
    "account": "ЛС",
    "payment": "НомерДокумента",
    "paid_on": "Дата",
    "period": "Месяц",
    "amount_kopecks": "Сумма",
    "channel": "Канал",
}
DOCUMENTS = "ЛС;Документ;Вид;Номер;Дата;Наименование\r\n"


def setting(mask: str | None = "payments-*.csv", fields: dict[str, str] = FIELDS, **other: Any) -> DatasetSetting:
    columns = {field: FieldSetting(column=column) for field, column in fields.items()}
    table = None if mask else "платежи"
    return DatasetSetting(file=mask, table=table, fields=columns, **other)


def wanted(since: str | None = None, **other: Any) -> Wanted:
    source = SourceSetting(source="sftp", connection={}, datasets={"payments": setting(**other)})
    return mapping.wanted(Path("sftp.yaml"), source, "payments", since=since)


def documents() -> Wanted:
    columns = dict(
        zip(("account", "document", "kind", "number", "signed_on", "title"), DOCUMENTS.split(";"), strict=True)
    )
    columns["title"] = "Наименование"
    source = SourceSetting(source="sftp", connection={}, datasets={"documents": setting("documents-*.csv", columns)})
    return mapping.wanted(Path("sftp.yaml"), source, "documents")


def rows(session: Session, wish: Wanted) -> list[tuple[Any, ...]]:
    session.columns(wish)
    return [row for batch in session.pull(wish) for row in zip(*batch.columns, strict=True)]


def pulled(source: SftpSource, wish: Wanted) -> list[tuple[Any, ...]]:
    with source.connect() as session:
        return rows(session, wish)


def test_the_newest_whole_file_is_read_with_its_line_numbers(drop: TheDrop) -> None:
    drop.lay("out", "payments-20261121-0400.csv", (PAYMENTS + LINE).encode(), rows=1)
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE * 25_000).encode(), rows=25_000)
    drop.lay("out", "payments-20261123-0400.csv", PAYMENTS.encode(), manifest=False)
    with drop.source().connect() as session:
        session.columns(wanted())
        batches = list(session.pull(wanted()))
    assert [(batch.rows, batch.first_row) for batch in batches] == [(20_000, 2), (5_000, 20_002)]
    assert {(batch.where, batch.exact, batch.watermark) for batch in batches} == {
        (f"payments-{STAMP}.csv", False, None)
    }
    assert [column[0] for column in batches[0].columns] == LINE.strip().split(";")


def test_the_manifest_gives_control_totals_in_kopecks(drop: TheDrop) -> None:
    said = {"Сумма": "1234.50", "Объём": "0.123456", "Дата": "1"}
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1, sums=said)
    with drop.source().connect() as session:
        assert session.totals(wanted()) == Totals(rows=1, sums={"amount_kopecks": 123_450})
        assert len(rows(session, wanted())) == 1
        assert session.totals(wanted()) == Totals(rows=1, sums={"amount_kopecks": 123_450})


@pytest.mark.parametrize("said", ["1234.505", "1 234,5x", "", "NaN", "1e3"])
def test_a_control_sum_that_is_no_exact_amount_is_refused(drop: TheDrop, said: str) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1, sums={"Сумма": said})
    with drop.source().connect() as session, pytest.raises(BadData, match=r"payments.*\.ok: сумма «Сумма»"):
        session.totals(wanted())


def test_all_datasets_of_a_session_have_one_stamp(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", PAYMENTS.encode())
    drop.lay("out", f"documents-{STAMP}.csv", DOCUMENTS.encode())
    drop.lay("out", "payments-20261123-0400.csv", PAYMENTS.encode())
    with drop.source().connect() as session:
        session.columns(wanted())
        with pytest.raises(Unreachable, match=r"«20261123-0400» ещё не полна"):
            session.columns(documents())
    with drop.source().connect() as session:
        session.columns(documents())
        (taken,) = {batch.where for batch in session.pull(wanted())} or {f"payments-{STAMP}.csv"}
        assert taken == f"payments-{STAMP}.csv"
    with drop.source(one_set=False).connect() as session:
        session.columns(wanted())
        session.columns(documents())


def test_files_of_one_set_must_speak_of_one_instant(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", PAYMENTS.encode(), as_of="2026-11-22T01:00:00.000Z")
    drop.lay("out", f"documents-{STAMP}.csv", DOCUMENTS.encode(), as_of="2026-11-22T02:00:00.000Z")
    with drop.source().connect() as session:
        session.columns(wanted())
        with pytest.raises(BadData, match=r"02:00:00.*01:00:00"):
            session.columns(documents())


def test_a_session_does_not_see_what_is_laid_down_after_it_began(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1)
    with drop.source().connect() as session:
        drop.lay("out", "payments-20261123-0400.csv", PAYMENTS.encode())
        assert len(rows(session, wanted())) == 1


def test_a_wish_since_a_watermark_is_answered_with_the_whole_snapshot(drop: TheDrop) -> None:
    head, line = PAYMENTS.replace("\r\n", ";ДатаИзменения\r\n"), LINE.replace("\r\n", ";2026-11-%02dT10:00:00\r\n")
    drop.lay("out", f"payments-{STAMP}.csv", (head + line % 3 + line % 9 + line % 5).encode(), rows=3)
    wish = wanted(watermark="ДатаИзменения", since="2026-11-08T00:00:00")
    with drop.source().connect() as session:
        session.columns(wish)
        (batch,) = session.pull(wish)
    assert (batch.rows, len(batch.columns), batch.watermark) == (3, len(FIELDS), "2026-11-09T10:00:00")


def test_a_file_of_changes_is_not_taken_for_a_snapshot(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1, snapshot=False)
    with pytest.raises(BadData, match="только изменения"):
        pulled(drop.source(), wanted())


def test_a_renamed_column_is_drift_and_named_with_the_nearest(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS.replace("Сумма", "СуммаПлатежа") + LINE).encode(), rows=1)
    with pytest.raises(SchemaDrift, match="нет колонки «Сумма», есть похожая «СуммаПлатежа»"):
        pulled(drop.source(), wanted())


@pytest.mark.parametrize(
    ("body", "said", "why"),
    [
        (PAYMENTS + LINE, {"rows": 2}, "строк 1, а манифест обещает 2"),
        (PAYMENTS + LINE, {"rows": 0}, "строк 1, а манифест обещает 0"),
        (PAYMENTS + LINE, {"rows": 1, "sha256": "0" * 64}, "SHA-256 не сходится"),
        (PAYMENTS + LINE, {"rows": -1}, "манифест не читается"),
        (PAYMENTS + LINE, {"rows": 1, "sha256": "нет"}, "манифест не читается"),
        (PAYMENTS + LINE, {"rows": 1, "file": "other.csv"}, "говорит о другом файле"),
        ("<html>ошибка 500</html>", {"rows": 1}, "HTML"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(
    drop: TheDrop, body: str, said: dict[str, Any], why: str
) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", body.encode(), **said)
    with pytest.raises(BadData, match=why):
        pulled(drop.source(), wanted())


def test_a_torn_row_costs_that_row_and_no_other(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE + "1;2\r\n" + LINE).encode(), rows=3)
    with drop.source().connect() as session:
        session.columns(wanted())
        batches = list(session.pull(wanted()))
    assert [fault.row for batch in batches for fault in batch.faults] == [3]
    assert sum(batch.rows for batch in batches) == 2


def test_another_encoding_is_named_and_the_right_option_reads_it(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode("cp1251"), rows=1)
    with pytest.raises(BadData, match="строка 1, байт 1 файла: это не utf-8, похоже на cp1251"):
        pulled(drop.source(), wanted())
    assert pulled(drop.source(), wanted(options={"encoding": "cp1251"})) == [tuple(LINE.strip().split(";"))]


@pytest.mark.parametrize("options", [{"encodng": "cp1251"}, {"encoding": "ascii"}, {"delimiter": "\\t"}])
def test_an_option_we_do_not_know_is_refused(drop: TheDrop, options: dict[str, str]) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", PAYMENTS.encode())
    with pytest.raises(SettingsError, match=r"datasets\.payments\.options"):
        pulled(drop.source(), wanted(options=options))


@pytest.mark.parametrize("mask", [None, "*-*.csv", "../payments-*.csv", "/etc/passwd", "a/payments-*.csv"])
def test_a_mask_leads_nowhere_else(drop: TheDrop, mask: str | None) -> None:
    with pytest.raises(SettingsError, match="имя файла без папок"):
        pulled(drop.source(), wanted(mask=mask))


def test_a_mask_without_a_star_names_one_file(drop: TheDrop) -> None:
    drop.lay("out", "payments.csv", (PAYMENTS + LINE).encode(), rows=1)
    assert len(pulled(drop.source(), wanted(mask="payments.csv"))) == 1


def test_a_loose_mask_never_takes_a_manifest_for_a_file(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}", (PAYMENTS + LINE).encode(), rows=1)
    assert len(pulled(drop.source(), wanted(mask="payments-*"))) == 1


def test_an_empty_drop_and_one_that_is_still_being_filled_are_told_apart(drop: TheDrop) -> None:
    with pytest.raises(BadData, match=r"нет ни одного готового файла$"):
        pulled(drop.source(), wanted())
    drop.lay("out", f"payments-{STAMP}.csv", PAYMENTS.encode(), manifest=False)
    with pytest.raises(BadData, match="они ещё пишутся"):
        pulled(drop.source(), wanted())


def test_a_file_without_a_manifest_is_taken_when_it_stood_still(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), manifest=False)
    with drop.source(settle_seconds=1).connect() as session:
        assert session.totals(wanted()) is None
        assert len(rows(session, wanted())) == 1


def test_a_file_without_a_manifest_must_end_its_last_line(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode()[:-10], manifest=False)
    with pytest.raises(BadData, match="последняя строка не закончена"):
        pulled(drop.source(settle_seconds=1), wanted())


def test_a_file_that_is_still_growing_is_left_alone(drop: TheDrop) -> None:
    path = drop.root / "out" / f"payments-{STAMP}.csv"
    path.write_text(PAYMENTS, "utf-8")
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.1):
            with path.open("a", encoding="utf-8") as file:
                file.write(LINE)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(BadData, match="нет ни одного готового файла"):
            pulled(drop.source(settle_seconds=1), wanted())
    finally:
        stop.set()
        writer.join()


def test_links_folders_and_odd_names_do_not_exist_for_us(drop: TheDrop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(PAYMENTS + LINE, "utf-8")
    out = drop.root / "out"
    drop.lay("out", "payments-1.csv", (PAYMENTS + LINE).encode(), rows=1)
    for name in ("payments-2.csv", "payments-2.csv.ok"):
        (out / name).symlink_to(secret)
    (out / "payments-3.csv").mkdir()
    for name in ("payments-4\n.csv", "payments-5\\..\\x.csv", "-payments-6.csv", "payments-7;rm.csv"):
        drop.lay("out", name, PAYMENTS.encode())
    Path(os.fsdecode(os.fsencode(out) + b"/payments-8\xff.csv")).write_text(PAYMENTS)
    os.mkfifo(out / "payments-9.csv")
    with drop.source(settle_seconds=1).connect() as session:
        (batch,) = session.pull(wanted())
    assert batch.where == "payments-1.csv"


def test_a_file_larger_than_allowed_is_not_fetched(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE * 100).encode(), rows=100)
    with pytest.raises(BadData, match="max_file_bytes"):
        pulled(drop.source(max_file_bytes=1000), wanted())


def test_a_file_that_vanishes_or_is_replaced_meanwhile_is_tried_again_later(drop: TheDrop) -> None:
    path = drop.root / "out" / f"payments-{STAMP}.csv"
    drop.lay("out", path.name, (PAYMENTS + LINE).encode(), rows=1)
    with drop.source().connect() as session:
        path.unlink()
        with pytest.raises(Unreachable, match="исчез"):
            session.columns(wanted())
        path.symlink_to("/etc/passwd")
        with pytest.raises(Unreachable, match="уже не обычный файл"):
            session.columns(wanted())


def test_nothing_in_the_drop_is_changed_and_nothing_stays_here(drop: TheDrop, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1)
    before = {path: path.stat().st_mtime_ns for path in drop.root.rglob("*")}
    with drop.source().connect() as session:
        session.columns(wanted())
        assert list((tmp_path / "temporary").iterdir()) == []
        assert len(rows(session, wanted())) == 1
    assert {path: path.stat().st_mtime_ns for path in drop.root.rglob("*")} == before


def test_a_full_disk_here_is_told_and_tried_again_later(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE * 20_000).encode(), rows=20_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with drop.source().connect() as session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            with pytest.raises(Unreachable, match="временный файл не записать"):
                session.columns(wanted())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert len(rows(session, wanted())) == 20_000


@pytest.mark.parametrize("kind", ["close", "reset", "flip", "silence"])
@pytest.mark.parametrize("part", [0.2, 0.9])
def test_a_connection_that_breaks_in_the_middle_gives_no_rows_at_all(drop: TheDrop, kind: Kind, part: float) -> None:
    lines = 20_000
    body = (PAYMENTS + LINE * lines).encode()
    drop.lay("out", f"payments-{STAMP}.csv", body, rows=lines)
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        source = drop.source(port=proxy.port, silence_seconds=1)
        with source.connect() as session:
            proxy.fault = Fault(kind, at=int(len(body) * part))
            began = time.monotonic()
            with pytest.raises((Unreachable, Unprotected)):
                session.columns(wanted())
            assert time.monotonic() - began < 6
            proxy.fault = None
            assert len(rows(session, wanted())) == lines


def test_a_slow_line_is_waited_for_as_long_as_it_moves(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE * 300).encode(), rows=300)
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        proxy.fault = Fault("slow", at=4000, pause=0.05)
        assert len(pulled(drop.source(port=proxy.port, silence_seconds=2), wanted())) == 300


def test_the_whole_visit_has_a_deadline_of_its_own(drop: TheDrop) -> None:
    drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE * 3000).encode(), rows=3000)
    with (
        Proxy("127.0.0.1", drop.drop.port) as proxy,
        drop.source(port=proxy.port, deadline_seconds=2).connect() as session,
    ):
        proxy.fault = Fault("slow", at=4000, pause=0.2)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="не ответил вовремя"):
            session.columns(wanted())
        assert time.monotonic() - began < 5


def test_the_newest_of_very_many_files_is_found(drop: TheDrop) -> None:
    for number in range(3000):
        (drop.root / "out" / f"payments-{number:06d}.csv").touch()
    drop.lay("out", "payments-002500.csv", (PAYMENTS + LINE).encode(), rows=1)
    assert len(pulled(drop.source(), wanted())) == 1


def test_the_source_is_found_by_its_name(drop: TheDrop) -> None:
    found = registry.source("sftp", drop.reach(folder="/out"))
    assert found.channel().peer.startswith("sftp://lk@")
    with pytest.raises(LkError, match="one_sett"):
        registry.source("sftp", drop.reach(one_sett=True))


class Restless(players.Folders):
    """A server that breaks a listing off when a file goes away meanwhile: at the first `breaks` listings of `/out`."""

    breaks = 0

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(path):
            yield entry
            if path == b"/out" and Restless.breaks:
                Restless.breaks -= 1
                raise asyncssh.SFTPNoSuchFile("gone")


@pytest.mark.parametrize("breaks", [1, 4])
def test_a_listing_that_breaks_off_because_a_file_went_away_is_begun_again(
    tmp_path: Path, server_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch, breaks: int
) -> None:
    with restless(tmp_path, server_key, monkeypatch, breaks) as drop, drop.source().connect() as session:
        assert [batch.rows for batch in session.pull(wanted())] == [1]


def test_a_folder_that_never_comes_to_rest_is_no_fault_of_the_settings(
    tmp_path: Path, server_key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = pytest.raises(Unreachable, match="/out: файлы убирают")
    with restless(tmp_path, server_key, monkeypatch, 1000) as drop, fault, drop.source().connect():
        pass


@contextmanager
def restless(folder: Path, key: asyncssh.SSHKey, monkeypatch: pytest.MonkeyPatch, breaks: int) -> Iterator[TheDrop]:
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    monkeypatch.setattr(Restless, "breaks", breaks)
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with players.running(folder / "drop", key=key, visitor=visitor, folders=Restless) as running:
        drop = TheDrop(running)
        drop.lay("out", f"payments-{STAMP}.csv", (PAYMENTS + LINE).encode(), rows=1)
        yield drop
