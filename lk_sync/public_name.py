"""Public name: under which address do subscribers reach the portal?"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from lk_sync.config import Portal
from lk_sync.errors import SettingsError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class PublicName:
    """What `portal.base_url` says. Raises SettingsError when it makes no sense."""

    def __init__(self, portal: Portal) -> None:
        parts = urlsplit(portal.base_url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path.rstrip("/"):
            raise SettingsError(
                f"portal.base_url: «{portal.base_url}» – нужен адрес вида https://lk.example.ru, без пути"
            )
        default = DEFAULT_PORTS[parts.scheme]
        port = parts.port or default
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.secure = parts.scheme == "https"
        self.base_url = f"{parts.scheme}://{name}" + ("" if port == default else f":{port}")
        self.hosts = frozenset({f"{name}:{port}"} | ({name} if port == default else set()))
        self.hostname = parts.hostname
