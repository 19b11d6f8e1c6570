"""Steps: what does every subscriber do sooner or later?"""

from __future__ import annotations

import re
from typing import Final

from demo.play import Invitation
from demo.walk import sum_shown, volume_shown
from tests.journeys.stage import Stage
from tests.journeys.visitor import Visitor

OWN_PASSWORD: Final = "четыре слова через запятую"
MOST_TABS: Final = 30


def register(visitor: Visitor, stage: Stage, invited: Invitation, email: str) -> None:
    visitor.go("/register")
    visitor.fill(account=invited.account, email=email, amount=sum_shown(invited.amount_kopecks))
    for box in ("rules", "consent"):
        visitor.page.locator(f"input[name={box}]").check()
    visitor.press("Регистрация")
    assert visitor.path == "/register/sent"


def log_in_by_keyboard(visitor: Visitor, account: str, password: str) -> None:
    """Without a mouse: to the first field by Tab, the form by Enter."""
    visitor.go("/login")
    keyboard = visitor.page.keyboard
    for _ in range(MOST_TABS):
        keyboard.press("Tab")
        if visitor.page.locator("input[name=account]:focus").count():
            break
    keyboard.type(account)
    keyboard.press("Tab")
    keyboard.type(password)
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    visitor.look()


def choose_password(visitor: Visitor) -> None:
    assert (visitor.path, visitor.heading) == ("/password", "Придумайте свой пароль")
    visitor.fill(password=OWN_PASSWORD, again=OWN_PASSWORD)
    visitor.press("Сохранить пароль")
    assert visitor.path == "/"


def hand_in(visitor: Visitor, value: int) -> None:
    visitor.go("/readings")
    visitor.page.get_by_label(re.compile("Новое показание")).first.fill(volume_shown(value))
    visitor.page.get_by_role("button", name="Передать", exact=True).first.click()
    visitor.look()


def hand_in_for_sure(visitor: Visitor, value: int) -> None:
    """Also if the portal finds it much."""
    hand_in(visitor, value)
    if visitor.heading == "Проверьте показание":
        visitor.press("Всё верно — передать")
    assert visitor.heading == "Переданное показание"


def ask_with_a_file(visitor: Visitor) -> None:
    """A request to the supplier, at the second attempt: what was sent with the first one need not be sent again."""
    visitor.go("/requests")
    for link in ("Новая заявка", "Вопрос или обращение"):
        visitor.follow(link)
    document = {"name": "Акт.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF\n"}
    visitor.page.locator("input[type=file]").set_input_files(files=[document])  # type: ignore[list-item]
    visitor.press("Отправить заявку")
    assert "Получен: Акт.pdf" in visitor.text
    visitor.complaints.clear()  # a form with a fault is answered with 422
    visitor.page.locator("textarea").fill("Не приходит квитанция")
    visitor.press("Отправить заявку")
    assert "Заявка принята" in visitor.text
    assert "Акт.pdf" in visitor.text


def wait_on_page(visitor: Visitor, stage: Stage, sentence: str) -> str:
    """Reloads as an impatient person does."""

    def look() -> re.Match[str] | None:
        visitor.page.reload()
        return re.search(sentence, visitor.text)

    return stage.patiently(look, sentence)[0]
