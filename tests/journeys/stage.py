"""Stage: the whole of it at once. An accounting system in PostgreSQL behind TLS and ODBC, an SFTP drop, a mail server,
`lk-sync run` and `lk-portal` as they are started on a supplier's machine, and a clerk who answers.

The clerk books into PostgreSQL what he confirms. `inspected` is what an inspector wrote down and nobody has entered
yet: the clerk knows it, the portal does not.
"""

from __future__ import annotations

import http.client
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from demo import drop, local_settings, mailbox
from demo.accountant import Accountant
from demo.bookkeeper import Bookkeeper, ReadingTaken
from demo.certificates import Authority
from demo.children import Child, wait_until
from demo.local_settings import Peer
from demo.mailbox import Mailbox
from demo.play import Invitation, free_port, invitations
from demo.postgres import Postgres
from demo.sql_base import Desk, load
from demo.supplier import Books, Plan, Supplier
from lk_sync.records import DATASETS, month_number
from tests.faults.ways import READER, READER_PASSWORD, over_odbc

T = TypeVar("T")
ACCOUNTS: Final = 60
BASE: Final = "journeys"
SECRET: Final = "за семью замками"
PROGRAMS: Final = Path(sys.executable).parent
PATIENCE_SECONDS: Final = 40.0
PASSWORD_LINE: Final = re.compile(r"(?:Пароль для первого входа|Password for the first login): (\S+)")
TIMETABLE: Final = {
    "jobs": {
        "accounting": {"pull": "accounting", "every": "2s"},
        "readings": {"push": "accounting", "every": "1s"},
    }
}


@dataclass
class Stage:
    """Everything runs until the test ends."""

    site: str
    mailbox: Mailbox
    books: Bookkeeper
    inspected: dict[str, int]
    logs: Path
    clerk: Clerk
    children: list[Child]
    _invited: list[Invitation] = field(default_factory=list)

    def invite(self) -> Invitation:
        """A subscriber who owes, has a meter, and has not been here before."""
        return self._invited.pop(0)

    def books_of(self, account: str) -> Books:
        books = self.books.books_of(account)
        assert books is not None
        return books

    def meter_of(self, account: str) -> str:
        """The one that can be read now."""
        return next(str(row[1]) for row in self.books_of(account)["meters"] if row[10] is None)

    def last_reading(self, account: str) -> int:
        meter, columns = self.meter_of(account), DATASETS["readings"].columns
        rows = [dict(zip(columns, row, strict=False)) for row in self.books_of(account)["readings"]]
        return int([row for row in rows if row["meter"] == meter][-1]["value_micro"])

    def password(self, email: str) -> str:
        """From the letter, when it has come."""
        letter = self.patiently(lambda: next(iter(self.mailbox.letters(to=email)), None), f"a letter to {email}")
        body = letter.get_body(("plain",))
        assert body is not None
        found = PASSWORD_LINE.search(body.get_content())
        assert found, body.get_content()
        return found[1]

    def patiently(self, look: Callable[[], T | None], what: str) -> T:
        """What `look` finds, within a while; meanwhile every part has to live."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (found := look()):
            self.check()
            assert time.monotonic() < until, f"{what} did not come"
            time.sleep(0.1)
        return found

    def check(self) -> None:
        for child in self.children:
            child.check()
        if self.clerk.fault is not None:
            raise self.clerk.fault


class Clerk(threading.Thread):
    """Takes files from the drop, books into the base, answers."""

    def __init__(self, root: Path, desk: Desk, inspected: dict[str, int]) -> None:
        super().__init__(name="clerk", daemon=True)
        self._desk = desk
        self._inspected = inspected
        self._accountant = Accountant(root, on_reading=self._book, last_value=self._last_value)
        self._stop_asked = threading.Event()
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stop_asked.wait(0.2):
                self._accountant.work()
        except Exception as error:  # told by `Stage.check`
            self.fault = error

    def _book(self, *, item: str, period: str, **reading: Any) -> None:
        at = datetime.now(UTC).isoformat()
        self._desk.book(ReadingTaken(reading=item, period=month_number(period), at=at, **reading))

    def _last_value(self, *, account: str, meter: str) -> int | None:
        return self._inspected.get(meter)

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


@contextmanager
def set_up(folder: Path, server: Postgres) -> Iterator[Stage]:
    """The stage with everything running and the first data in the cache."""
    supplier = Supplier(Plan(seed=7, accounts=ACCOUNTS, today=date.today()))  # noqa: DTZ011 - the demo's day is the machine's
    books, port = Bookkeeper(supplier), free_port()
    inspected: dict[str, int] = {}
    with ExitStack() as stack:
        server.create_database(BASE)
        base = stack.enter_context(server.connect(BASE))
        load(base, books)
        server.create_reader(BASE, READER, READER_PASSWORD)
        box = _configure(stack, folder, server, port)
        clerk = Clerk(folder / "drop", Desk(base, books), inspected)
        clerk.start()
        stack.callback(clerk.stop)
        children = [_start(stack, folder, "lk-sync", "run"), _start(stack, folder, "lk-portal")]
        wait_until(lambda: _is_ready(port), children[1], PATIENCE_SECONDS)
        site = f"http://127.0.0.1:{port}"
        yield Stage(site, box, books, inspected, folder, clerk, children, invitations(supplier))


def _configure(stack: ExitStack, folder: Path, server: Postgres, port: int) -> Mailbox:
    authority = Authority(folder / "authority")
    visitor = drop.Visitor(name="lk", password=SECRET)
    served = stack.enter_context(drop.running(folder / "drop", key=drop.host_key(folder / "key"), visitor=visitor))
    box = stack.enter_context(
        mailbox.running(folder / "letters", authority.issue("mail"), username="lk", password=SECRET)
    )
    local_settings.write(
        folder / "config",
        port=port,
        data=folder / "data",
        drop=Peer(host=served.host, port=served.port, username="lk", proof=served.host_key),
        mail=Peer(host=box.host, port=box.port, username="lk", proof=str(authority.ca)),
        pull_every="2s",
    )
    _write(folder / "config" / "sources" / "accounting.yaml", over_odbc(server, BASE))
    _write(folder / "schedules.yaml", TIMETABLE)
    return box


def _write(file: Path, settings: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")


def _start(stack: ExitStack, folder: Path, program: str, *words: str) -> Child:
    secrets = {"LK_SFTP_PASSWORD": SECRET, "LK_SMTP_PASSWORD": SECRET, "LK_ACCOUNTING_PASSWORD": READER_PASSWORD}
    environment = os.environ | secrets | {"LK_CONFIG": str(folder / "config")}
    child = Child(program, [str(PROGRAMS / program), *words], environment, folder / f"{program}.log")
    stack.callback(child.stop)
    return child


def _is_ready(port: int) -> bool:
    """It listens, and there is something to show."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
