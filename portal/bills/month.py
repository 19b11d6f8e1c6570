"""Month: how are the bills of all accounts printed into a folder or a file, so that a run may break off at any moment?

Each bill is a file that appears whole. `manifest.jsonl` grows line by line with what lies there and of which paper it
was made: the next run skips what is there and still true, and prints what has changed. In the end `manifest.json` has
the totals; a ZIP is packed last, out of the folder beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TextIO

import msgspec

from lk_sync import databases
from lk_sync.cache.reader import CacheReader
from lk_sync.config import Config
from lk_sync.errors import SettingsError
from lk_sync.printing import Far, Order, Printed
from lk_sync.records import Kopecks, month_text
from portal.bills import office
from portal.bills.paper import Paper, paper
from portal.bills.press import Press, PressFault
from portal.bills.sample import payable
from portal.bills.wire import SHIPPED, folder_in
from portal.spreadsheet import UNSAFE_IN_A_NAME
from portal.subject import subject

AT_ONCE: Final = 200  # accounts that are read in one look at the cache
JOURNAL, MANIFEST = "manifest.jsonl", "manifest.json"
PARTS: Final = ".parts"


class Entry(msgspec.Struct, frozen=True):
    """A bill that lies there. `paper` is the hash of what it was made of."""

    account: str
    number: str
    file: str
    bytes: int
    sha256: str
    paper: str
    due_kopecks: Kopecks  # 0: nothing is asked for


class Office:
    """The printer of `lk_sync.printing`."""

    def examined(self, config: Config) -> str:
        folder = folder_in(config.folder)
        if folder == SHIPPED:
            return "шаблон встроенный"
        asyncio.run(_examined(config))
        return f"шаблон {folder}: пробные квитанции печатаются"

    def preview(self, config: Config) -> bytes:
        return asyncio.run(_preview(config))

    def month(self, config: Config, order: Order, far: Callable[[Far], None]) -> Printed:
        with closing(databases.cache(config).reader()) as reader:
            return asyncio.run(_Run(config, order, reader, far).printed())


async def _examined(config: Config) -> Press:
    """A warm press. Raises SettingsError for a template that it cannot use."""
    press = office.press(config)
    try:
        for ready in await press.warm():
            if ready.fault:
                raise SettingsError(ready.fault)
    except PressFault as error:
        raise SettingsError(f"{folder_in(config.folder)}: шаблон не печатается ({error})") from error
    finally:
        await press.close()
    return press


async def _preview(config: Config) -> bytes:
    await _examined(config)
    press = office.press(config)
    try:
        return await press.printed(payable(config.lk.supplier, config.lk.bills))
    finally:
        await press.close()


class _Run:
    def __init__(self, config: Config, order: Order, reader: CacheReader, far: Callable[[Far], None]) -> None:
        lk = config.lk
        bills = msgspec.structs.replace(lk.bills, workers=order.workers)
        self._press = Press(lk.supplier, bills, lk.time_zone, folder_in(config.folder), kept_bytes=0)
        self._desk, self._order, self._reader, self._far = office.desk(config), order, reader, far
        self._zip = order.out.suffix.lower() == ".zip"
        self._folder = order.out.with_name(order.out.name + PARTS) if self._zip else order.out
        self._entries: dict[str, Entry] = {}
        self._failed: list[str] = []
        self._kept = 0
        self._began = time.monotonic()

    async def printed(self) -> Printed:
        accounts, unknown = self._accounts()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _entries(self._folder / JOURNAL)
        try:
            with (self._folder / JOURNAL).open("a", encoding="utf-8") as journal:
                await self._print_all(accounts, before, journal)
        finally:
            await self._press.close()
        return self._finish(unknown)

    def _accounts(self) -> tuple[list[int], list[str]]:
        """Keys of those to print for; numbers that have no bill of the month."""
        with self._reader.view() as view:
            billed = dict(_billed(lambda after: view.billed(self._order.period, after=after, most=AT_ONCE)))
        if not self._order.accounts:
            return list(billed), []
        keys = {number: key for key, number in billed.items()}
        return [keys[each] for each in self._order.accounts if each in keys], [
            each for each in self._order.accounts if each not in keys
        ]

    async def _print_all(self, accounts: Sequence[int], before: dict[str, Entry], journal: TextIO) -> None:
        running: set[asyncio.Task[None]] = set()
        for start in range(0, len(accounts), AT_ONCE):
            for each in self._papers(accounts[start : start + AT_ONCE]):
                if len(running) >= 2 * self._order.workers:
                    _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running.add(asyncio.create_task(self._print(each, before, journal, len(accounts))))
            journal.flush()
            os.fsync(journal.fileno())
        if running:
            await asyncio.wait(running)
        for task in running:
            task.result()

    def _papers(self, keys: Sequence[int]) -> list[Paper]:
        with self._reader.view() as view:
            found = [(subject(view, key), key) for key in keys]
            papers = [whose and paper(view, whose, self._order.period, self._desk) for whose, _ in found]
        return [each for each in papers if each]

    async def _print(self, made: Paper, before: dict[str, Entry], journal: TextIO, whole: int) -> None:
        print_of = hashlib.sha256(msgspec.msgpack.encode(made)).hexdigest()
        name = file_name(made.payer.account, self._order.period)
        entry = before.get(name)
        if entry is None or entry.paper != print_of or not _lies(self._folder / name, entry.bytes):
            try:
                body = await self._press.printed(made)
            except PressFault:
                self._failed.append(made.payer.account)
                return
            entry = _put(self._folder, name, made, body, print_of)
            journal.write(msgspec.json.encode(entry).decode() + "\n")
        else:
            self._kept += 1
        self._entries[name] = entry
        done = len(self._entries) + len(self._failed)
        self._far(Far(done, whole, self._kept, time.monotonic() - self._began))

    def _finish(self, unknown: Sequence[str]) -> Printed:
        entries = [self._entries[name] for name in sorted(self._entries)]
        done = Printed(
            period=month_text(self._order.period),
            out=str(self._order.out),
            bills=len(entries),
            payable=sum(entry.due_kopecks > 0 for entry in entries),
            due_kopecks=sum(entry.due_kopecks for entry in entries),
            bytes=sum(entry.bytes for entry in entries),
            kept=self._kept,
            seconds=round(time.monotonic() - self._began, 3),
            unknown=unknown,
            failed=sorted(self._failed),
        )
        told = {"period": done.period, "bills": done.bills, "payable": done.payable, "due_kopecks": done.due_kopecks,
                "bytes": done.bytes, "failed": done.failed, "unknown": done.unknown, "files": entries}  # fmt: skip
        _write(self._folder / MANIFEST, msgspec.json.format(msgspec.json.encode(told), indent=1))
        if self._zip and not done.failed:
            _pack(self._folder, [MANIFEST, *(entry.file for entry in entries)], self._order.out)
            shutil.rmtree(self._folder)
        return done


def _billed(part: Callable[[int | None], list[tuple[int, str]]]) -> Iterator[tuple[int, str]]:
    after: int | None = None
    while found := part(after):
        yield from found
        after = found[-1][0]


def file_name(account: str, period: int) -> str:
    """Where the bill of an account lies: a hundred folders hold a hundred thousand files better than one."""
    digest = hashlib.sha256(account.encode()).hexdigest()
    safe = UNSAFE_IN_A_NAME.sub("-", account).strip("-.")
    if safe != account or not account.isascii():
        safe = f"{safe[:40]}-{digest[:12]}"
    return f"{int(digest[:8], 16) % 100:02d}/bill_{safe}_{month_text(period)}.pdf"


def _entries(journal: Path) -> dict[str, Entry]:
    """The latest of each file. A line that a crash has cut is as if it were not there."""
    found: dict[str, Entry] = {}
    if not journal.exists():
        return found
    for line in journal.read_bytes().splitlines():
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.DecodeError:
            continue
        found[entry.file] = entry
    return found


def _lies(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except FileNotFoundError:
        return False


def _put(folder: Path, name: str, made: Paper, body: bytes, print_of: str) -> Entry:
    path = folder / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _write(path, body)
    due = made.due if made.payable and made.due is not None else 0
    digest = hashlib.sha256(body).hexdigest()
    return Entry(made.payer.account, made.number, name, len(body), digest, print_of, due)


def _write(path: Path, body: bytes) -> None:
    """It appears whole, for its owner only."""
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(body)
    part.replace(path)


def _pack(folder: Path, names: Sequence[str], out: Path) -> None:
    """PDFs are packed already: they are only put together."""
    part = out.with_name(out.name + ".part")
    with (
        os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file,
        zipfile.ZipFile(file, "w") as packed,
    ):
        for name in names:
            packed.write(folder / name, name)
    part.replace(out)
