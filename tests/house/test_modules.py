"""A module answers one question and is short; a function fits in a look; what is silenced says why."""

from __future__ import annotations

import ast
import re
import sys
from statistics import median, quantiles

import pytest

from tests.house.repository import PRODUCT, PYTHON, ROOT, files, modules, name, told, tree

MOST_LINES = 450
_SILENCED = re.compile(r"#\s*(?:noqa|type: ignore)(?P<rest>.*)")
_REASON = re.compile(r"(?:: [A-Z0-9, ]+?|\[[a-z, -]+\])?\s+(?:-|#)\s+\w+")
CODE = {".py", ".pyc", ".sh", ".js"}


def test_every_module_begins_with_the_question_it_answers() -> None:
    faults = []
    for module in modules():
        first, *_ = (ast.get_docstring(tree(module)) or "").split("\n\n")
        if len(first) < 20 or first.rstrip()[-1] not in "?.:":
            faults.append(f"{name(module)}: {first or 'нет строки документации'}")
    assert not faults, told(faults, "Модуль начинается предложением: на какой вопрос он отвечает или что он такое.")


def test_no_module_grows_too_long() -> None:
    faults = [
        f"{name(module)}: {lines} строк"
        for module in modules()
        if (lines := module.read_text("utf-8").count("\n")) > MOST_LINES
    ]
    assert not faults, told(faults, f"Не больше {MOST_LINES} строк: вопросов в модуле стало два, разделите его.")


@pytest.mark.parametrize("root", PRODUCT)
def test_functions_fit_in_a_look(root: str) -> None:
    lengths = {
        f"{name(module)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules(root)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    longest = [f"{lines:4} {function}" for function, lines in sorted(lengths.items(), key=lambda pair: -pair[1])[:10]]
    rule = told(longest, "Половина функций — до 10 строк, девять из десяти — до 20, ни одной длиннее 60.")
    assert median(lengths.values()) <= 10, rule
    assert quantiles(lengths.values(), n=10)[-1] <= 20, rule
    assert max(lengths.values()) <= 60, rule


def _silenced_without_reason(text: str) -> bool:
    silenced = _SILENCED.search(text)
    return silenced is not None and not _REASON.match(silenced["rest"])


def test_what_is_silenced_says_why_on_its_line() -> None:
    faults = [
        f"{name(module)}:{number}: {line.strip()}"
        for module in modules(*PRODUCT, "demo", "bench")
        for number, line in enumerate(module.read_text("utf-8").splitlines(), 1)
        if _silenced_without_reason(line)
    ]
    assert not faults, told(faults, "После noqa и type: ignore — дефис (или #) и причина, на той же строке.")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("x  # noqa: S608", True),
        ("x  # noqa: S608, E501", True),
        ("x  # noqa", True),
        ("x  # type: ignore[misc]", True),
        ("x  # noqa: S608 - names of ours", False),
        ("x  # noqa: S608, E501 - names of ours", False),
        ("x  # type: ignore[misc, arg-type] # has no types", False),
        ("x  # says why", False),
    ],
)
def test_a_reason_is_told_from_its_absence(line: str, fault: bool) -> None:
    assert _silenced_without_reason(line) is fault


def test_there_is_no_code_among_the_settings() -> None:
    faults = [name(path) for path in files() if name(path).startswith("config/") and path.suffix in CODE]
    assert not faults, told(faults, "В config/ только данные; код — в lk_sync/, portal/, connectors/.")


def test_every_module_stands_in_a_room() -> None:
    faults = [name(path) for path in files() if path.suffix == ".py" and name(path).split("/")[0] not in PYTHON]
    assert not faults, told(faults, f"Комнаты: {', '.join(PYTHON)}.")


def test_no_file_of_the_tests_hides_a_module_of_pythons_own() -> None:
    """pytest puts folders of tests on the path, and child processes take the path over."""
    hiding = [path for path in (ROOT / "tests").rglob("*.py") if path.stem in sys.stdlib_module_names]
    assert not hiding, f"rename {', '.join(str(path.relative_to(ROOT)) for path in hiding)}"
