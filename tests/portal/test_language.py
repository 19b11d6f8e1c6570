"""The catalogues hold what the sources say: every message, no other, in English letters."""

from __future__ import annotations

import configparser
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

from portal.bills.wire import SHIPPED
from portal.language import HERE, accepted, catalogue, translations

PORTAL = Path(__file__).parents[2] / "portal"
CYRILLIC = re.compile("[А-Яа-яЁё]")
PLACEHOLDER = re.compile(r"%\(\w+\)s")
LINK = re.compile(r"<[^>]+>")

Message = str | tuple[str, str]


@cache
def said() -> dict[Message, str]:
    """Every message of the sources → the first file it stands in; as `portal/locale/babel.cfg` says."""
    config = configparser.ConfigParser()
    config.read(HERE / "locale" / "babel.cfg")
    parts = [section.split(": ") for section in config.sections()]
    options = {mask: dict(config[f"{method}: {mask}"]) for method, mask in parts}
    found: dict[Message, str] = {}
    methods = [(mask, method) for method, mask in parts]
    for file, _, message, _, _ in extract_from_dir(PORTAL, methods, options, {**DEFAULT_KEYWORDS, "N_": None}):
        found.setdefault(message, file)
    return found


def forms(text: Any) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text,)


def test_every_message_has_its_english_and_no_english_is_left_over() -> None:
    english = {message.id: message for message in catalogue("en") if message.id}
    missing = {message: file for message, file in said().items() if message not in english}
    assert not missing, f"translate in en.po of the page, or in portal/locale/en.po: {missing}"
    assert not english.keys() - said().keys(), "no source says these any more"


def test_english_is_english_and_says_the_same_things() -> None:
    for message in catalogue("en"):
        for text in forms(message.string) if message.id else ():
            assert text.strip(), message.id
            assert not message.fuzzy, message.id
            assert not CYRILLIC.search(text), text
            original = forms(message.id)[0]
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original)), text
            assert sorted(LINK.findall(text)) == sorted(LINK.findall(original)), text


def test_russian_has_its_three_plural_forms() -> None:
    plural = {message for message in said() if isinstance(message, tuple)}
    russian = {message.id: forms(message.string) for message in catalogue("ru") if message.id}
    assert plural == russian.keys()
    assert all(len(texts) == 3 and all(texts) for texts in russian.values())


def test_sources_speak_russian() -> None:
    foreign = [message for message in said() if not CYRILLIC.search("".join(forms(message)))]
    assert foreign == []


def test_no_template_has_words_outside_its_messages() -> None:
    """Text that a catalogue does not know would stay Russian on an English page."""
    for path in sorted(set(PORTAL.rglob("*.html")) - set(SHIPPED.iterdir())):  # a bill on paper speaks Russian
        text = path.read_text("utf-8")
        text = re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)
        text = re.sub(r"{% trans.*?%}.*?{% endtrans %}", "", text, flags=re.DOTALL)
        text = re.sub(r"""_\(("[^"]*"|'[^']*')[,)]""", "", text).replace('lang="ru">Русский<', "")
        assert not CYRILLIC.search(text), (path.name, CYRILLIC.findall(text))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ru"),
        ("en-GB,en;q=0.9", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en;q=0.3, ru;q=0.7", "ru"),
        ("xal, en;q=0.5", "en"),
        ("de, fr", "ru"),
        ("en;q=0", "ru"),
        ("en;q=banana", "ru"),
        (",,;;q=,", "ru"),
    ],
)
def test_the_browsers_preference_is_understood(header: str, language: str) -> None:
    assert accepted(header) == language


def test_catalogues_are_compiled_when_they_are_first_needed() -> None:
    assert translations("en").gettext("Начисления") == "Charges"
    assert translations("ru").gettext("Начисления") == "Начисления"
    assert translations("ru").ngettext("Остался %(count)s день.", "Осталось дней: %(count)s.", 5) % {"count": 5} == (
        "Осталось 5 дней."
    )
    assert not list(HERE.rglob("*.mo"))
