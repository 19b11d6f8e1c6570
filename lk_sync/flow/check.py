"""Check: may what is staged replace what subscribers see?

The circuit breaker. Each finding is a sentence; one that `holds` stops the whole run before anything is
visible: yesterday's data stay, pages say so, and a person decides (`lk-sync approve RUN`). The rules and their limits
are `guards`; those about rows stand here, those about money in `check_money`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from lk_sync.cache import merge
from lk_sync.cache.merge import Merged
from lk_sync.clock import moment
from lk_sync.flow import check_money, stage, tally
from lk_sync.flow.case import Case
from lk_sync.flow.findings import Finding, found
from lk_sync.flow.since import comparable
from lk_sync.flow.validate import storable
from lk_sync.records import DATASETS, month_text, next_month

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
FAR: Final = timedelta(days=3)  # a watermark is local time of nobody knows where, and either clock may be wrong


def check(case: Case) -> list[Finding]:
    """All findings of a run."""
    findings = [each for name in case.staged for rule in EACH for each in rule(case, name)]
    for whole in (_holders, *check_money.RULES):
        findings += whole(case)
    return findings


def _rejects(case: Case, name: str) -> Iterator[Finding]:
    what, rule = case.staged[name], case.guards[name]
    if what.rejected:
        share = 100 * what.rejected / what.pulled
        beyond = share > rule.reject_percent
        limit = f", предел {rule.reject_percent} %" if beyond else ""
        text = f"не принято строк: {what.rejected} из {what.pulled} ({share:.1f} %{limit})"
        yield from found(name, "rejects", rule, text, beyond=beyond)


def _files(case: Case, name: str) -> Iterator[Finding]:
    """Files of which nothing was taken. The others are good, so the run goes on."""
    faults = [file.fault for file in stage.taken(case.base) if file.dataset == name and file.fault is not None]
    if faults:
        text = f"файлов не принято целиком: {len(faults)}, исправленные положите снова; первый — {storable(faults[0])}"
        yield Finding(name, text, holds=False, lost=True)


def _totals(case: Case, name: str) -> Iterator[Finding]:
    yield from tally.findings(case.base, case.staged[name], case.guards[name])


def _amount(case: Case, name: str) -> Iterator[Finding]:
    """Nothing came, or much is about to end."""
    what, rule = case.staged[name], case.guards[name]
    taken = what.pulled - what.rejected
    if what.mode == "full" and not taken and not rule.may_be_empty and (case.published(name) or not what.rejected):
        published = case.own_rows(name)
        text = f"источник пуст, опубликовано {published} строк" if published else "источник пуст"
        yield from found(name, "empty", rule, text, beyond=what.absent_ends)
    elif what.mode == "full" and what.absent_ends:
        yield from _shrinks(case, name, taken)
    else:
        yield from _ends(case, name)


def _shrinks(case: Case, name: str, taken: int) -> Iterator[Finding]:
    rule, published = case.guards[name], case.own_rows(name)
    if published and taken < published and 100 * (published - taken) > rule.shrink_percent * published:
        share = 100 * (published - taken) / published
        text = f"строк стало меньше на {share:.1f} % (было {published}, пришло {taken}, предел {rule.shrink_percent} %)"
        yield from found(name, "shrink", rule, text)


def _ends(case: Case, name: str) -> Iterator[Finding]:
    """Rows that the source itself names as deleted."""
    rule, merged = case.guards[name], case.differences.merged[name]
    ended = merged.ended if merged else 0
    if ended and case.is_share(ended, rule.shrink_percent, f"{case.base.at.cache}.{name}", least=rule.least):
        published = merge.count(case.base, f"{case.base.at.cache}.{name}")
        text = f"источник удалил строк: {ended} из {published} (предел {rule.shrink_percent} %)"
        yield from found(name, "shrink", rule, text)


def _months(case: Case, name: str) -> Iterator[Finding]:
    """Months that cannot be. A few such rows are somebody's slip and no reason to keep the others back."""
    what, rule = case.staged[name], case.guards[name]
    if what.months is None:
        return
    this = case.now.year * 100 + case.now.month
    latest, earliest = next_month(this, rule.future_months), this - 100 * rule.ancient_years
    table = f"{case.base.at.staging}.{name}"
    if what.months[1] > latest:
        rows = merge.count(case.base, f"{table} WHERE period > {latest:d}")
        text = f"строк с месяцем позже {month_text(latest)}: {rows}, самый поздний {month_text(what.months[1])}"
        yield from found(name, "future", rule, text, beyond=rows >= rule.least)
    if what.months[0] < earliest:
        rows = merge.count(case.base, f"{table} WHERE period < {earliest:d}")
        text = f"строк с месяцем раньше {month_text(earliest)}: {rows}, самый ранний {month_text(what.months[0])}"
        yield from found(name, "ancient", rule, text, beyond=rows >= rule.least)


def _watermark(case: Case, name: str) -> Iterator[Finding]:
    """The mark from which the next increment is asked for."""
    rule, new = case.guards[name], case.staged[name].watermark
    if new is None:
        return
    at = _time(new)
    if at is not None and at > case.now.replace(tzinfo=None) + FAR:
        text = f"отметка изменений из будущего: {new}; изменения, сделанные до этого времени, не были бы загружены"
        yield from found(name, "watermark", rule, text)
    known = case.known.get(name)
    if case.staged[name].mode == "full" and known and known.watermark and _is_less(new, known.watermark):
        # No row has changed since, says the source. A few rows that are gone may have been the latest; anything else
        # that differs is older than what is published.
        merged = case.differences.merged[name] or Merged()
        beyond = bool(merged.inserted or merged.updated) or merged.ended >= rule.least
        text = f"отметка изменений ушла назад: была {known.watermark}, стала {new}"
        yield from found(name, "watermark", rule, text, beyond=beyond)


def _time(watermark: str) -> datetime | None:
    if watermark.isdecimal():  # a counter
        return None
    try:
        return datetime.fromisoformat(watermark).replace(tzinfo=None)
    except ValueError:
        return None


def _is_less(one: str, other: str) -> bool:
    if one.isdecimal() and other.isdecimal():
        return int(one) < int(other)
    return comparable(one, other) and one < other


def _clock(case: Case, name: str) -> Iterator[Finding]:
    known = case.known.get(name)
    if known and moment(known.published_at) > case.now + CLOCK_TOLERANCE:
        text = f"прежние данные опубликованы в {known.published_at}, а на часах этого компьютера раньше"
        yield from found(name, "clock", case.guards[name], text)


def _orphans(case: Case, name: str) -> Iterator[Finding]:
    """Rows of accounts that neither the cache nor this run knows. They are published, nobody can see them."""
    accounts, rule, at = case.outlook("accounts"), case.guards[name], case.base.at
    if name == "accounts" or DATASETS[name].key[0] != "account" or rule.rules.orphans == "ignore":
        return
    if not accounts.is_staged and not case.published("accounts"):
        return
    mine = f"(SELECT DISTINCT account FROM {at.staging}.{name}) AS m"
    joins = accounts.beside("a", {"account": "m.account"})
    strangers = case.number(f"SELECT COUNT(*) FROM {mine} {joins} WHERE {accounts.cell('a', 'account')} IS NULL")
    if strangers:
        beyond = case.is_share(strangers, rule.orphan_percent, mine, least=rule.least)
        limit = f" (предел {rule.orphan_percent} %)" if beyond else ""
        text = f"лицевых счетов, которых нет среди accounts: {strangers}{limit}"
        yield from found(name, "orphans", rule, text, beyond=beyond)


def _holders(case: Case) -> Iterator[Finding]:
    accounts = case.outlook("accounts")
    if not accounts.is_staged or accounts.first or not accounts.changed:
        return
    rule, joins = case.guards["accounts"], f"JOIN {accounts.cache} AS c ON c.account = s.account"
    changed = case.number(f"SELECT COUNT(*) FROM {accounts.touched_joined(joins)} AND s.holder_key <> c.holder_key")
    if changed:
        beyond = case.is_share(changed, rule.holder_change_percent, accounts.cache, least=1)
        known = merge.count(case.base, accounts.cache)
        text = f"сменился абонент у {changed} счетов из {known}"
        limit = f", предел {rule.holder_change_percent} %" if beyond else ""
        yield from found("accounts", "holders", rule, text + limit, beyond=beyond)


EACH: Final[tuple[Callable[[Case, str], Iterator[Finding]], ...]] = (
    _rejects, _files, _totals, _amount, _months, _watermark, _clock, _orphans,
)  # fmt: skip
