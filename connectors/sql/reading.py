"""Reading: in which pages is a dataset read, and what if a page is not exact?

Every page is one question with a bounded answer, so no cursor of the driver stays open, memory does not grow with the
table, and a page that cannot be exact is asked for again as text. Pages are, in this order of choice: the whole
dataset when it fits one page; ranges of the first key column, when an index begins with it; ranges of the table's
blocks. A view or query that allows neither, and every dataset of a server that packs no pages, is read in one pass,
in the server's own words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.sql.connection import Connection
from connectors.sql.dialect import Ask, Dialect, Page, Where
from connectors.sql.packed import MAX_WORDS, Inexact, unpacked
from connectors.sql.packing import Packing
from connectors.sql.relation import Column, Relation
from connectors.sql.repair import repaired
from lk_sync.contracts import Batch, Wanted
from lk_sync.errors import BadData

PAGE_ROWS: Final = 20_000
AIM_ROWS: Final = 19_000  # where a page is cut: the rows of its last key value, or a dense block, still fit in
AHEAD: Final = 2  # pages under way while one is being used
_SEEKABLE: Final = frozenset({"text", "integer", "numeric"})


class Answer(msgspec.Struct, frozen=True):
    """A page as the server answered; `edition` of the packing it was asked for with."""

    where: Where
    edition: int
    rows: int
    watermark: str | None
    sums: Sequence[str | None]
    packed: Sequence[str | None]


class Reading:
    """One dataset being read, once."""

    def __init__(
        self,
        dialect: Dialect,
        relation: Relation,
        wanted: Wanted,
        *,
        main: Connection,
        crowd: Callable[[], Sequence[Connection]],
    ) -> None:
        self._dialect, self._relation, self._wanted = dialect, relation, wanted
        self._main, self._ask, self._crowd = main, main.ask, crowd
        self._packing = Packing(dialect, relation, wanted)
        self._seek = self._seekable()
        self._order = [relation.column(field) for field in wanted.fields if field.name in wanted.dataset.key]
        self._watermark = relation.columns[wanted.watermark] if wanted.watermark else None
        self._filter = Where()
        if wanted.since is not None and self._watermark is not None:
            self._filter = dialect.changed_since(self._watermark, wanted.since)
        self._read = 0

    def _seekable(self) -> Column | None:
        """The column whose ranges are pages: the first of the key that an index begins with. A key that is computed
        is not among the fields: then the primary key of the table will do, for any rows may share a page."""
        relation = self._relation
        of_key = [
            relation.column(field).name for field in self._wanted.fields if field.name in self._wanted.dataset.key
        ]
        for name in (*of_key, *relation.key[:1]):
            if name in relation.seekable and relation.columns[name].family in _SEEKABLE:
                return relation.columns[name]
        return None

    def batches(self, *, rows: int | None) -> Iterator[Batch]:
        """The dataset page by page, the next ones being fetched while one is used. `rows`: how many to expect."""
        if not self._dialect.packs:
            yield from self._in_one_pass()
        elif (rows is None or rows <= PAGE_ROWS) and (one := self._one_page()) is not None:
            yield from self._batch(one)
        elif self._seek is not None:
            yield from self._pages(self._ranges(self._seek))
        elif self._relation.blocks:
            yield from self._pages(self._block_ranges(rows))
        else:
            yield from self._in_one_pass()

    # Which pages. These generators run on the connection's thread.

    def _ranges(self, seek: Column) -> Iterator[Where]:
        """Rows of one key value always stand in one page, so nothing hangs on the key being unique."""
        after: str | None = None
        while True:
            rest = self._filter & self._dialect.between(seek, after, None)
            bound = self._dialect.bound(self._relation, seek, rest, rows=AIM_ROWS)
            found = self._ask(bound, *rest.parameters)
            until: str | None = found[0][0] if found else None
            if until is None:
                break
            yield self._filter & self._dialect.between(seek, after, until)
            after = until
        yield self._filter & self._dialect.between(seek, after, None)
        if seek.nullable and after is not None:
            yield self._filter & self._dialect.absent(seek)

    def _block_ranges(self, rows: int | None) -> Iterator[Where]:
        blocks = self._relation.blocks
        step = max(1, blocks * AIM_ROWS // max(rows or 0, self._relation.rows, 1))
        for first in range(0, blocks, step):
            end = first + step if first + step < blocks else None
            yield self._filter & self._dialect.blocks(first, end)

    # How a page is asked for

    def _one_page(self) -> Answer | None:
        """Everything at once, if it fits a page."""
        answer = self._main.do(self._answer, self._ask, self._filter, limit=PAGE_ROWS + 1)
        return answer if answer.rows <= PAGE_ROWS else None

    def _pages(self, wheres: Iterator[Where]) -> Iterator[Batch]:
        """A round is a page for each connection. Where they begin and end is found by the main one, in order."""
        crowd = self._crowd()
        ahead: deque[tuple[Connection, Future[Answer | None]]] = deque()
        try:
            while True:
                while len(ahead) <= AHEAD:
                    found = [self._main.start(next, wheres, None) for _ in crowd]
                    ahead += [(c, c.start(self._page, c.ask, where)) for c, where in zip(crowd, found, strict=True)]
                connection, future = ahead.popleft()
                answer = connection.wait(future)
                if answer is None:
                    return
                yield from self._batch(answer)
        finally:
            for _, future in ahead:
                future.cancel()

    def _page(self, ask: Ask, found: Future[Where | None]) -> Answer | None:
        where = found.result()
        return None if where is None else self._answer(ask, where)

    def _answer(self, ask: Ask, where: Where, limit: int | None = None) -> Answer:
        edition = self._packing.edition
        page = Page(
            relation=self._relation,
            columns=self._packing.sources,
            packed=self._packing.sql if self._packing.whole else (),
            sums=self._packing.summed,
            watermark=self._watermark,
            time_zone=self._wanted.time_zone,
            where=where,
            order=self._order,
            limit=limit,
        )
        ((rows, watermark, *cells),) = ask(self._dialect.page(page), *where.parameters)
        sums = len(page.sums)
        return Answer(where, edition, int(rows), watermark, cells[:sums], cells[sums:])

    def _learn(self, where: Where) -> None:
        for column, words in self._packing.wordy:
            sql = self._dialect.words(self._relation, column, where, most=MAX_WORDS + 1)
            words.learn(word for (word,) in self._ask(sql, *where.parameters) if word is not None)

    # What becomes of an answer

    def _batch(self, answer: Answer) -> Iterator[Batch]:
        """In parts, if one key value or a dense block has made the page too big."""
        if not answer.rows:
            return
        exact = self._exact_columns(answer)
        columns = self._own_words(answer) if exact is None else exact
        for start in range(0, answer.rows, PAGE_ROWS):
            part = columns if answer.rows <= PAGE_ROWS else [column[start : start + PAGE_ROWS] for column in columns]
            yield self._numbered(part, exact=exact is not None, watermark=answer.watermark)

    def _numbered(self, columns: list[list[Any]], *, exact: bool, watermark: str | None) -> Batch:
        rows, first = len(columns[0]), self._read + 1
        self._read += rows
        return Batch(
            columns=columns, rows=rows, exact=exact, first_row=first, where=self._relation.title, watermark=watermark
        )

    def _exact_columns(self, answer: Answer) -> list[list[Any]] | None:
        """None: the page has no exact form, even after all its words were learned."""
        while self._packing.whole and answer.packed:
            try:
                columns = unpacked(self._packing.columns, answer.packed, answer.rows)
            except Inexact:
                self._main.do(self._learn, answer.where)
                self._packing.thin_out()
                if answer.edition == self._packing.edition:
                    return None
                answer = self._main.do(self._answer, self._ask, answer.where)
            else:
                self._packing.thin_out()
                return self._proven(answer, columns)
        return None

    def _proven(self, answer: Answer, columns: list[list[Any]]) -> list[list[Any]]:
        """The columns, if they add up to what the server says of this page."""
        for place, said in zip(self._packing.summed_places, answer.sums, strict=True):
            if sum(filter(None, columns[place])) != Decimal(said or 0).scaleb(2):
                raise BadData(
                    f"{self._relation.title}: страница строк пришла не такой, какой отправлена "
                    f"(сумма {self._wanted.fields[place].column} не сошлась); данные прежние"
                )
        return columns

    def _own_words(self, answer: Answer) -> list[list[Any]]:
        sql = self._dialect.rows(self._relation, self._packing.cell_texts(), answer.where, self._order)
        rows = self._main.do(self._ask, sql, *answer.where.parameters)
        if len(rows) != answer.rows:
            raise BadData(
                f"{self._relation.title}: сервер насчитал на странице {answer.rows} строк, а отдал {len(rows)}; "
                "данные прежние"
            )
        return repaired(self._packing.sources, self._packing.kinds, [list(each) for each in zip(*rows, strict=True)])

    def _in_one_pass(self) -> Iterator[Batch]:
        cells = self._packing.cell_texts()
        if self._watermark is not None:
            cells.append(self._dialect.watermark(self._watermark, time_zone=self._wanted.time_zone))
        stream = self._dialect.stream(self._ask, self._relation, cells, self._filter, rows=PAGE_ROWS)
        for rows in self._main.each(stream):
            columns = [list(column) for column in zip(*rows, strict=True)]
            watermarks = columns.pop() if self._watermark is not None else []
            greatest = max(filter(None, watermarks), default=None)
            yield self._numbered(
                repaired(self._packing.sources, self._packing.kinds, columns), exact=False, watermark=greatest
            )
