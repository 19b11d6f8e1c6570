"""The encoding of a file is told by its letters, also where there are few words and many capitals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.formats import encodings
from connectors.formats.encodings import ONE_BYTE
from demo import snapshot
from demo.bookkeeper import Bookkeeper
from demo.supplier import Plan, Supplier


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All files of an export, as they are and in capitals."""
    folder: Path = tmp_path_factory.mktemp("export")
    books = Bookkeeper(Supplier(Plan(seed=1, accounts=20, today=date(2026, 11, 23))))
    snapshot.write(folder, books, datetime.now(UTC))
    found = {file.name.partition("-")[0]: file.read_text("utf-8") for file in folder.glob("*.csv")}
    for name in ("weather", "allocations"):
        del found[name]  # a heading and a word or two are all the letters they have, and prove nothing
    return found | {f"{name} in capitals": text.upper() for name, text in found.items()}


@pytest.mark.parametrize("encoding", ONE_BYTE)
def test_the_encoding_of_every_file_of_an_export_is_recognised(texts: dict[str, str], encoding: str) -> None:
    assert {name: encodings.likely(text.encode(encoding, "replace")) for name, text in texts.items()} == dict.fromkeys(
        texts, encoding
    )


@pytest.mark.parametrize("encoding", ONE_BYTE)
def test_a_file_is_refused_in_every_other_encoding_and_taken_in_its_own(texts: dict[str, str], encoding: str) -> None:
    for name, text in texts.items():
        sample = text.encode(encoding, "replace")
        for other in ONE_BYTE:
            found = encodings.surely_other(sample, other)
            assert found == (None if other == encoding else encoding), f"{name} of {encoding} read as {other}"
