"""Alerts: what is the operator written about, and how is it that he is written once?

The engine looks at the troubles of `status` every half minute. One that is new is opened as an incident and its letter
is queued, in one unit of work of the store; one that is over is closed and told in the same way. Whoever changed the
row writes the letter, so restarts and several engines write once. The queue is carried by the engine itself (and by
the portal, if it is up): `mail`.

A letter says what the settings call things, run numbers, counts and fixed sentences: nothing that a source has said,
no account, no name. The rest is on the operator's terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from lk_sync import status
from lk_sync.clock import moment
from lk_sync.config import Alerts, Config
from lk_sync.flow.findings import Finding, advice
from lk_sync.schedules import Schedules
from lk_sync.store import incidents, letters, runs
from lk_sync.store.database import Store, Tx
from lk_sync.troubles import Kind, Trouble

SENTENCES: Final[Mapping[str, str]] = {
    "held": "задание {}: запуск задержан проверкой, абоненты видят прежние данные",
    "unreachable": "{}: нет связи",
    "denied": "{}: отказано в доступе, попытки прекращены",
    "settings": "{}: настройки не годятся, попытки прекращены",
    "failed": "{}: запуск не удался, абоненты видят прежние данные",
    "stale": "источник {}: данные устарели",
    "unanswered": "{}: учётная система не отвечает на выгруженное",
    "disk": "{}: мало места",
    "template": "{} не годится: квитанции печатает встроенный",
}
LANGUAGE: Final = "ru"


def sweep(config: Config, timetable: Schedules, store: Store, now: datetime) -> None:
    """Tells of what has begun and of what is over since the last sweep."""
    alerts = config.lk.alerts
    if alerts is None:
        return
    seen = status.look(config, store, now, timetable=timetable, stale_after_hours=alerts.stale_after_hours)
    troubles = {(each.kind, each.subject): each for each in seen.troubles if _is_told(each, alerts, now)}
    lasting = {(each.kind, each.subject) for each in seen.troubles}
    known = {(each.kind, each.subject): each for each in store.read(incidents.still_open)}
    new = [trouble for key, trouble in troubles.items() if key not in known]
    over = [incident for key, incident in known.items() if key not in lasting]
    if new or over:
        held = {run.job: run.run for run in seen.held}
        store.write_now(lambda tx: _tell(tx, alerts, new, over, held, now))


def _is_told(trouble: Trouble, alerts: Alerts, now: datetime) -> bool:
    if trouble.kind == "unreachable" and trouble.since is not None:
        return now - moment(trouble.since) >= timedelta(minutes=alerts.outage_minutes)
    return trouble.kind in SENTENCES


def _tell(
    tx: Tx,
    alerts: Alerts,
    new: list[Trouble],
    over: list[incidents.Incident],
    held: Mapping[str, int],
    now: datetime,
) -> None:
    opened, closed, ours = [], [], []
    for trouble in new:
        if incident := incidents.open(tx, kind=trouble.kind, subject=trouble.subject, now=now):
            ours.append(incident)
            opened.append(_opened(tx, trouble, held, incident))
    for incident in over:
        if incidents.close(tx, incident, now=now):
            ours.append(incident)
            closed.append(_closed(incident, now))
    if ours:
        once = f"alert:{ours[0].incident}:{'opened' if opened else 'closed'}"
        write(tx, alerts, kind="operator_alert", once=once, context={"opened": opened, "closed": closed}, now=now)


def _opened(tx: Tx, trouble: Trouble, held: Mapping[str, int], incident: incidents.Incident) -> dict[str, Any]:
    todo = [trouble.todo] if trouble.todo else []
    if trouble.kind == "held" and trouble.subject in held:
        todo += _findings(tx, held[trouble.subject])
    return {"what": sentence(trouble.kind, trouble.subject), "since": trouble.since or incident.opened_at, "todo": todo}


def _closed(incident: incidents.Incident, now: datetime) -> dict[str, Any]:
    lasted = now - moment(incident.opened_at)
    return {"what": sentence(incident.kind, incident.subject), "since": incident.opened_at, "lasted": length(lasted)}


def sentence(kind: Kind | str, subject: str) -> str:
    return SENTENCES.get(kind, "{}").format(subject)


def _findings(tx: Tx, run: int) -> list[str]:
    """What held the run: rule by rule, without the rows."""
    return [
        f"{finding.dataset}, правило {finding.code}: {advice(finding.code)}"
        for dataset in runs.datasets_of(tx, run)
        for finding in msgspec.json.decode(dataset.findings, type=list[Finding])
        if finding.holds
    ]


def length(span: timedelta) -> str:
    """`2 дн. 3 ч`, `5 мин`."""
    minutes = max(0, round(span.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} дн. {hours} ч"
    return f"{hours} ч {minutes} мин" if hours else f"{minutes} мин"


def write(tx: Tx, alerts: Alerts, *, kind: str, once: str, context: Mapping[str, Any], now: datetime) -> None:
    for recipient in alerts.to:
        letters.write(
            tx,
            kind=kind,
            once=f"{once}:{recipient}",
            recipient=recipient,
            language=LANGUAGE,
            context=context,
            now=now,
        )
