"""Layout: what does an export file look like, byte by byte?

Pure: the same items, number and layout give the same bytes. A file is CSV by RFC 4180 with a header and CRLF, in the
encoding, delimiter and decimal sign of its `ExportSetting`; beside it lies the manifest `<file>.ok`, JSON.

A spreadsheet would execute a cell of text that begins with one of `= + - @`, their full-width twins, a tab, a line
break or a NUL. Such a cell gets an apostrophe before it, and so does one that begins with an apostrophe. So a reader
takes one leading apostrophe off every cell of text and has the exact text again (`told`). Numbers are numbers and
never have one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lk_sync.config import ExportSetting
from lk_sync.contracts import ExportFile
from lk_sync.errors import SettingsError
from lk_sync.flow.items import KINDS, Said, decimal_text
from lk_sync.store.batches import Batch

EXECUTED: Final = tuple("=+-@\t\r\n\0＝＋－＠'")
FIRST_LINE: Final = 2  # line 1 is the header, as a spreadsheet counts
MANIFEST: Final = ".ok"
_SAFE_NAME: Final = re.compile(r"[0-9A-Za-zА-ЯЁа-яё_][0-9A-Za-zА-ЯЁа-яё._-]{0,99}\.csv")
_DELIMITERS: Final = ";,|\t"


def harmless(text: str) -> str:
    """`text` as a cell that no spreadsheet executes. `told` gives it back."""
    return f"'{text}" if text.startswith(EXECUTED) else text


def told(cell: str) -> str:
    """The text that `harmless` made a cell of."""
    return cell.removeprefix("'")


def file_name(setting: ExportSetting, number: int) -> str:
    """The name of file `number`. Raises SettingsError when `file` cannot give each number a safe name of its own."""
    names = [_formatted(setting.file, each) for each in (number, number + 1)]
    if names[0] == names[1] or not _SAFE_NAME.fullmatch(names[0]):
        raise SettingsError(
            f"exports: file: «{setting.file}» не годится; нужно имя без папок, с номером в фигурных скобках и "
            "окончанием .csv, например readings-{number:06d}.csv"
        )
    return names[0]


def _formatted(template: str, number: int) -> str:
    try:
        return template.format(number=number)
    except (KeyError, ValueError, IndexError, AttributeError):
        return ""


def checked(setting: ExportSetting, kind: str) -> ExportSetting:
    """The setting itself, for items of this kind. Raises SettingsError for one that files cannot be laid out by."""
    file_name(setting, 1)
    if setting.delimiter not in _DELIMITERS:
        raise SettingsError(f"exports: delimiter: «{setting.delimiter}» не годится; можно ; , | или табуляцию")
    for missing in KINDS[kind].needed - {field.value for field in setting.fields}:
        raise SettingsError(f"exports: fields: нет поля со значением {missing}, без него файл нельзя принять")
    names = [field.name for field in setting.fields]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"exports: fields: имя «{name}» стоит дважды")
        if not fits(name, setting):
            raise SettingsError(f"exports: fields: имя «{name}» не записать в кодировке {setting.encoding}")
    return setting


def all_checked(settings: Mapping[str, ExportSetting]) -> Mapping[str, ExportSetting]:
    """The settings of a sink, by kind. Raises SettingsError also when two kinds would give files the same name."""
    names: dict[str, str] = {}
    for kind, setting in settings.items():
        name = file_name(checked(setting, kind), 1)
        if other := names.get(name):
            raise SettingsError(f"exports: у {other} и {kind} одно имя файла «{setting.file}»; дайте каждому своё")
        names[name] = kind
    return settings


def fits(text: str, setting: ExportSetting) -> bool:
    """Whether the encoding of the file holds every character of `text`."""
    try:
        text.encode(setting.encoding)
    except UnicodeEncodeError:
        return False
    return True


def cells(setting: ExportSetting, item: str, said: Said) -> list[str]:
    """One line of the file, in the order of its fields."""
    texts = {"item": item, **said.cells(setting.decimal)}
    return [
        texts[field.value] if field.value in said.numbers else harmless(texts[field.value]) for field in setting.fields
    ]


def body(setting: ExportSetting, lines: Iterable[Sequence[str]]) -> bytes:
    """The bytes of the file: header and lines."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=setting.delimiter, lineterminator="\r\n")
    writer.writerow([field.name for field in setting.fields])
    writer.writerows(lines)
    return text.getvalue().encode(setting.encoding)


def line(setting: ExportSetting, cells: Sequence[str]) -> str:
    """One line of the file as it stands there, without its end."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=setting.delimiter, lineterminator="").writerow(cells)
    return text.getvalue()


def manifest(batch: Batch, setting: ExportSetting, attachments: ExportFile | None = None) -> bytes:
    """What the accounting system checks the file by, and how it is to be read."""
    total, summed = decimal_text(batch.control_sum), KINDS[batch.kind].summed
    said = {
        "file": batch.file,
        "number": batch.number,
        "kind": batch.kind,
        "rows": batch.row_count,
        "control_sum": total,
        "sums": {field.name: total for field in setting.fields if field.value == summed},
        "sha256": batch.sha256,
        "encoding": setting.encoding,
        "delimiter": setting.delimiter,
        "decimal": setting.decimal,
        "snapshot": False,
        "as_of": batch.created_at,
    }
    if attachments is not None:
        said["attachments"] = {"file": attachments.name, "sha256": sha256(attachments.body)}
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def export_file(
    batch: Batch, setting: ExportSetting, contents: bytes, attachments: ExportFile | None = None
) -> ExportFile:
    return ExportFile(
        name=batch.file,
        body=contents,
        manifest_name=batch.file + MANIFEST,
        manifest=manifest(batch, setting, attachments),
    )


def sha256(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()
