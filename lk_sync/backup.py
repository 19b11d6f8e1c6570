"""Backup: how is the store copied while everybody works, and how does a copy become the store again?

A copy is one file (mode 600) with its SHA-256 beside it: a consistent picture of one moment, checked before it gets
its name. A restored copy gives up what must not be believed of it (`store.restores`) before anybody can open it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from lk_sync import databases
from lk_sync.config import Config
from lk_sync.durable import flush
from lk_sync.errors import BadData, Busy, SettingsError
from lk_sync.flow import disk
from lk_sync.store import restores
from lk_sync.store.database import Store
from lk_sync.store.restores import Known, Restored

DATABASE: Final = "PostgreSQL"
CHUNK: Final = 1 << 20
BESIDE: Final = ("-wal", "-shm", "-journal")
PATIENCE_SECONDS: Final = 1.0


class Copy(msgspec.Struct, frozen=True):
    path: str
    bytes: int
    sha256: str


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """`aside`: where the store that was there before lies now. `verified`: the copy's SHA-256 was compared."""

    restored: Restored
    aside: str | None
    verified: bool


def backup(config: Config, target: Path) -> Copy:
    """A copy of the living store. Raises SettingsError, BadData."""
    store = _file(config)
    if not store.exists():
        raise SettingsError(f"{store}: хранилища ещё нет, копировать нечего")
    if target.exists():
        raise SettingsError(f"{target}: такой файл уже есть; назовите другой")
    part = target.with_name(f"{target.name}.part")
    with disk.faults_told(), _private(part):
        _copied(store, part)
        _check(part)
        digest = _sha256(part)
        _named(part, target, digest)
    return Copy(str(target), target.stat().st_size, digest)


def restore(config: Config, copy: Path, *, force: bool, now: datetime) -> Return:
    """The copy as the store. Raises SettingsError, BadData, and Busy while anybody works with the store."""
    store = _file(config)
    if not copy.is_file():
        raise SettingsError(f"{copy}: нет такой копии")
    verified = _verified(copy)
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = store.with_name(f"{store.name}.restoring")
    with databases.lock(config, "engine"), disk.faults_told(), _private(part):
        if store.exists() and not force:
            raise SettingsError(
                f"{store}: хранилище уже есть; чтобы заменить его копией (прежнее будет отложено рядом): --force"
            )
        _copied(copy, part)
        _check(part)
        with _alone(store) as living:
            restored = _made_fit(part, at_least=_seen(config, living), now=now)
            aside = _put_aside(store, living, now)
            _take_place(part, store, living)
    return Return(restored=restored, aside=aside, verified=verified)


def _file(config: Config) -> Path:
    if databases.server(config) is not None:
        raise SettingsError(
            f"хранилище живёт в {DATABASE}: копию снимает pg_dump --schema=store, возвращает pg_restore (или ваша "
            "система резервного копирования); см. docs/operations.ru.md"
        )
    return config.lk.store_path


@contextmanager
def _private(part: Path) -> Iterator[None]:
    """A new file of ours alone, that is gone in the end unless it got another name."""
    for path in (part, *(Path(f"{part}{end}") for end in BESIDE)):
        path.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield
    finally:
        for path in (part, *(Path(f"{part}{end}") for end in BESIDE)):
            path.unlink(missing_ok=True)


def _copied(source: Path, target: Path) -> None:
    """All pages at once, on one view: writers go on meanwhile."""
    with closing(_open(source)) as ours, closing(_open(target)) as theirs:
        try:
            ours.execute("PRAGMA query_only = ON")
            ours.backup(theirs)
            theirs.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        except sqlite3.DatabaseError as error:
            raise _spoilt(source, str(error)) from error


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)


def _check(path: Path) -> None:
    with closing(_open(path)) as copy:
        try:
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            torn = copy.execute("PRAGMA foreign_key_check").fetchone()
            is_store = copy.execute("PRAGMA table_info(migrations)").fetchone()
        except sqlite3.DatabaseError as error:
            raise _spoilt(path, str(error)) from error
    if said != "ok":
        raise _spoilt(path, said)
    if torn is not None:
        raise _spoilt(path, f"запись таблицы {torn[0]} ссылается на то, чего нет")
    if is_store is None:
        raise BadData(f"{path}: это не хранилище кабинета")


def _spoilt(path: Path, why: str) -> BadData:
    return BadData(f"{path}: не читается как хранилище ({why}); возьмите другую копию")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _named(part: Path, target: Path, digest: str) -> None:
    """The sum first: a copy that has its name has its sum."""
    sum_file = _sum_of(target)
    with os.fdopen(os.open(sum_file, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{digest}  {target.name}\n")
        file.flush()
        os.fsync(file.fileno())
    flush(part)
    part.rename(target)
    flush(target.parent)


def _sum_of(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.sha256")


def _verified(copy: Path) -> bool:
    """False: there is no sum to compare with."""
    try:
        said = _sum_of(copy).read_text("utf-8").split()
    except FileNotFoundError:
        return False
    if not said or said[0] != _sha256(copy):
        raise BadData(f"{copy}: не сходится с {_sum_of(copy).name}, копия повреждена; возьмите другую")
    return True


@contextmanager
def _alone(store: Path) -> Iterator[sqlite3.Connection | None]:
    """The living store with nobody else at it until the block ends. None: there is none, or none that can be read."""
    if not store.exists():
        yield None
        return
    with closing(_open(store)) as living:
        try:
            _shut_out_others(living, store)
        except sqlite3.OperationalError as error:
            raise _in_use(store) from error
        except sqlite3.DatabaseError:
            yield None
            return
        yield living


def _shut_out_others(living: sqlite3.Connection, store: Path) -> None:
    """SQLite leaves the write-ahead log only when no other connection is open, of whatever process."""
    if living.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
        raise _in_use(store)
    living.execute("PRAGMA locking_mode = EXCLUSIVE")
    living.execute("BEGIN EXCLUSIVE")
    living.execute("COMMIT")


def _in_use(store: Path) -> Busy:
    return Busy(f"{store}: хранилище открыто другой программой; остановите lk-sync run и lk-portal и повторите")


def _seen(config: Config, living: sqlite3.Connection | None) -> Known:
    """Numbers that are known to be taken: by the store that is there, and by what is published."""
    run = batch = 0
    if living is not None:
        with suppress(sqlite3.DatabaseError):  # of an older version, or half a store
            (run,) = living.execute("SELECT COALESCE(MAX(run), 0) FROM runs").fetchone()
            (batch,) = living.execute("SELECT COALESCE(MAX(number), 0) FROM batches").fetchone()
    with (
        suppress(sqlite3.DatabaseError),
        closing(databases.cache(config).reader()) as reader,
        reader.view() as view,
    ):
        run = max([run, *(state.run for state in view.states())])
    return Known(run, batch, None)


def _made_fit(part: Path, *, at_least: Known, now: datetime) -> Restored:
    """Raises SettingsError for a store of a newer version."""
    with closing(Store(part)) as copy:
        restored = copy.write_now(lambda tx: restores.forget(tx, at_least=at_least, now=now))
    with closing(_open(part)) as single:
        single.execute("PRAGMA journal_mode = DELETE")
    return restored


def _put_aside(store: Path, living: sqlite3.Connection | None, now: datetime) -> str | None:
    """The former store under another name, whole; one that cannot be read is moved as it is."""
    if not store.exists():
        return None
    aside = store.with_name(f"{store.name}.before-{now:%Y%m%dT%H%M%SZ}")
    if living is None:
        for end in ("", *BESIDE):
            with suppress(FileNotFoundError):
                Path(f"{store}{end}").rename(f"{aside}{end}")
        return str(aside)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_open(aside)) as other:
        living.backup(other)
    flush(aside)
    return str(aside)


def _take_place(part: Path, store: Path, living: sqlite3.Connection | None) -> None:
    """Into the file that is there, under its lock, so that nobody is left with one that has no name any more; it is
    the former or the new one, wherever this is cut short. Or as a new file."""
    if living is None:
        flush(part)
        try:
            store.hardlink_to(part)
        except FileExistsError as error:
            raise _in_use(store) from error
    else:
        with closing(_open(part)) as copy:
            copy.backup(living)
    flush(store.parent)
