"""Source: how do we read the accounting system's export out of its drop?

The drop holds whole snapshots, `<dataset>-<stamp>.csv`, each with a manifest. The mapping names a mask with one `*`;
what stands in its place is the stamp, and stamps sort as text. A session looks into the folder once and takes the
newest whole file of the first dataset; all others must have the same stamp (`one_set`), so that one run never mixes
two exports. Nothing in the drop is changed.

Because a file is a snapshot, a wish with `since` is answered with all rows: more than was asked, which changes
nothing twice and can miss nothing. A file that holds only changes is refused, for its missing rows would be taken
for ended ones.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, ClassVar, Final

import msgspec
from asyncssh import FILEXFER_TYPE_REGULAR, SFTPNoSuchFile

from connectors.formats.contract import Opened, Portion, digest
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from connectors.sftp import manifest as manifests
from connectors.sftp import settings as reach
from connectors.sftp.manifest import Manifest
from connectors.sftp.settings import SourceSettings
from connectors.sftp.visit import Call, at, fetch, read_small, visit
from lk_sync.contracts import Batch, Channel, Totals, Wanted
from lk_sync.errors import BadData, SettingsError, Unreachable
from lk_sync.flow.validate import Unfit, scaled

KOPECK_DIGITS: Final = 2


class Entry(msgspec.Struct, frozen=True):
    """A regular file as the folder shows it."""

    size: int
    mtime: int


Listing = Mapping[str, Entry]


class SftpSource:
    """`contracts.Source` over the drop."""

    settings_type: ClassVar[type[msgspec.Struct]] = SourceSettings
    options_type: ClassVar[type[msgspec.Struct]] = FileOptions

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings

    def channel(self) -> Channel:
        return reach.channel(self._settings)

    @contextmanager
    def connect(self) -> Iterator[SftpSession]:
        session = SftpSession(self._settings, visit(self._settings, self._look))
        try:
            yield session
        finally:
            session.close()

    async def _look(self, call: Call) -> Listing:
        """The folder; of files without a manifest only those that stood still for `settle_seconds`."""
        listing = await _listing(call, self._settings)
        if self._settings.settle_seconds is None:
            return listing
        await asyncio.sleep(self._settings.settle_seconds)
        again = await _listing(call, self._settings)
        return {name: entry for name, entry in again.items() if listing.get(name) == entry}


async def _listing(call: Call, settings: SourceSettings) -> Listing:
    """Regular files with plain names; links, folders and names that lead elsewhere do not exist for us."""
    with at(settings.folder, settings), call.patience(settings.silence_seconds) as moved:
        listing = {}
        async for entry in call.sftp.scandir(settings.folder):
            moved()
            name = str(entry.filename)
            if entry.attrs.type == FILEXFER_TYPE_REGULAR and manifests.is_safe(name):
                listing[name] = Entry(entry.attrs.size or 0, entry.attrs.mtime or 0)
        return listing


class Taken(msgspec.Struct):
    """A file that lies here, checked byte by byte, and what its manifest promises."""

    name: str
    file: BinaryIO
    table: Opened
    manifest: Manifest | None

    def close(self) -> None:
        self.table.close()
        self.file.close()


class SftpSession:
    """`contracts.Session` over one look into the folder."""

    def __init__(self, settings: SourceSettings, listing: Listing) -> None:
        self._settings = settings
        self._listing = listing
        self._stamp: str | None = None
        self._as_of: str | None = None
        self._taken: dict[str, Taken] = {}
        self._promised: dict[str, Manifest | None] = {}

    def close(self) -> None:
        for taken in self._taken.values():
            taken.close()
        self._taken.clear()

    def columns(self, wanted: Wanted) -> None:
        self._file(wanted).table.require(_columns(wanted))

    def totals(self, wanted: Wanted) -> Totals | None:
        if wanted.dataset.name not in self._promised:
            self._file(wanted)
        promised = self._promised[wanted.dataset.name]
        return None if promised is None else Totals(rows=promised.rows, sums=_sums(promised, wanted))

    def pull(self, wanted: Wanted) -> Iterator[Batch]:
        taken = self._file(wanted)
        columns = _columns(wanted)
        taken.table.require(columns)
        rows = 0
        for part in taken.table.batches(columns):
            rows += part.rows + len(part.faults)
            yield _batch(part, wanted, taken.name)
        if taken.manifest is not None and taken.manifest.rows != rows:
            raise BadData(f"{taken.name}: строк {rows}, а манифест обещает {taken.manifest.rows}; файл не принят")
        self._taken.pop(wanted.dataset.name).close()

    def _file(self, wanted: Wanted) -> Taken:
        """The file of the dataset, fetched at the first call."""
        key = wanted.dataset.name
        if key not in self._taken:
            self._taken[key] = taken = self._fetch(self._choose(wanted), _options(wanted))
            self._promised[key] = taken.manifest
        return self._taken[key]

    def _choose(self, wanted: Wanted) -> str:
        """The newest whole file under the mask, or the one of this session's set."""
        mask = _mask(wanted)
        found = {match[1]: match[0] for match in map(mask.fullmatch, self._listing) if match}
        whole = {stamp: name for stamp, name in found.items() if self._is_whole(name)}
        where = f"{self._settings.peer}{self._settings.folder}/{wanted.file}"
        if not whole:
            unfinished = "; есть файлы без манифеста .ok, они ещё пишутся" if found else ""
            raise BadData(f"{where}: нет ни одного готового файла{unfinished}")
        stamp = max(whole)
        if self._settings.one_set and stamp:
            stamp = self._stamp = self._stamp or stamp
        if stamp not in whole:
            raise Unreachable(
                f"{where}: выгрузка «{stamp}» ещё не полна, в ней нет этого файла; попытка будет повторена"
            )
        return whole[stamp]

    def _is_whole(self, name: str) -> bool:
        return name + manifests.SUFFIX in self._listing or self._settings.settle_seconds is not None

    def _fetch(self, name: str, options: FileOptions) -> Taken:
        """Copy the file into one without a name, which is gone with this process whatever happens, and check it."""
        if self._listing[name].size > self._settings.max_file_bytes:
            raise BadData(f"{name}: файл больше max_file_bytes ({self._settings.max_file_bytes})")
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the session
        try:
            promised = visit(self._settings, lambda call: self._copy(call, name, file))
            if promised is not None:
                self._check(name, file, promised)
            table = open_file(file, name=name, options=options)
            if promised is None and not table.ended:
                raise BadData(f"{name}: последняя строка не закончена, а манифеста нет; файл обрезан")
            return Taken(name, file, table, promised)
        except BaseException:
            file.close()
            raise

    async def _copy(self, call: Call, name: str, file: BinaryIO) -> Manifest | None:
        path = f"{self._settings.folder}/{name}"
        promised = None
        try:
            if name + manifests.SUFFIX in self._listing:
                body = await read_small(call.sftp, path + manifests.SUFFIX, limit=manifests.MAX_BYTES)
                promised = manifests.read(body, file=name)
            await fetch(call, path, file, settings=self._settings)
        except SFTPNoSuchFile as error:
            raise Unreachable(f"{path}: файл исчез, пока его читали; попытка будет повторена") from error
        return promised

    def _check(self, name: str, file: BinaryIO, promised: Manifest) -> None:
        if digest(file) != promised.sha256.lower():
            raise BadData(
                f"{name}: содержимое не то, что в манифесте (SHA-256 не сходится); файл повреждён или обрезан"
            )
        if not promised.snapshot:
            raise BadData(f"{name}: файл содержит только изменения, а этот источник берёт полные снимки")
        if self._as_of and promised.as_of and self._settings.one_set and self._as_of != promised.as_of:
            raise BadData(f"{name}: данные на {promised.as_of}, а в других файлах выгрузки на {self._as_of}")
        self._as_of = self._as_of or promised.as_of


def _options(wanted: Wanted) -> FileOptions:
    try:
        return msgspec.convert(wanted.options, FileOptions)
    except msgspec.ValidationError as error:
        raise SettingsError(f"datasets.{wanted.dataset.name}.options: {error}") from error


def _mask(wanted: Wanted) -> re.Pattern[str]:
    """The mask as a pattern whose only group is the stamp (empty for a mask without a star)."""
    mask = wanted.file
    if mask is None or mask.count("*") > 1 or not manifests.is_safe(mask.replace("*", "x")):
        raise SettingsError(
            f"datasets.{wanted.dataset.name}: этому источнику нужен ключ file: имя файла без папок с одной звёздочкой "
            "на месте отметки времени, например charges-*.csv"
        )
    before, star, after = map(re.escape, mask.partition("*"))
    return re.compile(f"{before}({'.+' if star else ''}){after}(?<!{re.escape(manifests.SUFFIX)})")


def _columns(wanted: Wanted) -> list[str]:
    """The file's columns: one per field, then the watermark if there is one."""
    columns = [field.column for field in wanted.fields if field.column is not None]
    return columns if wanted.watermark is None else [*columns, wanted.watermark]


def _batch(part: Portion, wanted: Wanted, name: str) -> Batch:
    watermark = max(filter(None, part.columns.pop()), default=None) if wanted.watermark is not None else None
    return Batch(
        columns=part.columns,
        rows=part.rows,
        exact=False,
        first_row=part.first_row,
        where=name,
        watermark=watermark,
        numbers=part.numbers,
        faults=part.faults,
    )


def _sums(promised: Manifest, wanted: Wanted) -> dict[str, int]:
    """The manifest's sums by our money fields, in kopecks."""
    return {
        field.name: _kopecks(promised, field.column)
        for field in wanted.fields
        if field.kind == "money" and field.column in promised.sums
    }


def _kopecks(promised: Manifest, column: str | None) -> int:
    said = promised.sums[column or ""]
    try:
        return scaled(said, KOPECK_DIGITS)
    except Unfit as error:
        raise BadData(f"{promised.file}{manifests.SUFFIX}: сумма «{column}» = «{said}»: {error}") from error
