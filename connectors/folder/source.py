"""Source: how do we read files out of a folder of this machine, or one that is mounted?"""

from __future__ import annotations

from typing import ClassVar

from connectors.files.shelf import Rules, rules_of
from connectors.files.source import FileSource
from connectors.folder import settings as reach
from connectors.folder.settings import FolderSettings
from connectors.folder.shelf import FolderShelf
from lk_sync.contracts import Channel


class FolderSource(FileSource[FolderSettings]):
    """`contracts.Source` over a folder."""

    settings_type: ClassVar[type[FolderSettings]] = FolderSettings

    def channel(self) -> Channel:
        return reach.channel(self._settings)

    def shelf(self) -> FolderShelf:
        return FolderShelf(self._settings)

    def rules(self) -> Rules:
        return rules_of(self._settings)
