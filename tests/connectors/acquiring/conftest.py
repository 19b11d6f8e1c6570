"""The bank and its three dialects, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo import bank as player
from demo.bank import KEY, SHOP, Bank
from demo.certificates import Authority
from lk_sync import registry
from lk_sync.acquiring import Acquirer, Order, Part

SECRET = {"secret": "BANK"}
CONNECTIONS: dict[str, dict[str, Any]] = {
    "yookassa": {"shop": SHOP, "key": SECRET, "addresses": ["127.0.0.0/8"]},
    "sberbank": {"username": SHOP, "password": SECRET, "call_key": SECRET},
    "tbank": {"terminal": SHOP, "password": SECRET},
}
PATHS = {"yookassa": "v3", "sberbank": "sber", "tbank": "v2"}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("bank"))


@pytest.fixture
def bank(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    monkeypatch.setenv("LK_BANK", KEY)
    with player.running(authority.issue("bank")) as running:
        yield running


@pytest.fixture(params=sorted(CONNECTIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def acquirer(bank: Bank, authority: Authority, name: str) -> Acquirer:
    return at(bank, authority, name)


def at(bank: Bank, authority: Authority, name: str, **other: Any) -> Acquirer:
    reach = {"url": f"{bank.url}/{PATHS[name]}/", "ca": str(authority.ca)}
    return registry.acquirer(name, CONNECTIONS[name] | reach | other)


def an_order(order: str = "0f" * 16, amount_kopecks: int = 241_207, **other: Any) -> Order:
    fields = {
        "order": order,
        "amount_kopecks": amount_kopecks,
        "purpose": "ЛС 100200300, 02.2026",
        "parts": (Part(service="heating", title="Отопление", amount_kopecks=amount_kopecks),),
        "return_url": "https://lk.example/pay/1",
        "call_url": "https://lk.example/called",
        "contact": "ivanova@example.ru",
        "account": "100200300",
        "period": 202602,
        "unified_account": "70АА000560",
    }
    return Order(**(fields | other))
