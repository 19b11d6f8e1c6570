"""MariaDB: which other SQL server may an accounting system keep its books in?

A throw-away MariaDB on a free loopback port that speaks only TLS, with a certificate of its own authority. It is made
for one use and removed with its folder, so it does not wait for the disk. It goes down with the process that started
it, even if that one is killed.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pymysql
from pymysql.constants import CLIENT

from demo.certificates import Authority, ServerCertificate
from demo.daemon import end, free_port, give_to, thrown_away, words_as

SERVER_USER = "mysql"  # MariaDB refuses to run as root
START_SECONDS = 30

SETTINGS = """
[mariadbd]
bind-address = 127.0.0.1,127.0.0.2
port = {port}
socket = {folder}/socket
pid-file = {folder}/pid
datadir = {folder}/data
tmpdir = {folder}
ssl-ca = {folder}/ca.pem
ssl-cert = {folder}/server.pem
ssl-key = {folder}/server.key
tls_version = TLSv1.2,TLSv1.3
require_secure_transport = ON
character_set_server = utf8mb4
skip-log-bin
skip-name-resolve
innodb_flush_log_at_trx_commit = 2
innodb_buffer_pool_size = 128M
innodb_log_file_size = 64M
innodb_flush_method = nosync
sync_frm = OFF
max_connections = 40
lc_messages = en_US
"""


class NotInstalled(RuntimeError):
    """There are no MariaDB server programs on this machine."""


class MariaDb:
    """One server. `host`, `port` and `ca` are what a client needs besides a name and a password."""

    host = "127.0.0.1"
    other_address = "127.0.0.2"  # the server answers there too, but its certificate does not name it

    def __init__(self, folder: Path, authority: Authority) -> None:
        if shutil.which("mariadb-install-db") is None:
            raise NotInstalled("нет программ сервера MariaDB: установите пакет mariadb-server")
        self.folder = folder
        self.authority = authority
        self.ca = authority.ca
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._make(authority)

    def _make(self, authority: Authority) -> None:
        give_to(SERVER_USER, self.folder)
        (self.folder / "my.cnf").write_text(SETTINGS.format(port=self.port, folder=self.folder))
        shutil.copy(authority.ca, self.folder / "ca.pem")
        give_to(SERVER_USER, self.folder / "ca.pem")
        self.show(authority.issue("mariadb"))
        made = subprocess.run(
            [
                *words_as(SERVER_USER), "mariadb-install-db", f"--defaults-file={self.folder / 'my.cnf'}",
                "--skip-test-db", "--auth-root-authentication-method=normal",
            ],
            capture_output=True, text=True, check=False, cwd=self.folder,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db: {made.stdout[-2000:]}{made.stderr[-2000:]}")

    def show(self, certificate: ServerCertificate) -> None:
        """Present this certificate from the next start, or `reload`, on."""
        for source, name in ((certificate.certificate, "server.pem"), (certificate.key, "server.key")):
            shutil.copy(source, self.folder / name)
            give_to(SERVER_USER, self.folder / name)

    def reload(self) -> None:
        """Take up what `show` was given last."""
        self.run("FLUSH SSL")

    def start(self) -> None:
        """Start and wait until connections are taken. Raises RuntimeError with the server's own words."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words_as(SERVER_USER), "mariadbd", f"--defaults-file={self.folder / 'my.cnf'}"],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the server when its clients are done
            )
        deadline = time.monotonic() + START_SECONDS
        while not (self.folder / "pid").exists() or not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"MariaDB не запустилась:\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except RuntimeError:
            return False
        return True

    def run(self, script: str, *, database: str | None = None) -> str:
        """Statements in a session of their own as the server's own administrator, through its socket; the answers'
        rows, a line each, with tabs between the cells. Raises RuntimeError with the server's words."""
        try:
            with (
                pymysql.connect(
                    unix_socket=str(self.folder / "socket"),
                    user="root",
                    database=database,
                    charset="utf8mb4",
                    ssl_disabled=True,  # it would read all authorities of the machine each time
                    autocommit=True,
                    client_flag=CLIENT.MULTI_STATEMENTS,
                ) as admin,
                admin.cursor() as ask,
            ):
                ask.execute(script)
                rows = list(ask.fetchall())
                while ask.nextset():
                    rows += ask.fetchall()
        except pymysql.Error as error:
            raise RuntimeError(str(error)) from error
        return "".join("\t".join(map(str, row)) + "\n" for row in rows)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server; SIGKILL is a crash. Safe to repeat."""
        if self._process is None:
            return
        end(self._process, how)
        self._process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", errors="replace")

    def version(self) -> str:
        return self.run("SELECT version()").strip()

    def create_database(self, name: str, *, charset: str = "utf8mb4") -> None:
        """An empty base. An old one of the name is dropped."""
        own = quoted(name)
        self.run(f"DROP DATABASE IF EXISTS {own}; CREATE DATABASE {own} CHARACTER SET {charset};")

    def create_reader(self, database: str, name: str, password: str) -> None:
        """A user who may read every table of `database` and change nothing. Safe to repeat."""
        pattern = database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
        self.run(
            f"CREATE OR REPLACE USER {literal(name)}@'%' IDENTIFIED BY {literal(password)} REQUIRE SSL;"
            f"GRANT SELECT, SHOW VIEW ON {quoted(pattern)}.* TO {literal(name)}@'%';"
        )


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def literal(text: str | None) -> str:
    """A constant of a script, under the server's usual SQL mode."""
    return "NULL" if text is None else "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def throw_away() -> AbstractContextManager[MariaDb]:
    """A running server with an authority of its own; both are gone afterwards."""
    return thrown_away(MariaDb, "mariadb")
