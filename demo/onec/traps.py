"""Traps: in which ways does the OData interface of 1C surprise its clients? Each can be switched on or off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Page = Literal["licence", "login", "maintenance"]
PAGES: dict[str, str] = {
    "licence": "<title>1С:Предприятие</title><p>Не обнаружено свободной лицензии! Начало сеанса невозможно.</p>",
    "login": "<title>1С:Предприятие</title><p>Введите имя пользователя и пароль</p>",
    "maintenance": "<title>Технические работы</title><p>База данных заблокирована для обновления.</p>",
}


@dataclass(frozen=True)
class Fault:
    """An answer that is no answer. `xml`: told as `m:error`, otherwise as `odata.error`."""

    status: int
    code: int
    text: str
    xml: bool = False


@dataclass
class Traps:
    """What is set at first is what every 1C does."""

    unstable_order: bool = True  # without $orderby each answer is in another order
    inlinecount_takes_all: bool = True  # $inlinecount=allpages: $top and $skip are ignored
    mistyped_is_empty: bool = True  # a property that does not exist: nothing is found, and nothing is said
    mark_before_count: bool = True  # a byte order mark before the number of $count
    guids_compare: bool = True  # guids can be compared by size
    doubled_quotes: bool = False  # apostrophes inside Condition='…' have to be doubled
    numbers_as_text: bool = False  # numbers of registers come as texts
    next_link: str | None = None  # what stands in odata.nextLink
    page_limit: int | None = None  # no answer has more rows, whatever $top says
    forbidden: set[str] = field(default_factory=set)  # references that the user's rights do not reach
    counts_all: bool = False  # $count without allowedOnly counts forbidden rows as well, and does not complain
    licences: int = 100
    slow_first_seconds: float = 0.0
    page: Page | None = None  # this page of HTML, with status 200
    fault: Fault | None = None
    after: int = 0  # so many answers with rows are given before `page`, `fault`, `cut` or `silent` begins
    times: int = -1  # so many answers are spoilt, then all is well again; -1 = all
    cut: bool = False  # the answer ends in the middle
    garbled: bool = False  # the answer is no JSON
    silent_seconds: float = 0.0
    redirect: str | None = None
    ignores: set[str] = field(default_factory=set)  # $filter, $top, $skip, $orderby: not read at all
    changes: int = 0  # so many times a row goes and another comes while somebody pages
