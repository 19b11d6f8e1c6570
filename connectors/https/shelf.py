"""Shelf: how are files of a web server listed and copied, asking only for what is new?"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO, Final, NamedTuple

from yarl import URL

from connectors.files import manifest as manifests
from connectors.files import sidecar
from connectors.files.shelf import Entry, Listing, Move
from connectors.formats.contract import digest
from connectors.https import catalogue, packing
from connectors.https import settings as reach
from connectors.https.catalogue import Named
from connectors.https.settings import HttpsSettings
from connectors.https.web import Fetched, Missing, Web
from lk_sync.contracts import KnownFile
from lk_sync.errors import BadData, SettingsError, Unreachable

_GZIP: Final = ".gz"


class _Held(NamedTuple):
    """A file that has come already; `member`: as what it lies in the archive."""

    file: BinaryIO
    member: zipfile.ZipInfo | None = None


class HttpsShelf:
    """`files.shelf.Shelf` over a web server."""

    def __init__(self, settings: HttpsSettings, known: Sequence[KnownFile]) -> None:
        self._settings, self._web = settings, Web(settings)
        self._root = reach.root(settings)
        fits = all(file.fits for file in known)
        self._known = known if fits else ()  # when all is to be read again, the server is not asked what is new
        self._held: dict[str, _Held] = {}
        self._small: dict[str, bytes] = {}
        self._named: Mapping[str, Named] = {}
        self._files: list[BinaryIO] = []

    @property
    def where(self) -> str:
        return f"{self._web.peer}{self._root.path}".rstrip("/")

    def close(self) -> None:
        for file in self._files:
            file.close()
        self._files.clear()

    def listing(self) -> Listing:
        if self._settings.manifest is not None:
            return self._of_manifest(self._settings.manifest)
        if self._settings.archive is not None:
            return self._of_archive(self._settings.archive)
        return self._of_files()

    def read_small(self, name: str, limit: int) -> bytes:
        body = self._small[name]
        if len(body) > limit:
            raise BadData(f"{self.where}/{name}: файл больше {limit} байт, такого здесь быть не может")
        return body

    def fetch(self, name: str, entry: Entry, into: BinaryIO) -> None:
        if name in self._named:
            self._fetch_named(self._named[name], into)
            return
        held = self._held.get(name)
        if held is None:
            raise Unreachable(
                f"{self.where}/{name}: сервер считает файл прежним, а он нужен снова; попытка будет повторена"
            )
        if held.member is not None:
            packing.unpack(held.file, held.member, self._settings.archive or name, into)
            return
        self._unpacked("", held.file, into)

    def put_aside(self, moves: Iterable[Move]) -> None:
        """Nothing of a server can be moved; what was taken is remembered."""

    # A list of files with digests

    def _of_manifest(self, manifest: str) -> Listing:
        body = self._bytes(reach.within(self._settings, manifest, "manifest"), catalogue.MAX_BYTES)
        self._named = catalogue.read(body, f"{self.where}/{manifest}")
        self._named = {name.removesuffix(_GZIP): named for name, named in self._named.items()}
        return {name: Entry(named.size or 0, f"sha256:{named.sha256.lower()}") for name, named in self._named.items()}

    def _fetch_named(self, named: Named, into: BinaryIO) -> None:
        url = reach.within(self._settings, named.url, "manifest") if named.url else self._root / named.name
        with tempfile.TemporaryFile() as file:
            self._come(url, file)
            if digest(file) != named.sha256.lower() or named.size not in (None, file.seek(0, 2)):
                raise BadData(
                    f"{self.where}/{named.name}: содержимое не то, что в манифесте (SHA-256 не сходится); файл "
                    "повреждён или манифест устарел"
                )
            self._unpacked(named.name, file, into)

    # An archive whose members are the files

    def _of_archive(self, archive: str) -> Listing:
        url = reach.within(self._settings, archive, "archive")
        file = self._temporary()
        version = self._one_version()
        fetched = self._come(url, file, known=version)
        if fetched is None:
            return {known.name: Entry(0, known.version or "") for known in self._known if known.version == version}
        self._check_sidecar(url, archive.rpartition("/")[2], file)
        version = fetched.version or f"sha256:{digest(file)}"
        found = packing.members(file, archive, self._settings.max_members)
        self._held = {name: _Held(file, member) for name, member in found.items()}
        return self._with_sidecars({name: Entry(member.file_size, version) for name, member in found.items()}, archive)

    def _with_sidecars(self, listing: Listing, archive: str) -> Listing:
        """Those that lie in the archive are read at once: they are small."""
        for name, entry in listing.items():
            if name.endswith(sidecar.SUFFIXES):
                if entry.size > manifests.MAX_BYTES:
                    raise BadData(f"{archive}: «{name}» больше {manifests.MAX_BYTES} байт, такого здесь быть не может")
                with tempfile.TemporaryFile() as small:
                    self.fetch(name, entry, small)
                    small.seek(0)
                    self._small[name] = small.read()
        return listing

    def _one_version(self) -> str | None:
        """The version of the archive that was taken last."""
        return self._known[0].version if self._known else None

    def _check_sidecar(self, url: URL, name: str, file: BinaryIO) -> None:
        if self._settings.sidecar is not None:
            body = self._bytes(url.with_path(url.path + self._settings.sidecar), manifests.MAX_BYTES)
            promise = sidecar.read(name, (self._settings.sidecar,), lambda *_: body)
            sidecar.check(promise, file, name)

    # Files that lie beside each other

    def _of_files(self) -> Listing:
        listing: dict[str, Entry] = {}
        for name in self._settings.files:
            if not manifests.is_safe(name):
                raise SettingsError(f"connection.files: «{name}» — нужно имя файла без папок; папку называет url")
            if (entry := self._one_file(name)) is not None:
                listing[name.removesuffix(_GZIP)] = entry
                listing |= self._its_sidecar(name)
        return listing

    def _one_file(self, name: str) -> Entry | None:
        plain = name.removesuffix(_GZIP)
        known = next((file for file in self._known if file.name == plain), None)
        came = self._temporary()
        try:
            fetched = self._come(self._root / name, came, known=known.version if known else None)
        except Missing:
            return None
        if fetched is None:
            return Entry(0, known.version or "") if known else None
        version = fetched.version or f"sha256:{digest(came)}"
        if plain == name:
            self._held[plain] = _Held(came)
            return Entry(fetched.size, version)
        self._check_sidecar(self._root / name, name, came)
        file = self._temporary()
        self._held[plain] = _Held(file)
        return Entry(self._unpacked(name, came, file), version)

    def _its_sidecar(self, name: str) -> Listing:
        """That of a packed file is of the packed bytes, and was held against them."""
        suffix = self._settings.sidecar
        if suffix is None or name not in self._held:
            return {}
        self._small[name + suffix] = body = self._bytes(self._root / (name + suffix), manifests.MAX_BYTES)
        return {name + suffix: Entry(len(body), "")}

    # Both

    def _come(self, url: URL, into: BinaryIO, *, known: str | None = None) -> Fetched | None:
        """The file as it lies there, although it may have been packed for the way."""
        limit = self._settings.max_file_bytes
        fetched = self._web.fetch(url, into, limit=limit, known=known)
        if fetched is None or not fetched.packed:
            return fetched
        with tempfile.TemporaryFile() as packed:
            into.seek(0)
            shutil.copyfileobj(into, packed)
            into.seek(0)
            into.truncate()
            size = packing.gunzip(packed, url.name, into, limit)
        return Fetched(fetched.version, size, packed=False)

    def _unpacked(self, name: str, file: BinaryIO, into: BinaryIO) -> int:
        if name.endswith(_GZIP):
            return packing.gunzip(file, name, into, self._settings.max_file_bytes)
        file.seek(0)
        shutil.copyfileobj(file, into)
        into.flush()
        return into.tell()

    def _bytes(self, url: URL, limit: int) -> bytes:
        with tempfile.TemporaryFile() as file:
            self._web.fetch(url, file, limit=limit)
            file.seek(0)
            return file.read()

    def _temporary(self) -> BinaryIO:
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the shelf
        except OSError as error:
            raise Unreachable(f"временный файл не создать ({error.strerror}); попытка будет повторена") from error
        self._files.append(file)
        return file
