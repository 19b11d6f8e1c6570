"""Сбербанк: how does its payment gateway (REST, forms) register an order, tell of it and give money back?

Sums are whole kopecks, the currency is 643. A second `register.do` for the same order is an error, so an order whose
answer never came is looked for by its number; its page is not told again. A call is signed with HMAC-SHA256.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

import msgspec

from connectors.acquiring import receipts
from connectors.acquiring.asking import Line, Reach, kopecks, text
from connectors.acquiring.receipts import Mode, Receipts
from lk_sync.acquiring import RUB, Call, Declined, Fact, Forged, Heard, Made, Order, State, Vat
from lk_sync.contracts import Channel
from lk_sync.errors import AccessDenied, BadData, SettingsError, Unreachable
from lk_sync.records import Kopecks
from lk_sync.setting import Secret

ROUBLE: Final = "643"
TAX: Final[Mapping[Vat, int]] = {"none": 0, "vat0": 1, "vat10": 2, "vat110": 4, "vat20": 6, "vat120": 7}
MODES: Final[Mapping[Mode, int]] = {"full_prepayment": 1, "advance": 3, "full_payment": 4}
_STATES: Final[Mapping[int, State]] = {0: "pending", 1: "held", 2: "paid", 3: "failed", 5: "pending", 6: "failed"}
_REFUNDED, _DECLINED = 4, 6
_TIMED_OUT: Final = -2007
_TAKEN, _DENIED, _UNKNOWN, _BUSY = "1", "5", "6", "7"
_UNSIGNED: Final = ("checksum", "sign_alias")


class SberbankSettings(Reach, frozen=True, kw_only=True):
    """`call_key`: the secret that calls are signed with. `tax`: codes of VAT that this program does not know, by the
    contract with the bank."""

    url: str = "https://ecommerce.sberbank.ru/ecomm/gw/partner/api/v1/"
    username: str
    password: Secret
    call_key: Secret
    receipt: Receipts | None = None
    tax: Mapping[Vat, int] = {}


class Sberbank:
    settings_type: ClassVar[type[msgspec.Struct]] = SberbankSettings

    def __init__(self, settings: SberbankSettings) -> None:
        self._settings, self._line = settings, Line(settings)
        self._tax: dict[Vat, int] = dict(TAX) | dict(settings.tax)
        if settings.receipt:
            for line in (settings.receipt.default, *settings.receipt.services.values()):
                if line.vat not in self._tax:
                    raise SettingsError(f"connection.tax: у Сбербанка нет известного нам кода для {line.vat}; впишите")

    def channel(self) -> Channel:
        return self._line.channel()

    async def create(self, order: Order, *, again: bool = False) -> Made:
        if again and (found := await self._status(orderNumber=order.order)) is not None:
            return Made(payment=_payment(found), page=None)
        try:
            answer = await self._ask("register.do", **order_of(order, self._settings.receipt, self._tax))
        except Declined as error:
            if error.code != _TAKEN or (found := await self._status(orderNumber=order.order)) is None:
                raise
            return Made(payment=_payment(found), page=None)
        return Made(payment=text(answer, "orderId"), page=text(answer, "formUrl"))

    async def query(self, order: str, payment: str) -> Fact:
        found = await self._status(orderId=payment)
        if found is None:
            raise Declined("Сбербанк не знает этого заказа", _UNKNOWN)
        return fact_of(found, payment)

    async def refund(self, payment: str, amount_kopecks: Kopecks, *, refund: str) -> None:
        """The gateway knows no keys: whoever asks again looks first how much went back."""
        await self._ask("refund.do", orderId=payment, amount=str(amount_kopecks))

    def heard(self, call: Call) -> Heard:
        pairs = _pairs(call.body.decode("utf-8", "replace") or call.query)
        expected = checksum(pairs, self._settings.call_key.value().reveal())
        if not hmac.compare_digest(expected.encode(), pairs.get("checksum", "").upper().encode()):
            raise Forged("подпись уведомления Сбербанка не сходится")
        if not pairs.get("mdOrder") or not pairs.get("orderNumber"):
            raise Forged("уведомление Сбербанка не называет заказ")
        return Heard(payment=pairs["mdOrder"], order=pairs["orderNumber"])

    async def _status(self, **which: str) -> Mapping[str, Any] | None:
        try:
            return await self._ask("getOrderStatusExtended.do", **which)
        except Declined as error:
            if error.code == _UNKNOWN:
                return None
            raise

    async def _ask(self, method: str, **fields: str) -> Mapping[str, Any]:
        secret = self._settings.password.value().reveal()
        fields |= {"userName": self._settings.username, "password": secret}
        return _accepted((await self._line.ask("POST", method, data=fields)).fields)


def _accepted(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    code = str(fields.get("errorCode", "0"))
    if code == _DENIED:
        raise AccessDenied("Сбербанк не пустил (код 5); проверьте username и password")
    if code == _BUSY:
        raise Unreachable("Сбербанк: системная ошибка (код 7); попытка будет повторена")
    if code != "0":
        raise Declined(f"Сбербанк отказал, код {code[:20]}", code)
    return fields


def _pairs(written: str) -> dict[str, str]:
    """Raises Forged when a name stands twice: one of them would be outside of the signature."""
    try:
        found = parse_qsl(written, keep_blank_values=True, strict_parsing=True, max_num_fields=64, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise Forged("обращение не похоже на уведомление Сбербанка") from error
    if len(dict(found)) != len(found):
        raise Forged("в уведомлении Сбербанка поле стоит дважды")
    return dict(found)


def checksum(fields: Mapping[str, str], key: str) -> str:
    """What signs a call."""
    signed = "".join(f"{name};{fields[name]};" for name in sorted(fields) if name not in _UNSIGNED)
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest().upper()


def order_of(order: Order, receipt: Receipts | None, tax: Mapping[Vat, int]) -> dict[str, str]:
    """What `register.do` is asked with."""
    fields = {
        "orderNumber": order.order,
        "amount": str(order.amount_kopecks),
        "currency": ROUBLE,
        "returnUrl": order.return_url,
        "failUrl": order.return_url,
        "description": order.purpose[:512],
        "sessionTimeoutSecs": str(order.lives_seconds),
        "jsonParams": msgspec.json.encode({"account": order.account}).decode(),
    }
    if receipt:
        fields["orderBundle"] = msgspec.json.encode(_bundle(order, receipt, tax)).decode()
    return fields


def _bundle(order: Order, receipt: Receipts, tax: Mapping[Vat, int]) -> dict[str, Any]:
    contact = {"email" if receipts.by_mail(order.contact) else "phone": order.contact.removeprefix("+")}
    items = [
        {
            "positionId": at,
            "name": line.title,
            "quantity": {"value": 1, "measure": "0"},
            "itemAmount": line.amount_kopecks,
            "itemPrice": line.amount_kopecks,
            "itemCode": f"{order.order}-{at}",
            "tax": {"taxType": tax[line.setting.vat]},
            "itemAttributes": {"attributes": _attributes(MODES[line.setting.mode], line.setting.subject)},
        }
        for at, line in enumerate(receipts.lines(receipt, order), 1)
    ]
    return {"customerDetails": contact, "cartItems": {"items": items}}


def _attributes(mode: int, subject: str) -> list[dict[str, str]]:
    return [
        {"name": "paymentMethod", "value": str(mode)},
        {"name": "paymentObject", "value": {"service": "4", "payment": "10"}[subject]},
    ]


def fact_of(fields: Mapping[str, Any], payment: str) -> Fact:
    """The answer to `getOrderStatusExtended.do`."""
    info = fields.get("paymentAmountInfo")
    refunded = kopecks(info, "refundedAmount") if isinstance(info, dict) and "refundedAmount" in info else 0
    whole, currency = kopecks(fields, "amount"), text(fields, "currency")
    return Fact(
        payment=_payment(fields) if "attributes" in fields else payment,
        order=text(fields, "orderNumber"),
        amount_kopecks=whole,
        currency=RUB if currency == ROUBLE else currency,
        state=_state(fields, whole, refunded),
        refunded_kopecks=refunded,
        reason=str(fields.get("actionCode", "")) if fields.get("orderStatus") == _DECLINED else "",
    )


def _state(fields: Mapping[str, Any], whole: Kopecks, refunded: Kopecks) -> State:
    status = kopecks(fields, "orderStatus")
    if status == _REFUNDED or (status == 2 and refunded):
        return "refunded_in_part" if 0 < refunded < whole else "refunded"
    if status not in _STATES:
        raise BadData(f"Сбербанк говорит о состоянии, которого мы не знаем: {status}")
    timed_out = status == _DECLINED and fields.get("actionCode") == _TIMED_OUT
    return "expired" if timed_out else _STATES[status]


def _payment(fields: Mapping[str, Any]) -> str:
    """`mdOrder` stands among the attributes."""
    attributes: Iterable[Any] = fields.get("attributes") or ()
    for each in attributes:
        if isinstance(each, dict) and each.get("name") == "mdOrder":
            return text(each, "value")
    raise BadData("в ответе Сбербанка нет mdOrder")
