"""Bills: what does a printed bill cost, beside other ways of making the same PDF?

    python -m bench.bills [--count 40] [--only weasyprint]

The bill of somebody invented: one A4 page, lines, settlements, meters, norms and tariffs, payment code,
Cyrillic fonts embedded. Each way prints it over and over in one process and then in two at once; what it has made is
read by `pdftotext` and must hold the account, the sum and the total before anything is told. The peers set the same
HTML (WeasyPrint, Chromium, xhtml2pdf as its manual shows it) or the same rows by their own means (fpdf2).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import segno

from lk_sync.config import Config
from lk_sync.formats import Formats
from portal.bills.paper import Paper
from portal.bills.sample import payable
from portal.bills.square import ERROR_CORRECTION, MASK, QUIET_ZONE, _dark
from portal.bills.template import Template
from portal.bills.typesetting import CODE_TAG, FONTS, PAGES_TAG
from portal.bills.wire import SHIPPED, Setup

ROOT: Final = Path(__file__).parents[1]
LOADERS: Final = Path(__file__).with_name("loaders")
PEERS: Final = ROOT / ".bench" / "bills"
REQUIREMENTS: Final = ("weasyprint==70.0", "fpdf2==2.8.9")
OURS: Final = sys.executable


class Way(msgspec.Struct, frozen=True):
    name: str
    loader: str
    python: str
    words: tuple[str, ...] = ()
    most: int = 1_000_000  # bills; slow ones are not asked for more


WAYS: Final = (
    Way("ours: xhtml2pdf in a warm worker", "bills_xhtml2pdf.py", OURS, ("ours",)),
    Way("xhtml2pdf, as its manual shows it", "bills_xhtml2pdf.py", OURS, ("plain",), 8),
    Way("fpdf2", "bills_fpdf2.py", str(PEERS / "bin" / "python")),
    Way("WeasyPrint", "bills_weasyprint.py", str(PEERS / "bin" / "python"), (), 12),
    Way("Chromium, headless", "bills_chromium.py", OURS),
)


def install() -> None:
    stamp = PEERS / "requirements"
    if stamp.exists() and stamp.read_text("utf-8") == "\n".join(REQUIREMENTS):
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", PEERS], check=True)
    subprocess.run([PEERS / "bin" / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    stamp.write_text("\n".join(REQUIREMENTS), "utf-8")


def lay_out(folder: Path) -> Paper:
    """The bill in the words of every way."""
    lk = Config(ROOT / "config", {}).lk
    paper, formats = payable(lk.supplier, lk.bills), Formats("ru", lk.zone)
    html = Template(SHIPPED, lk.supplier, formats).html(paper)
    for font in FONTS.glob("*.ttf"):
        shutil.copy(font, folder)
    shutil.copy(SHIPPED / "bill.css", folder)
    (folder / "page.html").write_text(_for_browsers(html, paper.qr), "utf-8")
    (folder / "pisa.html").write_text(_for_pisa(html, paper.qr), "utf-8")
    (folder / "bill.json").write_text(json.dumps(_rows(paper, formats), ensure_ascii=False), "utf-8")
    (folder / "bill.msgpack").write_bytes(msgspec.msgpack.encode(paper))
    setup = Setup(lk.supplier, lk.bills, str(lk.time_zone), str(SHIPPED))
    (folder / "setup.msgpack").write_bytes(msgspec.msgpack.encode(setup))
    return paper


def _square(code: bytes) -> segno.QRCode:
    return segno.make_qr(code, error=ERROR_CORRECTION, mode="byte", boost_error=False, mask=MASK)


def _for_browsers(html: str, code: bytes) -> str:
    """The page with its own fonts and the code as SVG; what only our typesetter knows is left out."""
    svg = _square(code).svg_inline(border=QUIET_ZONE, omitsize=True)
    faces = "".join(
        f"@font-face {{ font-family: 'Kvitok Sans'; font-weight: {weight}; src: url({file}); }}"
        for weight, file in (("normal", "regular.ttf"), ("bold", "bold.ttf"))
    )
    sheet = f"<style>{faces} svg {{ width: 41mm }} table {{ border-collapse: collapse }}</style>"
    return _without_ours(html, f"{svg}").replace("</head>", f"{sheet}</head>")


def _for_pisa(html: str, code: bytes) -> str:
    faces = "".join(
        f"@font-face {{ font-family: 'Kvitok Sans'; font-weight: {weight}; src: url({file}); }}"
        for weight, file in (("normal", "regular.ttf"), ("bold", "bold.ttf"))
    )
    barcode = f'<pdf:barcode value="{code.decode()}" type="qr" barwidth="41mm" barheight="41mm">'.replace("|", "&#124;")
    return _without_ours(html, barcode).replace("</head>", f"<style>{faces}</style></head>")


def _without_ours(html: str, square: str) -> str:
    before, _, rest = html.partition(f"<{CODE_TAG} ")
    after = rest.partition(f"</{CODE_TAG}>")[2]
    return f"{before}{square}{after}".replace(f"<{PAGES_TAG}></{PAGES_TAG}>", "Страница 1")


def _rows(paper: Paper, formats: Formats) -> dict[str, Any]:
    money, volume = formats.money, formats.volume
    matrix = [bytes(row) for row in _square(paper.qr).matrix]
    runs = [(start, number, length) for number, row in enumerate(matrix) for start, length in _dark(row)]
    lines = [
        [each.title, each.method, volume(each.volume_micro), each.unit, formats.tariff(each.tariff_micro),
         money(each.charged), money(each.recalculated), money(each.benefit), money(each.total)]
        for each in paper.lines
    ]  # fmt: skip
    sums = [["К оплате", money(paper.due)], ["Оплачено", money(paper.sums.paid)], ["Итого", money(paper.sums.total)]]
    meters = [[each.title, each.serial, formats.dial(each.was_micro, 3), formats.dial(each.now_micro, 3)]
              for each in paper.reference.meters]  # fmt: skip
    prices = [
        [each.title, volume(each.micro), each.basis] for each in (*paper.reference.norms, *paper.reference.tariffs)
    ]
    return {
        "title": paper.number,
        "modules": len(matrix),
        "runs": runs,
        "strip": [paper.payer.account, paper.payer.name, paper.payer.address, money(paper.due)],
        "tables": [
            ("Расчёт размера платы", [46, 28, 16, 10, 18, 18, 18, 18, 18], lines),
            ("Расчёты с плательщиком", [140, 40], sums),
            ("Приборы", [60, 40, 40, 40], meters),
            ("Нормативы и тарифы", [60, 40, 80], prices),
        ],
    }


def run(way: Way, folder: Path, count: int, processes: int) -> list[dict[str, Any]]:
    """What each of so many processes says that runs at the same time."""
    command = [way.python, str(LOADERS / way.loader), str(min(count, way.most)), *way.words]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(LOADERS), str(ROOT)))}
    begun = [
        subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    said = []
    for process in begun:
        out, err = process.communicate()
        if process.returncode:
            raise SystemExit(f"{way.name}: {err[-1500:]}")
        said.append(json.loads(out.strip().splitlines()[-1]))
    return said


def check(way: Way, folder: Path, wanted: Sequence[str]) -> None:
    done = subprocess.run(
        ["pdftotext", "-raw", "bill.pdf", "-"], cwd=folder, check=True, capture_output=True, text=True
    )
    shown = " ".join(done.stdout.replace("\xa0", " ").split())
    missing = [each for each in wanted if each.replace("\xa0", " ") not in shown]
    if missing:
        raise SystemExit(f"{way.name}: на квитанции нет {missing}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    install()
    print(f"{'':36}first s   ms/bill   CPU ms   bills/s 1   bills/s 2   peak MB   bytes", flush=True)
    with tempfile.TemporaryDirectory(prefix="lk-bills-") as name:
        folder = Path(name)
        paper = lay_out(folder)
        formats = Formats("ru", Config(ROOT / "config", {}).lk.zone)
        wanted = (paper.payer.account, formats.money(paper.due), formats.money(paper.sums.total).removesuffix("\xa0₽"))
        for way in WAYS:
            if asked.only.lower() not in way.name.lower():
                continue
            (alone,) = run(way, folder, asked.count, 1)
            check(way, folder, wanted)
            both = run(way, folder, asked.count, 2)
            rate = sum(1 / each["wall"] for each in both)
            print(
                f"{way.name:36}{alone['first']:7.2f}{alone['wall'] * 1000:10.1f}{alone['cpu'] * 1000:9.1f}"
                f"{1 / alone['wall']:12.1f}{rate:12.1f}{alone['peak_mb']:10.0f}{alone['bytes']:8}",
                flush=True,
            )


if __name__ == "__main__":
    main()
