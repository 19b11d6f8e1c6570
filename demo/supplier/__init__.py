"""Supplier: a heat supplier of any size whose books add up. What do they hold for one account?

`Supplier(plan).books(index)` are the books of one account, made from (plan, index) alone: nothing else is kept, so a
million accounts take no more memory than fifty. Rows are tuples in the order of `lk_sync.records.DATASETS`, and one
more cell at the end: when the accounting system last changed the row.
"""

from demo.supplier.books import SERVICES, Books, Supplier
from demo.supplier.plan import Plan

__all__ = ["SERVICES", "Books", "Plan", "Supplier"]
