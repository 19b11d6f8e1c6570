"""A 1C that is served over HTTPS, its books and its traps, and a source that reads it by OData."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.odata.settings import ODataSettings
from connectors.odata.source import ODataSource
from demo.bookkeeper import Bookkeeper
from demo.certificates import Authority, ServerCertificate
from demo.onec import server
from demo.onec.base import Base
from demo.onec.server import OneC
from demo.onec.traps import Traps
from demo.supplier import Plan, Supplier
from lk_sync import config, mapping
from lk_sync.config import SourceSetting
from lk_sync.contracts import Batch, Wanted

USER = "Читатель ЛК"
PASSWORD = "пароль:с двоеточием é"
SECRET = {"secret": "ONEC_PASSWORD"}
PLAN = Plan(seed=3, accounts=40, months=6, today=date(2026, 11, 23))
MAPPING = Path(server.__file__).with_name("mapping.yaml")


@dataclass
class The1C:
    """One 1C, seen from both sides: `served` is the accounting system's, `source` ours."""

    served: OneC
    authority: Authority
    books: Bookkeeper

    @property
    def traps(self) -> Traps:
        return self.served.traps

    def reach(self, **other: Any) -> dict[str, Any]:
        """The `connection` of a YAML file; `other` replaces or adds, None removes."""
        plain = {"url": self.served.url, "username": USER, "password": SECRET, "ca": str(self.authority.ca)}
        return {key: value for key, value in (plain | other).items() if value is not None}

    def source(self, *, impatient: float | None = None, **other: Any) -> ODataSource:
        """`impatient`: so many seconds of silence are enough; no operator can set less than a minute."""
        settings = config.convert(self.reach(**({"page_rows": 50} | other)), ODataSettings, path=Path("source.yaml"))
        if impatient is not None:
            settings = msgspec.structs.replace(settings, answer_timeout=impatient)
        return ODataSource(settings)

    def pull(self, wanted: Wanted, **other: Any) -> list[Batch]:
        with self.source(**other).connect() as session:
            session.columns(wanted.asked)
            return list(session.pull(wanted.asked))

    def wishes(self, setting: SourceSetting | None = None) -> dict[str, Wanted]:
        """The wishes of the mapping of the demo, or of another one."""
        setting = setting or described()
        return {wish.dataset.name: wish for wish in mapping.all_wanted(MAPPING, setting)}


def described(**datasets: Any) -> SourceSetting:
    """The mapping of the demo's base, its balances up to the last month of the plan; `datasets` instead of its own."""
    setting = config.read(MAPPING, SourceSetting)
    balances = msgspec.structs.replace(
        setting.datasets["balances"], options={"months": PLAN.months, "last_month": "2026-10"}
    )
    changed = {"balances": balances} | {
        name: config.convert(tree, config.DatasetSetting, path=MAPPING) for name, tree in datasets.items()
    }
    return msgspec.structs.replace(setting, datasets=changed if datasets else {**setting.datasets, **changed})


@contextmanager
def at_the_1c(folder: Path, certificate: ServerCertificate | None = None, **served: Any) -> Iterator[The1C]:
    """`certificate`: shown instead of a good one."""
    authority = Authority(folder / "authority")
    books = Bookkeeper(Supplier(PLAN))
    with (
        pytest.MonkeyPatch.context() as patch,
        server.running(Base(books), certificate or authority.issue("1c"), (USER, PASSWORD), **served) as running,
    ):
        patch.setenv("LK_ONEC_PASSWORD", PASSWORD)
        yield The1C(running, authority, books)


@pytest.fixture(scope="module")
def served_1c(tmp_path_factory: pytest.TempPathFactory) -> Iterator[The1C]:
    """A 1C for the tests of one module; use `onec`, which leaves no trap behind."""
    with at_the_1c(tmp_path_factory.mktemp("1c")) as served:
        yield served


@pytest.fixture
def onec(served_1c: The1C, monkeypatch: pytest.MonkeyPatch) -> Iterator[The1C]:
    """The 1C of the module with its usual traps and rows; nobody is left inside in the end."""
    monkeypatch.setattr("connectors.odata.wire.PAUSE_SECONDS", 0.01)
    served = served_1c.served
    rows = {name: list(rows) for name, rows in served.base.rows.items()}
    served.asked.clear()
    yield served_1c
    left = set(served.sessions)
    served.sessions.clear()
    served.base.rows.update(rows)
    for name, usual in vars(Traps()).items():
        setattr(served.traps, name, usual)
    assert not left, "the licence was not given back"


def wish(the: The1C, dataset: str, **tree: Any) -> Wanted:
    """A wish that a mapping of one dataset makes."""
    return the.wishes(described(**{dataset: tree}))[dataset]


def payments(the: The1C, columns: Mapping[str, Any] | None = None, **more: Any) -> Wanted:
    """All payments, the account not looked up but by the reference."""
    fields: dict[str, Any] = {
        "account": {"constant": "1"},
        "payment": {"column": "Ref_Key"},
        "paid_on": {"column": "Date", "type": "datetime"},
        "period": {"column": "ПериодРасчета"},
        "amount_kopecks": {"column": "Сумма"},
        "channel": {"column": "Канал"},
    }
    return wish(the, "payments", **({"from": "Document_ПлатежАбонента", "fields": fields | dict(columns or {})} | more))
