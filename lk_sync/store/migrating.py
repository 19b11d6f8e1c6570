"""Migrating: which migrations does a store still need, and is it one that we may use?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lk_sync.errors import SettingsError
from lk_sync.store.work import migrations

MOVED: Final = "moved_to_postgresql"  # stands among the migrations of a file whose content lives elsewhere now


def missing(applied: Collection[str], where: str) -> list[tuple[str, str]]:
    """(name, script) of those to be applied, in order. Raises SettingsError for a store that is not ours to use."""
    known = migrations()
    if MOVED in applied:
        raise SettingsError(
            f"{where}: хранилище перенесено в PostgreSQL, в этом файле прежнее; задайте LK_DATABASE_URL"
        )
    if unknown := set(applied) - {name for name, _ in known}:
        raise SettingsError(
            f"{where}: хранилище создано более новой версией программы (миграции {', '.join(sorted(unknown))}); "
            "установите её или восстановите хранилище из копии"
        )
    return [(name, script) for name, script in known if name not in applied]
