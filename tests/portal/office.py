"""Office: letters in a store, and the post that carries them to a real mail server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from demo.mailbox import Mailbox
from lk_sync.config import Config
from lk_sync.mail.carrier import Carrier
from lk_sync.mail.post import Post
from lk_sync.mail.stationery import Stationery
from lk_sync.store import letters
from lk_sync.store.database import Store
from tests.portal.world import Hands

TOLD = {"account": "000012345", "password": "AbCd-EfGh-JkLm-NpQr", "expires_at": "2026-11-24T09:00:00.000Z"}


class Office:
    """A store with letters and the post that carries them."""

    def __init__(self, config: Config, mailbox: Mailbox) -> None:
        self.config = config
        self.mailbox = mailbox
        self.clock = Hands()
        self.store = Store(config.lk.store_path)
        self.posts: list[Post] = []

    def post(self, **mail: Any) -> Post:
        assert self.config.lk.mail is not None
        setting = msgspec.structs.replace(self.config.lk.mail, **mail)
        lk = msgspec.structs.replace(self.config.lk, mail=setting)
        carrier = Carrier(setting, hostname="lk.example", environment=self.config.environment)
        made = Post(self.store, self.clock, Stationery(self.config.folder / "letters", lk, setting), carrier)
        self.posts.append(made)
        return made

    def write(self, number: int = 1) -> None:
        for _ in range(number):
            self.write_one(kind="one_time_password", context=TOLD)

    def write_one(self, *, kind: str, context: dict[str, str], language: str = "ru") -> None:
        told = {"kind": kind, "once": uuid4().hex, "recipient": "ivanova@example.ru", "language": language}
        self.store.write_now(lambda tx: letters.write(tx, **told, context=context, now=self.clock.now))

    def states(self) -> list[tuple[str, int, bool]]:
        """State, attempts, and whether the text is still there, of every letter."""
        rows = self.store.reading._connection.execute(
            "SELECT state, attempts, context FROM letters ORDER BY created_at, letter"
        )
        return [(state, attempts, "AbCd" in context) for state, attempts, context in rows]
