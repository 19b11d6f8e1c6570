"""A dataset that nobody has written to in 1C is not read again; whatever was written to is."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from lk_sync.clock import now
from lk_sync.errors import SettingsError
from lk_sync.flow.decide import Decider
from tests.at_the_1c import MAPPING, The1C, wish
from tests.connectors.odata.test_same_books import Engine

PAYMENTS, ACCOUNTS = "Document_ПлатежАбонента", "Catalog_ЛицевыеСчета"
WHOLE = "ПериодРасчета"


@pytest.fixture
def engine(onec: The1C, tmp_path: Path) -> Iterator[Engine]:
    """One that reads payments and nothing else, without a date of change."""
    tree = yaml.safe_load(MAPPING.read_text("utf-8"))
    payments = tree["datasets"]["payments"] | {"options": {"versions": True}}
    del payments["watermark"]
    described = tmp_path / "described.yaml"
    described.write_text(yaml.safe_dump(tree | {"datasets": {"payments": payments}}, allow_unicode=True), "utf-8")
    made = Engine(tmp_path / "odata", described, onec.reach(page_rows=50))
    yield made
    made.store.close()


def pull(engine: Engine, onec: The1C, *, full: bool = False) -> tuple[Any, bool]:
    """What the report says of payments, and whether they were read."""
    onec.served.asked.clear()
    (payments,) = engine.pull(full=full).datasets
    pages = [asked for asked in onec.served.asked if asked.startswith(f"{PAYMENTS}?") and "$top=1&" not in asked]
    return payments, any(WHOLE in asked for asked in pages if "$top=50" in asked)


def write(onec: The1C, entity_set: str, place: int, cells: Mapping[str, Any]) -> None:
    """Someone in 1C writes an object."""
    rows = onec.served.base.rows[entity_set]
    rows[place] = rows[place] | cells | {"DataVersion": f"{rows[place]['DataVersion']}+"}


def seen_at(engine: Engine) -> str:
    with closing(sqlite3.connect(engine.config.lk.cache_path)) as cache:
        return str(cache.execute("SELECT published_at FROM dataset_state WHERE dataset = 'payments'").fetchone()[0])


def test_what_has_not_changed_is_not_read_and_is_as_fresh_as_the_look_at_it(engine: Engine, onec: The1C) -> None:
    first, read = pull(engine, onec)
    assert read
    assert first.inserted > 100
    before, rows = seen_at(engine), engine.rows("payments")
    again, read = pull(engine, onec)
    assert not read
    assert (again.pulled, again.inserted, again.updated, again.ended) == (0, 0, 0, 0)
    assert engine.rows("payments") == rows
    assert seen_at(engine) > before


@pytest.mark.parametrize("change", ["written", "written and put back", "deleted", "a lookup's object written"])
def test_a_write_of_whatever_kind_has_the_dataset_read_again(engine: Engine, onec: The1C, change: str) -> None:
    pull(engine, onec)
    if change == "written":
        write(onec, PAYMENTS, 3, {"Канал": "банк «Другой»"})
    elif change == "written and put back":
        write(onec, PAYMENTS, 3, {})
    elif change == "deleted":
        del onec.served.base.rows[PAYMENTS][3]
    else:
        write(onec, ACCOUNTS, 0, {})
    after, read = pull(engine, onec)
    assert read
    assert (after.updated, after.ended) == (int(change == "written"), int(change == "deleted"))
    _, read = pull(engine, onec)
    assert not read


def test_a_base_that_was_put_back_to_a_former_state_is_read(engine: Engine, onec: The1C) -> None:
    pull(engine, onec)
    former = list(onec.served.base.rows[PAYMENTS])
    write(onec, PAYMENTS, 3, {"Канал": "банк «Другой»"})
    pull(engine, onec)
    onec.served.base.rows[PAYMENTS][:] = former
    after, read = pull(engine, onec)
    assert read
    assert after.updated == 1


def test_a_full_pull_and_a_reverted_run_do_not_trust_what_is_known(engine: Engine, onec: The1C) -> None:
    pull(engine, onec)
    assert pull(engine, onec, full=True)[1]
    write(onec, PAYMENTS, 3, {"Канал": "банк «Другой»"})
    pull(engine, onec)
    with closing(sqlite3.connect(engine.config.lk.cache_path)) as cache:
        (run,) = cache.execute("SELECT max(run) FROM published_runs").fetchone()
    Decider(
        engine.config, engine.store, clock=now, watch=lambda _: None, stop=threading.Event(), started_by="hand"
    ).revert(run, who="test")
    after, read = pull(engine, onec)
    assert read
    assert after.updated == 1


def test_a_set_without_versions_is_named(onec: The1C) -> None:
    register = "InformationRegister_ПоказанияПриборов_RecordType"
    fields = {"account": {"constant": "1"}, "meter": {"constant": "1"}, "reading": {"column": "ИдПоказания"}}
    fields |= {"taken_on": {"column": "Period", "type": "datetime"}, "period": {"column": "ПериодРасчета"}}
    fields |= {"value_micro": {"column": "Показание"}, "source": {"constant": "subscriber"}}
    wanted = wish(onec, "readings", **{"from": register, "fields": fields, "options": {"versions": True}})
    with pytest.raises(SettingsError, match=f"versions: у {register} нет DataVersion"):
        onec.pull(wanted)
