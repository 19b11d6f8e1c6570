"""Requests: asked once, with its files, by whoever may, and shown to nobody else."""

from __future__ import annotations

import asyncio
import io
import os
import re
import stat
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from PIL import Image

from lk_sync.store import attachments as folder_of
from lk_sync.store import outbox
from portal.errands import sweep_attachments
from tests.portal.pages.cast import NEIGHBOUR, SUBSCRIBER, amend, enter
from tests.portal.pages.elements import check
from tests.portal.world import Browser, Page, World
from tests.portal.world import world as open_world

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
TEXT = "Не приходит квитанция.\nПрошу проверить адрес."


def picture(form: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", size, "red").save(body, form)
    return body.getvalue()


async def form_of(browser: Browser, path: str) -> dict[str, str]:
    page = await browser.get(path)
    assert page.status == 200
    return {"csrf": page.csrf, "request": page.hidden("request")}


async def ask(
    browser: Browser, kind: str = "question", files: list[tuple[str, bytes]] | None = None, **fields: str
) -> Page:
    path = f"/requests/new/{kind}"
    filled = {f"field-{name}": value for name, value in (fields or {"text": TEXT}).items()}
    return await browser.send(path, await form_of(browser, path) | filled, files or [])


def payloads(world: World) -> list[dict[str, Any]]:
    return [msgspec.json.decode(item.payload) for item in outbox.waiting(world.store.reading, kind="request")]


def stored(world: World) -> int:
    (row,) = world.store.reading._connection.execute("SELECT COUNT(*) FROM requests").fetchall()
    return int(row[0])


def lying(world: World) -> list[str]:
    return sorted(path.name for path in (world.config.lk.data_dir / folder_of.FOLDER).rglob("*") if path.is_file())


async def test_a_request_is_stored_with_its_files_shown_and_waits_for_the_supplier(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    sent = await ask(browser, files=[("Акт №1.pdf", PDF), ("снимок.JPG", picture())])
    assert sent.status == 303
    shown = check((await browser.get(sent.location or "")).text)
    assert "Заявка принята. Её номер – З-000001." in shown.one("main").text
    assert "Прошу проверить адрес." in shown.one("main").text
    assert (
        "Ответ до 7\N{NO-BREAK SPACE}декабря\N{NO-BREAK SPACE}2026" in shown.one("main").text
    )  # ten working days from 23 November
    assert "З-000001" in check((await browser.get("/requests")).text).one("main").text
    (told,) = payloads(world)
    assert told["account"] == SUBSCRIBER
    assert told["kind"] == "question"
    assert told["fields"] == [{"name": "text", "title": "О чём вопрос", "text": TEXT}]
    assert [(each["name"], each["media_type"]) for each in told["files"]] == [
        ("Акт №1.pdf", "application/pdf"), ("снимок.JPG", "image/jpeg"),
    ]  # fmt: skip
    assert told["due_on"] == "2026-12-07"


async def test_files_lie_private_beside_the_store_and_come_back_byte_by_byte_to_be_kept(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    sent = await ask(browser, files=[("../../Акт\u202e.pdf", PDF)])
    path = (sent.location or "").removesuffix("?sent")
    folder = world.config.lk.data_dir / folder_of.FOLDER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in folder.rglob("*") if each.is_file())
    kept = await browser.get(f"{path}/files/1")
    assert kept.body == PDF
    assert kept.headers["Content-Type"] == "application/pdf"
    assert kept.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in kept.headers["Content-Security-Policy"]
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert ".." not in kept.headers["Content-Disposition"]
    for position in ("0", "2", "-1", "01", "x"):
        assert (await browser.get(f"{path}/files/{position}")).status == 404


async def test_a_form_that_is_sent_twice_makes_one_request_and_another_content_is_a_conflict(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = await form_of(browser, "/requests/new/question") | {"field-text": TEXT}
    first = await browser.send("/requests/new/question", fields, [("a.pdf", PDF)])
    both = await asyncio.gather(*(browser.send("/requests/new/question", fields, [("a.pdf", PDF)]) for _ in range(5)))
    assert {each.location for each in both} == {first.location}
    other = await browser.send("/requests/new/question", fields | {"field-text": "Другое"}, [])
    assert other.status == 409
    assert "З-000001" in other.text
    assert other.hidden("request") != fields["request"]
    assert (stored(world), len(payloads(world))) == (1, 1)


async def test_what_is_wrong_is_told_at_once_and_nothing_that_was_typed_or_sent_is_lost(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = "/requests/new/absence"
    fields = await form_of(browser, path) | {"field-since": "31.02.2026", "field-until": "20.11.2026"}
    refused = await browser.send(path, fields, [("билет.pdf", PDF), ("вирус.exe", b"MZ"), ("пусто.pdf", b"")])
    assert refused.status == 422
    page = check(refused.text)
    text = page.one("main").text
    for sentence in (
        "Введите день в виде", "Введите число", "«вирус.exe» не принят", "«пусто.pdf» пуст", "Получен: билет.pdf",
    ):  # fmt: skip
        assert sentence in text, sentence
    assert 'value="31.02.2026"' in refused.text
    (form,) = (each for each in page.all("form") if each.attributes.get("enctype"))
    again = fields | {
        "field-since": "10.11.2026", "field-people": "2", "kept-1": form.field("kept-1"), "csrf": fields["csrf"],
    }  # fmt: skip
    taken = await browser.send(path, again, [])
    assert taken.status == 303
    (told,) = payloads(world)
    assert [each["name"] for each in told["files"]] == ["билет.pdf"]
    assert {each["name"]: each["text"] for each in told["fields"]} == {
        "since": "2026-11-10", "until": "2026-11-20", "people": "2",
    }  # fmt: skip


async def test_a_file_that_was_kept_can_be_let_go_and_is_asked_for_then(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = "/requests/new/absence"
    fields = await form_of(browser, path)
    first = await browser.send(path, fields, [("билет.pdf", PDF)])
    token = check(first.text).all("form")[-1].field("kept-1")
    let_go = await browser.send(path, fields | {"kept-1": token, "drop-1": "yes"}, [])
    assert "Приложите хотя бы один файл" in let_go.text
    assert "Получен:" not in let_go.text


async def test_nobody_can_name_a_file_that_somebody_else_has_sent(world: World) -> None:
    theirs, mine = enter(world, NEIGHBOUR), enter(world, SUBSCRIBER)
    path = "/requests/new/absence"
    first = await theirs.send(path, await form_of(theirs, path), [("билет.pdf", PDF)])
    token = check(first.text).all("form")[-1].field("kept-1")
    forged = token[:24] + token[24:].replace("билет", "чужой")
    for given in (token, forged, token[24:], "x" * 500, ""):
        refused = await mine.send(path, await form_of(mine, path) | {"kept-1": given}, [])
        assert refused.status == 422
        assert "Получен:" not in refused.text
    assert "Получен:" not in (await theirs.send(path, await form_of(theirs, path) | {"kept-1": forged}, [])).text


def bomb() -> bytes:
    """A PNG of a few bytes that says it is a hundred thousand pixels wide and high."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


HOSTILE = {
    "a page": b"<html><script>alert(1)</script>",
    "a page with the head of a picture": b"\xff\xd8\xff<script>alert(1)</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "an archive": b"PK\x03\x04" + bytes(100),
    "a program": b"\x7fELF" + bytes(100),
    "a torn picture": picture("PNG")[:60],
    "a torn document": PDF[:20],
    "a bomb": bomb(),
    "a document behind something else": b"GIF89a" + PDF,
    "another picture": picture("GIF"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_no_document_and_no_picture_is_not_kept_whatever_its_name(world: World, body: bytes) -> None:
    refused = await ask(enter(world, SUBSCRIBER), files=[("документ.pdf", body), ("снимок.jpg", body)])
    assert refused.status == 422
    assert refused.text.count("не принят: подойдут PDF, JPEG, PNG.") == 2
    assert lying(world) == []
    assert stored(world) == 0


@pytest.mark.parametrize(("form", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
async def test_a_name_ends_as_the_content_does(world: World, form: str, media: str) -> None:
    await ask(enter(world, SUBSCRIBER), files=[("счёт.pdf", picture(form))])
    (told,) = payloads(world)
    (file,) = told["files"]
    assert file["media_type"] == media
    assert file["name"] in ("счёт.pdf.png", "счёт.pdf.jpg")


async def test_files_have_limits_that_are_told_and_hold(tmp_path: Any, town: Any) -> None:
    limits = {"largest_file_mb": 1, "largest_request_mb": 2}
    async with open_world(tmp_path / "c", cache=town, background=False, requests=limits) as world:
        browser = enter(world, SUBSCRIBER)
        large = PDF[:10] + os.urandom(1 << 20) + PDF
        whole = PDF[:10] + os.urandom(900_000) + b"%%EOF"
        refused = await ask(browser, files=[("большой.pdf", large)])
        assert "«большой.pdf» больше 1 МБ" in refused.text
        assert lying(world) == []
        refused = await ask(browser, files=[("1.pdf", whole), ("2.pdf", whole + b" "), ("3.pdf", whole + b"  ")])
        assert "«3.pdf» не поместился" in refused.text
        refused = await ask(browser, files=[(f"{at}.pdf", PDF + b" " * at) for at in range(6)])
        assert "не больше 5" in refused.text
        far_too_much = await ask(browser, files=[("1.pdf", PDF + bytes(5 << 20))])
        assert far_too_much.status == 413
        assert not [name for name in lying(world) if name.endswith(folder_of.PART)]
        assert stored(world) == 0


async def test_not_a_byte_of_a_file_is_taken_without_the_secret_of_the_form(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    right = await form_of(browser, "/requests/new/question")
    for fields in ({"request": right["request"]}, right | {"csrf": "0" * 80}):
        refused = await browser.send("/requests/new/question", fields, [("a.pdf", PDF)])
        assert refused.status == 403
    late = {"request": right["request"], "field-text": TEXT}
    boundary = b"--x\r\n"
    body = boundary + b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n' + PDF + b"\r\n"
    for name, value in (late | {"csrf": right["csrf"]}).items():
        body += boundary + f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": world.base, "Content-Type": "multipart/form-data; boundary=x"}
    refused = await browser._ask("POST", "/requests/new/question", data=body + b"--x--\r\n", headers=headers)
    assert refused.status == 403
    assert lying(world) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + b"0" * 100,
        b"--x\r\n\r\n\r\n--x--",
        b"\0" * 1000,
    ],
)
async def test_a_torn_form_is_an_answer_and_not_a_fault(world: World, body: bytes) -> None:
    browser = enter(world, SUBSCRIBER)
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": world.base, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await browser._ask("POST", "/requests/new/question", data=body, headers=headers)
    assert answer.status in (400, 403)
    assert lying(world) == []


async def test_other_forms_take_no_files(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    csrf = (await browser.get("/settings/bill")).csrf
    refused = await browser.send("/settings/bill", {"csrf": csrf, "wish": "electronic"}, [("a.pdf", PDF)])
    assert refused.status == 415


async def test_a_request_can_be_taken_back_until_a_file_holds_it(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = ((await ask(browser)).location or "").removesuffix("?sent")
    second = ((await ask(browser)).location or "").removesuffix("?sent")
    withdrawn = await browser.post(f"{path}/withdraw", {}, form_on=path)
    assert withdrawn.location == path
    assert "Вы отозвали заявку" in (await browser.get(path)).text
    assert len(payloads(world)) == 1
    (item,) = (each["item"] for each in payloads(world))
    world.store.write_now(lambda tx: outbox.batch(tx, sink="x", number=1, lines=[(2, item)]))
    await browser.post(f"{second}/withdraw", {}, form_on=second)
    assert "отозвали" not in (await browser.get(second)).text


async def test_a_day_that_has_passed_may_be_reminded_of_once(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = ((await ask(browser, files=[("a.pdf", PDF)])).location or "").removesuffix("?sent")
    too_early = await browser.post(f"{path}/remind", {}, form_on=path)
    assert too_early.status == 409
    world.clock.forward(days=20)
    browser = enter(world, SUBSCRIBER)
    assert "Срок ответа прошёл 7\N{NO-BREAK SPACE}декабря\N{NO-BREAK SPACE}2026" in (await browser.get(path)).text
    for _ in range(2):
        reminded = await browser.post(f"{path}/remind", {}, form_on=path)
    assert reminded.status == 303
    assert [each["repeats"] for each in payloads(world)] == [None, "З-000001"]
    assert payloads(world)[1]["files"] == payloads(world)[0]["files"]
    assert "на заявку З-000001 ответа нет" in payloads(world)[1]["fields"][0]["text"]


async def test_a_dispute_is_made_of_charges_with_their_figures(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = "/requests/new/dispute"
    page = check((await browser.get(path)).text)
    lines = [
        each.attributes["name"] for each in page.all("input") if each.attributes.get("name", "").startswith("line-")
    ]
    assert len(lines) >= 2
    fields = await form_of(browser, path) | {lines[0]: "yes", "field-text": "Счётчик показывал другое", "period": ""}
    assert (await browser.send(path, fields)).status == 303
    (told,) = payloads(world)
    said = told["fields"][0]["text"]
    assert re.search(r"октябрь\s2026, .+: [\d\s]+,\d\d\s₽, объём .+, тариф .+, начислено [\d\s]+,\d\d\s₽", said), said
    assert said.count("\n") == 0


async def test_another_month_of_charges_is_shown_with_what_was_typed_kept(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    path = "/requests/new/dispute"
    fields = await form_of(browser, path) | {"show": "yes", "period": "2026-08", "field-text": "Не согласен"}
    shown = await browser.send(path, fields, [("a.pdf", PDF)])
    assert shown.status == 200
    assert "Не согласен" in shown.text
    assert "Получен: a.pdf" in shown.text
    assert not check(shown.text).all("p", "error")
    assert '<option value="2026-08" selected>' in shown.text


async def test_a_meter_is_one_of_the_accounts_own(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    fields = {"what": "visit", "phone": "+7 (905) 123-45-67"}
    refused = await ask(browser, "verification", meter="somebody else's", **fields)
    assert "Выберите прибор." in refused.text
    page = check((await browser.get("/requests/new/verification")).text)
    meter = page.all("option")[1].attributes["value"]
    assert (await ask(browser, "verification", meter=meter, **fields)).status == 303
    told = {each["name"]: each["text"] for each in payloads(world)[0]["fields"]}
    assert meter in told["meter"]
    assert told["phone"] == "+79051234567"
    assert told["what"] == "вызвать мастера для поверки"


async def test_there_is_a_limit_for_a_day(tmp_path: Any, town: Any) -> None:
    async with open_world(tmp_path / "c", cache=town, background=False, requests={"a_day": 2}) as world:
        browser = enter(world, SUBSCRIBER)
        assert [(await ask(browser)).status for _ in range(3)] == [303, 303, 429]
        assert stored(world) == 2
        assert (await ask(enter(world, NEIGHBOUR))).status == 303


async def test_another_holder_does_not_see_what_the_former_one_asked(world: World) -> None:
    path = ((await ask(enter(world, SUBSCRIBER))).location or "").removesuffix("?sent")
    amend(world, "UPDATE accounts SET holder_key = 'somebody new' WHERE number = :number", number=SUBSCRIBER)
    world.store.write_now(lambda tx: tx._connection.execute("UPDATE user_accounts SET ended_at = 'x', role = 'view'"))
    browser = enter(world, SUBSCRIBER)
    assert (await browser.get(path)).status == 404
    assert "З-000001" not in (await browser.get("/requests")).text


async def test_somebody_without_an_account_asks_for_a_contract_and_follows_a_secret_link(
    tmp_path: Any, town: Any, mailbox: Any
) -> None:
    async with open_world(tmp_path / "c", cache=town, background=False, mailbox=mailbox) as world:
        stranger = world.browser()
        assert "Заключить договор" in (await stranger.get("/apply")).text
        assert (await stranger.get("/apply/question")).status == 404
        fields = await form_of(stranger, "/apply/contract") | {
            "field-name": "Бадмаев Очир", "field-email": "badmaev@Example.RU", "field-phone": "89051234567",
            "field-premises": "Элиста, ул. Ленина, 1, кв. 2", "field-purpose": "flat",
        }  # fmt: skip
        wrong = await stranger.send("/apply/contract", fields | {"field-email": "никак"}, [("договор.pdf", PDF)])
        assert wrong.status == 422
        token = check(wrong.text).all("form")[-1].field("kept-1")
        sent = await stranger.send("/apply/contract", fields | {"kept-1": token})
        repeated = await stranger.send("/apply/contract", fields | {"kept-1": token})
        assert sent.location == repeated.location
        path = (sent.location or "").removesuffix("?sent")
        assert "Бадмаев Очир" in (await world.browser().get(path)).text
        (letter,) = await world.letters()
        assert letter["To"] == "badmaev@example.ru"
        assert f"{world.base}{path}" in letter.get_body(("plain",)).get_content()
        (told,) = payloads(world)
        assert (told["account"], told["email"]) == ("", "badmaev@example.ru")
        assert [each["name"] for each in told["files"]] == ["договор.pdf"]
        assert (await stranger.get("/asked/" + "A" * 48)).status == 404
        assert "З-0" not in (await enter(world, SUBSCRIBER).get("/requests")).text


async def test_files_that_no_request_names_are_swept_away_when_they_are_old(world: World) -> None:
    browser = enter(world, SUBSCRIBER)
    await ask(browser, files=[("нужный.pdf", PDF)])
    await ask(browser, files=[("лишний.pdf", PDF + b" "), ("x.exe", b"MZ")])
    part = world.config.lk.data_dir / folder_of.FOLDER / f"x{folder_of.PART}"
    part.touch()
    assert len(lying(world)) == 3
    assert await sweep_attachments(world.app) == 0
    old = (datetime.now(UTC) - folder_of.UNNAMED_LASTS - timedelta(hours=1)).timestamp()
    for path in (world.config.lk.data_dir / folder_of.FOLDER).rglob("*"):
        os.utime(path, (old, old))
    assert await sweep_attachments(world.app) == 1
    assert not part.exists()
    (left,) = lying(world)
    (file,) = (file for each in payloads(world) for file in each["files"])
    assert left == file["sha256"]


@pytest.mark.parametrize(
    ("state", "pill", "words"),
    [
        ("in_work", "sent", "В работе у поставщика с 24\N{NO-BREAK SPACE}ноября\N{NO-BREAK SPACE}2026"),
        ("answered", "good", "Поставщик ответил 24\N{NO-BREAK SPACE}ноября\N{NO-BREAK SPACE}2026"),
        ("refused", "bad", "Поставщик отказал 24\N{NO-BREAK SPACE}ноября\N{NO-BREAK SPACE}2026"),
    ],
)
async def test_what_the_supplier_says_stands_with_the_request(world: World, state: str, pill: str, words: str) -> None:
    browser = enter(world, SUBSCRIBER)
    path = ((await ask(browser)).location or "").removesuffix("?sent")
    amend(
        world,
        "INSERT INTO codes (id, code) SELECT MAX(id) + 1, :state FROM codes"
        " HAVING :state NOT IN (SELECT code FROM codes)",
        state=state,
    )
    amend(
        world,
        "INSERT INTO request_answers (request, answer, state, text, answered_on, origin, run)"
        " SELECT 'З-000001', '1', id, '<b>Всё верно</b>', '2026-11-24', 1, 1 FROM codes WHERE code = :state",
        state=state,
    )
    for shown in (path, "/requests"):
        page = check((await browser.get(shown)).text)
        assert page.one("span", pill).text == words
    assert "<b>Всё верно</b>" in check((await browser.get(path)).text).one("main").text
    world.clock.forward(days=30)
    late = "Срок ответа прошёл" in (await enter(world, SUBSCRIBER).get(path)).text
    assert late is (state == "in_work")
