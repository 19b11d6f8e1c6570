"""Passwords: is this the right one, and which may be chosen?

Argon2id (19 MiB, 2 passes) costs 20 ms of a processor: it runs in two threads with a bounded queue, and whoever
comes when the queue is full is asked to come back. An unknown account costs the same as a known one.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar

import argon2

from portal.language import N_
from portal.refusal import Refusal

T = TypeVar("T")

SHORTEST: Final = 15
LONGEST: Final = 200
OWN_LETTERS: Final = 8  # that must remain without words that anyone could guess
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
ONE_TIME_LENGTH: Final = 16  # of 55 letters: 92 bits
THREADS: Final = 2
QUEUE: Final = 64
COME_BACK_SECONDS: Final = 5
COMMON: Final = Path(__file__).parent / "common_passwords.txt"


def one_time() -> str:
    """A password for one login, in groups of four so that it can be read aloud and typed."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(ONE_TIME_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, ONE_TIME_LENGTH, 4))


def typed_one_time(password: str) -> str:
    """A one-time password as it is hashed: how it was grouped does not matter."""
    return "".join(password.replace("-", " ").split())


def typed(password: str) -> str:
    """An own password as it is hashed. Keyboards differ in how they compose «й» and «ё»."""
    return unicodedata.normalize("NFKC", password)


def objection(password: str, guessable: Iterable[str]) -> str | None:
    """Why `password` may not be chosen, in Russian; None when it may. `guessable`: words about this very person."""
    if len(password) < SHORTEST:
        return N_("Пароль короче 15 знаков. Подойдёт фраза из нескольких слов, пробелы можно оставить.")
    if len(password) > LONGEST:
        return N_("Пароль длиннее 200 знаков.")
    if _guessed(password.casefold(), guessable):
        return N_("Такой пароль легко подобрать. Возьмите несколько слов, не связанных друг с другом.")
    return None


def _guessed(password: str, guessable: Iterable[str]) -> bool:
    words = common()
    if password in words or len(set(password)) < OWN_LETTERS - 2:
        return True
    for word in sorted({word.casefold() for word in guessable if len(word) > 3} | words, key=len, reverse=True):
        password = password.replace(word, "")
    return len(password) < OWN_LETTERS


@cache
def common() -> frozenset[str]:
    """Words and runs of keys that people take for passwords."""
    lines = (line.strip() for line in COMMON.read_text("utf-8").splitlines())
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))


class Passwords:
    """The threads that compute hashes. `close` them with the application."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._queued = 0
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Raises Refusal (503) when the queue is full."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Is `password` the one behind `hashed`? None is nobody's: as dear as any, and never right.

        Raises Refusal (503) when the queue is full.
        """
        right = await self._run(lambda: self._matches(hashed or self._nobodys, password))
        return right and hashed is not None

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._queued >= QUEUE:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._queued -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
