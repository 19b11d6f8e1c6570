"""What the accounting system answers is believed exactly once, and only when it makes sense to the last line."""

from __future__ import annotations

import shutil

import pytest

from lk_sync.flow.acknowledge import Garbled, read
from lk_sync.store import answers
from tests.flow.exchange.conftest import Exchange


def test_confirmed_and_rejected_reach_the_items(exchange: Exchange) -> None:
    good, bad, late = (exchange.submit(value) for value in (1, 2, 3))
    exchange.push()
    exchange.answer(1, f"{good};confirmed;;", f"{bad};rejected;less;Меньше предыдущего; было 7".replace("; б", ", б"))
    report = exchange.push()
    assert (report.confirmed, report.rejected, report.stray, report.refused) == (1, 1, 0, ())
    assert exchange.item(good).state == "confirmed"
    known = exchange.item(bad)
    assert (known.state, known.answer_code, known.answer_text) == ("rejected", "less", "Меньше предыдущего, было 7")
    assert known.answered_at is not None
    assert exchange.item(late).state == "exported"
    assert exchange.drop.names("answers") == []
    assert exchange.drop.names("answers/done") == ["readings-000001.answer.csv", "readings-000001.answer.csv.ok"]


def test_the_same_answer_again_changes_nothing(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    for name in ("answer", "answer", "answer-2"):
        exchange.answer(1, f"{item};confirmed;;", name=name)
        exchange.push()
    assert exchange.query("SELECT COUNT(*) FROM audit WHERE act = 'item_confirmed'") == [(1,)]
    assert exchange.query("SELECT COUNT(*) FROM answers") == [(1,)]
    assert exchange.query("SELECT COUNT(*) FROM stray_answers") == [(0,)]


def test_an_answer_in_parts_is_put_together(exchange: Exchange) -> None:
    first, second = exchange.submit(1), exchange.submit(2)
    exchange.push()
    exchange.answer(1, f"{first};confirmed;;")
    exchange.answer(1, f"{first};confirmed;;", f"{second};rejected;x;нет", name="answer-2")
    report = exchange.push()
    assert (report.confirmed, report.rejected, report.stray) == (1, 1, 0)


def test_an_answer_that_comes_before_we_know_of_the_delivery_counts(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    exchange.store.write_now(
        lambda tx: [
            tx._connection.execute("UPDATE outbox SET state = 'batched', exported_at = NULL"),
            tx._connection.execute("UPDATE batches SET delivered_at = NULL"),
        ]
    )
    shutil.move(exchange.drop.root / "in" / "readings-000001.csv", exchange.drop.root / "in" / "done")
    exchange.answer(1, f"{item};confirmed;;")
    report = exchange.push()
    assert report.files == ("readings-000001.csv",)
    assert exchange.item(item).state == "confirmed"
    assert exchange.item(item).exported_at is not None


def test_lines_that_fit_nothing_are_kept_for_a_person_and_the_rest_applied(exchange: Exchange) -> None:
    first = exchange.submit(1)
    exchange.push()
    second, waiting = exchange.submit(2), exchange.submit(3, serial="☃")
    exchange.push(encoding="cp1251")
    exchange.answer(1, f"{first};confirmed;;")
    exchange.push(encoding="cp1251")
    exchange.answer(
        1,
        f"{first};rejected;late;передумали",
        "f00d;confirmed;;",
        f"{second};confirmed;;",
        f"{waiting};confirmed;;",
        name="answer-2",
    )
    exchange.answer(2, f"{second};confirmed;;")
    report = exchange.push(encoding="cp1251")
    assert (report.confirmed, report.rejected, report.stray) == (1, 0, 4)
    assert report.needs_attention
    assert exchange.item(first).state == "confirmed"
    assert exchange.item(waiting).state == "waiting"
    strays = exchange.store.read(lambda tx: answers.strays(tx, since=""))
    assert [(stray.line, stray.item, stray.reason) for stray in strays] == [
        (2, first, "contradiction"),
        (3, "f00d", "unknown_item"),
        (4, second, "other_batch"),
        (5, waiting, "unknown_item"),
    ]
    assert exchange.store.read(lambda tx: answers.stray_count(tx, since="2027")) == 0
    told = exchange.rows("readings-000001.answer-2.csv.err.csv", "answers/done")
    assert told[1] == [
        "2",
        "contradiction",
        f"{first}: на запись с таким id уже получен другой ответ, он и остался в силе",
    ]
    assert len(told) == 5


GOOD = b"id;status;code;text\r\n%s;confirmed;;\r\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "строка 1: ожидается заголовок id;status;code;text"),
        (b"<html>502</html>", "ожидается заголовок"),
        (b"id,status,code,text\r\n%s,confirmed,,\r\n", "ожидается заголовок"),
        (GOOD + b"f00d;confirmed;", "строка 3: полей 3 вместо 4"),
        (GOOD + b'f00d;confirmed;;"tor', "строка 3: это не CSV, или файл обрезан"),
        (GOOD + b"f00d;accepted;;\r\n", "строка 3: состояние «accepted» неизвестно"),
        (GOOD + b"f00d;Confirmed;;\r\n", "строка 3: состояние"),
        (GOOD + b";confirmed;;\r\n", "строка 3: пустой id"),
        (GOOD + b"f00d;rejected;;" + "я".encode() * 1001, "строка 3: пустой id"),
        (GOOD + b"f00d;rejected;;\xff\xfe\r\n", "строка 3: байт"),
        (GOOD + b"f00d;rejected;;a\x00b\r\n", "строка 3: недопустимый знак"),
        (GOOD + b"f00d;rejected;;\xef\xbf\xbd\r\n", "строка 3: недопустимый знак"),
        (GOOD + b"%s;rejected;less;\r\n", "в этом файле два разных ответа"),
    ],
)
def test_a_garbled_answer_changes_nothing_and_says_why(exchange: Exchange, body: bytes, why: str) -> None:
    item = exchange.submit(1)
    exchange.push()
    file = exchange.answer(1, body=body.replace(b"%s", item.encode()))
    report = exchange.push()
    assert [refused.file for refused in report.refused] == [file]
    assert why in report.refused[0].reason
    assert report.needs_attention
    assert exchange.item(item).state == "exported"
    assert exchange.drop.names("answers") == []
    assert exchange.drop.names("answers/error") == [file, f"{file}.err.csv", f"{file}.ok"]
    assert exchange.rows(f"{file}.err.csv", "answers/error")[0] == ["row", "code", "text"]
    assert exchange.query("SELECT COUNT(*) FROM answers") == [(0,)]
    assert exchange.query("SELECT COUNT(*) FROM audit WHERE act = 'answer_refused'") == [(1,)]


def test_a_torn_answer_goes_to_error_unread(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    file = exchange.answer(1, f"{item};confirmed;;", sha256="0" * 64)
    (refused,) = exchange.push().refused
    assert "SHA-256" in refused.reason
    assert exchange.item(item).state == "exported"
    assert f"{file}.err.csv" in exchange.drop.names("answers/error")
    exchange.answer(1, f"{item};confirmed;;")
    assert exchange.push().confirmed == 1


@pytest.mark.parametrize("name", ["readings-000002.answer.csv", "other.csv", "readings-000001.answer.txt.csv"])
def test_an_answer_to_nothing_we_sent_goes_to_error(exchange: Exchange, name: str) -> None:
    item = exchange.submit(1)
    exchange.push()
    exchange.drop.lay("answers", name, GOOD.replace(b"%s", item.encode()), rows=1)
    assert [refused.file for refused in exchange.push().refused] == [name]
    assert exchange.item(item).state == "exported"


def test_an_answer_without_a_manifest_waits(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    exchange.answer(1, f"{item};confirmed;;", manifest=False)
    assert exchange.push().refused == ()
    assert exchange.item(item).state == "exported"
    exchange.answer(1, f"{item};confirmed;;")
    assert exchange.push().confirmed == 1


def test_an_answer_is_read_in_the_encoding_of_the_file_it_answers(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push(encoding="cp866", delimiter="|")
    exchange.answer(1, body=f"id|status|code|text\r\n{item}|rejected|less|Меньше; чем было\r\n".encode("cp866"))
    exchange.push(encoding="utf-8")
    assert exchange.item(item).answer_text == "Меньше; чем было"


def test_a_byte_order_mark_blank_lines_and_bare_line_feeds_do_no_harm(exchange: Exchange) -> None:
    item = exchange.submit(1)
    exchange.push()
    exchange.answer(1, body=f"\ufeffid;status;code;text\n{item};confirmed;;\n\n".encode())
    assert exchange.push().confirmed == 1


def test_line_numbers_are_those_of_a_spreadsheet(exchange: Exchange) -> None:
    layout = exchange.setting().exports.by_kind["reading"]
    lines = read(b'id;status;code;text\na;rejected;x;"two\nlines"\nb;confirmed;;\n', layout)
    assert [(line.line, line.item) for line in lines] == [(2, "a"), (3, "b")]
    with pytest.raises(Garbled, match="строка 3"):
        read(b'id;status;code;text\na;rejected;x;"two\nlines"\nb;?;;\n', layout)
