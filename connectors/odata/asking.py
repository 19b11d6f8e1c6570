"""Asking: which questions bring the rows of a dataset, and what must be true of every row that comes?

Names are those of the metadata, values are literals: nothing of the settings is pasted. A server may ignore a condition
without a word, so what can be compared is compared again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from connectors.odata import literals, pages
from connectors.odata.metadata import Property
from connectors.odata.pages import Columns
from connectors.odata.resource import MONTH, Resource, column, dimension
from connectors.odata.settings import Condition, ODataOptions
from lk_sync.contracts import Wanted
from lk_sync.errors import BadData, SettingsError

_HOLDS: Final = {
    "eq": lambda cell, value: cell == value,
    "ne": lambda cell, value: cell != value,
    "gt": lambda cell, value: cell > value,
    "ge": lambda cell, value: cell >= value,
    "lt": lambda cell, value: cell < value,
    "le": lambda cell, value: cell <= value,
}


class Check(msgspec.Struct, frozen=True):
    """A condition in a form that can be compared with a cell as it comes: a moment or a flag."""

    name: str
    sign: str
    value: str | bool

    def holds(self, row: Mapping[str, Any]) -> bool:
        cell = row.get(self.name)
        return type(cell) is not type(self.value) or bool(_HOLDS[self.sign](cell, self.value))


class Question(msgspec.Struct, frozen=True):
    """`month`: of which month it asks, where it is one of several."""

    path: str
    month: str | None = None


class Asking:
    """Everything that is asked of one dataset. Raises SettingsError for options that cannot be written."""

    def __init__(self, resource: Resource, wanted: Wanted, options: ODataOptions) -> None:
        self.resource, self.wanted, self.options = resource, wanted, options
        self.now = datetime.now(ZoneInfo(wanted.time_zone)).replace(tzinfo=None, microsecond=0)
        self.conditions = [self._written(each, resource.shape.properties) for each in options.where]
        self.checks = [check for each in options.where if (check := self._check(each))]
        if wanted.since is not None and wanted.watermark is not None:
            since = self._since(wanted.since)
            self.conditions.append(f"{wanted.watermark} ge {literals.moment(since)}")
            self.checks.append(Check(wanted.watermark, "ge", since.isoformat()))
        self._key = resource.order if resource.function is None else self._key_of_virtual()

    def _written(self, of: Condition, known: Mapping[str, Property]) -> str:
        return literals.condition(of, known[of.column], self.now)

    def _check(self, of: Condition) -> Check | None:
        found = self.resource.shape.properties[of.column]
        ((sign, value),) = ((sign, value) for sign in literals.SIGNS if (value := getattr(of, sign)) is not None)
        if found.family == "moment":
            return Check(of.column, sign, literals.told_moment(str(value), self.now).isoformat())
        return Check(of.column, sign, str(value).lower() == "true") if found.family == "bool" else None

    def _since(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadData(
                f"{self.wanted.dataset.name}: отметка «{text[:40]}» — не дата и время; загрузите набор целиком (--full)"
            ) from error
        if moment.tzinfo is not None:
            moment = moment.astimezone(ZoneInfo(self.wanted.time_zone))
        return moment.replace(tzinfo=None, microsecond=0)

    def _key_of_virtual(self) -> tuple[str, ...]:
        """What tells the rows of a virtual table apart: its dimensions."""
        known = self.resource.shape.properties
        if self.options.dimensions:
            return tuple(filter(None, (dimension(known, name) for name in self.options.dimensions)))
        key = [name for name in self.resource.shape.key if name in known]
        return tuple(key or (name for name, each in known.items() if each.family in ("guid", "text", "word")))

    # What comes

    @cached_property
    def columns(self) -> Columns:
        found = [self._column(field.column or "") for field in self.wanted.fields]
        key = (*self._key, MONTH) if self.options.months else self._key
        needed = [each.name for each in found] + list(key) + [check.name for check in self.checks]
        return Columns(
            read=[pages.reader(each, rounded=each.name in self.options.rounded) for each in found],
            needed=tuple(dict.fromkeys([*needed, *filter(None, [self.wanted.watermark])])),
            key=key,
            watermark=self.wanted.watermark,
        )

    def _column(self, name: str) -> Property:
        found = column(self.resource, self.options, name)
        if found is None:
            raise SettingsError(f"{self.resource.title}: нет реквизита «{name}»")
        return found

    def obeyed(self, rows: Sequence[Any], checks: Sequence[Check] = ()) -> None:
        """Raises BadData when a row came that was not asked for."""
        for check in (*self.checks, *checks):
            if not all(check.holds(row) for row in rows if isinstance(row, dict)):
                raise BadData(
                    f"{self.resource.title}: пришли строки, которых не просили ({check.name} {check.sign} "
                    f"{check.value}): сервер не выполняет $filter; загрузка прервана, данные прежние"
                )

    # What is asked

    def selected(self) -> str:
        names = [name for name in self.columns.needed if name != MONTH]
        composite = [f"{name}_Type" for name in names if (of := self._known(name)) is not None and of.composite]
        return ",".join(dict.fromkeys(names + composite))

    def _known(self, name: str) -> Property | None:
        return self.resource.shape.properties.get(name)

    def query(self, *more: str) -> dict[str, str]:
        """The options that all questions have. `more`: further conditions."""
        query = {"$select": self.selected()}
        if filter_ := literals.all_of((*self.conditions, *more)):
            query["$filter"] = filter_
        if self.options.allowed_only:
            query["allowedOnly"] = "true"
        return query

    def questions(self, *, doubled: bool) -> Iterator[Question]:
        """Of a virtual table. `doubled`: how apostrophes within its condition are written."""
        months = self.options.months
        if months is None:
            yield Question(self._call(self._interval(), doubled=doubled))
            return
        last = self._last_month()
        for ago in range(months - 1, -1, -1):
            begun, following = literals.month_begun(last - ago), literals.month_begun(last - ago + 1)
            yield Question(self._call(self._of_month(begun, following), doubled=doubled), begun.isoformat())

    def _last_month(self) -> int:
        if self.options.last_month is None:
            return self.now.year * 12 + self.now.month - 2
        try:
            told = datetime.fromisoformat(f"{self.options.last_month}-01")
        except ValueError as error:
            raise SettingsError(f"options.last_month: «{self.options.last_month}» — не месяц") from error
        return told.year * 12 + told.month - 1

    def _interval(self) -> dict[str, datetime]:
        told = {"Period": self.options.period, "Start": self.options.start, "End": self.options.end}
        return {name: literals.told_moment(text, self.now) for name, text in told.items() if text is not None}

    def _of_month(self, begun: datetime, following: datetime) -> dict[str, datetime]:
        """A balance is that of a moment, without what happens at it; a slice has what happens at it."""
        last_second = following - timedelta(seconds=1)
        if "Period" in self.resource.parameters:
            return {"Period": following if self.resource.function == "Balance" else last_second}
        return {"Start": begun, "End": last_second if self.options.month_end == "last_second" else following}

    def _call(self, moments: Mapping[str, datetime], *, doubled: bool) -> str:
        parts = {self._parameter(name): literals.moment(moment) for name, moment in moments.items()}
        if conditions := self.condition():
            parts[self._parameter("Condition")] = _quoted(conditions, doubled=doubled)
        if self.options.dimensions:
            parts[self._parameter("Dimensions")] = _quoted(",".join(self.options.dimensions), doubled=doubled)
        arguments = ",".join(f"{name}={value}" for name, value in parts.items())
        return f"{self.resource.entity_set}/{self.resource.function}({arguments})"

    def condition(self) -> str:
        records = self.resource.records.properties
        return literals.all_of(self._written(each, records) for each in self.options.condition)

    def _parameter(self, name: str) -> str:
        """As the metadata call it: one base says StartPeriod, another StartDate."""
        for known in (name, f"{name}Period", f"{name}Date"):
            if known in self.resource.parameters:
                return known
        raise SettingsError(
            f"{self.resource.title}: у этой таблицы нет параметра {name}; есть {', '.join(self.resource.parameters)}"
        )


def _quoted(text: str, *, doubled: bool) -> str:
    inside = text.replace("'", "''") if doubled else text
    return f"'{inside}'"
