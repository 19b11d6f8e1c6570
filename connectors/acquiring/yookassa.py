"""ЮKassa: how does API v3 make a payment, tell of it and give money back?

Sums are rubles as text. A key makes a question repeatable for 24 hours, so an unanswered one is asked again with it.
Calls carry no signature: they are believed only as far as their address, and only to ask.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

import aiohttp
import msgspec

from connectors.acquiring import receipts
from connectors.acquiring.asking import Answer, Line, Reach, of_rubles, rubles, text
from connectors.acquiring.receipts import Receipts
from lk_sync.acquiring import RUB, Call, Declined, Fact, Forged, Heard, Made, Order, State
from lk_sync.bills_setting import Bank, Kpp
from lk_sync.contracts import Channel
from lk_sync.errors import BadData
from lk_sync.records import Kopecks
from lk_sync.setting import Secret, Strict

VAT: Final = {
    "none": 1, "vat0": 2, "vat10": 3, "vat20": 4, "vat110": 5, "vat120": 6, "vat5": 7, "vat7": 8, "vat105": 9,
    "vat107": 10, "vat22": 11, "vat122": 12,
}  # fmt: skip
TAX_SYSTEMS: Final = {"osn": 1, "usn_income": 2, "usn_income_outcome": 3, "envd": 4, "esn": 5, "patent": 6}
ADDRESSES: Final = (
    "185.71.76.0/27", "185.71.77.0/27", "77.75.153.0/25", "77.75.154.128/25", "77.75.156.11/32", "77.75.156.35/32",
    "2a02:5180::/32",
)  # fmt: skip
_STATES: Final[Mapping[str, State]] = {"pending": "pending", "waiting_for_capture": "held", "succeeded": "paid"}
_EXPIRED: Final = ("expired_on_confirmation", "expired_on_capture")
_LONGEST: Final = 128


class Recipient(Strict, frozen=True, kw_only=True):
    """Whose money it is; goes to ГИС ЖКХ with every payment of a utilities shop (`payment_order`)."""

    name: str
    inn: str
    kpp: Kpp
    bank: Bank
    kbk: str | None = None
    oktmo: str | None = None


class YookassaSettings(Reach, frozen=True, kw_only=True):
    url: str = "https://api.yookassa.ru/v3/"
    shop: str
    key: Secret
    recipient: Recipient | None = None
    receipt: Receipts | None = None
    addresses: tuple[str, ...] = ADDRESSES


class Yookassa:
    settings_type: ClassVar[type[msgspec.Struct]] = YookassaSettings

    def __init__(self, settings: YookassaSettings) -> None:
        self._settings, self._line = settings, Line(settings)
        self._networks = [ipaddress.ip_network(each) for each in settings.addresses]

    def channel(self) -> Channel:
        return self._line.channel()

    async def create(self, order: Order, *, again: bool = False) -> Made:
        """The key of the order makes the second time the same as the first; `again` changes nothing."""
        answer = await self._ask("POST", "payments", json=payment_of(order, self._settings), key=order.order)
        confirmation = answer.get("confirmation")
        page = confirmation.get("confirmation_url") if isinstance(confirmation, dict) else None
        return Made(payment=text(answer, "id"), page=page if isinstance(page, str) else None)

    async def query(self, order: str, payment: str) -> Fact:
        return fact_of(await self._ask("GET", f"payments/{plain(payment)}"))

    async def refund(self, payment: str, amount_kopecks: Kopecks, *, refund: str) -> None:
        body = {"payment_id": payment, "amount": money(amount_kopecks)}
        answer = await self._ask("POST", "refunds", json=body, key=refund)
        if answer.get("status") == "canceled":
            raise Declined("ЮKassa не вернула деньги", _reason(answer))

    def heard(self, call: Call) -> Heard:
        try:
            here = ipaddress.ip_address(call.address)
            said = msgspec.json.decode(call.body)
            event, told = said["event"].split(".")[0], said["object"]
            payment = told["id" if event == "payment" else "payment_id"]
        except (ValueError, msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
            raise Forged("обращение не похоже на уведомление ЮKassa") from error
        if not any(here in network for network in self._networks) or event not in ("payment", "refund"):
            raise Forged(f"уведомление ЮKassa пришло с чужого адреса {call.address}")
        return Heard(payment=plain(payment), order="")

    async def _ask(self, method: str, path: str, *, key: str | None = None, **what: Any) -> Mapping[str, Any]:
        secret = self._settings.key.value().reveal()
        what["headers"] = {"Authorization": aiohttp.encode_basic_auth(self._settings.shop, secret)}
        if key:
            what["headers"]["Idempotence-Key"] = key
        return _accepted(await self._line.ask(method, path, **what))


def _accepted(answer: Answer) -> Mapping[str, Any]:
    if answer.status >= HTTPStatus.BAD_REQUEST:
        code, parameter = str(answer.fields.get("code", ""))[:64], str(answer.fields.get("parameter", ""))[:64]
        raise Declined(f"ЮKassa отказала: {answer.status} {code} {parameter}".strip(), code)
    return answer.fields


def plain(payment: object) -> str:
    """An id that can stand in an address. Raises Forged."""
    if not isinstance(payment, str) or not payment.isascii() or not payment.replace("-", "").isalnum():
        raise Forged("обращение называет платёж, каких у ЮKassa не бывает")
    return payment


def money(amount: Kopecks) -> dict[str, str]:
    return {"value": rubles(amount), "currency": RUB}


def payment_of(order: Order, settings: YookassaSettings) -> dict[str, Any]:
    """What `POST payments` is asked with."""
    body: dict[str, Any] = {
        "amount": money(order.amount_kopecks),
        "capture": True,
        "description": order.purpose[:_LONGEST],
        "confirmation": {"type": "redirect", "return_url": order.return_url},
        "metadata": {"payment": order.order},
    }
    if settings.recipient:
        body["payment_order"] = _for_utilities(order, settings.recipient)
    if settings.receipt:
        body["receipt"] = _receipt(order, settings.receipt)
    return body


def _for_utilities(order: Order, recipient: Recipient) -> dict[str, Any]:
    bank = {"name": recipient.bank.name[:45], "bic": recipient.bank.bic, "account": recipient.bank.account}
    if recipient.bank.correspondent_account:
        bank["correspondent_account"] = recipient.bank.correspondent_account
    year, month = divmod(int(order.period), 100)
    body: dict[str, Any] = {
        "type": "utilities",
        "amount": money(order.amount_kopecks),
        "payment_purpose": order.purpose[:210],
        "recipient": {"name": recipient.name, "inn": recipient.inn, "kpp": recipient.kpp, "bank": bank},
        "payment_period": {"month": month, "year": year},
    }
    body |= {name: value for name in ("kbk", "oktmo") if (value := getattr(recipient, name))}
    return body | _of_bill(order)


def _of_bill(order: Order) -> dict[str, str]:
    """The most exact of the names that the bill has; one is enough, and all that are known are given."""
    known = {
        "payment_document_id": order.bill if len(order.bill) == 18 else "",
        "unified_account_number": order.unified_account if len(order.unified_account) == 10 else "",
        "account_number": order.account[:30],
    }
    return {name: value for name, value in known.items() if value}


def _receipt(order: Order, setting: Receipts) -> dict[str, Any]:
    contact = {"email" if receipts.by_mail(order.contact) else "phone": order.contact.removeprefix("+")}
    items = [
        {
            "description": line.title,
            "quantity": "1",
            "amount": money(line.amount_kopecks),
            "vat_code": VAT[line.setting.vat],
            "payment_subject": line.setting.subject,
            "payment_mode": line.setting.mode,
        }
        for line in receipts.lines(setting, order)
    ]
    return {
        "customer": contact, "items": items, "tax_system_code": TAX_SYSTEMS[setting.tax_system], "internet": True,
    }  # fmt: skip


def fact_of(fields: Mapping[str, Any]) -> Fact:
    """The answer to `GET payments/{id}`."""
    amount, metadata = fields.get("amount"), fields.get("metadata")
    if not isinstance(amount, dict) or not isinstance(metadata, dict):
        raise BadData("в ответе ЮKassa нет суммы или metadata")
    returned = fields.get("refunded_amount")
    refunded = of_rubles(returned.get("value")) if isinstance(returned, dict) else 0
    whole = of_rubles(amount.get("value"))
    return Fact(
        payment=text(fields, "id"),
        order=str(metadata.get("payment", "")),
        amount_kopecks=whole,
        currency=text(amount, "currency"),
        state=_state(fields, whole, refunded),
        refunded_kopecks=refunded,
        reason=_reason(fields),
    )


def _state(fields: Mapping[str, Any], whole: Kopecks, refunded: Kopecks) -> State:
    status = text(fields, "status")
    if status == "canceled":
        return "expired" if _reason(fields) in _EXPIRED else "failed"
    if status not in _STATES:
        raise BadData(f"ЮKassa говорит о состоянии, которого мы не знаем: {status[:40]}")
    if status == "succeeded" and refunded:
        return "refunded" if refunded >= whole else "refunded_in_part"
    return _STATES[status]


def _reason(fields: Mapping[str, Any]) -> str:
    details = fields.get("cancellation_details")
    return str(details.get("reason", ""))[:64] if isinstance(details, dict) else ""
