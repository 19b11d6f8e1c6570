"""Firebird: which third SQL server may an accounting system keep its books in?

A throw-away Firebird 3 on a free loopback port, with a folder, a security base and a configuration of its own; it
demands SRP and an encrypted wire. It is made for one use and removed with its folder. It goes down with the process
that started it, even if that one is killed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from demo.daemon import end, free_port, give_to, words_as

SERVER_USER = "firebird"
ADMIN = "SYSDBA"
START_SECONDS = 30
PROGRAM: Final = Path("/usr/sbin/firebird")
PARTS: Final = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "firebird" / "3.0"
LINKED: Final = ("plugins", "lib", "firebird.msg")
INTL: Final = "libfbintl.so"  # of the character sets; a link to it is not followed

SETTINGS: Final[Mapping[str, str]] = {
    "RemoteBindAddress": "127.0.0.1",  # with `firebird -p` it would listen to everybody
    "AuthServer": "Srp256, Srp",
    "UserManager": "Srp",
    "WireCrypt": "Required",
    "ServerMode": "Super",
    "IpcName": "lk",
    "MaxUnflushedWrites": "-1",
}


class NotInstalled(RuntimeError):
    """There are no Firebird server programs on this machine."""


class Firebird:
    """One server. `host` and `port` are what a client needs besides a base, a name and a password."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, **other: str) -> None:
        """`other`: settings of firebird.conf that differ from `SETTINGS`."""
        if not PROGRAM.exists() or shutil.which("isql-fb") is None:
            raise NotInstalled("нет программ сервера Firebird: установите пакет firebird3.0-server")
        self.folder = folder
        self.admin_password = secrets.token_urlsafe(12)
        self.port = free_port()
        self._settings = {**SETTINGS, **other}
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    def _make(self) -> None:
        for name in LINKED:
            (self.folder / name).symlink_to(PARTS / name)
        (self.folder / "intl").mkdir()
        shutil.copy(PARTS / "intl" / INTL, self.folder / "intl" / INTL)
        own = {
            **self._settings,
            "RemoteServicePort": str(self.port),
            "SecurityDatabase": str(self.security),
            "DatabaseAccess": f"Restrict {self.folder}",
        }
        (self.folder / "firebird.conf").write_text("".join(f"{key} = {value}\n" for key, value in own.items()))
        for name in ("databases.conf", "plugins.conf"):
            (self.folder / name).touch()
        self.folder.chmod(0o755)
        give_to(SERVER_USER, self.folder, *self.folder.rglob("*.conf"))
        self._embedded(
            f"CREATE DATABASE '{self.security}' USER {ADMIN}; COMMIT;"
            f"CREATE USER {ADMIN} PASSWORD '{self.admin_password}' USING PLUGIN Srp; COMMIT;"
        )

    @property
    def security(self) -> Path:
        return self.folder / "security3.fdb"

    def path(self, name: str) -> Path:
        """Of the base of that name."""
        return self.folder / f"{name}.fdb"

    def _environment(self) -> dict[str, str]:
        own = {name: str(self.folder) for name in ("FIREBIRD", "FIREBIRD_LOCK", "FIREBIRD_TMP")}
        return {**os.environ, **own}

    def _embedded(self, script: str) -> str:
        """A script of the server's own account, without a server."""
        return _isql([*words_as(SERVER_USER), "isql-fb", "-q", "-bail", "-user", ADMIN], script, self._environment())

    def start(self) -> None:
        """Start and wait until connections are taken. Raises RuntimeError with the server's own words."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words_as(SERVER_USER), PROGRAM],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the server when its clients are done
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"Firebird не запустился:\n{(self.folder / 'log').read_text(errors='replace')}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
            return True
        return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server; SIGKILL is a crash. Safe to repeat."""
        if self._process is None:
            return
        end(self._process, how)
        self._process = None

    def pause(self) -> None:
        """The server holds its breath: it neither answers nor hangs up."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(what)

    def run(self, script: str, *, database: str) -> str:
        """A script as the server's administrator; what it printed. Raises RuntimeError with the server's words."""
        words = ["isql-fb", "-q", "-bail", "-ch", "UTF8", "-user", ADMIN, "-password", self.admin_password]
        return _isql([*words, f"{self.host}/{self.port}:{self.path(database)}"], script, self._environment())

    def create_database(self, name: str, *, charset: str = "UTF8", dialect: int = 3) -> None:
        """An empty base. An old one of the name is dropped."""
        where = f"{self.host}/{self.port}:{self.path(name)}"
        login = f"USER '{ADMIN}' PASSWORD '{self.admin_password}'"
        if self.path(name).exists():
            _isql(["isql-fb", "-q"], f"CONNECT '{where}' {login}; DROP DATABASE;", self._environment())
        script = f"SET SQL DIALECT {dialect}; CREATE DATABASE '{where}' {login} DEFAULT CHARACTER SET {charset};"
        _isql(["isql-fb", "-q", "-bail"], script, self._environment())

    def create_reader(self, database: str, name: str, password: str) -> None:
        """A user who may do nothing until it is granted to him. Safe to repeat."""
        word = password.replace("'", "''")
        self.run(f"CREATE OR ALTER USER {name} PASSWORD '{word}' USING PLUGIN Srp; COMMIT;", database=database)


def _isql(command: list[str], script: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, input=script.encode(), capture_output=True, check=False, env=dict(environment))
    if done.returncode or b"Statement failed" in done.stderr:
        raise RuntimeError(f"isql-fb: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


@contextmanager
def throw_away(**other: str) -> Iterator[Firebird]:
    """A running server; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="lk-firebird-"))
    try:
        server = Firebird(folder, **other)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGKILL)  # asked kindly it may wait for clients that are gone
    finally:
        shutil.rmtree(folder)
