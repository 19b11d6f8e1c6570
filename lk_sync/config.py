"""Config: what did the operator set, and is it something we understand?

Order: defaults in the code < `config/lk.yaml` < `LK_*` variables (`LK_DATA_DIR`, `LK_PORTAL__PORT`) <, for
secrets, `LK_<NAME>` or the file named by `LK_<NAME>_FILE`. A secret stands in a file only by its name.
Unknown keys are refused with file, line and the nearest right word. Relative paths start at the folder of the file
they stand in.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import yaml

from lk_sync.errors import SettingsError

S = TypeVar("S")
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
MonthDay = Annotated[int, msgspec.Meta(ge=1, le=31)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from YAML."""


class SecretValue:
    """A secret in memory. Its repr and str hide it; `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"


class Secret(Strict, frozen=True, kw_only=True):
    """`{secret: X}`: the value is in the variable `LK_X`, or in the file that `LK_X_FILE` names."""

    secret: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9_]*$")]

    def value(self, environment: Mapping[str, str] = os.environ) -> SecretValue:
        name = f"LK_{self.secret}"
        if path := environment.get(f"{name}_FILE"):
            try:
                return SecretValue(Path(path).read_text("utf-8").rstrip("\r\n"))
            except OSError as error:
                raise SettingsError(f"{name}_FILE: файл {path} не читается ({error.strerror})") from error
        if (value := environment.get(name)) is not None:
            return SecretValue(value)
        raise SettingsError(f"не задан секрет: переменная {name} или файл в переменной {name}_FILE")


class Supplier(Strict, frozen=True, kw_only=True):
    name: str
    short_name: str
    inn: str
    address: str
    office: str
    phone: str
    site: str = ""


class Window(Strict, frozen=True, kw_only=True):
    """Days of the month on which readings are taken (п. 31 ж Правил 354), both inclusive.

    `late`: what happens outside: kept for the next period, or refused with the dates.
    """

    first_day: MonthDay = 15
    last_day: MonthDay = 25
    late: Literal["next_period", "refuse"] = "next_period"
    expired_verification: Literal["warn", "refuse"] = "warn"
    high_times_average: Positive = 5
    cap_micro: Mapping[str, int] = msgspec.field(default_factory=lambda: {"m3": 100_000_000, "Gcal": 10_000_000})
    season_months: tuple[int, ...] = (10, 11, 12, 1, 2, 3, 4)


class Tls(Strict, frozen=True, kw_only=True):
    certificate: Path
    key: Path


class Portal(Strict, frozen=True, kw_only=True):
    """`base_url` is what letters and redirects name; a request for another host is refused."""

    base_url: str
    listen: str = "127.0.0.1"
    port: Port = 8080
    workers: Positive = 1
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    stale_after_hours: Positive = 36
    session_idle_minutes: Positive = 30
    session_hours: Positive = 12
    one_time_password_hours: Positive = 24
    max_connections: Positive = 2000
    max_connections_per_address: Positive = 200
    head_seconds: Positive = 10
    body_seconds: Positive = 30
    max_body_bytes: Positive = 65536


class Budgets(Strict, frozen=True, kw_only=True):
    """How many attempts are answered in earnest within a slot, per subject."""

    login_account_per_hour: Positive = 20
    login_address_per_hour: Positive = 60
    login_global_per_hour: Positive = 20_000
    register_account_per_day: Positive = 5
    register_address_per_day: Positive = 30
    register_global_per_hour: Positive = 200


class Mail(Strict, frozen=True, kw_only=True):
    """`starttls` and `tls` both verify the server's certificate and name, with `ca` if it is not a public one."""

    host: str
    port: Port = 465
    security: Literal["tls", "starttls"] = "tls"
    ca: Path | None = None
    username: str | None = None
    password: Secret | None = None
    sender: str
    timeout_seconds: Positive = 30


class Legal(Strict, frozen=True, kw_only=True):
    """Versions in force; the texts are `config/legal/<kind>/<version>.<language>.md`."""

    rules: str
    personal_data: str


class Lk(Strict, frozen=True, kw_only=True):
    """`config/lk.yaml`."""

    supplier: Supplier
    time_zone: str = "Europe/Moscow"
    data_dir: Path = Path("../var")
    portal: Portal
    readings: Window = Window()
    budgets: Budgets = Budgets()
    mail: Mail | None = None
    legal: Legal
    unanswered_alert_hours: Positive = 48

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def cache_path(self) -> Path:
        return self.data_dir / "cache.db"

    @property
    def store_path(self) -> Path:
        return self.data_dir / "store.db"


FieldType = Literal["text", "int", "bool", "money", "volume", "date", "datetime", "month", "enum"]


class FieldSetting(Strict, frozen=True, kw_only=True):
    """Where a field comes from: a column of the source, or a constant. `values` maps the source's words."""

    column: str | None = None
    constant: str | None = None
    type: FieldType | None = None
    values: Mapping[str, str] = {}


class ControlTotal(Strict, frozen=True, kw_only=True):
    """A query of the source that states row count and sums: columns `rows` and names of money fields, in rubles."""

    query: str


class Guards(Strict, frozen=True, kw_only=True):
    """The circuit breaker of a dataset (`flow/check`). Percentages compare with what is published."""

    shrink_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10
    reject_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 1
    holder_change_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    may_be_empty: bool = False
    control_total: ControlTotal | None = None


class DatasetSetting(Strict, frozen=True, kw_only=True):
    """How a dataset is read. One of `table` (`from:`), `query` and `file`."""

    table: str | None = msgspec.field(default=None, name="from")
    query: str | None = None
    file: str | None = None
    watermark: str | None = None
    overlap_minutes: Annotated[int, msgspec.Meta(ge=0)] = 10
    fields: Mapping[str, FieldSetting]
    guards: Guards = Guards()
    options: Mapping[str, Any] = {}


class SourceSetting(Strict, frozen=True, kw_only=True):
    """`config/sources/<name>.yaml`."""

    source: str
    connection: Mapping[str, Any]
    time_zone: str = "Europe/Moscow"
    datasets: Mapping[str, DatasetSetting]


class ExportField(Strict, frozen=True, kw_only=True):
    name: str
    value: Literal[
        "item", "account", "meter", "serial", "period", "value", "taken_on", "flags", "supersedes", "submitted_at"
    ]


class ExportSetting(Strict, frozen=True, kw_only=True):
    """How one kind of item is written (domain: files to and from 1C). `file` holds `{number}`."""

    file: str = "readings-{number:06d}.csv"
    encoding: Literal["utf-8", "cp1251", "cp866"] = "utf-8"
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ";"
    decimal: Literal[".", ","] = "."
    fields: tuple[ExportField, ...]
    max_rows: Positive = 10_000


class SinkSetting(Strict, frozen=True, kw_only=True):
    """`config/sinks/<name>.yaml`."""

    sink: str
    connection: Mapping[str, Any]
    exports: Mapping[Literal["reading"], ExportSetting]


class Config:
    """The operator's folder, read once: `lk.yaml`, `sources/*.yaml`, `sinks/*.yaml`."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self.environment = environment
        self.lk = read(folder / "lk.yaml", Lk, environment=environment)
        self.lk = msgspec.structs.replace(self.lk, data_dir=(folder / self.lk.data_dir).resolve())
        try:
            _ = self.lk.zone
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(f"{folder / 'lk.yaml'}: неизвестный часовой пояс «{self.lk.time_zone}»") from error
        self.sources = {p.stem: read(p, SourceSetting) for p in sorted((folder / "sources").glob("*.yaml"))}
        self.sinks = {p.stem: read(p, SinkSetting) for p in sorted((folder / "sinks").glob("*.yaml"))}


def read(path: Path, kind: type[S], environment: Mapping[str, str] | None = None) -> S:
    """The YAML file as `kind`. Raises SettingsError with file, line and what to write instead."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: файл настроек не читается ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: файл настроек не в кодировке UTF-8 (байт {error.start})") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        tree = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}, строка {line}: это не YAML ({error.problem})") from error
    if duplicate := _duplicate_key(node):
        raise SettingsError(f"{path}, строка {duplicate[1]}: ключ «{duplicate[0]}» задан дважды")
    if environment is not None and isinstance(tree, dict):
        _override(tree, environment)
    return convert(tree, kind, path=path, node=node)


def convert(tree: Any, kind: type[S], *, path: Path, node: Any = None, at: str = "") -> S:
    """`tree` as `kind`; errors name `path`, the line found through `node`, and the place below `at`."""
    try:
        return msgspec.convert(tree, kind, strict=False, dec_hook=_paths_beside(path))
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        steps = _steps(at + place.rstrip("`").removeprefix("$"))
        unknown = re.search(r"unknown field `(.+)`", message)
        if unknown:
            steps.append(unknown[1])
            message = f"неизвестный ключ «{unknown[1]}»{_nearest(unknown[1], kind, steps)}"
        line = _line(node, steps)
        where = f"{path}, строка {line}" if line else str(path)
        shown = ".".join(str(step) for step in steps)
        raise SettingsError(f"{where}: {shown + ': ' if shown else ''}{message}") from error


def _paths_beside(file: Path) -> Callable[[type, Any], Any]:
    """Relative paths in a settings file start at its own folder."""

    def decode(kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return file.parent / value
        raise NotImplementedError(kind)

    return decode


_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def _steps(place: str) -> list[str | int]:
    return [int(m[2]) if (m[2] or "").isdigit() else (m[1] or m[2]) for m in _STEP.finditer(place)]


def _line(node: Any, steps: list[str | int]) -> int | None:
    line = None
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            pair = next((p for p in node.value if p[0].value == step), None)
            if pair is None and step == "[...]":
                break
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    if line is None and node is not None:
        line = node.start_mark.line + 1
    return line


def _nearest(word: str, kind: Any, steps: list[str | int]) -> str:
    known = _known_keys(kind)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (может быть, «{near[0]}»?)" if near else ""


def _known_keys(kind: Any, seen: frozenset[Any] = frozenset()) -> list[str]:
    """Every key that stands somewhere below `kind`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        found: list[str] = []
        for field in msgspec.structs.fields(kind):
            found.append(field.encode_name)
            found += _known_keys(field.type, seen | {kind})
        return found
    return [key for part in getattr(kind, "__args__", ()) for key in _known_keys(part, seen)]


def _duplicate_key(node: Any) -> tuple[str, int] | None:
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys:
                return key.value, key.start_mark.line + 1
            keys.add(key.value)
            if found := _duplicate_key(value):
                return found
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            if found := _duplicate_key(value):
                return found
    return None


def _override(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    """`LK_PORTAL__PORT=8081` sets `portal.port`. Names that are no setting belong to secrets and are left alone."""
    for name, value in environment.items():
        if not name.startswith("LK_"):
            continue
        *sections, key = name.removeprefix("LK_").lower().split("__")
        if not sections and key not in Lk.__struct_fields__:
            continue
        if sections and sections[0] not in Lk.__struct_fields__:
            continue
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
