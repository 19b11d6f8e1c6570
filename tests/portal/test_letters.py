"""A letter arrives once, however the mail server behaves and whoever dies on the way."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from demo import mailbox as demo_mailbox
from demo.certificates import Authority
from demo.mailbox import Fault
from lk_sync.clock import now
from lk_sync.errors import AccessDenied, Unreachable
from lk_sync.mail.post import GIVE_UP_AFTER, LONGEST_PAUSE, pause
from lk_sync.store import letters
from lk_sync.store.database import Store
from tests.portal.office import TOLD, Office
from tests.portal.wire import until


async def test_a_letter_is_complete_and_its_password_is_wiped_when_it_is_out(office: Office) -> None:
    office.write()
    assert await office.post().deliver_due() == 1
    (letter,) = office.mailbox.letters()
    assert letter["To"] == "ivanova@example.ru"
    assert letter["From"] == "Личный кабинет <lk@energoservice.example>"
    assert letter["Return-Path"] == "<lk@energoservice.example>"
    assert letter["Date"].datetime == office.clock.now
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"].endswith("@127.0.0.1>")
    for kind in ("plain", "html"):
        assert TOLD["password"] in letter.get_body((kind,)).get_content()
        assert "http://127.0.0.1:1/login" in letter.get_body((kind,)).get_content()
    assert office.states() == [("sent", 1, False)]


async def test_the_same_occasion_writes_one_letter(office: Office) -> None:
    def write(tx: Any) -> bool:
        return letters.write(
            tx, kind="organisation", once="x", recipient="a@b.ru", language="ru", context={}, now=office.clock.now
        )

    assert [office.store.write_now(write) for _ in range(3)] == [True, False, False]


async def test_many_letters_share_a_connection(office: Office) -> None:
    office.write(25)
    assert await office.post().deliver_due() == 25
    assert office.mailbox.connections == 1
    assert len({letter["Message-ID"] for letter in office.mailbox.letters()}) == 25


async def test_greylisting_is_waited_out(office: Office) -> None:
    office.mailbox.next_time(Fault.GREYLIST, Fault.GREYLIST)
    office.write()
    post = office.post()
    assert await post.deliver_due() == 0
    assert office.states() == [("waiting", 1, True)]
    assert await post.deliver_due() == 0
    assert office.mailbox.attempts == 1
    office.clock.forward(seconds=75)
    assert await post.deliver_due() == 0
    office.clock.forward(seconds=75)
    assert await post.deliver_due() == 0
    office.clock.forward(seconds=75)
    assert await post.deliver_due() == 1
    assert office.states() == [("sent", 3, False)]


async def test_no_room_after_the_text_is_tried_again_because_the_server_said_it_did_not_take_it(office: Office) -> None:
    office.mailbox.next_time(Fault.FULL)
    office.write()
    post = office.post()
    await post.deliver_due()
    office.clock.forward(minutes=2)
    assert await post.deliver_due() == 1
    assert len(office.mailbox.letters()) == 1


@pytest.mark.parametrize("fault", [Fault.UNKNOWN_RECIPIENT, Fault.REFUSED_TEXT])
async def test_a_refusal_for_good_ends_the_letter_and_the_next_one_goes_out(office: Office, fault: Fault) -> None:
    office.mailbox.next_time(fault)
    office.write(2)
    assert await office.post().deliver_due() == 1
    assert sorted(office.states()) == [("failed", 1, False), ("sent", 1, False)]
    (line,) = office.store.read(lambda tx: letters.listed(tx, state="failed"))
    assert line.last_answer is not None
    assert line.last_answer.startswith("55")
    assert office.store.read(letters.backlog) == letters.Backlog(waiting=0, failed=1, uncertain=0)


@pytest.mark.parametrize(("fault", "arrived"), [(Fault.DROP_IN_DATA, 0), (Fault.DROP_AFTER_DOT, 1)])
async def test_a_letter_whose_answer_was_lost_is_never_sent_again(office: Office, fault: Fault, arrived: int) -> None:
    office.mailbox.next_time(fault)
    office.write()
    post = office.post()
    await post.deliver_due()
    office.clock.forward(days=2)
    await post.deliver_due()
    assert office.states() == [("uncertain", 1, False)]
    assert len(office.mailbox.letters()) == arrived
    assert office.mailbox.attempts == 1
    assert office.store.read(letters.backlog).uncertain == 1


async def test_a_connection_that_breaks_before_the_text_leaves_is_tried_again(office: Office) -> None:
    office.mailbox.next_time(Fault.DROP_AT_MAIL)
    office.write()
    post = office.post()
    await post.deliver_due()
    assert office.states() == [("waiting", 1, True)]
    office.clock.forward(minutes=2)
    assert await post.deliver_due() == 1


async def test_a_refused_sender_keeps_the_letters_and_names_the_setting(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.mailbox.next_time(Fault.SENDER_REFUSED)
    office.write(3)
    await office.post().deliver_due()
    assert [state for state, *_ in office.states()] == ["waiting"] * 3
    assert office.mailbox.attempts == 1
    assert "mail.sender" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"port": 1}, Unreachable, "недоступен"),
        ({"host": "localhost", "ca": None}, Unreachable, "сертификат не подтверждён"),
        ({"username": "somebody"}, AccessDenied, "имя и пароль"),
        ({"security": "starttls", "timeout_seconds": 1}, Unreachable, "недоступен"),
    ],
)
async def test_a_mail_server_that_cannot_be_used_keeps_the_letters_and_is_named(
    office: Office, wrong: dict[str, Any], error: type[Exception], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.write(2)
    assert await office.post(**wrong).deliver_due() == 0
    assert [state for state, *_ in office.states()] == ["waiting", "waiting"]
    assert says in caplog.text
    assert office.mailbox.letters() == []
    assert "mail-secret" not in caplog.text


async def test_a_certificate_for_another_name_or_of_another_authority_is_refused(
    office: Office, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for issuer, names in ((authority, ("mail.example",)), (Authority(tmp_path / "other"), ("127.0.0.1",))):
        certificate = issuer.issue("stranger", names=names)
        with demo_mailbox.running(tmp_path / "elsewhere", certificate, username="lk", password="mail-secret") as box:
            office.clock.forward(hours=1)
            office.write()
            assert await office.post(port=box.port).deliver_due() == 0
            assert box.letters() == []
            assert box.attempts == 0
    assert caplog.text.count("сертификат не подтверждён") == 2


async def test_starttls_carries_letters_as_well(office: Office, authority: Authority, tmp_path: Path) -> None:
    certificate = authority.issue("starttls")
    folder = tmp_path / "elsewhere"
    with demo_mailbox.running(folder, certificate, username="lk", password="mail-secret", security="starttls") as box:
        office.write()
        assert await office.post(port=box.port, security="starttls").deliver_due() == 1
        assert len(box.letters()) == 1


async def test_what_cannot_be_delivered_within_a_day_is_given_up(office: Office) -> None:
    office.write()
    post = office.post(port=1)
    for _ in range(40):
        await post.deliver_due()
        office.clock.forward(hours=1)
    ((state, attempts, told),) = office.states()
    assert (state, told) == ("failed", False)
    assert 5 < attempts < 25


def test_pauses_double_up_to_a_limit_and_are_irregular() -> None:
    for attempts in range(1, 40):
        middle = min(LONGEST_PAUSE, timedelta(minutes=1) * 2 ** min(attempts - 1, 16))
        assert middle * 0.8 <= pause(attempts) <= middle * 1.2
    assert len({pause(3) for _ in range(20)}) > 1
    assert LONGEST_PAUSE < GIVE_UP_AFTER


async def test_several_posts_take_every_letter_once(office: Office) -> None:
    office.write(30)
    others = [Store(office.config.lk.store_path) for _ in range(2)]
    posts = [office.post()]
    for store in others:
        office.store, kept = store, office.store
        posts.append(office.post())
        office.store = kept
    sent = await asyncio.gather(*(post.deliver_due() for post in posts))
    for store in others:
        store.close()
    assert sum(sent) == 30
    assert len({letter["Message-ID"] for letter in office.mailbox.letters()}) == 30
    assert len(office.mailbox.letters()) == 30


async def test_a_letter_in_hand_is_left_to_its_lease_and_then_taken_over(office: Office) -> None:
    office.write()
    moment = office.clock.now
    office.store.write_now(lambda tx: letters.claim(tx, now=moment, lease_until=moment + timedelta(minutes=5)))
    post = office.post()
    assert await post.deliver_due() == 0
    office.clock.forward(minutes=5)
    assert await post.deliver_due() == 1


async def test_who_lost_the_lease_does_not_send(office: Office) -> None:
    office.write()
    moment = office.clock.now
    late = office.store.write_now(lambda tx: letters.claim(tx, now=moment, lease_until=moment + timedelta(minutes=5)))
    assert late is not None
    office.clock.forward(minutes=5)
    assert await office.post().deliver_due() == 1
    lease = office.clock.now + timedelta(minutes=5)
    assert office.store.write_now(lambda tx: letters.sending(tx, late, lease_until=lease)) is None
    assert not office.store.write_now(lambda tx: letters.settle(tx, late, state="failed", answer="", now=moment))
    assert office.states() == [("sent", 2, False)]


VICTIM = """
import asyncio, os, sys
from pathlib import Path
from lk_sync.clock import now
from lk_sync.clock import now
from lk_sync.config import Config
from lk_sync.store.database import Store
from lk_sync.mail.carrier import Carrier
from lk_sync.mail.post import Post
from lk_sync.mail.stationery import Stationery
config = Config(Path(sys.argv[1]), os.environ)
mail = config.lk.mail
carrier = Carrier(mail, hostname="lk.example", environment=os.environ)
store = Store(config.lk.store_path)
print("ready", flush=True)
asyncio.run(Post(store, now, Stationery(config.folder / "letters", config.lk, mail), carrier).deliver_due())
"""


@asynccontextmanager
async def victim(office: Office) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real process that carries letters and can be killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, str(office.config.folder),
        stdout=asyncio.subprocess.PIPE, env={"LK_SMTP_PASSWORD": office.mailbox.password, "PYTHONPATH": "."},
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_post_that_is_killed_while_the_server_thinks_leaves_the_letter_uncertain(office: Office) -> None:
    office.clock.now = now()
    office.mailbox.next_time(Fault.SILENT_AFTER_DOT)
    office.write()
    async with victim(office):
        await until(lambda: len(office.mailbox.letters()) == 1, seconds=20)
        assert office.states() == [("sending", 1, True)]
    office.clock.forward(minutes=10)
    await office.post().deliver_due()
    assert office.states() == [("uncertain", 1, False)]
    assert len(office.mailbox.letters()) == 1


async def test_that_the_text_leaves_is_written_down_before_it_does(office: Office) -> None:
    office.mailbox.next_time(Fault.SILENT_AFTER_DOT)
    office.write()
    posting = asyncio.create_task(office.post().deliver_due())
    await until(lambda: len(office.mailbox.letters()) == 1)
    assert office.states() == [("sending", 1, True)]
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)


@pytest.mark.parametrize("after", [1, 11])
async def test_a_post_that_is_killed_loses_no_letter_and_doubles_none(office: Office, after: int) -> None:
    office.clock.now = now()
    office.write(20)
    async with victim(office):
        await until(lambda: len(office.mailbox.letters()) >= after, seconds=20)
    office.clock.forward(minutes=10)
    await office.post().deliver_due()
    found = [letter["Message-ID"] for letter in office.mailbox.letters()]
    assert len(found) == len(set(found))
    states = [state for state, *_ in office.states()]
    assert states.count("sent") + states.count("uncertain") == 20
    assert states.count("uncertain") <= 1
    assert 20 - states.count("uncertain") <= len(found) <= 20
    assert not any(told for *_, told in office.states())
