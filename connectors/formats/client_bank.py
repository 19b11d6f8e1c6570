"""1CClientBankExchange: which payments came in, by the bank's statement for 1C?

Rows are the incoming documents. Besides the statement's own keys a row has `Платёж` (an id of the payment that does not
change when the statement is fetched again), `Поступило` (the day) and `ЛицевойСчёт` (found in the purpose, else in
`Код`; empty when there is none or more than one). A statement whose balances or documents do not add up, or that has
no `КонецФайла`, is refused as a whole before a row of it is given.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import msgspec

from connectors.formats import text
from connectors.formats.contract import ROWS_PER_BATCH, Building, Cell, Ids, Patience, Portion, Stated, require, rubles
from connectors.formats.options import FileOptions
from lk_sync.errors import BadData, SettingsError
from lk_sync.flow.validate import Unfit, scaled

FIRST_LINE: Final = "1CClientBankExchange"
ENCODINGS: Final = ("utf-8", "cp1251", "cp866", "koi8-r", "utf-16-le", "utf-16-be")
PROOF: Final = "ВерсияФормата="
HEAD_BYTES: Final = 1 << 16
MAX_LINE: Final = 1 << 16
MAX_KEYS: Final = 300
KOPECK_DIGITS: Final = 2
ID_DIGITS: Final = 12
ID, DAY, ACCOUNT = "Платёж", "Поступило", "ЛицевойСчёт"
AMOUNT, PURPOSE, CODE = "Сумма", "НазначениеПлатежа", "Код"
NEEDED: Final = ("Номер", "Дата", AMOUNT)
ALWAYS: Final = (ID, DAY, ACCOUNT, *NEEDED, "ДатаПоступило", "Плательщик1", "ПлательщикИНН", PURPOSE, CODE)
_BALANCES: Final = ("НачальныйОстаток", "ВсегоПоступило", "ВсегоСписано", "КонечныйОстаток")
_PURPOSE: Final = re.compile(
    r"(?<![а-яё])(?:л\s{0,3}[/.]?\s{0,3}с(?:ч[её]?т?)?|лиц(?:ев[а-яё]{1,3}|\.)?\s*сч[её]?т?[а-яё]{0,2})"
    r"(?:[\s.:№#=(«\"_–-]|no?(?![a-z]))*"
    r"(?!\d{1,3}(?:[ \u00a0]\d{3})+(?![.,]?\d)|\d{1,2}\.\d{1,2}(?!\d))"  # «000 012 345» is not 000, nor 30.11 a 30
    r"(\d(?:[\dа-яa-z/-]{0,38}\d))(?![\dа-яa-z])",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(?!0+$)\d{4,18}")  # longer ones are УИН of payments to the state

Keys = dict[str, str]


class Document(msgspec.Struct, frozen=True):
    """`number`: which document of the statement it is. `fault`: why it cannot be read."""

    number: int
    keys: Keys
    fault: str = ""


class Statement:
    """`contract.Opened` of a statement. `outgoing`: how many documents are no rows."""

    ended = True

    def __init__(self, file: BinaryIO, name: str, options: FileOptions) -> None:
        self._file, self._name, self._options = file, name, options
        self._pattern = _pattern(name, options.account_pattern)
        self.encoding = _encoding(file, name, options)
        self._torn_bytes = text.look(file, name=name, encoding=self.encoding).torn
        self._sections: list[Keys] = []
        self._ours: set[str] = set()
        self.columns = self._look_through()
        self._rows = self._torn = self.outgoing = 0
        self._sums: Counter[str] = Counter()
        self._measure()
        self._check_balances()
        if not self._torn and not options.partial:
            self._check_sums()

    def close(self) -> None:
        pass

    def require(self, columns: Sequence[str]) -> None:
        require(self._name, self.columns, columns)

    def stated(self) -> Stated:
        return Stated(rows=self._rows, sums={} if self._torn else {AMOUNT: self._sums["in"]})

    def batches(self, columns: Sequence[str], size: int = ROWS_PER_BATCH) -> Iterator[Portion]:
        building, patience = Building(len(columns)), Patience(self._name)
        ids = Ids(ID_DIGITS)
        for document in self._documents():
            direction, _, fault = self._weighed(document)
            if fault:
                patience.with_(fault, document.number)
                building.fault(document.number, f"Номер={document.keys.get('Номер', '')}", fault)
            elif direction != "out":
                row = self._row(document.keys, ids)
                building.add(document.number, [row.get(column) for column in columns])
            if len(building) == size:
                yield building.portion()
                building = Building(len(columns))
        if len(building):
            yield building.portion()

    def _look_through(self) -> list[str]:
        """Every key that occurs; along the way, the accounts that are ours, and whether there is an end."""
        keys = dict.fromkeys(ALWAYS)
        for document in self._documents():
            if len(keys) < MAX_KEYS:
                keys.update(dict.fromkeys(document.keys))
        self._ours = {section["РасчСчет"] for section in self._sections if section.get("РасчСчет")}
        return list(keys)

    def _measure(self) -> None:
        for document in self._documents():
            direction, kopecks, fault = self._weighed(document)
            self._torn += bool(fault)
            self._rows += bool(fault) or direction != "out"
            self.outgoing += not fault and direction == "out"
            self._sums["in"] += kopecks if direction in ("in", "own") else 0
            self._sums["out"] += kopecks if direction in ("out", "own") else 0

    def _weighed(self, document: Document) -> tuple[str, int, str]:
        """(in, out, or own when it goes from one account of ours to another; kopecks; why it cannot be read)."""
        if document.fault:
            return "", 0, document.fault
        if missing := [key for key in NEEDED if not document.keys.get(key)]:
            return "", 0, f"в документе нет ключа {missing[0]}"
        try:
            kopecks = scaled(document.keys[AMOUNT], KOPECK_DIGITS)
        except Unfit as error:
            return "", 0, f"{AMOUNT}={document.keys[AMOUNT][:40]}: {error}"
        direction = self._direction(document.keys)
        return direction, kopecks, "" if direction else "не понять, поступление это или списание"

    def _direction(self, keys: Keys) -> str:
        payer, payee = (
            any(keys.get(f"{side}{account}") in self._ours for account in ("Счет", "РасчСчет"))
            for side in ("Плательщик", "Получатель")
        )
        if payer or payee:
            return "own" if payer and payee else "out" if payer else "in"
        came, went = bool(keys.get("ДатаПоступило")), bool(keys.get("ДатаСписано"))
        return "" if came == went else "in" if came else "out"

    def _row(self, keys: Keys, ids: Ids) -> Mapping[str, Cell]:
        """The keys, and what we make of them. The same payment twice in one statement has two ids."""
        day = keys.get("ДатаПоступило") or keys["Дата"]
        mark = ids.of(day, keys["Номер"], keys[AMOUNT], keys.get("ПлательщикСчет", ""), keys.get(PURPOSE, ""))
        return keys | {ID: f"{keys['Номер']}-{mark}", DAY: day, ACCOUNT: self._account(keys) or ""}

    def _account(self, keys: Keys) -> str | None:
        """The account, if exactly one is named."""
        found = {match[1] for match in self._pattern.finditer(keys.get(PURPOSE, ""))}
        if len(found) == 1:
            return found.pop()
        code = keys.get(CODE, "").strip()
        return code if not found and _CODE.fullmatch(code) else None

    def _documents(self) -> Iterator[Document]:
        self._file.seek(0)
        lines = io.TextIOWrapper(
            self._file,
            "utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            "surrogateescape" if self._torn_bytes else "strict",
        )
        self._sections = []
        try:
            yield from _parsed(lines, self._sections, self._name)
        finally:
            lines.detach()

    def _check_balances(self) -> None:
        for section in self._sections:
            if all(section.get(key) for key in _BALANCES):
                opening, came, went, closing = (self._kopecks(section, key) for key in _BALANCES)
                if opening + came - went != closing:
                    raise BadData(
                        f"{self._name}, счёт …{section.get('РасчСчет', '')[-4:]}: НачальныйОстаток + ВсегоПоступило − "
                        f"ВсегоСписано = {rubles(opening + came - went)}, а КонечныйОстаток = {rubles(closing)}; "
                        "выписка не сходится и не принята, запросите её в банке заново"
                    )

    def _check_sums(self) -> None:
        for direction, key in (("in", "ВсегоПоступило"), ("out", "ВсегоСписано")):
            said = [self._kopecks(section, key) for section in self._sections if section.get(key)]
            if said and sum(said) != self._sums[direction]:
                raise BadData(
                    f"{self._name}: {key} = {rubles(sum(said))}, а сумма документов {rubles(self._sums[direction])}; "
                    "выписка не полна и не принята (если документы отобраны нарочно — options.partial)"
                )

    def _kopecks(self, section: Keys, key: str) -> int:
        try:
            return scaled(section[key], KOPECK_DIGITS)
        except Unfit as error:
            raise BadData(f"{self._name}: {key}={section[key][:40]}: {error}") from error


def _parsed(lines: io.TextIOWrapper, sections: list[Keys], name: str) -> Iterator[Document]:
    """The documents; what the sections of accounts say goes into `sections`, the first is the head of the file."""
    number, building = 0, None
    sections.append({})
    for line in _lines(lines, name):
        key, _, value = line.partition("=")
        key = key.strip()
        if building is not None and key in ("КонецФайла", "СекцияДокумент", "КонецДокумента"):
            yield building.document(whole=key == "КонецДокумента")
            building = None
        if key == "КонецФайла":
            return
        if key == "СекцияДокумент":
            number += 1
            building = _Building(number, name)
        elif building is not None:
            building.line(line)
        elif key == "СекцияРасчСчет":
            sections.append({})
        else:
            sections[-1].setdefault(key, value.strip())
    raise BadData(f"{name}: нет строки КонецФайла; файл обрезан, запросите выписку в банке заново")


class _Building:
    """A document that is being read."""

    def __init__(self, number: int, name: str) -> None:
        self._number, self._name = number, name
        self._keys: Keys = {}
        self._last, self._fault = "", ""

    def line(self, line: str) -> None:
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if text.is_torn(line):
            self._wrong(f"{key[:40]}: есть байты, которых нет в кодировке файла")
        elif not equals and self._last == PURPOSE:  # some banks break the purpose into lines
            self._keys[PURPOSE] += f" {line.strip()}"
        elif not equals:
            self._wrong(f"строка «{key[:20]}» не вида Ключ=Значение")
        elif self._keys.setdefault(key, value) != value:
            self._wrong(f"ключ {key[:40]} стоит в документе дважды")
        else:
            self._last = key
        if len(self._keys) > MAX_KEYS:
            raise BadData(f"{self._name}: в документе больше {MAX_KEYS} ключей; это не выписка")

    def document(self, *, whole: bool) -> Document:
        if not whole:
            self._wrong("нет строки КонецДокумента")
        return Document(self._number, _purpose(self._keys), self._fault)

    def _wrong(self, why: str) -> None:
        self._fault = self._fault or why


def _lines(lines: io.TextIOWrapper, name: str) -> Iterator[str]:
    """The lines that have anything in them."""
    while line := lines.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise BadData(f"{name}: строка длиннее {MAX_LINE} знаков; это не выписка")
        if line.strip():
            yield line.rstrip("\r\n")


def _purpose(keys: Keys) -> Keys:
    """The purpose may be cut into lines of their own."""
    if not keys.get(PURPOSE):
        parts = [keys[f"{PURPOSE}{i}"] for i in range(1, 7) if keys.get(f"{PURPOSE}{i}")]
        keys[PURPOSE] = " ".join(parts)
    return keys


def _encoding(file: BinaryIO, name: str, options: FileOptions) -> str:
    """By the words of the format itself, whatever the file says of its encoding."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    likely = next((encoding for encoding in ENCODINGS if PROOF.encode(encoding) in head), None)
    if (FIRST_LINE.encode() not in head[:64] and FIRST_LINE.encode("utf-16-le") not in head[:128]) or likely is None:
        raise BadData(f"{name}: это не 1CClientBankExchange: нет первой строки «{FIRST_LINE}» или ключа ВерсияФормата")
    likely = "utf-16" if likely.startswith("utf-16") else likely
    if options.encoding not in (None, likely):
        raise BadData(f"{name}: options.encoding: {options.encoding}, а ключи выписки читаются только в {likely}")
    return likely


def _pattern(name: str, given: str | None) -> re.Pattern[str]:
    if given is None:
        return _PURPOSE
    try:
        pattern = re.compile(given, re.IGNORECASE)
    except re.error as error:
        raise SettingsError(f"{name}: options.account_pattern не читается ({error})") from error
    if pattern.groups != 1:
        raise SettingsError(f"{name}: в options.account_pattern нужна ровно одна пара скобок — номер лицевого счёта")
    return pattern
