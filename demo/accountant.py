"""Accountant: what does the accounting system do with what it is given, and what does it answer?

Plays the other side of `/in` and `/answers` of the drop, as a careful 1С programmer would write it from the
description of the files alone: it takes a file only by its manifest, believes it only when rows, control sum and
SHA-256 agree, applies each file number and each item id once, judges the values of readings, registers requests with
the files that came with them, and answers line by line.

What it has taken and judged stands in a ledger of its own (SQLite) before anything else happens, so it may be cut off
anywhere: the next `work` books, answers and clears away what is still owed, the same way as before.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

MILLION: Final = 1_000_000
OK: Final = ".ok"
COLUMNS: Final[Mapping[str, str]] = {
    "item": "id",
    "account": "ЛС",
    "meter": "Прибор",
    "period": "Месяц",
    "value": "Показание",
    "taken_on": "Дата",
    "flags": "Признаки",
    "supersedes": "Взамен",
}
_NUMBER: Final = re.compile(r"(\d{1,15})(?:[.,](\d{1,6}))?", re.ASCII)

LEDGER: Final = """
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    encoding TEXT NOT NULL, delimiter TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS readings (
    item TEXT PRIMARY KEY, number INTEGER NOT NULL REFERENCES files (number), line INTEGER NOT NULL,
    account TEXT NOT NULL, meter TEXT NOT NULL, period TEXT NOT NULL, value_micro INTEGER NOT NULL,
    taken_on TEXT NOT NULL, supersedes TEXT, former_micro INTEGER,
    status TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL, booked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS papers (
    item TEXT PRIMARY KEY, number INTEGER NOT NULL REFERENCES files (number), line INTEGER NOT NULL, kind TEXT NOT NULL,
    said TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS readings_meter ON readings (account, meter);
"""

READINGS: Final = "reading"
REGISTERED: Final[Mapping[str, str]] = {"request": "Зарегистрирована", "bill_delivery": "Учтено со следующей квитанции"}
Row = dict[str, str]


class OnReading(Protocol):
    """Takes an accepted reading into the supplier's books. Safe to repeat with the same `item`."""

    def __call__(
        self,
        *,
        account: str,
        meter: str,
        period: str,
        value_micro: int,
        taken_on: str,
        item: str,
        supersedes: str | None,
    ) -> None: ...


class OnRequest(Protocol):
    """Deals with a request that was registered. Safe to repeat with the same `number`."""

    def __call__(self, *, account: str, number: str, kind: str) -> None: ...


class LastValue(Protocol):
    """The last value of a meter in the supplier's books, None if it has none; LookupError for an unknown meter."""

    def __call__(self, *, account: str, meter: str) -> int | None: ...


class Unbelievable(Exception):
    """A file that cannot be taken; its text goes into the report beside it."""


class Accountant:
    """The clerk who reads `root`/in. Not for several threads at a time."""

    def __init__(
        self,
        root: Path,
        ledger: Path | None = None,
        *,
        on_reading: OnReading | None = None,
        on_request: OnRequest | None = None,
        last_value: LastValue | None = None,
        columns: Mapping[str, str] = COLUMNS,
    ) -> None:
        self._in = root / "in"
        self._answers = root / "answers"
        self._ledger = ledger or root.with_name("accountant.db")
        self._on_reading = on_reading
        self._on_request = on_request
        self._last_value = last_value
        self._columns = columns

    def work(self) -> list[str]:
        """Take every file that is offered, oldest number first; the names of those that were taken or refused."""
        manifests = sorted(self._in.glob(f"*.csv{OK}"))
        if not manifests:
            return []
        with self._open_ledger() as ledger:
            return [self._handle(ledger, manifest) for manifest in manifests]

    @contextmanager
    def _open_ledger(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._ledger, isolation_level=None)) as ledger:
            ledger.execute("PRAGMA synchronous = FULL")
            ledger.executescript(LEDGER)
            yield ledger

    def _handle(self, ledger: sqlite3.Connection, manifest: Path) -> str:
        body = manifest.with_name(manifest.name.removesuffix(OK))
        if not body.exists():  # cleared away just before a cut
            _move(manifest, "done")
            return body.name
        try:
            number = self._take(ledger, body, manifest)
        except Unbelievable as fault:
            self._refuse(body, manifest, str(fault))
            return body.name
        self._book(ledger, number)
        self._answer(ledger, number)
        if (archive := _archive(body)).exists():
            _move(archive, "done")
            _move(archive.with_name(archive.name + OK), "done")
        _move(body, "done")
        _move(manifest, "done")
        return body.name

    def _take(self, ledger: sqlite3.Connection, body: Path, manifest: Path) -> int:
        """Writes the file into the ledger with a verdict on each line, unless it stands there already."""
        said, contents = _checked(manifest, body)
        number, sha256 = said["number"], said["sha256"]
        ledger.execute("BEGIN IMMEDIATE")
        try:
            known = ledger.execute("SELECT sha256 FROM files WHERE number = ?", (number,)).fetchone()
            if known is None:
                rows = (
                    self._rows(said, contents)
                    if said.get("kind", READINGS) == READINGS
                    else _papers(said, contents, body)
                )
                ledger.execute(
                    "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                    (number, body.name, sha256, said["encoding"], said["delimiter"]),
                )
                for line, row in enumerate(rows, 2):
                    if said.get("kind", READINGS) == READINGS:
                        self._judge(ledger, number, line, row)
                    else:
                        _register(ledger, number, line, said["kind"], row)
            elif known[0] != sha256:
                raise Unbelievable(f"файл с номером {number} уже принят с другим содержимым")
            ledger.execute("COMMIT")
        except BaseException:
            ledger.execute("ROLLBACK")
            raise
        return int(number)

    def _rows(self, said: dict[str, Any], contents: bytes) -> list[Row]:
        """The lines by our own names. Raises Unbelievable unless rows and control sum are as promised."""
        try:
            text = contents.decode(said["encoding"])
            table = csv.DictReader(io.StringIO(text, newline=""), delimiter=said["delimiter"], strict=True)
            rows = [{ours: _told(line[theirs]) for ours, theirs in self._columns.items()} for line in table]
        except (UnicodeDecodeError, csv.Error, KeyError, TypeError, AttributeError) as error:
            raise Unbelievable(f"файл не читается: {error!r}") from error
        if len(rows) != said["rows"]:
            raise Unbelievable(f"строк {len(rows)}, а манифест обещает {said['rows']}")
        total = sum(_micro(row["value"]) for row in rows)
        if total != _micro(said["control_sum"]):
            raise Unbelievable(f"контрольная сумма не сходится с {said['control_sum']}")
        return rows

    def _judge(self, ledger: sqlite3.Connection, number: int, line: int, row: Row) -> None:
        """A verdict on one reading; an item that is in the ledger keeps the one it has."""
        value = _micro(row["value"])
        try:
            former = self._former(ledger, row)
        except LookupError:
            former, verdict = None, ("rejected", "unknown_meter", "такого прибора на этом лицевом счёте нет")
        else:
            verdict = _verdict(value, former, row["flags"].split())
        ledger.execute(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (item) DO NOTHING",
            (
                *(row["item"], number, line, row["account"], row["meter"], row["period"], value, row["taken_on"]),
                *(row["supersedes"] or None, former, *verdict),
            ),
        )

    def _former(self, ledger: sqlite3.Connection, row: Row) -> int | None:
        """The value a reading follows: for a correction, the one its predecessor followed."""
        corrected = ledger.execute(
            "SELECT former_micro FROM readings WHERE item = ? AND status = 'confirmed'", (row["supersedes"],)
        ).fetchone()
        if corrected is not None:
            return corrected[0]  # type: ignore[no-any-return] # a cell of SQLite may be anything
        last = ledger.execute(
            "SELECT value_micro FROM readings WHERE account = ? AND meter = ? AND status = 'confirmed'"
            " AND item NOT IN (SELECT supersedes FROM readings WHERE status = 'confirmed' AND supersedes IS NOT NULL)"
            " ORDER BY number DESC, line DESC LIMIT 1",
            (row["account"], row["meter"]),
        ).fetchone()
        booked = self._last_value(account=row["account"], meter=row["meter"]) if self._last_value else None
        return last[0] if last is not None else booked

    def _book(self, ledger: sqlite3.Connection, number: int) -> None:
        owed = ledger.execute(
            "SELECT account, meter, period, value_micro, taken_on, item, supersedes FROM readings"
            " WHERE number = ? AND status = 'confirmed' AND booked = 0 ORDER BY line",
            (number,),
        ).fetchall()
        for account, meter, period, value_micro, taken_on, item, supersedes in owed:
            if self._on_reading is not None:
                self._on_reading(
                    account=account,
                    meter=meter,
                    period=period,
                    value_micro=value_micro,
                    taken_on=taken_on,
                    item=item,
                    supersedes=supersedes,
                )
            ledger.execute("UPDATE readings SET booked = 1 WHERE item = ?", (item,))
        if self._on_request is not None:
            said = ledger.execute("SELECT said FROM papers WHERE number = ? AND kind = 'request'", (number,)).fetchall()
            for row in (json.loads(each) for (each,) in said):
                self._on_request(account=row["ЛС"], number=row["Номер"], kind=row["Вид"])

    def _answer(self, ledger: sqlite3.Connection, number: int) -> None:
        """The answer to a file, the same bytes each time; once it has been taken it is not laid again."""
        name, encoding, delimiter = ledger.execute(
            "SELECT name, encoding, delimiter FROM files WHERE number = ?", (number,)
        ).fetchone()
        verdicts = ledger.execute(
            "SELECT item, status, code, text, line FROM readings WHERE number = :number"
            " UNION ALL SELECT item, status, code, text, line FROM papers WHERE number = :number ORDER BY line",
            {"number": number},
        ).fetchall()
        answer = f"{name.removesuffix('.csv')}.answer.csv"
        if any((self._answers / aside / answer).exists() for aside in ("done", "error")):
            return
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter).writerows(
            [("id", "status", "code", "text"), *(verdict[:4] for verdict in verdicts)]
        )
        body = text.getvalue().encode(encoding)
        said = {"file": answer, "rows": len(verdicts), "sha256": hashlib.sha256(body).hexdigest(), "number": number}
        _lay(self._answers / answer, body)
        _lay(self._answers / f"{answer}{OK}", json.dumps(said, ensure_ascii=False).encode())

    def _refuse(self, body: Path, manifest: Path, why: str) -> None:
        report = io.StringIO(newline="")
        csv.writer(report, delimiter=";").writerows([("row", "code", "text"), (0, "refused", why)])
        _lay(self._in / "error" / f"{body.name}.err.csv", report.getvalue().encode())
        _move(body, "error")
        _move(manifest, "error")


def _papers(said: dict[str, Any], contents: bytes, body: Path) -> list[Row]:
    """Lines of a file of requests or the like, as they stand there. Raises Unbelievable unless rows, sums and the
    archive that goes with it are as promised."""
    try:
        text = io.StringIO(contents.decode(said["encoding"]), newline="")
        rows = [dict(line) for line in csv.DictReader(text, delimiter=said["delimiter"], strict=True)]
        sums = {column: sum(_micro(row[column]) for row in rows) for column in said["sums"]}
        items = {row[COLUMNS["item"]] for row in rows}
    except (UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise Unbelievable(f"файл не читается: {error!r}") from error
    if len(items) != said["rows"] or any(sums[column] != _micro(total) for column, total in said["sums"].items()):
        raise Unbelievable("число строк или контрольная сумма не сходится")
    if (promised := said.get("attachments")) is not None:
        archive = _archive(body)
        if not archive.exists() or hashlib.sha256(archive.read_bytes()).hexdigest() != promised["sha256"]:
            raise Unbelievable(f"вложения {promised['file']} не те, о которых говорит манифест")
    return rows


def _register(ledger: sqlite3.Connection, number: int, line: int, kind: str, row: Row) -> None:
    """An item that is in the ledger keeps its place."""
    told = {column: _told(cell) for column, cell in row.items()}
    ledger.execute(
        "INSERT INTO papers VALUES (?, ?, ?, ?, ?, 'confirmed', 'ok', ?) ON CONFLICT (item) DO NOTHING",
        (told[COLUMNS["item"]], number, line, kind, json.dumps(told, ensure_ascii=False), REGISTERED.get(kind, "")),
    )


def _archive(body: Path) -> Path:
    return body.with_suffix(".zip")


def _checked(manifest: Path, body: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest and the bytes it vouches for."""
    contents = body.read_bytes()
    try:
        said = json.loads(manifest.read_bytes())
        complete = isinstance(said["number"], int) and all(
            said[key] for key in ("control_sum", "encoding", "delimiter")
        )
        right = complete and (said["file"], said["sha256"]) == (body.name, hashlib.sha256(contents).hexdigest())
    except (ValueError, KeyError, TypeError) as error:
        raise Unbelievable(f"манифест не читается: {error!r}") from error
    if not right:
        raise Unbelievable("содержимое файла не то, о котором говорит манифест")
    return said, contents


def _verdict(value: int, former: int | None, flags: list[str]) -> tuple[str, str, str]:
    if former is not None and value < former and "rollover" not in flags:
        return "rejected", "less", f"показание меньше предыдущего, {_shown(former)}"
    return "confirmed", "", ""


def _told(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from executing it."""
    return cell.removeprefix("'")


def _micro(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise Unbelievable(f"«{text}» — не показание")
    return int(match[1]) * MILLION + int((match[2] or "").ljust(6, "0"))


def _shown(micro: int) -> str:
    return f"{micro // MILLION},{micro % MILLION:06d}".rstrip("0").rstrip(",")


def _lay(path: Path, body: bytes) -> None:
    """The file stands there whole and on the disk, or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _move(path: Path, aside: str) -> None:
    path.replace(path.parent / aside / path.name)
