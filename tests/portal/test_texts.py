"""The rules, the consent and the manual are open to everyone, in both languages, word for word and by version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lk_sync.config import Legal as InForce
from lk_sync.errors import SettingsError
from portal.legal import Legal
from tests.portal.world import CONFIG, SUBSCRIBER, Browser, World

IN_FORCE = InForce(rules="2", personal_data="1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, versions in (("rules", ("1", "2")), ("personal_data", ("1",))):
        (tmp_path / kind).mkdir()
        for version in versions:
            for language in ("ru", "en"):
                text = f"# Заголовок {version}\n\nТекст <script>alert(1)</script> & **жирный** {language}\n"
                (tmp_path / kind / f"{version}.{language}.md").write_text(text, "utf-8")
    return tmp_path


def test_a_text_is_known_by_the_hash_of_its_file(folder: Path) -> None:
    text = Legal(folder, IN_FORCE).current("rules", "ru")
    assert (text.version, text.title) == ("2", "Заголовок 2")
    assert text.sha256 == hashlib.sha256((folder / "rules" / "2.ru.md").read_bytes()).hexdigest()


def test_html_in_a_text_is_shown_and_not_obeyed(folder: Path) -> None:
    body = Legal(folder, IN_FORCE).current("rules", "ru").body
    assert "<strong>жирный</strong>" in body
    assert "<script>" not in body


def test_former_versions_stay_and_are_listed_in_order(folder: Path) -> None:
    for version in ("9", "10"):
        (folder / "rules" / f"{version}.ru.md").write_text("# T\n\ntext", "utf-8")
    legal = Legal(folder, IN_FORCE)
    assert legal.versions("rules") == ["1", "2", "9", "10"]
    assert legal.find("rules", "1", "ru") is not None
    assert legal.find("rules", "9", "en") is None


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("2.ru.md", None, "нет текста, который объявлен действующим (legal.rules)"),
        ("2.ru.md", b"no heading\n\ntext", "строка 1: текст начинается с заголовка"),
        ("2.ru.md", b"# heading only\n\n", "строка 1"),
        ("2.ru.md", "# Правила\n\nтекст".encode("cp1251"), "текст не читается"),
        ("rules.md", b"# T\n\ntext", "имя файла должно быть вида 1.ru.md"),
        ("3.kz.md", b"# T\n\ntext", "имя файла должно быть вида 1.ru.md"),
    ],
)
def test_a_text_that_cannot_be_used_is_named(folder: Path, file: str, content: bytes | None, says: str) -> None:
    path = folder / "rules" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Legal(folder, IN_FORCE)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.fixture
async def reader(world: World) -> Browser:
    return world.browser()


async def test_everyone_can_read_rules_consent_and_manual_in_both_languages(world: World) -> None:
    for language, words in (("ru", ("Правила", "Согласие", "Помощь")), ("en", ("Rules", "Consent", "Help"))):
        browser = world.browser(**{"Accept-Language": language})
        for path, word in zip(("/rules", "/consent", "/help"), words, strict=True):
            page = await browser.get(path)
            assert page.status == 200
            assert f'<html lang="{language}">' in page.text
            assert word in page.text


async def test_the_page_shows_the_hash_that_is_stored_with_an_acceptance(reader: Browser) -> None:
    page = await reader.get("/rules")
    assert hashlib.sha256((CONFIG / "legal/rules/2026-11-01.ru.md").read_bytes()).hexdigest() in page.text


async def test_a_version_has_an_address_of_its_own_and_an_unknown_one_is_not_there(reader: Browser) -> None:
    assert (await reader.get("/rules/2026-11-01")).status == 200
    for path in ("/rules/2020-01-01", "/consent/9", "/rules/..%2f..%2flk.yaml", "/rules/2026-11-01.ru"):
        assert (await reader.get(path)).status == 404, path


def test_every_clause_of_the_rules_has_its_number_in_both_languages() -> None:
    clauses = [*(f"1.{n}." for n in range(1, 8)), *(f"2.{n}." for n in range(1, 7)), "2.2.1.", "2.2.2.", "3.1.", "3.2."]
    for language in ("ru", "en"):
        text = (CONFIG / f"legal/rules/2026-11-01.{language}.md").read_text("utf-8")
        assert not [clause for clause in clauses if f"\n{clause} " not in text]


async def test_the_manual_names_the_suppliers_own_days_and_telephone(reader: Browser, world: World) -> None:
    page = await reader.get("/help")
    assert f"с {world.config.lk.readings.first_day} по {world.config.lk.readings.last_day} число" in page.text
    assert world.config.lk.supplier.phone in page.text
    assert "<table>" in page.text
    assert "{{" not in page.text


async def test_the_language_is_chosen_by_a_click_and_letters_follow(subscriber: Browser, world: World) -> None:
    changed = await subscriber.post("/language", {"language": "en", "next": "/help"}, form_on="/help")
    assert changed.location == "/help"
    assert '<html lang="en">' in (await subscriber.get("/help")).text
    row = world.store.reading.row("users.of_account", account=SUBSCRIBER)
    assert row is not None
    assert row[4] == "en"


async def test_only_the_languages_that_are_there_can_be_chosen(reader: Browser) -> None:
    assert (await reader.post("/language", {"language": "de", "next": "/"}, form_on="/help")).status == 400
    gone = await reader.post("/language", {"language": "en", "next": "//evil.example"}, form_on="/help")
    assert gone.location == "/"
