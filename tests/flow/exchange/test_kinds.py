"""Kinds: requests with their files and wishes about bills go the same way as readings, and nothing of them is lost."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from lk_sync import config
from lk_sync.config import SinkSetting
from lk_sync.contracts import ExportFile
from lk_sync.errors import BadData, SettingsError, Unreachable
from lk_sync.flow import archive, layout, lodge, wish
from lk_sync.flow.export import PushReport, push
from lk_sync.flow.lodge import Draft, Party
from lk_sync.store import outbox, users
from lk_sync.store.attachments import Attachment
from lk_sync.store.requests import Told
from tests.flow.exchange.conftest import Exchange

SHIPPED = Path(__file__).parents[3] / "config" / "sinks" / "accounting.yaml"
OURS = Party(user_code=None, account="000012345", holder_key="h", language="ru")


class Breaking:
    """A sink that is cut off at its `at`-th delivery: before it, or when the file has arrived already."""

    def __init__(self, sink: Any, at: int, *, arrived: bool) -> None:
        self._sink, self._left, self._arrived = sink, at, arrived

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def deliver(self, file: ExportFile) -> None:
        self._left -= 1
        if self._left == 0 and not self._arrived:
            raise Unreachable("cut")
        self._sink.deliver(file)
        if self._left == 0:
            raise Unreachable("cut")


def setting(**changes: dict[str, Any]) -> SinkSetting:
    """As it is shipped."""
    tree = yaml.safe_load(SHIPPED.read_text("utf-8"))
    for kind, values in changes.items():
        tree["exports"][kind] |= values
    return config.convert(tree | {"connection": {}}, SinkSetting, path=SHIPPED)


def pushed(exchange: Exchange, sink: Any = None, **changes: dict[str, Any]) -> PushReport:
    return push(
        exchange.store, name="books", setting=setting(**changes), sink=sink or exchange.drop.sink(),
        attachments=exchange.attachments, now=exchange.now,
    )  # fmt: skip


def keep(exchange: Exchange, name: str, body: bytes) -> Attachment:
    arriving = exchange.attachments.arrive()
    arriving.write(body)
    return Attachment(name, "application/pdf", len(body), arriving.keep())


def ask(exchange: Exchange, *files: tuple[str, bytes], text: str = "=1+1\nвторая строка") -> str:
    """A request as the portal stores it; its number as people are told it."""
    draft = Draft(
        request=str(uuid4()), kind="question", title="Вопрос", told=[Told("text", "О чём вопрос", text)],
        files=[keep(exchange, *file) for file in files], due_on=date(2026, 12, 7),
    )  # fmt: skip
    now = exchange.now()
    lodged = exchange.store.write_now(lambda tx: lodge.lodge(tx, draft, OURS, secret=None, address="", now=now))
    return f"З-{lodged.number:06d}"


def archived(exchange: Exchange, number: int, folder: str = "in") -> dict[str, bytes]:
    body = (exchange.drop.root / folder / f"requests-{number:06d}.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(body)) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_requests_go_out_with_their_files_and_are_registered(exchange: Exchange) -> None:
    number = ask(exchange, ("Акт.pdf", b"%PDF-1"), ("снимок.jpg", b"\xff\xd8"))
    report = pushed(exchange)
    assert report.files == ("requests-000001.csv",)
    heading, line = exchange.rows("requests-000001.csv")
    row = dict(zip(heading, line, strict=True))
    assert (row["Номер"], row["ЛС"], row["Вид"], row["Файлов"], row["Срок"]) == (
        number, "000012345", "question", "2", "2026-12-07",
    )  # fmt: skip
    assert row["Текст"] == "О чём вопрос: =1+1 / вторая строка"
    assert json.loads(row["Поля"]) == {"text": "=1+1\nвторая строка"}
    assert archived(exchange, 1) == {f"{number}/1 Акт.pdf": b"%PDF-1", f"{number}/2 снимок.jpg": b"\xff\xd8"}
    said = json.loads((exchange.drop.root / "in" / "requests-000001.csv.ok").read_text("utf-8"))
    archive_body = (exchange.drop.root / "in" / "requests-000001.zip").read_bytes()
    assert said["attachments"] == {"file": "requests-000001.zip", "sha256": hashlib.sha256(archive_body).hexdigest()}
    assert said["sums"] == {"Файлов": "2"}
    assert exchange.accountant.work() == ["requests-000001.csv"]
    assert pushed(exchange).confirmed == 1
    assert exchange.item(row["id"]).answer_text == "Зарегистрирована"
    assert exchange.drop.names("in") == []


def test_a_request_without_files_needs_no_archive(exchange: Exchange) -> None:
    ask(exchange)
    pushed(exchange)
    assert exchange.drop.names("in") == ["requests-000001.csv", "requests-000001.csv.ok"]


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_cut_off_anywhere_the_same_bytes_go_out_under_the_same_number(
    exchange: Exchange, at: int, arrived: bool
) -> None:
    ask(exchange, ("Акт.pdf", b"%PDF-1"))
    with pytest.raises(Unreachable):
        pushed(exchange, Breaking(exchange.drop.sink(), at, arrived=arrived))
    ask(exchange, ("Другой.pdf", b"%PDF-2"))
    lying = {name: (exchange.drop.root / "in" / name).read_bytes() for name in exchange.drop.names("in")}
    assert pushed(exchange).files == ("requests-000001.csv", "requests-000002.csv")
    for name, body in lying.items():
        assert (exchange.drop.root / "in" / name).read_bytes() == body
    assert list(archived(exchange, 1)) == ["З-000001/1 Акт.pdf"]
    assert list(archived(exchange, 2)) == ["З-000002/1 Другой.pdf"]
    assert len(exchange.rows("requests-000001.csv")) == len(exchange.rows("requests-000002.csv")) == 2


def test_a_request_whose_file_is_gone_waits_and_holds_nobody_up(exchange: Exchange) -> None:
    ask(exchange, ("Потерян.pdf", b"%PDF-1"))
    ask(exchange, ("Цел.pdf", b"%PDF-2"))
    exchange.attachments.path(hashlib.sha256(b"%PDF-1").hexdigest()).unlink()
    report = pushed(exchange)
    assert report.exported == 1
    assert ["«Потерян.pdf» нет на диске" in each.reason for each in report.withheld] == [True]
    keep(exchange, "Потерян.pdf", b"%PDF-1")
    assert pushed(exchange).exported == 1


def test_a_file_that_was_changed_on_the_disk_never_leaves(exchange: Exchange) -> None:
    ask(exchange, ("Акт.pdf", b"%PDF-1"))
    exchange.attachments.path(hashlib.sha256(b"%PDF-1").hexdigest()).write_bytes(b"%PDF-X")
    with pytest.raises(BadData, match=r"«Акт\.pdf» заявки повреждён"):
        pushed(exchange)
    assert exchange.drop.names("in") == []


def test_an_archive_is_no_larger_than_memory_bears(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    for size in (60, 60, 30, 200, 10):
        ask(exchange, (f"{size}.pdf", bytes(size)))
    assert len(pushed(exchange).files) == 4
    assert [len(archived(exchange, number)) for number in (1, 2, 3, 4)] == [1, 2, 1, 1]


def test_a_wish_about_bills_goes_out_and_a_later_one_takes_its_place(exchange: Exchange) -> None:
    def wished(wanted: Any) -> None:
        now = exchange.now()
        exchange.store.write_now(
            lambda tx: wish.wish(tx, wanted, user_code=code, account="1", email="a@b.ru", address="", now=now)
        )

    code = _user(exchange)
    wished("electronic")
    wished("paper")
    wished("paper")
    assert pushed(exchange).exported == 1
    wished("electronic")
    pushed(exchange)
    first, second = (dict(zip(*exchange.rows(f"bill-delivery-00000{at}.csv"), strict=True)) for at in (1, 2))
    assert (first["Доставка"], first["Взамен"]) == ("paper", "")
    assert (second["Доставка"], second["Взамен"]) == ("electronic", first["id"])
    exchange.accountant.work()
    assert pushed(exchange).confirmed == 2
    found = exchange.store.read(lambda tx: wish.of_account(tx, user_code=code, account="1"))
    assert found is not None
    assert found.passport is not None
    assert (found.wish, found.passport.state) == ("electronic", "confirmed")


def _user(exchange: Exchange) -> str:
    now, lasts = exchange.now(), timedelta(hours=1)
    return exchange.store.write_now(
        lambda tx: users.create(
            tx, account="1", holder_key="h", email="a@b.ru", language="ru", password_hash="", lasts=lasts, now=now
        )
    )


def test_kinds_that_are_not_set_wait(exchange: Exchange) -> None:
    ask(exchange)
    assert exchange.push().files == ()
    assert len(exchange.store.read(lambda tx: list(outbox.waiting(tx, kind="request")))) == 1


def test_two_kinds_never_share_a_name(exchange: Exchange) -> None:
    with pytest.raises(SettingsError, match="у reading и request одно имя файла"):
        layout.all_checked(setting(request={"file": "readings-{number:06d}.csv"}).exports.by_kind)
