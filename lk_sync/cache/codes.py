"""Codes: by which integers do short words and unusual account numbers lie in the cache?

The dictionaries only grow and name no person, so they are extended at once, in a short transaction of their
own, while a run is still staging: ids are then final and a first load needs no translation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from lk_sync.records import plain_account


class Codes:
    """The dictionaries in memory, in step with the cache behind `connection` (which may write)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str | None, int | None] = {None: None}
        self._keys: dict[str, int] = {}
        self._reload()

    def _reload(self) -> None:
        self._ids.update(self._connection.execute("SELECT code, id FROM codes"))
        self._keys.update(self._connection.execute("SELECT number, account FROM account_keys"))

    def ids(self, words: Sequence[str | None]) -> list[int | None]:
        """The id of each word, new ones allocated. None stays None."""
        ids = self._ids
        try:
            return [ids[word] for word in words]
        except KeyError:
            self._extend_codes(set(words) - ids.keys())
            return [ids[word] for word in words]

    def _extend_codes(self, words: Iterable[str | None]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO codes (code) VALUES (?) ON CONFLICT DO NOTHING",
                sorted((word,) for word in words if word is not None),
            )
        self._reload()

    def account(self, number: str) -> int:
        """The key of an account number, a negative one allocated when it is not 1 to 18 digits."""
        key = plain_account(number)
        if key is None and (key := self._keys.get(number)) is None:
            self._extend_accounts(number)
            key = self._keys[number]
        return key

    def _extend_accounts(self, number: str) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO account_keys (account, number) SELECT COALESCE(MIN(account), 0) - 1, :number"
                " FROM account_keys WHERE true ON CONFLICT DO NOTHING",
                {"number": number},
            )
        self._reload()

    def shown(self, kind: str, cell: Any) -> str:
        """A stored cell in the words of the source, for reports."""
        if kind == "account" and isinstance(cell, int):
            return str(cell)[1:] if cell > 0 else next(n for n, key in self._keys.items() if key == cell)
        if kind == "code" and cell is not None:
            return str(next(word for word, key in self._ids.items() if key == cell))
        return "" if cell is None else str(cell)
