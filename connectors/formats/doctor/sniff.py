"""Sniff: what is a file, by its first bytes and not by its name?"""

from __future__ import annotations

import zipfile
from typing import BinaryIO, Final, Literal

from connectors.formats import client_bank
from connectors.formats.dbf import VERSIONS

HEAD_BYTES: Final = 1 << 16
Kind = Literal[
    "empty", "zip", "xlsx", "ods", "ole", "dbf", "html", "xml", "client_bank", "pdf", "rtf", "gzip", "json", "text"
]
_BEGINNINGS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"\xd0\xcf\x11\xe0", "ole"),
    (b"%PDF", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\x1f\x8b", "gzip"),
)
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<script", b"<meta")
WORDS: Final[dict[Kind, str]] = {
    "empty": "пустой файл",
    "ods": "таблица LibreOffice (ODS)",
    "ole": "книга Excel старого вида (.xls) или под паролем",
    "html": "страница HTML",
    "pdf": "документ PDF",
    "rtf": "документ RTF",
    "gzip": "архив GZIP",
    "json": "данные JSON",
}


def kind(file: BinaryIO) -> Kind:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    if not head:
        return "empty"
    if head.startswith(b"PK"):
        return _of_zip(file)
    if _is_dbf(head):
        return "dbf"
    return _of_text(head)


def _of_zip(file: BinaryIO) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "zip"
    if "xl/workbook.xml" in names:
        return "xlsx"
    return "ods" if "content.xml" in names and "mimetype" in names else "zip"


def _is_dbf(head: bytes) -> bool:
    """The second byte on is a date; in a text there are letters or digits, which are no months and days."""
    return len(head) > 32 and head[0] in VERSIONS and head[2] <= 12 and head[3] <= 31 and head[8:10] > b"\x20\x00"


def _of_text(head: bytes) -> Kind:
    for mark in _MARKS:
        head = head.removeprefix(mark)
    plain = head.replace(b"\0", b"").lstrip(b" \t\r\n")
    if plain.startswith(client_bank.FIRST_LINE.encode()):
        return "client_bank"
    if plain.startswith((b"{", b"[{")):
        return "json"
    if not plain.startswith(b"<"):
        return "text"
    low = plain[:2000].lower()
    return "html" if any(mark in low for mark in _HTML) and not low.startswith(b"<?xml") else "xml"
