"""Settings: which 1C is asked, by whom, and what may be said of a dataset?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from yarl import URL

from connectors.tls import Trust, address
from lk_sync.contracts import Wanted
from lk_sync.errors import SettingsError
from lk_sync.setting import Secret, Strict

SERVICE: Final = "odata/standard.odata/"
Patience = Annotated[int, msgspec.Meta(ge=60, le=7200)]
Moment = Annotated[
    str, msgspec.Meta(pattern=r"^(\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?|(today|month|year)(-\d{1,3})?)$")
]
Month = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}$")]


class ODataSettings(Strict, frozen=True, kw_only=True):
    """`connection:` of a source. `url`: of the published base, without `odata/standard.odata`.

    `answer_timeout`: how long 1C may be silent, the first answer takes long; `request_timeout`: how long one answer may
    take in all. `page_rows`: rows of one answer. `max_answer_mb`, `max_metadata_mb`: a longer answer is refused.
    """

    url: str
    username: Annotated[str, msgspec.Meta(pattern="^[^:]+$")]
    password: Secret
    ca: Path | None = None
    public_ca: bool = False
    certificate: Path | None = None
    key: Path | None = None
    connect_timeout: Annotated[int, msgspec.Meta(ge=2, le=50)] = 20
    answer_timeout: Patience = 120
    request_timeout: Patience = 600
    page_rows: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 1000
    max_answer_mb: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    max_metadata_mb: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 128

    @property
    def trust(self) -> Trust:
        return Trust(ca=self.ca, public_ca=self.public_ca, certificate=self.certificate, key=self.key)


def root(settings: ODataSettings) -> URL:
    """The address of the interface, with a slash at its end. Raises Unprotected and SettingsError."""
    url = address(settings.url)
    if url.query_string or url.fragment:
        raise SettingsError("connection.url: лишнее после «?» или «#»; нужен адрес публикации: https://сервер/база")
    path = url.path.strip("/").removesuffix(SERVICE.strip("/")).strip("/")
    return url.with_path(f"/{path}/{SERVICE}" if path else f"/{SERVICE}")


class Condition(Strict, frozen=True, kw_only=True):
    """A comparison: `column` and exactly one of the others. A moment may be `today`, `month` (its first day), `year`,
    each with `-N`. `type`: what a composite reference leads to (`Document_X`); only then can it be compared."""

    column: str
    eq: str | int | bool | None = None
    ne: str | int | bool | None = None
    gt: str | int | None = None
    ge: str | int | None = None
    lt: str | int | None = None
    le: str | int | None = None
    type: str | None = None


class ODataOptions(Strict, frozen=True, kw_only=True):
    """Options of a dataset. `where`: all of these hold for a row (`$filter`). `allowed_only`: rows that the user's
    rights do not reach are left out, instead of refusing all. `rounded`: numbers whose 15 true digits count.
    `versions`: a dataset whose objects all have the `DataVersion` they had when it was published is not read again.

    Of a virtual table: `period`, or `start` and `end`; `condition` on the records that are summed; `dimensions` that
    they are grouped by. `months`: it is asked for each of so many months up to `last_month` (absent = the last whole
    one); each row then has a column `@month`. `month_end`: whether an interval ends with the last second of a month or
    with the first of the next.
    """

    where: tuple[Condition, ...] = ()
    allowed_only: bool = False
    rounded: tuple[str, ...] = ()
    versions: bool = False
    period: Moment | None = None
    start: Moment | None = None
    end: Moment | None = None
    condition: tuple[Condition, ...] = ()
    dimensions: tuple[str, ...] = ()
    months: Annotated[int, msgspec.Meta(ge=1, le=600)] | None = None
    last_month: Month | None = None
    month_end: Literal["last_second", "next_day"] = "last_second"


def options_of(wanted: Wanted) -> ODataOptions:
    try:
        return msgspec.convert(dict(wanted.options), ODataOptions, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(ODataOptions.__struct_fields__)
        raise SettingsError(f"{wanted.dataset.name}.options: {error}; есть только {known}") from error
