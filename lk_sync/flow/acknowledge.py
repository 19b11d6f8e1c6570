"""Acknowledge: what does the accounting system say to what it was given?

It lays `<stem of our file>.answer.csv` (a later word: `.answer-2.csv`, …) with the columns `id;status;code;text`
beside a manifest. Everything one file says is applied in one unit of work together with its SHA-256, so the same bytes
twice change nothing. A file that cannot be understood to its last line changes nothing either and goes to `error/`
with a report. A line that fits no item as it stands (unknown id, an item of another file, an item that was answered
otherwise before) is kept aside for a person; the first word on an item stands.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Final, cast

import msgspec

from lk_sync.clock import Clock, instant
from lk_sync.config import ExportSetting
from lk_sync.contracts import AnswerFile, Sink
from lk_sync.errors import BadData
from lk_sync.flow import layout
from lk_sync.store import answers, audit, batches, outbox
from lk_sync.store.answers import Reason, Stray
from lk_sync.store.batches import Batch
from lk_sync.store.database import Store, Tx
from lk_sync.store.outbox import Verdict

COLUMNS: Final = ["id", "status", "code", "text"]
VERDICTS: Final = ("confirmed", "rejected")
MAX_CODE: Final = 100
MAX_TEXT: Final = 1000
_ANSWER_NAME: Final = re.compile(r"(.+)\.answer(?:-\d{1,6})?\.csv")
_UNREADABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_REASONS: Final[dict[Reason, str]] = {
    "unknown_item": "записи с таким id мы не передавали",
    "other_batch": "запись с таким id передана в другом файле",
    "contradiction": "на запись с таким id уже получен другой ответ, он и остался в силе",
}


class Refused(msgspec.Struct, frozen=True):
    """An answer file that went to `error/`, with nothing of it applied."""

    file: str
    reason: str


class Answered(msgspec.Struct, kw_only=True):
    """What answer files said. `repeated`: lines that say what is known already."""

    files: int = 0
    confirmed: int = 0
    rejected: int = 0
    repeated: int = 0
    strays: list[Stray] = []
    refused: list[Refused] = []

    def add(self, other: Answered) -> None:
        for name in ("files", "confirmed", "rejected", "repeated"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.strays = self.strays + other.strays
        self.refused = self.refused + other.refused


class Line(msgspec.Struct, frozen=True):
    """A line of an answer file; `line` counts as a spreadsheet does, the header being 1."""

    line: int
    item: str
    status: Verdict
    code: str
    text: str

    @property
    def word(self) -> tuple[str, str, str]:
        return self.status, self.code, self.text


class Garbled(BadData):
    """The file cannot be understood: `reason`, on line `line` (0: the file as a whole)."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"строка {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


def collect(store: Store, *, name: str, sink: Sink, now: Clock) -> Answered:
    """Apply every answer file that lies at the sink `name`, each exactly once."""
    answered = Answered()
    for file in sink.answers():
        try:
            answered.add(store.write_now(partial(_take, sink=name, file=file, now=now())))
        except Garbled as fault:
            answered.refused.append(Refused(file.name, str(fault)))
            store.write_now(partial(_audit_refusal, sink=name, file=file, reason=str(fault), now=now()))
            sink.put_aside(file, taken=False, report=_report([(fault.line, "garbled", fault.reason)]))
        else:
            sink.put_aside(file, taken=True, report=_strays_report(store, name, file))
    return answered


def _take(tx: Tx, *, sink: str, file: AnswerFile, now: datetime) -> Answered:
    """Applies the file unless these bytes have been applied. Raises Garbled, and then nothing is."""
    if file.fault is not None:
        raise Garbled(0, file.fault)
    sha256 = layout.sha256(file.body)
    said = Answered(files=1)
    if answers.taken(tx, sink=sink, sha256=sha256):
        return said
    batch = _batch(tx, sink=sink, name=file.name)
    lines = read(file.body, msgspec.json.decode(batch.layout, type=ExportSetting))
    answers.take(tx, sink=sink, sha256=sha256, file=file.name, rows=len(lines), now=now)
    for line in lines:
        if reason := _apply(tx, line, batch=batch, file=file.name, said=said, now=now):
            stray = _stray(line, sink=sink, file=file.name, reason=reason, now=now)
            answers.stray(tx, stray, sha256=sha256)
            said.strays.append(stray)
    return said


def _batch(tx: Tx, *, sink: str, name: str) -> Batch:
    """The export file that an answer file of this name speaks of."""
    match = _ANSWER_NAME.fullmatch(name)
    if match is None:
        raise Garbled(0, f"«{name}» — не имя ответа; ожидается <имя нашего файла без .csv>.answer.csv")
    batch = batches.by_file(tx, sink=sink, file=f"{match[1]}.csv")
    if batch is None:
        raise Garbled(0, f"файла {match[1]}.csv, на который это ответ, мы не передавали")
    return batch


def _apply(tx: Tx, line: Line, *, batch: Batch, file: str, said: Answered, now: datetime) -> Reason | None:
    """Applies one line; the reason if it fits no item as it stands."""
    known = outbox.find(tx, item=line.item)
    if known is None or known.sink is None:
        return "unknown_item"
    if (known.sink, known.batch) != (batch.sink, batch.number):
        return "other_batch"
    if known.answered_at is not None:
        if (known.state, known.answer_code, known.answer_text) != line.word:
            return "contradiction"
        said.repeated += 1
        return None
    _settle(tx, line, batch=batch, file=file, now=now)
    if line.status == "confirmed":
        said.confirmed += 1
    else:
        said.rejected += 1
    return None


def _settle(tx: Tx, line: Line, *, batch: Batch, file: str, now: datetime) -> None:
    outbox.answer(
        tx,
        item=line.item,
        sink=batch.sink,
        number=batch.number,
        verdict=line.status,
        code=line.code,
        text=line.text,
        now=now,
    )
    audit.append(
        tx,
        actor=audit.SYSTEM,
        act=f"item_{line.status}",
        object=f"item:{line.item}",
        now=now,
        detail={"file": file, "line": line.line, "code": line.code},
    )


def _stray(line: Line, *, sink: str, file: str, reason: Reason, now: datetime) -> Stray:
    return Stray(
        sink=sink,
        file=file,
        line=line.line,
        item=line.item,
        status=line.status,
        code=line.code,
        text=line.text,
        reason=reason,
        found_at=instant(now),
    )


def read(body: bytes, setting: ExportSetting) -> list[Line]:
    """The lines of an answer file, written in the encoding and with the delimiter of the file it answers.

    Raises Garbled unless every line can be understood and none contradicts another.
    """
    rows = _rows(_decoded(body, setting.encoding), setting.delimiter)
    if next(rows, (1, []))[1] != COLUMNS:
        raise Garbled(1, f"ожидается заголовок {setting.delimiter.join(COLUMNS)}")
    lines: dict[str, Line] = {}
    for number, row in rows:
        if not row:  # a blank line says nothing
            continue
        line = _line(number, row)
        if lines.setdefault(line.item, line).word != line.word:
            raise Garbled(number, f"на id {line.item} в этом файле два разных ответа")
    return list(lines.values())


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Garbled(line, f"байт {error.start + 1} файла не из кодировки {encoding}") from error


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            yield number, row
    except csv.Error as error:
        raise Garbled(number + 1, f"это не CSV, или файл обрезан ({error})") from error


def _line(number: int, row: list[str]) -> Line:
    if len(row) != len(COLUMNS):
        raise Garbled(number, f"полей {len(row)} вместо {len(COLUMNS)}")
    item, status, code, text = row
    if any(_UNREADABLE.search(cell) for cell in row):
        raise Garbled(number, "недопустимый знак; вероятно, файл повреждён или в другой кодировке")
    if status not in VERDICTS:
        raise Garbled(number, f"состояние «{status[:40]}» неизвестно; бывает confirmed и rejected")
    if not item or len(code) > MAX_CODE or len(text) > MAX_TEXT:
        raise Garbled(number, f"пустой id, code длиннее {MAX_CODE} или text длиннее {MAX_TEXT} знаков")
    return Line(number, item, cast("Verdict", status), code, text)


def _strays_report(store: Store, sink: str, file: AnswerFile) -> str | None:
    """A report on the lines of the file that fit no item, also when they were found before a crash."""
    sha256 = layout.sha256(file.body)
    strays = store.read(partial(answers.strays_of, sink=sink, sha256=sha256))
    if not strays:
        return None
    return _report((stray.line, stray.reason, f"{stray.item}: {_REASONS[stray.reason]}") for stray in strays)


def _report(faults: Iterable[tuple[int, str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["row", "code", "text"])
    writer.writerows((line, code, layout.harmless(sentence)) for line, code, sentence in faults)
    return text.getvalue()


def _audit_refusal(tx: Tx, *, sink: str, file: AnswerFile, reason: str, now: datetime) -> None:
    audit.append(
        tx,
        actor=audit.SYSTEM,
        act="answer_refused",
        object=f"answer:{sink}/{file.name}",
        now=now,
        detail={"sha256": layout.sha256(file.body), "reason": reason},
    )
