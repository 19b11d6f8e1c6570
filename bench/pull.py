"""Pull: how fast, by how much work and how exactly do a million charge lines get from the accounting base to the cache?

    python -m bench.pull [--rows 1000000] [--rounds 3] [--only NAME …] [--folder FOLDER]

Starts a throw-away PostgreSQL over TLS, fills it with the demo supplier's charge lines, and lets every program of
`bench.peers` and our own engine (psqlODBC → validated → staged → checked → published, journalled) read the same rows
over verified TLS in the same run. Peers are installed into `.bench/` first. Every result is checked, row count and
control sum, before a figure is printed. Medians; ratios are what to quote, seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from bench import measured
from bench.charges import DATABASE, PASSWORD, READER, Charges
from bench.measured import Cost
from bench.peers import PEERS, ROOT, Peer, Task
from demo.postgres import throw_away

OWN: Final = "lk-sync"
COLD: Final = "lk-sync, started for it"
LOADS, UNCHANGED, CHANGED = "full load", "nothing changed", "1 % changed"
CHANGED_PERCENT: Final = 1
SLOW: Final = ("dlt", "db-to-sqlite")  # measured once: a median of three would take longer than all the rest

Figures = dict[tuple[str, str], list[Cost]]


class Target(msgspec.Struct, frozen=True):
    """`ours` takes at most `most` times what the quickest of `peers` takes."""

    step: str
    peers: str
    most: float


TARGETS: Final = (
    Target(LOADS, "sling", 0.25),
    Target(LOADS, "dlt", 0.12),
    Target(LOADS, "DuckDB", 1.25),
    Target(UNCHANGED, "sling", 0.1),
    Target(CHANGED, "sling", 0.25),
)
MOST_MB: Final = 150


class Own:
    """Our engine with a configuration of its own in `folder`."""

    def __init__(self, folder: Path, charges: Charges) -> None:
        self._folder = folder
        self._charges = charges
        self._engine: measured.Running | None = None
        (folder / "sources").mkdir(parents=True)
        shutil.copy(ROOT / "config" / "lk.yaml", folder)
        setting = yaml.safe_load((ROOT / "config" / "sources" / "accounting.yaml").read_text("utf-8"))
        setting["datasets"] = {"charges": setting["datasets"]["charges"]}
        setting["connection"] = self._connection()
        (folder / "sources" / "accounting.yaml").write_text(yaml.safe_dump(setting, allow_unicode=True), "utf-8")

    def _connection(self) -> dict[str, object]:
        server = self._charges.server
        return {
            "host": server.host,
            "port": server.port,
            "database": DATABASE,
            "username": READER,
            "password": {"secret": "BENCH_PASSWORD"},
            "tls": "verify-full",
            "ca": str(server.ca),
        }

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def forget(self) -> None:
        """A full load begins with nothing."""
        shutil.rmtree(self._data, ignore_errors=True)

    def walk(self, task: Task, server: int) -> Cost:
        """What a walk of the running engine costs."""
        served = measured.cpu_of_ended_children(server)
        if self._engine is None:
            self._engine = measured.Running(self._command(), env=self._env)
        answer, peak_mb = self._engine.ask(task)
        said = msgspec.json.decode(answer)
        server_cpu = measured.cpu_of_ended_children(server) - served
        return Cost(wall=said["wall"], cpu=said["cpu"], peak_mb=peak_mb, server_cpu=server_cpu, output=str(said))

    def walk_cold(self, task: Task, server: int) -> Cost:
        """What it costs with the start of a program for it."""
        return measured.run(self._command(task), env=self._env, server=server)

    def _command(self, *task: str) -> list[str | Path]:
        return [sys.executable, "-m", "bench.own_pull", self._folder, *task]

    @property
    def _env(self) -> dict[str, str]:
        return {"LK_BENCH_PASSWORD": PASSWORD, "LK_DATA_DIR": str(self._data)}

    def end(self) -> None:
        if self._engine is not None:
            self._engine.end()

    def check(self) -> None:
        key = "SELECT COUNT(*), SUM(total_kopecks) FROM charges"
        _compare(OWN, _one(self._data / "cache.db", key), self._charges.amount())


class Bench:
    """One run of everything."""

    def __init__(self, charges: Charges, folder: Path, peers: Iterable[Peer], server: int, say: Callable[[str], None]):
        self._charges, self._folder, self._server, self._say = charges, folder, server, say
        self._peers = list(peers)
        self._own = Own(folder / "config", charges)
        self.figures: Figures = {}

    def run(self, rounds: int) -> None:
        try:
            for round_ in range(rounds):
                self._own.forget()
                self._walk_own(LOADS, "full")
                for peer in self._peers:
                    if round_ == 0 or not peer.name.startswith(SLOW):
                        self._run_peer(peer, LOADS, "full")
            for _ in range(rounds):
                self._both(UNCHANGED)
            for _ in range(rounds):
                self._change()
                self._both(CHANGED)
            self._started_for_it(rounds)
        finally:
            self._own.end()

    def _change(self) -> None:
        self._say(f"changed {self._charges.change(CHANGED_PERCENT)} lines")

    def _both(self, step: str) -> None:
        self._walk_own(step, "increment")
        for peer in self._peers:
            if "increment" in peer.tasks:
                self._run_peer(peer, step, "increment")

    def _started_for_it(self, rounds: int) -> None:
        """The same three steps by a program that is started for each."""
        for _ in range(rounds):
            self._own.forget()
            self._note(COLD, LOADS, self._own.walk_cold("full", self._server))
            self._note(COLD, UNCHANGED, self._own.walk_cold("increment", self._server))
            self._change()
            self._note(COLD, CHANGED, self._own.walk_cold("increment", self._server))
            self._own.check()

    def _walk_own(self, step: str, task: Task) -> None:
        cost = self._own.walk(task, self._server)
        self._own.check()
        self._note(OWN, step, cost)
        self._say(cost.output)

    def _run_peer(self, peer: Peer, step: str, task: Task) -> None:
        target = self._folder / f"{peer.name.replace(' ', '-').replace(',', '')}.db"
        if task == "full":
            target.unlink(missing_ok=True)
        cost = measured.run(peer.command(peer, self._charges, target, task), env=peer.env, server=self._server)
        _compare(peer.name, _one(target, f"SELECT COUNT(*), {peer.total} FROM charges"), self._charges.amount())
        self._note(peer.name, step, cost)

    def _note(self, name: str, step: str, cost: Cost) -> None:
        self.figures.setdefault((step, name), []).append(cost)
        self._say(f"{step}: {name}: {cost.wall:.2f} s")

    def exact(self, name: str) -> str:
        """Whether the money lies there as whole numbers or as decimal text, and not as binary fractions."""
        if name in (OWN, COLD):
            return "yes"
        path = self._folder / f"{name.replace(' ', '-').replace(',', '')}.db"
        kind = sqlite3.connect(path).execute("SELECT group_concat(DISTINCT typeof(total)) FROM charges").fetchone()[0]
        return {"integer": "yes", "text": "as text"}.get(kind, f"no ({kind})")


def _one(path: Path, query: str) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    try:
        rows, kopecks = connection.execute(query).fetchone()
    finally:
        connection.close()
    return int(rows), int(kopecks)


def _compare(name: str, found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != expected:
        raise SystemExit(f"{name}: {found[0]} rows, {found[1]} kopecks; the base has {expected[0]}, {expected[1]}")


def report(bench: Bench, rows: int, console: Console) -> None:
    for step in (LOADS, UNCHANGED, CHANGED):
        console.print(_table(bench, step, rows))
    for target in TARGETS:
        ours = _median(bench.figures[step_of(target), OWN])
        others = [_median(c) for (step, name), c in bench.figures.items() if _is(target, step, name)]
        if others:
            ratio = ours / min(others)
            verdict = "reached" if ratio <= target.most else "MISSED"
            console.print(f"{target.step}: {ratio:.3f} × {target.peers}'s best, wanted ≤ {target.most}: {verdict}")
    peak = max(cost.peak_mb for (_, name), costs in bench.figures.items() if name == OWN for cost in costs)
    console.print(f"peak memory {peak:.0f} MB, wanted ≤ {MOST_MB}: {'reached' if peak <= MOST_MB else 'MISSED'}")


def step_of(target: Target) -> str:
    return target.step


def _is(target: Target, step: str, name: str) -> bool:
    return step == target.step and name.startswith(target.peers)


def _median(costs: list[Cost]) -> float:
    return statistics.median(cost.wall for cost in costs)


def _table(bench: Bench, step: str, rows: int) -> Table:
    table = Table(title=step, title_justify="left")
    for heading in ("program", "wall s", "of ours", "CPU s", "server CPU s", "peak MB", "rows/s", "money exact"):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    ours = _median(bench.figures[step, OWN])
    for (at, name), costs in bench.figures.items():
        if at == step:
            wall = _median(costs)
            middle = min(costs, key=lambda cost: abs(cost.wall - wall))
            figures = [f"{wall:.2f}", f"{wall / ours:.2f} ×", f"{middle.cpu:.2f}", f"{middle.server_cpu:.2f}"]
            per_second = f"{rows / wall:,.0f}".replace(",", " ") if step == LOADS else ""
            table.add_row(name, *figures, f"{middle.peak_mb:.0f}", per_second, bench.exact(name))
    return table


def _versions(peers: Iterable[Peer], server: str) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("pyodbc", "msgspec"))
    driver = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "odbc-postgresql"], capture_output=True, text=True, check=False
    ).stdout
    own = f"Python {platform.python_version()}, {libraries}, psqlODBC {driver}, SQLite {sqlite3.sqlite_version}"
    there = {peer.environment: peer.versions() for peer in peers}
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}"
    return "\n".join([f"{machine}; PostgreSQL {server}", own, *there.values()])


def main() -> None:
    parser = argparse.ArgumentParser(description="lk-sync beside other programs: PostgreSQL over TLS → SQLite")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="peers whose name begins so")
    parser.add_argument("--folder", type=Path, help="where the results lie (default: a temporary one)")
    options = parser.parse_args()
    console = Console(width=120)
    peers = [peer for peer in PEERS if not options.only or peer.name.startswith(tuple(options.only))]
    for peer in peers:
        peer.install()
    with tempfile.TemporaryDirectory(prefix="lk-bench-", dir=options.folder) as folder, throw_away() as server:
        charges = Charges(server, options.rows)
        rows, kopecks = charges.amount()
        console.print(_versions(peers, server.version()))
        console.print(f"{rows} charge lines, totals {kopecks} kopecks")
        bench = Bench(charges, Path(folder), peers, server.process_id, lambda text: console.print(text, style="dim"))
        bench.run(options.rounds)
        report(bench, rows, console)
        charges.close()


if __name__ == "__main__":
    main()
