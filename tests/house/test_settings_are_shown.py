"""Every setting stands in the shipped files, as a value or in a comment, so that an operator meets it there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from connectors.formats.profile import Profile
from lk_sync.config import Lk, SinkSetting, SourceSetting
from lk_sync.request_setting import RequestKind
from lk_sync.schedules import Schedules
from lk_sync.working_days import Year
from tests.house.repository import ROOT, told

CASES = (
    ("config/lk.yaml", Lk),
    ("config/sources/accounting.yaml", SourceSetting),
    ("config/sinks/accounting.yaml", SinkSetting),
    ("config/requests/question.yaml", RequestKind),
    ("config/working_days.yaml", Year),
    ("config/registers/sberbank_payments.yaml", Profile),
    ("schedules.yaml", Schedules),
)


def _settings(kind: Any, seen: frozenset[Any] = frozenset()) -> Iterator[tuple[str, str]]:
    """(section, key) of everything below `kind`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        for field in msgspec.structs.fields(kind):
            yield kind.__name__, field.encode_name
            yield from _settings(field.type, seen | {kind})
    else:
        for part in get_args(kind):
            yield from _settings(part, seen)


@pytest.mark.parametrize(("file", "kind"), CASES, ids=[file for file, _ in CASES])
def test_every_setting_stands_in_the_shipped_file(file: str, kind: type[msgspec.Struct]) -> None:
    text = (ROOT / file).read_text("utf-8")
    faults = [f"{section}.{key}" for section, key in _settings(kind) if not re.search(rf"\b{key}\b", text)]
    assert not faults, told(faults, f"Допишите в {file} значение или строку комментария.")


def test_every_file_of_settings_has_a_kind() -> None:
    folders = {path.parent for path in (ROOT / "config").rglob("*.yaml")}
    assert folders == {(ROOT / Path(file)).parent for file, _ in CASES if file.startswith("config")}


@pytest.mark.parametrize("group", ["lk_sync.sources", "lk_sync.sinks"])
def test_every_setting_of_a_connector_stands_in_its_readme(group: str) -> None:
    for point in entry_points(group=group):
        kind = point.load()
        readme = _folder(point.module) / "README.md"
        text = readme.read_text("utf-8")
        options = getattr(kind, "options_type", None)
        for each in options.__mro__ if options else ():  # the options of files are told once, beside what reads them
            beside = _folder(each.__module__) / "README.md"
            text += beside.read_text("utf-8") if beside.exists() else ""
        wanted = [*_settings(kind.settings_type), *_settings(options)]
        faults = [f"{section}.{key}" for section, key in wanted if not re.search(rf"\b{key}\b", text)]
        assert not faults, told(faults, f"Допишите в {readme.relative_to(ROOT)}.")


def _folder(module: str) -> Path:
    return ROOT / Path(*module.split(".")[:2])
