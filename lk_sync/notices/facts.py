"""Facts: what is kept of an event of each kind, so that pages and letters can make sentences of it?

Money in kopecks, days and instants as the cache writes them, names as the supplier writes them. A page and a letter
find every name that stands in the sample of the kind. `gone`: what was told before is not true any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_WHOSE: Final[Mapping[str, Any]] = {"account": "000012345", "at": "2026-11-23T09:00:00.000Z"}
_METER: Final = {"service": "Горячая вода", "place": "кухня", "serial": "1234567"}

EXAMPLES: Final[tuple[Mapping[str, Any], ...]] = (
    # `was_kopecks`: what the bill asked for before it was changed
    {"kind": "bill", "period": 202610, "number": "10-1", "amount_kopecks": 123456, "was_kopecks": None,
     "due_on": "2026-11-10", "gone": False},
    {"kind": "bill", "period": 202610, "number": "10-1", "amount_kopecks": 123456, "was_kopecks": 120000,
     "due_on": None, "gone": False},
    {"kind": "bill", "period": 202610, "number": "10-1", "amount_kopecks": 123456, "was_kopecks": None,
     "due_on": None, "gone": True},
    # `charged`: all lines together; `penalty` likewise; `services`: by what each one grew
    {"kind": "month_changed", "period": 202601, "charged_was": 100000, "charged_now": 123456, "penalty_was": 0,
     "penalty_now": 500, "services": [{"title": "Отопление", "grown_kopecks": 23456}]},
    {"kind": "payment", "payment": "77", "period": 202610, "paid_on": "2026-11-05", "amount_kopecks": 50000,
     "gone": False},
    {"kind": "payment", "payment": "77", "period": 202610, "paid_on": "2026-11-05", "amount_kopecks": 50000,
     "gone": True},
    {"kind": "window_opens", "period": 202611, "first": "2026-11-15", "last": "2026-11-25"},
    {"kind": "window_closes", "period": 202611, "last": "2026-11-25", "meters": [_METER]},
    # `last`: until when another one can be handed in for the same month; None: not any more
    {"kind": "reading_rejected", "submission": "00000000-0000-0000-0000-000000000000", "meter": _METER,
     "value_micro": 12_345_000, "unit": "m3", "text": "показание меньше предыдущего", "last": "2026-11-25"},
    {"kind": "reading_rejected", "submission": "00000000-0000-0000-0000-000000000000", "meter": None,
     "value_micro": 12_345_000, "unit": None, "text": "", "last": None},
    {"kind": "verification", "meter": _METER, "due_on": "2027-01-10", "expired": False},
    {"kind": "verification", "meter": _METER, "due_on": "2026-11-20", "expired": True},
    # `what` as the supplier writes it; `planned` or not; `moved`: it was told before with other times
    {"kind": "works", "works": "7", "what": "Замена участка теплотрассы", "planned": True, "service": "Отопление",
     "starts_at": "2026-12-01T06:00:00.000Z", "ends_at": "2026-12-01T14:00:00.000Z", "moved": False, "gone": False},
    {"kind": "works", "works": "7", "what": "Порыв", "planned": False, "service": None,
     "starts_at": "2026-12-01T06:00:00.000Z", "ends_at": None, "moved": True, "gone": False},
    {"kind": "works", "works": "7", "what": "Порыв", "planned": False, "service": None,
     "starts_at": "2026-12-01T06:00:00.000Z", "ends_at": None, "moved": False, "gone": True},
    # `path`: the page of the request
    {"kind": "request_answered", "title": "Перерасчёт за отсутствие", "number": "З-000017", "path": "/requests/17",
     "answer": "Перерасчёт сделан", "state": "answered"},
    {"kind": "request_answered", "title": "Поверка", "number": "З-000018", "path": "/requests/18", "answer": "",
     "state": "in_work"},
    {"kind": "request_answered", "title": "Поверка", "number": "З-000018", "path": "/requests/18",
     "answer": "Прибор уже поверен", "state": "refused"},
    {"kind": "device", "browser": "Firefox, Windows", "address": "192.0.2.7"},
    # `what`: account_added, account_removed, delegated (to us), delegation_ended, delegation_given (by us)
    {"kind": "access", "what": "account_added", "whose": "000012346", "until": None},
    {"kind": "access", "what": "account_removed", "whose": "000012346", "until": None},
    {"kind": "access", "what": "delegated", "whose": "000012346", "until": "2027-01-31"},
    {"kind": "access", "what": "delegation_ended", "whose": "000012346", "until": None},
    {"kind": "access", "what": "delegation_given", "whose": "000012346", "until": None},
    {"kind": "mail", "address": "i…@example.ru", "answer": "550 no such user"},
)  # fmt: skip
SAMPLES: Final = [{**_WHOSE, **each} for each in EXAMPLES]
IN_LETTERS: Final = [each for each in SAMPLES if each["kind"] != "mail"]  # that letters do not arrive is told elsewhere
