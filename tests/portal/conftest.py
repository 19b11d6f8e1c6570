"""The cast: a subscriber and a neighbour, who must never see what is the subscriber's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from demo import mailbox as demo_mailbox
from demo.certificates import Authority
from demo.mailbox import Mailbox
from tests.portal.office import Office
from tests.portal.world import NEIGHBOUR, SUBSCRIBER, Browser, World, configure, fill
from tests.portal.world import world as open_world


@pytest.fixture(scope="session")
def cache_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "cache.db"
    fill(path)
    return path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def mailbox(authority: Authority, tmp_path: Path) -> Iterator[Mailbox]:
    certificate = authority.issue("mailbox")
    (tmp_path / "ca.pem").write_bytes(authority.ca.read_bytes())
    with demo_mailbox.running(tmp_path / "letters", certificate, username="lk", password="mail-secret") as box:
        yield box


@pytest.fixture
def office(tmp_path: Path, mailbox: Mailbox) -> Iterator[Office]:
    """The post without the portal."""
    made = Office(configure(tmp_path / "config", port=1, mailbox=mailbox), mailbox)
    yield made
    made.store.close()


@pytest.fixture
async def world(tmp_path: Path, cache_file: Path, mailbox: Mailbox) -> AsyncIterator[World]:
    """The portal with its mail server; letters and registrations move only when the test says so."""
    async with open_world(tmp_path / "config", cache=cache_file, mailbox=mailbox, background=False) as made:
        yield made


@pytest.fixture
async def subscriber(world: World) -> Browser:
    """Logged in, with an own password."""
    world.registered(SUBSCRIBER, email="subscriber@example.ru")
    browser = world.browser()
    assert (await browser.log_in(SUBSCRIBER)).location == "/"
    return browser


@pytest.fixture
async def neighbour(world: World) -> Browser:
    world.registered(NEIGHBOUR, email="neighbour@example.ru")
    browser = world.browser()
    assert (await browser.log_in(NEIGHBOUR)).location == "/"
    return browser
