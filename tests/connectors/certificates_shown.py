"""A server that shows another certificate for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from demo.mariadb import MariaDb
from demo.postgres import Postgres


@contextmanager
def showing(server: Postgres | MariaDb, **certificate: Any) -> Iterator[None]:
    """`certificate`: what is unusual about it, for `Authority.issue`."""
    server.show(server.authority.issue("unusual", **certificate))
    server.reload()
    try:
        yield
    finally:
        server.show(server.authority.issue("usual"))
        server.reload()
