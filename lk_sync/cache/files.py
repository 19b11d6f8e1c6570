"""Files: which files has the cache taken of its sources, and what became of each?

Noted in the transaction that publishes their rows, so that neither is there without the other; whoever deletes the
cache has them all read again. A source that cannot put its files aside, or was kept from it, knows them by this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from lk_sync.cache.base import Base
from lk_sync.contracts import FileOutcome, KnownFile, TakenFile, Wanted

_COLUMNS: Final = ("source", "dataset", "name", "sha256", "version", "state", "report", "mapping", "run")


def print_of(wanted: Wanted) -> str:
    """The mapping of a dataset as a short text: another one when it is changed."""
    shaping = wanted.shaping
    if shaping.gone is not None:
        shaping = msgspec.structs.replace(shaping, gone=msgspec.structs.replace(shaping.gone, since=None))
    plain = msgspec.structs.replace(wanted, since=None, shaping=shaping)
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:32]


def known(base: Base, source: str, mappings: Mapping[str, str]) -> list[KnownFile]:
    """The files of a source, those that were taken last first. `mappings`: by dataset, as `print_of` gives it."""
    rows = base.execute(
        f"SELECT dataset, name, sha256, version, state, mapping FROM {base.at.cache}.taken_files"
        " WHERE source = :source ORDER BY run DESC, dataset, name DESC",
        {"source": source},
    ).fetchall()
    alone = {dataset: not _fed_by_others(base, source, dataset) for dataset in {own(row[0]) for row in rows}}
    return [
        KnownFile(
            dataset=dataset,
            name=name,
            sha256=sha256,
            version=version,
            state=_state(state),
            fits=alone[own(dataset)] and mappings.get(own(dataset)) == mapping,
        )
        for dataset, name, sha256, version, state, mapping in rows
    ]


def own(dataset: str) -> str:
    """The dataset that a file belongs to: `payments.deleted` is one of `payments`."""
    return dataset.partition(".")[0]


def _state(text: str) -> Literal["published", "refused"]:
    return "refused" if text == "refused" else "published"


def _fed_by_others(base: Base, source: str, dataset: str) -> bool:
    """Whether another source has published after this one, so that rows of this one may have changed hands."""
    at = base.at.cache
    row = base.execute(
        f"SELECT 1 FROM {at}.dataset_state AS other JOIN {at}.dataset_state AS mine ON mine.dataset = other.dataset"
        " WHERE other.dataset = :dataset AND other.source <> :source AND mine.source = :source"
        " AND other.run > mine.run LIMIT 1",
        {"dataset": dataset, "source": source},
    ).fetchone()
    return row is not None


def forget(base: Base, run: int) -> None:
    """What a run has taken was taken back: whoever puts its files there again wants them read again."""
    base.execute(f"DELETE FROM {base.at.cache}.taken_files WHERE run = :run", {"run": run})


def remember(base: Base, source: str, outcomes: Sequence[FileOutcome], mappings: Mapping[str, str], run: int) -> None:
    """Inside the publication."""
    base.execute_many(
        f"INSERT INTO {base.at.cache}.taken_files ({', '.join(_COLUMNS)})"
        f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
        " ON CONFLICT (source, dataset, name, sha256) DO UPDATE SET version = excluded.version,"
        " state = excluded.state, report = excluded.report, mapping = excluded.mapping, run = excluded.run",
        [
            {
                "source": source,
                "dataset": each.file.dataset,
                "name": each.file.name,
                "sha256": each.file.sha256,
                "version": each.file.version,
                "state": each.state,
                "report": each.report,
                "mapping": mappings.get(own(each.file.dataset), ""),
                "run": run,
            }
            for each in outcomes
        ],
    )


def became_of(base: Base, source: str, file: TakenFile) -> FileOutcome:
    """What an earlier run has noted of the same bytes, under whatever name."""
    row = base.execute(
        f"SELECT state, report FROM {base.at.cache}.taken_files WHERE source = :source AND dataset = :dataset"
        " AND sha256 = :sha256 ORDER BY CASE WHEN name = :name THEN 0 ELSE 1 END, run DESC LIMIT 1",
        {"source": source, "dataset": file.dataset, "sha256": file.sha256, "name": file.name},
    ).fetchone()
    state, report = row or ("published", None)
    return FileOutcome(file=file, state=_state(state), report=report)
