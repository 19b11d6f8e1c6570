"""Bank: how does a provider's payment page behave, for each of the three dialects, and how does it misbehave?

HTTPS on the loopback address. One book of orders stands behind the dialects of ЮKassa (`/v3/`), Сбербанк (`/sber/`) and
Т-Банк (`/v2/`), so that what is asked in one is answered in the same one. `pay` does what a payer does on the page, and
`next_time(Trouble.…)` is what becomes of the next question.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from aiohttp import hdrs, web

from demo import aside
from demo.certificates import ServerCertificate

SHOP, KEY = "demo-shop", "demo-key"
HOST: Final = "127.0.0.1"
_RUB: Final = "643"
State = Literal["new", "3ds", "held", "paid", "declined", "expired", "returned", "returned in part"]
_YOOKASSA: Final = {
    "new": "pending", "3ds": "pending", "held": "waiting_for_capture", "declined": "canceled", "expired": "canceled",
}  # fmt: skip
_SBER: Final = {
    "new": 0, "held": 1, "paid": 2, "3ds": 5, "declined": 6, "expired": 6, "returned": 4, "returned in part": 4,
}  # fmt: skip
_TBANK: Final = {
    "new": "NEW", "3ds": "3DS_CHECKING", "held": "AUTHORIZED", "paid": "CONFIRMED", "declined": "REJECTED",
    "expired": "DEADLINE_EXPIRED", "returned": "REFUNDED", "returned in part": "PARTIAL_REFUNDED",
}  # fmt: skip


class Trouble(Enum):
    """What becomes of a question."""

    NONE = "answered as usual"
    DONE_UNANSWERED = "done, and the connection breaks before the answer"
    BROKEN = "500, nothing done"
    NOT_JSON = "200 with a page in HTML"


@dataclass
class Entry:
    """An order as the bank keeps it."""

    payment: str
    order: str
    kopecks: int
    page: str
    state: State = "new"
    returned: int = 0


@dataclass
class Bank:
    """The running bank. `asked`: method and fields of every question, the newest last."""

    port: int = 0
    troubles: deque[Trouble] = field(default_factory=deque)
    entries: dict[str, Entry] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  # key of a question → the payment it has made
    refunds: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def next_time(self, *troubles: Trouble) -> None:
        """One trouble for each of the next questions."""
        self.troubles.extend(troubles)

    def of_order(self, order: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.order == order]

    def pay(self, payment: str, outcome: State = "paid") -> None:
        """What the payer does on the page comes to this."""
        self.entries[payment].state = outcome

    def open(self, order: str, kopecks: int) -> Entry:
        payment = str(uuid.uuid4())
        entry = self.entries[payment] = Entry(payment, order, kopecks, f"{self.url}/page/{payment}")
        return entry

    def give_back(self, entry: Entry, kopecks: int, key: str) -> bool:
        """False: that much is not there. A key that was used before gives nothing back again."""
        if key in self.refunds:
            return True
        if entry.state not in ("paid", "returned in part") or entry.returned + kopecks > entry.kopecks:
            return False
        entry.returned += kopecks
        self.refunds.add(key)
        entry.state = "returned" if entry.returned == entry.kopecks else "returned in part"
        return True

    def sber_call(self, payment: str, operation: str = "deposited", *, key: str = KEY) -> str:
        """The query of a call as Сбербанк signs it."""
        entry = self.entries[payment]
        fields = {"mdOrder": payment, "orderNumber": entry.order, "operation": operation, "status": "1"}
        signed = "".join(f"{name};{fields[name]};" for name in sorted(fields))
        fields["checksum"] = hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest().upper()
        return "&".join(f"{name}={value}" for name, value in fields.items())

    def tbank_call(self, payment: str, *, key: str = KEY) -> bytes:
        """The body of a call as Т-Банк signs it."""
        fields = {"TerminalKey": SHOP, "Success": True, "ErrorCode": "0"} | _of_tbank(self.entries[payment])
        return json.dumps(fields | {"Token": _token(fields, key)}).encode()

    def yookassa_call(self, payment: str, event: str = "payment.succeeded") -> bytes:
        told = {"type": "notification", "event": event, "object": _of_yookassa(self.entries[payment])}
        return json.dumps(told).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trouble = self.troubles.popleft() if self.troubles else Trouble.NONE
        if trouble is Trouble.BROKEN:
            return web.json_response({"type": "error", "code": "internal_server_error"}, status=500)
        if trouble is Trouble.NOT_JSON:
            return web.Response(text="<html>работы</html>", content_type="text/html")
        dialect = request.match_info["dialect"]
        status, fields = await {"v3": self._yookassa, "sber": self._sber, "v2": self._tbank}[dialect](request)
        if trouble is Trouble.DONE_UNANSWERED and request.transport is not None:
            request.transport.abort()
        return web.json_response(fields, status=status)

    async def _yookassa(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        expected = "Basic " + base64.b64encode(f"{SHOP}:{KEY}".encode()).decode()
        if request.headers.get(hdrs.AUTHORIZATION) != expected:
            return 401, {"type": "error", "code": "invalid_credentials"}
        method, _, which = request.match_info["method"].partition("/")
        if request.method == hdrs.METH_GET:
            entry = self.entries.get(which)
            return (200, _of_yookassa(entry)) if entry else (404, {"type": "error", "code": "not_found"})
        said, key = await request.json(), request.headers["Idempotence-Key"]
        self.asked.append((method, said))
        kopecks = int(said["amount"]["value"].replace(".", ""))
        if method == "refunds":
            done = self.give_back(self.entries[said["payment_id"]], kopecks, key)
            refused = {"cancellation_details": {"party": "yoo_money", "reason": "insufficient_funds"}}
            return 200, {"id": key, "status": "succeeded"} if done else {"id": key, "status": "canceled"} | refused
        if key not in self.keys:
            self.keys[key] = self.open(said["metadata"]["payment"], kopecks).payment
        return 200, _of_yookassa(self.entries[self.keys[key]])

    async def _sber(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        said: dict[str, Any] = {name: str(value) for name, value in (await request.post()).items()}
        method = request.match_info["method"]
        self.asked.append((method, said))
        if (said.get("userName"), said.get("password")) != (SHOP, KEY):
            return 200, {"errorCode": "5", "errorMessage": "Доступ запрещён"}
        if method == "register.do":
            if self.of_order(said["orderNumber"]):
                return 200, {"errorCode": "1", "errorMessage": "Заказ с таким номером уже обработан"}
            entry = self.open(said["orderNumber"], int(said["amount"]))
            return 200, {"orderId": entry.payment, "formUrl": entry.page}
        found = self.entries.get(said.get("orderId", "")) or next(
            iter(self.of_order(said.get("orderNumber", ""))), None
        )
        if found is None:
            return 200, {"errorCode": "6", "errorMessage": "Заказ не найден"}
        if method == "refund.do":
            done = self.give_back(found, int(said["amount"]), str(uuid.uuid4()))
            return 200, {"errorCode": "0" if done else "7000"}
        return 200, _of_sber(found)

    async def _tbank(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        said, method = await request.json(), request.match_info["method"]
        self.asked.append((method, said))
        if said["Token"] != _token({name: value for name, value in said.items() if name != "Token"}, KEY):
            return 200, {"Success": False, "ErrorCode": "204", "Message": "Неверный токен"}
        good = {"Success": True, "ErrorCode": "0", "TerminalKey": SHOP}
        if method == "Init":
            entry = self.open(said["OrderId"], said["Amount"])
            return 200, good | _of_tbank(entry) | {"PaymentURL": entry.page}
        if method == "CheckOrder":
            payments = [_of_tbank(each) for each in self.of_order(said["OrderId"])]
            missing = {"Success": False, "ErrorCode": "255", "Message": "Нет такого заказа"}
            return 200, good | {"OrderId": said["OrderId"], "Payments": payments} if payments else missing
        found = self.entries.get(said["PaymentId"])
        if found is None or (method == "Cancel" and not self._cancel(found, said)):
            return 200, {"Success": False, "ErrorCode": "8", "Message": "Неверный статус"}
        return 200, good | _of_tbank(found)

    def _cancel(self, entry: Entry, said: Mapping[str, Any]) -> bool:
        return self.give_back(entry, said["Amount"], said["ExternalRequestId"])


def _of_yookassa(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": entry.payment,
        "status": _YOOKASSA.get(entry.state, "succeeded"),
        "amount": {"value": _rubles(entry.kopecks), "currency": "RUB"},
        "metadata": {"payment": entry.order},
        "confirmation": {"type": "redirect", "confirmation_url": entry.page},
    }
    if entry.returned:
        told["refunded_amount"] = {"value": _rubles(entry.returned), "currency": "RUB"}
    if told["status"] == "canceled":
        reason = "expired_on_confirmation" if entry.state == "expired" else "insufficient_funds"
        told["cancellation_details"] = {"party": "yoo_money", "reason": reason}
    return told


def _rubles(kopecks: int) -> str:
    return f"{kopecks // 100}.{kopecks % 100:02d}"


def _of_sber(entry: Entry) -> dict[str, Any]:
    return {
        "errorCode": "0",
        "orderNumber": entry.order,
        "orderStatus": _SBER[entry.state],
        "actionCode": -2007 if entry.state == "expired" else 0,
        "amount": entry.kopecks,
        "currency": _RUB,
        "paymentAmountInfo": {"refundedAmount": entry.returned},
        "attributes": [{"name": "mdOrder", "value": entry.payment}],
    }


def _of_tbank(entry: Entry) -> dict[str, Any]:
    return {
        "OrderId": entry.order,
        "PaymentId": entry.payment,
        "Status": _TBANK[entry.state],
        "Amount": entry.kopecks,
    }


def _token(fields: Mapping[str, Any], key: str) -> str:
    """Written anew, so that the bank does not sign by the code that it is asked with."""
    plain = {name: value for name, value in fields.items() if not isinstance(value, dict | list)}
    words = [{True: "true", False: "false"}[each] if isinstance(each, bool) else str(each)
             for _, each in sorted((plain | {"Password": key}).items())]  # fmt: skip
    return hashlib.sha256("".join(words).encode()).hexdigest()


@contextmanager
def running(certificate: ServerCertificate) -> Iterator[Bank]:
    """Serves from a thread of its own until the block ends."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    bank = Bank()
    with aside.running(_serving(bank, tls), "bank"):
        yield bank


@asynccontextmanager
async def _serving(bank: Bank, tls: ssl.SSLContext) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{dialect:v3|sber|v2}/{method:.+}", bank.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
    bank.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()
