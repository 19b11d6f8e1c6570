"""Conformance: does a connector keep every promise of `lk_sync.contracts`?

For whoever ships a connector, here or in a package of their own. The author plays the peer with a real server,
describes it by a `SourceCase` or a `SinkCase`, and runs each promise as a test:

    @pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
    def test_the_connector_keeps(promise, case):
        promise(case)

or all of them at once: `conformance.check_source(case)`. A broken promise raises `BrokenPromise`, whose text says
what was promised and what was seen instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from unittest import SkipTest

from lk_sync.conformance.case import BrokenPromise, Case, Increment, Peer, SinkCase, SourceCase
from lk_sync.conformance.sink import SINK_PROMISES
from lk_sync.conformance.source import SOURCE_PROMISES
from lk_sync.errors import LkError

__all__ = [
    "SINK_PROMISES",
    "SOURCE_PROMISES",
    "BrokenPromise",
    "Increment",
    "Peer",
    "SinkCase",
    "SourceCase",
    "check_sink",
    "check_source",
    "title",
]


def title(promise: Callable[..., None]) -> str:
    """The promise as a name of a test."""
    return promise.__name__


def check_source(case: SourceCase) -> None:
    """Every promise of a source. Raises BrokenPromise that lists all broken ones."""
    _all_kept((promise, case) for promise in SOURCE_PROMISES)


def check_sink(make_case: Callable[[], SinkCase]) -> None:
    """Every promise of a sink, each with a case of its own. Raises BrokenPromise that lists all broken ones."""
    _all_kept((promise, make_case()) for promise in SINK_PROMISES)


def _all_kept(walks: Iterable[tuple[Callable[[Any], None], Case]]) -> None:
    broken = []
    for promise, case in walks:
        try:
            promise(case)
        except SkipTest:
            continue
        except (BrokenPromise, LkError) as error:
            broken.append(f"{title(promise)}: {error}")
    if broken:
        raise BrokenPromise("\n".join(broken))
