"""Press: who prints a bill now, and has it been printed already?

Workers are processes that are kept warm (`worker`). The event loop hands a paper over and waits for the file as it
waits for a browser. What was printed is kept for a while by the hash of all that it is made of, so the same bill is
printed once; two who ask for it at the same time wait for the same print.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from lk_sync.bills_setting import Bills
from lk_sync.config import Supplier
from portal.bills.paper import Paper
from portal.bills.wire import FAULT, LENGTH, PDF, Ready, Setup

MOST_WAITING: Final = 32
MOST_OF_AN_ACCOUNT: Final = 2
MOST_KEPT_BYTES: Final = 16 * 1024 * 1024
START_SECONDS: Final = 60
BILL_SECONDS: Final = 30
LONGEST_ANSWER: Final = 32 * 1024 * 1024
KEPT_VARIABLES: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")

log: Final = logging.getLogger("portal.bills")


class PressFault(Exception):
    """No bill was printed; it may be asked for again."""


class PressBusy(PressFault):
    """As many bills as may wait for their turn are waiting."""


class Worker:
    """One process. Prints one bill at a time; one that is too slow or dies is replaced at the next bill."""

    def __init__(self, setup: Setup) -> None:
        self._setup = msgspec.msgpack.encode(setup)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.ready: Ready | None = None

    async def warm(self) -> Ready:
        async with self._turn:
            return await self._started()

    async def printed(self, paper: bytes) -> bytes:
        async with self._turn:
            await self._started()
            return await self._asked(paper, BILL_SECONDS)

    async def _started(self) -> Ready:
        if self.ready is not None and self._process is not None and self._process.returncode is None:
            return self.ready
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "portal.bills.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(os.environ),
            cwd="/",
            start_new_session=True,  # a stop signal from a terminal is its master's
            limit=LONGEST_ANSWER,
        )
        self.ready = msgspec.msgpack.decode(await self._asked(self._setup, START_SECONDS), type=Ready)
        return self.ready

    async def _asked(self, body: bytes, seconds: float) -> bytes:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise PressFault
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(LENGTH.pack(len(body)) + body)
                await process.stdin.drain()
                (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
                return await process.stdout.readexactly(min(length, LONGEST_ANSWER))
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            await self.stop()
            raise PressFault(f"печать квитанции прервалась ({type(error).__name__})") from error
        except asyncio.CancelledError:  # its answer would be taken for that to the next paper
            await self.stop()
            raise

    async def stop(self) -> None:
        process, self._process, self.ready = self._process, None, None
        if process is None or process.returncode is not None:
            return
        process.kill()
        await process.wait()


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Nothing secret, nothing that it does not need."""
    return {"LANG": "C.UTF-8"} | {name: ours[name] for name in KEPT_VARIABLES if name in ours}


class Press:
    """Some workers, a queue before them, and what they have printed lately."""

    def __init__(
        self, supplier: Supplier, bills: Bills, zone: str, folder: Path, *, kept_bytes: int = MOST_KEPT_BYTES
    ) -> None:
        setup = Setup(supplier, bills, str(zone), str(folder))
        self._workers = [Worker(setup) for _ in range(bills.workers)]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in self._workers:
            self._free.put_nowait(worker)
        self._accounts: Counter[str] = Counter()
        self._prints: dict[bytes, asyncio.Task[bytes]] = {}
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept_bytes, self._most_kept_bytes = 0, kept_bytes
        self._told = ""
        self.printed_count = 0

    async def warm(self) -> list[Ready]:
        """Starts all workers. Raises PressFault."""
        answers = await asyncio.gather(*(worker.warm() for worker in self._workers))
        for answer in answers:
            self._tell(answer)
        return answers

    async def printed(self, paper: Paper) -> bytes:
        """The PDF of a bill. Raises PressFault."""
        body = msgspec.msgpack.encode(paper)
        key = hashlib.sha256(body).digest()
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        task = self._prints.get(key)
        if task is None:
            task = self._begun(key, body, paper.payer.account)
        return await asyncio.shield(task)

    def _begun(self, key: bytes, body: bytes, account: str) -> asyncio.Task[bytes]:
        if len(self._prints) >= MOST_WAITING or self._accounts[account] >= MOST_OF_AN_ACCOUNT:
            raise PressBusy
        task = self._prints[key] = asyncio.create_task(self._print(key, body))
        self._accounts[account] += 1

        def done(_: object) -> None:
            self._prints.pop(key, None)
            self._accounts[account] -= 1
            self._accounts += Counter()  # forgets those that wait for nothing

        task.add_done_callback(done)
        return task

    async def _print(self, key: bytes, body: bytes) -> bytes:
        worker = await self._free.get()
        try:
            answer = await worker.printed(body)
            if worker.ready is not None:
                self._tell(worker.ready)
        finally:
            self._free.put_nowait(worker)
        self.printed_count += 1
        return self._keep(key, self._file(answer))

    def _file(self, answer: bytes) -> bytes:
        if answer[:1] == PDF:
            return answer[1:]
        if answer[:1] != FAULT:
            raise PressFault
        (length,) = LENGTH.unpack(answer[1:5])
        log.error(
            "шаблон квитанции не справился с одной из них (%s): она напечатана встроенным",
            answer[5 : 5 + length].decode(),
        )
        return answer[5 + length :]

    def _keep(self, key: bytes, file: bytes) -> bytes:
        self._kept[key] = file
        self._kept_bytes += len(file)
        while self._kept_bytes > self._most_kept_bytes:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        return file

    def _tell(self, ready: Ready) -> None:
        """A broken template is told once in a process; `lk-sync check` and `lk-sync status` tell it, too."""
        if ready.fault != self._told:
            self._told = ready.fault
            log.error("шаблон квитанции не годится, используется встроенный: %s", ready.fault)

    async def close(self) -> None:
        tasks = list(self._prints.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))
