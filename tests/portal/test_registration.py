"""Whoever holds a bill gets a password by letter; whoever does not learns nothing."""

from __future__ import annotations

import re
from email.message import EmailMessage

from lk_sync.store import audit, consents, users
from tests.portal.world import NEWCOMER, World


def password_in(letter: EmailMessage) -> str:
    text = letter.get_body(("plain",)).get_content()
    return re.search(r"входа: (\S+)", text)[1]


async def test_a_holder_of_the_last_bill_gets_a_password_chooses_an_own_one_and_logs_in_with_it(world: World) -> None:
    browser = world.browser()
    assert (await browser.register(NEWCOMER)).location == "/register/sent"
    (letter,) = await world.letters()
    assert letter["To"] == "ivanova@example.ru"
    assert (await browser.log_in(NEWCOMER, password_in(letter))).location == "/password"
    own = "сова клевер мост янтарь"
    assert (await browser.post("/password", {"password": own, "again": own})).location == "/"
    assert (await world.browser().log_in(NEWCOMER, own)).location == "/"
