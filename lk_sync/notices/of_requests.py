"""Of requests: whose request has the supplier answered?

Answers come with a run, under the number of a request; whose that is, the store knows. A later word on the same request
is another event, the same word pulled again is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from lk_sync.cache.answers import AnswerRow
from lk_sync.notices.walking import AT_ONCE, Ground, Step, Telling, together, walk
from lk_sync.store import notifications, requests
from lk_sync.store.database import Tx
from lk_sync.store.requests import Owned
from lk_sync.store.walks import Walk

NAME: Final = "answered"


def go(ground: Ground) -> None:
    with ground.reader.view() as view:
        if view.state("request_answers") is None:
            return
        newest = str(view.newest_run())
    walk(ground, NAME, first="0", goal=newest, steps=partial(_steps, ground))


def _steps(ground: Ground, found: Walk) -> Iterator[Step]:
    request, _, answer = found.place.partition(" ")
    while some := _page(ground, int(found.done), (request, answer)):
        request, answer = some[-1].request, some[-1].answer
        yield f"{request} {answer}", partial(together, _tellings(ground, some))


def _page(ground: Ground, run: int, after: tuple[str, str]) -> list[AnswerRow]:
    with ground.reader.view() as view:
        return view.answers_since(run, after=after, most=AT_ONCE)


def _tellings(ground: Ground, some: list[AnswerRow]) -> list[Telling]:
    found: list[Telling] = []
    for answer in some:
        number = requests.number_of(answer.request)
        asked = None if number is None else ground.store.read(partial(requests.owned, number=number))
        if asked is not None and asked.user_code and _is_still_theirs(ground, asked):
            found.append(partial(_tell, ground, answer, asked, asked.user_code))
    return found


def _is_still_theirs(ground: Ground, asked: Owned) -> bool:
    key = ground.reader.account_key(asked.account)
    return key is not None and ground.reader.holder_key(key) == asked.holder_key


def _tell(ground: Ground, answer: AnswerRow, asked: Owned, user_code: str, tx: Tx) -> None:
    notifications.add(
        tx,
        user_code=user_code,
        account=asked.account,
        kind="request_answered",
        event=f"request_answered:{answer.request}:{answer.answer}:{answer.state}",
        detail={
            "title": asked.title,
            "number": answer.request,
            "path": f"/requests/{asked.request}",
            "answer": answer.text or "",
            "state": answer.state,
        },
        now=ground.now,
    )
