"""Pip wheel: where is pip's own wheel, and is what came really it?

Asks the package index that pip itself would ask (its variables and configuration files, PEP 503 and PEP 691), takes
the newest final release that fits this Python, and keeps it only if its SHA-256 is the one the index states.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

PYPI: Final = "https://pypi.org/simple"
ACCEPT: Final = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
FINAL_RELEASE: Final = re.compile(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl")
AT_LEAST: Final = re.compile(r">=\s*(\d+)\.(\d+)")
SECONDS: Final = 30


class NoWheel(Exception):
    """No index had a wheel of pip that could be fetched and verified; the text says why."""


@dataclass(frozen=True)
class Found:
    """One file of the index."""

    version: tuple[int, ...]
    address: str
    sha256: str


def fetch_pip(folder: Path) -> Path:
    """The verified wheel, laid into `folder`. Raises NoWheel."""
    reasons: list[str] = []
    settings = configured()
    for index in indexes(settings):
        try:
            return _fetch(newest(index, settings), folder, settings)
        except (OSError, ValueError, NoWheel) as error:
            reasons.append(f"{shown(index)}: {error}")
    raise NoWheel("; ".join(reasons))


def configured() -> dict[str, str]:
    """pip's settings in pip's order: files from the machine's to the user's, then variables."""
    settings: dict[str, str] = {}
    for file in files():
        parser = configparser.RawConfigParser()
        parser.read(file, "utf-8")
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[name[4:].lower().replace("_", "-")] = value
    return settings


def files() -> list[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    machine = [Path(folder) / "pip" / "pip.conf" for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    if named and Path(named).exists():  # then pip leaves the user's own file alone
        return [*machine, Path("/etc/pip.conf"), Path(named)]
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pip" / "pip.conf"
    return [*machine, Path("/etc/pip.conf"), Path.home() / ".pip" / "pip.conf", user]


def indexes(settings: dict[str, str]) -> list[str]:
    return [settings.get("index-url", PYPI), *settings.get("extra-index-url", "").split()]


def newest(index: str, settings: dict[str, str]) -> Found:
    """The newest final release of pip there that runs on this Python."""
    address = f"{index.rstrip('/')}/pip/"
    body, kind, final_address = read(address, settings)
    listed = from_json(body, final_address) if kind.endswith("+json") else from_html(body, final_address)
    fitting = sorted(listed, key=lambda found: found.version)
    if not fitting:
        raise NoWheel("нет подходящего выпуска pip")
    return fitting[-1]


def from_json(body: bytes, base: str) -> Iterator[Found]:
    for file in json.loads(body)["files"]:
        if not file.get("yanked"):
            address = urllib.parse.urljoin(base, file["url"])
            yield from taken(file["filename"], address, file["hashes"].get("sha256"), file.get("requires-python"))


def from_html(body: bytes, base: str) -> Iterator[Found]:
    anchors = Anchors()
    anchors.feed(body.decode("utf-8"))
    for anchor in anchors.found:
        address, _, fragment = urllib.parse.urljoin(base, anchor.get("href") or "").partition("#")
        name = urllib.parse.unquote(address.rpartition("/")[2])
        digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None
        if "data-yanked" not in anchor:
            yield from taken(name, address, digest, anchor.get("data-requires-python"))


class Anchors(HTMLParser):
    """The links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def taken(name: str, address: str, sha256: str | None, requires: str | None) -> Iterator[Found]:
    """The file, if it is a final release for this Python whose hash is stated."""
    release = FINAL_RELEASE.fullmatch(name)
    least = AT_LEAST.search(requires or "")
    fits = least is None or sys.version_info >= (int(least[1]), int(least[2]))
    if release and sha256 and fits:
        yield Found(tuple(int(part) for part in release[1].split(".")), address, sha256)


def _fetch(found: Found, folder: Path, settings: dict[str, str]) -> Path:
    body, _, _ = read(found.address, settings)
    if hashlib.sha256(body).hexdigest() != found.sha256:
        raise NoWheel("контрольная сумма колеса pip не сошлась с указателем")
    wheel = folder / found.address.rpartition("/")[2]
    wheel.write_bytes(body)
    return wheel


def read(address: str, settings: dict[str, str]) -> tuple[bytes, str, str]:
    """Body, content type and final address. Verified TLS or a local file, nothing else."""
    if address.startswith("file://"):
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(address).path))
        page = path / "index.html" if path.is_dir() else path
        return page.read_bytes(), "text/html", address
    if not address.startswith("https://"):
        raise NoWheel("указатель пакетов без TLS")
    request = urllib.request.Request(*with_password(address))  # noqa: S310  # https only, checked above
    context = ssl.create_default_context(cafile=settings.get("cert"))
    with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:  # noqa: S310  # as above
        return answer.read(), answer.headers.get_content_type(), answer.geturl()


def with_password(address: str) -> tuple[str, None, dict[str, str]]:
    """The address without a password in it, no body, and headers with that password."""
    parts = urllib.parse.urlsplit(address)
    headers = {"Accept": ACCEPT, "User-Agent": "lk-sync demo"}
    if parts.username is None:
        return address, None, headers
    pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), None, headers


def shown(address: str) -> str:
    """An index as it may be printed: without a password."""
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
