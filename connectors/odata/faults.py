"""Faults: what did 1C, or the web server before it, answer instead of data, and what must happen next?

By content type first: a licence that is not to be had, a login page and maintenance come as HTML with status 200. Then
by 1C's own code (`odata.error` in JSON, `m:error` in XML), then by the status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from lk_sync.errors import AccessDenied, BadData, LkError, SchemaDrift, SettingsError, Unprotected, Unreachable

Expected = Literal["json", "xml", "text"]
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_TAG: Final = re.compile(r"<(?:style|script).*?</(?:style|script)>|<[^>]*>", re.DOTALL | re.IGNORECASE)
MAX_QUOTED: Final = 200
MAX_READ: Final = 20_000
LATER: Final = "попытка будет повторена"


class Answer(msgspec.Struct, frozen=True):
    """What stands before the body of an answer."""

    status: int
    content_type: str
    location: str = ""


class Said(msgspec.Struct, frozen=True):
    """What 1C says of an error."""

    code: int
    text: str


_WORDS: Final[tuple[tuple[str, type[LkError], str], ...]] = (
    ("лиценз", Unreachable, f"нет свободной лицензии 1С; {LATER}. Освободите или добавьте клиентскую лицензию"),
    ("начал.{0,20} сеанс|блокиров|обновлен|обслуживан|технич|maintenance", Unreachable, f"база закрыта; {LATER}"),
    ("ssl certificate", AccessDenied, "сервер ждёт наш сертификат; укажите certificate и key"),
    (
        "парол|войти|вход|логин|login|sign in|аутентиф|идентиф",
        AccessDenied,
        "сервер просит войти; проверьте имя и пароль",
    ),
)
_CODES: Final[Mapping[int, tuple[type[LkError], str]]] = {
    0: (SettingsError, "1С не умеет отвечать на такой запрос; проверьте options набора"),
    6: (SettingsError, "1С не поняла адрес; проверьте from и options набора"),
    8: (
        SchemaDrift,
        "такого объекта 1С не публикует; проверьте from или вызов УстановитьСоставСтандартногоИнтерфейсаOData()",
    ),
    9: (BadData, "1С не нашла объекта"),
    10: (SchemaDrift, "такого реквизита в 1С нет; поправьте описание источника"),
    11: (SchemaDrift, "такой виртуальной таблицы в 1С нет; поправьте from"),
    12: (SettingsError, "виртуальной таблице не хватает параметра; допишите его в options (period, start, end)"),
    14: (SettingsError, "1С не разобрала условие запроса; проверьте options набора"),
    15: (BadData, "объект с таким ключом уже есть"),
    20: (
        AccessDenied,
        (
            "учётной записи не хватает прав на чтение, или часть записей от неё закрыта (ограничение на уровне "
            "записей); дайте право чтения или поставьте у набора options: {allowed_only: true}"
        ),
    ),
    21: (SettingsError, "1С не умеет вычислить условие; проверьте options набора"),
    -1: (BadData, "внутренняя ошибка 1С; покажите её специалисту 1С"),
}
_STATUSES: Final[Mapping[int, tuple[type[LkError], str]]] = {
    401: (AccessDenied, "1С не приняла имя или пароль (401); проверьте username и password"),
    403: (AccessDenied, "доступ запрещён (403); учётной записи не разрешён стандартный интерфейс OData"),
    404: (SettingsError, "по этому адресу ничего не опубликовано (404); проверьте connection.url и публикацию OData"),
    406: (Unreachable, f"сервер не может начать сеанс (406); {LATER}"),
    429: (Unreachable, f"сервер просит подождать (429); {LATER}"),
}


def judged(answer: Answer, body: bytes, *, expected: Expected, secrets: Iterable[str]) -> LkError | None:
    """None: it is what was asked for. The peer is named by whoever raises it."""
    if 300 <= answer.status < 400:
        return _redirected(answer)
    said = _said(answer, body)
    if said is not None:
        return _told(said, answer, secrets)
    if "html" in answer.content_type:
        return _page(answer, _shown(_TAG.sub(" ", _text(body)), secrets))
    if answer.status in _STATUSES:
        kind, sentence = _STATUSES[answer.status]
        return kind(sentence)
    if answer.status >= 500:
        return Unreachable(f"сервер отвечает {answer.status}; {LATER}")
    if answer.status != 200:
        return BadData(f"сервер отвечает {answer.status}")
    if expected != "text" and expected not in answer.content_type:
        return BadData(f"сервер прислал «{answer.content_type[:60]}», а нужно {expected}")
    return None


def _redirected(answer: Answer) -> LkError:
    """Never followed: a password would go there."""
    there = urlsplit(answer.location)
    if there.scheme == "http":
        return Unprotected("сервер отсылает на адрес без шифрования; такое перенаправление не выполняется")
    whither = f" на {there.hostname}" if there.hostname else ""
    return SettingsError(f"сервер отсылает{whither} ({answer.status}); впишите окончательный адрес в connection.url")


def _page(answer: Answer, text: str) -> LkError:
    """A page for people."""
    for pattern, kind, sentence in _WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(f"{sentence} (страница «{text}»)")
    if answer.status in _STATUSES:
        kind, sentence = _STATUSES[answer.status]
        return kind(sentence)
    if answer.status >= 500:
        return Unreachable(f"сервер отвечает страницей об ошибке {answer.status}; {LATER}")
    return BadData(f"вместо данных пришла страница «{text}»; проверьте connection.url и публикацию OData")


def _told(said: Said, answer: Answer, secrets: Iterable[str]) -> LkError:
    quoted = f"«{_shown(said.text, secrets)}» (код {said.code})"
    if said.code == -1:
        for pattern, kind, sentence in _WORDS[:2]:
            if re.search(pattern, said.text, re.IGNORECASE):
                return kind(f"{sentence}: {quoted}")
    if said.code in _CODES:
        kind, sentence = _CODES[said.code]
        return kind(f"{sentence}: {quoted}")
    kind, sentence = _STATUSES.get(answer.status, (BadData, "1С ответила ошибкой"))
    return kind(f"{sentence}: {quoted}")


def _said(answer: Answer, body: bytes) -> Said | None:
    """The error in an answer of any status: some servers put it under 200."""
    if "json" in answer.content_type and (answer.status != 200 or b'"odata.error"' in body[:200]):
        return _said_in_json(body)
    if "xml" in answer.content_type and (answer.status != 200 or b":error" in body[:400]):
        return _said_in_xml(body)
    return None


def _said_in_json(body: bytes) -> Said | None:
    try:
        error = json.loads(body.decode("utf-8-sig"))["odata.error"]
        message = error.get("message", "")
        return Said(_code(error.get("code")), str(message.get("value", "") if isinstance(message, dict) else message))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _said_in_xml(body: bytes) -> Said | None:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    parts = {str(part.tag).rpartition("}")[2]: part.text or "" for part in root}
    return Said(_code(parts["code"]), parts.get("message", "")) if "code" in parts else None


def _code(code: Any) -> int:
    try:
        return int(code)
    except (TypeError, ValueError):
        return -2


def _text(body: bytes) -> str:
    return body[:MAX_READ].decode("utf-8", errors="replace")


def _shown(text: str, secrets: Iterable[str]) -> str:
    """On one line, short, without secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return _CONTROL.sub(" ", text).strip()[:MAX_QUOTED]
