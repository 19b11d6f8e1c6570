"""Source: how do we read the accounting system's export out of its drop?

As any files of a shelf (`connectors.files`); here is only how the drop is looked at, read and tidied.
"""

from __future__ import annotations

from typing import ClassVar

from connectors.files.shelf import Rules, rules_of
from connectors.files.source import FileSource
from connectors.sftp import settings as reach
from connectors.sftp.settings import SourceSettings
from connectors.sftp.shelf import SftpShelf
from lk_sync.contracts import Channel


class SftpSource(FileSource[SourceSettings]):
    """`contracts.Source` over the drop."""

    settings_type: ClassVar[type[SourceSettings]] = SourceSettings

    def channel(self) -> Channel:
        return reach.channel(self._settings)

    def shelf(self) -> SftpShelf:
        return SftpShelf(self._settings)

    def rules(self) -> Rules:
        return rules_of(self._settings)
