"""Chain: which meters hung one after another in the same place, and what was used in each month over all of them?

Pure. A value of one meter is never subtracted from another's: a meter begins with what the act says at installation (or
its first reading) and ends with what it says at removal (or its last one). So a replacement makes no negative
consumption. What was calculated is no reading: its month is said to be estimated, and the next reading that was taken
covers it. A reading lower than the one before it is a correction, after which one counts anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from lk_sync.flow.acceptance import CALCULATED, months_between
from lk_sync.records import Day, Micro, Month, month_number, next_month

DAYS_WITHOUT: Final = 93  # an old meter may be taken away for repair before the new one comes


class Hung(msgspec.Struct, frozen=True, kw_only=True):
    """A meter and when it hung. `replaces`: the one before it, if the books say so."""

    meter: str
    service: str
    unit: str
    full_turn_micro: Micro
    place: str | None = None
    installed_on: Day | None = None
    removed_on: Day | None = None
    replaces: str | None = None
    initial_micro: Micro | None = None
    final_micro: Micro | None = None


class Shown(msgspec.Struct, frozen=True):
    """A value in the books."""

    taken_on: Day
    period: Month
    value_micro: Micro
    source: str


class MonthUse(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in a month. `used_micro` None: nothing is known. `covers`: so many months up to this one.

    `gap`: no value of the month at all; `estimated`: only a calculated one; `turned`: a meter went through zero;
    `corrected`: a reading was lower than the one before it; `replaced`: another meter was hung.
    """

    period: Month
    used_micro: Micro | None = None
    covers: int = 1
    sources: tuple[str, ...] = ()
    gap: bool = False
    estimated: bool = False
    turned: bool = False
    corrected: bool = False
    replaced: bool = False


def chain_of(meter: str, meters: Sequence[Hung]) -> list[Hung]:
    """The chain that `meter` belongs to, the first meter first."""
    known = {each.meter: each for each in meters}
    before = {each.meter: former for each in meters if (former := _former(each, meters)) is not None}
    found = [known[meter]]
    while (former := before.get(found[0].meter)) is not None and former not in found:
        found.insert(0, former)
    after = {former.meter: known[later] for later, former in before.items()}
    while (later := after.get(found[-1].meter)) is not None and later not in found:
        found.append(later)
    return found


def _former(meter: Hung, meters: Sequence[Hung]) -> Hung | None:
    """The meter before this one: as the books say, else the one that was taken from the same place shortly before."""
    if meter.replaces is not None:
        return next((each for each in meters if each.meter == meter.replaces and each.meter != meter.meter), None)
    taken = [each for each in meters if _made_room(each, meter)]
    return max(taken, key=lambda each: each.removed_on or "", default=None)


def _made_room(old: Hung, new: Hung) -> bool:
    if old.meter == new.meter or old.place is None or old.removed_on is None or new.installed_on is None:
        return False
    same = (old.service, old.unit, old.place) == (new.service, new.unit, new.place)
    return same and old.removed_on <= new.installed_on and _days(old.removed_on, new.installed_on) <= DAYS_WITHOUT


def _days(first: Day, last: Day) -> int:
    """About so many."""
    months = months_between(month_number(first[:7]), month_number(last[:7]))
    return months * 31 + int(last[8:10]) - int(first[8:10])


def months_of(chain: Sequence[Hung], shown: Mapping[str, Sequence[Shown]]) -> list[MonthUse]:
    """Month by month over the whole chain, the newest first. `shown`: by meter, in any order."""
    found: dict[Month, MonthUse] = {}
    for position, meter in enumerate(chain):
        for use in _uses(meter, sorted(shown.get(meter.meter, ()), key=lambda each: (each.taken_on, each.period))):
            found[use.period] = _joined(found.get(use.period), use)
        if position and meter.installed_on is not None:
            period = month_number(meter.installed_on[:7])
            found[period] = msgspec.structs.replace(found.get(period) or MonthUse(period=period), replaced=True)
    return list(_with_gaps([found[period] for period in sorted(found, reverse=True)]))


def _uses(meter: Hung, shown: Sequence[Shown]) -> Iterator[MonthUse]:
    last = _ends(meter.installed_on, meter.initial_micro)
    for value in [*shown, *_removal(meter)]:
        if value.source == CALCULATED:
            yield MonthUse(period=value.period, estimated=True)
            continue
        sources = (value.source,) if value.source else ()
        if last is None:
            yield MonthUse(period=value.period, sources=sources)
        else:
            yield _use(last, value, meter.full_turn_micro, sources)
        last = value


def _ends(day: Day | None, value_micro: Micro | None) -> Shown | None:
    if day is None or value_micro is None:
        return None
    return Shown(day, month_number(day[:7]), value_micro, "")


def _removal(meter: Hung) -> list[Shown]:
    end = _ends(meter.removed_on, meter.final_micro)
    return [] if end is None else [end]


def _use(last: Shown, value: Shown, full_turn_micro: Micro, sources: tuple[str, ...]) -> MonthUse:
    used, covers = value.value_micro - last.value_micro, max(1, months_between(last.period, value.period))
    turned = used < -full_turn_micro // 2  # from the top of the dial to its beginning, not a correction
    if turned:
        used += full_turn_micro
    if used < 0:
        return MonthUse(period=value.period, sources=sources, corrected=True)
    return MonthUse(period=value.period, used_micro=used, covers=covers, sources=sources, turned=turned)


def _joined(one: MonthUse | None, other: MonthUse) -> MonthUse:
    """Two values of a month: what was used up to each is used in it."""
    if one is None:
        return other
    known = [each.used_micro for each in (one, other) if each.used_micro is not None]
    sources = one.sources + tuple(each for each in other.sources if each not in one.sources)
    return MonthUse(
        period=one.period,
        used_micro=sum(known) if known else None,
        covers=max(one.covers, other.covers),
        sources=sources,
        estimated=(one.estimated or other.estimated) and not sources,
        turned=one.turned or other.turned,
        corrected=one.corrected or other.corrected,
        replaced=one.replaced or other.replaced,
    )


def _with_gaps(newest_first: Sequence[MonthUse]) -> Iterator[MonthUse]:
    former: Month | None = None
    for use in newest_first:
        while former is not None and months_between(use.period, former) > 1:
            former = next_month(former, -1)
            yield MonthUse(period=former, gap=True)
        yield use
        former = use.period
