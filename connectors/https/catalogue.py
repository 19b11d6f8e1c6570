"""Catalogue: which files does a manifest on the server name, and by what are they known?

JSON, `{"files": [{"name": "payments-1.csv", "sha256": "…", "size": 12, "url": "…"}]}`, or lines as `sha256sum` writes
them. A name that leads elsewhere, stands twice, or has no digest makes the whole manifest refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

from connectors.files import manifest as manifests
from lk_sync.errors import BadData

MAX_BYTES: Final = 4 << 20
MAX_FILES: Final = 20_000
_LINE: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """`url`: where it lies, if not under its name. Other keys are ignored."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    url: str | None = None


class _List(msgspec.Struct, frozen=True):
    files: tuple[Named, ...]


def read(body: bytes, where: str) -> dict[str, Named]:
    """The files by name."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    files = _of_json(text, where) if text.startswith((b"{", b"[")) else _of_lines(text, where)
    if len(files) > MAX_FILES:
        raise BadData(f"{where}: в манифесте больше {MAX_FILES} файлов")
    found: dict[str, Named] = {}
    for each in files:
        if not manifests.is_safe(each.name):
            raise BadData(f"{where}: имя «{each.name[:80]}» ведёт в другую папку или необычно; манифест не принят")
        if each.name in found:
            raise BadData(f"{where}: файл «{each.name}» назван дважды; манифест не принят")
        found[each.name] = each
    return found


def _of_json(text: bytes, where: str) -> tuple[Named, ...]:
    try:
        return msgspec.json.decode(text, type=_List).files
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{where}: манифест не читается ({error})") from error


def _of_lines(text: bytes, where: str) -> tuple[Named, ...]:
    files = []
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
        if line.strip():
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise BadData(
                    f"{where}, строка {number}: нужны SHA-256 и имя файла, как их пишет sha256sum; манифест не принят"
                )
            files.append(Named(name=match[2].removeprefix("./"), sha256=match[1]))
    return tuple(files)
