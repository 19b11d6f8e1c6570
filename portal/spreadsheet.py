"""Spreadsheet: how does a table leave the portal as a file that a spreadsheet opens?

Numbers are written exactly, as numbers; text stays text whatever it begins with, for what an accounting system or a
neighbour has typed must never be executed on a subscriber's computer. XLSX is made by openpyxl, off the event loop and
one at a time in a process; CSV is as a spreadsheet of the reader's language expects it.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import quote

import msgspec
from aiohttp import web

from lk_sync.records import Kopecks, Micro
from portal.refusal import Refusal

if TYPE_CHECKING:
    from openpyxl import Workbook

Kind = Literal["text", "money", "price", "volume", "count"]
Cell = str | int | None  # text; kopecks or millionths, as the column says; a Formula is a text of ours
QUEUE: Final = 16
COME_BACK_SECONDS: Final = 5
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"
EXECUTABLE: Final = tuple("=+-@\t\r\n＝＋－＠")
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
UNSAFE_IN_A_NAME: Final = re.compile(r"[^\w.-]+")
NUMBER_FORMATS: Final = {
    "text": "@", "money": "#,##0.00", "price": "#,##0.00####", "volume": "#,##0.######", "count": "0",
}  # fmt: skip
DECIMALS: Final = {"money": 2, "price": 6, "volume": 6, "count": 0}


class Formula(str):
    """A cell that the spreadsheet computes: ours, never made of anybody's text. Begins with `=`."""

    __slots__ = ()


class Column(NamedTuple):
    title: str
    kind: Kind = "text"
    width: int = 14


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A table with its columns. `bold`: the numbers of rows that sum others up, from 0."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    bold: frozenset[int] = frozenset()


class Makers:
    """The thread that makes files. `close` it with the application."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spreadsheet")
        self._queued = 0

    async def make(self, work: Callable[[], bytes]) -> bytes:
        """Raises Refusal (503) when too many wait."""
        if self._queued >= QUEUE:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=COME_BACK_SECONDS)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._queued -= 1

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)


MAKERS: Final = web.AppKey("spreadsheets", Makers)


def setup(app: web.Application) -> None:
    app[MAKERS] = Makers()
    app.on_cleanup.append(_close)


async def _close(app: web.Application) -> None:
    app[MAKERS].close()


async def xlsx(request: web.Request, sheets: Sequence[Sheet], name: str) -> web.Response:
    """The tables as a workbook with the file name `name`.xlsx."""
    body = await request.app[MAKERS].make(lambda: workbook(sheets))
    return attachment(body, f"{name}.xlsx", XLSX)


def attachment(body: bytes, name: str, content_type: str) -> web.Response:
    """A file to keep. The name may hold anything: what a path or a header could stumble on is left out."""
    safe = UNSAFE_IN_A_NAME.sub("-", name).strip("-.")
    ascii_only = UNSAFE_IN_A_NAME.sub("-", safe.encode("ascii", "replace").decode().replace("?", "_"))
    disposition = f"attachment; filename=\"{ascii_only}\"; filename*=UTF-8''{quote(safe)}"
    return web.Response(body=body, headers={"Content-Type": content_type, "Content-Disposition": disposition})


def plain(text: str) -> str:
    """Text without characters that no file bears."""
    return CONTROL.sub("", text)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula when it reads it from a CSV."""
    text = plain(text)
    return f"'{text}" if text.lstrip(" \N{NO-BREAK SPACE}").startswith(EXECUTABLE) else text


# CSV


def csv_of(sheet: Sheet, language: str) -> bytes:
    """With the separators that a spreadsheet of this language takes: semicolon and comma in Russian."""
    delimiter, point = (";", ",") if language == "ru" else (",", ".")
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    rows.writerow([harmless(column.title) for column in sheet.columns])
    kinds = [column.kind for column in sheet.columns]
    rows.writerows([_written(cell, kind, point) for cell, kind in zip(row, kinds, strict=True)] for row in sheet.rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _written(cell: Cell, kind: Kind, point: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    least = 2 if kind in ("money", "price") else 0
    return decimal_text(cell, DECIMALS[kind], least).replace(".", point)


def decimal_text(value: Kopecks | Micro, decimals: int, least: int) -> str:
    """123450000 with 6 and 2 → `123.45`: as many decimals as it has, `least` at least."""
    whole, rest = divmod(abs(value), 10**decimals)
    shown = f"{rest:0{decimals}d}".rstrip("0").ljust(least, "0") if decimals else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' if shown else ''}{shown}"


# XLSX


def workbook(sheets: Sequence[Sheet]) -> bytes:
    from openpyxl import Workbook  # its 14 MB are for a process that makes a file, not for each that might

    book = Workbook(write_only=True)
    book.calculation.fullCalcOnLoad = True
    for sheet in sheets:
        _add(book, sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _add(book: Workbook, sheet: Sheet) -> None:
    page = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", plain(sheet.title))[:31])
    page.freeze_panes = "A2"
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", 9
    page.sheet_properties.pageSetUpPr.fitToPage, page.page_setup.fitToHeight = True, 0
    for number, column in enumerate(sheet.columns):
        page.column_dimensions[_letters(number)].width = column.width
    page.append([_cell(page, column.title, "text", bold=True) for column in sheet.columns])
    for number, row in enumerate(sheet.rows):
        bold = number in sheet.bold
        cells = zip(row, sheet.columns, strict=True)
        page.append([_cell(page, cell, column.kind, bold=bold) for cell, column in cells])


def _cell(page: Any, value: Cell, kind: Kind, *, bold: bool) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    if value is None or value == "":
        return None
    cell: Any
    if isinstance(value, Formula):
        cell = WriteOnlyCell(page, str(value))
        cell.number_format = NUMBER_FORMATS[kind]
    elif isinstance(value, str):
        cell = WriteOnlyCell(page, text := plain(value))
        cell.data_type = "s"  # whatever it begins with
        cell.quotePrefix = text.startswith(EXECUTABLE)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    else:
        cell = WriteOnlyCell(page, 0)
        cell._value = decimal_text(value, DECIMALS[kind], 0)  # openpyxl would make a float of it, and sixteen digits
        cell.number_format = NUMBER_FORMATS[kind]
    if bold:
        cell.font = Font(bold=True)
    return cell


def _letters(number: int) -> str:
    """0 → `A`, 26 → `AA`."""
    first, last = divmod(number, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)
