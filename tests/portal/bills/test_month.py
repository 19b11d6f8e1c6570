"""The bills of a month: a file for each, totals that add up, and a run that goes on where another broke off."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.supplier.oddities import Oddity
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.printing import Far, Order, printer
from portal.bills.month import JOURNAL, MANIFEST, Entry, Office, file_name
from tests.portal.bills.printed import LAST, text
from tests.portal.pages.cast import NUMBER
from tests.portal.world import write_settings

PEOPLE = sorted(NUMBER[each] for each in (Oddity.ORDINARY, Oddity.BENEFIT, Oddity.DEBTOR, Oddity.YO, Oddity.QUOTES))


@pytest.fixture
def config(tmp_path: Path, books: Path) -> Config:
    folder = tmp_path / "config"
    environment = write_settings(folder, port=1)
    (folder / "var").mkdir()
    shutil.copy(books, folder / "var" / "cache.db")
    return Config(folder, environment)


def _print(config: Config, out: Path, accounts: list[str], far: list[Far] | None = None) -> Any:
    told: list[Far] = [] if far is None else far
    return Office().month(config, Order(period=LAST, out=out, workers=2, accounts=accounts), told.append)


def _entries(folder: Path) -> list[Entry]:
    return msgspec.convert(msgspec.json.decode((folder / MANIFEST).read_bytes())["files"], list[Entry])


def test_a_run_goes_on_where_another_broke_off_and_prints_anew_what_has_changed(config: Config, tmp_path: Path) -> None:
    far: list[Far] = []
    out = tmp_path / "out"
    first = _print(config, out, PEOPLE[:3], far)
    assert (first.bills, first.kept, first.failed, first.unknown) == (3, 0, [], [])
    assert [each.done for each in far] == [1, 2, 3]
    lost, half = [out / file_name(account, LAST) for account in PEOPLE[:2]]
    stayed = (out / file_name(PEOPLE[2], LAST)).stat()
    lost.unlink()
    half.write_bytes(b"%PDF")
    with (out / JOURNAL).open("a") as journal:
        journal.write('{"account": "cut in the mid')

    second = _print(config, out, [*PEOPLE, "никто"])
    assert (second.bills, second.kept, second.unknown) == (5, 1, ["никто"])
    assert (out / file_name(PEOPLE[2], LAST)).stat().st_mtime_ns == stayed.st_mtime_ns
    entries = _entries(out)
    assert [entry.account for entry in sorted(entries, key=lambda each: each.account)] == PEOPLE
    for entry in entries:
        body = (out / entry.file).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry.bytes, entry.sha256)
        assert entry.account in text(body)
    assert second.due_kopecks == sum(entry.due_kopecks for entry in entries) > 0
    assert second.payable == sum(entry.due_kopecks > 0 for entry in entries)
    assert not list(out.rglob("*.part"))
    assert (out / entries[0].file).stat().st_mode & 0o077 == 0

    with closing(sqlite3.connect(config.lk.cache_path)) as base, base:
        base.execute("UPDATE bills SET amount_due_kopecks = 777 WHERE account = ? AND period = ?",
                     (int(f"1{PEOPLE[2]}"), LAST))  # fmt: skip
    third = _print(config, out, PEOPLE)
    assert (third.bills, third.kept) == (5, 4)
    assert "7,77" in text((out / file_name(PEOPLE[2], LAST)).read_bytes())


def test_a_zip_appears_whole_with_its_manifest(config: Config, tmp_path: Path) -> None:
    out = tmp_path / "october.zip"
    done = _print(config, out, PEOPLE[:2])
    assert done.out == str(out)
    with zipfile.ZipFile(out) as packed:
        assert packed.testzip() is None
        assert sorted(packed.namelist()) == sorted([MANIFEST, *(file_name(each, LAST) for each in PEOPLE[:2])])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("october")] == ["october.zip"]


@pytest.mark.parametrize("account", ["../../etc/passwd", "Т/17-б", "Т/17-б" * 30, "a b", "."])
def test_no_account_number_leads_a_file_astray(account: str) -> None:
    folder, name = file_name(account, LAST).split("/")
    assert len(folder) == 2
    assert name.startswith("bill_")
    assert name.endswith("_2026-10.pdf")
    assert len(name.encode()) < 200
    assert ".." not in name.removesuffix(".pdf")


def test_two_numbers_that_look_alike_as_names_stay_apart() -> None:
    names = [file_name(account, LAST) for account in ("a/b", "a-b", "a b", "12", "012")]
    assert len(set(names)) == 5


def test_a_broken_template_is_told_by_check_and_preview(config: Config) -> None:
    assert printer().examined(config) == "шаблон встроенный"
    shutil.copytree(Path(__file__).parents[3] / "config" / "templates", config.folder / "templates")
    assert text(printer().preview(config)).count("Образцова Мария Ивановна") == 2
    page = config.folder / "templates" / "bill" / "bill.html"
    page.write_text(page.read_text("utf-8").replace("<body>", "<body>\n<p>{{ typo }}"), "utf-8")
    for ask in (printer().examined, printer().preview):
        with pytest.raises(SettingsError, match=r"bill\.html:12:7: UndefinedError"):
            ask(config)
