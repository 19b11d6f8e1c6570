"""What is staged arrives in PostgreSQL to the letter, and is journalled there as SQLite would."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.errors import BadData
from lk_sync.flow import publish, stage
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Reject, Validated
from lk_sync.locks import FileHold
from lk_sync.records import DATASETS
from tests.at_the_store import Kept

DOCUMENTS = DATASETS["documents"]
HOSTILE = (
    "", " ", "\\", "\\.",
    "\\N", "\\\\n", "a\tb", "a\nb", "a\r\nb", "'", '"', "%s", ":run", "{0}", "\x7f", "\x01\x1f\b\f",
    "№ «ёж»", "\N{ROCKET}", "\u2028", "NULL", "; DROP TABLE cache.codes; --", "/",
)  # fmt: skip


def _publish(kept: Kept, run: int, titles: dict[str, str]) -> None:
    path = kept.folder / f"run-{run}.db"
    with closing(kept.cache().open()) as base:
        staging = Staging(path, run=run, source="x", codes=Codes(base))
        begun = staging.begin(DOCUMENTS, (*DOCUMENTS.columns, "extra"))
        rows = [
            (1_001, document, "contract", document, "2026-11-01", title, None, json.dumps({"Примечание": title}))
            for document, title in titles.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        numbers = range(1, len(rows) + 1)
        reject = Reject(7, "k\0", "title", "a\0b\tc\\", "почему", "где")
        begun.add(Validated(columns=columns, numbers=numbers, rejects=[reject], rejected_rows=1), where="x")
        begun.finish(Staged(dataset="documents", mode="full", pulled=len(rows) + 1, rejected=1))
        staging.close()
    with publish.staged_beside_cache(kept.cache(), path, FileHold("x")) as (base, staged):
        ((*_, value, _, _),) = [row[:8] for row in stage.rejects(base)]
        assert value == ("a\0b\tc\\" if kept.address is None else "a\N{REPLACEMENT CHARACTER}b\tc\\")
        publish.publish(base, staged, run=run, source="x", at=f"2026-11-{run:02d}")


def test_any_text_arrives_and_is_journalled_to_the_letter(shared: Kept, tmp_path: Path) -> None:
    titles = {f"д{number}": text for number, text in enumerate(HOSTILE)}
    turned = dict(zip(titles, reversed(HOSTILE), strict=True))
    seen: list[Any] = []
    for kept in (Kept(tmp_path / "file"), Kept(tmp_path / "server", shared.environment)):
        kept.folder.mkdir()
        _publish(kept, 1, titles)
        _publish(kept, 2, turned)
        _publish(kept, 3, {"д1": "осталось"})
        seen.append(
            [
                kept.cells(kept.folder / "cache.db", sql)
                for sql in ("SELECT * FROM documents ORDER BY 2", "SELECT * FROM journal ORDER BY run, row_key, act")
            ]
        )
    assert seen[0] == seen[1]
    journal = seen[1][1]
    assert {json.loads(line[6])["title"] for line in journal if line[0] == 2} == set(HOSTILE)


def test_text_with_nothing_in_it_becomes_a_mark(shared: Kept) -> None:
    _publish(shared, 1, {"д\0": "a\0b"})
    assert shared.cells(shared.folder, "SELECT document, title FROM documents") == [("д\ufffd", "a\ufffdb")]


def _twice(base: Base) -> None:
    with base.exclusively("publication"):
        base.execute("INSERT INTO cache.codes VALUES (1, 'a')")
        base.execute("INSERT INTO cache.codes VALUES (1, 'b')")


def test_a_publication_that_fails_leaves_nothing_and_the_base_usable(shared: Kept) -> None:
    with closing(shared.cache().open()) as base:
        for _ in range(2):
            with pytest.raises(BadData, match="23505"):
                _twice(base)
        assert base.execute("SELECT COUNT(*) FROM cache.codes").fetchone() == (0,)


def test_two_sources_extend_the_dictionaries_at_once(shared: Kept) -> None:
    with closing(shared.cache().open()) as one, closing(shared.cache().open()) as other:
        first, second = Codes(one), Codes(other)
        assert first.ids(["а", "б"]) == [1, 2]
        assert second.ids(["б", "в"]) == [2, 3]
        assert first.ids(["в"]) == [3]
        assert (first.account("Т/1"), second.account("Т/2"), first.account("Т/2")) == (-1, -2, -2)
        assert (first.source("books"), second.source("bank"), first.source("bank")) == (0, 1, 1)
