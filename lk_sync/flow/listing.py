"""Listing: how does a list for people become a file that any spreadsheet opens?

By its suffix: `.csv` (UTF-8 with its mark, semicolons) or `.xlsx`. No cell is taken for a formula. The file may name
people, so it is for its owner only.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from lk_sync.errors import SettingsError
from lk_sync.flow.layout import harmless


def write(file: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Raises SettingsError for another suffix and a place that cannot be written."""
    lines = [heading, *([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)]
    match file.suffix.lower():
        case ".csv":
            body = _csv(lines)
        case ".xlsx":
            body = _xlsx(lines)
        case _:
            raise SettingsError(f"{file}: нужен файл .csv или .xlsx")
    part = file.with_name(file.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            handle.write(body)
        part.replace(file)
    except OSError as error:
        raise SettingsError(f"{file}: файл не записывается ({error.strerror})") from error


def _csv(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(lines: Iterable[Sequence[object]]) -> bytes:
    from openpyxl import Workbook  # loaded when it is needed: a fifth of the time that a command takes to begin

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Непринятое")
    sheet.freeze_panes = "A2"
    for line in lines:
        sheet.append(list(line))
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()
