"""A 1C that does not prove who it is hears neither the name nor the password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.odata.settings import ODataSettings, root
from demo.certificates import Authority
from lk_sync import config
from lk_sync.errors import SettingsError, Unprotected, Unreachable
from tests.at_the_1c import PASSWORD, The1C, at_the_1c, payments


def visit(the: The1C, **other: Any) -> None:
    with the.source(**other).connect():
        return


def test_an_expired_certificate_and_one_of_another_name_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "other")
    shown = {
        "просрочен": authority.issue("old", expired=True),
        "выдан на другой адрес": authority.issue("name", names=("1c.example",)),
    }
    for why, certificate in shown.items():
        with at_the_1c(tmp_path / why, certificate) as the:
            with pytest.raises(Unprotected, match=why):
                visit(the, ca=str(authority.ca))
            assert the.served.asked == []


def test_a_certificate_of_an_unknown_authority_is_refused(onec: The1C, tmp_path: Path) -> None:
    with pytest.raises(Unprotected, match="центра нет среди тех"):
        visit(onec, ca=str(Authority(tmp_path).ca))
    assert onec.served.asked == []


def test_a_server_that_asks_for_our_certificate_gets_it(tmp_path: Path) -> None:
    clients = Authority(tmp_path / "clients")
    ours, stranger = clients.admit("lk", "lk"), Authority(tmp_path / "strangers").admit("lk", "lk")
    with at_the_1c(tmp_path, clients=clients.ca) as the:
        visit(the, certificate=str(ours.certificate), key=str(ours.key))
        for shown in ({}, {"certificate": str(stranger.certificate), "key": str(stranger.key)}):
            with pytest.raises(Unreachable, match="только с сертификатом"):
                visit(the, **shown)
        assert len(the.served.asked) == 2


@pytest.mark.parametrize(
    ("other", "kind", "says"),
    [
        ({"url": "http://127.0.0.1/base"}, Unprotected, "https://"),
        ({"url": "https://a:b@127.0.0.1/base"}, SettingsError, "username"),
        ({"url": "https://127.0.0.1/base?x=1"}, SettingsError, "лишнее"),
        ({"ca": None}, Unprotected, "public_ca"),
        ({"public_ca": True}, Unprotected, "ровно один"),
        ({"ca": "/no/such.pem"}, Unprotected, "такого файла|не читается"),
    ],
)
def test_settings_that_leave_it_open_are_refused(onec: The1C, other: dict[str, Any], kind: type, says: str) -> None:
    with pytest.raises(kind, match=says) as told:
        visit(onec, **other)
    assert PASSWORD not in str(told.value)
    assert onec.served.asked == []


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"answer_timeout": 30}, "answer_timeout"),
        ({"username": "lk:x"}, "username"),
        ({"page_rows": 0}, "page_rows"),
        ({"timeout": 5}, "timeout"),
    ],
)
def test_settings_that_cannot_work_are_refused(onec: The1C, other: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        onec.source(**other)


@pytest.mark.parametrize("url", ["https://1c/base", "https://1c/base/", "https://1c/base/odata/standard.odata"])
def test_the_address_may_be_written_with_or_without_its_end(onec: The1C, url: str) -> None:
    settings = config.convert(onec.reach(url=url), ODataSettings, path=Path("source.yaml"))
    assert str(root(settings)) == "https://1c/base/odata/standard.odata/"


def test_answers_that_are_too_long_are_not_read(onec: The1C) -> None:
    rows = onec.served.base.rows["Document_ПлатежАбонента"]
    rows[0] = rows[0] | {"Канал": "x" * 2_000_000}
    with pytest.raises(SettingsError, match=r"больше 1 МБ.*max_answer_mb"):
        onec.pull(payments(onec), max_answer_mb=1)
