"""Request setting: which requests may a subscriber make, and what is asked of him for each?

A kind is a file `config/requests/<kind>.yaml`; its name is the kind's word in export files and stays. What is asked
for are fields in the order of the file, and files. Titles and hints are the supplier's, in Russian, and in English if
he wishes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import msgspec

from lk_sync import settings_file
from lk_sync.errors import SettingsError
from lk_sync.setting import Positive, Strict

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
FieldKind = Literal["line", "text", "date", "choice", "number", "phone", "email", "meter", "lines"]
Media = Literal["pdf", "jpeg", "png"]
FOLDER: Final = "requests"
MEGABYTE: Final = 1024 * 1024
MOST_KINDS: Final = 50
OF_ACCOUNT: Final = frozenset({"meter", "lines"})
LONGEST: Final = {
    "line": 200, "text": 4000, "date": 10, "choice": 40, "number": 30, "phone": 30, "email": 254, "meter": 200,
    "lines": 0,
}  # fmt: skip


class Said(Strict, frozen=True, kw_only=True):
    """Words for subscribers, by language; without `en` an English reader sees the Russian ones."""

    ru: Sentence
    en: str = ""

    def to(self, language: str) -> str:
        return (self.en if language == "en" else "") or self.ru


class Choice(Strict, frozen=True, kw_only=True):
    value: Name
    title: Said


class Asked(Strict, frozen=True, kw_only=True):
    """A field. `meter`: one of the account's meters; `lines`: charges of a month, chosen by ticks. `longest`: in
    characters; how much fits by itself depends on the kind."""

    name: Name
    kind: FieldKind
    title: Said
    hint: Said | None = None
    required: bool = True
    longest: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    choices: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"поле {self.name}: choices бывают у поля kind: choice, и только у него")

    @property
    def most(self) -> int:
        return self.longest or LONGEST[self.kind]


class AskedFiles(Strict, frozen=True, kw_only=True):
    """Files to be attached. `required`: at least one."""

    title: Said
    hint: Said | None = None
    required: bool = False
    most: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    media: tuple[Media, ...] = get_args(Media)


class RequestKind(Strict, frozen=True, kw_only=True):
    """`whose`: `account`, made by a subscriber about an account of his; `anyone`: also by somebody who has none.
    `answer_days`: working days within which the supplier answers; None: he promises nothing."""

    title: Said
    hint: Said | None = None
    whose: Literal["account", "anyone"] = msgspec.field(default="account", name="for")
    order: int = 100
    answer_days: Positive | None = None
    fields: Annotated[tuple[Asked, ...], msgspec.Meta(min_length=1, max_length=30)]
    files: AskedFiles | None = None

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"поле {min(twice)} стоит дважды")
        if sum(field.kind == "lines" for field in self.fields) > 1:
            raise ValueError("поле kind: lines в заявке бывает одно")
        if self.whose == "anyone":
            if of_account := [field.name for field in self.fields if field.kind in OF_ACCOUNT]:
                raise ValueError(f"поле {of_account[0]} есть только у лицевого счёта, а заявка – for: anyone")
            if not any(field.kind == "email" and field.required for field in self.fields):
                raise ValueError("заявке for: anyone нужно обязательное поле kind: email – куда ответить")


class Requests(Strict, frozen=True, kw_only=True):
    """The section `requests` of lk.yaml: limits against mistakes and malice.

    `a_day`: requests of a person; `anyone_a_day_from_address`, `anyone_an_hour`: of those who need no account. Files in
    megabytes; `upload_seconds`: as long as sending them may take.
    """

    a_day: Positive = 20
    anyone_a_day_from_address: Positive = 5
    anyone_an_hour: Positive = 200
    largest_file_mb: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    largest_request_mb: Annotated[int, msgspec.Meta(ge=1, le=500)] = 30
    upload_seconds: Positive = 300

    @property
    def largest_file(self) -> int:
        """In bytes."""
        return self.largest_file_mb * MEGABYTE

    @property
    def largest_request(self) -> int:
        """Bytes of all files together."""
        return self.largest_request_mb * MEGABYTE


def load(folder: Path) -> dict[str, RequestKind]:
    """Kinds by name, in the order in which they are offered. Raises SettingsError with file and line."""
    found: dict[str, RequestKind] = {}
    for path in sorted((folder / FOLDER).glob("*.y*ml")):
        if path.suffix != ".yaml":
            raise SettingsError(f"{path}: читаются только файлы с окончанием .yaml; переименуйте")
        found[_name(path)] = settings_file.read(path, RequestKind)
    if len(found) > MOST_KINDS:
        raise SettingsError(f"{folder / FOLDER}: видов заявок больше {MOST_KINDS}, в таком списке никто не найдёт своё")
    return dict(sorted(found.items(), key=lambda each: (each[1].order, each[0])))


def _name(path: Path) -> str:
    try:
        return msgspec.convert(path.stem, Name)
    except msgspec.ValidationError:
        raise SettingsError(
            f"{path}: имя файла – слово вида в файлах выгрузки: строчные латинские буквы, цифры и _, сначала буква"
        ) from None
