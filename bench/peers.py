"""Peers: which other programs take the same rows to SQLite, and how are they told to?

Each lives in an environment of its own under `.bench/`, made by `install` from the versions named here.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from bench.charges import PASSWORD, READER, Charges

ROOT: Final = Path(__file__).parents[1]
ENVIRONMENTS: Final = ROOT / ".bench"
LOADERS: Final = Path(__file__).with_name("loaders")
KEY: Final = ("account", "period", "service", "component")

Task = Literal["full", "increment"]
Command = Callable[["Peer", Charges, Path, Task], list[str | Path]]


QUIET: Final = {
    "SLING_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
}


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """`command` loads everything into a file that is not there yet, or brings an existing one up to date.

    `total`: an SQL expression for the sum of the totals in what it has written, in kopecks."""

    name: str
    environment: str
    requirements: tuple[str, ...]
    command: Command
    debian: tuple[str, ...] = ()  # packages it calls programs of; unpacked into the environment, not installed
    tasks: tuple[Task, ...] = ("full",)
    total: str = "SUM(CAST(ROUND(total * 100) AS INTEGER))"

    @property
    def folder(self) -> Path:
        return ENVIRONMENTS / self.environment

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self) -> None:
        """Make the environment, if it is not there with these very requirements."""
        stamp = self.folder / "requirements"
        wanted = "\n".join(self.requirements + self.debian)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", self.folder], check=True)
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", *self.requirements], check=True)
        for package in self.debian:
            subprocess.run(["apt-get", "download", "--quiet", package], check=True, cwd=self.folder)
            (archive,) = self.folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg", "-x", archive, self.folder / "debian"], check=True)
        stamp.write_text(wanted)

    @property
    def env(self) -> dict[str, str]:
        return {"SQLITE_PATH": str(self.folder / "debian" / "usr" / "bin" / "sqlite3")} | QUIET

    def versions(self) -> str:
        named = [requirement.partition("==")[0].partition("[")[0] for requirement in self.requirements]
        code = f"from importlib.metadata import version\nprint(*(n + ' ' + version(n) for n in {named!r}), sep=', ')"
        done = subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True)
        return done.stdout.strip()


def _duckdb(peer: Peer, charges: Charges, target: Path, task: Task) -> list[str | Path]:
    server = charges.server
    where = f"host={server.host} port={server.port} dbname=accounting user={READER} password={PASSWORD}"
    trust = f"sslmode=verify-full sslrootcert={server.ca}"
    return [peer.python, LOADERS / "duckdb_load.py", f"{where} {trust}", target]


def _sling(peer: Peer, charges: Charges, target: Path, task: Task) -> list[str | Path]:
    (program,) = peer.folder.glob("lib/python3*/site-packages/sling_linux_amd64/bin/sling-linux-amd64")
    program.chmod(0o755)
    command = [program, "run", "--src-conn", charges.url, "--src-stream", "public.charges"]
    command += ["--tgt-conn", f"sqlite://{target}", "--tgt-object", "main.charges"]
    if task == "full":
        return [*command, "--mode", "full-refresh"]
    return [*command, "--mode", "incremental", "--primary-key", ",".join(KEY), "--update-key", "changed"]


def _dlt(backend: str) -> Command:
    def command(peer: Peer, charges: Charges, target: Path, task: Task) -> list[str | Path]:
        state = target.with_suffix(f".{backend}")
        # connectorx knows no `verify-full`: it is given the easier `require`.
        url = charges.url.replace("verify-full", "require") if backend == "connectorx" else charges.url
        return [peer.python, LOADERS / "dlt_load.py", url, target, backend, state]

    return command


def _db_to_sqlite(peer: Peer, charges: Charges, target: Path, task: Task) -> list[str | Path]:
    return [peer.folder / "bin" / "db-to-sqlite", charges.url, target, "--table", "charges"]


DLT: Final = (
    "dlt[sql_database]==1.31.0",
    "sqlalchemy==2.0.44",
    "alembic",
    "connectorx==0.4.6",
    "pyarrow",
    "pandas",
    "psycopg2-binary",
)

PEERS: Final = (
    Peer(
        name="DuckDB ATTACH, keyed, integers",
        environment="duckdb",
        requirements=(
            "duckdb==1.5.5",
            "duckdb-extension-postgres-scanner==1.5.5",
            "duckdb-extension-sqlite-scanner==1.5.5",
        ),
        command=_duckdb,
        total="SUM(total)",
    ),
    Peer(
        name="sling",
        environment="sling",
        requirements=("sling-linux-amd64==1.4.11",),  # the last one that pip brings whole; later ones fetch a program
        debian=("sqlite3",),  # which it loads SQLite with; without it, row by row, it is seven times slower
        command=_sling,
        tasks=("full", "increment"),
    ),
    Peer(name="dlt, connectorx", environment="dlt", requirements=DLT, command=_dlt("connectorx")),
    Peer(name="dlt, pyarrow", environment="dlt", requirements=DLT, command=_dlt("pyarrow")),
    Peer(name="dlt, sqlalchemy", environment="dlt", requirements=DLT, command=_dlt("sqlalchemy")),
    Peer(
        name="db-to-sqlite",
        environment="db-to-sqlite",
        requirements=("db-to-sqlite==1.5", "sqlalchemy==2.0.44", "psycopg2-binary"),
        command=_db_to_sqlite,
    ),
)
