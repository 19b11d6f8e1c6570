"""Headers: what does every answer tell the browser?

They are the same on a page, a file, a redirect and an error. A header that a handler has set is left alone.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",  # portal/static and the worker: no code stands in a page
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
UNUSED: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "payment",
    "usb",
)
A_YEAR: Final = 31_536_000

COMMON: Final = {
    "Server": "lk",  # aiohttp names itself and its version otherwise
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # `no-referrer` would make browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    "Cache-Control": "no-store",
}
SECURE: Final = {"Strict-Transport-Security": f"max-age={A_YEAR}; includeSubDomains"}


def headers(*, secure: bool) -> tuple[tuple[str, str], ...]:
    """What to put on every answer. `secure`: visitors reach us over TLS."""
    return tuple((COMMON | (SECURE if secure else {})).items())


def put(response: web.StreamResponse, wanted: tuple[tuple[str, str], ...]) -> None:
    present = response.headers
    for name, value in wanted:
        present.setdefault(name, value)
