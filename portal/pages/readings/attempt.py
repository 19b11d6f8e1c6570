"""Attempt: what was typed into the form of all meters, and what becomes of each line of it?

One form, a line for each meter: `meter-1`, `submission-1`, `value-1`, `confirm-1`; lines without a value are left
alone. Each line has an id of its own, so that a repeat of the form is harmless line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from lk_sync.flow import acceptance
from lk_sync.flow.acceptance import Accepted, Question, Refused
from lk_sync.flow.items import decimal_text
from lk_sync.flow.submit import Answer, content_hash, submit
from lk_sync.flow.typos import Guess, exchanged, guesses
from lk_sync.records import Kopecks, Micro
from lk_sync.store import submissions
from lk_sync.store.database import Tx
from portal.access import address, form, visitor
from portal.keys import CLOCK, LK, STORE
from portal.pages.readings.gauge import Gauge
from portal.refusal import Refusal
from portal.today import today

EXCHANGED: Final = "exchanged"
LONGEST_KEPT: Final = 60
_LINE: Final = re.compile(r"meter-([0-9]{1,4})")
_CHOICE: Final = re.compile(r"([0-9]{1,4})=([0-9 .,\N{NO-BREAK SPACE}]{1,60})")


class Line(msgspec.Struct, frozen=True):
    """A line of the form as it came."""

    number: int
    gauge: Gauge
    submission: str
    typed: str
    confirmed: frozenset[str]

    @property
    def plain(self) -> str:
        """The value as one would type it."""
        value = acceptance.parse(self.typed, self.gauge.dial)
        return self.typed if isinstance(value, Refused) else decimal_text(value, ",")


class Outcome(msgspec.Struct, frozen=True):
    """What becomes of a line. `first`: how it was answered when it was sent before. `exchanged_with`: the line that has
    probably got its value. `guesses`: what else may have been meant."""

    line: Line
    decided: Accepted | Question | Refused
    first: Answer | None = None
    exchanged_with: Line | None = None
    guesses: Sequence[Guess] = ()

    @property
    def ready(self) -> bool:
        return isinstance(self.decided, Accepted) and self.exchanged_with is None and self.first is None

    @property
    def asks(self) -> bool:
        """Does it need a yes before it is taken?"""
        return self.first is None and (isinstance(self.decided, Question) or self.exchanged_with is not None)

    @property
    def question(self) -> Question | None:
        return self.decided if isinstance(self.decided, Question) else None

    @property
    def confirm(self) -> str:
        """The codes that a yes stands for, with those that were confirmed before."""
        codes = set(self.line.confirmed)
        if isinstance(self.decided, Question):
            codes.add(self.decided.code)
        if self.exchanged_with is not None:
            codes.add(EXCHANGED)
        return " ".join(sorted(codes))

    @property
    def refusal(self) -> str | None:
        """The code of why it is not taken."""
        if self.first is not None:
            return "conflict" if self.first.kind == "conflict" else None
        if not isinstance(self.decided, Refused):
            return None
        return "account_closed" if self.line.gauge.refusal == "account_closed" else self.decided.code

    @property
    def exchange(self) -> str:
        """What chooses the other meter's value for each of the two."""
        other = self.exchanged_with
        if other is None:
            return ""
        return f"{self.line.number}={other.plain};{other.number}={self.line.plain}"

    @property
    def value_micro(self) -> Micro | None:
        return None if isinstance(self.decided, Refused) else self.decided.value_micro

    @property
    def consumption_micro(self) -> Micro | None:
        if isinstance(self.decided, Question):
            return self.decided.consumption_micro
        if isinstance(self.decided, Refused):
            return None
        return self.line.gauge.used_micro(self.decided.value_micro, turned="rollover" in self.decided.flags)

    @property
    def cost_kopecks(self) -> Kopecks | None:
        return self.line.gauge.cost_kopecks(self.consumption_micro)

    @property
    def average_micro(self) -> Micro | None:
        """What is used in a month on average, as exactly as the meter shows it."""
        average = acceptance.average(self.line.gauge.past.books)
        step = int(10 ** (6 - min(self.line.gauge.dial.digits_frac, 6)))
        return None if average is None else (average + step // 2) // step * step


def lines_of(request: web.Request, found: Sequence[Gauge]) -> list[Line]:
    """The lines that have a value. 404: a meter is not one of this account. 400: no page of ours made this form."""
    fields, known = form(request), {gauge.meter.meter: gauge for gauge in found}
    chosen = _chosen(fields.get("take", ""))
    lines = list(_lines(fields, known, chosen))
    if len({line.gauge.meter.meter for line in lines}) < len(lines):
        raise Refusal(400)
    return [line for line in lines if line.typed.strip()]


def _lines(fields: Mapping[str, str], known: Mapping[str, Gauge], chosen: Mapping[int, str]) -> Iterator[Line]:
    for name in fields:
        if (match := _LINE.fullmatch(name)) is None:
            continue
        gauge = known.get(fields[name])
        if gauge is None:
            raise Refusal(404)
        number = match[1]
        yield Line(
            number=int(number),
            gauge=gauge,
            submission=_uuid(fields.get(f"submission-{number}", "")),
            typed=chosen.get(int(number), fields.get(f"value-{number}", "")),
            confirmed=frozenset(fields.get(f"confirm-{number}", "").split()),
        )


def _chosen(take: str) -> dict[int, str]:
    """Line → the value that was chosen instead of what was typed: «1=123,456» or «1=…;2=…»."""
    matches = [_CHOICE.fullmatch(part) for part in take.split(";", 2)[:2]]
    return {int(match[1]): match[2] for match in matches if match}


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Refusal(400) from None


def outcomes(request: web.Request, lines: Sequence[Line]) -> list[Outcome]:
    decided = [_outcome(request, line) for line in lines]
    for one, other in combinations(range(len(decided)), 2):
        if _exchanged(decided[one], decided[other]):
            decided[one] = msgspec.structs.replace(decided[one], exchanged_with=lines[other])
            decided[other] = msgspec.structs.replace(decided[other], exchanged_with=lines[one])
    return decided


def _outcome(request: web.Request, line: Line) -> Outcome:
    decided, expected = _decide(request, line), line.gauge.expected
    likely: Sequence[Guess] = ()
    if expected is not None and not isinstance(decided, Accepted):
        likely = guesses(line.typed, line.gauge.dial, expected)
    return Outcome(line, decided, _sent_before(request, line), None, likely)


def _decide(request: web.Request, line: Line) -> Accepted | Question | Refused:
    if line.gauge.refusal == "account_closed":
        return Refused("removed")
    return acceptance.decide(
        line.typed,
        dial=line.gauge.dial,
        past=line.gauge.past,
        today=today(request),
        window=request.app[LK].readings,
        confirmed=line.confirmed,
    )


def _sent_before(request: web.Request, line: Line) -> Answer | None:
    """The first answer to a line that was stored already, whatever the rules say today."""
    stored = submissions.content_of(request.app[STORE].reading, submission=line.submission)
    if stored is None:
        return None
    value = acceptance.parse(line.typed, line.gauge.dial)
    same = isinstance(value, int) and stored == content_hash(
        account=visitor(request).account, meter=line.gauge.meter.meter, value_micro=value
    )
    return Answer("repeated" if same else "conflict", line.submission)


def _exchanged(one: Outcome, other: Outcome) -> bool:
    if one.first or other.first or one.exchanged_with or other.exchanged_with:
        return False
    if one.line.confirmed or other.line.confirmed:
        return False
    of_one, of_other = one.line.gauge.expected, other.line.gauge.expected
    first, second = (acceptance.parse(each.line.typed, each.line.gauge.dial) for each in (one, other))
    if of_one is None or of_other is None or isinstance(first, Refused) or isinstance(second, Refused):
        return False
    return exchanged(first, of_one, second, of_other)


async def store(request: web.Request, ready: Sequence[Outcome]) -> list[Answer]:
    """Returns when all readings are on the disk, in one unit of work."""
    reader, now, place = visitor(request), request.app[CLOCK](), address(request)

    def work(tx: Tx) -> list[Answer]:
        one = partial(submit, tx, user_code=reader.user_code, account=reader.account, address=place, now=now)
        return [
            one(
                submission=each.line.submission,
                meter=each.line.gauge.meter.meter,
                serial=each.line.gauge.meter.serial,
                reading=each.decided,
            )
            for each in ready
            if isinstance(each.decided, Accepted)
        ]

    return await request.app[STORE].write(work)
