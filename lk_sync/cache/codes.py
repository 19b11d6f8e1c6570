"""Codes: by which integers do short words, unusual account numbers and sources lie in the cache?

The dictionaries only grow and name no person, so they are extended at once, in a short transaction of their
own, while a run is still staging: ids are then final and a first load needs no translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lk_sync.cache.base import Base
from lk_sync.records import plain_account


class New(NamedTuple):
    """A word of a dictionary that the cache does not have."""

    dictionary: str
    number: int
    word: str


class Codes:
    """The dictionaries in memory, in step with the cache behind `base` (which may write).

    `aside`: new words stay here, as `new`, for a run that leaves no trace in the cache."""

    def __init__(self, base: Base, *, aside: bool = False) -> None:
        self._base, self._aside = base, aside
        self.new: list[New] = []
        self._ids: dict[str | None, int | None] = {None: None}
        self._keys: dict[str, int] = {}
        self._reload()

    def _reload(self) -> None:
        at = self._base.at.cache
        self._ids.update(self._base.execute(f"SELECT code, id FROM {at}.codes").fetchall())
        self._keys.update(self._base.execute(f"SELECT number, account FROM {at}.account_keys").fetchall())

    def ids(self, words: Sequence[str | None]) -> list[int | None]:
        """The id of each word, new ones allocated. None stays None."""
        ids = self._ids
        try:
            return [ids[word] for word in words]
        except KeyError:
            self._extend_codes(set(words) - ids.keys())
            return [ids[word] for word in words]

    def _extend_codes(self, words: Iterable[str | None]) -> None:
        at = self._base.at.cache
        if self._aside:
            self._keep_aside(sorted(word for word in words if word is not None))
            return
        with self._base.exclusively("dictionaries"):
            self._reload()
            (last,) = self._base.execute(f"SELECT COALESCE(MAX(id), 0) FROM {at}.codes").fetchone()
            new = sorted(word for word in words if word is not None and word not in self._ids)
            rows = ({"id": number, "code": word} for number, word in enumerate(new, last + 1))
            self._base.execute_many(f"INSERT INTO {at}.codes (id, code) VALUES (:id, :code)", rows)
        self._reload()

    def _keep_aside(self, words: Sequence[str]) -> None:
        last = max(filter(None, self._ids.values()), default=0)
        for number, word in enumerate(words, last + 1):
            self._ids[word] = number
            self.new.append(New("codes", number, word))

    def account(self, number: str) -> int:
        """The key of an account number, a negative one allocated when it is not 1 to 18 digits."""
        key = plain_account(number)
        if key is None and (key := self._keys.get(number)) is None:
            self._extend_accounts(number)
            key = self._keys[number]
        return key

    def _extend_accounts(self, number: str) -> None:
        at = self._base.at.cache
        if self._aside:
            self._keys[number] = min(self._keys.values(), default=0) - 1
            self.new.append(New("account_keys", self._keys[number], number))
            return
        with self._base.exclusively("dictionaries"):
            self._base.execute(
                f"INSERT INTO {at}.account_keys (account, number) SELECT COALESCE(MIN(account), 0) - 1, :number"
                f" FROM {at}.account_keys WHERE true ON CONFLICT DO NOTHING",
                {"number": number},
            )
        self._reload()

    def source(self, name: str) -> int:
        """The id of a source; that of the first ones takes no room in a row of SQLite."""
        at = self._base.at.cache
        known = f"SELECT id FROM {at}.sources WHERE name = :name"
        found = self._base.execute(known, {"name": name}).fetchone()
        if found is None and self._aside:
            found = self._base.execute(f"SELECT COALESCE(MAX(id), -1) + 1 FROM {at}.sources").fetchone()
        elif found is None:
            with self._base.exclusively("dictionaries"):
                self._base.execute(
                    f"INSERT INTO {at}.sources (id, name) SELECT COALESCE(MAX(id), -1) + 1, :name"
                    f" FROM {at}.sources WHERE true ON CONFLICT DO NOTHING",
                    {"name": name},
                )
            found = self._base.execute(known, {"name": name}).fetchone()
        return int(found[0])

    def shown(self, kind: str, cell: Any) -> str:
        """A stored cell in the words of the source, for reports."""
        if kind == "account" and isinstance(cell, int):
            return str(cell)[1:] if cell > 0 else next(n for n, key in self._keys.items() if key == cell)
        if kind == "code" and cell is not None:
            return str(next(word for word, key in self._ids.items() if key == cell))
        return "" if cell is None else str(cell)


class Words:
    """What the integers of the cache mean, asked for one by one: for reports, which show few. `new`: words that the
    cache does not have."""

    def __init__(self, base: Base, new: Iterable[New] = ()) -> None:
        self._base = base
        self._new = {(dictionary, number): word for dictionary, number, word in new}
        self._codes: dict[int, str] = {}

    def code(self, number: int) -> str:
        if number not in self._codes:
            self._codes[number] = self._one("code", "codes", "id", number)
        return self._codes[number]

    def account(self, key: int) -> str:
        """The account's number."""
        return str(key)[1:] if key > 0 else self._one("number", "account_keys", "account", key)

    def _one(self, column: str, table: str, key: str, value: int) -> str:
        if (table, value) in self._new:
            return self._new[table, value]
        sql = f"SELECT {column} FROM {self._base.at.cache}.{table} WHERE {key} = :value"
        row = self._base.execute(sql, {"value": value}).fetchone()
        return "?" if row is None else str(row[0])
