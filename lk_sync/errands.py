"""Errands: what does the engine do beside walking jobs?

It says that it is there, writes to its operator, finds out what subscribers are to be told, carries letters, tells a
watcher of every good walk and keeps the figures for Prometheus. In threads of its own: no walk waits for any of it,
and no fault of it ends the timetable.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from importlib.metadata import version
from typing import Any, Final

from lk_sync import alerts, digest, logs, metrics
from lk_sync.clock import Clock
from lk_sync.config import Config
from lk_sync.errors import LkError, SettingsError
from lk_sync.flow.export import PushReport
from lk_sync.flow.run import RunReport
from lk_sync.heartbeat import Pulse
from lk_sync.mail.carrier import Carrier
from lk_sync.mail.post import Post
from lk_sync.mail.stationery import Stationery
from lk_sync.metrics import Figures, Window
from lk_sync.notices.crier import Crier
from lk_sync.public_name import PublicName
from lk_sync.schedules import Schedules
from lk_sync.settings_fault import hint
from lk_sync.store import engines
from lk_sync.store.database import Store

LOOK_SECONDS: float = 30.0
STOP_SECONDS: Final = 10.0
MOST_BEATS: Final = 8
AFTER_A_FAULT_SECONDS: Final = 5


class Errands:
    """`with` it while the timetable is walked. Raises SettingsError when what is set cannot be done."""

    def __init__(self, config: Config, timetable: Schedules, store: Store, *, clock: Clock) -> None:
        self._config, self._timetable, self._store, self._clock = config, timetable, store, clock
        self._name = socket.gethostname()
        self._post = _post(config, store, clock)
        self._pulse = _pulse(config, timetable)
        self._beats = 0
        self._is_silent = False
        self._digested: date | None = None
        self._stop = threading.Event()
        self._complained: set[str] = set()
        self._figures = _figures(config, timetable, store, clock)
        self._window = Window(config.lk.metrics, self._figures) if config.lk.metrics and self._figures else None

    def __enter__(self) -> Errands:
        if self._window is not None:
            self._window.open()
        self._attempt("presence", self._say_that_we_begin)
        self._loop = asyncio.new_event_loop()
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="errands", daemon=True),
            threading.Thread(target=self._keep_looking, name="watch", daemon=True),
            threading.Thread(target=self._keep_telling, name="crier", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if self._post is not None:
            asyncio.run_coroutine_threadsafe(_whatever_happens(self._post.run), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        if not self._loop.is_running():
            self._loop.close()
        if self._window is not None:
            self._window.close()
        self._attempt(
            "the end is noted",
            lambda: self._store.write_now(lambda tx: engines.ended(tx, engine=self._name, now=self._clock())),
        )

    def walked(self, name: str, seconds: float, ended: RunReport | PushReport | LkError | None) -> None:
        """A job was walked. `ended`: its report, or its error; None is a fault of ours."""
        if self._figures is not None:
            self._figures.walked(name, seconds, ended)
        if isinstance(ended, PushReport) or (isinstance(ended, RunReport) and ended.state != "held"):
            self._tell_the_watcher(name)

    def _tell_the_watcher(self, name: str) -> None:
        heartbeat = self._config.lk.heartbeat
        if self._pulse is None or heartbeat is None or (heartbeat.jobs and name not in heartbeat.jobs):
            return
        asyncio.run_coroutine_threadsafe(self._beat(self._pulse), self._loop)

    async def _beat(self, pulse: Pulse) -> None:
        """A watcher that never answers does not make us collect beats. Counted in one thread only, the loop's."""
        if self._beats >= MOST_BEATS:
            return
        self._beats += 1
        try:
            await pulse.beat()
        except LkError as error:
            if not self._is_silent:
                logs.get().warning("heartbeat failed", reason=str(error))
            self._is_silent = True
        else:
            if self._is_silent:
                logs.get().info("heartbeat is well again", host=pulse.host)
            self._is_silent = False
        finally:
            self._beats -= 1

    def _keep_looking(self) -> None:
        while not self._stop.is_set():
            self._attempt("presence", self._say_that_we_are_there)
            if self._config.lk.alerts is not None:
                self._attempt("alerts", self._sweep)
                self._attempt("digest", self._digest)
            if self._window is not None:
                self._attempt("metrics", self._window.write)
            self._stop.wait(LOOK_SECONDS)

    def _keep_telling(self) -> None:
        """What subscribers are to be told; it may take long, so it is apart from what others wait for."""
        crier = Crier(self._config, self._store, clock=self._clock, stop=self._stop)
        while not self._stop.is_set():
            self._attempt("notifications", crier.look)
            self._stop.wait(LOOK_SECONDS)
        crier.close()

    def _attempt(self, what: str, work: Callable[[], Any]) -> None:
        """The store may be full or away: the next look comes. Said once for as long as it lasts."""
        try:
            work()
        except LkError as error:
            reason = str(error)
            self._complain(what, lambda: logs.get().warning("errand failed", errand=what, reason=reason))
        except Exception:  # a fault of ours must not end the others
            self._complain(what, lambda: logs.get().exception("errand failed", errand=what))
        else:
            self._complained.discard(what)

    def _complain(self, what: str, say: Callable[[], None]) -> None:
        if what not in self._complained:
            say()
        self._complained.add(what)

    def _say_that_we_begin(self) -> None:
        self._store.write_now(
            lambda tx: engines.began(tx, engine=self._name, version=version("lk-sync"), now=self._clock())
        )

    def _say_that_we_are_there(self) -> None:
        self._store.write_now(lambda tx: engines.seen(tx, engine=self._name, now=self._clock()))

    def _sweep(self) -> None:
        alerts.sweep(self._config, self._timetable, self._store, self._clock())

    def _digest(self) -> None:
        now = self._clock()
        today = now.astimezone(self._config.lk.zone).date()
        if today != self._digested and digest.write_if_due(self._config, self._timetable, self._store, now):
            self._digested = today


def checked(config: Config, timetable: Schedules) -> str:
    """What is set of it. Raises SettingsError when something of it cannot be done."""
    said = []
    if (alerts_ := config.lk.alerts) is not None:
        _letters(config)
        said.append(f"письма: {', '.join(alerts_.to)}")
    if (pulse := _pulse(config, timetable)) is not None:
        said.append(f"сторож: {pulse.host}")
    if config.lk.metrics is not None:
        said.append(f"показатели: {metrics.checked(config.lk.metrics)}")
    return "; ".join(said)


def _figures(config: Config, timetable: Schedules, store: Store, clock: Clock) -> Figures | None:
    if config.lk.metrics is None:
        return None
    metrics.checked(config.lk.metrics)
    return Figures(config, timetable, store, clock)


def _post(config: Config, store: Store, clock: Clock) -> Post | None:
    """Where an operator is to be told, the letters are carried here too: the portal may be what is down."""
    if config.lk.alerts is None:
        return None
    stationery, carrier = _letters(config)
    return Post(store, clock, stationery, carrier)


def _letters(config: Config) -> tuple[Stationery, Carrier]:
    mail = config.lk.mail
    assert mail is not None  # noqa: S101 - without it no settings with `alerts` are read
    hostname = PublicName(config.lk.portal).hostname
    carrier = Carrier(mail, hostname=hostname, environment=config.environment)
    return Stationery(config.folder / "letters", config.lk, mail), carrier


def _pulse(config: Config, timetable: Schedules) -> Pulse | None:
    heartbeat = config.lk.heartbeat
    if heartbeat is None:
        return None
    for name in heartbeat.jobs:
        if name not in timetable.jobs:
            raise SettingsError(f"heartbeat.jobs: в расписании нет задания «{name}»{hint(name, timetable.jobs)}")
    return Pulse(config, heartbeat)


async def _whatever_happens(work: Callable[[], Any]) -> None:
    while True:
        try:
            await work()
        except Exception:
            logs.get().exception("errand failed", errand="letters")
        await asyncio.sleep(AFTER_A_FAULT_SECONDS)


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
