"""Meanings: what do complaints mean that every server has, whatever its words for them are?

A dialect that has more to advise says so itself.
"""

from __future__ import annotations

from typing import Final

from connectors.sql.faults import Meaning
from lk_sync.errors import AccessDenied, BadData, SchemaDrift, Unprotected, Unreachable

CANNOT_VERIFY: Final = Meaning(
    Unprotected,
    "{peer}: сервер не доказал, что он тот самый: {said}. Соединение прервано до передачи пароля. Проверьте ca и host: "
    "центр, выдавший сертификат, срок и имя в нём",
)
BUSY: Final = Meaning(Unreachable, "{peer}: сервер пока не принимает соединения: {said}. Попытка повторится")
NO_WAY: Final = Meaning(
    Unreachable, "{peer}: до сервера не достучаться: {said}. Проверьте host, port, сеть и работает ли сервер"
)
BROKEN: Final = Meaning(Unreachable, "{peer}: соединение оборвалось: {said}. Данные прежние, попытка повторится")
TOO_SLOW: Final = Meaning(
    Unreachable,
    "{peer}: сервер прервал запрос: {said}. Увеличьте statement_timeout или спросите администратора базы, что мешает",
)
FORBIDDEN: Final = Meaning(AccessDenied, "{peer}: не хватает прав: {said}. Нужно право SELECT на эту таблицу")
DRIFT: Final = Meaning(SchemaDrift, "{peer}: таблицы или столбцы не те, что в описании источника: {said}")
BAD: Final = Meaning(BadData, "{peer}: сервер не смог ответить: {said}. Данные прежние")
