"""A connector is found by the name in a file, whoever has installed it, and its settings are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from lk_sync import registry
from lk_sync.contracts import Wanted
from lk_sync.errors import SettingsError
from lk_sync.records import DATASETS

Install = Callable[[str, str], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "books.yaml"
    path.write_text(
        "source: scripted\nconnection:\n  script: books.json\ndatasets:\n  bills:\n    options: {page: 5}\n", "utf-8"
    )
    return path


def test_a_foreign_connector_is_built_with_its_settings(third_party: None, file: Path) -> None:
    source = registry.source("scripted", {"script": "books.json"}, file)
    assert type(source).__name__ == "ScriptedSource"
    settings = msgspec.structs.asdict(source._settings)  # type: ignore[attr-defined] # the foreign one's own
    assert settings == {"script": file.parent / "books.json", "protected": True}


def test_an_unknown_connector_is_told_with_the_nearest(third_party: None, file: Path) -> None:
    with pytest.raises(SettingsError, match=r"books\.yaml, строка 1: source: нет коннектора «skripted»; .*«scripted»"):
        registry.source("skripted", {}, file)
    with pytest.raises(SettingsError, match=r"нет коннектора «x»; есть: .*sftp"):
        registry.sink("x", {})


def test_a_connector_that_cannot_be_loaded_is_told(third_party: None, tmp_path: Path) -> None:
    points = tmp_path / "site" / "scripted-1.0.dist-info" / "entry_points.txt"
    points.write_text("[lk_sync.sources]\none = scripted_source:Nothing\ntwo = no_such_module:Nothing\n")
    registry._found.cache_clear()
    for name in ("one", "two"):
        with pytest.raises(SettingsError, match=f"коннектор «{name}» не загружается"):
            registry.source(name, {})


def test_a_wrong_key_of_a_connection_is_told_with_its_line(third_party: None, file: Path) -> None:
    with pytest.raises(SettingsError) as told:
        registry.source("scripted", {"script": "books.json", "protect": True}, file)
    assert str(told.value) == (f"{file}, строка 2: connection.protect: неизвестный ключ; может быть, «protected»?")


def test_options_that_the_connector_does_not_know_are_told(third_party: None, file: Path) -> None:
    source = registry.source("scripted", {"script": "books.json"}, file)
    wanted = Wanted(dataset=DATASETS["bills"], fields=(), table="x", options={"page": 5})
    with pytest.raises(SettingsError, match=r"строка 6: datasets\.bills\.options\.page: неизвестный ключ"):
        registry.check_options(source, [wanted], file)
