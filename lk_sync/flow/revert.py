"""Revert: how is a published run taken back, exactly, so that neither the past nor the next increment suffers by it?

From the journal, in one transaction of the cache: every row that the run wrote, changed or ended is again what it was,
every column of it, and its datasets are again published up to where they were, so that the next increment brings the
changes anew. The act has a journal of its own, so that what was seen on a day in between can still be told.
Refused when a later run that stands has touched one of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from lk_sync.cache import files, merge, schema
from lk_sync.cache.base import Base
from lk_sync.cache.merge import Merged
from lk_sync.errors import SettingsError
from lk_sync.flow import publish
from lk_sync.records import DATASETS, Dataset

State = Mapping[str, Any]
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_KEY: Final = msgspec.json.Decoder(list[Any])
_NAMES: Final = msgspec.json.Decoder(list[str])
_STATES: Final = msgspec.json.Decoder(list[dict[str, Any]])


class Reverted(msgspec.Struct, frozen=True):
    """What was done to a dataset, as a run does it: rows that are there again were inserted."""

    dataset: str
    merged: Merged


def revert(base: Base, target: int, *, run: int, at: str) -> list[Reverted]:
    """Take run `target` back as run `run`. Raises SettingsError when it cannot be, with nothing changed."""
    with base.exclusively("publication"):
        source, datasets, before = refuse(base, target)
        done = [Reverted(name, _dataset(base, DATASETS[name], target, run)) for name in datasets]
        now = publish.states(base, source)
        for name in datasets:
            _restore_state(base, name, source, _kept(target, _of(now, name), _of(before, name)))
        files.forget(base, target)
        publish.note(base, run=run, at=at, source=source, datasets=datasets, before=now, reverts=target)
    base.tidy()
    return done


def refuse(base: Base, target: int) -> tuple[str, list[str], list[dict[str, Any]]]:
    """Raises SettingsError when the run cannot be taken back. Else whose it is, its datasets, and where they were."""
    published = _published(base, target)
    _refuse_when_touched(base, target)
    _refuse_when_nothing_changed(base, target)
    return published


def _published(base: Base, target: int) -> tuple[str, list[str], list[dict[str, Any]]]:
    cache, parameters = base.at.cache, {"target": target}
    sql = f"SELECT source, datasets, state_before, reverts FROM {cache}.published_runs WHERE run = :target"
    row = base.execute(sql, parameters).fetchone()
    if row is None:
        raise SettingsError(
            f"запуска {target} нет в нынешнем кэше: он не был опубликован, или кэш с тех пор загружен заново"
        )
    source, datasets, before, reverts = row
    if reverts is not None:
        raise SettingsError(f"запуск {target} сам отменил запуск {reverts}; чтобы вернуть данные, загрузите их снова")
    again = base.execute(f"SELECT run FROM {cache}.published_runs WHERE reverts = :target", parameters).fetchone()
    if again is not None:
        raise SettingsError(f"запуск {target} уже отменён запуском {again[0]}")
    return source, _NAMES.decode(datasets), _STATES.decode(before)


def _refuse_when_touched(base: Base, target: int) -> None:
    """Runs that were taken back, and those that did it, have left no trace in the rows."""
    cache = base.at.cache
    stands = (
        f"run > :target AND run NOT IN (SELECT run FROM {cache}.published_runs WHERE reverts IS NOT NULL"
        f" UNION SELECT reverts FROM {cache}.published_runs WHERE reverts IS NOT NULL)"
    )
    of_target = f"FROM {cache}.journal WHERE run = :target"
    (newest,) = base.execute(
        f"SELECT MAX(run) FROM {cache}.journal WHERE {stands} AND"
        f" ((dataset, row_key) IN (SELECT dataset, row_key {of_target})"
        f" OR dataset IN (SELECT dataset {of_target} AND act = 'load'))",
        {"target": target},
    ).fetchone()
    if newest is not None:
        raise SettingsError(
            f"запуск {target} нельзя отменить: те же строки потом менял запуск {newest}; "
            f"сначала lk-sync revert {newest}"
        )


def _refuse_when_nothing_changed(base: Base, target: int) -> None:
    sql = f"SELECT 1 FROM {base.at.cache}.journal WHERE run = :target LIMIT 1"
    if base.execute(sql, {"target": target}).fetchone() is None:
        raise SettingsError(f"запуск {target} ничего не изменил; отменять нечего")


def _dataset(base: Base, dataset: Dataset, target: int, run: int) -> Merged:
    journal, parameters = f"{base.at.cache}.journal", {"target": target, "name": dataset.name}
    acts = f"SELECT act, COUNT(*) FROM {journal} WHERE run = :target AND dataset = :name GROUP BY act"
    found = dict(base.execute(acts, parameters).fetchall())
    if "load" in found:
        return _empty(base, dataset, run)
    if found:
        _swap(base, dataset, target, run)
    return Merged(inserted=found.get("end", 0), updated=found.get("update", 0), ended=found.get("insert", 0))


def _empty(base: Base, dataset: Dataset, run: int) -> Merged:
    """A first load is journalled as one line, its end row by row: the past has to be told from these lines."""
    table = f"{base.at.cache}.{dataset.name}"
    account = "c.account" if dataset.key[0] == "account" else "NULL"
    row_key = base.array([f"c.{name}" for name in dataset.key])
    was = base.object({name: f"c.{name}" for name in schema.columns(dataset)})
    base.execute(
        f"INSERT INTO {base.at.cache}.journal (run, dataset, account, row_key, act, was, now)"
        f" SELECT :run, '{dataset.name}', {account}, {row_key}, 'end', {was}, NULL FROM {table} AS c",
        {"run": run},
    )
    rows = merge.count(base, table)
    base.execute(f"DELETE FROM {table}")
    return Merged(ended=rows)


def _swap(base: Base, dataset: Dataset, target: int, run: int) -> None:
    """Rows that were inserted go, the others are written as they were; every line of the journal turns round."""
    journal, parameters = f"{base.at.cache}.journal", {"target": target, "name": dataset.name}
    table, scratch = f"{base.at.cache}.{dataset.name}", f"{base.at.scratch}.undone_{dataset.name}"
    columns, key = ", ".join(schema.columns(dataset)), ", ".join(dataset.key)
    lines = f"FROM {journal} WHERE run = :target AND dataset = :name"
    for name, cells in (("undone", columns), ("unmade", key)):
        base.execute(f"DROP TABLE IF EXISTS {base.at.scratch}.{name}_{dataset.name}")
        base.execute(f"CREATE TEMP TABLE {name}_{dataset.name} AS SELECT {cells} FROM {table} WHERE 1 = 0")
    was = base.execute(f"SELECT was {lines} AND act <> 'insert'", parameters)
    base.execute_many(_insert(scratch, schema.columns(dataset)), (_OBJECT.decode(row[0]) for row in was))
    unmade = f"{base.at.scratch}.unmade_{dataset.name}"
    made = base.execute(f"SELECT row_key {lines} AND act = 'insert'", parameters)
    base.execute_many(_insert(unmade, dataset.key), _keys(dataset, made))
    base.execute(f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {unmade})")
    assign = ", ".join(f"{column} = excluded.{column}" for column in schema.columns(dataset))
    base.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {scratch} WHERE 1 = 1"
        f" ON CONFLICT ({key}) DO UPDATE SET {assign}"
    )
    turned = "CASE act WHEN 'insert' THEN 'end' WHEN 'end' THEN 'insert' ELSE act END"
    base.execute(
        f"INSERT INTO {journal} (run, dataset, account, row_key, act, was, now)"
        f" SELECT :run, dataset, account, row_key, {turned}, now, was {lines}",
        parameters | {"run": run},
    )
    for name in (scratch, unmade):
        base.execute(f"DROP TABLE {name}")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"


def _keys(dataset: Dataset, rows: Any) -> Iterator[dict[str, Any]]:
    for (row_key,) in rows:
        yield dict(zip(dataset.key, _KEY.decode(row_key), strict=True))


def _of(states: list[dict[str, Any]], name: str) -> State | None:
    return next((state for state in states if state["dataset"] == name), None)


def _kept(target: int, now: State | None, before: State | None) -> State | None:
    """Where the dataset was before, or is already when an earlier run was taken back out of turn: the increment has to
    begin before both. Nothing = it was not published, all of it will be asked for."""
    if now is not None and now["run"] == target:
        return before
    return min((now, before), key=lambda state: -1 if state is None else state["run"])


def _restore_state(base: Base, name: str, source: str, kept: State | None) -> None:
    parameters = {"dataset": name, "source": source}
    base.execute(f"DELETE FROM {base.at.cache}.dataset_state WHERE dataset = :dataset AND source = :source", parameters)
    if kept is not None:
        base.execute(_insert(f"{base.at.cache}.dataset_state", publish.STATE), kept)
