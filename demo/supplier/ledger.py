"""Ledger: what was owed, paid and billed, month by month?

For every account, month and service: opening + charged + recalculated - benefit + penalty - paid = closing, and the
next opening is this closing. A bill's amount due is the sum of the closings of its month.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from demo.supplier.allocations import Allocations
from demo.supplier.charges import NOTHING, Charges
from demo.supplier.households import Household
from demo.supplier.money import half_up
from demo.supplier.oddities import Oddity
from demo.supplier.plan import Month, Plan
from lk_sync.records import DATASETS, next_month

Row = tuple[Any, ...]
DAILY_PENALTY: Final = (95, 300_000)
"""1/300 of a key rate of 9.5 % for each day of the month, on what was already overdue when it began."""
ADVANCE: Final = 1_500_000
"""What a subscriber with a credit balance has paid above the bill."""
HUNDRED: Final = 10_000
PAYS_ON: Final = (3, 15)
AMOUNT: Final = DATASETS["payments"].columns.index("amount_kopecks")


class Ledger:
    """Balances, payments with their allocations, and bills of one account."""

    def __init__(self, plan: Plan, household: Household, charges: Charges, chance: Random) -> None:
        self.balances: list[Row] = []
        self.payments: list[Row] = []
        self.bills: list[Row] = []
        self._plan = plan
        self._household = household
        self._charges = charges
        self._chance = chance
        self._reversed_at = plan.months // 2 if household.oddity is Oddity.PAYMENT_REVERSED else None
        self._withdrawn_at = plan.months // 2 if household.oddity is Oddity.BILL_WITHDRAWN else None
        self._returned_at = plan.months // 2 if household.oddity is Oddity.PAYMENT_ON_ITS_WAY else None
        self._opening = {service: self._old_debt() for service in household.services}
        self._allocated = Allocations(household.services)
        for service, debt in self._opening.items():
            self._allocated.owe(service, next_month(plan.closed_months[household.opened].period, -1), charge=debt)
        settled = household.oddity is Oddity.CLOSED and household.closed is not None
        last = household.closed + 1 if settled and household.closed is not None else None
        for month in plan.closed_months[household.opened : last]:
            self._close(month)
        if not settled:
            self._open_month()

    @property
    def allocations(self) -> list[Row]:
        return self._allocated.rows

    def _old_debt(self) -> int:
        return 0 if self._household.opened else int(self._chance.random() * 90_000)

    def _close(self, month: Month) -> None:
        due = sum(self._opening.values())
        penalties = {service: self._penalty(month, service) for service in self._opening}
        came = self._pay(month, due, sum(penalties.values()))
        paid = self._spread(sum(row[AMOUNT] for row in came))
        self._allocated.take(came, paid, month.period)
        for service, opening in self._opening.items():
            self._balance(month, service, opening, penalties[service], paid[service])
        self._bill(month)

    def _charged(self, month: Month) -> int:
        return sum(self._charges.sums.get((month.position, service), NOTHING).total for service in self._opening)

    def _penalty(self, month: Month, service: str) -> int:
        fresh = self._charges.sums.get((month.position - 1, service), NOTHING).total
        overdue = self._opening[service] - fresh
        if overdue <= 0 or month.position == 0:
            return 0
        rate, whole = DAILY_PENALTY
        return half_up(overdue * month.days * rate, whole * 1000)

    def _balance(self, month: Month, service: str, opening: int, penalty: int, paid: int) -> None:
        household = self._household
        sums = self._charges.sums.get((month.position, service), NOTHING)
        closing = opening + sums.total + penalty - paid
        self.balances.append(
            (household.number, month.period, service, opening, sums.charged, sums.recalculated, sums.benefit, penalty,
             paid, closing, household.changed(month.issued_on))
        )  # fmt: skip
        self._opening[service] = closing
        self._allocated.owe(service, month.period, charge=sums.total, penalty=penalty)

    def _bill(self, month: Month) -> None:
        """The month's bill; where it had to be withdrawn, the one instead of it as well."""
        household = self._household
        number = f"{month.period % 10_000:04d}-{household.index:07d}"
        withdrawn = month.position == self._withdrawn_at
        for name, state in ((number, "withdrawn"), (f"{number}-1", "issued")) if withdrawn else ((number, "issued"),):
            self.bills.append(
                (household.number, month.period, name, month.issued_on, month.due_on, month.last_day,
                 sum(self._opening.values()), state, household.changed(month.issued_on))
            )  # fmt: skip

    def _pay(self, month: Month, due: int, penalty: int) -> list[Row]:
        """Book the payments of a month; those that count."""
        day = PAYS_ON[0] + int(self._chance.random() * (PAYS_ON[1] - PAYS_ON[0]))
        amount = self._amount(month, due)
        if self._settles(month):
            day, amount = month.days, due + self._charged(month) + penalty
        if self._household.oddity is Oddity.CREDIT and month.position == self._plan.months - 1:
            amount = max(amount, 0) + ADVANCE
        if month.position == self._returned_at:
            self._book(month, 2, HUNDRED + max(due, 0), "returned")
        if amount <= 0:
            return []
        booked = [self._book(month, day, amount)]
        if month.position == self._reversed_at:
            booked += [self._book(month, day, amount), self._book(month, day + 3, -amount)]
        return booked

    def _settles(self, month: Month) -> bool:
        return self._household.payer == "ahead" or (
            self._household.oddity is Oddity.CLOSED and month.position == self._household.closed
        )

    def _amount(self, month: Month, due: int) -> int:
        payer, lot = self._household.payer, self._chance.random()
        if due <= 0 or (payer == "forgetful" and lot < 0.2):
            return 0
        if payer == "debtor":
            closed = self._household.closed is not None and month.position > self._household.closed
            return due // 3 if lot < 0.12 and not closed else 0
        return -(-due // HUNDRED) * HUNDRED if payer == "rounding" else due

    def _book(self, month: Month, day: int, amount: int, state: str | None = None) -> Row:
        household = self._household
        paid_on = month.day(day)
        payment = f"{household.index:07d}-{len(self.payments) + 1:04d}"
        changed = household.changed(paid_on)
        row = (household.number, payment, paid_on, month.period, amount, household.channel, state, changed)
        self.payments.append(row)
        return row

    def _spread(self, paid: int) -> dict[str, int]:
        """What is paid covers what is owed service by service; the rest goes to the last one."""
        spread: dict[str, int] = {}
        for service, owed in self._opening.items():
            spread[service] = min(max(owed, 0), paid)
            paid -= spread[service]
        spread[self._household.services[-1]] += paid
        return spread

    def _open_month(self) -> None:
        """Payments that came since the books were closed; no balance shows them yet."""
        day = PAYS_ON[0] + int(self._chance.random() * (PAYS_ON[1] - PAYS_ON[0]))
        amount = self._amount(self._plan.open_month, sum(self._opening.values()))
        today = self._plan.today.day
        if amount > 0 and self._household.payer != "ahead" and day < today:
            row = self._book(self._plan.open_month, day, amount)
            self._allocated.take([row], self._spread(amount), self._plan.open_month.period)
        if self._returned_at is not None and today > 1:
            self._book(self._plan.open_month, today - 1, HUNDRED, "processing")
