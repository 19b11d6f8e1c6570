"""Supervisor: how does systemd learn that a process is ready, is stopping, and has not hung?

By its `sd_notify` protocol: datagrams to the socket that `NOTIFY_SOCKET` names. Without one nothing is said.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell(state: str) -> None:
    """`READY=1`, `STOPPING=1`, `WATCHDOG=1`. Never fails: whoever cannot be told does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        sender.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
