"""Check: may what is staged replace what subscribers see?

The circuit breaker. Each finding is a sentence; one that `holds` stops the whole run before anything is
visible: yesterday's data stay, pages say so, and a person decides (`lk-sync approve RUN`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from lk_sync.cache import merge
from lk_sync.cache.base import Base
from lk_sync.config import Guards
from lk_sync.flow.stage import Staged
from lk_sync.records import DATASETS


class Finding(msgspec.Struct, frozen=True):
    dataset: str
    text: str
    holds: bool


def check(base: Base, staged: Mapping[str, Staged], guards: Mapping[str, Guards]) -> list[Finding]:
    """All findings of a run. `base`: the cache with what is staged beside it."""
    findings: list[Finding] = []
    for name, what in staged.items():
        rule = guards[name]
        findings += _rejects(what, rule)
        findings += _totals(what)
        if what.mode == "full":
            findings += _shrink(base, what, rule)
    findings += _orphans(base, staged)
    if "accounts" in staged:
        findings += _holders(base, guards["accounts"])
    return findings


def _rejects(what: Staged, rule: Guards) -> Iterator[Finding]:
    if not what.rejected:
        return
    share = 100 * what.rejected / what.pulled
    holds = share > rule.reject_percent
    limit = f", предел {rule.reject_percent} %" if holds else ""
    yield Finding(what.dataset, f"не принято строк: {what.rejected} из {what.pulled} ({share:.1f} %{limit})", holds)


def _totals(what: Staged) -> Iterator[Finding]:
    """The source's own totals against what arrived. Rejected rows are missing from the sums and are said apart."""
    if what.source is None:
        return
    if what.source.rows != what.pulled:
        yield Finding(what.dataset, f"строк в источнике {what.source.rows}, получено {what.pulled}", holds=True)
    if what.rejected:
        return
    for field, said in what.source.sums.items():
        if field in what.sums and what.sums[field] != said:
            text = f"контрольная сумма {field}: в источнике {_rubles(said)}, получено {_rubles(what.sums[field])}"
            yield Finding(what.dataset, text, holds=True)


def _rubles(kopecks: int) -> str:
    sign, whole = "-" if kopecks < 0 else "", abs(kopecks)
    return f"{sign}{whole // 100}.{whole % 100:02d} ₽"


def _shrink(base: Base, what: Staged, rule: Guards) -> Iterator[Finding]:
    published = merge.count(base, f"{base.at.cache}.{what.dataset}")
    taken = what.pulled - what.rejected
    if not taken and not rule.may_be_empty and (published or not what.rejected):
        text = f"источник пуст, опубликовано {published} строк" if published else "источник пуст"
        yield Finding(what.dataset, text, holds=True)
    elif published and taken < published and 100 * (published - taken) > rule.shrink_percent * published:
        share = 100 * (published - taken) / published
        text = f"строк стало меньше на {share:.1f} % (было {published}, пришло {taken}, предел {rule.shrink_percent} %)"
        yield Finding(what.dataset, text, holds=True)


def _orphans(base: Base, staged: Mapping[str, Staged]) -> Iterator[Finding]:
    """Rows of accounts that neither the cache nor this run knows. They are published, nobody can see them."""
    known = [f"SELECT account FROM {base.at.cache}.accounts"]
    if "accounts" in staged:
        known.append(f"SELECT account FROM {base.at.staging}.accounts")
    elif merge.is_empty(base, f"{base.at.cache}.accounts"):
        return
    for name in staged:
        if name == "accounts" or DATASETS[name].key[0] != "account":
            continue
        sql = (
            f"SELECT DISTINCT account FROM {base.at.staging}.{name} EXCEPT SELECT * FROM ({' UNION '.join(known)}) AS k"
        )
        strangers = len(base.execute(sql).fetchall())
        if strangers:
            yield Finding(name, f"лицевых счетов, которых нет среди accounts: {strangers}", holds=False)


def _holders(base: Base, rule: Guards) -> Iterator[Finding]:
    known, changed = base.execute(
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.holder_key <> c.holder_key THEN 1 ELSE 0 END), 0)"
        f" FROM {base.at.staging}.accounts AS s JOIN {base.at.cache}.accounts AS c ON c.account = s.account"
    ).fetchone()
    if changed:
        holds = 100 * changed > rule.holder_change_percent * merge.count(base, f"{base.at.cache}.accounts")
        text = f"сменился абонент у {changed} счетов из {known}"
        yield Finding("accounts", text + (f", предел {rule.holder_change_percent} %" if holds else ""), holds)
