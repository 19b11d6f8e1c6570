"""Pull: how do rows get from the source into the staging file without endangering this process?

ODBC drivers can crash or hang the process they run in (psqlODBC segfaulted in 3 of 3 lost connections), so
pull → validate → stage runs in a child with a hard deadline. The child writes the staging file; through the
pipe go only progress counts and the one word how it ended. When the parent dies, the child dies with it.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

from lk_sync import errors, logs, registry
from lk_sync.cache import files
from lk_sync.cache.base import Base
from lk_sync.cache.codes import Codes
from lk_sync.cache.places import CachePlace
from lk_sync.contracts import Partial, Remembers, Session, Source, TakesFiles, Totals, Wanted
from lk_sync.errors import LkError, SettingsError, Unreachable
from lk_sync.flow import disk
from lk_sync.flow.derive import Derivation, stated
from lk_sync.flow.kept import Keeper
from lk_sync.flow.lookups import Lookups
from lk_sync.flow.replay import Again, Replay
from lk_sync.flow.since import comparable
from lk_sync.flow.stage import Staged, Staging
from lk_sync.flow.validate import Reject, Unfit, Validator, converter

PROGRESS_SECONDS: Final = 0.2
STOP_SECONDS: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the child shall do. Carries no secret of the source: the child reads those where the parent would."""

    run: int
    job: str = ""
    name: str  # of the source, as the operator calls it
    source: str  # entry-point name
    connection: dict[str, Any]
    file: Path | None = None  # where the connection is written, which its relative paths start from
    wanted: tuple[Wanted, ...]
    staging: Path
    cache: CachePlace
    again: tuple[Again, ...] = ()  # rows to be tried again instead of a pull
    anew: bool = False  # files that were taken before are read again
    aside: bool = False  # no new word of a dictionary is written into the cache


class Progress(msgspec.Struct, frozen=True):
    """`rows` of `dataset` are staged; `total` is what the source promised, if it could say."""

    dataset: str
    rows: int
    total: int | None


class _Failed(msgspec.Struct, frozen=True):
    kind: str
    text: str


Watch = Callable[[Progress], None]


def pull(order: Order, *, deadline_seconds: float, watch: Watch, stop: threading.Event) -> None:
    """Fill `order.staging`. Raises what the source raised; Unreachable when the deadline passed, the child
    crashed or `stop` was set. Whatever is raised, the child is gone and the staging file is to be thrown away."""
    # Loaded here, the connector is there in every child: loading it anew would be half the time of a small increment.
    connector = type(registry.source(order.source, order.connection, order.file)).__module__
    context = _context(connector)
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(order, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        _follow(ours, child, time.monotonic() + deadline_seconds, watch, stop)
    finally:
        _end(child)
        ours.close()


def _context(connector: str) -> Any:
    """A plain fork while this process has one thread (it starts in milliseconds), else a fork server.

    Either way no connection to the cache may be open here: SQLite's locks do not survive a fork.
    """
    if threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lk_sync.flow.pull", connector])
    return context


def _follow(pipe: Connection, child: Any, deadline: float, watch: Watch, stop: threading.Event) -> None:
    while True:
        if stop.is_set():
            raise Unreachable("остановлено по требованию; ничего не опубликовано")
        if time.monotonic() > deadline:
            raise Unreachable("источник не уложился в отведённое время (deadline_minutes задания); загрузка прервана")
        if not pipe.poll(PROGRESS_SECONDS):
            continue
        try:
            message = pipe.recv()
        except EOFError:
            child.join(STOP_SECONDS)
            if stop.is_set():  # the signal hit the child as well
                continue
            raise Unreachable(f"процесс загрузки оборвался ({_exit(child.exitcode)}); данные прежние") from None
        if message is None:
            return
        if isinstance(message, _Failed):
            raise errors.BY_NAME.get(message.kind, LkError)(message.text)
        watch(message)


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"сигнал {signal.Signals(-code).name}"
    return f"код {code}"


def _end(child: Any) -> None:
    child.join(0.5)
    if child.is_alive():
        child.kill()
        child.join(STOP_SECONDS)


def _child(order: Order, pipe: Connection) -> None:
    """Entry of the child process."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logs.configure()
    logs.through_structlog(logging.WARNING)
    logs.begin(job=order.job, run=order.run)
    try:
        _fill(order, pipe)
        pipe.send(None)
    except LkError as error:
        pipe.send(_Failed(type(error).__name__, str(error)))
    except (sqlite3.Error, OSError) as error:
        pipe.send(_Failed("BadData", str(disk.told(error))))
    except Exception as error:  # the parent must learn of any fault, and the driver may raise anything
        pipe.send(_Failed("BadData", f"неожиданная ошибка при загрузке: {type(error).__name__}: {error}"))
    finally:
        pipe.close()
        sys.stdout.flush()
        os._exit(0)  # a driver may crash in its own clean-up; all that matters is already committed


def _die_with_parent() -> None:
    """The kernel ends a plain fork with its parent. A fork server's child has the server for a parent there, which
    outlives the engine for as long as it has children: so a thread waits for the end of the one who ordered."""
    with suppress(OSError, AttributeError):  # not on this platform: the thread alone does it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_exit_after, args=(multiprocessing.parent_process(),), daemon=True).start()


def _exit_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _source(order: Order) -> Source | Replay:
    source = registry.source(order.source, order.connection, order.file)
    looks_up = any(wanted.shaping.lookups for wanted in order.wanted)
    if order.again and not looks_up:
        return Replay(source, order.again, looks_up=False)
    source.channel()
    return Replay(source, order.again, looks_up=True) if order.again else source


def _fill(order: Order, pipe: Connection) -> None:
    source = _source(order)
    cache = order.cache.open()
    try:
        _remind(source, order, cache)
        staging = Staging(order.staging, run=order.run, source=order.name, codes=Codes(cache, aside=order.aside))
        with source.connect() as session:
            for wanted in order.wanted:
                for asked in wanted.looked_at:
                    session.columns(asked)
            lookups = Lookups(session)
            for wanted in order.wanted:
                _Pulling(session, wanted, staging, lookups, pipe).dataset()
            if isinstance(session, TakesFiles):
                staging.took(session.taken())
        staging.close()
    finally:
        cache.close()


def _remind(source: Source | Replay, order: Order, cache: Base) -> None:
    if isinstance(source, Remembers):
        prints = {wanted.dataset.name: files.print_of(wanted) for wanted in order.wanted}
        source.remember([] if order.anew else files.known(cache, order.name, prints))


class _Pulling:
    """One dataset on its way from the source into the staging file."""

    def __init__(self, session: Session, wanted: Wanted, staging: Staging, lookups: Lookups, pipe: Connection) -> None:
        self._session, self._wanted, self._asked = session, wanted, wanted.asked
        self._lookups, self._pipe = lookups, pipe
        constants = _constants(wanted)
        self._derive = Derivation(wanted, constants, lookups.tables(wanted))
        self._stage = staging.begin(wanted.dataset, self._derive.fields, constants)
        self._validate = Validator(
            self._asked, is_gone=self._derive.is_gone, needed_of_gone=self._derive.needed_of_gone
        )
        self._keeper = Keeper(wanted, self._derive, constants, staging.codes)
        self._pulled, self._gone, self._told, self._blind = 0, 0, 0.0, False
        self._gone_sums: Counter[str] = Counter()

    def dataset(self) -> None:
        began, asked = time.monotonic(), self._asked
        totals = stated(self._wanted, self._session.totals(asked) if asked.since is None else None)
        watermark = self._rows(totals)
        noted = self._keys_of_gone(self._wanted.shaping.gone)
        if watermark and noted and comparable(watermark, noted):
            noted = max(watermark, noted)  # both were read at the same moment
        shaping, brings = self._wanted.shaping, self._brings()
        self._refused_files()
        self._stage.finish(
            Staged(
                dataset=asked.dataset.name,
                mode="full" if asked.since is None and brings == "all" else "increment",
                pulled=self._pulled,
                rejected=self._stage.rejected,
                sums={name: kopecks + self._gone_sums[name] for name, kopecks in self._stage.sums.items()},
                source=msgspec.structs.replace(totals, sums={}) if totals and self._blind else totals,
                watermark=watermark,
                seconds=time.monotonic() - began,
                absent_ends=shaping.absent_ends and not self._a_file_is_at_fault(),
                gone=self._gone,
                untouched=brings == "nothing",
                mapping=files.print_of(self._wanted),
                gone_watermark=noted,
                beside=shaping.beside,
                match=shaping.match,
                match_days=shaping.match_days,
                months=self._stage.months,
            )
        )
        self._pipe.send(Progress(asked.dataset.name, self._pulled, self._pulled))

    def _rows(self, totals: Totals | None) -> str | None:
        """Stages every row; the greatest watermark."""
        watermark = self._asked.since
        for batch in self._session.pull(self._asked):
            derived = self._derive(self._validate(batch), where=batch.where)
            self._keeper.show(batch)
            if batch.replaces:
                self._stage.next_file(batch.where)
            self._stage.add(derived.rows, where=batch.where, know=self._keeper.of)
            if derived.gone_rows:
                self._stage.gone(derived.gone)
                self._gone += derived.gone_rows
            self._gone_sums.update(derived.gone_sums)
            self._blind = self._blind or derived.blind
            self._pulled += batch.rows + len(batch.faults)
            watermark = _greater(watermark, batch.watermark)
            if time.monotonic() - self._told > PROGRESS_SECONDS:
                self._told = time.monotonic()
                self._pipe.send(Progress(self._asked.dataset.name, self._pulled, totals.rows if totals else None))
        return watermark

    def _keys_of_gone(self, wish: Wanted | None) -> str | None:
        """Stages the keys that the table of deleted rows names; the greatest watermark."""
        if wish is None:
            return None
        derive, validate = Derivation(wish, _constants(wish), self._lookups.tables(wish)), Validator(wish.asked)
        watermark = wish.since
        for batch in self._session.pull(wish.asked):
            derived = derive(validate(batch), where=batch.where)
            self._stage.gone(derive.keys(derived))
            self._stage.reject(derived.rows.rejects, rows=0)
            watermark = _greater(watermark, batch.watermark)
        return watermark

    def _brings(self) -> str:
        return self._session.brings(self._asked) if isinstance(self._session, Partial) else "all"

    def _refused_files(self) -> None:
        """They lie on the desk as well, for a person has to look at them."""
        if isinstance(self._session, TakesFiles):
            for file in self._session.taken():
                if file.dataset == self._asked.dataset.name and file.fault is not None:
                    reject = Reject(row=0, key="", field="", value=file.name, reason=file.fault, where=file.name)
                    self._stage.reject([reject], rows=0)

    def _a_file_is_at_fault(self) -> bool:
        """What could not be read is not gone."""
        if not isinstance(self._session, TakesFiles):
            return False
        name = self._asked.dataset.name
        return any(file.fault is not None for file in self._session.taken() if file.dataset == name)


def _greater(one: str | None, other: str | None) -> str | None:
    return max(filter(None, (one, other)), default=None)


def _constants(wanted: Wanted) -> dict[str, Any]:
    """The constants in the record's form. Raises SettingsError when one is no value of its field's kind."""
    cells = {}
    for field in wanted.fields:
        if field.constant is not None:
            try:
                cells[field.name] = converter(field, wanted.time_zone)(field.constant)
            except Unfit as error:
                raise SettingsError(
                    f"{wanted.dataset.name}.{field.name}: constant «{field.constant}»: {error}"
                ) from error
    return cells
