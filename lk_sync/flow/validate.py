"""Validate: is this cell of the source a value of its kind, and if not, what shall the operator read?

Pure. Batches come in the source's own words (`Batch.exact` false) and leave as columns in the record's form:
money in kopecks, volumes in millionths, months YYYYMM, dates ISO, words as our codes, account numbers canonical.
Nothing is rounded or guessed: what does not fit exactly is rejected with its row, field and reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from lk_sync.clock import instant
from lk_sync.contracts import Batch, FieldMap, Wanted
from lk_sync.shaping import DELETED

Convert = Callable[[Any], Any]

_NUMBER: Final = re.compile(r"([+-]?)(\d{1,15})(?:([.,])(\d*))?", re.ASCII)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:[ \u2009\u202f]\d{3})+(?:[.,]\d*)?\Z", re.ASCII)
_SPACE: Final = re.compile(r"[ \u2009\u202f]")
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_RU_DAY: Final = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})(?: 0?0:00(?::00)?)?", re.ASCII)
_DAY_AND_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", re.ASCII)
_WITH_TIME: Final = "это не дата, а дата со временем: укажите у поля type: datetime"
_NO_DAY: Final = re.compile(
    r"(?:0001-01-01|0000-00-00|01\.01\.0001)(?:[T ]0?0:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_MONTH: Final = re.compile(r"(\d{4})-(\d{1,2})|(\d{1,2})\.(\d{4})", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9A-Za-zА-ЯЁа-яё](?:[0-9A-Za-zА-ЯЁа-яё/._-]{0,38}[0-9A-Za-zА-ЯЁа-яё])?")
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufffd\ud800-\udfff]")
_YES: Final = frozenset({"1", "true", "t", "да", "истина", "y", "yes", "-1"})
_NO: Final = frozenset({"0", "false", "f", "нет", "ложь", "n", "no"})
MAX_TEXT: Final = 2000
MAX_CODE: Final = 200
MAX_REMEMBERED: Final = 50_000


class Reject(msgspec.Struct, frozen=True):
    """One cell that could not be taken. `row` counts from 1 in the source's order."""

    row: int
    key: str
    field: str
    value: str
    reason: str
    where: str


class Validated(msgspec.Struct):
    """Columns in the order of `Wanted.fields` without the rejected rows; `numbers` are the rows' in the source.

    `blind`: some cells of deleted rows could not be read; they are absent, and no sum tells of them."""

    columns: list[list[Any]]
    numbers: Sequence[int]
    rejects: list[Reject]
    rejected_rows: int
    blind: bool = False


class Unfit(ValueError):
    """Why a cell does not fit; its text is shown to the operator."""


def scaled(value: Any, digits: int) -> int:
    """`value` times 10**digits, exactly. Takes int, Decimal and text with point or comma; never float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * int(10**digits)
    if isinstance(value, float):
        raise Unfit("число с плавающей точкой: источник должен отдавать точное десятичное число")
    text = (
        format(value, "f") if isinstance(value, Decimal) else str(value).strip().replace("\xa0", "").replace("−", "-")
    )
    match = _NUMBER.fullmatch(text) or _NUMBER.fullmatch(_without_spaces(text))
    if match is None:
        raise Unfit("это не число")
    sign, whole, _, fraction = match.groups()
    fraction = (fraction or "").rstrip("0")
    if len(fraction) > digits:
        raise Unfit(f"больше {digits} знаков после запятой")
    number = int(whole + fraction.ljust(digits, "0"))
    return -number if sign == "-" else number


def _without_spaces(text: str) -> str:
    """A number whose thousands are set apart by spaces, as one without them; any other text as it is."""
    return _SPACE.sub("", text) if _THOUSANDS.match(text) else text


def _money(value: Any) -> int:
    return scaled(value, 2)


def _volume(value: Any) -> int:
    return scaled(value, 6)


def _count(value: Any) -> int:
    if isinstance(value, bool):
        raise Unfit("это не целое число")
    number = scaled(value, 0)
    if number < 0:
        raise Unfit("отрицательное число")
    return number


def _flag(value: Any) -> int:
    word = str(value).strip().lower()
    if word in _YES:
        return 1
    if word in _NO:
        return 0
    raise Unfit("это не да/нет")


def _text(value: Any, limit: int = MAX_TEXT) -> str:
    text = str(value).strip()
    if bad := _FORBIDDEN.search(text):
        raise Unfit(f"недопустимый знак с кодом {ord(bad[0]):#06x}; вероятно, неверная кодировка")
    if len(text) > limit:
        raise Unfit(f"длиннее {limit} знаков")
    return text


def _code(value: Any) -> str:
    return _text(value, MAX_CODE)


def account_number(value: Any) -> str:
    """The canonical account number: no spaces, full-width digits made plain. Raises Unfit for other forms."""
    if isinstance(value, float):
        raise Unfit("номер счёта пришёл дробным числом; нужен текст, иначе теряются ведущие нули")
    text = unicodedata.normalize("NFKC", str(value)).replace(" ", "")
    if not _ACCOUNT.fullmatch(text):
        raise Unfit("это не номер лицевого счёта")
    return text


def _day(value: Any) -> str:
    if isinstance(value, datetime):
        if (value.hour, value.minute, value.second) != (0, 0, 0):
            raise Unfit(_WITH_TIME)
        value = value.date()
    if isinstance(value, date):
        return _sane(value)
    text = str(value).strip()
    if match := _ISO_DAY.fullmatch(text):
        year, month, day = match.groups()
    elif match := _RU_DAY.fullmatch(text):
        day, month, year = match.groups()
    else:
        if _DAY_AND_TIME.match(text):
            raise Unfit(_WITH_TIME)
        raise Unfit("это не дата (ожидается ГГГГ-ММ-ДД или ДД.ММ.ГГГГ; иной вид называет format поля)")
    try:
        return _sane(date(int(year), int(month), int(day)))
    except ValueError as error:
        raise Unfit(str(error) if isinstance(error, Unfit) else "такой даты нет в календаре") from error


def _sane(day: date) -> str:
    if not 1900 <= day.year <= 2200:
        raise Unfit(f"год {day.year} вне разумных пределов")
    return day.isoformat()


def _month(value: Any) -> int:
    text = str(value).strip()
    if match := _MONTH.fullmatch(text):
        year, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        if not 1 <= int(month) <= 12:
            raise Unfit("такого месяца нет")
        return int(_sane(date(int(year), int(month), 1))[:4]) * 100 + int(month)
    day = _day(value)
    return int(day[:4]) * 100 + int(day[5:7])


def _moment(zone: ZoneInfo) -> Convert:
    def convert(value: Any) -> str:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError as error:
                raise Unfit("это не дата и время (ожидается ГГГГ-ММ-ДДTЧЧ:ММ:СС)") from error
        if not isinstance(value, datetime):
            raise Unfit("это не дата и время")
        _sane(value.date())
        return instant(value if value.tzinfo else value.replace(tzinfo=zone).astimezone(UTC))

    return convert


_CONVERT: Final[Mapping[str, Convert]] = {
    "account": account_number,
    "code": _code,
    "text": _text,
    "int": _count,
    "bool": _flag,
    "money": _money,
    "volume": _volume,
    "date": _day,
    "month": _month,
}


def folded(word: str) -> str:
    """The word without regard to case and spaces."""
    return " ".join(word.split()).casefold()


def _mapped(field: FieldMap, convert: Convert) -> Convert:
    """A code after the source's words were replaced by ours."""
    known = field.values or {word: word for word in field.words}
    fold = folded if field.any_case else str
    ours = {fold(word): code for word, code in known.items()}
    why = "значение не описано в values" if field.values else "неизвестный код"

    def code(value: Any) -> Any:
        word = convert(value)
        if known and fold(word) not in ours:
            raise Unfit(f"{why} (есть: {', '.join(sorted(known))})")
        return ours[fold(word)] if known else word

    return code


def converter(field: FieldMap, time_zone: str) -> Convert:
    """A cell of the source → a cell of the record. Empty is None, or Unfit for a required field."""
    convert = _moment(ZoneInfo(time_zone)) if field.kind == "datetime" else _CONVERT[field.kind]
    if field.kind == "code":
        convert = _mapped(field, convert)
    of_days = field.kind in ("date", "month", "datetime")
    # An empty text is a value of a required text (a code without components); elsewhere it is an absence.
    keeps_empty = field.required and field.kind in ("text", "code")

    def cell(value: Any) -> Any:
        if (
            value is None
            or (not keeps_empty and isinstance(value, str) and not value.strip())
            or (of_days and _is_no_day(value))
        ):
            if field.required:
                raise Unfit("пусто, а поле обязательное")
            return None
        return convert(value)

    return cell


def _is_no_day(value: Any) -> bool:
    """The first day of the year 1 is 1C's way to write that there is no date, a day of zeros is MySQL's."""
    return isinstance(value, str | date) and _NO_DAY.fullmatch(str(value).strip()) is not None


class _Texts(dict[str, Any]):
    """A converter that remembers texts: months, words, tariffs and zeros fill most of a file."""

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        cell = self[text] = self._convert(text)
        return cell

    def column(self, cells: Sequence[Any]) -> list[Any]:
        if len(self) > MAX_REMEMBERED:
            self.clear()
        # Only texts are remembered: 1, True and Decimal("1") are the same key, but not the same cell.
        return [self[cell] if cell.__class__ is str else self._convert(cell) for cell in cells]


class Validator:
    """Converters of one wish, built once and used for every batch.

    `is_gone`: what the mark of a deleted row says; of such a row only the fields `needed_of_gone` have to fit.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        is_gone: Callable[[Any], bool] | None = None,
        needed_of_gone: frozenset[str] = frozenset(),
    ) -> None:
        self._fields = wanted.fields
        self._convert = [converter(field, wanted.time_zone) for field in wanted.fields]
        self._texts = [_Texts(convert) for convert in self._convert]
        self._key = [i for i, field in enumerate(wanted.fields) if field.name in wanted.dataset.key]
        self._mark = next((i for i, field in enumerate(wanted.fields) if field.name == DELETED), None)
        self._is_gone, self._needed_of_gone = is_gone, needed_of_gone

    def __call__(self, batch: Batch) -> Validated:
        """The batch in the record's form. An exact batch passes as it is."""
        if batch.exact:
            return self._whole(batch, list(batch.columns))
        try:
            columns = [texts.column(column) for texts, column in zip(self._texts, batch.columns, strict=True)]
        except Unfit:
            return self._row_by_row(batch)
        return self._whole(batch, columns)

    @staticmethod
    def _whole(batch: Batch, columns: list[list[Any]]) -> Validated:
        rejects = _torn(batch)
        return Validated(columns=columns, numbers=_numbers(batch), rejects=rejects, rejected_rows=len(rejects))

    def _row_by_row(self, batch: Batch) -> Validated:
        good: list[list[Any]] = [[] for _ in self._fields]
        rejects = _torn(batch)
        numbers: list[int] = []
        blind = False
        for number, row in zip(_numbers(batch), zip(*batch.columns, strict=True), strict=True):
            cells, faults = self._row(row)
            if faults and self._may_be_gone(cells, faults):
                faults, blind = [], True
            if faults:
                key = " ".join(_shown(row[i]) for i in self._key)[:200]
                rejects += [
                    Reject(number, key, field, _shown(value), reason, batch.where) for field, value, reason in faults
                ]
            else:
                numbers.append(number)
                for column, cell in zip(good, cells, strict=True):
                    column.append(cell)
        rejected = batch.rows + len(batch.faults) - len(numbers)
        return Validated(columns=good, numbers=numbers, rejects=rejects, rejected_rows=rejected, blind=blind)

    def _row(self, row: tuple[Any, ...]) -> tuple[list[Any], list[tuple[str, Any, str]]]:
        cells: list[Any] = []
        faults: list[tuple[str, Any, str]] = []
        for field, convert, value in zip(self._fields, self._convert, row, strict=True):
            try:
                cells.append(convert(value))
            except Unfit as error:
                cells.append(None)
                faults.append((field.name, value, str(error)))
        return cells, faults

    def _may_be_gone(self, cells: list[Any], faults: list[tuple[str, Any, str]]) -> bool:
        """Whether the row is deleted, and what does not fit is of no interest then."""
        if self._mark is None or self._is_gone is None or not self._is_gone(cells[self._mark]):
            return False
        return not any(name in self._needed_of_gone for name, _, _ in faults)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)[:200]


def _numbers(batch: Batch) -> Sequence[int]:
    return range(batch.first_row, batch.first_row + batch.rows) if batch.numbers is None else batch.numbers


def _torn(batch: Batch) -> list[Reject]:
    """Rows that came without cells."""
    return [Reject(fault.row, "", "", storable(fault.value[:200]), fault.reason, batch.where) for fault in batch.faults]


def storable(text: str) -> str:
    """A text that may quote bytes of a file which are no letters."""
    return text.encode("utf-8", "backslashreplace").decode()
