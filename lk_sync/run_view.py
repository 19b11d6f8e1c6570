"""Run view: what did a run bring, what would it change in rubles, and what shall be done about it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from lk_sync import reports
from lk_sync.contracts import Totals
from lk_sync.flow.findings import Finding, advice, rubles
from lk_sync.flow.picture import Amount, Picture
from lk_sync.reports import number, say, when
from lk_sync.store import runs
from lk_sync.store.database import Store

MOST_AMOUNTS: Final = 40
BY: Final = {
    "balances": "сальдо, какое видит абонент",
    "charges": "начисления в изменившихся строках",
    "payments": "платежи в изменившихся строках",
    "bills": "суммы изменившихся квитанций",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with what to do about it."""

    dataset: str
    code: str | None
    text: str
    holds: bool
    advice: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """`totals`: dataset → what the source said and what came, where it said anything."""

    run: runs.Run
    datasets: list[runs.RunDataset]
    totals: dict[str, tuple[Totals | None, Totals | None]]
    findings: list[Told]
    picture: Picture | None


def look(store: Store, run: int) -> Seen | None:
    def work(tx: Any) -> tuple[runs.Run | None, list[runs.RunDataset], str | None]:
        return runs.one(tx, run), runs.datasets_of(tx, run), runs.picture(tx, run)

    found, datasets, drawn = store.read(work)
    if found is None:
        return None
    return Seen(
        run=found,
        datasets=datasets,
        totals={d.dataset: (_totals(d.source_totals), _totals(d.pulled_totals)) for d in datasets},
        findings=told(f for d in datasets for f in msgspec.json.decode(d.findings, type=list[Finding])),
        picture=msgspec.json.decode(drawn, type=Picture) if drawn else None,
    )


def told(findings: Iterable[Finding]) -> list[Told]:
    return [Told(dataset=f.dataset, code=f.code, text=f.text, holds=f.holds, advice=advice(f.code)) for f in findings]


def _totals(text: str | None) -> Totals | None:
    return msgspec.json.decode(text, type=Totals) if text else None


def show(seen: Seen, zone: ZoneInfo) -> None:
    run = seen.run
    say(f"Запуск {run.run}, задание {run.job}, источник {run.source}: {reports.outcome(run)}")
    by = "вручную" if run.started_by == "hand" else "по расписанию"
    say(f"Начат {when(run.started_at, zone)} {by}, закончен {when(run.finished_at, zone)}.")
    if run.error_text and run.state != "held":
        say(f"Причина: {run.error_text}")
    reports.datasets(seen.datasets)
    _show_totals(seen.totals)
    show_findings(seen.findings)
    if seen.picture is not None:
        show_picture(seen.picture)
    if run.state == "held":
        say("")
        say(f"Абоненты видят прежние данные. Если новые верны: lk-sync approve {run.run}. Если нет: исправьте их в")
        say(f"источнике или описании и повторите: lk-sync pull {run.job}. Задержанное хранится неделю.")


def _show_totals(totals: Mapping[str, tuple[Totals | None, Totals | None]]) -> None:
    rows = []
    for name, (said, came) in totals.items():
        if came is not None:
            rows.append((name, "строк", number(said.rows) if said else "—", number(came.rows)))
            rows += [
                (name, field, rubles(said.sums[field]) if said and field in said.sums else "—", rubles(amount))
                for field, amount in came.sums.items()
            ]
    if rows:
        say("")
        reports.table(("набор", "итог", "по источнику", "принято"), rows, right=(2, 3))


def show_findings(findings: Iterable[Told]) -> None:
    for finding in findings:
        say("")
        say(f"{'ЗАДЕРЖАНО' if finding.holds else 'Замечание'}: {finding.dataset}: {finding.text}")
        if finding.advice:
            say(f"  Что делать: {finding.advice}. Правило: guards.rules.{finding.code}")


def show_picture(drawn: Picture) -> None:
    say("")
    if not drawn.datasets:
        say("Ничего не изменилось бы.")
        return
    say("Что изменится:")
    reports.table(
        ("набор", "новых", "изменится", "исчезнет", "счетов"),
        [(d.dataset, *map(number, (d.inserted, d.updated, d.ended, d.accounts))) for d in drawn.datasets],
        right=range(1, 5),
    )
    _show_amounts(drawn.amounts)
    if drawn.movers_of is not None and drawn.movers:
        say("")
        say(f"Больше всего меняется у счетов ({BY[drawn.movers_of]}):")
        rows = [(m.account, rubles(m.was), rubles(m.now), _difference(m.now - m.was)) for m in drawn.movers]
        reports.table(("счёт", "было", "станет", "разница"), rows, right=range(1, 4))


def _show_amounts(amounts: Iterable[Amount]) -> None:
    greatest = sorted(amounts, key=lambda a: (-abs(a.now - a.was), a.dataset, a.period, a.service or ""))
    if not greatest:
        return
    say("")
    say("Суммы по месяцам и услугам (сальдо — на конец месяца):")
    shown = sorted(greatest[:MOST_AMOUNTS], key=lambda a: (a.dataset, a.period, a.service or ""))
    reports.table(
        ("набор", "месяц", "услуга", "строк было", "станет", "сумма была", "станет", "разница"),
        [
            (
                a.dataset, a.period, a.service or "—", number(a.rows_was), number(a.rows_now),
                rubles(a.was), rubles(a.now), _difference(a.now - a.was),
            )
            for a in shown
        ],
        right=range(3, 8),
    )  # fmt: skip
    if len(greatest) > MOST_AMOUNTS:
        say(f"… и ещё {len(greatest) - MOST_AMOUNTS}, где меняется меньше; все — с ключом --json")


def _difference(kopecks: int) -> str:
    return rubles(kopecks) if kopecks <= 0 else f"+{rubles(kopecks)}"
