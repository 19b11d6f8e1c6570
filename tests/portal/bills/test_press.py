"""Workers print beside the event loop, once for each bill, and are replaced when they die or hang."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lk_sync.config import Config
from portal.bills import press as press_module
from portal.bills.press import Press, PressBusy, PressFault
from portal.bills.sample import AHEAD, payable
from portal.bills.wire import SHIPPED
from tests.portal.bills.printed import CONFIG, text

LK = Config(CONFIG, {}).lk
SAMPLE = payable(LK.supplier, LK.bills)


@pytest.fixture
async def press() -> AsyncIterator[Press]:
    made = Press(LK.supplier, LK.bills, LK.time_zone, SHIPPED)
    yield made
    await made.close()


def _of_process(pid: int, what: str = "status") -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except FileNotFoundError:
        return b""


async def test_a_bill_is_printed_once_however_often_it_is_asked_for(press: Press) -> None:
    first, second = await asyncio.gather(press.printed(SAMPLE), press.printed(SAMPLE))
    assert first == second == await press.printed(SAMPLE)
    assert press.printed_count == 1
    assert "Образцова" in text(first)
    assert await press.printed(AHEAD) != first
    assert press.printed_count == 2


async def test_nobody_takes_all_the_turns(press: Press) -> None:
    several = [msgspec.structs.replace(SAMPLE, number=str(number)) for number in range(4)]
    tasks = [asyncio.create_task(press.printed(each)) for each in several]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, PressBusy) for answer in answers] == [False, False, True, True]
    assert (await press.printed(several[3])).startswith(b"%PDF")  # later there is a turn again


async def test_a_worker_that_was_killed_is_replaced(press: Press) -> None:
    await press.warm()
    worker = press._workers[0]
    assert worker._process is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    await worker._process.wait()
    assert (await press.printed(SAMPLE)).startswith(b"%PDF")


async def test_a_worker_that_hangs_is_ended_and_its_successor_prints(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    await press.warm()
    worker = press._workers[0]
    assert worker._process is not None
    hung = worker._process.pid
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(press_module, "BILL_SECONDS", 0.3)
    with pytest.raises(PressFault):
        await press.printed(SAMPLE)
    monkeypatch.undo()
    assert not _of_process(hung)
    assert (await press.printed(SAMPLE)).startswith(b"%PDF")


async def test_a_worker_knows_no_secret_and_ends_with_its_master(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_SMTP_PASSWORD", "tell nobody")
    await press.warm()
    process = press._workers[0]._process
    assert process is not None
    assert process.stdin is not None
    assert b"tell nobody" not in _of_process(process.pid, "environ")
    assert b"Max processes             0" in _of_process(process.pid, "limits")
    process.stdin.close()  # as when the master dies
    assert await asyncio.wait_for(process.wait(), 10) == 0
