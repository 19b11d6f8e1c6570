"""What the desk does for somebody who stands at it, and what it closes and opens on the portal."""

from __future__ import annotations

import getpass
import json
import re
from datetime import datetime
from zoneinfo import ZoneInfo

from lk_sync.store import audit, blocks, codes
from tests.core.conftest import Office


def test_the_desk_prints_a_code_for_an_account_that_there_is(office: Office) -> None:
    refused = office.lk_sync("desk-code", "000000003")
    assert (refused.code, refused.out) == (2, "")
    assert "лицевого счёта «000000003» в данных нет" in refused.err
    office.lk_sync("pull")
    said = office.lk_sync("desk-code", "000000003")
    code = re.search(r"Код: ([0-9A-Z]{5}-[0-9A-Z]{5})$", said.out, re.MULTILINE)
    assert said.code == 0
    assert code
    (entry,) = office.store.read(lambda tx: audit.about(tx, object="account:000000003"))
    assert (entry.act, entry.actor) == ("desk_code_issued", getpass.getuser())
    assert code[1] not in entry.detail
    again = json.loads(office.lk_sync("desk-code", "000000003", "--json").out)
    now = datetime.now(ZoneInfo("UTC"))
    former, newer = (
        office.store.read(lambda tx, typed=typed: codes.is_good(tx, account="000000003", code=typed, now=now))
        for typed in (code[1], again["code"])
    )
    assert (former, newer) == (False, True)


def test_the_desk_closes_an_account_on_the_portal_and_opens_it_again(office: Office) -> None:
    assert office.lk_sync("block", "000000003", "--reason", "отозвано согласие").code == 2  # no such account yet
    office.lk_sync("pull")
    assert office.lk_sync("block", "000000003", "--reason", "  ").code == 2
    assert office.lk_sync("block", "000000003", "--reason", "х" * 301).code == 2
    assert office.lk_sync("unblock", "000000003").code == 2
    said = office.lk_sync("block", "000000003", "--reason", "отозвано\nсогласие")
    assert (said.code, "lk-sync unblock 000000003" in said.out) == (0, True)
    found = office.store.read(lambda tx: blocks.of_account(tx, account="000000003"))
    assert found is not None
    assert found.reason == "отозвано согласие"
    assert office.lk_sync("unblock", "000000003").code == 0
    assert office.store.read(lambda tx: blocks.of_account(tx, account="000000003")) is None
    acts = [entry.act for entry in office.store.read(lambda tx: audit.about(tx, object="account:000000003"))]
    assert sorted(acts) == ["account_blocked", "account_unblocked"]
