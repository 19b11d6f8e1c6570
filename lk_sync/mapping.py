"""Mapping: how does the operator's description of a source become a precise wish to a connector?

Refused with the file and the nearest right word: unknown datasets and fields, required fields without a
column, types that contradict the field, codes we do not know.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lk_sync.config import DatasetSetting, FieldSetting, SourceSetting
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SettingsError
from lk_sync.records import DATASETS, Dataset, Field, Kind

_TYPE_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "text": ("text", "account", "code"),
    "int": ("int",),
    "bool": ("bool",),
    "money": ("money",),
    "volume": ("volume",),
    "date": ("date",),
    "datetime": ("datetime",),
    "month": ("month",),
    "enum": ("code",),
}


def wanted(file: Path, setting: SourceSetting, name: str, *, since: str | None = None) -> Wanted:
    """The wish for dataset `name`. Raises SettingsError that names `file` and the key to change."""
    dataset = DATASETS.get(name)
    if dataset is None:
        raise SettingsError(f"{file}: datasets.{name}: нет такого набора данных{_near(name, DATASETS)}")
    ours = setting.datasets[name]
    _one_origin(file, name, ours)
    return Wanted(
        dataset=dataset,
        fields=tuple(_fields(file, dataset, ours)),
        table=ours.table,
        query=ours.query,
        file=ours.file,
        watermark=ours.watermark,
        since=since,
        time_zone=setting.time_zone,
        options=ours.options,
        control_query=ours.guards.control_total.query if ours.guards.control_total else None,
    )


def all_wanted(file: Path, setting: SourceSetting, names: Iterable[str] = ()) -> list[Wanted]:
    """The wishes of a source in the order in which datasets depend on each other."""
    chosen = set(names) or set(setting.datasets)
    for name in chosen - set(setting.datasets):
        raise SettingsError(f"{file}: набор «{name}» не описан в этом источнике{_near(name, setting.datasets)}")
    order = [name for name in DATASETS if name in chosen] + sorted(chosen - set(DATASETS))
    return [wanted(file, setting, name) for name in order]


def _one_origin(file: Path, name: str, ours: DatasetSetting) -> None:
    if sum(origin is not None for origin in (ours.table, ours.query, ours.file)) != 1:
        raise SettingsError(f"{file}: datasets.{name}: нужен ровно один из ключей from, query, file")


def _fields(file: Path, dataset: Dataset, ours: DatasetSetting) -> Iterable[FieldMap]:
    settings = dict(ours.fields)
    if dataset.name == "accounts" and "account" in settings:
        settings.setdefault("number", FieldSetting(column=settings["account"].column))
    for name in settings.keys() - set(dataset.columns):
        raise SettingsError(
            f"{file}: datasets.{dataset.name}.fields.{name}: нет такого поля{_near(name, dataset.columns)}"
        )
    for field in dataset.fields:
        at = f"{file}: datasets.{dataset.name}.fields.{field.name}"
        if field.name in settings:
            yield _field(at, field, settings[field.name])
        elif field.required:
            raise SettingsError(f"{at}: обязательное поле не описано; укажите column или constant")


def _field(at: str, field: Field, ours: FieldSetting) -> FieldMap:
    if (ours.column is None) == (ours.constant is None):
        raise SettingsError(f"{at}: нужен ровно один из ключей column и constant")
    if ours.type is not None and field.kind not in _TYPE_KINDS[ours.type]:
        right = next(word for word, kinds in _TYPE_KINDS.items() if field.kind in kinds)
        raise SettingsError(f"{at}: тип {ours.type} не подходит, это поле типа {right}")
    if ours.values and field.kind != "code":
        raise SettingsError(f"{at}: values бывает только у полей типа enum и text с кодами")
    codes = list(ours.values.values()) + ([ours.constant] if ours.constant is not None else [])
    for code in codes:
        if field.words and code not in field.words:
            raise SettingsError(f"{at}: неизвестный код «{code}»{_near(code, field.words)}")
    return FieldMap(
        name=field.name,
        kind=field.kind,
        required=field.required,
        column=ours.column,
        constant=ours.constant,
        values=ours.values,
        words=field.words,
    )


def _near(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"; может быть, «{near[0]}»?"
    return f"; есть: {', '.join(known)}" if len(known) <= 12 else ""
