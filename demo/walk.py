"""Walk: does the whole loop hold, from the bill in the letterbox to «принято поставщиком» on the page?

Walks it as a subscriber would, by HTTP and by reading the letter, and looks behind the counter where a subscriber
cannot: into the books and into the drop. Every step prints what it saw. The first step that does not hold ends it.
"""

from __future__ import annotations

import csv
import email
import email.policy
import json
import re
import secrets
import time
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlencode

from demo.accounting import rubles
from demo.bookkeeper import Bookkeeper
from demo.browser import Browser, Page
from demo.play import Invitation
from demo.state import State
from demo.supplier import Books
from lk_sync.records import DATASETS

T = TypeVar("T")
PATIENCE: Final = 60
EMAIL: Final = "abonent@example.ru"
PASSWORD_LINE: Final = re.compile(r"Пароль для первого входа: (\S+)")
WAY: Final = re.compile(
    r"В очереди на передачу поставщику|Записано в файл для поставщика"
    r"|(?:Передано поставщику|Принято поставщиком) \d+ \S+ \d{4}, \d\d:\d\d"
)
WAY_BEGUN: Final = r"В очереди на передачу поставщику|Записано в файл для поставщика|Передано поставщику"
WAY_TAKEN: Final = r"Принято поставщиком \d+ \S+ \d{4}, \d\d:\d\d"
DAY_AND_MONTH: Final = r"\d\d\.\d\d\.\d{4} \S+ \d{4}"
LOOK_SECONDS: Final = 0.3
USED_LITRES: Final = 4_321
LITRE: Final = 1_000


class NotHeld(AssertionError):
    """A step did not hold; the text says what was seen instead."""


class Walk:
    """One subscriber's way through a running demo."""

    def __init__(self, site: str, state: State, books: Bookkeeper, invited: Invitation, code: str) -> None:
        self._browser = Browser(site)
        self._state = state
        self._books = books
        self._invited = invited
        self._code = code
        self._step = 0

    def walk(self) -> None:
        """All steps in order. Raises NotHeld."""
        self._register()
        self._log_in(self._password())
        self._balance()
        value = self._hand_in()
        self._exported(value)
        self._confirmed(value)
        self._in_the_books(value)
        self._in_the_history(value)

    def _say(self, what: str, seen: str) -> None:
        self._step += 1
        print(f"{self._step}. {what}\n   {seen}", flush=True)

    def _register(self) -> None:
        page = self._browser.get("/register")
        amount = sum_shown(self._invited.amount_kopecks)
        typed = {"account": self._invited.account, "email": EMAIL, "amount": amount}
        answer = self._browser.send(page, page.form("account", "email", "amount"), typed)
        if "Почти готово" in answer.text:  # others have the same sum
            answer = self._browser.send(answer, answer.form("account", "bill_code"), typed | {"bill_code": self._code})
        holds(answer.status == 200 and "Заявка на регистрацию принята" in answer.text, answer)
        self._say(f"Регистрация: счёт {self._invited.account}, сумма {amount}", "«Заявка на регистрацию принята»")

    def _password(self) -> str:
        file, password = patiently(self._letter, "письмо с паролем")
        self._say("Письмо пришло", f"{file} — пароль для первого входа в нём есть")
        return password

    def _letter(self) -> tuple[Path, str] | None:
        for file in sorted(self._state.letters.glob("*.eml")):
            letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            body = letter.get_body(("plain",))
            found = PASSWORD_LINE.search(body.get_content()) if body else None
            if found and EMAIL in str(letter["To"]):
                return file, found[1]
        return None

    def _log_in(self, one_time: str) -> None:
        page = self._browser.get("/login")
        typed = {"account": self._invited.account, "password": one_time}
        page = self._browser.send(page, page.form("account", "password"), typed)
        holds(page.status == 200 and "Придумайте свой пароль" in page.text, page)
        self._say("Первый вход с паролем из письма", "портал просит придумать свой пароль")
        own = f"парафраз {secrets.token_urlsafe(12)}"
        page = self._browser.send(page, page.form("password", "again"), {"password": own, "again": own})
        holds(page.status == 200, page)
        self._say("Свой пароль задан", f"открыта страница {page.address}")

    def _balance(self) -> None:
        page = self._browser.get("/")
        owed = sum(row["closing_kopecks"] for row in last_month(self._account_books()))
        stated = re.search(rf"К оплате (за \S+ \d{{4}} )?{sum_shown(owed)} ₽", page.text)
        as_of = re.search(r"Данные на [^.]*?\d\d:\d\d", page.text)
        if page.status != 200 or not stated or not as_of:
            raise not_held(page)
        self._say("Сальдо на главной", f"«{stated[0]}», как в книгах поставщика; «{as_of[0]}»")

    def _hand_in(self) -> int:
        page = self._browser.get("/readings")
        form = page.form("meter-1", "value-1", "submission-1")
        last = self._last_reading(form.fields["meter-1"])
        value = last + USED_LITRES * LITRE
        page = self._browser.send(page, form, {"value-1": volume_shown(value)})
        holds(page.status == 200 and volume_shown(value) in page.text and "/readings/" in page.address, page)
        self._passport = page.address
        self._history = f"/readings/history?{urlencode({'meter': form.fields['meter-1']})}"
        self._say(f"Показание передано: было {volume_shown(last)}, стало {volume_shown(value)}", way(page))
        return value

    def _last_reading(self, meter: str) -> int:
        rows = [row for row in self._account_books()["readings"] if row[1] == meter]
        value: int = rows[-1][DATASETS["readings"].columns.index("value_micro")]
        return value

    def _exported(self, value: int) -> None:
        file = patiently(lambda: self._file_with(value), "файл с показанием в приёмной папке")
        manifest = json.loads(file.with_name(f"{file.name}.ok").read_text("utf-8"))
        whole = manifest["sha256"] == sha256(file.read_bytes()).hexdigest()
        if not whole:
            raise NotHeld(f"{file}: контрольная сумма не сходится с {file.name}.ok")
        seen = f"{file}: строк {manifest['rows']}, SHA-256 сошлась"
        self._say("Показание выгружено учётной системе по SFTP", seen)

    def _file_with(self, value: int) -> Path | None:
        for file in sorted((self._state.drop / "in").rglob("readings-*.csv")):
            if not file.with_name(f"{file.name}.ok").exists():
                continue
            for row in csv.DictReader(file.read_text("utf-8").splitlines(), delimiter=";"):
                if row["ЛС"] == self._invited.account and Decimal(row["Показание"]) * 1_000_000 == value:
                    return file
        return None

    def _confirmed(self, value: int) -> None:
        taken = self._page_says(self._passport, re.compile(rf"(?=.*{volume_shown(value)}).*?({WAY_TAKEN})"))
        answers = sorted((self._state.drop / "answers").rglob("*.answer.csv"))
        self._say("Ответ учётной системы прочитан", f"{answers[-1] if answers else ''} → «{taken[1]}»")

    def _page_says(self, path: str, sentence: re.Pattern[str]) -> re.Match[str]:
        """What the page says at last, as it is reloaded for a minute."""
        deadline = time.monotonic() + PATIENCE
        while True:
            page = self._browser.get(path)
            if found := sentence.search(page.text):
                return found
            if time.monotonic() > deadline:
                raise not_held(page)
            time.sleep(LOOK_SECONDS)

    def _in_the_books(self, value: int) -> None:
        found = patiently(
            lambda: [row for row in self._account_books()["readings"] if row[5] == value], "показание в книгах"
        )
        self._say("Показание в книгах поставщика", f"{found[0][2]} от {found[0][3]}: {volume_shown(value)}")

    def _in_the_history(self, value: int) -> None:
        used = volume_shown(USED_LITRES * LITRE)
        row = re.compile(rf"{DAY_AND_MONTH} {volume_shown(value)}0* {used}0* \S+ \S+")
        seen = self._page_says(self._history, row)
        self._say("Следующая загрузка вернула показание в историю", f"«{seen[0]}»")

    def _account_books(self) -> Books:
        books = self._books.books_of(self._invited.account)
        if books is None:
            raise NotHeld(f"в книгах нет счёта {self._invited.account}")
        return books


def holds(held: bool, page: Page) -> None:
    if not held:
        raise not_held(page)


def not_held(page: Page) -> NotHeld:
    return NotHeld(f"{page.address} ответила {page.status}: {page.text[:1500]}")


def patiently(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, within a minute."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(LOOK_SECONDS)
    raise NotHeld(f"за {PATIENCE} с не появилось: {what}")


def last_month(books: Books) -> list[dict[str, int]]:
    """The balances of the last closed month, by service."""
    named = [dict(zip(DATASETS["balances"].columns, row, strict=False)) for row in books["balances"]]
    return [row for row in named if row["period"] == named[-1]["period"]]


def way(page: Page) -> str:
    """How far a reading got, as its page says it."""
    found = re.search(rf"{WAY_BEGUN}|{WAY_TAKEN}", page.text)
    return f"«{found[0]}»" if found else page.text[:120]


def sum_shown(kopecks: int) -> str:
    """As a page shows it, with plain spaces: «3 199,36»."""
    whole, _, rest = (rubles(kopecks) or "").partition(".")
    return f"{int(whole):,}".replace(",", " ") + f",{rest}"


def volume_shown(micro: int) -> str:
    whole, rest = divmod(micro, 1_000_000)
    decimals = f",{rest:06d}".rstrip("0") if rest else ""
    return f"{whole:,}".replace(",", " ") + decimals
