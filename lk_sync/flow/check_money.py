"""Check of money: do the balances and charges that a run would change look like books, or like a mistake?

Set-based, over what the run touches; what is not touched is looked up by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lk_sync.cache import merge
from lk_sync.cache.outlook import Outlook, month_after, month_before
from lk_sync.flow.case import Case
from lk_sync.flow.findings import Finding, found, rubles
from lk_sync.records import month_text

MOST_TOLD: Final = 3
ADDS_UP: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "charges": ("total_kopecks", {"charged_kopecks": "+", "recalculated_kopecks": "+", "benefit_kopecks": "-"}),
    "balances": (
        "closing_kopecks",
        {
            "opening_kopecks": "+",
            "charged_kopecks": "+",
            "recalculated_kopecks": "+",
            "benefit_kopecks": "-",
            "penalty_kopecks": "+",
            "paid_kopecks": "-",
        },
    ),
}


def _balances_move(case: Case) -> Iterator[Finding]:
    """Balances of months that were shown change, leap within a new month, or change their sign."""
    balances = case.outlook("balances")
    if not balances.is_staged or balances.first or not balances.changed:
        return
    rule = case.guards["balances"]
    joins = f"LEFT JOIN {balances.cache} AS c ON {balances.same('s', 'c')}"
    by_month = (
        "SELECT s.account, s.period, SUM(c.closing_kopecks) AS was,"
        " SUM(CASE WHEN d.act = 'update' THEN s.closing_kopecks END) AS will_be,"
        " SUM(CASE WHEN d.act = 'insert' THEN s.closing_kopecks - s.opening_kopecks END) AS grown"
        f" FROM {balances.touched_joined(joins)} GROUP BY s.account, s.period"
    )
    by_account = (
        "SELECT account, MAX(CASE WHEN ABS(will_be - was) > :moved THEN 1 ELSE 0 END) AS moved,"
        " MAX(CASE WHEN ABS(grown) > :jump THEN 1 ELSE 0 END) AS leapt,"
        " MAX(CASE WHEN (was > 0 AND will_be < 0) OR (was < 0 AND will_be > 0) THEN 1 ELSE 0 END) AS turned"
        f" FROM ({by_month}) AS m GROUP BY account"
    )
    moved, leapt, turned = case.row(
        f"SELECT SUM(moved), SUM(leapt), SUM(turned) FROM ({by_account}) AS a",
        moved=100 * rule.moved_rubles,
        jump=100 * rule.jump_rubles,
    )
    known = _accounts(case, "balances")
    if case.is_share(moved, rule.moved_percent, known, least=rule.least):
        text = (
            f"сальдо уже показанных месяцев изменилось больше чем на {rubles(100 * rule.moved_rubles)} у {moved} счетов"
        )
        yield from found("balances", "moved", rule, f"{text} {_of(case, known, rule.moved_percent)}")
    if case.is_share(leapt, rule.jump_percent, known, least=rule.least):
        text = f"за новый месяц сальдо изменилось больше чем на {rubles(100 * rule.jump_rubles)} у {leapt} счетов"
        yield from found("balances", "jump", rule, f"{text} {_of(case, known, rule.jump_percent)}")
    if case.is_share(turned, rule.signs_percent, known, least=rule.least):
        text = f"долг стал переплатой или переплата долгом у {turned} счетов"
        yield from found("balances", "signs", rule, f"{text} {_of(case, known, rule.signs_percent)}")


def _accounts(case: Case, name: str) -> str:
    """The table that counts as all accounts; without one, those that the dataset speaks of."""
    at = case.base.at.cache
    if case.published("accounts"):
        return f"{at}.accounts"
    return f"(SELECT DISTINCT account FROM {at}.{name}) AS known"


def _of(case: Case, table: str, percent: int) -> str:
    return f"из {merge.count(case.base, table)} (предел {percent} %)"


def _tariffs(case: Case) -> Iterator[Finding]:
    """A line has a quite other tariff than it had, or than the same line of the month before."""
    charges = case.outlook("charges")
    if not charges.is_staged or charges.first or not charges.changed:
        return
    rule = case.guards["charges"]
    earlier = {name: f"s.{name}" for name in charges.dataset.key} | {"period": month_before("s.period")}
    lines = " UNION ALL ".join(
        f"SELECT s.account, s.period, s.service, w.tariff_micro AS was, s.tariff_micro AS will_be"
        f" FROM {charges.touched_joined(f'JOIN {charges.cache} AS w ON {same}')} AND d.act = '{act}'"
        " AND w.tariff_micro > 0 AND s.tariff_micro > 0 AND w.tariff_micro <> s.tariff_micro"
        for act, same in (("update", charges.same("s", "w")), ("insert", Outlook.is_at("w", earlier)))
    )
    leaps = "ABS(will_be - was) / (was / 100 + 1) >= :percent"
    leapt = case.number(
        f"SELECT COUNT(DISTINCT account) FROM ({lines}) AS t WHERE {leaps}", percent=rule.tariff_change_percent
    )
    known = _accounts(case, "charges")
    if not case.is_share(leapt, rule.tariff_percent, known, least=rule.least):
        return
    first = f"SELECT account, period, service, was, will_be FROM ({lines}) AS t WHERE {leaps}"
    ((account, period, service, before, after),) = case.rows(
        f"{first} ORDER BY account, period, service LIMIT 1", percent=rule.tariff_change_percent
    )
    text = (
        f"тариф изменился больше чем на {rule.tariff_change_percent} % у {leapt} счетов"
        f" {_of(case, known, rule.tariff_percent)}, например {case.words.code(service)},"
        f" счёт {case.words.account(account)}, {month_text(period)}: был {_tariff(before)}, стал {_tariff(after)}"
    )
    yield from found("charges", "tariffs", rule, text)


def _tariff(micro: int) -> str:
    return f"{micro // 1_000_000}.{micro % 1_000_000:06d}".rstrip("0").rstrip(".")


def _books(case: Case) -> Iterator[Finding]:
    """The closing balance of a month is not what the next one opens with."""
    balances = case.outlook("balances")
    if not balances.is_staged or not balances.changed or case.guards["balances"].act("books") == "ignore":
        return
    rule, key = case.guards["balances"], {"account": "s.account", "service": "s.service"}
    after = balances.beside("n", key | {"period": month_after("s.period")})
    apart = f"{balances.cell('n', 'opening_kopecks')} <> s.closing_kopecks"
    pairs = f"SELECT s.account, s.period, s.service FROM {balances.touched_joined(after)} AND {apart}"
    if not balances.first:  # else every month is touched and has been the earlier one
        earlier = month_before("s.period")
        before = balances.beside("p", key | {"period": earlier})
        apart = f"{balances.cell('p', 'closing_kopecks')} <> s.opening_kopecks"
        pairs += (
            f" UNION SELECT s.account, {earlier} AS period, s.service"
            f" FROM {balances.touched_joined(before)} AND {apart}"
        )
    rows, accounts = case.row(f"SELECT COUNT(*), COUNT(DISTINCT account) FROM ({pairs}) AS x")
    if rows:
        few = case.rows(f"SELECT account, period FROM ({pairs}) AS x ORDER BY account, period LIMIT {MOST_TOLD}")
        told = ", ".join(f"{case.words.account(account)} {month_text(period)}" for account, period in few)
        text = f"сальдо на конец месяца не равно сальдо на начало следующего: счетов {accounts}, например {told}"
        beyond = _is_much(case, "balances", rows)
        yield from found("balances", "books", rule, text, beyond=beyond)


def _is_much(case: Case, name: str, rows: int) -> bool:
    """Whether so many of the rows that the run touches are a reason to stop."""
    rule, merged, what = case.guards[name], case.differences.merged[name], case.staged[name]
    touched = merged.inserted + merged.updated if merged else what.pulled - what.rejected
    return rows >= rule.least and 100 * rows > rule.books_percent * touched


def _arithmetic(case: Case) -> Iterator[Finding]:
    """A line of charges or a balance does not add up in itself. A first load is walked only when its sums do not."""
    for name, (total, signs) in ADDS_UP.items():
        parts = " ".join(f"{sign} s.{field}" for field, sign in signs.items())
        outlook = case.outlook(name)
        if not outlook.is_staged or not outlook.changed or case.guards[name].act("arithmetic") == "ignore":
            continue
        if outlook.first and _adds_up(case.staged[name].sums, total, signs):
            continue
        wrong = f"FROM {outlook.touched} AND s.{total} <> {parts}"
        rows = case.number(f"SELECT COUNT(*) {wrong}")
        if rows:
            ((account, period),) = case.rows(f"SELECT s.account, s.period {wrong} LIMIT 1")
            example = f"{case.words.account(account)} {month_text(period)}"
            text = f"{total} не равно сумме своих частей в строках: {rows}, например счёт {example}"
            yield from found(name, "arithmetic", case.guards[name], text, beyond=_is_much(case, name, rows))


def _adds_up(sums: Mapping[str, int], total: str, signs: Mapping[str, str]) -> bool:
    if not {total, *signs} <= sums.keys():
        return False
    return sums[total] == sum(sums[field] if sign == "+" else -sums[field] for field, sign in signs.items())


def _charged(case: Case) -> Iterator[Finding]:
    """Lines of charges do not amount to what the balance of the same month and service says."""
    charges, balances = case.outlook("charges"), case.outlook("balances")
    name = "balances" if balances.is_staged else "charges"
    if name not in case.guards or case.guards[name].act("charged") == "ignore":
        return
    keys = _keys_of_both(case, charges, balances)
    if keys is None:
        return
    key = {column: f"k.{column}" for column in balances.dataset.key}
    said = " + ".join(balances.cell("b", column) for column in ("charged_kopecks", "recalculated_kopecks"))
    said += f" - {balances.cell('b', 'benefit_kopecks')}"
    lines = charges.sums_of("keys", balances.dataset.key, "total_kopecks")
    both = (
        f"SELECT k.account, k.period, k.service, {said} AS said, k.amount AS lines"
        f" FROM ({lines}) AS k {balances.beside('b', key)}"
    )
    groups = case.rows(
        f"WITH keys AS ({keys}) SELECT period, service, COUNT(*), SUM(said), SUM(lines), MIN(account)"
        f" FROM ({both}) AS b WHERE said <> lines GROUP BY period, service ORDER BY 3 DESC, 1, 2"
    )
    if groups:
        rows = sum(int(group[2]) for group in groups)
        told = "; ".join(
            f"{month_text(period)} {case.words.code(service)}: по строкам {rubles(int(lines))}, "
            f"по сальдо {rubles(int(said))}, счетов {count}, например {case.words.account(account)}"
            for period, service, count, said, lines, account in groups[:MOST_TOLD]
        )
        more = f"; и ещё {len(groups) - MOST_TOLD}" if len(groups) > MOST_TOLD else ""
        beyond = name in case.staged and _is_much(case, name, rows)
        yield from found(
            name, "charged", case.guards[name], f"начисления не сходятся с сальдо: {told}{more}", beyond=beyond
        )


def _keys_of_both(case: Case, charges: Outlook, balances: Outlook) -> str | None:
    """The months and services of accounts that are touched and may have both; None = there are none."""
    if not all(each.is_staged or case.published(each.dataset.name) for each in (charges, balances)):
        return None
    columns = ", ".join(f"s.{name}" for name in balances.dataset.key)
    parts = [f"SELECT {columns} FROM {balances.touched}"] if balances.is_staged and balances.changed else []
    if charges.is_staged and charges.changed and not balances.first:
        # Lines that end are touched as well.
        table = charges.staged if charges.first else charges.scratch
        parts.append(f"SELECT {columns} FROM {table} AS s")
    return " UNION ".join(parts) or None


RULES: Final[tuple[Callable[[Case], Iterator[Finding]], ...]] = (
    _balances_move, _tariffs, _books, _arithmetic, _charged,
)  # fmt: skip
