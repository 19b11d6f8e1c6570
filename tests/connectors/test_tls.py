"""Is a web server refused in words unless it can be known, before anything is sent?"""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import tls
from demo.certificates import Authority
from lk_sync.errors import SettingsError, Unprotected


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
