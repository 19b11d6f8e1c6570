"""A watcher elsewhere hears of every good walk over HTTPS, and can do nothing to the walk."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from demo.certificates import Authority, ServerCertificate
from lk_sync.config import Config, Heartbeat
from lk_sync.errors import LkError, SettingsError, Unreachable
from lk_sync.heartbeat import Pulse
from lk_sync.setting import Secret
from tests.core.conftest import LK, Office
from tests.core.engines import engines_of, until


class Watcher:
    """A server over TLS, and what it was asked. `says`: its status; `slowly`: seconds between bytes of its answer."""

    def __init__(self, certificate: ServerCertificate, *, says: int = 200, slowly: float = 0) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                asked.append(f"{self.command} {self.path} {self.headers['Host']}")
                if slowly:
                    with self.connection:
                        for byte in b"HTTP/1.1 200 OK\r\n":
                            self.connection.send(bytes([byte]))
                            time.sleep(slowly)
                self.send_response(says)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            do_GET = do_POST = answer  # noqa: N815 - the names that the library looks for

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign] # a guest that leaves is no news
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_port}/ping/s3cret"


@contextmanager
def watching(certificate: ServerCertificate, **how: Any) -> Iterator[Watcher]:
    watcher = Watcher(certificate, **how)
    thread = threading.Thread(target=watcher.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield watcher
    finally:
        watcher.server.shutdown()
        thread.join()
        watcher.server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lk_sync.heartbeat.PAUSE_SECONDS", 0.05)


def _pulse(office: Office, url: str | Secret, ca: Path | None, **more: Any) -> Pulse:
    config = Config(office.config.folder, {"LK_WATCH": str(url)})
    return Pulse(config, Heartbeat(url=url, ca=ca, **more))


def _refusal(pulse: Pulse) -> str:
    with pytest.raises(Unreachable) as caught:
        asyncio.run(pulse.beat())
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_beat_is_one_request_to_the_address(office: Office, authority: Authority, method: Any) -> None:
    with watching(authority.issue("watch")) as watcher:
        asyncio.run(_pulse(office, watcher.url, authority.ca, method=method).beat())
    assert watcher.asked == [f"{method} /ping/s3cret localhost:{watcher.server.server_port}"]


@pytest.mark.parametrize(
    ("issued", "says"),
    [
        ({"expired": True}, "сертификат не подтверждён (certificate has expired)"),
        ({"names": ("other.example",)}, "сертификат не подтверждён (Hostname mismatch"),
    ],
)
def test_nobody_else_is_told(office: Office, authority: Authority, issued: dict[str, Any], says: str) -> None:
    with watching(authority.issue("other", **issued)) as watcher:
        assert says in _refusal(_pulse(office, watcher.url, authority.ca))
    assert watcher.asked == []


def test_an_authority_that_we_do_not_trust_is_refused(office: Office, authority: Authority, tmp_path: Path) -> None:
    with watching(authority.issue("watch")) as watcher:
        assert "сертификат не подтверждён" in _refusal(_pulse(office, watcher.url, Authority(tmp_path / "ca2").ca))
        assert "сертификат не подтверждён" in _refusal(_pulse(office, watcher.url, None))
    assert watcher.asked == []


@pytest.mark.parametrize("says", [302, 404, 500])
def test_another_answer_is_no_success_and_is_not_followed(office: Office, authority: Authority, says: int) -> None:
    with watching(authority.issue("watch"), says=says) as watcher:
        assert f"ответил {says}" in _refusal(_pulse(office, watcher.url, authority.ca))
    assert len(watcher.asked) == 2


def test_a_watcher_that_answers_byte_by_byte_does_not_hold_us(office: Office, authority: Authority) -> None:
    with watching(authority.issue("watch"), slowly=0.4) as watcher:
        began = time.monotonic()
        assert "не ответил за 1 с" in _refusal(_pulse(office, watcher.url, authority.ca, timeout_seconds=1))
    assert time.monotonic() - began < 12  # two tries; the server writes its last bytes meanwhile


@pytest.mark.parametrize(
    "url",
    [
        "http://watch.example/x", "https://", "ftp://watch.example", "https://a:b@watch.example/", "https://w.example:99999/",
        "https://watch.example/a b", "https://watch.example/\r\nX: y", "https://watch.example/ё", "watch", "https://w:0/",
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused_without_being_repeated(office: Office, url: str) -> None:
    with pytest.raises(SettingsError, match=r"heartbeat\.url: нужен адрес вида https://") as caught:
        _pulse(office, url, None)
    assert url in ("https://", "watch") or url not in str(caught.value)


def test_the_address_may_be_a_secret(office: Office) -> None:
    config = Config(office.config.folder, {"LK_WATCH": "https://watch.example/s3cret"})
    pulse = Pulse(config, Heartbeat(url=Secret(secret="WATCH")))
    assert pulse.host == "watch.example"
    with pytest.raises(SettingsError, match="LK_WATCH"):
        Pulse(Config(office.config.folder, {}), Heartbeat(url=Secret(secret="WATCH")))


def test_only_good_walks_of_the_named_jobs_are_told_and_a_dead_watcher_harms_none(
    office: Office, authority: Authority
) -> None:
    jobs = {name: {"pull": "books", "every": "1s"} for name in ("books", "other")}
    office.timetable({"jobs": jobs})
    with engines_of(office) as start:
        with watching(authority.issue("watch")) as watcher:
            heartbeat = {"url": watcher.url, "ca": str(authority.ca), "jobs": ["books"], "timeout_seconds": 1}
            (office.config.folder / "lk.yaml").write_text(LK + f"heartbeat: {json.dumps(heartbeat)}\n", "utf-8")
            engine = start()
            until(lambda: len(watcher.asked) >= 2)
            office.books["payments"]["act"] = "BadData"
            office.keep_books()
            until(lambda: {each["job"] for each in engine.events("failed") if each["kind"] == "BadData"} == set(jobs))
            told = len(watcher.asked)
            time.sleep(2)
            assert len(watcher.asked) <= told + 1  # one may have been under way
        del office.books["payments"]["act"]
        office.keep_books()
        (failed,) = engine.wait_for("heartbeat failed")
        assert "s3cret" not in engine.said
        assert "localhost недоступен" in failed["reason"]
        walked = len(engine.events("unchanged"))
        until(lambda: len(engine.events("unchanged")) >= walked + 2)
        assert len(engine.events("heartbeat failed")) == 1
        code, seconds = engine.end(signal.SIGTERM)
        assert (code, seconds < 8) == (0, True)


def test_a_job_that_is_not_in_the_timetable_is_named(office: Office) -> None:
    path = office.config.folder / "lk.yaml"
    path.write_text(LK + 'heartbeat: {url: "https://watch.example/", jobs: [boks]}\n', "utf-8")
    for said in (office.lk_sync("run"), office.lk_sync("check")):
        assert said.code == 2
        assert "heartbeat.jobs: в расписании нет задания «boks»; может быть, «books»?" in said.err + said.out
    assert issubclass(SettingsError, LkError)
