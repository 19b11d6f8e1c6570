"""Repository: which files are ours, and what is in them?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("lk_sync", "portal", "connectors")
PYTHON: Final = (*PRODUCT, "demo", "bench", "tests")


@cache
def files() -> tuple[Path, ...]:
    """Every file of the repository; what `.gitignore` names is not of it."""
    ignored = {line.strip().strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()}
    return tuple(sorted(_below(ROOT, ignored | {".git"})))


def _below(folder: Path, ignored: set[str]) -> Iterator[Path]:
    for path in folder.iterdir():
        if any(path.match(pattern) for pattern in ignored if pattern):
            continue
        if path.is_dir():
            yield from _below(path, ignored)
        else:
            yield path


@cache
def modules(*roots: str) -> tuple[Path, ...]:
    """Python files of the roots (all of them when none is named) that have anything in them."""
    chosen = roots or PYTHON
    return tuple(
        path for path in files() if path.suffix == ".py" and name(path).split("/")[0] in chosen and path.stat().st_size
    )


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def name(path: Path) -> str:
    """The path as people write it: from the top of the repository."""
    return path.relative_to(ROOT).as_posix()


def told(faults: list[str], rule: str) -> str:
    """The message of a broken rule: every place, and what the rule wants."""
    return "\n".join(["", *faults, "", rule])
