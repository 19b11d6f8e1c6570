"""Is every way of reaching a Firebird without encryption and proof refused, before anything is said to it?"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.firebird.handshake import Handshake, NotAProof
from connectors.firebird.settings import FirebirdSettings
from connectors.firebird.source import FirebirdSource
from lk_sync import config
from lk_sync.errors import SettingsError, Unprotected


def source(**connection: Any) -> FirebirdSource:
    plain = {
        "host": "127.0.0.1",
        "port": 1,
        "database": "books",
        "username": "lk",
        "password": {"secret": "BASE_PASSWORD"},
        "wire_crypt": "required",
    }
    setting = {key: value for key, value in (plain | connection).items() if value is not None}
    return FirebirdSource(config.convert(setting, FirebirdSettings, path=Path("source.yaml")))


def test_the_channel_says_what_protects_it(tmp_path: Path) -> None:
    channel = source().channel()
    assert channel.peer == "Firebird 127.0.0.1:1/books"
    assert "Srp256" in channel.protection
    assert "WireCrypt=Required" in channel.protection
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    assert f"TLS 1.2+, verify-full, {ca}" in source(tls="verify-full", ca=str(ca)).channel().protection


@pytest.mark.parametrize(
    ("other", "change"),
    [
        ({"wire_crypt": None}, "напишите wire_crypt: required"),
        ({"wire_crypt": "enabled"}, "указано «enabled», а канал должен быть зашифрован; напишите wire_crypt: required"),
        ({"wire_crypt": "disabled"}, "напишите wire_crypt: required"),
        ({"auth": ["Legacy_Auth"]}, "«Legacy_Auth» не доказывает, что сервер настоящий"),
        ({"auth": ["Srp256", "Win_Sspi"]}, "«Win_Sspi» не доказывает"),
        ({"auth": []}, r"напишите auth: \[Srp256, Srp\]"),
        ({"database": "other:/base.fdb"}, "ведёт через этот сервер на другой компьютер"),
        ({"database": "\\\\other\\c\\base.fdb"}, "ведёт через этот сервер на другой компьютер"),
        ({"tls": "verify-full"}, "нужны оба: tls: verify-full и ca"),
        ({"tls": "require", "ca": "/ca.pem"}, "нужны оба: tls: verify-full и ca"),
        ({"tls": "verify-full", "ca": "/nowhere/ca.pem"}, "файл /nowhere/ca.pem не читается"),
        ({"tls": "verify-full", "ca": "/dev/null"}, "нет сертификата в виде PEM"),
    ],
)
def test_settings_that_would_not_protect_are_refused_with_the_words_to_change(
    other: dict[str, Any], change: str
) -> None:
    with pytest.raises(Unprotected, match=change) as caught:
        source(**other).channel()
    assert "Соединение не устанавливалось" in str(caught.value)
    with pytest.raises(Unprotected, match=change), source(**other).connect():
        pass


@pytest.mark.parametrize("path", ["/var/db/base.fdb", "C:\\Базы\\base.fdb", "D:/b.fdb", "books", "путь с пробелом.gdb"])
def test_a_base_may_lie_anywhere_on_its_own_server(path: str) -> None:
    assert source(database=path).channel().peer.endswith(path)


@pytest.mark.parametrize("other", [{"database": ""}, {"database": "a\nb"}, {"host": "a;b"}, {"host": "a/b"}])
def test_what_cannot_be_meant_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        source(**other).channel()


def test_words_that_are_not_known_are_refused() -> None:
    with pytest.raises(SettingsError, match="wirecrypt"):
        source(wirecrypt="required")
    with pytest.raises(SettingsError, match="charset"):
        source(charset="CP1251")


# What may leave in plain text


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def text(value: bytes) -> bytes:
    return number(len(value)) + value + bytes(-len(value) % 4)


CONNECT = number(1) + number(19) + number(3) + number(36) + text(b"/b.fdb") + number(2) + text(b"x" * 300) + bytes(40)
PROOF = number(92) + text(b"proof") + text(b"Srp256") + text(b"Srp256, Srp") + text(b"")
ENCRYPT = number(96) + text(b"Arc4") + text(b"Symmetric")
ATTACH = number(19) + number(0) + text(b"/b.fdb") + text(b"secrets")
AFTER = b"\x9c\x11anything"


@given(cuts=st.lists(st.integers(0, len(CONNECT + PROOF + ENCRYPT + AFTER)), max_size=8))
def test_a_proof_passes_whole_however_it_is_cut(cuts: list[int]) -> None:
    said, handshake = CONNECT + PROOF + ENCRYPT + AFTER, Handshake()
    bounds = [0, *sorted(cuts), len(said)]
    passed = b"".join(handshake.passed(said[a:b]) for a, b in pairwise(bounds))
    assert passed == said
    assert handshake.encrypted


@pytest.mark.parametrize("before", [b"", CONNECT, CONNECT + PROOF])
@pytest.mark.parametrize(
    "secret", [ATTACH, number(96) + text(b"None") + text(b"Symmetric"), number(92) + number(1 << 30) + bytes(70_000)]
)
def test_nothing_else_leaves_in_plain_text_even_behind_a_proof(before: bytes, secret: bytes) -> None:
    """A server that answers in advance would have the client say the next thing at once."""
    handshake, passed = Handshake(), bytearray()

    def say(said: bytes) -> None:
        for byte in said:
            passed.extend(handshake.passed(bytes([byte])))

    with pytest.raises(NotAProof):
        say(before + secret)
    assert bytes(passed) == before
    assert not handshake.encrypted


@given(said=st.binary(max_size=400))
def test_noise_never_leaves_unless_it_is_a_proof(said: bytes) -> None:
    handshake = Handshake()
    try:
        passed = handshake.passed(said)
    except NotAProof:
        return
    assert said.startswith(passed)
