"""The way to the drop: no trust on first use, no endless waiting, every refusal in a sentence."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import asyncssh
import pytest

from connectors.sftp import visit as visiting
from connectors.sftp.settings import channel
from demo import drop as players
from lk_sync.errors import AccessDenied, LkError, SettingsError, Unprotected, Unreachable
from tests.at_the_drop import PASSWORD, TheDrop
from tests.faults.proxy import Fault, Kind, Proxy


def test_the_channel_says_which_key_protects_it(drop: TheDrop) -> None:
    said = drop.source().channel()
    assert said.peer == f"sftp://lk@127.0.0.1:{drop.drop.port}"
    assert asyncssh.import_public_key(drop.drop.host_key).get_fingerprint() in said.protection
    drop.sink().probe()


@pytest.mark.parametrize("host_key", [None, "", "доверяю всем", "ssh-ed25519 AAAA…", "ssh-ed25519 AAAAAAAA"])
def test_without_a_readable_pinned_key_nothing_is_sent(drop: TheDrop, host_key: str | None) -> None:
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        sink = drop.sink(host_key=host_key, port=proxy.port)
        with pytest.raises(Unprotected, match=r"ssh-keyscan.*connection\.host_key"):
            sink.channel()
        with pytest.raises(Unprotected):
            sink.probe()
        assert proxy.connections == 0


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_another_server_key_of_whatever_kind_is_refused_with_both_fingerprints(drop: TheDrop, kind: str) -> None:
    other = players.public_line(asyncssh.generate_private_key(kind))
    with pytest.raises(Unprotected) as refusal:
        drop.sink(host_key=other).probe()
    for line in (other, drop.drop.host_key):
        assert asyncssh.import_public_key(line).get_fingerprint() in str(refusal.value)


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp384", "ssh-rsa"])
def test_a_server_with_a_key_of_another_kind_is_trusted_when_that_is_pinned(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_DROP_PASSWORD", PASSWORD)
    visitor = players.Visitor(name="lk", password=PASSWORD)
    with players.running(tmp_path, key=asyncssh.generate_private_key(kind), visitor=visitor) as running:
        TheDrop(running).sink().probe()


def test_a_wrong_password_is_access_denied_and_stays_out_of_the_message(
    drop: TheDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LK_DROP_PASSWORD", "не-тот-пароль")
    with pytest.raises(AccessDenied) as refusal:
        drop.sink().probe()
    assert "не-тот-пароль" not in str(refusal.value)
    with pytest.raises(AccessDenied):
        drop.sink(username="root").probe()


def test_a_visitor_with_a_key_of_its_own_comes_in(tmp_path: Path, server_key: asyncssh.SSHKey) -> None:
    ours = asyncssh.generate_private_key("ssh-ed25519")
    ours.write_private_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    visitor = players.Visitor(name="lk", key=players.public_line(ours))
    with players.running(tmp_path / "drop", key=server_key, visitor=visitor) as running:
        drop = TheDrop(running)
        drop.sink(password=None, key_file=str(tmp_path / "key")).probe()
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
        (tmp_path / "other").chmod(0o600)
        with pytest.raises(AccessDenied, match="key_file"):
            drop.sink(password=None, key_file=str(tmp_path / "other")).probe()


def test_a_key_file_must_be_private_and_readable(
    drop: TheDrop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    with pytest.raises(SettingsError, match="не читается"):
        drop.sink(password=None, key_file=str(file)).probe()
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(file)
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        drop.sink(password=None, key_file=str(file)).probe()
    file.chmod(0o600)
    file.write_text("не ключ")
    with pytest.raises(SettingsError, match="не закрытый ключ"):
        drop.sink(password=None, key_file=str(file)).probe()
    key.write_private_key(file, "pkcs8-pem", passphrase="тайна")
    with pytest.raises(SettingsError, match="закрыт паролем"):
        drop.sink(password=None, key_file=str(file)).probe()


def test_exactly_one_way_to_log_in_is_asked_for(drop: TheDrop) -> None:
    with pytest.raises(SettingsError, match="ровно один"):
        drop.sink(password=None).probe()


def test_a_server_that_is_down_is_unreachable(drop: TheDrop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="повторена"):
        drop.sink(port=port).probe()
    with pytest.raises(Unreachable):
        drop.sink(host="no-such-host.invalid").probe()


def test_a_server_that_never_answers_is_given_up_in_time(drop: TheDrop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            drop.sink(port=mute.getsockname()[1], connect_seconds=1).probe()
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", ["close", "reset", "flip", "refuse"])
@pytest.mark.parametrize("at", [0, 30, 1500, 2500])
def test_a_connection_that_breaks_anywhere_is_one_of_our_errors(drop: TheDrop, kind: Kind, at: int) -> None:
    with Proxy("127.0.0.1", drop.drop.port) as proxy:
        proxy.fault = Fault(kind, at=at)
        with pytest.raises((Unreachable, Unprotected)):
            drop.sink(port=proxy.port).probe()


def test_a_missing_folder_is_named(drop: TheDrop) -> None:
    with pytest.raises(SettingsError, match="нет /nowhere"):
        drop.sink(folder="/nowhere").probe()


def test_neither_the_users_ssh_settings_nor_an_agent_count(
    drop: TheDrop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n  User somebody\n  Port 1\n  ProxyCommand /bin/false\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    drop.sink().probe()


def test_whatever_fails_no_word_of_ours_holds_the_password(drop: TheDrop) -> None:
    settings = drop.sink()._settings
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in channel(settings).protection

    async def fail(_: visiting.Call) -> None:
        raise asyncssh.SFTPFailure("disk full")

    with pytest.raises(LkError, match="disk full") as fault:
        visiting.visit(settings, fail)
    assert PASSWORD not in str(fault.value)
