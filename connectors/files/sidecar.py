"""Sidecar: what does the writer of a file promise of it, in whatever form?

NAME.ok       the manifest (`manifest`), or nothing at all: the file is whole
NAME.sha256   the digest, as `sha256sum` writes it        NAME.md5   likewise
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

import msgspec

from connectors.files import manifest as manifests
from connectors.files.manifest import Manifest
from lk_sync.errors import BadData

SUFFIXES: Final = (manifests.SUFFIX, ".sha256", ".md5")
_DIGEST: Final = re.compile(r"([0-9a-fA-F]{32,64})(?:[ \t]+\*?(.+))?")
_LENGTHS: Final = {".sha256": 64, ".md5": 32}
_BLOCK: Final = 1 << 20


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """None: not said."""

    manifest: Manifest | None = None
    sha256: str | None = None
    md5: str | None = None

    @property
    def says_bytes(self) -> bool:
        return self.sha256 is not None or self.md5 is not None


def found(name: str, names: Mapping[str, object]) -> tuple[str, ...]:
    """The suffixes of the sidecars that lie beside `name`."""
    return tuple(suffix for suffix in SUFFIXES if name + suffix in names)


def read(name: str, suffixes: tuple[str, ...], bytes_of: Callable[[str, int], bytes]) -> Promise:
    """Raises BadData with what is wrong in a sidecar."""
    plain = name.rpartition("/")[2]
    promise = Promise()
    for suffix in suffixes:
        body = bytes_of(name + suffix, manifests.MAX_BYTES)
        if suffix == manifests.SUFFIX:
            manifest = manifests.read(body, file=plain) if body.strip() else None
            promise = msgspec.structs.replace(
                promise, manifest=manifest, sha256=manifest.sha256.lower() if manifest else None
            )
        else:
            promise = msgspec.structs.replace(promise, **{suffix[1:]: _digest(body, plain, suffix)})
    return promise


def _digest(body: bytes, name: str, suffix: str) -> str:
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    match = _DIGEST.fullmatch(text)
    if match is None or len(match[1]) != _LENGTHS[suffix]:
        raise BadData(f"{name}{suffix}: это не контрольная сумма; нужна одна строка, как пишет {suffix[1:]}sum")
    if match[2] is not None and re.split(r"[/\\]", match[2].strip())[-1] != name:
        raise BadData(f"{name}{suffix}: контрольная сумма другого файла, «{match[2][:80]}»")
    return match[1].lower()


def check(promise: Promise, file: BinaryIO, name: str) -> str:
    """The SHA-256 of the file. Raises BadData unless its bytes are those that were promised."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while block := file.read(_BLOCK):
        sha256.update(block)
        if promise.md5 is not None:
            md5.update(block)
    if promise.sha256 not in (None, sha256.hexdigest()):
        where = "манифесте" if promise.manifest else "файле .sha256"
        raise BadData(f"{name}: содержимое не то, что в {where} (SHA-256 не сходится); файл повреждён или обрезан")
    if promise.md5 not in (None, md5.hexdigest()):
        raise BadData(f"{name}: содержимое не то, что в файле .md5 (MD5 не сходится); файл повреждён или обрезан")
    return sha256.hexdigest()
