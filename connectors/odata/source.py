"""Source: how do we come to trust a 1C before it hears anything from us?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from connectors import tls
from connectors.odata.session import ODataSession
from connectors.odata.settings import ODataOptions, ODataSettings, root
from connectors.odata.wire import Wire
from lk_sync.contracts import Channel, Found, KnownFile


class ODataSource:
    """Fulfils `contracts.Source`, `contracts.Remembers` and `contracts.Surveyed`."""

    settings_type: ClassVar[type[msgspec.Struct]] = ODataSettings
    options_type: ClassVar[type[msgspec.Struct]] = ODataOptions

    def __init__(self, settings: ODataSettings) -> None:
        self._settings = settings
        self._known: Sequence[KnownFile] = ()

    def remember(self, known: Sequence[KnownFile]) -> None:
        self._known = known

    def channel(self) -> Channel:
        url = root(self._settings)
        tls.checked(self._settings.trust)
        return Channel(
            peer=f"1С OData {url.host}:{url.port}{url.path}", protection=tls.protection(self._settings.trust)
        )

    @contextmanager
    def connect(self) -> Iterator[ODataSession]:
        self.channel()
        wire = Wire(self._settings)
        try:
            session = ODataSession(wire, self._settings, self._known)
            try:
                yield session
            finally:
                session.close()
        finally:
            wire.close()

    def survey(self) -> Sequence[Found]:
        with self.connect() as session:
            return session.survey()
