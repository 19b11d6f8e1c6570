"""Registers of a bank beside the books, as a person would set it up; and files that were mutated on the way."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lk_sync.errors import LkError, SettingsError
from lk_sync.schedules import Job
from tests.at_the_folder import HEAD, Shop, line
from tests.at_the_folder import bank as bank
from tests.at_the_folder import shop as shop

MATCH = {"beside": "books", "match": ["account", "paid_on", "amount_kopecks"], "match_days": 3}


def books(bank: Shop, *lines: str) -> None:
    """The accounting system lays its snapshot, and it is pulled."""
    folder = bank.root / "books"
    folder.mkdir(mode=0o750, exist_ok=True)
    payments = {key: value for key, value in bank.dataset.items() if key not in (*MATCH, "options")}
    tree = {"source": "folder", "connection": {"folder": str(folder)}, "datasets": {"payments": payments}}
    (bank.config_folder / "sources" / "books.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
    number = len(list(folder.rglob("*.csv"))) + 1
    (folder / f"payments-{number}.csv").write_text(HEAD + "".join(lines), "utf-8", newline="")
    (folder / f"payments-{number}.csv.ok").touch()
    bank.puller.walk("books", Job(pull="books", every="1h"))


def test_a_register_and_the_books_give_every_payment_once(bank: Shop) -> None:
    bank.write(**MATCH)
    books(bank, line("к1", "100.00", "2026-11-04"))
    bank.lay("payments-1.csv", HEAD + line("б1", "100.00", "2026-11-02") + line("б2", "55.00", "2026-11-05"))
    report = bank.pull()
    assert (report.datasets[0].pulled, report.datasets[0].inserted) == (2, 1)
    assert bank.paid == {"б2": 5_500, "к1": 10_000}
    books(bank, line("к1", "100.00", "2026-11-04"), line("к2", "55.00", "2026-11-06"))
    assert bank.paid == {"к1": 10_000, "к2": 5_500}
    books(bank, line("к2", "55.00", "2026-11-06"))
    assert bank.paid == {"б1": 10_000, "к2": 5_500}
    assert bank.pull().state == "unchanged"
    assert bank.paid == {"б1": 10_000, "к2": 5_500}


def test_two_sources_that_do_not_say_which_is_first_are_refused(bank: Shop) -> None:
    with pytest.raises(SettingsError, match="beside"):
        books(bank, line("к1"))


def test_a_column_that_is_no_text_is_told_and_noted(bank: Shop) -> None:
    bank.lay("payments-1.csv", HEAD.encode()[1:] + line("a").encode())
    with pytest.raises(LkError, match="ЛС"):
        bank.pull()
    assert bank.names("done") == []


BODY = (HEAD + "".join(line(f"п{i}", f"{i}.{i:02d}") for i in range(1, 30))).encode()
MUTATION = st.tuples(
    st.sampled_from(["cut", "put", "drop", "twice"]), st.integers(0, len(BODY)), st.binary(min_size=1, max_size=4)
)


def mutated(how: str, at: int, what: bytes) -> bytes:
    match how:
        case "cut":
            return BODY[:at]
        case "put":
            return BODY[:at] + what + BODY[at:]
        case "drop":
            return BODY[:at] + BODY[at + len(what) :]
    return BODY[:at] + BODY[at - 40 if at > 40 else 0 :]


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])  # a run is too long to be shrunk
@given(mutations=st.lists(MUTATION, min_size=3, max_size=6))
def test_mutated_files_lose_no_row_silently(mutations: list[Any]) -> None:
    """Each file is put aside with its report or its rows are there; the run goes on with the others."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o750)
        (root / "out").mkdir(mode=0o750)
        shop = Shop(root, {"folder": str(root / "out")})
        try:
            shop.write(options={"deltas": True})
            for number, mutation in enumerate(mutations):
                shop.lay(f"payments-{number}.csv", mutated(*mutation), sign=False)
                (shop.out / f"payments-{number}.csv.ok").write_bytes(b"")
            _nothing_is_lost(shop, len(mutations))
        finally:
            shop.store.close()


def _nothing_is_lost(shop: Shop, files: int) -> None:
    try:
        (dataset,) = shop.pull().datasets
    except LkError:  # its columns are others: nothing was taken and nothing moved
        assert shop.names("done") == shop.names("error") == []
        return
    done = [name for name in shop.names("done") if name.endswith(".csv") and not name.endswith(".err.csv")]
    refused = [name for name in shop.names("error") if name.endswith(".csv") and not name.endswith(".err.csv")]
    assert len(done) + len(refused) == files
    assert all(shop.report(name, "error") for name in refused)
    told = sum(len(shop.report(name).splitlines()) - 1 for name in done if f"{name}.err.csv" in shop.names("done"))
    assert dataset.rejected <= told
    taken = dict(shop.cells("SELECT name, state FROM taken_files"))
    assert len(taken) == files
    assert dataset.pulled - dataset.rejected >= len(shop.paid)
