"""Assets: under which address may a browser keep a file for ever?

A file of `static/` is served as `/static/<name>.<hash of its content><suffix>`, so that a changed file is another
address. Everything is read once, when the process starts; nothing else on the disk can be asked for. `portal.css` is
sent with what the pages add to it (`pages/<noun>/page.css`): one request, and a page keeps its looks in its folder.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

HERE: Final = Path(__file__).parent / "static"
PAGES: Final = Path(__file__).parent / "pages"
STYLE: Final = "portal.css"
KINDS: Final = {  # not from the machine, whose lists differ
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent. `packed` is the same bytes under gzip."""

    address: str
    content_type: str
    body: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """File name in `static/` → what is served for it."""
    return {path.name: _asset(path) for path in sorted(HERE.iterdir()) if path.is_file()}


@cache
def by_address() -> dict[str, Asset]:
    return {asset.address: asset for asset in assets().values()}


def address(name: str) -> str:
    """The address of a file of `static/`. KeyError: there is no such file."""
    return assets()[name].address


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    if path.name == STYLE:
        body = b"\n".join((body, *(style.read_bytes() for style in sorted(PAGES.glob("*/page.css")))))
    digest = hashlib.sha256(body).hexdigest()[:16]
    kind = KINDS.get(path.suffix, "application/octet-stream")
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return Asset(f"/static/{path.stem}.{digest}{path.suffix}", kind + charset, body, gzip.compress(body, 9, mtime=0))
