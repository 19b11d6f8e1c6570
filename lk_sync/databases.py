"""Databases: where do cache and store of a configuration live, and which locks hold for all who use them?"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from lk_sync import locks
from lk_sync.cache.places import CachePlace, SqliteCache
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.locks import Hold
from lk_sync.store.database import Store


def cache(config: Config) -> CachePlace:
    return SqliteCache(config.lk.cache_path)


def open_store(config: Config) -> Store:
    """Raises SettingsError when the store cannot be opened or is none."""
    path = config.lk.store_path
    try:
        return Store(path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            f"{path}: хранилище не открывается ({reason}); проверьте data_dir, права на папку и место на диске "
            "или восстановите store.db из копии"
        ) from error


def lock(config: Config, name: str) -> AbstractContextManager[Hold]:
    """`with` it: one holder at a time among all who use the same store. Raises Busy."""
    return locks.of_this_machine(config.lk.data_dir, name)
