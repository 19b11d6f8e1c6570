"""Imports point inward: portal and connectors know the core, it knows neither, none knows the world of the tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.house.repository import PRODUCT, ROOT, modules, name, told, tree

OUTSIDE = {"demo", "bench", "tests"}
HEAVY = {"pyodbc", "asyncssh", "aiohttp", "argon2"}  # what the core must not need; jinja2 writes its letters


def _imported(module: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "setup.cfg", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _imports_of(roots: tuple[str, ...], strangers: set[str]) -> list[str]:
    return [
        f"{name(module)}:{line}: {imported}"
        for module in modules(*roots)
        for line, imported in _imported(module)
        if imported.split(".")[0] in strangers
    ]


def test_the_product_does_not_know_the_world_that_tests_play() -> None:
    faults = _imports_of(PRODUCT, OUTSIDE)
    assert not faults, told(faults, "lk_sync, portal и connectors не импортируют demo, bench и tests.")


def test_the_core_needs_no_web_server_and_no_driver() -> None:
    faults = _imports_of(("lk_sync",), HEAVY)
    assert not faults, told(faults, "Это дело portal/ или connectors/: ядро о нём не знает.")


@pytest.mark.parametrize("group", ["lk_sync.sources", "lk_sync.sinks", "console_scripts"])
def test_every_entry_point_loads(group: str) -> None:
    ours = [point for point in entry_points(group=group) if point.module.split(".")[0] in PRODUCT]
    assert ours
    for point in ours:
        assert callable(point.load()), f"setup.cfg: {group}: {point.name} = {point.value}"


def test_every_connector_says_what_it_takes() -> None:
    for group, names in (("lk_sync.sources", ("settings_type", "options_type")), ("lk_sync.sinks", ("settings_type",))):
        for point in entry_points(group=group):
            kind = point.load()
            assert all(hasattr(kind, needed) for needed in names), f"{point.value}: нет {' или '.join(names)}"
