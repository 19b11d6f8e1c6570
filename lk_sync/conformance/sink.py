"""Sink: what does a sink promise of the files that it takes there and back?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lk_sync.conformance import both
from lk_sync.conformance.case import SinkCase, keep
from lk_sync.contracts import AnswerFile, ExportFile

SinkPromise = Callable[[SinkCase], None]

_FILE: Final = ExportFile(
    name="readings-000007.csv",
    body=bytes(range(256)) * 700 + "id;ЛС\r\n".encode(),
    manifest_name="readings-000007.csv.ok",
    manifest=b'{"file": "readings-000007.csv"}\n',
)
_OFFERED: Final = {_FILE.name: _FILE.body, _FILE.manifest_name: _FILE.manifest}
_NAMES: Final = ("readings-000007.answer.csv", "readings-000008.answer.csv")
_BODY: Final = "id;status;code;text\r\n1;rejected;meter;«поверка»\r\n".encode()


def a_probe_changes_nothing(case: SinkCase) -> None:
    case.make().probe()
    keep(not case.peer.offered(), f"a probe offers nothing, not {sorted(case.peer.offered())}")


def a_delivered_file_arrives_whole(case: SinkCase) -> None:
    case.make().deliver(_FILE)
    keep(case.peer.offered() == _OFFERED, f"the file and its manifest arrive, not {sorted(case.peer.offered())}")


def delivering_again_changes_nothing(case: SinkCase) -> None:
    for _ in range(3):
        case.make().deliver(_FILE)
        keep(case.peer.offered() == _OFFERED, f"the same bytes are offered, not {sorted(case.peer.offered())}")


def a_file_that_was_taken_may_be_delivered_again(case: SinkCase) -> None:
    case.make().deliver(_FILE)
    case.peer.take()
    case.make().deliver(_FILE)
    again = case.peer.offered()
    keep(again in ({}, _OFFERED), f"nothing is offered, or the same bytes; not {sorted(again)}")


def finished_answers_are_handed_over_oldest_first(case: SinkCase) -> None:
    for name in _NAMES:
        case.peer.answer(name, _BODY + name.encode())
    expected = [AnswerFile(name=name, body=_BODY + name.encode()) for name in _NAMES]
    for _ in range(2):
        found = case.make().answers()
        keep(found == expected, f"answers() gives {_NAMES} with their bytes, not {_brief(found)}")


def an_unfinished_answer_is_left_alone(case: SinkCase) -> None:
    case.peer.unfinished_answer(_NAMES[0], _BODY)
    case.peer.answer(_NAMES[1], _BODY)
    names = [answer.name for answer in case.make().answers()]
    keep(names == [_NAMES[1]], f"answers() gives only {_NAMES[1]}, not {names}")


def a_torn_answer_comes_with_its_fault(case: SinkCase) -> None:
    case.peer.torn_answer(_NAMES[0], _BODY[:20])
    found = case.make().answers()
    keep([answer.name for answer in found] == [_NAMES[0]], f"answers() gives the torn file, not {_brief(found)}")
    keep(bool(found[0].fault), "a torn answer says why it cannot be trusted")


def an_answer_may_be_put_aside_twice(case: SinkCase) -> None:
    for name in _NAMES:
        case.peer.answer(name, _BODY)
    taken, refused = case.make().answers()
    for _ in range(2):
        case.make().put_aside(taken, taken=True)
        case.make().put_aside(refused, taken=False, report="row;code;text\r\n2;garbled;«почему»\r\n")
        left = case.make().answers()
        keep(not left, f"no answer waits afterwards, not {_brief(left)}")


def _brief(answers: list[AnswerFile]) -> list[tuple[str, int, str | None]]:
    return [(answer.name, len(answer.body), answer.fault) for answer in answers]


SINK_PROMISES: Final[tuple[SinkPromise, ...]] = (
    *both.PROMISES,
    a_probe_changes_nothing,
    a_delivered_file_arrives_whole,
    delivering_again_changes_nothing,
    a_file_that_was_taken_may_be_delivered_again,
    finished_answers_are_handed_over_oldest_first,
    an_unfinished_answer_is_left_alone,
    a_torn_answer_comes_with_its_fault,
    an_answer_may_be_put_aside_twice,
)
