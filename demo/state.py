"""State: what does the demo keep between two starts, and where?

Everything lies in one folder that may be deleted at any time. A plan that no longer fits (another number of accounts,
another month) makes the demo begin anew: the books of another month would be other books.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from demo.supplier import Plan

SEED: Final = 20_261_123


class AlreadyRunning(RuntimeError):
    """Another demo plays in this folder."""


class State:
    """The folder's layout. `plan` is kept, passwords are made anew at every start."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config"
        self.data = root / "data"
        self.drop = root / "drop"
        self.letters = root / "letters"
        self.logs = root / "logs"
        self.secrets = root / "secrets"
        self.journal = root / "journal.jsonl"
        self.accountant = root / "accountant.db"
        self._plan = root / "plan.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder is ours while the block runs. Raises AlreadyRunning."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(f"в папке {self.root} уже работает другая демонстрация") from None
            yield

    def settle(self, accounts: int, today: date) -> Plan:
        """The plan to play by: the kept one if it still fits, else a new one in an emptied folder."""
        wanted = Plan(seed=SEED, accounts=accounts, today=today)
        kept = self._kept()
        if kept is not None and (kept.accounts, kept.last_closed) == (accounts, wanted.last_closed):
            self._make_folders()
            return kept
        self._empty()
        self._make_folders()
        self._plan.write_bytes(msgspec.json.encode(wanted))
        return wanted

    def _kept(self) -> Plan | None:
        try:
            return msgspec.json.decode(self._plan.read_bytes(), type=Plan)
        except (OSError, msgspec.DecodeError):
            return None

    def _empty(self) -> None:
        for folder in (self.config, self.data, self.drop, self.letters, self.logs, self.secrets):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.journal, self.accountant, self._plan):
            file.unlink(missing_ok=True)

    def _make_folders(self) -> None:
        for folder in (self.config, self.data, self.drop, self.letters, self.logs, self.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)

    def new_secret(self, name: str) -> str:
        """A new password, also kept in the file that `secret_file` names."""
        value = secrets.token_urlsafe(24)
        file = self.secret_file(name)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(value, "utf-8")
        return value

    def secret_file(self, name: str) -> Path:
        return self.secrets / name
