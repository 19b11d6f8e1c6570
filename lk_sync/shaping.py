"""Shaping: what has to become of the cells that a source gave before they are rows of a dataset?

Only what is to be done, as data: `recipes` makes it of the mapping, `flow.derive` does it. Cells are those of
`Wanted.fields`, already in the form of their kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from lk_sync.contracts import FieldMap, Wanted

EXTRA: Final = "extra:"  # before the column of other information
DELETED: Final = "#deleted"  # the field that says whether a row is no more


class Cell(msgspec.Struct, frozen=True):
    """The cell of a field of the wish."""

    field: str


class Fixed(msgspec.Struct, frozen=True):
    """The same in every row."""

    cell: Any


class Sum(msgspec.Struct, frozen=True):
    """An empty part counts for nothing; all empty is empty."""

    parts: tuple[Node, ...]


class Negated(msgspec.Struct, frozen=True):
    part: Node


class Between(msgspec.Struct, frozen=True):
    """What stands between two parts of a text, and only there."""

    text: str


class Joined(msgspec.Struct, frozen=True):
    """Texts one after another; an empty part goes with what stood before it."""

    parts: tuple[Node | Between, ...]


class First(msgspec.Struct, frozen=True):
    """The first part that is not empty."""

    parts: tuple[Node, ...]


class Found(msgspec.Struct, frozen=True):
    """What the lookup table `table` (its place in `Shaping.lookups`) has for the text `part`.
    `absent_is_empty`: a key that is not there is no fault."""

    part: Node
    table: int
    absent_is_empty: bool = False


class Scaled(msgspec.Struct, frozen=True):
    """A whole number whose last `digits` digits are its fraction."""

    part: Node
    digits: int


class DayOf(msgspec.Struct, frozen=True):
    """The day, or the month, of a moment on the supplier's clock."""

    part: Node
    month: bool


class Read(msgspec.Struct, frozen=True):
    """A text read as `field`; `format`: how a date is written in it."""

    part: Node
    field: FieldMap
    format: str | None = None


Node = Cell | Fixed | Sum | Negated | Joined | First | Found | Scaled | DayOf | Read


class Computed(msgspec.Struct, frozen=True):
    """A field of the dataset that no single column gives."""

    field: FieldMap
    by: Node


class Shaping(msgspec.Struct, frozen=True, kw_only=True):
    """`extra`: field of the wish → what the supplier calls it. `deleted_words`: what the field `#deleted` says of a row
    that is no more; empty = it says yes. `lookups` and `gone` are pulled beside the wish: each lookup has the fields
    `key` and `value`, `gone` those of the dataset's key."""

    computed: tuple[Computed, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    deleted: bool = False
    deleted_words: tuple[str, ...] = ()
    lookups: tuple[Wanted, ...] = ()
    gone: Wanted | None = None
    absent_ends: bool = True
    beside: str | None = None
    match: tuple[str, ...] = ()
    match_days: int = 0
