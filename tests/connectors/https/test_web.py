"""A file comes whole from a web server that may do anything, or it does not come."""

from __future__ import annotations

import io
import os
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors.https.web import Fetched, Web
from demo import publisher as players
from demo.certificates import Authority
from lk_sync.errors import AccessDenied, BadData, LkError, SettingsError, Unprotected, Unreachable
from tests.at_the_publisher import TOKEN, TheSite
from tests.faults.proxy import Fault, Proxy

BODY = bytes(range(256)) * 1_000
LIMIT = 1 << 20


def fetch(site: TheSite, *, known: str | None = None, limit: int = LIMIT, **other: Any) -> tuple[bytes, Fetched | None]:
    settings = site.source(files=["a"], **other)._settings
    into = io.BytesIO()
    web = Web(settings)
    fetched = web.fetch(web._root / "a", into, limit=limit, known=known)
    return into.getvalue(), fetched


@pytest.fixture
def laid(site: TheSite) -> TheSite:
    (site.out / "a").write_bytes(BODY)
    os.utime(site.out / "a", (1_700_000_000, 1_700_000_000))
    return site


def test_a_file_comes_whole_with_what_it_is_known_by(laid: TheSite) -> None:
    body, fetched = fetch(laid)
    assert body == BODY
    assert fetched is not None
    assert fetched.version is not None
    assert fetched.version.startswith("etag:")
    assert fetch(laid, known=fetched.version) == (b"", None)
    assert laid.served.statuses == [200, 304]
    laid.odd.etag = "none"
    _, dated = fetch(laid)
    assert dated is not None
    assert dated.version is not None
    assert dated.version.startswith("modified:")
    assert fetch(laid, known=dated.version) == (b"", None)


@pytest.mark.parametrize("etag", ["strong", "weak", "none"])
@pytest.mark.parametrize("cuts", [[100_000], [0, 1, 70_000], [200_000, 50_000]])
def test_what_breaks_off_goes_on_where_it_broke(laid: TheSite, cuts: list[int], etag: str) -> None:
    laid.odd.cuts, laid.odd.etag = list(cuts), etag
    assert fetch(laid)[0] == BODY
    assert 206 in laid.served.statuses or cuts[0] == 0


@pytest.mark.parametrize("odd", ["ignores_range", "wrong_range"])
def test_a_server_that_cannot_go_on_begins_anew(laid: TheSite, odd: str) -> None:
    laid.odd.cuts = [100_000]
    setattr(laid.odd, odd, True)
    assert fetch(laid)[0] == BODY


def test_without_anything_to_know_it_by_the_file_begins_anew(laid: TheSite) -> None:
    laid.odd.cuts, laid.odd.etag, laid.odd.dates = [100_000], "none", False
    assert fetch(laid)[0] == BODY
    assert laid.served.statuses == [200, 200]


def test_a_file_that_is_replaced_between_two_parts_is_never_sewn_together(laid: TheSite) -> None:
    other = BODY[::-1]
    laid.odd.cuts, laid.odd.changes_between = [100_000], other
    assert fetch(laid)[0] == other


def test_a_file_that_never_comes_whole_is_given_up(laid: TheSite) -> None:
    laid.odd.cuts = [10] * 9
    with pytest.raises(Unreachable, match="оборвалась"):
        fetch(laid, tries=3)
    assert len(laid.served.asked) == 3
    laid.odd.cuts, laid.odd.longer_by = [], 5
    with pytest.raises(Unreachable):
        fetch(laid, tries=2)


def test_a_file_that_has_just_been_written_is_not_known_by_its_date(laid: TheSite) -> None:
    (laid.out / "a").touch()
    laid.odd.etag, laid.odd.cuts, laid.odd.changes_between = "none", [100_000], BODY[::-1]
    body, fetched = fetch(laid)
    assert (body, fetched and fetched.version) == (BODY[::-1], None)


def test_a_file_in_chunks_comes_whole_or_goes_on(laid: TheSite) -> None:
    laid.odd.chunked = True
    assert fetch(laid)[0] == BODY
    laid.odd.cuts = [100_000]
    assert fetch(laid)[0] == BODY
    assert laid.served.statuses == [200, 200, 206]


def test_a_file_whose_end_nobody_tells_is_not_taken(laid: TheSite) -> None:
    certificate = laid.authority.issue("plain")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                plain, _ = listening.accept()
                with context.wrap_socket(plain, server_side=True) as wrapped:
                    wrapped.recv(4096)
                    wrapped.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(BadData, match="не говорит длины"):
            fetch(laid, url=f"https://127.0.0.1:{listening.getsockname()[1]}/out/", tries=1)
        thread.join()


def test_a_file_longer_than_allowed_is_not_taken(laid: TheSite) -> None:
    with pytest.raises(BadData, match="max_file_bytes"):
        fetch(laid, limit=len(BODY) - 1)


def test_a_silent_and_a_slow_server_are_given_up_in_time(laid: TheSite) -> None:
    laid.odd.silent = True
    began = time.monotonic()
    with pytest.raises(Unreachable, match="вовремя"):
        fetch(laid, silence_seconds=1, tries=1)
    laid.odd.silent, laid.odd.drip_seconds = False, 0.3
    with pytest.raises(Unreachable):
        fetch(laid, deadline_seconds=1, tries=2)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        (401, AccessDenied, "не пускает"),
        (403, AccessDenied, "token"),
        (404, BadData, "нет"),
        (500, Unreachable, "сейчас"),
        (429, Unreachable, "сейчас"),
        (418, BadData, "418"),
    ],
)
def test_every_answer_of_the_server_means_something(laid: TheSite, status: int, kind: type[LkError], why: str) -> None:
    laid.odd.status = status
    with pytest.raises(kind, match=why):
        fetch(laid, tries=1)


def test_a_redirect_counts_only_to_the_same_server(laid: TheSite) -> None:
    laid.odd.redirect = "/else/a"
    assert fetch(laid)[0] == BODY
    for elsewhere in ("http://127.0.0.1/a", "https://example.com/a", f"https://127.0.0.1:{laid.served.port + 1}/a"):
        laid.odd.redirect = elsewhere
        with pytest.raises(Unprotected, match="переадресовал"):
            fetch(laid)
    laid.odd.redirect = "/out/a"
    with pytest.raises(BadData, match="больше 5 раз"):
        fetch(laid)


def test_a_network_that_breaks_in_the_middle_is_gone_on_with(laid: TheSite) -> None:
    with Proxy("127.0.0.1", laid.served.port) as proxy:
        proxy.fault = Fault("reset", at=100_000)
        url = f"https://127.0.0.1:{proxy.port}/out/"
        with pytest.raises(Unreachable):
            fetch(laid, url=url, tries=2)
        proxy.fault = None
        assert fetch(laid, url=url)[0] == BODY


def test_without_a_proof_of_the_server_nothing_is_sent(laid: TheSite, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    with pytest.raises(Unprotected, match="его центра нет"):
        fetch(laid, ca=str(stranger.ca))
    for certificate, why in (
        (laid.authority.issue("old", expired=True), "просрочен"),
        (laid.authority.issue("other", names=("files.example",)), "на другой адрес|на другое имя"),
    ):
        with players.running(tmp_path / "site", certificate) as running, pytest.raises(Unprotected, match=why):
            fetch(laid, url=running.url)
        assert running.asked == []
    assert laid.served.asked == []


def test_a_client_certificate_is_shown_where_it_is_asked_for(laid: TheSite, tmp_path: Path) -> None:
    ours = laid.authority.admit("client", "lk")
    with players.running(tmp_path / "site", laid.authority.issue("mutual"), clients=laid.authority.ca) as running:
        (running.root / "a").write_bytes(BODY)
        shown = {"certificate": str(ours.certificate), "key": str(ours.key), "token": None}
        assert fetch(laid, url=running.url, **shown)[0] == BODY
        with pytest.raises((AccessDenied, Unreachable)) as refusal:
            fetch(laid, url=running.url, token=None, tries=1)
        assert "certificate" in str(refusal.value) or "сертификат" in str(refusal.value)


@pytest.mark.parametrize(
    ("other", "kind", "why"),
    [
        ({"url": "http://127.0.0.1/out/"}, Unprotected, "без шифрования"),
        ({"ca": None}, Unprotected, "ca"),
        ({"url": "https://127.0.0.1/out/?a=1"}, SettingsError, "лишнее"),
        ({"url": "https://a:b@127.0.0.1/out/"}, SettingsError, "пароль"),
        ({"archive": "a.zip"}, SettingsError, "ровно один"),
        ({"files": None}, SettingsError, "ровно один"),
        ({"files": None, "archive": "https://example.com/a.zip"}, Unprotected, "ведёт на"),
        ({"username": "lk"}, SettingsError, "вместе"),
        ({"username": "lk", "password": {"secret": "SITE_TOKEN"}}, SettingsError, "уберите одно"),
        ({"files": None, "manifest": "m.json", "sidecar": ".sha256"}, SettingsError, "sidecar"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_sent(
    site: TheSite, other: dict[str, Any], kind: type[LkError], why: str
) -> None:
    with pytest.raises(kind, match=why) as told:
        site.source(**({"files": ["a"]} | other)).channel()
    assert TOKEN not in str(told.value)
    assert site.served.asked == []
