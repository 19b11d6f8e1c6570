"""Registry: which connector does a name in a YAML file mean?

Connectors are entry points of the groups `lk_sync.sources` and `lk_sync.sinks`, ours and other people's alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from lk_sync import config
from lk_sync.contracts import Sink, Source
from lk_sync.errors import SettingsError


@cache
def _found(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def _class(group: str, name: str) -> Any:
    found = _found(group)
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"может быть, «{near[0]}»?" if near else f"есть: {', '.join(sorted(found))}"
        raise SettingsError(f"нет коннектора «{name}»; {hint}")
    try:
        return found[name].load()
    except ImportError as error:
        raise SettingsError(f"коннектор «{name}» не загружается: {error}") from error


def source(name: str, connection: Mapping[str, Any], file: Path | None = None) -> Source:
    """The source `name` with its settings checked. Raises SettingsError naming `file` and the key."""
    kind = _class("lk_sync.sources", name)
    return cast("Source", kind(_settings(kind, name, connection, file)))


def sink(name: str, connection: Mapping[str, Any], file: Path | None = None) -> Sink:
    """The sink `name` with its settings checked. Raises SettingsError naming `file` and the key."""
    kind = _class("lk_sync.sinks", name)
    return cast("Sink", kind(_settings(kind, name, connection, file)))


def _settings(kind: Any, name: str, connection: Mapping[str, Any], file: Path | None) -> Any:
    return config.convert(dict(connection), kind.settings_type, path=file or Path(name), at=".connection")
