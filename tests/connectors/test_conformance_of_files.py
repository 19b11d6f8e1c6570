"""Do sources of files keep the promises of `lk_sync.contracts`, whatever leads to the files and in any format?"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import openpyxl
import pytest

from connectors.folder.settings import FolderSettings
from connectors.folder.source import FolderSource
from demo import publisher, snapshot
from demo.certificates import Authority
from lk_sync import conformance
from lk_sync.conformance import SourceCase
from tests.at_the_drop import TheDrop
from tests.at_the_drop import server_key as server_key
from tests.at_the_publisher import TOKEN, TheSite, packed
from tests.connectors.test_conformance import MOMENT, WRONG, Kept, of_files
from tests.connectors.test_conformance import accounting_drop as accounting_drop
from tests.connectors.test_conformance import closed_port as closed_port
from tests.connectors.test_conformance import kept as kept


@pytest.fixture(scope="module")
def folder(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> SourceCase:
    """A folder in which the accounting system has laid a full set."""
    out = tmp_path_factory.mktemp("folder") / "out"
    out.mkdir(mode=0o750)
    snapshot.write(out, kept.books, MOMENT)
    everybody = out.parent / "everybody"
    everybody.mkdir()
    everybody.chmod(0o777)

    def make(where: Path = out) -> FolderSource:
        return FolderSource(FolderSettings(folder=where))

    return kept.case(of_files("csv"), make=make, unprotected=lambda: make(everybody))


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_folder_source_keeps(promise: Callable[[SourceCase], None], folder: SourceCase) -> None:
    promise(folder)


@pytest.fixture(scope="module")
def books_of_sheets(kept: Kept, accounting_drop: TheDrop) -> SourceCase:
    """The same set as XLSX in the drop, with digests instead of manifests."""
    for path in (accounting_drop.root / "out").glob("*.csv"):
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Лист1")
        for row in csv.reader(io.StringIO(path.read_bytes().decode()), delimiter=";"):
            sheet.append(row)
        book.save(path.with_suffix(".xlsx"))
        digest = hashlib.sha256(path.with_suffix(".xlsx").read_bytes()).hexdigest()
        path.with_suffix(".xlsx.sha256").write_text(f"{digest}  {path.stem}.xlsx\n")
    return kept.case(
        of_files("xlsx"), make=accounting_drop.source, unprotected=lambda: accounting_drop.source(host_key=None)
    )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_sftp_source_of_other_formats_keeps(
    promise: Callable[[SourceCase], None], books_of_sheets: SourceCase
) -> None:
    promise(books_of_sheets)


@pytest.fixture(scope="module")
def published(kept: Kept, closed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SourceCase]:
    """The same set in an archive on a web server."""
    folder = tmp_path_factory.mktemp("published")
    authority, stranger = Authority(folder / "authority"), Authority(folder / "stranger")
    (folder / "set").mkdir()
    snapshot.write(folder / "set", kept.books, MOMENT)
    with (
        pytest.MonkeyPatch.context() as patch,
        publisher.running(folder / "out", authority.issue("site"), authorization=f"Bearer {TOKEN}") as running,
    ):
        members = [(path.name, path.read_bytes()) for path in sorted((folder / "set").iterdir())]
        (running.root / "export.zip").write_bytes(packed(*members))
        patch.setenv("LK_SITE_TOKEN", TOKEN)
        patch.setenv("LK_WRONG_PASSWORD", WRONG)
        patch.setattr("connectors.https.web.PAUSE_SECONDS", 0.01)
        site = TheSite(running, authority)
        make = partial(site.source, archive="export.zip")
        yield kept.case(
            of_files("csv"),
            make=make,
            unprotected=lambda: make(ca=None),
            impostor=lambda: make(ca=str(stranger.ca)),
            unreachable=lambda: make(url=f"https://127.0.0.1:{closed_port}/out/"),
            denied=lambda: make(username="lk", password={"secret": "WRONG_PASSWORD"}, token=None),
            secrets=(TOKEN, WRONG),
        )


@pytest.mark.parametrize("promise", conformance.SOURCE_PROMISES, ids=conformance.title)
def test_the_https_source_keeps(promise: Callable[[SourceCase], None], published: SourceCase) -> None:
    promise(published)
