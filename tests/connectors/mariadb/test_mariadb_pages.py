"""Is a big table of MariaDB read whole, once, in bounded pages, and from its watermark on?"""

from __future__ import annotations

import msgspec
import pytest

from connectors.sql import reading
from lk_sync.contracts import Batch
from tests.at_the_base import taken, wanted
from tests.at_the_mariadb import TheMariaDb

COLUMNS = {"account": "ЛС", "payment": "Док", "paid_on": "Дата", "period": "Дата", "amount_kopecks": "Сумма",
           "channel": "Канал"}  # fmt: skip
FIELDS = ", ".join(f"`{name}`" for name in ("ЛС", "Док", "Дата", "Сумма", "Канал", "Изменен"))


def fill(maria: TheMariaDb, *, rows: int, index: str) -> None:
    maria.books(
        "CREATE OR REPLACE TABLE `Много` (`ЛС` varchar(20), `Док` varchar(40), `Дата` date, `Сумма` decimal(15,2),"
        f" `Канал` varchar(20), `Изменен` datetime(6){index});"
        f"INSERT INTO `Много` ({FIELDS}) SELECT LPAD(seq DIV 3, 9, '0'), CONCAT('П', seq), '2026-10-01', seq / 100,"
        f" 'касса', '2026-11-01' + INTERVAL seq SECOND FROM seq_1_to_{rows};"
    )


@pytest.mark.parametrize("index", [", KEY (`ЛС`)", ""])
def test_every_row_comes_once(maria: TheMariaDb, monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    monkeypatch.setattr(reading, "PAGE_ROWS", 100)
    monkeypatch.setattr(reading, "AIM_ROWS", 95)
    fill(maria, rows=1000, index=index)
    wish = wanted("payments", COLUMNS, table="Много", watermark="Изменен")
    batches = maria.pull(wish)
    assert max(batch.rows for batch in batches) <= 100
    rows, rejects = taken(wish, batches)
    assert rejects == []
    assert sorted(row[1] for row in rows) == sorted(f"П{i}" for i in range(1, 1001))
    assert sum(row[4] for row in rows) == 500_500
    assert greatest(batches) == "2026-11-01 00:16:40.000000"
    later = maria.pull(msgspec.structs.replace(wish, since="2026-11-01 00:16:30"))
    assert sum(batch.rows for batch in later) == 11


def greatest(batches: list[Batch]) -> str:
    return max(batch.watermark for batch in batches if batch.watermark)


def test_a_watermark_that_is_still_to_come_blinds_nobody(maria: TheMariaDb) -> None:
    fill(maria, rows=5, index="")
    maria.books("UPDATE `Много` SET `Изменен` = '2199-01-01' WHERE `Док` = 'П3'")
    wish = wanted("payments", COLUMNS, table="Много", watermark="Изменен")
    assert greatest(maria.pull(wish)) == "2026-11-01 00:00:05.000000"


def test_a_pull_sees_one_moment(maria: TheMariaDb) -> None:
    fill(maria, rows=5, index="")
    wish = wanted("payments", COLUMNS, table="Много")
    with maria.source().connect() as session:
        before = session.totals(wish)
        maria.books("DELETE FROM `Много` WHERE `Док` = 'П3'")
        assert session.totals(wish) == before
        assert sum(batch.rows for batch in session.pull(wish)) == 5


def test_the_survey_names_the_tables_and_none_of_the_servers_own(maria: TheMariaDb) -> None:
    maria.books("CREATE OR REPLACE TABLE `Счета` (`ЛС` int primary key, `Долг` decimal(12,2))")
    found = {each.origin: each for each in maria.source().survey()}
    assert found["Счета"].key == ("ЛС",)
    assert [(c.name, c.type, c.kinds[0]) for c in found["Счета"].columns] == [
        ("ЛС", "int(11)", "int"), ("Долг", "decimal(12,2)", "money"),
    ]  # fmt: skip
    assert not any(name.startswith(("mysql", "information_schema", "sys.")) for name in found)
