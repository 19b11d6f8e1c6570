"""Post: who takes letters out of the queue, and what happens to one that was not taken?

A background task of every portal process, and of an engine that has an operator to tell. Letters are claimed under a
lease, so several of them never take the same one. Not taken for now: tried again, later each time. Refused for good,
or not delivered within a day: failed; an address that the server does not know is told to its owner in the portal.
Answer lost after the text left: uncertain, a person looks.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta
from typing import Final

from lk_sync.bell import Bell
from lk_sync.clock import Clock, moment
from lk_sync.errors import LkError
from lk_sync.mail.carrier import Carrier, Refused, Unanswered
from lk_sync.mail.stationery import Stationery
from lk_sync.notices import bounces
from lk_sync.store import addresses, letters
from lk_sync.store.database import Store, Tx
from lk_sync.store.letters import Letter

log: Final = logging.getLogger("lk_sync.mail")

LEASE: Final = timedelta(minutes=5)
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=4)
GIVE_UP_AFTER: Final = timedelta(hours=24)
JITTER: Final = 0.2
SHORTEST_REST_SECONDS: Final = 5
LONGEST_REST_SECONDS: Final = 300


class Post:
    """`run` until cancelled; `wake` when there is something new."""

    def __init__(self, store: Store, clock: Clock, stationery: Stationery, carrier: Carrier) -> None:
        self._store = store
        self._clock = clock
        self._stationery = stationery
        self._carrier = carrier
        self._bell = Bell()
        self._rest_seconds = 0

    def wake(self) -> None:
        self._bell.ring()

    async def run(self) -> None:
        try:
            while True:
                await self.deliver_due()
                await self._pause()
        finally:
            await self._carrier.close()

    async def _pause(self) -> None:
        """Until there is something new; a mail server that cannot be reached is left alone for a while."""
        if self._rest_seconds:
            await asyncio.sleep(self._rest_seconds)
        else:
            await self._bell.wait()

    async def deliver_due(self) -> int:
        """Tries every letter that is due, once. How many were taken by the mail server."""
        await self._store.write(lambda tx: letters.lost(tx, now=self._clock()))
        sent = 0
        try:
            while (letter := await self._claim()) is not None:
                sent += await self._deliver(letter)
            self._rest_seconds = 0
        except LkError as error:
            self._rest_seconds = min(LONGEST_REST_SECONDS, self._rest_seconds * 2 or SHORTEST_REST_SECONDS)
            log.warning("%s; следующая попытка через %d с", error, self._rest_seconds)
        finally:
            await self._carrier.close()
        return sent

    async def _claim(self) -> Letter | None:
        now = self._clock()
        return await self._store.write(lambda tx: letters.claim(tx, now=now, lease_until=now + LEASE))

    async def _deliver(self, letter: Letter) -> bool:
        """Raises LkError when the mail server cannot be used at all; the letter waits then."""
        hand = _Hand(self._store, self._clock, letter)
        try:
            answer = await self._carrier.deliver(
                self._stationery.compose(letter, now=self._clock()),
                sender=self._stationery.envelope_sender,
                recipient=letter.recipient,
                about_to_send=hand.about_to_send,
            )
        except Refused as refusal:
            await hand.not_taken(str(refusal), for_good=refusal.for_good, no_such_address=refusal.no_such_address)
            return False
        except Unanswered as fault:
            await hand.settle("uncertain", f"ответ не получен: {fault}")
            return False
        except LkError as error:
            await hand.not_taken(str(error), for_good=False)
            raise
        await hand.settle("sent", answer)
        return True


class _Hand:
    """A letter in hand: what is written down about it while it is being sent."""

    def __init__(self, store: Store, clock: Clock, letter: Letter) -> None:
        self._store = store
        self._clock = clock
        self._letter = letter

    async def about_to_send(self) -> bool:
        """Commits that the text leaves now. False: another process has the letter."""
        until = self._clock() + LEASE
        begun = await self._store.write(lambda tx: letters.sending(tx, self._letter, lease_until=until))
        self._letter = begun or self._letter
        return begun is not None

    async def settle(self, state: letters.Ended, answer: str, *, no_such_address: bool = False) -> None:
        now = self._clock()

        def work(tx: Tx) -> bool:
            settled = letters.settle(tx, self._letter, state=state, answer=answer, now=now)
            if settled and state == "sent":
                addresses.accepted(tx, address=self._letter.recipient)
            if settled and no_such_address:
                bounces.tell(tx, address=self._letter.recipient, answer=answer, now=now)
            return settled

        settled = await self._store.write(work)
        log.info("письмо %s: %s (%s)", self._letter.letter, state if settled else "уже не у нас", answer)

    async def not_taken(self, answer: str, *, for_good: bool, no_such_address: bool = False) -> None:
        now = self._clock()
        until = now + pause(self._letter.attempts)
        if for_good or until > moment(self._letter.created_at) + GIVE_UP_AFTER:
            await self.settle("failed", answer, no_such_address=no_such_address)
            return
        await self._store.write(lambda tx: letters.put_off(tx, self._letter, until=until, answer=answer))
        log.info("письмо %s отложено до %s (%s)", self._letter.letter, until, answer)


def pause(attempts: int) -> timedelta:
    """Twice as long after every attempt, a little irregular, so that many letters do not come back at once."""
    longer = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 16)))
    return longer * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing
