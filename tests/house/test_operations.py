"""The administrator's page names commands that there are, and every alarm that there is."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest
from click.testing import CliRunner

from lk_sync import errors, guards, troubles
from lk_sync.cli import main
from lk_sync.status import DatasetSeen, JobSeen, Seen
from lk_sync.troubles import Trouble
from tests.house.repository import PRODUCT, ROOT, modules, name, told, tree

PAGE = (ROOT / "docs" / "operations.ru.md").read_text("utf-8")
_COMMAND = re.compile(r"(?:^|&& |\S=\S+ )lk-sync ([^`#\n|;&]+)")
_WORD = re.compile(r"lk-sync ([a-z][a-z-]+)(?: ([a-z]+))?")


def _commands() -> list[str]:
    """What an administrator would type after `lk-sync`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    spans = [line for block in blocks for line in block.splitlines() if "$@" not in line]
    spans += re.findall(r"`([^`]+)`", rest)
    return sorted({found.strip() for span in spans for found in _COMMAND.findall(span)})


@pytest.mark.parametrize("command", _commands())
def test_every_command_of_the_page_is_one(command: str) -> None:
    """With `--help` at its end it does nothing, and an option that does not exist is refused all the same."""
    done = CliRunner().invoke(main, [*shlex.split(command), "--help"])
    assert done.exit_code == 0, done.output


def test_the_page_is_read_at_all() -> None:
    found = _commands()
    assert {"status --json", "check --connect", "pull --dry-run", "rejects replay --all", "runs show 17"} <= set(found)
    assert len(found) > 20


def test_every_command_that_a_day_needs_stands_on_the_page() -> None:
    faults = [word for word in main.commands if f"lk-sync {word}" not in PAGE]
    assert not faults, told(faults, "Допишите в docs/operations.ru.md, когда эта команда нужна.")


def _texts() -> Iterator[tuple[str, str]]:
    """(where, text) of every text of the product that speaks of a command."""
    for module in modules(*PRODUCT):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "lk-sync " in node.value:
                yield f"{name(module)}:{node.lineno}", node.value


def test_whatever_we_advise_can_be_typed() -> None:
    """A sentence that ends with «выполните lk-sync …» must not lead nowhere."""
    faults = []
    for where, text in _texts():
        for word, second in _WORD.findall(text):
            command = main.commands.get(word)
            if command is None or (second and isinstance(command, click.Group) and second not in command.commands):
                faults.append(f"{where}: lk-sync {word} {second}")
    assert not faults, told(faults, "Такой команды нет.")


def _alarms() -> set[str]:
    return {*get_args(troubles.Kind), *guards.CODES, *(set(errors.BY_NAME) - {"LkError"})}


def test_every_alarm_stands_on_the_page() -> None:
    faults = sorted(alarm for alarm in _alarms() if f"`{alarm}`" not in PAGE)
    assert not faults, told(faults, "Допишите в docs/operations.ru.md, раздел 5: что это и что делать.")


@pytest.mark.parametrize("kind", [Seen, JobSeen, DatasetSeen, Trouble])
def test_the_keys_of_the_status_stand_on_the_page(kind: type[msgspec.Struct]) -> None:
    assert " ".join(kind.__struct_fields__) in " ".join(PAGE.split())


def test_every_figure_that_is_named_is_measured() -> None:
    source = (ROOT / "lk_sync" / "metrics.py").read_text("utf-8")
    named = {figure.removesuffix("_total") for figure in re.findall(r"\blk_[a-z_]+[a-z]\b", PAGE)}
    assert named
    assert not {figure for figure in named if f'"{figure}"' not in source}


def test_every_setting_that_is_named_is_one() -> None:
    shown = (ROOT / "config" / "lk.yaml").read_text("utf-8") + (ROOT / "schedules.yaml").read_text("utf-8")
    for setting in (
        "digest_hour",
        "stale_after_hours",
        "unanswered_alert_hours",
        "free_disk_alert_mb",
        "retry_minutes",
    ):
        assert setting in PAGE
        assert setting in shown


def test_the_wrapper_of_the_page_is_a_script(tmp_path: Path) -> None:
    """It finds settings, data and secrets where the page has put them, and hands the words on."""
    (script,) = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "SMTP_PASSWORD").write_text("x")
    shown = 'echo "$LK_CONFIG|$LK_SCHEDULES|$LK_DATA_DIR|$LK_SMTP_PASSWORD_FILE|$*" #'
    text = script.replace("/etc/lk/secrets", str(tmp_path / "secrets")).replace("exec runuser", f"{shown} exec runuser")
    for there in (f"{tmp_path}/secrets/SMTP_PASSWORD", ""):
        done = subprocess.run(
            ["sh", "-c", text, "lk-sync", "pull", "a b"],
            env={"PATH": os.environ["PATH"], "LK_DATA_DIR": "/srv/rehearsal"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout == f"/etc/lk/config|/etc/lk/schedules.yaml|/srv/rehearsal|{there}|pull a b\n"
        (tmp_path / "secrets" / "SMTP_PASSWORD").unlink(missing_ok=True)
