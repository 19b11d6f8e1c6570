"""Stationery: what does a letter say, in the supplier's words?

`config/letters/<kind>.<language>.txt` (its first line is the subject) and `.html` are templates that a supplier
rewrites. They run in a sandbox, see only what a letter of their kind is about, and are tried when the process
starts: a broken one is named with its line before a letter depends on it.
"""

from __future__ import annotations

from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from lk_sync.config import Lk, Mail
from lk_sync.errors import SettingsError
from lk_sync.formats import LANGUAGES, Formats
from lk_sync.notices import facts
from lk_sync.public_name import PublicName
from lk_sync.store.letters import Letter

SAMPLE_MOMENT: Final = "2026-01-31T09:00:00.000Z"
# What a letter of each kind is told beside `supplier`, `portal` (the address of the portal) and the
# filters of `_environment`.
KINDS: Final[dict[str, dict[str, Any]]] = {
    "one_time_password": {"account": "000012345", "password": "AAAA-BBBB-CCCC-DDDD", "expires_at": SAMPLE_MOMENT},
    "registration_attempt": {"account": "000012345", "attempted_at": SAMPLE_MOMENT},
    "organisation": {"account": "000012345"},
    "password_changed": {"account": "000012345", "changed_at": SAMPLE_MOMENT},
    "new_password": {"account": "000012345", "secret": "…", "expires_at": SAMPLE_MOMENT},
    "email_replaced": {"account": "000012345", "changed_at": SAMPLE_MOMENT},
    "account_linked": {"account": "000012345", "linked_at": SAMPLE_MOMENT},
    "sessions_ended": {"account": "000012345", "ended_at": SAMPLE_MOMENT},
    "email_change_old": {
        "account": "000012345",
        "email": "a@example.ru",
        "link": "/email/A",
        "expires_at": SAMPLE_MOMENT,
    },
    "request_taken": {
        "number": "З-000001",
        "title": "Договор",
        "link": "/asked/A",
        "submitted_at": SAMPLE_MOMENT,
    },
    "email_change_new": {"account": "000012345", "link": "/email/A", "expires_at": SAMPLE_MOMENT},
    "email_changed": {"account": "000012345", "email": "a@example.ru", "changed_at": SAMPLE_MOMENT},
    "delegation_offered": {
        "account": "000012345",
        "role": "view",
        "last_day": "2027-01-31",
        "link": "/invitation/A",
        "expires_at": SAMPLE_MOMENT,
    },
    "delegation_accepted": {
        "account": "000012345",
        "email": "a@example.ru",
        "role": "view",
        "last_day": "2027-01-31",
        "accepted_at": SAMPLE_MOMENT,
    },
    "delegation_begun": {"account": "000012345", "code": "AAAAAAAAAA", "role": "view", "last_day": "2027-01-31"},
    "delegation_ended": {"account": "000012345", "why": "day_has_come"},
    "notices": {"account": "000012345", "notices": facts.IN_LETTERS, "unsubscribe": "/unsubscribe/AAAAAAAAAA.a"},
}
# Letters to whoever looks after the exchange, in his language; needed where `alerts` names one.
OPERATORS_LANGUAGES: Final = ("ru",)
KINDS_FOR_OPERATORS: Final[dict[str, dict[str, Any]]] = {
    "operator_alert": {
        "opened": [{"what": "задание nightly: …", "since": SAMPLE_MOMENT, "todo": ["посмотрите lk-sync status"]}],
        "closed": [{"what": "источник accounting: …", "since": SAMPLE_MOMENT, "lasted": "2 ч 5 мин"}],
    },
    "operator_digest": {
        "since": SAMPLE_MOMENT,
        "jobs": [
            {"job": "nightly", "does": "pull", "good": 1, "held": 0, "failed": 0, "good_at": SAMPLE_MOMENT},
            {"job": "readings", "does": "push", "good": 0, "held": 0, "failed": 0, "good_at": None},
        ],
        "changes": [{"source": "accounting", "dataset": "charges", "inserted": 3, "updated": 2, "ended": 1}],
        "data": [{"dataset": "charges", "source": "accounting", "as_of": SAMPLE_MOMENT, "stale": True}],
        "troubles": [{"what": "источник accounting: …", "todo": ""}],
        "rejects": [{"source": "accounting", "dataset": "bills", "field": "number", "reason": "…", "times": 7}],
        "outbox": {"waiting": 1, "exported": 2, "unanswered": 0, "stray": 0},
        "letters": {"waiting": 0, "failed": 0, "uncertain": 0},
        "free_gigabytes": 40,
    },
}


class Stationery:
    """Raises SettingsError when a template is missing or broken."""

    def __init__(self, folder: Path, lk: Lk, mail: Mail) -> None:
        self._name = PublicName(lk.portal)
        self._sender = _sender(mail.sender)
        self._about = {"supplier": lk.supplier, "portal": self._name.base_url}
        self._templates = {language: _environment(folder, Formats(language, lk.zone)) for language in LANGUAGES}
        for kind, sample in KINDS.items():
            for language in LANGUAGES:
                self._try(folder, kind, language, sample)
        for kind, told in KINDS_FOR_OPERATORS.items() if lk.alerts else ():
            for language in OPERATORS_LANGUAGES:
                self._try(folder, kind, language, told)

    @property
    def envelope_sender(self) -> str:
        return self._sender.addr_spec

    def compose(self, letter: Letter, *, now: datetime) -> EmailMessage:
        """The letter as it is sent. Its Message-ID is the same at every attempt."""
        subject, text, html = self._texts(letter.kind, letter.language, letter.context)
        message = EmailMessage(policy=SMTP)
        message.set_raw("From", _mailbox(self._sender))
        message["To"] = Address(addr_spec=letter.recipient)
        message.set_raw("Subject", _encoded(subject, "Subject"))
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{letter.letter}@{self._name.hostname}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-LK-Purpose"] = letter.purpose
        if (path := letter.context.get("unsubscribe")) is not None:  # RFC 8058: one press in the reader's mail program
            message["List-Unsubscribe"] = f"<{self._name.base_url}{path}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text, cte="base64")
        message.add_alternative(html, subtype="html", cte="base64")
        return message

    def _texts(self, kind: str, language: str, context: dict[str, Any]) -> tuple[str, str, str]:
        environment = self._templates[language]
        told = self._about | context
        subject, _, text = environment.get_template(f"{kind}.{language}.txt").render(told).partition("\n")
        return (
            " ".join(subject.split()),
            text.strip() + "\n",
            environment.get_template(f"{kind}.{language}.html").render(told),
        )

    def _try(self, folder: Path, kind: str, language: str, sample: dict[str, Any]) -> None:
        try:
            subject, _, _ = self._texts(kind, language, sample)
        except jinja2.TemplateNotFound as error:
            raise SettingsError(f"{folder / (error.name or kind)}: нет шаблона письма") from error
        except jinja2.TemplateSyntaxError as error:
            raise SettingsError(f"{folder / (error.name or '')}, строка {error.lineno}: {error.message}") from error
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            raise SettingsError(f"{folder / kind}.{language}: шаблон письма не складывается ({error})") from error
        if not subject:
            raise SettingsError(f"{folder / kind}.{language}.txt, строка 1: нет темы письма")


def _encoded(text: str, header: str) -> str:
    """`text` as it stands in a header, folded. The policy's own folding loses a space between words where it breaks a
    line of Cyrillic letters; what is folded already it leaves alone."""
    return Header(text, "us-ascii" if text.isascii() else "utf-8", header_name=header).encode()


def _mailbox(address: Address) -> str:
    """On a line of its own stands what must not be broken."""
    if not address.display_name or address.display_name.isascii():
        return str(address)
    return f"{_encoded(address.display_name, 'From')}\n <{address.addr_spec}>"


def _environment(folder: Path, formats: Formats) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=jinja2.select_autoescape(["html"], default_for_string=False),
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        moment=formats.moment,
        money=formats.money,
        dial=formats.dial,
        month=formats.month,
        day=formats.day,
        short_day=formats.short_day,
    )
    return environment


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    try:
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError) as error:
        raise SettingsError(f"mail.sender: «{text}» – нужен адрес вида «Личный кабинет <lk@example.ru>»") from error
