"""Config: what did the operator set, and is it something we understand?

Order: defaults in the code < `config/lk.yaml` < `LK_*` variables (`LK_DATA_DIR`, `LK_PORTAL__PORT`) <, for
secrets, `LK_<NAME>` or the file named by `LK_<NAME>_FILE`. A secret stands in a file only by its name.
How files are read, and how a fault in them is told: `settings_file`. Relative paths start at the folder of the file
they stand in, also when a variable gives them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml

from lk_sync import request_setting, working_days
from lk_sync.bills_setting import Bank, Bills, Kpp
from lk_sync.checking import Checking
from lk_sync.errors import SettingsError
from lk_sync.guards import Guards
from lk_sync.notification_setting import Notifications
from lk_sync.payments_setting import Payments
from lk_sync.proofs import Registering, refuse_unsigned_risk
from lk_sync.request_setting import Requests
from lk_sync.setting import MOSCOW, Label, Mailbox, MonthDay, Port, Positive, Secret, Strict
from lk_sync.settings_fault import Step, hint
from lk_sync.settings_file import ZoneName, convert, load, read, where


class Supplier(Strict, frozen=True, kw_only=True):
    name: str
    short_name: str
    inn: str
    address: str
    office: str
    phone: str
    site: str = ""
    kpp: Kpp = ""
    bank: Bank | None = None


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


class Alerts(Strict, frozen=True, kw_only=True):
    """Whom the engine writes to by `mail`: once per incident and once when it is over, and a digest every day at
    `digest_hour` of the supplier's clock. An outage shorter than `outage_minutes` is not written about."""

    to: Annotated[tuple[Mailbox, ...], msgspec.Meta(min_length=1, max_length=20)]
    digest_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] | None = 8
    stale_after_hours: Positive = 36
    outage_minutes: Annotated[int, msgspec.Meta(ge=0)] = 15


class Metrics(Strict, frozen=True, kw_only=True):
    """Figures for Prometheus: on `port` of this machine (only a loopback address), in a file for its node_exporter,
    or both."""

    listen: str = "127.0.0.1"
    port: Port | None = None
    textfile: Path | None = None


class Heartbeat(Strict, frozen=True, kw_only=True):
    """An address that is asked for after each good walk of `jobs` (none named: of every job), so that a watcher
    elsewhere misses us when we are silent. The address is often a secret itself."""

    url: str | Secret
    jobs: tuple[str, ...] = ()
    method: Literal["GET", "POST"] = "GET"
    ca: Path | None = None
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10


class Legal(Strict, frozen=True, kw_only=True):
    """Versions in force; the texts are `config/legal/<kind>/<version>.<language>.md`."""

    rules: str
    personal_data: str


class Lk(Strict, frozen=True, kw_only=True):
    """`config/lk.yaml`."""

    supplier: Supplier
    time_zone: ZoneName = MOSCOW
    data_dir: Path = Path("../var")
    portal: Portal
    readings: Window = Window()
    budgets: Budgets = Budgets()
    payments: Payments = Payments()
    registration: Registering = Registering()
    requests: Requests = Requests()
    checking: Checking = Checking()
    bills: Bills = Bills()
    mail: Mail | None = None
    legal: Legal
    unanswered_alert_hours: Positive = 48
    free_disk_alert_mb: Positive = 1024
    alerts: Alerts | None = None
    metrics: Metrics | None = None
    heartbeat: Heartbeat | None = None
    notifications: Notifications = Notifications()

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


class Expression(Strict, frozen=True, kw_only=True):
    """Where a cell comes from: exactly one of a column, a constant, and an expression over columns and constants.
    A bare text in a list is a column; in `concat` one without letters and digits is what stands between two."""

    column: str | None = None
    constant: str | None = None
    sum: tuple[str | Expression, ...] | None = None
    negate: str | Expression | None = None
    concat: tuple[str | Expression, ...] | None = None
    coalesce: tuple[str | Expression, ...] | None = None
    lookup: Lookup | None = None


class Lookup(Strict, frozen=True, kw_only=True):
    """`value` of the row of another table or file of the same source whose `key` equals our `column`."""

    column: str
    table: str | None = msgspec.field(default=None, name="from")
    query: str | None = None
    file: str | None = None
    key: str
    value: str
    options: Mapping[str, Any] = {}


class FieldSetting(Expression, frozen=True, kw_only=True):
    """A field of a dataset. `values` maps the source's words, with `any_case` whatever their case and spaces;
    `default` stands for an empty cell; `format` is how a date is written as text; the last `scale` digits of a whole
    number are its fraction."""

    type: FieldType | None = None
    values: Mapping[str, str] = {}
    any_case: bool = False
    default: str | None = None
    format: str | None = None
    scale: Annotated[int, msgspec.Meta(ge=1, le=6)] | None = None


class DeletedFlag(Strict, frozen=True, kw_only=True):
    """Rows whose `column` says yes, or one of `values`, are deleted."""

    column: str
    values: tuple[str, ...] = ()


class DeletedKeys(Strict, frozen=True, kw_only=True):
    """A table in which the accounting system notes what it has deleted: `fields` describes the dataset's key."""

    table: str | None = msgspec.field(default=None, name="from")
    query: str | None = None
    file: str | None = None
    watermark: str | None = None
    fields: Mapping[str, FieldSetting]
    options: Mapping[str, Any] = {}


class Deletes(Strict, frozen=True, kw_only=True):
    """How one learns that a row is no more. `absent`: it is not in the snapshot any more."""

    absent: bool = True
    flag: DeletedFlag | None = None
    table: DeletedKeys | None = None


class DatasetSetting(Strict, frozen=True, kw_only=True):
    """How a dataset is read. One of `table` (`from:`), `query` and `file`.

    `beside`: the source that feeds the same dataset first; our row that agrees with one of its rows in `match`, the
    day within `match_days`, is the same thing and is left out.
    """

    table: str | None = msgspec.field(default=None, name="from")
    query: str | None = None
    file: str | None = None
    watermark: str | None = None
    overlap_minutes: Annotated[int, msgspec.Meta(ge=0)] = 10
    fields: Mapping[str, FieldSetting]
    extra: Mapping[str, Label] = {}
    deletes: Deletes = Deletes()
    beside: str | None = None
    match: tuple[str, ...] = ()
    match_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0
    guards: Guards = Guards()
    options: Mapping[str, Any] = {}


class SourceSetting(Strict, frozen=True, kw_only=True):
    """`config/sources/<name>.yaml`."""

    source: str
    connection: Mapping[str, Any]
    time_zone: ZoneName = MOSCOW
    datasets: Mapping[str, DatasetSetting] = {}


class ExportField(Strict, frozen=True, kw_only=True):
    """A column of an export file, and what stands in it."""

    name: str
    value: str


class ReadingField(ExportField, frozen=True, kw_only=True):
    value: Literal[
        "item", "account", "meter", "serial", "period", "value", "taken_on", "flags", "supersedes", "submitted_at"
    ]


class RequestField(ExportField, frozen=True, kw_only=True):
    value: Literal[
        "item", "number", "account", "kind", "title", "text", "fields", "email", "file_count", "files", "repeats",
        "due_on", "submitted_at",
    ]  # fmt: skip


class BillDeliveryField(ExportField, frozen=True, kw_only=True):
    value: Literal["item", "account", "wish", "email", "supersedes", "submitted_at"]


class ExportSetting(Strict, frozen=True, kw_only=True):
    """How one kind of item is written (domain: files to and from 1C). `file` holds `{number}`."""

    file: str
    encoding: Literal["utf-8", "cp1251", "cp866"] = "utf-8"
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ";"
    decimal: Literal[".", ","] = "."
    fields: tuple[ExportField, ...]
    max_rows: Positive = 10_000


class ReadingExport(ExportSetting, frozen=True, kw_only=True):
    file: str = "readings-{number:06d}.csv"
    fields: tuple[ReadingField, ...]


class RequestExport(ExportSetting, frozen=True, kw_only=True):
    file: str = "requests-{number:06d}.csv"
    fields: tuple[RequestField, ...]


class BillDeliveryExport(ExportSetting, frozen=True, kw_only=True):
    file: str = "bill-delivery-{number:06d}.csv"
    fields: tuple[BillDeliveryField, ...]


class Exports(Strict, frozen=True, kw_only=True):
    """What is exported, by kind; items of a kind that is not named go on waiting."""

    reading: ReadingExport | None = None
    request: RequestExport | None = None
    bill_delivery: BillDeliveryExport | None = None

    @property
    def by_kind(self) -> Mapping[str, ExportSetting]:
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: setting for name, setting in found.items() if setting is not None}


class SinkSetting(Strict, frozen=True, kw_only=True):
    """`config/sinks/<name>.yaml`."""

    sink: str
    connection: Mapping[str, Any]
    exports: Exports


class Config:
    """The operator's folder, read once: `lk.yaml`, `requests/*.yaml`, `working_days.yaml`, `sources/*.yaml`,
    `sinks/*.yaml`."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self.environment = environment
        self.lk = _lk(folder / "lk.yaml", environment)
        self.requests = request_setting.load(folder)
        self.working_days = working_days.load(folder)
        self.sources = {path.stem: read(path, SourceSetting) for path in _files(folder / "sources")}
        self.sinks = {path.stem: read(path, SinkSetting) for path in _files(folder / "sinks")}


def _lk(path: Path, environment: Mapping[str, str]) -> Lk:
    tree = load(path)
    variables = _override(tree, environment) if isinstance(tree, dict) else {}
    lk = convert(tree, Lk, path=path, variables=variables)
    if lk.alerts is not None and lk.mail is None:
        raise SettingsError(f"{where(path, 'alerts')}: письма отправляются через раздел mail, а его нет")
    refuse_unsigned_risk(lk.registration, where(path, "registration"))
    return msgspec.structs.replace(lk, data_dir=(path.parent / lk.data_dir).resolve())


def _files(folder: Path) -> list[Path]:
    for path in folder.glob("*.yml"):
        raise SettingsError(f"{path}: читаются только файлы с окончанием .yaml; переименуйте")
    return sorted(folder.glob("*.yaml"))


def _override(tree: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[Step, ...], str]:
    """`LK_PORTAL__PORT=8081` sets `portal.port`; says which variable stands at which place.

    A name without `__` that is no setting belongs to a secret or to another program and is left alone.
    """
    variables: dict[tuple[Step, ...], str] = {}
    for variable, value in environment.items():
        *sections, key = variable.removeprefix("LK_").lower().split("__")
        first = sections[0] if sections else key
        if not variable.startswith("LK_") or (not sections and key not in Lk.__struct_fields__):
            continue
        if first not in Lk.__struct_fields__:
            raise SettingsError(f"переменная {variable}: нет раздела «{first}»{hint(first, Lk.__struct_fields__)}")
        _section(tree, sections, variable)[key] = _value(value, variable)
        variables[*sections, key] = f"переменная {variable}"
    return variables


def _section(tree: dict[str, Any], sections: list[str], variable: str) -> dict[str, Any]:
    place = tree
    for name in sections:
        if place.get(name) is None:
            place[name] = {}
        place = place[name]
        if not isinstance(place, dict):
            raise SettingsError(f"переменная {variable}: «{name}» — не раздел")
    return place


def _value(text: str, variable: str) -> Any:
    """Lists and sections are written as in YAML: `[10.0.0.1, 10.0.0.2]`."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"переменная {variable}: это не список и не раздел YAML") from error
