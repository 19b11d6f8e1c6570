"""Source: how do we read the files that a supplier publishes on a web server?"""

from __future__ import annotations

from typing import ClassVar

from connectors.files.shelf import Rules
from connectors.files.source import FileSource
from connectors.https import settings as reach
from connectors.https.settings import HttpsSettings
from connectors.https.shelf import HttpsShelf
from lk_sync.contracts import Channel


class HttpsSource(FileSource[HttpsSettings]):
    """`contracts.Source` over a web server."""

    settings_type: ClassVar[type[HttpsSettings]] = HttpsSettings

    def channel(self) -> Channel:
        return reach.channel(self._settings)

    def shelf(self) -> HttpsShelf:
        return HttpsShelf(self._settings, self._known)

    def rules(self) -> Rules:
        """A file comes to its promised length or not at all, so it needs nobody else's word."""
        settings = self._settings
        return Rules(one_set=settings.one_set, unsigned=True, max_file_bytes=settings.max_file_bytes, put_aside=False)
