"""Guards: which surprises in what a source sent stop it on its way to subscribers, and from which size on?

The circuit breaker of a dataset, as `guards:` in its description. Every rule has a code. `rules:` says what a rule does
when its limit is passed: `hold` the run for a person, `warn`, or `ignore` it; the limits stand beside it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

import msgspec

Act = Literal["hold", "warn", "ignore"]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
NotNegative = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]

Code = Literal[
    "rejects",
    "rows",
    "totals",
    "empty",
    "shrink",
    "orphans",
    "future",
    "ancient",
    "watermark",
    "clock",
    "holders",
    "moved",
    "jump",
    "signs",
    "tariffs",
    "books",
    "arithmetic",
    "charged",
]
CODES: Final[tuple[Code, ...]] = get_args(Code)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a run in which a rule finds more than its limit."""

    rejects: Act = "hold"  # rows that cannot be taken
    rows: Act = "hold"  # not as many rows as the source says
    totals: Act = "hold"  # not the sums that the source says
    empty: Act = "hold"  # nothing came
    shrink: Act = "hold"  # rows vanish
    orphans: Act = "hold"  # rows of accounts that nobody knows
    future: Act = "hold"  # months that are still to come
    ancient: Act = "hold"  # months that are absurdly old
    watermark: Act = "hold"  # the mark of the latest change went back, or lies in the future
    clock: Act = "warn"  # the clock of this machine went back: the data are none the worse for it
    holders: Act = "hold"  # accounts change hands
    moved: Act = "hold"  # balances of months that were shown already change
    jump: Act = "hold"  # balances leap within a new month
    signs: Act = "hold"  # debts become overpayments and the reverse
    tariffs: Act = "hold"  # a service has another price
    books: Act = "warn"  # the closing balance of a month is not the opening one of the next
    arithmetic: Act = "warn"  # a line does not add up in itself
    charged: Act = "warn"  # lines of charges do not amount to what the balance says was charged


class ControlTotal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query of the source that states row count and sums: columns `rows` and names of money fields, in rubles; by
    groups, when it has the columns `period` or `service` as well."""

    query: str


class Guards(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a dataset's rules. Shares are of what is published: of rows, of accounts.

    `least`: fewer accounts or rows are no reason to stop, for a handful is half of a small table.
    """

    rules: Rules = Rules()
    shrink_percent: Percent = 10
    reject_percent: Percent = 1
    may_be_empty: bool = False
    orphan_percent: Percent = 50
    future_months: NotNegative = 1
    ancient_years: Positive = 30
    holder_change_percent: Percent = 5
    moved_rubles: NotNegative = 100
    moved_percent: Percent = 50
    jump_rubles: NotNegative = 50_000
    jump_percent: Percent = 5
    signs_percent: Percent = 10
    tariff_change_percent: Positive = 50
    tariff_percent: Percent = 5
    books_percent: Percent = 5
    least: Positive = 10
    control_total: ControlTotal | None = None

    def act(self, code: Code) -> Act:
        act: Act = getattr(self.rules, code)
        return act
