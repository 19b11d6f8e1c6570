"""Text file: what table is a text that says nothing of itself?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from connectors.formats import text
from connectors.formats.doctor import letters, table
from connectors.formats.doctor.letters import Letters
from connectors.formats.doctor.shape import SAMPLE_ROWS, Shape, header_told, shape
from connectors.formats.options import FileOptions, TotalLine
from connectors.formats.registry import open_file
from lk_sync.contracts import Diagnosis, Remark
from lk_sync.errors import LkError

HEAD_BYTES: Final = 1 << 18
UNKNOWN: Final = ("кодировка", "неизвестна")
SHOWN: Final = {"\t": "табуляция", " ": "пробел"}
REGISTER: Final = {"format": "register", "profile": "../registers/описание-этого-реестра.yaml"}
EXPORT: Final = "выгружайте таблицу: CSV с разделителем «;» и заголовком в первой строке"


def examine(file: BinaryIO, name: str) -> Diagnosis:
    found = letters.letters(file)
    encoding = found.encoding or found.likely or "cp1251"
    lines = list(_first(file, encoding))
    ends = [line for line in text.tail(file, encoding) if line.strip()]
    shaped = shape(lines, ends[-1] if ends else "")
    facts = [("кодировка", f"{encoding}: {found.proof}" if found.encoding else UNKNOWN[1])]
    if shaped is None:
        remark = Remark(what="строки не делятся на одинаковое число полей ни одним знаком", advice=EXPORT)
        return Diagnosis(
            kind="текст, но не таблица", facts=tuple(facts), remarks=(*found.remarks, remark), readable=False
        )
    return _table(file, name, encoding, found, shaped, facts)


def _first(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The first whole lines."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    decoded = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    lines = text.split(decoded)
    yield from (lines[:-1] if len(head) == HEAD_BYTES else lines)[:SAMPLE_ROWS]


def _table(
    file: BinaryIO, name: str, encoding: str, found: Letters, shaped: Shape, facts: list[tuple[str, str]]
) -> Diagnosis:
    options = _options(encoding, shaped)
    facts += [("разделитель", f"«{_shown(shaped)}», полей в строке {shaped.width}")]
    facts += [("заголовок", header_told(shaped))]
    remarks = [*found.remarks, *_unsure(shaped)]
    kind = "таблица с разделителем (csv)"
    try:
        opened = open_file(file, name=name, options=options)
    except LkError as error:
        return Diagnosis(kind=kind, facts=tuple(facts), remarks=(*remarks, Remark(what=str(error))), readable=False)
    looked = table.look(opened)
    ended = opened.ended
    opened.close()
    remarks += [remark for remark in looked.remarks if not (shaped.uneven and "вместо" in remark.what)]
    if shaped.total is not None and options.total is not None:
        total, amiss = table.totals(shaped.total, options.total.starts, looked)
        remarks += amiss
        options = msgspec.structs.replace(options, total=total)
    if not ended and shaped.total is None:
        remarks.append(_unfinished(looked.torn > 0))
        options = msgspec.structs.replace(options, open_end=not looked.torn)
    return Diagnosis(
        kind=kind,
        facts=(*facts, *table.facts(looked)),
        remarks=tuple(remarks),
        rows=looked.rows + looked.torn,
        options=REGISTER if shaped.uneven else _draft(options, certain=found.encoding is not None),
    )


def _options(encoding: str, shaped: Shape) -> FileOptions:
    return FileOptions(
        format="csv",
        encoding=encoding,  # type: ignore[arg-type] # is one of those that encodings knows
        delimiter=shaped.delimiter,
        header=shaped.header is not None,
        skip_lines=shaped.before,
        comment=shaped.comments,
        skip_blank=shaped.blank,
        closing_delimiter=shaped.closing,
        total=None if shaped.total is None else TotalLine(starts=table.starts(shaped.total[0])),
    )


def _shown(shaped: Shape) -> str:
    return SHOWN.get(shaped.delimiter, shaped.delimiter)


def _unsure(shaped: Shape) -> Iterator[Remark]:
    if not shaped.certain:
        yield Remark(
            what="не ясно, заголовок ли в первой строке",
            advice="посмотрите сами; если это данные, добавьте header: false",
            grave=False,
        )
    if shaped.other_header:
        comma = "; запятая — и разделитель, и знак дроби?" if shaped.delimiter == "," else ""
        yield Remark(
            what=f"в заголовке полей {shaped.other_header}, а в строках {shaped.width}{comma}",
            advice="выгружайте с разделителем «;» и берите в кавычки значения, в которых он есть",
        )
    if shaped.closing:
        yield Remark(
            what="в конце каждой строки лишний разделитель", advice="читается с closing_delimiter", grave=False
        )
    if shaped.uneven:
        yield Remark(
            what=f"в строках разное число полей, похоже на реестр банка{' с полями СЛОВО:ЗНАЧЕНИЕ' * shaped.pairs}",
            advice="опишите его: format: register и profile (образцы — в config/registers/)",
            grave=False,
        )
    elif shaped.share < 1 - 1 / SAMPLE_ROWS and shaped.delimiter in (",", ":", " "):
        yield Remark(
            what=f"разделитель «{_shown(shaped)}» не наверняка: он бывает и внутри значений",
            advice="выгружайте с разделителем «;» и берите в кавычки значения, в которых он есть",
        )


def _unfinished(torn: bool) -> Remark:
    what = "последняя строка не закончена переводом строки"
    advice = "убедитесь, что файл не обрезан; если так пишет сама программа — options.open_end"
    return Remark(
        what=f"{what}, и есть рваные строки: файл, похоже, обрезан" if torn else what, advice=advice, grave=torn
    )


def _draft(options: FileOptions, *, certain: bool) -> dict[str, Any]:
    """An encoding that is not certain is left for a person to say."""
    said = table.drafted(options, FileOptions(encoding="utf-8", delimiter=";"))
    return said if certain else {key: value for key, value in said.items() if key != "encoding"}
