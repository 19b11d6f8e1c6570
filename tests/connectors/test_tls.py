"""Is a web server refused in words unless it can be known, before anything is sent?"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from connectors import tls
from demo.certificates import Authority
from lk_sync.errors import AccessDenied, SettingsError, Unprotected


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("http://1c.example/base", Unprotected, "https://"),
        ("1c.example/base", Unprotected, "без схемы"),
        ("https://lk:Tayna1@1c.example/base", SettingsError, "username"),
        ("https:///base", SettingsError, "имени сервера"),
    ],
)
def test_an_address_that_is_not_https_is_refused(url: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as told:
        tls.address(url)
    assert "Tayna1" not in str(told.value)


def test_somebody_must_vouch_for_the_server() -> None:
    with pytest.raises(Unprotected, match=r"connection\.ca: .* public_ca: true"):
        tls.checked(tls.Trust())
    with pytest.raises(Unprotected, match="ровно один"):
        tls.checked(tls.Trust(ca=Path("ca.pem"), public_ca=True))
    with pytest.raises(SettingsError, match="certificate и key"):
        tls.checked(tls.Trust(public_ca=True, key=Path("lk.key")))


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.admit("lk", "lk")
    with pytest.raises(Unprotected, match=r"no\.pem"):
        tls.context(tls.Trust(ca=tmp_path / "no.pem"))
    ours.key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        tls.context(tls.Trust(ca=authority.ca, certificate=ours.certificate, key=ours.key))
    ours.key.chmod(0o600)
    with pytest.raises(SettingsError, match="не пара"):
        tls.context(tls.Trust(ca=authority.ca, certificate=authority.ca, key=ours.key))
    assert "свой сертификат" in tls.protection(tls.Trust(public_ca=True, certificate=ours.certificate, key=ours.key))


@contextmanager
def listening(authority: Authority, clients: Authority | None) -> Iterator[int]:
    """A server that shakes hands and then waits to be asked; `clients`: whose certificates it lets in."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown = authority.issue("server")
    made.load_cert_chain(shown.certificate, shown.key)
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients.ca)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            with made.wrap_socket(plain, server_side=True) as wrapped:
                wrapped.recv(1)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's", "ours"])
def test_a_server_that_hangs_up_for_our_certificate_is_understood(tmp_path: Path, whose: str) -> None:
    authority, clients = Authority(tmp_path / "authority"), Authority(tmp_path / "clients")
    of = {"a stranger's": Authority(tmp_path / "strangers"), "ours": clients}.get(whose)
    ours = of.admit("lk", "lk") if of else None
    trust = tls.Trust(ca=authority.ca, certificate=ours.certificate if ours else None, key=ours.key if ours else None)
    with listening(authority, clients) as port:
        why = tls.hung_up("сервер", "127.0.0.1", port, tls.context(trust), seconds=1)
    assert isinstance(why, AccessDenied if whose != "ours" else type(None)), why
    assert why is None or "наш сертификат" in str(why)
