"""Dataset: would this file be taken for that dataset as it is described, and which rows would not?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final

import msgspec

from connectors.formats.contract import Opened, Portion
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.contracts import Batch, Diagnosis, FieldMap, Remark, Wanted
from lk_sync.errors import BadData, LkError, SettingsError
from lk_sync.flow.validate import Reject, Validator

SHOWN: Final = 5
REASONS: Final = 15
REMEMBERED: Final = 1_000_000
PERSONAL: Final = frozenset({"holder_name", "address", "number", "title", "unified_account"})


def examine(file: BinaryIO, name: str, wanted: Wanted, *, blind: Callable[[], Diagnosis]) -> Diagnosis:
    """`blind`: what the file is, whatever the description says; told when it cannot be read by it."""
    columns = [field.column for field in wanted.fields if field.column is not None]
    try:
        opened = _opened(file, name, wanted, columns)
    except LkError as error:
        seen = blind()
        remark = Remark(what=f"по описанию набора {wanted.dataset.name} файл не читается: {error}")
        return msgspec.structs.replace(seen, remarks=(remark, *seen.remarks))
    try:
        return _judged(opened, name, wanted, columns)
    finally:
        opened.close()


def _opened(file: BinaryIO, name: str, wanted: Wanted, columns: Sequence[str]) -> Opened:
    """The file, if it has the columns."""
    opened = open_file(file, name=name, options=_options(wanted))
    try:
        opened.require(columns)
    except LkError:
        opened.close()
        raise
    return opened


def _options(wanted: Wanted) -> FileOptions:
    try:
        return msgspec.convert(wanted.options, FileOptions)
    except msgspec.ValidationError as error:
        raise SettingsError(f"datasets.{wanted.dataset.name}.options: {error}") from error


class _Judgement:
    def __init__(self, wanted: Wanted) -> None:
        self._validate = Validator(wanted)
        self._fields = {field.name: field for field in wanted.fields}
        self._key = [i for i, field in enumerate(wanted.fields) if field.name in wanted.dataset.key]
        self._whole_key = len(self._key) == len(wanted.dataset.key)
        self._seen: dict[int, int] = {}
        self.twice: list[int] = []
        self.twice_count = self.rows = self.rejected = 0
        self.reasons: Counter[str] = Counter()
        self.places: dict[str, list[int]] = {}
        self.examples: dict[str, str] = {}

    def add(self, portion: Portion, name: str) -> None:
        batch = Batch(
            columns=portion.columns,
            rows=portion.rows,
            exact=False,
            first_row=portion.first_row,
            where=name,
            numbers=portion.numbers,
            faults=portion.faults,
        )
        validated = self._validate(batch)
        self.rows += portion.rows + len(portion.faults)
        self.rejected += validated.rejected_rows
        for reject in validated.rejects:
            self._reject(reject)
        if self._whole_key:
            keys = zip(*(validated.columns[i] for i in self._key), strict=True)
            for number, key in zip(validated.numbers, keys, strict=True):
                self._known(number, key)

    def _known(self, number: int, key: tuple[Any, ...]) -> None:
        if self._seen.setdefault(hash(key), number) != number:
            self.twice_count += 1
            self.twice = [*self.twice, number][:SHOWN]
        elif len(self._seen) > REMEMBERED:
            self._seen.clear()

    def _reject(self, reject: Reject) -> None:
        field = self._fields.get(reject.field)
        what = reject.reason if field is None else f"{field.name} (столбец «{field.column}»): {reject.reason}"
        if field is not None and _may_be_shown(field) and what not in self.places:
            self.examples[what] = reject.value[:40]
        self.reasons[what] += 1
        self.places[what] = [*self.places.get(what, []), reject.row][:SHOWN]


def _may_be_shown(field: FieldMap) -> bool:
    return field.kind not in ("text", "account") and field.name not in PERSONAL


def _judged(opened: Opened, name: str, wanted: Wanted, columns: Sequence[str]) -> Diagnosis:
    judgement = _Judgement(wanted)
    late = []
    try:
        for portion in opened.batches(columns):
            judgement.add(portion, name)
    except BadData as error:
        late.append(Remark(what=str(error)))
    remarks = [
        Remark(
            what=f"не будет принято строк: {count} — {what}{_shown(judgement.examples.get(what))}",
            rows=tuple(judgement.places[what]),
        )
        for what, count in judgement.reasons.most_common(REASONS)
    ]
    if judgement.twice_count:
        key = ", ".join(wanted.dataset.key)
        what = f"один и тот же ключ ({key}) у нескольких строк: {judgement.twice_count}"
        remarks.append(Remark(what=what, advice="останется одна из них", rows=tuple(judgement.twice)))
    stated = opened.stated()
    if stated is not None and stated.rows is not None and stated.rows != judgement.rows:
        remarks.append(Remark(what=f"файл говорит, что строк {stated.rows}, а их {judgement.rows}"))
    taken = judgement.rows - judgement.rejected
    return Diagnosis(
        kind=f"файл набора {wanted.dataset.name}",
        facts=(("строк", str(judgement.rows)), ("будет принято", str(taken))),
        remarks=(*remarks, *late),
        rows=judgement.rows,
    )


def _shown(example: str | None) -> str:
    return f", например «{example}»" if example else ""
