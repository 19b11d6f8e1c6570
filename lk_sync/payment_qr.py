"""Payment QR: what stands in the square that a payer's bank reads (ГОСТ Р 56042-2014)?

The writer is strict: the five mandatory fields first and in their order, lengths as the standard has them, a separator
that no value holds (there is no escaping), and never a sum of zero. The reader is tolerant: it takes what other people
print, keys in any case, a wrong encoding digit, a trailing separator, and refuses only what is no such code at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

Encoding = Literal["cp1251", "utf-8", "koi8-r"]
ENCODINGS: Final[Mapping[str, Encoding]] = {"1": "cp1251", "2": "utf-8", "3": "koi8-r"}
_DIGITS: Final[Mapping[Encoding, str]] = {name: digit for digit, name in ENCODINGS.items()}
SEPARATORS: Final = "|#;:^_~{}!$%&()*+,/@"
HEADER_LENGTH: Final = 8
MOST_MANDATORY_BYTES: Final = 300


class Limit(NamedTuple):
    """How many characters a value may have. `digits`: and it is made of digits alone."""

    most: int
    least: int = 1
    digits: bool = False


MANDATORY: Final[Mapping[str, Limit]] = {
    "Name": Limit(160),
    "PersonalAcc": Limit(20, 20),
    "BankName": Limit(45),
    "BIC": Limit(9, 9, digits=True),
    "CorrespAcc": Limit(20, 0),
}
"""In this order, before all others. `CorrespAcc` may be empty: a payee with the treasury has none."""
FREE: Final = Limit(512)
_OTHERS: Final = (
    "LastName", "FirstName", "MiddleName", "PayerAddress", "PersonalAccount", "PersAcc", "PaymPeriod", "PaymTerm",
    "QuittId", "QuittDate", "DocIdx", "Contract", "Flat", "Phone", "Category", "ServiceName", "CounterId",
    "CounterVal", "AddAmount", "PensAcc", "PayerIdType", "PayerIdNum", "ChildFio", "BirthDate", "InstNum",
    "ClassNum", "SpecFio", "RuleId", "ExecId", "RegType",
)  # fmt: skip
FIELDS: Final[Mapping[str, Limit]] = {
    **MANDATORY,
    "KPP": Limit(9),
    "PayeeINN": Limit(12),
    "Purpose": Limit(210),
    "Sum": Limit(18, digits=True),
    "PayerINN": Limit(12),
    "CBC": Limit(20),
    "OKTMO": Limit(11),
    "DrawerStatus": Limit(2),
    "PaytReason": Limit(2),
    "TaxPeriod": Limit(10),
    "DocNo": Limit(15),
    "DocDate": Limit(10),
    "TaxPaytKind": Limit(2),
    "UIN": Limit(25),
    "TechCode": Limit(2, 2, digits=True),
    **dict.fromkeys(_OTHERS, FREE),
}
"""All fields of the standard, those that banks' apps want in a certain order first."""
_ORDER: Final = {key: place for place, key in enumerate(FIELDS)}
# Other people's slips of the pen: letters of one alphabet or shape for those of another.
_SLIPS: Final = {"свс": "CBC", "docldx": "DocIdx", "counterld": "CounterId", "quittld": "QuittId"}
_KNOWN: Final = {key.lower(): key for key in FIELDS} | _SLIPS
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SUM: Final = re.compile(r"[0-9]{1,18}")
_RUSSIAN: Final = frozenset("АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяЁё«»№—–")
_SURE: Final = 4


class NotWritable(ValueError):
    """These fields cannot be a code of the standard. `field`: which one is at fault, empty: all of them together."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}" if field else sentence)
        self.field = field


class NotPayment(ValueError):
    """What was read is no payment code."""


def written(fields: Mapping[str, str], encoding: Encoding = "utf-8") -> bytes:
    """The code of these fields. Empty ones are left out, spaces around a value too; raises NotWritable."""
    stripped = {key: value.strip() for key, value in fields.items()}
    filled = {key: value for key, value in stripped.items() if value or key in MANDATORY}
    for key in MANDATORY:
        _refuse_what_does_not_fit(key, filled.get(key, ""))
    for key, value in filled.items():
        _refuse_what_does_not_fit(key, value)
    separator = _separator(filled.values())
    pairs = [f"{key}={filled.get(key, '')}" for key in sorted({*filled, *MANDATORY}, key=_ORDER.__getitem__)]
    mandatory = separator.join(pairs[: len(MANDATORY)])
    if len(_encoded(mandatory, encoding)) > MOST_MANDATORY_BYTES:
        raise NotWritable(
            "", f"пять обязательных полей занимают больше {MOST_MANDATORY_BYTES} байт; сократите названия"
        )
    return _encoded(separator.join([f"ST0001{_DIGITS[encoding]}", *pairs]), encoding)


def _refuse_what_does_not_fit(key: str, value: str) -> None:
    limit = FIELDS.get(key)
    if limit is None:
        raise NotWritable(key, "нет такого поля в ГОСТ Р 56042-2014")
    if not limit.least <= len(value) <= limit.most:
        wanted = f"{limit.most}" if limit.least == limit.most else f"от {limit.least} до {limit.most}"
        raise NotWritable(key, f"нужно знаков: {wanted}, а здесь {len(value)}")
    if limit.digits and not (value.isascii() and value.isdigit()):
        raise NotWritable(key, "нужны только цифры")
    if _CONTROL.search(value):
        raise NotWritable(key, "управляющих знаков быть не может")
    if key == "Sum" and not int(value):
        raise NotWritable(key, "платить нечего")


def _separator(values: Iterable[str]) -> str:
    text = "".join(values)
    found = next((each for each in SEPARATORS if each not in text), None)
    if found is None:
        raise NotWritable("", "в значениях встречаются все знаки, которыми поля можно разделить")
    return found


def _encoded(text: str, encoding: Encoding) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise NotWritable("", f"знака «{error.object[error.start]}» нет в кодировке {encoding}") from error


def read(code: bytes) -> dict[str, str]:
    """The fields of a code, under the names that the standard gives them; empty ones are left out, of a key that stands
    twice the first counts. Raises NotPayment."""
    head = code[:HEADER_LENGTH].decode("latin-1")
    if len(head) < HEADER_LENGTH or head[:2] != "ST" or head[2:6] != "0001" or head[6] not in ENCODINGS:
        raise NotPayment("это не платёжный код по ГОСТ Р 56042-2014")
    body = code[HEADER_LENGTH:].rstrip(b"\x00\r\n\t ")
    fields: dict[str, str] = {}
    for pair in _decoded(body, ENCODINGS[head[6]]).split(head[7]):
        key, equals, value = pair.partition("=")
        name = _KNOWN.get(key.strip().lower(), key.strip())
        if equals and name and value.strip():
            fields.setdefault(name, value.strip())
    _refuse_a_sum_that_is_none(fields)
    return fields


def _refuse_a_sum_that_is_none(fields: dict[str, str]) -> None:
    if "Sum" not in fields:
        return
    found = _SUM.fullmatch(fields["Sum"].rstrip("§"))  # the sign that some printers end the whole code with
    if found is None:
        raise NotPayment("сумма записана не в копейках")
    fields["Sum"] = found[0]


def _decoded(body: bytes, named: Encoding) -> str:
    """By the digit of the header, unless it plainly lies; then as UTF-8, then as cp1251."""
    as_utf8 = _decoded_as(body, "utf-8")
    if named != "utf-8" and as_utf8 is not None and _is_russian(as_utf8):
        return as_utf8
    found = as_utf8 if named == "utf-8" else _decoded_as(body, named)
    if found is None:
        found = as_utf8 if as_utf8 is not None else _decoded_as(body, "cp1251")
    return body.decode("cp1251", "replace") if found is None else found


def _is_russian(text: str) -> bool:
    """No text in a one-byte encoding reads as this much Russian in UTF-8 by chance."""
    beyond = [letter for letter in text if not letter.isascii()]
    return len(beyond) >= _SURE and _RUSSIAN.issuperset(beyond)


def _decoded_as(body: bytes, encoding: Encoding) -> str | None:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None
