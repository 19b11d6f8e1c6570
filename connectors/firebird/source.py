"""Source: how do we come to trust a Firebird server before it hears anything from us?

`channel()` judges the settings and sends nothing. `connect()` has both sides prove the password to each other and the
wire encrypted before anything else is said (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from connectors.firebird.dialect import Firebird
from connectors.firebird.settings import FirebirdOptions, FirebirdSettings, protected
from connectors.firebird.wire import connected
from connectors.sql.session import SqlSession
from lk_sync.contracts import Channel, Found


class FirebirdSource:
    """Fulfils `contracts.Source`."""

    settings_type: ClassVar[type[msgspec.Struct]] = FirebirdSettings
    options_type: ClassVar[type[msgspec.Struct]] = FirebirdOptions

    def __init__(self, settings: FirebirdSettings) -> None:
        self._settings = settings
        self._dialect = Firebird(charset_told=settings.charset is not None)

    def channel(self) -> Channel:
        endpoint = protected(self._settings)
        return Channel(peer=f"{self._dialect.title} {endpoint.peer}", protection=endpoint.protection)

    @contextmanager
    def connect(self) -> Iterator[SqlSession]:
        endpoint = protected(self._settings)
        session = SqlSession(
            self._dialect, connect=lambda: connected(self._dialect, endpoint, self._settings), connections=1
        )
        try:
            yield session
        finally:
            session.close()

    def survey(self) -> Sequence[Found]:
        with self.connect() as session:
            return session.survey()
