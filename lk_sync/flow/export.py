"""Export: how does what subscribers handed in reach the accounting system exactly once?

A file gets its number, its items and their lines in one committed unit of work; then it is laid out, delivered and
marked. Wherever this is cut short, the next push finds the file undelivered, makes the same bytes under the same
number out of the same items and delivers it again; a sink takes that as no news. At most one file is under way: a
new number is taken only when all former ones have arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

import msgspec

from lk_sync.clock import Clock, instant
from lk_sync.config import ExportSetting, SinkSetting
from lk_sync.contracts import ExportFile, Sink
from lk_sync.errors import BadData, Busy
from lk_sync.flow import acknowledge, archive, items, layout
from lk_sync.flow.acknowledge import Answered, Refused
from lk_sync.flow.items import Packed
from lk_sync.store import audit, batches, outbox
from lk_sync.store.attachments import Attachments
from lk_sync.store.batches import Batch
from lk_sync.store.database import Store, Tx


class Withheld(msgspec.Struct, frozen=True):
    """An item that cannot be written in the file's encoding. It goes on waiting."""

    item: str
    reason: str


class PushReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one push did: items in files that arrived, verdicts, and what a person has to look at."""

    sink: str
    files: tuple[str, ...]
    exported: int
    confirmed: int
    rejected: int
    stray: int
    withheld: tuple[Withheld, ...]
    refused: tuple[Refused, ...]

    @property
    def needs_attention(self) -> bool:
        return bool(self.stray or self.withheld or self.refused)


class _Line(msgspec.Struct, frozen=True):
    item: str
    cells: list[str]
    amount: int
    noun: str
    packed: Sequence[Packed]


def push(
    store: Store, *, name: str, setting: SinkSetting, sink: Sink, attachments: Attachments, now: Clock
) -> PushReport:
    """Deliver everything that waits for the sink `name`, then apply the answers that lie there.

    Safe to repeat at any time and after any crash. Raises SettingsError, Unreachable, AccessDenied, BadData or Busy
    with nothing lost: what was not delivered goes on waiting.
    """
    layouts = layout.all_checked(setting.exports.by_kind)
    sink.channel()
    deliver = partial(_deliver, store, name=name, sink=sink, attachments=attachments, now=now)
    delivered = list(deliver())
    withheld: list[Withheld] = []
    for kind, export in layouts.items():
        full = True
        while full:
            opened = store.write_now(
                partial(_open_batch, sink=name, kind=kind, setting=export, attachments=attachments, now=now())
            )
            delivered += deliver()
            full = opened.full
        withheld += opened.withheld
    return _report(name, delivered, withheld, acknowledge.collect(store, name=name, sink=sink, now=now))


def _report(name: str, delivered: list[Batch], withheld: list[Withheld], answered: Answered) -> PushReport:
    return PushReport(
        sink=name,
        files=tuple(batch.file for batch in delivered),
        exported=sum(batch.row_count for batch in delivered),
        confirmed=answered.confirmed,
        rejected=answered.rejected,
        stray=len(answered.strays),
        withheld=tuple(withheld),
        refused=tuple(answered.refused),
    )


class _Opened(msgspec.Struct, frozen=True):
    """`full`: more may wait than the file holds. `withheld` is complete when it is not full."""

    full: bool
    withheld: list[Withheld]


def _open_batch(
    tx: Tx, *, sink: str, kind: str, setting: ExportSetting, attachments: Attachments, now: datetime
) -> _Opened:
    """Takes the next number for what waits, if anything does."""
    lines: list[_Line] = []
    withheld: list[Withheld] = []
    heavy, full = 0, False
    for item in outbox.waiting(tx, kind=kind):
        line = _line(item, kind, setting)
        if reason := _unwritable(line, setting) or _incomplete(line, attachments):
            withheld.append(Withheld(line.item, reason))
            continue
        heavy += sum(each.file.size for each in line.packed)
        full = len(lines) == setting.max_rows or (bool(lines) and heavy > archive.MOST_BYTES)
        if full:
            break
        lines.append(line)
    if lines:
        _assign(tx, _numbered(tx, lines, sink=sink, kind=kind, setting=setting, now=now), lines, now=now)
    return _Opened(full=full, withheld=withheld)


def _line(item: outbox.Item, kind: str, setting: ExportSetting) -> _Line:
    said = items.read(kind, item.payload)
    return _Line(item.item, layout.cells(setting, item.item, said), said.amount, said.noun, said.packed)


def _unwritable(line: _Line, setting: ExportSetting) -> str | None:
    for field, cell in zip(setting.fields, line.cells, strict=True):
        if not layout.fits(cell, setting):
            return (
                f"поле «{field.name}»: «{cell[:200]}» не записать в кодировке {setting.encoding}; {line.noun} ждёт "
                "выгрузки, укажите для неё encoding: utf-8"
            )
    return None


def _incomplete(line: _Line, attachments: Attachments) -> str | None:
    if (gone := archive.missing(attachments, line.packed)) is not None:
        return f"{line.noun} ждёт выгрузки: файла «{gone.name}» нет на диске, верните папку вложений из копии"
    return None


def _numbered(tx: Tx, lines: list[_Line], *, sink: str, kind: str, setting: ExportSetting, now: datetime) -> Batch:
    number = batches.next_number(tx, sink=sink)
    return Batch(
        sink=sink,
        number=number,
        kind=kind,
        file=layout.file_name(setting, number),
        row_count=len(lines),
        control_sum=sum(line.amount for line in lines),
        sha256=layout.sha256(layout.body(setting, (line.cells for line in lines))),
        layout=msgspec.json.encode(setting).decode(),
        created_at=instant(now),
    )


def _assign(tx: Tx, batch: Batch, lines: Iterable[_Line], *, now: datetime) -> None:
    batches.open(tx, batch)
    places = [(place, line.item) for place, line in enumerate(lines, layout.FIRST_LINE)]
    if outbox.batch(tx, sink=batch.sink, number=batch.number, lines=places) != batch.row_count:
        raise Busy(f"{batch.sink}: накопленное выгружает сейчас другой процесс; повторите позже")
    _audit(tx, "batch_opened", batch, now=now)


def _deliver(store: Store, *, name: str, sink: Sink, attachments: Attachments, now: Clock) -> Iterator[Batch]:
    """Brings every file that has not arrived to the sink, in the order of the numbers; what goes with it, before it."""
    for batch in store.read(partial(batches.undelivered, sink=name)):
        for file in _made_again(store, batch, attachments):
            sink.deliver(file)
        store.write_now(partial(_mark_delivered, batch=batch, now=now()))
        yield batch


def _made_again(store: Store, batch: Batch, attachments: Attachments) -> list[ExportFile]:
    """The file out of its items and its layout; before it the archive of what goes with it, if anything does. Raises
    BadData rather than change bytes under a used number."""
    setting = msgspec.json.decode(batch.layout, type=ExportSetting)
    found = store.read(partial(outbox.of_batch, sink=batch.sink, number=batch.number))
    lines = [_line(item, batch.kind, setting) for item in found]
    body = layout.body(setting, (line.cells for line in lines))
    if layout.sha256(body) != batch.sha256:
        raise BadData(
            f"{batch.sink}: файл {batch.file} собирается не таким, каким был записан при присвоении номера; "
            "хранилище повреждено или программа изменилась, файл не отправлен"
        )
    packed = [each for line in lines for each in line.packed]
    if not packed:
        return [layout.export_file(batch, setting, body)]
    beside = archive.packed_file(batch, packed, attachments, manifest=layout.MANIFEST)
    return [beside, layout.export_file(batch, setting, body, beside)]


def _mark_delivered(tx: Tx, *, batch: Batch, now: datetime) -> None:
    if batches.delivered(tx, sink=batch.sink, number=batch.number, now=now):
        outbox.export(tx, sink=batch.sink, number=batch.number, now=now)
        _audit(tx, "batch_delivered", batch, now=now)


def _audit(tx: Tx, act: str, batch: Batch, *, now: datetime) -> None:
    """One line for the file: which items are in it, and on which line, is kept with the items for good."""
    audit.append(
        tx,
        actor=audit.SYSTEM,
        act=act,
        object=f"batch:{batch.sink}/{batch.number}",
        now=now,
        detail={"file": batch.file, "rows": batch.row_count, "sha256": batch.sha256},
    )
