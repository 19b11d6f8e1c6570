"""A supplier may rewrite the letters; what is broken is found at start, and a template sees only what it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_sync.errors import SettingsError
from lk_sync.mail import stationery
from lk_sync.store import letters
from tests.portal.office import TOLD, Office

LETTER = "organisation.ru.txt"


def broken(office: Office, change: Callable[[Path], object]) -> str:
    """What the operator is told after `change` to the folder of letters."""
    change(office.config.folder / "letters")
    with pytest.raises(SettingsError) as caught:
        office.post()
    return str(caught.value)


def test_a_letter_that_is_missing_is_named(office: Office) -> None:
    said = broken(office, lambda folder: (folder / "organisation.en.html").unlink())
    assert said.endswith("letters/organisation.en.html: нет шаблона письма")


def test_a_broken_letter_is_named_with_its_line(office: Office) -> None:
    said = broken(office, lambda folder: (folder / LETTER).write_text("Тема\n\n{% if %}", "utf-8"))
    assert "organisation.ru.txt, строка 3" in said


@pytest.mark.parametrize(
    "text",
    [
        "\nписьмо без темы",
        "Тема\n{{ balance }}",
        "Тема\n{{ supplier.nope }}",
        "Тема\n{{ account|nope }}",
        "Тема\n{{ account.__class__.__mro__ }}",
        "Тема\n{{ ''.__class__.__base__.__subclasses__() }}",
        "Тема\n{{ supplier.__init__.__globals__ }}",
    ],
)
def test_a_letter_that_asks_for_what_it_is_not_told_is_refused_at_start(office: Office, text: str) -> None:
    assert "organisation.ru" in broken(office, lambda folder: (folder / LETTER).write_text(text, "utf-8"))


async def test_what_comes_from_outside_is_shown_in_a_letter_and_never_obeyed(office: Office) -> None:
    hostile = {**TOLD, "account": "<b>{{ 7*7 }}</b>\r\nBcc: evil@example.ru"}
    office.write_one(kind="one_time_password", context=hostile)
    await office.post().deliver_due()
    (letter,) = office.mailbox.letters()
    assert letter["Bcc"] is None
    assert "&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in letter.get_body(("html",)).get_content()


def test_a_sender_that_is_no_address_is_refused(office: Office) -> None:
    with pytest.raises(SettingsError, match=r"mail\.sender"):
        office.post(sender="кабинет")


async def test_every_kind_of_letter_leaves_in_every_language_with_text_and_html(office: Office) -> None:
    from lk_sync.mail.stationery import KINDS

    for kind, sample in KINDS.items():
        for language in ("ru", "en"):
            office.write_one(kind=kind, context=sample, language=language)
    assert await office.post().deliver_due() == 2 * len(KINDS)
    for letter in office.mailbox.letters():
        assert letter["Subject"]
        for part in ("plain", "html"):
            assert re.search("000012345|З-000001", letter.get_body((part,)).get_content())
    assert office.store.read(letters.backlog) == letters.Backlog(0, 0, 0)


WORDS = st.lists(st.text("абвгдеёжАБЯ–«»№1AZ", min_size=1, max_size=12), min_size=1, max_size=14).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(subject=WORDS, name=WORDS)
def test_a_subject_and_a_sender_arrive_with_every_space(subject: str, name: str) -> None:
    """Headers of Cyrillic letters are folded; what is broken in between is a line, not the text."""
    message = EmailMessage(policy=SMTP)
    message.set_raw("Subject", stationery._encoded(subject, "Subject"))
    message.set_raw("From", stationery._mailbox(Address(display_name=name, addr_spec="lk@example.ru")))
    message.set_content("…", cte="base64")
    body = message.as_bytes()
    assert max(len(line) for line in body.split(b"\r\n")) <= 78
    received = {name: str(make_header(decode_header(text))) for name, text in message_from_bytes(body).items()}
    assert received["Subject"] == subject
    assert received["From"].replace('"', "").replace("\\", "") == f"{name} <lk@example.ru>"
