"""Play: which parts make the demo, in which order do they start, and what ends it?

The outside world is played in this process (the drop, the mail server, the accounting system's clerk); the product
runs as it would on a supplier's machine: `lk-sync pull` once, then `lk-sync run` and `lk-portal`.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from demo import drop, local_settings, mailbox
from demo.bookkeeper import Bookkeeper
from demo.certificates import Authority
from demo.children import Child, Fallen, wait_until
from demo.local_settings import Peer
from demo.office import Office
from demo.state import State
from demo.supplier import Books, Plan, Supplier
from lk_sync.bill_code import bill_code
from lk_sync.records import DATASETS
from lk_sync.setting import SecretValue

PROGRAMS: Final = Path(sys.executable).parent
DROP_VISITOR: Final = "lk"
MAIL_VISITOR: Final = "lk@energoservice.example"
CODE_KEY: Final = "bill_code_key"
START_SECONDS: Final = 60
INVITED: Final = 3


class PortTaken(RuntimeError):
    """Somebody listens there already."""


class Invitation(msgspec.Struct, frozen=True):
    """An account that may register, with what its last bill says."""

    account: str
    amount_kopecks: int
    period: int
    bill: str

    def code(self, key: SecretValue) -> str:
        """The code that the supplier prints on this bill."""
        return bill_code(key, account=self.account, period=self.period, number=self.bill)


class Play:
    """A running demo. `invitations` are accounts to try."""

    def __init__(self, site: str, state: State, books: Bookkeeper, children: list[Child], office: Office) -> None:
        self.site = site
        self.state = state
        self.books = books
        self.invitations = invitations(books.supplier)
        self._children = children
        self._office = office

    def code(self, invited: Invitation) -> str:
        """What the bill of an invitation bears beside its sum, should the portal ask for it."""
        return invited.code(SecretValue(self.state.secret_file(CODE_KEY).read_text("utf-8")))

    def check(self) -> None:
        """Raise Fallen if a part has ended."""
        for child in self._children:
            child.check()
        self._office.check()


@contextmanager
def playing(state: State, plan: Plan, port: int, *, pull_every: str = "30s") -> Iterator[Play]:
    """The whole demo, running until the block ends; then every part of it has ended. Raises PortTaken, Fallen."""
    refuse_taken(port)
    with ExitStack() as stack:
        books = Bookkeeper(Supplier(plan), state.journal)
        office = Office(state, books)
        drop_peer = stack.enter_context(_drop(state))
        mail_peer = stack.enter_context(_mail(state))
        local_settings.write(
            state.config, port=port, data=state.data, drop=drop_peer, mail=mail_peer, pull_every=pull_every
        )
        state.new_secret(CODE_KEY)
        office.hand_out()
        _first_sync(stack, state)
        portal = _start(stack, state, "портал", "lk-portal", log="portal.log")
        timetable = _start(stack, state, "расписание обмена", "lk-sync", "run", log="timetable.log")
        stack.enter_context(office.open())
        wait_until(lambda: _answers(port), portal, START_SECONDS)
        yield Play(f"http://127.0.0.1:{port}", state, books, [portal, timetable], office)


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "занят другой программой" if error.errno == errno.EADDRINUSE else f"не даётся ({error.strerror})"
            raise PortTaken(f"порт {port} {why}; укажите другой: make demo PORT={port + 1}") from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _drop(state: State) -> Iterator[Peer]:
    visitor = drop.Visitor(name=DROP_VISITOR, password=state.new_secret("sftp_password"))
    with drop.running(state.drop, key=drop.host_key(state.secrets / "drop_host_key"), visitor=visitor) as served:
        yield Peer(host=served.host, port=served.port, username=DROP_VISITOR, proof=served.host_key)


@contextmanager
def _mail(state: State) -> Iterator[Peer]:
    authority = Authority(state.secrets / "authority")
    certificate = authority.issue("mail")
    password = state.new_secret("smtp_password")
    with mailbox.running(state.letters, certificate, username=MAIL_VISITOR, password=password) as served:
        yield Peer(host=served.host, port=served.port, username=MAIL_VISITOR, proof=str(authority.ca))


def _first_sync(stack: ExitStack, state: State) -> None:
    sync = _start(stack, state, "первая загрузка", "lk-sync", "pull", "accounting")
    if code := sync.wait():
        raise Fallen(f"первая загрузка данных не удалась (код {code}), причина выше")


def _start(stack: ExitStack, state: State, title: str, program: str, *words: str, log: str | None = None) -> Child:
    command = [str(PROGRAMS / program), *words]
    child = Child(title, command, environment(state), state.logs / log if log else None)
    stack.callback(child.stop)
    return child


def environment(state: State) -> dict[str, str]:
    """Ours without the operator's own `LK_*`, with the demo's folder and the files of its secrets."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LK_")}
    return inherited | {
        "LK_CONFIG": str(state.config),
        "LK_SFTP_PASSWORD_FILE": str(state.secret_file("sftp_password")),
        "LK_SMTP_PASSWORD_FILE": str(state.secret_file("smtp_password")),
        "LK_REGISTRATION__CODE_KEY": "{secret: BILL_CODE_KEY}",
        "LK_BILL_CODE_KEY_FILE": str(state.secret_file(CODE_KEY)),
    }


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def invitations(supplier: Supplier) -> list[Invitation]:
    """The first accounts of people who owe, have a meter to read and have not handed in the open month."""
    found: list[Invitation] = []
    for books in supplier.every():
        if invitation := _invitation(supplier.plan, books):
            found.append(invitation)
        if len(found) == INVITED:
            break
    return found


def _invitation(plan: Plan, books: Books) -> Invitation | None:
    account, bill = _named(books, "accounts", 0), _named(books, "bills", -1)
    reads = any(not _named(books, "meters", each)["automatic"] for each in range(len(books["meters"])))
    has_read = any(row[4] == plan.open_month.period for row in books["readings"])
    suits = account["holder_kind"] == "person" and account["closed_on"] is None and reads and not has_read
    if not suits or bill["state"] != "issued" or bill["amount_due_kopecks"] <= 0:
        return None
    return Invitation(account["account"], bill["amount_due_kopecks"], bill["period"], bill["number"])


def _named(books: Books, dataset: str, position: int) -> dict[str, Any]:
    return dict(zip(DATASETS[dataset].columns, books[dataset][position], strict=False))
