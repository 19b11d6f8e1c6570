"""Since: from which watermark on is a source asked again?

A little before the last one, for something may have been written late. Where the source notes deleted rows in a table
of its own, rows and notes are asked for from the same moment on: a row that was deleted and entered anew is then among
both, and the row counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from lk_sync.contracts import Wanted
from lk_sync.errors import SettingsError


def overlapped(watermark: str, minutes: int) -> str:
    """The watermark less the overlap, as a source is asked for it: in the form it came in, with microseconds."""
    counter = watermark  # not a time: rows at the watermark itself are read again
    if watermark.isdecimal():  # `20260101` may be a counter as well
        return counter
    try:
        moment = datetime.fromisoformat(watermark)
    except ValueError:
        return counter
    earlier = moment - timedelta(minutes=minutes)
    return earlier.isoformat(sep=" " if " " in watermark else "T", timespec="microseconds")


def comparable(one: str, other: str) -> bool:
    """Whether both are times of the same form, so that as text the earlier one is the lesser."""
    return not one.isdecimal() and _form(one) == _form(other)


def _form(watermark: str) -> str:
    return re.sub(r"\d", "0", re.sub(r"\.\d+", "", watermark))


def asked_since(wanted: Wanted, minutes: int, rows: Mapping[str, str], gone: Mapping[str, str]) -> Wanted:
    """The wish from the published watermarks on: those of datasets, and of their tables of deleted rows."""
    name, deleted = wanted.dataset.name, wanted.shaping.gone
    since = overlapped(rows[name], minutes) if wanted.watermark and name in rows else None
    if deleted is None or not deleted.watermark or name not in gone:
        return msgspec.structs.replace(wanted, since=since)
    noted = overlapped(gone[name], minutes)
    if since is not None and comparable(since, noted):
        since = noted = min(since, noted)
    shaping = msgspec.structs.replace(wanted.shaping, gone=msgspec.structs.replace(deleted, since=noted))
    return msgspec.structs.replace(wanted, since=since, shaping=shaping)


def asked_by_hand(dataset: str, known: str, since: str) -> str:
    """From where a person wants the increment of a dataset, in the form of its watermark. Raises SettingsError when
    that is no such thing, or later than what is published, for what is between would be lost."""
    if known.isdecimal():
        if not since.isdecimal():
            raise SettingsError(f"--since: отметка изменений набора {dataset} — число, последнее {known}")
        asked = since
        later = int(since) > int(known)
    else:
        asked = _in_form(dataset, known, since)
        later = asked > _in_form(dataset, known, known)
    if later:
        raise SettingsError(
            f"--since: набор {dataset} загружен только по {known}; изменения между этим и {since} потерялись бы"
        )
    return asked


def _in_form(dataset: str, known: str, text: str) -> str:
    try:
        moment, last = datetime.fromisoformat(text.strip()), datetime.fromisoformat(known)
    except ValueError:
        raise SettingsError(
            f"--since «{text}»: нужны дата или дата и время, например 2026-11-01 или 2026-11-01T08:30; отметка "
            f"изменений набора {dataset} выглядит так: {known}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=last.tzinfo)
    elif last.tzinfo is None:
        raise SettingsError(f"--since «{text}»: без часового пояса; отметка изменений набора {dataset}: {known}")
    else:
        moment = moment.astimezone(last.tzinfo)
    return moment.isoformat(sep=" " if " " in known else "T", timespec="microseconds")
