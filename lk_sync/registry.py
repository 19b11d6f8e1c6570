"""Registry: which connector does a name in a YAML file mean?

Connectors are entry points of the groups `lk_sync.sources`, `lk_sync.sinks` and `lk_sync.acquirers`, ours and other
people's alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, BinaryIO, cast

from lk_sync.acquiring import Acquirer
from lk_sync.contracts import Diagnosis, Examiner, Sink, Source, Wanted
from lk_sync.errors import SettingsError
from lk_sync.settings_fault import hint
from lk_sync.settings_file import convert, where


@cache
def _found(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def _class(group: str, name: str, file: Path | None) -> Any:
    found = _found(group)
    if name not in found:
        raise SettingsError(f"{_place(group, file)}нет коннектора «{name}»{hint(name, sorted(found))}")
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{_place(group, file)}коннектор «{name}» не загружается: {error}") from error


def _place(group: str, file: Path | None) -> str:
    return f"{where(file, group.removeprefix('lk_sync.').removesuffix('s'))}: " if file else ""


def source(name: str, connection: Mapping[str, Any], file: Path | None = None) -> Source:
    """The source `name` with its settings checked. Raises SettingsError naming `file` and the key."""
    kind = _class("lk_sync.sources", name, file)
    return cast("Source", kind(_settings(kind, name, connection, file)))


def sink(name: str, connection: Mapping[str, Any], file: Path | None = None) -> Sink:
    """The sink `name` with its settings checked. Raises SettingsError naming `file` and the key."""
    kind = _class("lk_sync.sinks", name, file)
    return cast("Sink", kind(_settings(kind, name, connection, file)))


def acquirer(name: str, connection: Mapping[str, Any], file: Path | None = None) -> Acquirer:
    """The payment provider `name` with its settings checked. Raises SettingsError naming `file` and the key."""
    kind = _class("lk_sync.acquirers", name, file)
    return cast("Acquirer", kind(_settings(kind, name, connection, file)))


def examine(file: BinaryIO, name: str, wanted: Wanted | None) -> Diagnosis:
    """What the first examiner that knows such files has to say of it."""
    for point in _found("lk_sync.examiners").values():
        examiner: Examiner = point.load()
        file.seek(0)
        if (found := examiner(file, name=name, wanted=wanted)) is not None:
            return found
    raise SettingsError(f"{name}: таких файлов никто из установленных коннекторов не знает")


def _settings(kind: Any, name: str, connection: Mapping[str, Any], file: Path | None) -> Any:
    return convert(dict(connection), kind.settings_type, path=file or Path(name), at=("connection",))


def check_options(source: Source, wanted: Iterable[Wanted], file: Path) -> None:
    """Raises SettingsError, naming `file` and the key, when a dataset has options that the source does not know."""
    for wish in wanted:
        at = ("datasets", wish.dataset.name, "options")
        convert(dict(wish.options), source.options_type, path=file, at=at)
