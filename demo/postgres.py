"""Postgres: what SQL base does the demo supplier's accounting system keep its books in?

A throw-away PostgreSQL cluster on a free loopback port that speaks only TLS, with a certificate of its own
authority. It is made by `initdb` for one use and removed with its folder: nothing in it is meant to survive, so it
does not wait for the disk. It goes down with the process that started it, even if that one is killed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from demo.certificates import Authority, ServerCertificate
from demo.daemon import end, free_port, give_to, thrown_away, words_as

SERVER_USER = "postgres"  # PostgreSQL refuses to run as root
ADMIN = "books"
START_SECONDS = 30

SETTINGS = """
listen_addresses = '127.0.0.1,127.0.0.2'
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
fsync = off
full_page_writes = off
max_connections = 40
shared_buffers = 128MB
max_wal_size = 2GB
log_line_prefix = '%m [%p] %u@%d '
"""

ACCESS = """
hostssl   all all 127.0.0.0/8 scram-sha-256
hostnossl all all all         reject
"""


class NotInstalled(RuntimeError):
    """There are no PostgreSQL server programs on this machine."""


def programs() -> Path:
    """The folder with `initdb` and `postgres`, of the newest installed version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NotInstalled("нет программ сервера PostgreSQL: установите пакет postgresql (apt install postgresql)")
    return found[-1].parent


class Postgres:
    """One cluster. `host`, `port` and `ca` are what a client needs besides a name and a password."""

    host = "127.0.0.1"
    other_address = "127.0.0.2"  # the server answers there too, but its certificate does not name it

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.authority = authority
        self.ca = authority.ca
        self.admin_password = secrets.token_urlsafe(16)
        self.port = free_port()
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._make(authority)

    def _make(self, authority: Authority) -> None:
        word = self.folder / "password"
        word.touch(mode=0o600)
        word.write_text(self.admin_password)
        give_to(SERVER_USER, self.folder, word)
        self._initdb(word)
        word.unlink()
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS}port = {self.port}\n")
        (self._data / "pg_hba.conf").write_text(ACCESS)
        self.show(authority.issue("postgres"))

    def _initdb(self, password: Path) -> None:
        where = ["-D", str(self._data), "-U", ADMIN, "--pwfile", str(password)]
        form = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [*words_as(SERVER_USER, end_with="INT"), str(programs() / "initdb"), *where, *form]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"initdb: {done.stderr}")

    def show(self, certificate: ServerCertificate) -> None:
        """Present this certificate from the next start, or `reload`, on."""
        for source, name in ((certificate.certificate, "server.pem"), (certificate.key, "server.key")):
            shutil.copy(source, self._data / name)
            give_to(SERVER_USER, self._data / name)

    def reload(self) -> None:
        """Take up what `show` was given last."""
        before = self._reloads()
        os.kill(self.process_id, signal.SIGHUP)
        deadline = time.monotonic() + START_SECONDS
        while self._reloads() == before and time.monotonic() < deadline:
            time.sleep(0.01)

    def _reloads(self) -> int:
        return self.log().count("received SIGHUP")

    def start(self) -> None:
        """Start and wait until connections are taken. Raises RuntimeError with the server's own words."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words_as(SERVER_USER, end_with="INT"), programs() / "postgres", "-D", self._data],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the server when its clients are done
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop("immediate")
                raise RuntimeError(f"PostgreSQL не запустился:\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and self._process is not None

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End the server: `fast` closes its sessions in good order, `immediate` is a crash. Safe to repeat."""
        if self._process is None:
            return
        end(self._process, signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._process = None

    @property
    def process_id(self) -> int:
        """Of the running server's parent process. Raises RuntimeError while it is stopped."""
        if self._process is None:
            raise RuntimeError("PostgreSQL не запущен")
        return self._process.pid

    def version(self) -> str:
        with self.connect() as admin:
            return str(admin.info.parameter_status("server_version"))

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def connect(self, database: str = "postgres", *, user: str = ADMIN, password: str = "") -> psycopg.Connection:
        """A connection over verified TLS, by default as the one who keeps the books. Autocommit."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=database,
            user=user,
            password=password or self.admin_password,
            sslmode="verify-full",
            sslrootcert=str(self.ca),
            client_encoding="utf-8",
            autocommit=True,
        )

    def create_database(self, name: str, *, encoding: str = "UTF8") -> None:
        """An empty base; locale C, so that any encoding fits. An old one of the name is dropped."""
        with self.connect() as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'").format(
                    sql.Identifier(name), sql.Literal(encoding)
                )
            )

    def create_reader(self, database: str, name: str, password: str) -> None:
        """A role that may read every table of `database`, also later ones, and change nothing. Safe to repeat."""
        reader = sql.Identifier(name)
        with self.connect() as admin:  # in UTF-8: a base of another encoding would store other bytes of the password
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(reader))
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(reader, sql.Literal(password)))
        with self.connect(database) as admin:
            for grant in (
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), reader),
                sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(reader),
                sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(reader),
                sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {}").format(reader),
            ):
                admin.execute(grant)


def throw_away() -> AbstractContextManager[Postgres]:
    """A running cluster with an authority of its own; both are gone afterwards."""
    return thrown_away(Postgres, "postgres")
