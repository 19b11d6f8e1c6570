"""A folder: what protects it is said as far as it can be seen, and nothing in it leads elsewhere."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from connectors.folder import settings as reach
from connectors.folder.settings import FolderSettings
from connectors.folder.source import FolderSource
from lk_sync import registry
from lk_sync.contracts import FileOutcome, TakenFile
from lk_sync.errors import AccessDenied, BadData, LkError, SettingsError, Unprotected, Unreachable
from tests.at_the_folder import HEAD, Shop, line

MOUNTS = """22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / {point} rw,relatime shared:2 - {kind} //files.example/out rw
"""


def source(folder: Path, **other: Any) -> FolderSource:
    return FolderSource(FolderSettings(folder=folder, **other))


def test_a_folder_of_this_machine_says_what_keeps_others_out(shop: Shop) -> None:
    said = registry.source("folder", {"folder": str(shop.out)}).channel()
    assert said.peer == str(shop.out)
    assert "папка этого компьютера" in said.protection
    assert "закрыта" in said.protection


@pytest.mark.parametrize("which", ["itself", "above"])
def test_a_folder_into_which_anybody_may_write_is_refused(shop: Shop, which: str) -> None:
    open_one = shop.out if which == "itself" else shop.out / "up"
    inner = shop.out if which == "itself" else shop.out / "up" / "in"
    inner.mkdir(parents=True, exist_ok=True)
    open_one.chmod(0o777)
    with pytest.raises(Unprotected, match=f"chmod o-w {open_one}"):
        source(inner).channel()
    with pytest.raises(Unprotected), source(inner).connect():
        pass
    open_one.chmod(0o1777)
    if which == "above":  # as /tmp is: nobody may rename what is another's there
        source(inner).channel()
    else:
        with pytest.raises(Unprotected):
            source(inner).channel()


@pytest.mark.parametrize("kind", ["cifs", "nfs4", "fuse.sshfs"])
def test_a_mounted_folder_needs_words_of_what_protects_it(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    shared = tmp_path / "общая папка"
    shared.mkdir()
    mounts.write_text(MOUNTS.format(point=str(shared).replace(" ", "\\040"), kind=kind), "utf-8")
    for words in (None, "да", "всё хорошо"):
        with pytest.raises(Unprotected, match=r"connection\.mounted"):
            reach.channel(FolderSettings(folder=shared, mounted=words), mounts)
    said = reach.channel(FolderSettings(folder=shared, mounted="SMB 3.1.1, seal, Kerberos"), mounts)
    assert f"подключена ({kind}); по словам администратора: SMB 3.1.1, seal, Kerberos" in said.protection
    assert "ext4" in reach.channel(FolderSettings(folder=tmp_path), mounts).protection


@pytest.mark.parametrize(
    ("folder", "why"),
    [("out", "полный путь"), ("/no/such/folder", "папки /no/such/folder нет"), ("/etc/hostname", "папк")],
)
def test_a_folder_that_is_none_is_named(folder: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        source(Path(folder)).channel()
    with pytest.raises(LkError, match=r"папк|путь"), source(Path(folder)).connect():
        pass


def test_links_folders_and_odd_names_do_not_exist_for_us(bank: Shop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(HEAD + line("secret"), "utf-8")
    bank.lay("payments-1.csv", HEAD + line("a"))
    (bank.out / "payments-2.csv").symlink_to(secret)
    (bank.out / "payments-2.csv.ok").symlink_to(secret)
    (bank.out / "payments-3.csv").mkdir()
    (bank.out / "payments-3.csv.ok").touch()
    os.mkfifo(bank.out / "payments-4.csv")
    (bank.out / "payments-4.csv.ok").touch()
    bank.lay("-payments-5.csv", HEAD + line("b"))
    bank.lay("payments-6;rm.csv", HEAD + line("c"))
    Path(os.fsdecode(os.fsencode(bank.out) + b"/payments-7\xff.csv")).write_text(HEAD)
    bank.pull()
    assert bank.paid == {"a": 10_000}
    assert bank.names("done") == ["payments-1.csv", "payments-1.csv.ok"]


def test_a_folder_for_what_is_done_that_is_a_link_leads_nowhere(bank: Shop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "payments-0.csv").write_text(HEAD + line("secret"))
    (bank.out / "done").symlink_to(elsewhere)
    bank.lay("payments-1.csv", HEAD + line("a"))
    assert bank.pull().state == "published"
    assert bank.paid == {"a": 10_000}
    assert sorted(path.name for path in elsewhere.iterdir()) == ["payments-0.csv"]
    assert bank.pull().state == "unchanged"


def test_a_file_that_is_swapped_for_a_link_after_the_look_is_not_followed(shop: Shop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(HEAD + line("secret"), "utf-8")
    path = shop.lay("payments-1.csv", HEAD + line("a"))
    looked = source(shop.out).shelf()
    entry = looked.listing()["payments-1.csv"]
    path.unlink()
    with pytest.raises(Unreachable, match="исчез"):
        looked.fetch("payments-1.csv", entry, io.BytesIO())
    path.symlink_to(secret)
    with pytest.raises(Unreachable, match="уже не обычный файл"):
        looked.fetch("payments-1.csv", entry, io.BytesIO())
    outcome = FileOutcome(
        file=TakenFile(dataset="payments", name="payments-1.csv", sha256="0" * 64, rows=1, version=entry.version),
        state="published",
    )
    source(shop.out).settle([outcome])
    assert path.is_symlink()


def test_a_file_that_grows_while_it_is_read_is_tried_again_later(shop: Shop) -> None:
    path = shop.lay("payments-1.csv", HEAD + line("a"))
    shelf = source(shop.out).shelf()
    entry = shelf.listing()["payments-1.csv"]
    with path.open("a") as file:
        file.write(line("b"))
    with pytest.raises(Unreachable, match="менялся, пока его читали"):
        shelf.fetch("payments-1.csv", entry, io.BytesIO())


def test_a_file_without_a_sidecar_is_taken_when_it_stands_still_and_not_before(bank: Shop) -> None:
    bank.connection["settle_seconds"] = 1
    bank.write()
    path = bank.lay("payments-1.csv", HEAD, sign=False)
    bank.lay("payments-2.csv", HEAD + line("b"), sign=False)
    bank.lay("payments-3.csv", (HEAD + line("c"))[:-9], sign=False)
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.05):
            with path.open("a", encoding="utf-8") as file:
                file.write(line("a"))

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        bank.pull()
    finally:
        stop.set()
        writer.join()
    assert bank.paid == {"b": 10_000}
    assert bank.names() == ["payments-1.csv"]
    assert "последняя строка не закончена" in bank.report("payments-3.csv", "error")


def test_a_file_larger_than_allowed_is_not_read(bank: Shop) -> None:
    bank.connection["max_file_bytes"] = 100
    bank.write()
    bank.lay("payments-1.csv", HEAD + line("a") * 10)
    bank.lay("payments-2.csv", HEAD)
    bank.pull()
    assert "max_file_bytes" in bank.report("payments-1.csv", "error")
    with pytest.raises(BadData, match="такого здесь быть не может"):
        source(bank.out).shelf().read_small("done/payments-2.csv", 10)


def test_survey_says_what_each_kind_of_file_holds(shop: Shop) -> None:
    shop.lay("payments-20261101.csv", HEAD)
    shop.lay("payments-20261102.csv", (HEAD + line("П-1") + line("П-2", "5.50")).encode("cp1251"))
    shop.lay("Реестр №7.txt", "ЛС|Сумма\n0007|5,00\n")
    shop.lay("broken.dbf", b"not a table at all")
    found = {each.origin: each for each in source(shop.out).survey()}
    assert set(found) == {"payments-*.csv", "Реестр №*.txt"}
    payments = found["payments-*.csv"]
    assert (payments.how, payments.rows, payments.options) == ("file", 2, {"encoding": "cp1251"})
    assert {column.name: column.kinds[0] for column in payments.columns} == {
        "ЛС": "account",
        "Номер": "text",
        "Дата": "date",
        "Месяц": "month",
        "Сумма": "money",
    }
    assert found["Реестр №*.txt"].options == {"delimiter": "|"}
    (shop.out / "empty").mkdir()
    with pytest.raises(SettingsError, match="нет ни одного файла"):
        source(shop.out / "empty").survey()


def test_what_may_not_be_moved_is_told_and_undoes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    shop.lay("payments-1.csv", HEAD + line("a"))
    monkeypatch.setattr("connectors.folder.shelf.os.rename", refuse)
    assert shop.pull().state == "published"
    assert shop.paid == {"a": 10_000}
    assert shop.pull().state == "unchanged"
    assert "payments-1.csv" in shop.names()
    version = source(shop.out).shelf().listing()["payments-1.csv"].version
    taken = TakenFile(dataset="payments", name="payments-1.csv", sha256="0" * 64, rows=1, version=version)
    with pytest.raises(AccessDenied, match="put_aside: false"):
        source(shop.out).settle([FileOutcome(file=taken, state="published")])
