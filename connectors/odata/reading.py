"""Reading: how are all rows of an entity set read by pages, none twice and none left out, while others write?

1C has no snapshot over several answers. So a reading is a *look*: the rows are counted apart, read page by page in one
order, and counted again. A page begins with the last row of the page before: if it does not, rows have moved meanwhile.
A look in which anything does not agree is thrown away and another one is taken.

Where the next page begins: behind the last reference, if the base can compare references by size (it is asked to prove
it); else from the last value of a leading date on; else by `$skip`.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from connectors.odata import literals, pages
from connectors.odata.asking import Asking, Check
from connectors.odata.pages import FAULT, NoPage, Rows
from connectors.odata.spool import Spool
from connectors.odata.wire import Wire
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable

LOOKS: Final = 3
GONE_ROWS, GONE_SHARE = 10, 100  # so many rows, and one in so many, may go while a base in use is read
REFERENCE: Final = "Ref_Key"


class Changed(Exception):
    """A look that is not whole; says why."""


class Manners(msgspec.Struct):
    """What has been learned of the base in this session; None = nothing yet."""

    compares_guids: bool | None = None
    fills_pages: bool = False
    doubles_quotes: bool | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a page begins. `condition`, `check`: that of the rows from which `skip` are left out. `anchor`: the key of
    the row that must come first, for it is the last one that is known."""

    condition: str | None = None
    check: Check | None = None
    skip: int = 0
    anchor: str | None = None


class Reading:
    """All rows of one entity set."""

    def __init__(self, wire: Wire, asking: Asking, manners: Manners, *, page_rows: int) -> None:
        self._wire, self._asking, self._manners = wire, asking, manners
        self._title, self._order = asking.resource.title, asking.resource.order
        self._columns, self._top = asking.columns, page_rows
        self._until = asking.now.isoformat()

    def whole(self) -> Spool:
        """Raises Unreachable when the rows keep changing."""
        why = ""
        for _ in range(LOOKS):
            spool = Spool()
            try:
                self._look(spool)
            except Changed as changed:
                spool.close()
                if self._manners.compares_guids:
                    self._manners.compares_guids = False  # what it has proven may not hold for all
                why = str(changed)
            except BaseException:
                spool.close()
                raise
            else:
                return spool
        raise Unreachable(
            f"{self._wire.peer}, {self._title}: строки менялись, пока их читали ({why}, попыток {LOOKS}); "
            "загрузка прервана, данные прежние, попытка будет повторена"
        )

    def _look(self, spool: Spool) -> None:
        before = self._count()
        keys = array("Q")
        for rows in self._pages(before):
            keys.extend(_hashed(key) for key in rows.keys if not key.startswith(FAULT))
            spool.add(rows)
        after = self._count()
        if self._order and any(one == other for one, other in pairwise(sorted(keys))):
            raise Changed("одна строка пришла дважды")
        if before is not None and after is not None and not _plausible(before, after, spool.rows):
            raise Changed(f"было {before}, стало {after}, прочитано {spool.rows}")
        spool.stated = self._reached(spool.rows)

    def _count(self) -> int | None:
        """None: the base does not say how many rows the user may see."""
        query = self._asking.query()
        del query["$select"]
        try:
            return self._wire.count(self._title, query)
        except (AccessDenied, SettingsError, BadData):
            if not self._asking.options.allowed_only:
                raise
            return None

    def _reached(self, rows: int) -> int:
        """How many rows there are, those that the user's rights do not reach among them, where the base says it."""
        if not self._asking.options.allowed_only:
            return rows
        query = {name: text for name, text in self._asking.query().items() if name == "$filter"}
        try:
            return max(rows, self._wire.count(self._title, query))
        except (AccessDenied, SettingsError, BadData):
            return rows

    # Pages

    def _pages(self, expected: int | None) -> Iterator[Rows]:
        place, read, seen = Place(), 0, set[bytes]()
        while True:
            found = self._page(place)
            if not self._order or (place == Place() and len(found) > self._top):
                yield from self._all_at_once(found, expected)
                return
            rows = self._fresh(found, place, seen)
            if not rows.count:
                return
            read += rows.count
            yield rows
            if self._is_last(found) and expected is not None and read >= expected:
                return
            place = self._next(place, found[-rows.count :], rows.keys[-1])

    def _is_last(self, found: Sequence[Any]) -> bool:
        """A short page is the last one, if this base is known to give pages of full length: another may have a limit of
        its own, and then more rows follow."""
        if len(found) == self._top:
            self._manners.fills_pages = True
        return len(found) < self._top and self._manners.fills_pages

    def _fresh(self, found: Sequence[Any], place: Place, seen: set[bytes]) -> Rows:
        """The rows that were not on the page before."""
        rows = pages.rows(found, self._columns, until=self._until)
        self._new(rows.keys, seen, place)
        if place.anchor is None:
            return rows
        if rows.keys[:1] != [place.anchor]:
            raise Changed("строки сдвинулись между страницами")
        return rows.without_first()

    def _page(self, place: Place, top: int | None = None) -> list[Any]:
        query = self._asking.query(*filter(None, [place.condition]))
        if self._order:
            query |= {"$orderby": ",".join(self._order), "$top": str(top or self._top)}
        if place.skip:
            query["$skip"] = str(place.skip)
        found = answered(self._wire, self._title, query)
        self._asking.obeyed(found, [place.check] if place.check else [])
        return found

    def _all_at_once(self, found: Sequence[Any], expected: int | None) -> Iterator[Rows]:
        """More rows than asked for: `$top` is ignored, or there is no order to read them in by pages."""
        if self._order and expected is not None and len(found) != expected:
            raise BadData(
                f"{self._title}: просили {self._top} строк, пришло {len(found)}, а всего их {expected}: сервер не "
                "выполняет $top; загрузка прервана, данные прежние"
            )
        for start in range(0, len(found), self._top):
            yield pages.rows(found[start : start + self._top], self._columns, until=self._until)

    def _new(self, keys: Sequence[str], seen: set[bytes], place: Place) -> None:
        """When the very same page has been here before, rows have moved; or it would come forever, and BadData is
        raised: the base answers the same with rows left out and without."""
        print_ = hashlib.blake2b("\0\0".join(keys).encode(), digest_size=16).digest()
        if len(keys) > 1 and print_ in seen:
            if self._skips(place, keys):
                raise Changed("одна страница пришла дважды")
            raise BadData(
                f"{self._title}: сервер повторяет одну и ту же страницу, не выполняя $skip или $filter; загрузка "
                "прервана, данные прежние"
            )
        seen.add(print_)

    def _skips(self, place: Place, keys: Sequence[str]) -> bool:
        """Whether the base leaves out the rows that it is asked to leave out."""
        if not place.skip:
            return True
        for asked in (msgspec.structs.replace(place, skip=0), place):
            if self._keys(self._page(asked)) != list(keys):
                return True
        return False

    def _keys(self, found: Sequence[Any]) -> list[str]:
        return [pages.key_of(row, self._columns) for row in found]

    # Where the next page begins

    def _next(self, place: Place, fresh: Sequence[Any], anchor: str) -> Place:
        if self._order == (REFERENCE,) and (behind := self._behind(fresh[-1])) is not None:
            if self._manners.compares_guids is None:
                self._manners.compares_guids = self._proven(fresh)
            if self._manners.compares_guids:
                return behind
        lead = self._order[0] if self._order else ""
        if lead in self._moments and pages.is_moment(last := _cell(fresh[-1], lead)):
            return self._from_lead(place, fresh, anchor, Check(lead, "ge", last))
        return Place(place.condition, place.check, self._skipped(place) + len(fresh) - 1, anchor)

    @staticmethod
    def _skipped(place: Place) -> int:
        """How many rows of those that the condition holds for are before the fresh ones."""
        return place.skip + 1 if place.anchor is not None else place.skip

    @property
    def _moments(self) -> Mapping[str, Any]:
        known = self._asking.resource.shape.properties
        return {name: each for name, each in known.items() if each.family == "moment"}

    def _behind(self, row: Any) -> Place | None:
        try:
            return Place(f"{REFERENCE} gt {literals.guid(str(_cell(row, REFERENCE)))}")
        except SettingsError:
            return None

    def _proven(self, fresh: Sequence[Any]) -> bool:
        """Whether behind a reference in the middle of the page stand the two that are known to follow it."""
        known = list(fresh[-3:])
        behind = self._behind(known[0])
        if behind is None or len(known) < 3:
            return False
        try:
            found = self._page(behind, top=2)
        except (SettingsError, BadData):
            return False
        return self._keys(found) == self._keys(known[1:])

    def _from_lead(self, place: Place, fresh: Sequence[Any], anchor: str, check: Check) -> Place:
        same = 0
        while same < len(fresh) and _cell(fresh[-1 - same], check.name) == check.value:
            same += 1
        before = self._skipped(place) if place.check == check and same == len(fresh) else 0
        moment = literals.moment(literals.told_moment(str(check.value), self._asking.now))
        return Place(f"{check.name} ge {moment}", check, before + same - 1, anchor)


def _plausible(before: int, after: int, read: int) -> bool:
    """Never fewer than there were. A few more may be: rows that went after they had been read."""
    most = max(before, after)
    return min(before, after) <= read <= most + most // GONE_SHARE + GONE_ROWS


def answered(wire: Wire, path: str, query: Mapping[str, str]) -> list[Any]:
    """The rows of an answer. A broken one is asked for again, as one that did not come."""
    for last in (False, False, True):
        try:
            return pages.listed(wire.rows(path, query))
        except NoPage as error:
            if last:
                raise Unreachable(f"{wire.peer}, {path}: {error}; попытка будет повторена") from error
    raise AssertionError("the last attempt returns or raises")


def _cell(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None


def _hashed(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
