"""Printed: what do other programs read in a bill that we have printed?"""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pikepdf

from lk_sync.cache.reader import CacheReader
from lk_sync.config import Config
from lk_sync.setting import SecretValue
from portal.bills.paper import Desk, Paper, paper
from portal.subject import subject
from portal.vocabulary import vocabulary

CONFIG = Path(__file__).parents[3] / "config"
LAST = 202610
KEY = SecretValue("a key of codes that is long enough")


@cache
def desk() -> Desk:
    lk = Config(CONFIG, {}).lk
    return Desk(lk.supplier, lk.bills, vocabulary("ru"), KEY)


def paper_of(reader: CacheReader, number: str, period: int = LAST, *, of: str | None = None) -> Paper | None:
    key = reader.account_key(number)
    assert key is not None
    with reader.view() as view:
        whose = subject(view, key)
        assert whose is not None
        return paper(view, whose, period, desk(), of=of)


def pages(pdf: bytes) -> list[str]:
    """As a reader hears them; spaces that hold words together are spaces."""
    ran = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    return [re.sub(r"[ \xa0\n]+", " ", page) for page in ran.stdout.decode().split("\f")[:-1]]


def text(pdf: bytes) -> str:
    return " ".join(pages(pdf))


def pictures(pdfs: Sequence[bytes], folder: Path, *, dots: int, area: str = "") -> list[Path]:
    """The first page of each."""
    whole = pikepdf.new()
    for each in pdfs:
        with pikepdf.open(io.BytesIO(each)) as one:
            whole.pages.append(one.pages[0])
    whole.save(folder / "all.pdf")
    words = ["pdftoppm", "-gray", "-r", str(dots), *area.split(), folder / "all.pdf", folder / "page"]
    subprocess.run(words, check=True, capture_output=True)
    return sorted(folder.glob("page-*.pgm"))


def codes(shown: Sequence[Path]) -> bytes:
    """What stands in the codes of all pictures, one after the other, byte for byte."""
    words = ["zbarimg", "-q", "--nodbus", "--raw", "-Sdisable", "-Sqrcode.enable", "-Sbinary", *map(str, shown)]
    return subprocess.run(words, capture_output=True, check=False).stdout
