"""Metrics: which figures does Prometheus read of the engine?

Counters and durations of what this engine has walked, and gauges that are read from store and cache when somebody asks
(at most once in a few seconds). Labels are names out of the settings and a fixed set of states: nothing that a source
or a subscriber has said. Served on a loopback address only, for there is neither password nor TLS: elsewhere the file
for node_exporter, or a proxy of one's own.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from lk_sync import status
from lk_sync.clock import Clock, moment
from lk_sync.config import Config, Metrics
from lk_sync.errors import LkError, SettingsError
from lk_sync.flow.export import PushReport
from lk_sync.flow.run import RunReport
from lk_sync.schedules import Schedules
from lk_sync.status import Seen
from lk_sync.store import letters, outbox
from lk_sync.store.database import Store

KEPT_SECONDS: Final = 5.0
SECONDS: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 10800)
OUTBOX: Final = ("waiting", "batched", "exported", "confirmed", "rejected", "superseded")
LETTERS: Final = ("waiting", "sending", "sent", "failed", "uncertain")
ROWS: Final = ("pulled", "rejected", "inserted", "updated", "ended")


class Figures:
    """What is counted while the timetable is walked."""

    def __init__(self, config: Config, timetable: Schedules, store: Store, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._walks = Counter("lk_walks", "Walks of jobs by their end", ("job", "state"), registry=self.registry)
        self._seconds = Histogram(
            "lk_walk_seconds", "How long walks took", ("job",), buckets=SECONDS, registry=self.registry
        )
        self._rows = Counter(
            "lk_rows", "Rows of pulls, by what became of them", ("job", "dataset", "what"), registry=self.registry
        )
        self._items = Counter("lk_items", "Items of deliveries", ("job", "what"), registry=self.registry)
        self.registry.register(_Looking(config, timetable, store, clock))

    def walked(self, name: str, seconds: float, ended: RunReport | PushReport | LkError | None) -> None:
        """`ended`: the report, or the error; None is a fault of ours."""
        self._seconds.labels(name).observe(seconds)
        match ended:
            case RunReport():
                self._walks.labels(name, ended.state).inc()
                for dataset in ended.datasets:
                    for what in ROWS:
                        self._rows.labels(name, dataset.dataset, what).inc(getattr(dataset, what))
            case PushReport():
                self._walks.labels(name, "pushed").inc()
                for what in ("exported", "confirmed", "rejected", "stray"):
                    self._items.labels(name, what).inc(getattr(ended, what))
            case _:
                self._walks.labels(name, type(ended).__name__ if ended is not None else "fault").inc()


class Window:
    """Shows the figures where the settings say. Raises SettingsError when they cannot be shown there."""

    def __init__(self, metrics: Metrics, figures: Figures) -> None:
        self._metrics, self._figures = metrics, figures
        self._server: Any = None

    def open(self) -> None:
        metrics = self._metrics
        if metrics.port is not None:
            try:
                self._server, _ = start_http_server(metrics.port, metrics.listen, registry=self._figures.registry)
            except OSError as error:
                where = f"{metrics.listen}:{metrics.port}"
                raise SettingsError(
                    f"metrics: слушать {where} нельзя ({error.strerror}); задайте другой port"
                ) from error

    def write(self) -> None:
        """The file, if one is wanted: whole or not at all, and for a node_exporter that is another user."""
        if (file := self._metrics.textfile) is not None:
            part = file.with_name(f".{file.name}.part")
            part.write_bytes(generate_latest(self._figures.registry))
            part.chmod(0o644)
            part.replace(file)

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def checked(metrics: Metrics) -> str:
    """Where the figures are shown. Raises SettingsError for a place that others could see."""
    if metrics.port is None and metrics.textfile is None:
        raise SettingsError("metrics: задайте port, textfile или оба")
    if metrics.port is not None and not _is_loopback(metrics.listen):
        raise SettingsError(
            f"metrics.listen: {metrics.listen} виден из сети, а показатели не защищены ни паролем, ни TLS; "
            "оставьте 127.0.0.1 и отдавайте их файлом (metrics.textfile) или через свой прокси"
        )
    if metrics.textfile is not None and not metrics.textfile.parent.is_dir():
        raise SettingsError(f"metrics.textfile: нет папки {metrics.textfile.parent}")
    places = [f"{metrics.listen}:{metrics.port}"] if metrics.port is not None else []
    return ", ".join([*places, *([str(metrics.textfile)] if metrics.textfile else [])])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Looking:
    """Gauges of how things stand; what was seen is kept for some seconds, however many ask."""

    def __init__(self, config: Config, timetable: Schedules, store: Store, clock: Clock) -> None:
        self._config, self._timetable, self._store, self._clock = config, timetable, store, clock
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._until = 0.0

    def describe(self) -> list[Metric]:
        """Nothing is asked when we are registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = list(self._look())
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept

    def _look(self) -> Iterator[Metric]:
        """A store or cache that cannot be read shows itself as `lk_up 0`."""
        now = self._clock()
        try:
            seen = status.look(self._config, self._store, now, timetable=self._timetable)
            items, mail = self._store.read(outbox.tally), self._store.read(letters.tally)
        except LkError:
            yield _gauge("lk_up", "Whether store and cache can be read", 0)
            return
        yield _gauge("lk_up", "Whether store and cache can be read", 1)
        yield _by("lk_info", "The program", ("version",), [((seen.version,), 1)])
        yield from _of_jobs(seen, self._timetable.jobs)
        yield from _of_data(seen, now.timestamp())
        yield _by("lk_outbox_items", "Items by state", ("state",), [((s,), items.get(s, 0)) for s in OUTBOX])
        yield _gauge("lk_outbox_unanswered_items", "Items that should have been answered", seen.outbox.unanswered)
        yield _by("lk_letters", "Letters by state", ("state",), [((s,), mail.get(s, 0)) for s in LETTERS])
        yield from _of_disk(seen)
        kinds = [trouble.kind for trouble in seen.troubles]
        yield _by("lk_troubles", "What needs a person", ("kind",), [((k,), kinds.count(k)) for k in sorted(set(kinds))])


def _of_jobs(seen: Seen, jobs: Iterable[str]) -> Iterator[Metric]:
    def of(name: str, help_: str, value: Callable[[status.JobSeen], float | None]) -> Metric:
        found = [((job.job,), value(job)) for job in seen.jobs]
        return _by(name, help_, ("job",), [(label, figure) for label, figure in found if figure is not None])

    held = {run.job for run in seen.held}
    yield of("lk_last_success_timestamp_seconds", "The last good try", lambda job: _seconds(job.good_at))
    yield of("lk_last_try_timestamp_seconds", "The last try", lambda job: _seconds(job.started_at))
    yield of("lk_next_start_timestamp_seconds", "The next regular start", lambda job: _seconds(job.next_start))
    yield of("lk_failures", "Failures in a row", lambda job: job.failures)
    yield _by("lk_held", "Whether a run waits for a person", ("job",), [((job,), int(job in held)) for job in jobs])


def _of_data(seen: Seen, now: float) -> Iterator[Metric]:
    places = [((d.source, d.dataset), now - (_seconds(d.as_of) or now)) for d in seen.datasets]
    yield _by("lk_data_age_seconds", "Age of what subscribers see", ("source", "dataset"), places)
    open_rejects = [((d.source, d.dataset), d.rejects) for d in seen.datasets]
    yield _by("lk_rejects", "Cells that could not be taken and are not settled", ("source", "dataset"), open_rejects)
    since = [((out.does, out.peer), now - (_seconds(out.since) or now)) for out in seen.outages]
    yield _by("lk_outage_seconds", "How long a peer could not be reached", ("does", "peer"), since)


def _of_disk(seen: Seen) -> Iterator[Metric]:
    disk = seen.disk
    yield _gauge("lk_disk_free_bytes", "Room on the disk of our data", disk.free_bytes)
    yield _gauge("lk_cache_bytes", "Size of the cache", disk.cache_bytes)
    yield _gauge("lk_store_bytes", "Size of the store", disk.store_bytes)


def _seconds(instant: str | None) -> float | None:
    return moment(instant).timestamp() if instant else None


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _by(name: str, help_: str, labels: tuple[str, ...], figures: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for label, value in figures:
        family.add_metric(label, value)
    return family
