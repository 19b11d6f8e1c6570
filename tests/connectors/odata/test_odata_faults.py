"""Whatever 1C answers instead of data is told in words, says what comes next, and leaves no licence taken."""

from __future__ import annotations

import pytest

from connectors.odata.faults import Answer, judged
from demo.onec.traps import Fault
from lk_sync.errors import AccessDenied, BadData, LkError, SchemaDrift, SettingsError, Unprotected, Unreachable
from tests.at_the_1c import PASSWORD, The1C, payments
from tests.connectors.odata.test_odata_pages import keys, references


@pytest.mark.parametrize(
    ("page", "kind", "says"),
    [
        ("licence", Unreachable, "лицензии"),
        ("login", AccessDenied, "просит войти"),
        ("maintenance", Unreachable, "база закрыта"),
    ],
)
def test_a_page_with_status_200_is_not_taken_for_data(onec: The1C, page: str, kind: type[LkError], says: str) -> None:
    onec.traps.page, onec.traps.after = page, 1  # type: ignore[assignment] # of the parameter
    with pytest.raises(kind, match=says) as told:
        onec.pull(payments(onec))
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])
@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (400, 0, SettingsError, "не умеет отвечать"),
        (400, 6, SettingsError, "не поняла адрес"),
        (404, 8, SchemaDrift, "УстановитьСостав"),
        (404, 9, BadData, "не нашла объекта"),
        (400, 14, SettingsError, "не разобрала условие"),
        (400, 15, BadData, "уже есть"),
        (401, 20, AccessDenied, "allowed_only: true"),
        (500, -1, BadData, "внутренняя ошибка 1С"),
        (200, 20, AccessDenied, "allowed_only: true"),
    ],
)
def test_an_error_of_1c_is_told_in_words(
    onec: The1C, status: int, code: int, kind: type[LkError], says: str, xml: bool
) -> None:
    onec.traps.fault = Fault(status, code, "Подробности для специалиста", xml=xml)
    with pytest.raises(kind, match=says) as told:
        onec.pull(payments(onec))
    assert f"«Подробности для специалиста» (код {code})" in str(told.value)
    assert type(told.value) is kind


def test_a_business_error_that_is_a_lock_is_tried_again(onec: The1C) -> None:
    onec.traps.fault = Fault(500, -1, "Конфликт блокировок при выполнении транзакции")
    onec.traps.times = 1
    wanted = payments(onec)
    assert sorted(keys(onec.pull(wanted), wanted, "payment")) == references(onec)


@pytest.mark.parametrize("how", ["cut", "garbled", "page", "fault"])
def test_what_breaks_once_is_asked_for_again_and_nothing_is_lost(onec: The1C, how: str) -> None:
    spoilt = {"cut": True, "garbled": True, "page": "licence", "fault": Fault(503, 99, "Нагрузка", xml=True)}
    setattr(onec.traps, how, spoilt[how])
    onec.traps.after, onec.traps.times = 2, 1
    wanted = payments(onec)
    if how == "fault":
        onec.traps.fault = Fault(500, -1, "Начало сеанса с информационной базой запрещено")
    assert sorted(keys(onec.pull(wanted), wanted, "payment")) == references(onec)


@pytest.mark.parametrize("how", ["cut", "garbled"])
def test_what_stays_broken_is_unreachable(onec: The1C, how: str) -> None:
    setattr(onec.traps, how, True)
    with pytest.raises(Unreachable, match="повторена"):
        onec.pull(payments(onec))


def test_a_peer_that_falls_silent_is_left(onec: The1C) -> None:
    onec.traps.silent_seconds, onec.traps.after = 0.6, 2
    with pytest.raises(Unreachable, match="не ответил вовремя"):
        onec.pull(payments(onec), impatient=0.2)


def test_one_licence_is_enough_and_is_given_back(onec: The1C) -> None:
    onec.traps.licences = 1
    for _ in range(2):
        onec.pull(payments(onec))
    assert onec.served.sessions == set()


def test_no_licence_is_to_be_had(onec: The1C) -> None:
    onec.traps.licences = 0
    with pytest.raises(Unreachable, match="нет свободной лицензии 1С"):
        onec.pull(payments(onec))


def test_a_wrong_password_is_told_and_tried_once(onec: The1C, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LK_WRONG", "не тот")
    with pytest.raises(AccessDenied, match="не приняла имя или пароль"):
        onec.pull(payments(onec), password={"secret": "WRONG"})
    assert len(onec.served.asked) == 1


@pytest.mark.parametrize(
    ("there", "kind", "says"),
    [
        ("https://other.example/base/", SettingsError, "отсылает на other.example"),
        ("http://127.0.0.1/base/", Unprotected, "без шифрования"),
    ],
)
def test_a_redirection_is_not_followed(onec: The1C, there: str, kind: type[LkError], says: str) -> None:
    onec.traps.redirect = there
    with pytest.raises(kind, match=says):
        onec.pull(payments(onec))


def test_an_address_where_nothing_is_published(onec: The1C) -> None:
    with pytest.raises(SettingsError, match="ничего не опубликовано"):
        onec.pull(payments(onec), url=onec.served.url.replace("/base", "/other"))


def test_a_forbidden_row_closes_the_whole_answer_unless_it_is_left_out(onec: The1C) -> None:
    hidden = [row["Ref_Key"] for row in onec.served.base.rows["Document_ПлатежАбонента"][:3]]
    onec.traps.forbidden = set(hidden)
    with pytest.raises(AccessDenied, match=r"allowed_only: true.*код 20"):
        onec.pull(payments(onec))
    wanted = payments(onec, options={"allowed_only": True})
    found = keys(onec.pull(wanted), wanted, "payment")
    assert sorted(found) == [(key,) for (key,) in references(onec) if key not in hidden]


def test_rows_that_rights_hide_are_counted_where_the_base_counts_them(onec: The1C) -> None:
    """A base that counts without regard to rights: what is less than the whole is held by the flow."""
    onec.traps.forbidden = {onec.served.base.rows["Document_ПлатежАбонента"][0]["Ref_Key"]}
    onec.traps.counts_all = True
    wanted = payments(onec, options={"allowed_only": True}).asked
    with onec.source().connect() as session:
        totals = session.totals(wanted)
        pulled = sum(batch.rows for batch in session.pull(wanted))
    assert totals is not None
    assert (totals.rows, pulled) == (len(references(onec)), len(references(onec)) - 1)


@pytest.mark.parametrize(
    ("answer", "body", "kind"),
    [
        (Answer(200, "text/plain"), b"{}", BadData),
        (Answer(403, ""), b"", AccessDenied),
        (Answer(400, "text/html"), b"<h1>No required SSL certificate was sent</h1>", AccessDenied),
        (Answer(429, ""), b"", Unreachable),
        (Answer(502, "text/html"), b"<h1>Bad gateway</h1>", Unreachable),
        (Answer(500, "application/json"), b"{", Unreachable),
        (Answer(418, "application/json"), b"[]", BadData),
        (Answer(400, "application/xml"), b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', BadData),
        (Answer(200, "text/html"), b"<html>\xff\x00 nothing known</html>", BadData),
        (Answer(400, "application/json"), b'{"odata.error": {"code": "77", "message": null}}', BadData),
        (Answer(400, "application/json"), b'{"odata.error": []}', BadData),
    ],
)
def test_answers_that_nobody_has_thought_of_are_told_as_well(answer: Answer, body: bytes, kind: type[LkError]) -> None:
    told = judged(answer, body, expected="json", secrets=("x",))
    assert type(told) is kind
    assert str(told).isprintable()


def test_a_secret_that_the_server_repeats_is_not_shown() -> None:
    body = b'{"odata.error": {"code": "14", "message": {"value": "Tayna1 is wrong"}}}'
    told = judged(Answer(400, "application/json"), body, expected="json", secrets=("Tayna1",))
    assert "***" in str(told)
    assert "Tayna1" not in str(told)
