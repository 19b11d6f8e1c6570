"""Postbox: who is told that a letter waits to be sent?"""

from __future__ import annotations

from aiohttp import web

from portal.keys import POST


def letters_wait(app: web.Application) -> None:
    """Whoever carries letters looks at once; where nobody does, they wait."""
    if (post := app[POST]) is not None:
        post.wake()
