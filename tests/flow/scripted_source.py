"""A connector of somebody else: it plays the rows that a test wrote down."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from lk_sync.contracts import Batch, Channel, Totals, Wanted
from lk_sync.errors import BY_NAME, SchemaDrift, Unprotected


class ScriptSettings(msgspec.Struct, forbid_unknown_fields=True):
    script: Path
    protected: bool = True


class Options(msgspec.Struct, forbid_unknown_fields=True):
    pass


class ScriptedSource:
    """Plays a JSON file: `{dataset: {"rows": [{column: cell}], "totals": …, "act": crash|hang|say|<error>}}`."""

    settings_type: ClassVar[type[msgspec.Struct]] = ScriptSettings
    options_type: ClassVar[type[msgspec.Struct]] = Options

    def __init__(self, settings: ScriptSettings) -> None:
        self._settings = settings

    def channel(self) -> Channel:
        if not self._settings.protected:
            raise Unprotected("канал не защищён")
        return Channel(peer="script", protection="local")

    @contextmanager
    def connect(self) -> Iterator[ScriptedSource]:
        self.channel()
        yield self

    def _of(self, wanted: Wanted) -> dict[str, Any]:
        script: dict[str, dict[str, Any]] = json.loads(self._settings.script.read_text("utf-8"))
        return script[wanted.dataset.name]

    def columns(self, wanted: Wanted) -> None:
        for row in self._of(wanted)["rows"][:1]:
            for field in wanted.fields:
                if field.column not in row:
                    raise SchemaDrift(f"{wanted.dataset.name}: нет столбца «{field.column}»")

    def totals(self, wanted: Wanted) -> Totals | None:
        said = self._of(wanted).get("totals")
        return msgspec.convert(said, Totals) if said else None

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        part = self._of(wanted)
        rows = [row for row in part["rows"] if wanted.since is None or _since(row[wanted.watermark], wanted.since)]
        act = part.get("act")
        half = len(rows) // 2 if act else len(rows)
        yield self._batch(wanted, rows[:half], 1)
        if act == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if act == "say":
            logging.getLogger("scripted").warning("так велел сценарий")
            yield self._batch(wanted, rows[half:], half + 1)
            return
        if act == "hang":
            time.sleep(60)
        if act:
            raise BY_NAME[act]("так велел сценарий")

    def _batch(self, wanted: Wanted, rows: list[dict[str, Any]], first: int) -> Batch:
        return Batch(
            columns=[[row.get(field.column) for row in rows] for field in wanted.fields],
            rows=len(rows),
            exact=False,
            first_row=first,
            where="сценарий",
            watermark=max((row[wanted.watermark] for row in rows), default=None) if wanted.watermark else None,
        )


def _since(watermark: str, since: str) -> bool:
    return datetime.fromisoformat(watermark) >= datetime.fromisoformat(since)
