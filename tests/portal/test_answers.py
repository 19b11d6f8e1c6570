"""Whatever is sent, what comes back is a page of ours with every header, that names no program and repeats nothing."""

from __future__ import annotations

import pytest

from portal.forgery import COOKIE
from portal.headers import COMMON
from portal.pages.help import handlers as help_handlers
from tests.portal.wire import Answer, ask
from tests.portal.world import World

MARK = b"zqx7echo"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def request(head: str, *lines: bytes, host: bytes | None = b"HOST", body: bytes = b"") -> bytes:
    named = b"" if host is None else b"Host: " + host + b"\r\n"
    return head.encode("latin-1") + b"\r\n" + named + b"".join(lines) + b"\r\n" + body


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


BIG = b"a=" + b"1" * 100_000
KINDS: dict[str, tuple[bytes, int]] = {
    "a page": (request("GET /login HTTP/1.1"), 200),
    "a page without its body": (request("HEAD /login HTTP/1.1"), 200),
    "a page for those who logged in": (request("GET /password HTTP/1.1"), 303),
    "a page that is not there": (request("GET /zqx7echo HTTP/1.1"), 404),
    "a file that is not there": (request("GET /static/zqx7echo.css HTTP/1.1"), 404),
    "a broken escape in the path": (request("GET /%zz%00zqx7echo HTTP/1.1"), 404),
    "bytes that are no UTF-8 in the path": (request("GET /\xff\xfezqx7echo HTTP/1.1"), 400),
    "another method": (request("DELETE /login HTTP/1.1"), 405),
    "a method of its own": (request("ZQX7ECHO /login HTTP/1.1"), 400),
    "TRACE": (request("TRACE /login HTTP/1.1", b"X-Echo: " + MARK + b"\r\n"), 405),
    "OPTIONS of everything": (request("OPTIONS * HTTP/1.1"), 404),
    "another host": (request("GET /login HTTP/1.1", host=b"zqx7echo.example"), 421),
    "no host": (request("GET /login HTTP/1.1", host=None), 400),
    "two hosts": (request("GET /login HTTP/1.1", b"Host: zqx7echo.example\r\n"), 400),
    "an old protocol": (request("GET /login HTTP/1.0"), 200),
    "a protocol of the future": (request("GET /login HTTP/9.9"), 400),
    "an unknown Expect": (request("GET /login HTTP/1.1", b"Expect: " + MARK + b"\r\n"), 417),
    "a known Expect": (request("GET /login HTTP/1.1", b"Expect: 100-continue\r\n"), 200),
    "an upgrade": (request("GET /login HTTP/1.1", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"), 200),
    "a line without end": (request("GET /" + "z" * 20_000 + " HTTP/1.1"), 400),
    "a header without end": (request("GET /login HTTP/1.1", b"X-Long: " + b"z" * 20_000 + b"\r\n"), 400),
    "headers without end": (request("GET /login HTTP/1.1", *(b"X-%d: 1\r\n" % n for n in range(300))), 400),
    "a header that is none": (request("GET /login HTTP/1.1", MARK + b"\r\n"), 400),
    "a header with a control character": (request("GET /login HTTP/1.1", b"X-Bad: a\x00" + MARK + b"\r\n"), 400),
    "a cookie of rubbish": (request("GET /login HTTP/1.1", b"Cookie: \xff\x00=;;=" + MARK + b"\r\n"), 400),
    "a session of rubbish": (request("GET /password HTTP/1.1", b"Cookie: __Host-session=\xff\xfe\r\n"), 303),
    "no HTTP at all": (b"\x00\x01\x02" + MARK + b"\r\n\r\n", 400),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + MARK + b"\r\n\r\n", 400),
    "a form without its token": (request("POST /login HTTP/1.1", FORM, length(b"a=1"), body=b"a=1"), 403),
    "a form that is none": (request("POST /login HTTP/1.1", length(MARK), body=MARK), 415),
    "a form that is too big": (request("POST /login HTTP/1.1", FORM, length(BIG), body=BIG), 413),
    "a form in pieces that is too big": (
        request(
            "POST /login HTTP/1.1", FORM, b"Transfer-Encoding: chunked\r\n", body=b"186a2\r\n" + BIG + b"\r\n0\r\n\r\n"
        ),
        413,
    ),
    "a broken piece": (
        request("POST /login HTTP/1.1", FORM, b"Transfer-Encoding: chunked\r\n", body=b"zz" + MARK + b"\r\n"),
        400,
    ),
    "two lengths": (request("POST /login HTTP/1.1", FORM, length(b"a=1"), length(b"a=12"), body=b"a=12"), 400),
    "a length and pieces": (
        request("POST /login HTTP/1.1", FORM, length(b"a=1"), b"Transfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"),
        400,
    ),
    "a length that is no number": (request("POST /login HTTP/1.1", FORM, b"Content-Length: zqx7echo\r\n"), 400),
    "is it alive": (request("GET /healthz HTTP/1.1", host=b"10.0.0.1"), 200),
}


def check(answer: Answer, kind: str) -> None:
    for name, value in COMMON.items():
        if not (name == "Cache-Control" and "/static/" in kind):
            assert answer.headers.getall(name) == [value], (kind, name)
    everything = answer.whole.lower()
    for told in (b"aiohttp", b"python", b"traceback", MARK, b"llhttp", b"invalid"):
        assert told not in everything, (kind, told)
    if answer.status not in (200, 303) and "its body" not in kind:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8", kind
        assert b"</html>" in answer.body, kind


async def test_every_kind_of_answer_has_every_header_and_gives_nothing_away(world: World) -> None:
    host = f"127.0.0.1:{world.port}".encode()
    found = {}
    for kind, (sent, _) in KINDS.items():
        answer = await ask(world.port, sent.replace(b"HOST", host))
        found[kind] = answer.status
        check(answer, kind)
    assert found == {kind: status for kind, (_, status) in KINDS.items()}


async def test_a_method_that_is_not_allowed_is_answered_with_those_that_are(world: World) -> None:
    answer = await ask(world.port, request("DELETE /login HTTP/1.1").replace(b"HOST", b"127.0.0.1:%d" % world.port))
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_a_fault_of_ours_shows_our_page_and_not_the_fault(world: World) -> None:
    world.store._doors._writer.execute("ALTER TABLE sessions RENAME TO sessions_gone")
    sent = request("GET /login HTTP/1.1", b"Cookie: __Host-session=abc\r\n")
    answer = await ask(world.port, sent.replace(b"HOST", b"127.0.0.1:%d" % world.port))
    assert answer.status == 500
    check(answer, "a fault")
    assert b"sessions" not in answer.body
    world.store._doors._writer.execute("ALTER TABLE sessions_gone RENAME TO sessions")
    assert (await world.browser().get("/login")).status == 200


async def test_a_page_that_forgets_its_answer_is_a_fault_of_ours_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help_handlers, "render", lambda *_, **__: None)
    answer = await ask(world.port, request("GET /help HTTP/1.1").replace(b"HOST", b"127.0.0.1:%d" % world.port))
    assert answer.status == 500
    check(answer, "no answer")


async def test_a_page_of_refusal_speaks_the_language_of_its_reader(world: World) -> None:
    in_english = await world.browser(**{"Accept-Language": "en"}).get("/nowhere")
    assert '<html lang="en">' in in_english.text
    assert '<html lang="ru">' in (await world.browser().get("/nowhere")).text


async def test_no_answer_sets_a_cookie_but_a_page_with_a_form(world: World) -> None:
    for path in ("/healthz", "/readyz", "/nowhere", "/password"):
        assert (await world.browser().get(path)).cookies == {}, path
    assert COOKIE in (await world.browser().get("/login")).cookies


async def test_over_tls_browsers_are_told_to_come_back_by_tls_only() -> None:
    from portal.headers import headers

    assert dict(headers(secure=True))["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Strict-Transport-Security" not in dict(headers(secure=False))
