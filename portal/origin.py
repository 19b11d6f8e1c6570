"""Origin: under which name are we reached, and from which address does a visitor come?

Names and addresses in a request are claims. Ours are in the settings; forwarded ones count only from a proxy
that is listed there.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import web

from lk_sync.config import Portal
from lk_sync.errors import SettingsError
from lk_sync.public_name import PublicName

BROWSER_LENGTH: Final = 200


class Origin(PublicName):
    """What the settings say about our name and the proxies before us. Raises SettingsError when they make no sense."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._proxies = tuple(_network(text) for text in portal.trusted_proxies)

    def knows(self, request: web.BaseRequest) -> bool:
        """Is the request meant for us? A request that names several hosts, or none, is not."""
        named = request.headers.getall("Host", [])
        return len(named) == 1 and named[0].lower() in self.hosts

    def address(self, request: web.BaseRequest) -> str:
        """The nearest address on the way that is no proxy of ours; an IPv6 subscriber is a /64."""
        peer = request.remote or ""
        if not self._proxies:
            return _subject(peer)
        hops = [peer, *reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(","))]
        for hop in hops:
            if not self.is_proxy(hop.strip()):
                return _subject(hop.strip() or peer)
        return _subject(peer)

    def is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)


def browser(request: web.BaseRequest) -> str:
    return request.headers.get("User-Agent", "")[:BROWSER_LENGTH]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise SettingsError(f"portal.trusted_proxies: «{text}» – не адрес и не подсеть") from error


def _subject(address: str) -> str:
    if ":" not in address:
        return address[:45]
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:45]
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, 64), strict=False))
