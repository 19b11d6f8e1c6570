"""Doctor: what is wrong with a file, and what has to be changed in the accounting system?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec
import yaml

from lk_sync import mapping, registry
from lk_sync.commands.desk import Desk, as_json_option
from lk_sync.commands.speech import Command
from lk_sync.contracts import Diagnosis, Remark, Wanted
from lk_sync.errors import SettingsError
from lk_sync.reports import as_json, say

CLEAN, AMISS, UNREADABLE = 0, 1, 2
FOR_THE_DRAFT: Final = "Черновик для описания источника (datasets.<набор>.options):"


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="ФАЙЛ")
@click.option("--source", default=None, metavar="ИСТОЧНИК", help="Читать так, как описано в этом источнике.")
@click.option("--dataset", default=None, metavar="НАБОР", help="Набор данных источника, для которого этот файл.")
@as_json_option
@click.pass_obj
def doctor(desk: Desk, file: Path, source: str | None, dataset: str | None, json: bool) -> int:
    """Что это за ФАЙЛ, что в нём не так и что изменить в учётной системе.

    Кончается числом 0 — замечаний нет, 1 — есть, 2 — файл нельзя прочесть.
    """
    wanted = _wanted(desk, source, dataset)
    try:
        with file.open("rb") as opened:
            found = registry.examine(opened, file.name, wanted)
    except OSError as error:
        raise SettingsError(f"{file}: файл не читается ({error.strerror})") from error
    if json:
        as_json({"file": file.name, **msgspec.to_builtins(found), "code": _code(found)})
    else:
        _tell(file.name, found)
    return _code(found)


def _wanted(desk: Desk, source: str | None, dataset: str | None) -> Wanted | None:
    if source is None and dataset is None:
        return None
    if source is None or dataset is None:
        raise SettingsError("--source и --dataset называют вместе")
    if source not in desk.config.sources:
        raise SettingsError(f"нет источника «{source}»; есть: {', '.join(desk.config.sources) or 'ни одного'}")
    path = desk.config.folder / "sources" / f"{source}.yaml"
    (wish,) = mapping.all_wanted(path, desk.config.sources[source], [dataset])
    return wish.asked


def _code(found: Diagnosis) -> int:
    if not found.readable:
        return UNREADABLE
    return AMISS if any(remark.grave for remark in found.remarks) else CLEAN


def _tell(name: str, found: Diagnosis) -> None:
    say(f"{name}: {found.kind}")
    for title, text in found.facts:
        say(f"  {title}: {text}")
    for remark in found.remarks:
        say(_said(remark))
    if not found.remarks:
        say("Замечаний нет.")
    if found.options is not None:
        say(FOR_THE_DRAFT)
        say(_draft(found.options))


def _said(remark: Remark) -> str:
    rows = (
        f" (строки: {', '.join(map(str, remark.rows))}{', …' if len(remark.rows) >= 5 else ''})" if remark.rows else ""
    )
    advice = f"\n    → {remark.advice}" if remark.advice else ""
    return f"{'✗' if remark.grave else '·'} {remark.what}{rows}{advice}"


def _draft(options: Any) -> str:
    plain = msgspec.to_builtins(options)
    return yaml.safe_dump({"options": plain}, allow_unicode=True, sort_keys=False, width=120).rstrip("\n")


COMMANDS = (doctor,)
