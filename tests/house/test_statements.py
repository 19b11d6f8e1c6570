"""Every statement is used, every name that is used has a statement, and each says which rows it means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiosql
import pytest

from lk_sync.cache import reader
from lk_sync.store import database
from tests.house.repository import PRODUCT, ROOT, modules, name, told, tree

SQL = sorted((ROOT / "lk_sync").rglob("*.sql"))
NAMED_SQL = [path for path in SQL if path.parent.name != "migrations"]
TX = {"row", "rows", "change", "change_many"}
READER = {"_row", "_rows", "_each"}


def _calls(module: Path, methods: set[str]) -> Iterator[ast.expr]:
    """The first words of calls of the methods."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield from node.args[:1]


@cache
def _used_of_store() -> dict[str, str]:
    """Name → where it is used: the names in calls, and every `noun.statement` that a noun's module speaks of."""
    nouns = "|".join(path.stem for path in NAMED_SQL)
    named = re.compile(rf"(?:{nouns})\.[a-z_]+")
    used = {}
    for module in modules(*PRODUCT):
        texts = ast.walk(tree(module)) if module.parent.name == "store" else _calls(module, TX)
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and named.fullmatch(text.value):
                used[text.value] = f"{name(module)}:{text.lineno}"
    return used


def test_every_name_that_is_used_has_a_statement() -> None:
    known = database.statements()
    faults = [f"{place}: {used}" for used, place in _used_of_store().items() if used not in known]
    assert not faults, told(faults, "Такого запроса нет ни в одном lk_sync/store/<noun>.sql.")


def test_every_statement_of_the_store_is_used() -> None:
    faults = sorted(database.statements().keys() - _used_of_store().keys())
    assert not faults, told(faults, "Запрос никому не нужен: удалите его из lk_sync/store/<noun>.sql.")


def test_the_reader_uses_all_its_statements_and_no_other() -> None:
    parts = Path(reader.__file__).parent.glob("*.py")
    used = {word.value for part in parts for word in _calls(part, READER) if isinstance(word, ast.Constant)}
    assert used == reader.statements().keys()


@pytest.mark.parametrize("path", NAMED_SQL, ids=name)
def test_every_statement_says_which_rows_it_means(path: Path) -> None:
    queries = aiosql.from_path(path, "sqlite3", mandatory_parameters=False)
    faults = [
        query
        for query in queries.available_queries
        if not query.endswith("_cursor") and not (getattr(queries, query).__doc__ or "").strip()
    ]
    assert not faults, told([f"{name(path)}: {query}" for query in faults], "Под -- name: строка -- какие строки это.")


@pytest.mark.parametrize("path", NAMED_SQL, ids=name)
def test_columns_are_named(path: Path) -> None:
    assert "*" not in path.read_text("utf-8").replace("COUNT(*)", ""), "Столбцы перечисляются, SELECT * не бывает."


def test_a_noun_is_a_pair_of_files() -> None:
    faults = [name(path) for path in NAMED_SQL if not path.with_suffix(".py").exists()]
    assert not faults, told(faults, "Рядом с <noun>.sql стоит <noun>.py, который даёт запросам типы.")


def test_there_is_no_sql_in_the_python_of_the_store() -> None:
    verbs = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ")
    faults = [
        f"{name(module)}:{node.lineno}: {node.value[:60]}"
        for module in (*modules("portal"), *(m for m in modules("lk_sync") if m.parent.name == "store"))
        if module.stem not in {"sqlite", "postgresql"}  # the doors themselves
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lstrip().startswith(verbs)
    ]
    assert not faults, told(faults, "SQL живёт в .sql: lk_sync/store/<noun>.sql или lk_sync/cache/reader.sql.")
