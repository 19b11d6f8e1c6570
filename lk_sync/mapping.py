"""Mapping: how does the operator's description of a source become a precise wish to a connector?

Refused with the file, the line and the nearest right word: unknown datasets and fields, required fields without a
column, types that contradict the field, codes we do not know, constants that are no value of their field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from lk_sync.config import DatasetSetting, FieldSetting, SourceSetting
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SettingsError
from lk_sync.flow.validate import Unfit, converter
from lk_sync.records import DATASETS, Dataset, Field, Kind
from lk_sync.settings_fault import Wrong, hint
from lk_sync.settings_file import where

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


def all_wanted(file: Path, setting: SourceSetting, names: Iterable[str] = ()) -> list[Wanted]:
    """The wishes of a source in the order in which datasets depend on each other. Raises SettingsError that names
    `file`, the line and what to write there."""
    chosen = set(names) or set(setting.datasets)
    for name in sorted(chosen - set(setting.datasets)):
        known = hint(name, setting.datasets)
        raise SettingsError(f"{where(file, 'datasets')}: набор «{name}» не описан в этом источнике{known}")
    order = [name for name in DATASETS if name in chosen] + sorted(chosen - set(DATASETS))
    return [wanted(file, setting, name) for name in order]


def wanted(file: Path, setting: SourceSetting, name: str, *, since: str | None = None) -> Wanted:
    """The wish for dataset `name`. Raises as `all_wanted`."""
    try:
        return _wanted(setting, name, since)
    except Wrong as wrong:
        raise SettingsError(f"{where(file, 'datasets', name, *wrong.steps)}: {wrong}") from None


def _wanted(setting: SourceSetting, name: str, since: str | None) -> Wanted:
    dataset = DATASETS.get(name)
    if dataset is None:
        raise Wrong(f"нет такого набора данных{hint(name, DATASETS)}")
    ours = setting.datasets[name]
    if sum(origin is not None for origin in (ours.table, ours.query, ours.file)) != 1:
        raise Wrong("нужен ровно один из ключей from, query, file")
    fields = tuple(_fields(dataset, ours))
    _constants_fit(fields, setting.time_zone)
    return Wanted(
        dataset=dataset,
        fields=fields,
        table=ours.table,
        query=ours.query,
        file=ours.file,
        watermark=ours.watermark,
        since=since,
        time_zone=setting.time_zone,
        options=ours.options,
        control_query=ours.guards.control_total.query if ours.guards.control_total else None,
    )


def _fields(dataset: Dataset, ours: DatasetSetting) -> Iterator[FieldMap]:
    settings = dict(ours.fields)
    if dataset.name == "accounts" and "account" in settings:
        settings.setdefault("number", FieldSetting(column=settings["account"].column))
    for name in settings:
        if name not in dataset.columns:
            raise Wrong(f"нет такого поля{hint(name, dataset.columns)}", "fields", name)
    for field in dataset.fields:
        if field.name in settings:
            yield _field(field, settings[field.name])
        elif field.required:
            raise Wrong(f"обязательное поле {field.name} не описано; укажите для него column или constant", "fields")


def _field(field: Field, ours: FieldSetting) -> FieldMap:
    if fault := _fault(field, ours):
        raise Wrong(fault, "fields", field.name)
    return FieldMap(
        name=field.name,
        kind=field.kind,
        required=field.required,
        column=ours.column,
        constant=ours.constant,
        values=ours.values,
        words=field.words,
    )


def _fault(field: Field, ours: FieldSetting) -> str | None:
    """Why a field cannot be had in this way."""
    if (ours.column is None) == (ours.constant is None):
        return "нужен ровно один из ключей column и constant"
    if ours.type is not None and field.kind not in _TYPE_KINDS[ours.type]:
        right = next(word for word, kinds in _TYPE_KINDS.items() if field.kind in kinds)
        return f"тип {ours.type} не подходит, это поле типа {right}"
    if ours.values and (field.kind != "code" or ours.constant is not None):
        return "values бывает только у столбцов типа enum и text с кодами"
    for code in (*ours.values.values(), *([] if ours.constant is None else [ours.constant])):
        if field.words and code not in field.words:
            return f"неизвестный код «{code}»{hint(code, field.words)}"
    return None


def _constants_fit(fields: Iterable[FieldMap], time_zone: str) -> None:
    for field in fields:
        if field.constant is not None:
            try:
                converter(field, time_zone)(field.constant)
            except Unfit as error:
                raise Wrong(f"constant «{field.constant}»: {error}", "fields", field.name) from None
