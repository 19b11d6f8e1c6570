"""Т-Банк: how does its API v2 start a payment, tell of it and give money back?

Sums are whole kopecks of a terminal in rubles. Every question and every call carries a token: SHA-256 of the
root's plain values and the password. An order whose answer never came is looked for by `CheckOrder`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from connectors.acquiring import receipts
from connectors.acquiring.asking import Line, Reach, kopecks, text
from connectors.acquiring.receipts import Receipts
from lk_sync.acquiring import RUB, Call, Declined, Fact, Forged, Heard, Made, Order, State
from lk_sync.contracts import Channel
from lk_sync.errors import AccessDenied, BadData, SettingsError
from lk_sync.records import Kopecks
from lk_sync.setting import Secret

_STATES: Final[Mapping[str, State]] = {
    "NEW": "pending", "FORM_SHOWED": "pending", "AUTHORIZING": "pending", "3DS_CHECKING": "pending",
    "3DS_CHECKED": "pending", "CONFIRMING": "pending", "CONFIRM_CHECKING": "pending", "REVERSING": "pending",
    "REFUNDING": "paid", "AUTHORIZED": "held", "CONFIRMED": "paid", "REJECTED": "failed", "AUTH_FAIL": "failed",
    "CANCELED": "failed", "REVERSED": "failed", "DEADLINE_EXPIRED": "expired", "REFUNDED": "refunded",
    "PARTIAL_REFUNDED": "refunded_in_part",
}  # fmt: skip
_WRONG_TOKEN: Final = ("204", "205")
_NO_TAX: Final = ("vat20", "vat120")
_LONGEST_PURPOSE: Final = 140


class TbankSettings(Reach, frozen=True, kw_only=True):
    url: str = "https://securepay.tinkoff.ru/v2/"
    terminal: str
    password: Secret
    receipt: Receipts | None = None


class Tbank:
    settings_type: ClassVar[type[msgspec.Struct]] = TbankSettings

    def __init__(self, settings: TbankSettings) -> None:
        self._settings, self._line = settings, Line(settings)
        if settings.receipt:
            for line in (settings.receipt.default, *settings.receipt.services.values()):
                if line.vat in _NO_TAX:
                    raise SettingsError(f"connection.receipt: Т-Банк не знает ставки {line.vat}")

    def channel(self) -> Channel:
        return self._line.channel()

    async def create(self, order: Order, *, again: bool = False) -> Made:
        if again and (found := await self._made(order.order)) is not None:
            return Made(payment=found, page=None)
        try:
            answer = await self._ask("Init", init_of(order, self._settings.receipt))
        except Declined:
            if (found := await self._made(order.order)) is None:
                raise
            return Made(payment=found, page=None)
        return Made(payment=text(answer, "PaymentId"), page=text(answer, "PaymentURL"))

    async def query(self, order: str, payment: str) -> Fact:
        return fact_of(await self._ask("GetState", {"PaymentId": payment}), self._settings.terminal)

    async def refund(self, payment: str, amount_kopecks: Kopecks, *, refund: str) -> None:
        await self._ask("Cancel", {"PaymentId": payment, "Amount": amount_kopecks, "ExternalRequestId": refund})

    def heard(self, call: Call) -> Heard:
        try:
            said = msgspec.json.decode(call.body)
            signed = dict(said)
            given, payment, order = said["Token"], said["PaymentId"], said["OrderId"]
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
            raise Forged("обращение не похоже на уведомление Т-Банка") from error
        expected = token(signed, self._settings.password.value().reveal())
        if not isinstance(given, str) or not hmac.compare_digest(expected.encode(), given.encode()):
            raise Forged("подпись уведомления Т-Банка не сходится")
        if said.get("TerminalKey") != self._settings.terminal:
            raise Forged("уведомление Т-Банка — для другого терминала")
        return Heard(payment=str(payment), order=str(order), answer=b"OK")

    async def _made(self, order: str) -> str | None:
        """The payment of an order that may have been made already."""
        try:
            answer = await self._ask("CheckOrder", {"OrderId": order})
        except Declined:
            return None
        payments = answer.get("Payments")
        return text(payments[-1], "PaymentId") if isinstance(payments, list) and payments else None

    async def _ask(self, method: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        secret = self._settings.password.value().reveal()
        body = {"TerminalKey": self._settings.terminal, **fields}
        return _accepted((await self._line.ask("POST", method, json=body | {"Token": token(body, secret)})).fields)


def _accepted(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if fields.get("Success") is True:
        return fields
    code = str(fields.get("ErrorCode", ""))[:20]
    if code in _WRONG_TOKEN:
        raise AccessDenied(f"Т-Банк не пустил (код {code}); проверьте terminal и password")
    raise Declined(f"Т-Банк отказал, код {code}", code)


def token(fields: Mapping[str, Any], password: str) -> str:
    """What signs a question or a call: only plain values of the root count."""
    plain = {name: value for name, value in fields.items() if isinstance(value, str | int | bool) and name != "Token"}
    plain["Password"] = password
    joined = "".join(_written(plain[name]) for name in sorted(plain))
    return hashlib.sha256(joined.encode()).hexdigest()


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def init_of(order: Order, receipt: Receipts | None) -> dict[str, Any]:
    """What `Init` is asked with."""
    fields: dict[str, Any] = {
        "Amount": order.amount_kopecks,
        "OrderId": order.order,
        "Description": order.purpose[:_LONGEST_PURPOSE],
        "PayType": "O",
        "NotificationURL": order.call_url,
        "SuccessURL": order.return_url,
        "FailURL": order.return_url,
        "DATA": {"Account": order.account},
    }
    if receipt:
        fields["Receipt"] = _receipt(order, receipt)
    return fields


def _receipt(order: Order, receipt: Receipts) -> dict[str, Any]:
    items = [
        {
            "Name": line.title,
            "Price": line.amount_kopecks,
            "Quantity": 1,
            "Amount": line.amount_kopecks,
            "Tax": line.setting.vat,
            "PaymentMethod": line.setting.mode,
            "PaymentObject": line.setting.subject,
        }
        for line in receipts.lines(receipt, order)
    ]
    contact = {"Email" if receipts.by_mail(order.contact) else "Phone": order.contact}
    return {**contact, "Taxation": receipt.tax_system, "Items": items}


def fact_of(fields: Mapping[str, Any], terminal: str) -> Fact:
    """The answer to `GetState`. A terminal has one currency, and ours is in rubles: another terminal is another one."""
    status = text(fields, "Status")
    if status not in _STATES:
        raise BadData(f"Т-Банк говорит о состоянии, которого мы не знаем: {status[:40]}")
    amount = kopecks(fields, "Amount")
    return Fact(
        payment=text(fields, "PaymentId"),
        order=text(fields, "OrderId"),
        amount_kopecks=amount,
        currency=RUB if fields.get("TerminalKey") == terminal else "?",
        state=_STATES[status],
        refunded_kopecks=amount if status == "REFUNDED" else 0,
        reason=str(fields.get("ErrorCode", "")) if _STATES[status] == "failed" else "",
    )
