"""Both: what do sources and sinks promise alike of the channel to their peer?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from lk_sync.conformance.case import Case, SourceCase, given, keep, refused, shows_secret
from lk_sync.contracts import Channel, Sink, Source
from lk_sync.errors import AccessDenied, Unprotected, Unreachable

ANSWER_SECONDS: Final = 60  # how long a peer that cannot be reached may keep us

Make = Callable[[], Source | Sink]


def the_channel_says_who_is_there_and_what_protects_it(case: Case) -> None:
    channel = case.make().channel()
    keep(isinstance(channel, Channel), f"channel() gives a Channel, not {channel!r}")
    keep(bool(channel.peer.strip()), "channel() names the peer")
    keep(bool(channel.protection.strip()), "channel() says what protects the way there")
    keep(not shows_secret(f"{channel.peer} {channel.protection}", case), "channel() shows no secret")


def an_unprotected_channel_is_refused(case: Case) -> None:
    refused(case, Unprotected, "channel()", lambda: case.unprotected().channel())
    refused(case, Unprotected, "a visit", lambda: _visit(case.unprotected()))


def settings_refuse_words_they_do_not_know(case: Case) -> None:
    for name in ("settings_type", "options_type") if isinstance(case, SourceCase) else ("settings_type",):
        kind = getattr(type(case.make()), name, None)
        keep(_is_strict(kind), f"{name} is a msgspec Struct with forbid_unknown_fields=True, not {kind!r}")


def _is_strict(kind: object) -> bool:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind.__struct_config__.forbid_unknown_fields
    return False


def an_impostor_is_refused(case: Case) -> None:
    make = _maker(case, "impostor")
    refused(case, Unprotected, "a visit to an impostor", lambda: _visit(make()))


def a_peer_that_cannot_be_reached_is_unreachable(case: Case) -> None:
    make = _maker(case, "unreachable")
    began = time.monotonic()
    refused(case, Unreachable, "a visit to a silent peer", lambda: _visit(make()))
    keep(time.monotonic() - began < ANSWER_SECONDS, f"a silent peer is given up within {ANSWER_SECONDS} s")


def a_wrong_credential_is_access_denied(case: Case) -> None:
    make = _maker(case, "denied")
    refused(case, AccessDenied, "a visit with a wrong credential", lambda: _visit(make()))


def _maker(case: Case, name: str) -> Make:
    make: Make | None = getattr(case, name)
    return given(make, name)


def _visit(connector: Source | Sink) -> None:
    """The least that a connector does at its peer."""
    if hasattr(connector, "connect"):
        with connector.connect():
            return
    connector.probe()


PROMISES: Final = (
    the_channel_says_who_is_there_and_what_protects_it,
    an_unprotected_channel_is_refused,
    settings_refuse_words_they_do_not_know,
    an_impostor_is_refused,
    a_peer_that_cannot_be_reached_is_unreachable,
    a_wrong_credential_is_access_denied,
)
