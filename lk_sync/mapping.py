"""Mapping: how does the operator's description of a source become a precise wish to a connector?

Refused with the file, the line and the nearest right word: unknown datasets and fields, required fields without a
column, types that contradict the field, codes we do not know, constants that are no value of their field. How a single
field is had: `recipes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lk_sync.config import DatasetSetting, DeletedKeys, Deletes, FieldSetting, SourceSetting
from lk_sync.contracts import FieldMap, Wanted
from lk_sync.errors import SettingsError
from lk_sync.recipes import Recipes
from lk_sync.records import DATASETS, Dataset, Field, Kind
from lk_sync.settings_fault import Wrong, hint
from lk_sync.settings_file import where
from lk_sync.shaping import DELETED, EXTRA, Computed, Shaping


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
        return _placed(_wanted(setting, name, since), file)
    except Wrong as wrong:
        raise SettingsError(f"{where(file, 'datasets', name, *wrong.steps)}: {wrong}") from None


def _placed(wish: Wanted, file: Path) -> Wanted:
    """Options that are paths (`./…`, `../…`) start at the folder of the file they stand in."""
    beside, shaping = file.parent, wish.shaping
    options = {
        key: str((beside / value).resolve()) if isinstance(value, str) and value.startswith(("./", "../")) else value
        for key, value in wish.options.items()
    }
    lookups = tuple(_placed(lookup, file) for lookup in shaping.lookups)
    gone = None if shaping.gone is None else _placed(shaping.gone, file)
    shaping = msgspec.structs.replace(shaping, lookups=lookups, gone=gone)
    return msgspec.structs.replace(wish, options=options, shaping=shaping)


def _wanted(setting: SourceSetting, name: str, since: str | None) -> Wanted:
    dataset = DATASETS.get(name)
    if dataset is None:
        raise Wrong(f"нет такого набора данных{hint(name, DATASETS)}")
    ours = setting.datasets[name]
    _one_origin(ours)
    recipes = Recipes(name, setting.time_zone)
    fields, computed = _fields(dataset, dataset.fields, _with_number(dataset, ours.fields), recipes)
    extra = list(_extra(ours.extra))
    control = ours.guards.control_total
    return Wanted(
        dataset=dataset,
        fields=(*fields, *recipes.operands, *extra, *_flag(ours.deletes)),
        table=ours.table,
        query=ours.query,
        file=ours.file,
        watermark=ours.watermark,
        since=since,
        time_zone=setting.time_zone,
        options=ours.options,
        control_query=control.query if control else None,
        shaping=Shaping(
            computed=computed,
            extra=tuple((field.name, ours.extra[field.column or ""]) for field in extra),
            deleted=ours.deletes.flag is not None,
            deleted_words=ours.deletes.flag.values if ours.deletes.flag else (),
            lookups=tuple(recipes.lookups),
            gone=_gone(dataset, ours.deletes.table, setting),
            absent_ends=ours.deletes.absent,
            **_beside(dataset, ours),
        ),
    )


def _one_origin(ours: DatasetSetting | DeletedKeys, *steps: str) -> None:
    if sum(origin is not None for origin in (ours.table, ours.query, ours.file)) != 1:
        raise Wrong("нужен ровно один из ключей from, query, file", *steps)


def _with_number(dataset: Dataset, ours: Mapping[str, FieldSetting]) -> Mapping[str, FieldSetting]:
    """The number on the bill is that of the account unless said otherwise."""
    if dataset.name == "accounts" and "account" in ours:
        return {"number": ours["account"], **ours}
    return ours


def _fields(
    dataset: Dataset, wished: Iterable[Field], ours: Mapping[str, FieldSetting], recipes: Recipes
) -> tuple[tuple[FieldMap, ...], tuple[Computed, ...]]:
    """What a column or a constant gives as it is, and what is computed."""
    known = {field.name: field for field in wished}
    for name in ours:
        if name not in known:
            raise Wrong(f"нет такого поля{hint(name, known)}", "fields", name)
    if missing := [name for name, field in known.items() if field.required and name not in ours]:
        names = f"обязательное поле {missing[0]} не описано" if len(missing) == 1 else ""
        names = names or f"обязательные поля не описаны: {', '.join(missing)}"
        raise Wrong(f"{names}; укажите для каждого column или constant", "fields")
    plain: list[FieldMap] = []
    computed: list[Computed] = []
    for name, field in known.items():
        if name in ours:
            try:
                made = recipes.field(field, ours[name])
            except Wrong as wrong:
                raise Wrong(str(wrong), "fields", name, *wrong.steps) from None
            plain.append(made) if isinstance(made, FieldMap) else computed.append(made)
    if not recipes.operands and all(field.column is None for field in plain):
        raise Wrong("ни одно поле не берётся из столбца", "fields")
    return tuple(plain), tuple(computed)


def _extra(labels: Mapping[str, str]) -> Iterator[FieldMap]:
    shown = list(labels.values())
    for column, label in labels.items():
        if shown.count(label) > 1:
            raise Wrong(f"подпись «{label}» стоит у двух столбцов", "extra", column)
        yield FieldMap(name=f"{EXTRA}{column}", kind="text", required=False, column=column)


def _flag(deletes: Deletes) -> Iterator[FieldMap]:
    if deletes.flag is not None:
        kind: Kind = "code" if deletes.flag.values else "bool"
        yield FieldMap(name=DELETED, kind=kind, required=False, column=deletes.flag.column)


def _gone(dataset: Dataset, ours: DeletedKeys | None, setting: SourceSetting) -> Wanted | None:
    """The wish for the keys of deleted rows: a dataset of its own to a connector."""
    if ours is None:
        return None
    at = ("deletes", "table")
    _one_origin(ours, *at)
    key = tuple(dataset.field(name) for name in dataset.key)
    named = Dataset(name=f"{dataset.name}.deleted", record=dataset.record, key=dataset.key, fields=key, totals=())
    recipes = Recipes(named.name, setting.time_zone)
    try:
        fields, computed = _fields(named, key, ours.fields, recipes)
    except Wrong as wrong:
        raise Wrong(str(wrong), *at, *wrong.steps) from None
    return Wanted(
        dataset=named,
        fields=(*fields, *recipes.operands),
        table=ours.table,
        query=ours.query,
        file=ours.file,
        watermark=ours.watermark,
        time_zone=setting.time_zone,
        options=ours.options,
        shaping=Shaping(computed=computed, lookups=tuple(recipes.lookups)),
    )


def _beside(dataset: Dataset, ours: DatasetSetting) -> dict[str, Any]:
    for i, name in enumerate(ours.match):
        if name not in dataset.columns:
            raise Wrong(f"нет такого поля «{name}»{hint(name, dataset.columns)}", "match", i)
    if ours.beside is None and (ours.match or ours.match_days):
        raise Wrong("match и match_days имеют смысл только вместе с beside: <главный источник>", "match")
    if ours.match_days and not any(dataset.field(name).kind == "date" for name in ours.match):
        raise Wrong("match_days сравнивает дни, а среди полей match нет даты", "match_days")
    return {"beside": ours.beside, "match": ours.match, "match_days": ours.match_days}


def agree(folder: Path, sources: Mapping[str, SourceSetting]) -> None:
    """Raises SettingsError unless every dataset has one source that feeds it first, and the others name it."""
    first: dict[str, str] = {}
    for name, setting in sources.items():
        for dataset, ours in setting.datasets.items():
            file = folder / f"{name}.yaml"
            if ours.beside is None:
                if other := first.get(dataset):
                    raise SettingsError(
                        f"{where(file, 'datasets', dataset)}: этот же набор загружает {folder / other}.yaml; "
                        f"пусть один из двух источников будет главным, а у второго стоит, например, beside: {other}"
                    )
                first[dataset] = name
    for name, setting in sources.items():
        for dataset, ours in setting.datasets.items():
            if ours.beside is not None and ours.beside != first.get(dataset):
                place = where(folder / f"{name}.yaml", "datasets", dataset, "beside")
                known = [first[dataset]] if dataset in first else []
                why = f"главного источника «{ours.beside}» у набора {dataset} нет"
                raise SettingsError(f"{place}: {why}{hint(ours.beside, known)}")
