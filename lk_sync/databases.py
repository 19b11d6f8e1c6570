"""Databases: where do cache and store of a configuration live, and which locks hold for all who use them?

In files of this machine, unless `LK_DATABASE_URL` names a PostgreSQL (`postgresql.address`).
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path

from lk_sync import locks
from lk_sync.cache.places import CachePlace, PostgresCache, SqliteCache
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.locks import Hold
from lk_sync.postgresql import address
from lk_sync.postgresql.address import Address
from lk_sync.store.database import Store


def server(config: Config) -> Address | None:
    """The server that several machines may share; None: files of this machine. Raises SettingsError, Unprotected."""
    return address.from_environment(config.environment)


def look(config: Config, *, connect: bool) -> str:
    """What an operator wants to know of them and of what protects the way there; `connect`: also that both answer."""
    if (shared := server(config)) is None:
        said = f"SQLite {config.lk.data_dir} — файлы этого компьютера, из сети их не видно"
    else:
        said = f"{shared.peer} — {shared.protection}"
    if not connect:
        return said
    with closing(open_store(config)) as store, closing(cache(config).reader()) as reader, reader.view() as view:
        store.reading.row("sessions.alive")
        loaded = len({state.dataset for state in view.states()})
    return f"{said}; хранилище отвечает, в кэше наборов: {loaded}"


def cache(config: Config) -> CachePlace:
    shared = server(config)
    return SqliteCache(config.lk.cache_path) if shared is None else PostgresCache(shared)


def open_store(config: Config) -> Store:
    """Raises SettingsError when the store cannot be opened or is none, Unreachable and AccessDenied."""
    return store_at(server(config) or config.lk.store_path)


def store_at(where: Path | Address) -> Store:
    try:
        return Store(where)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            f"{where}: хранилище не открывается ({reason}); проверьте data_dir, права на папку и место на диске "
            "или восстановите store.db из копии"
        ) from error


def sizes(config: Config) -> tuple[int, int]:
    """Bytes of the cache and of the store."""
    if (shared := server(config)) is None:
        return _size(config.lk.cache_path), _size(config.lk.store_path)
    from lk_sync.postgresql.connection import size_of  # here, as below

    return size_of(shared, "cache"), size_of(shared, "store")


def _size(path: Path) -> int:
    """With the log that is still beside it."""
    return sum(each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.exists())


def lock(config: Config, name: str) -> AbstractContextManager[Hold]:
    """`with` it: one holder at a time among all who use the same store. Raises Busy."""
    shared = server(config)
    if shared is None:
        return locks.of_this_machine(config.lk.data_dir, name)
    from lk_sync.postgresql.locks import of_all_machines  # here: its driver takes a quarter of a second to load

    return of_all_machines(shared, name)
