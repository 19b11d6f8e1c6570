"""The printed bill: every number and name can be read and copied, the bank's code is exact, the file is sound."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import msgspec
import pikepdf
import pytest
from PIL import Image, ImageChops

from lk_sync.cache.reader import CacheReader
from lk_sync.config import Config
from lk_sync.formats import Formats
from portal.bills import cells, typesetting
from portal.bills.paper import Paper, clean
from portal.bills.sample import AHEAD, UNBILLED, WITHDRAWN, payable
from portal.bills.template import Template
from tests.portal.bills.printed import CONFIG, LAST, codes, pages, paper_of, pictures, text

LK = Config(CONFIG, {}).lk
SAMPLE = payable(LK.supplier, LK.bills)
FORMATS = Formats("ru", LK.zone)
SMALL = 50 * 1024
GOLDEN = Path(__file__).with_name("golden.png")
TOLERANCE = 0.01  # another version of the program that draws shades edges otherwise
STRIP = "-x 0 -y 0 -W 325 -H 364"  # where the code is, at 130 dots to the inch


def printed(template: Template, paper: Paper) -> bytes:
    return typesetting.typeset(template.html(paper), template.folder)


def plain(*parts: str) -> list[str]:
    return [re.sub(r"[ \xa0]+", " ", part) for part in parts if part]


def amount(kopecks: int | None) -> str:
    return FORMATS.money(kopecks)


def in_order(shown: str, *wanted: str) -> None:
    at = 0
    for part in plain(*wanted):
        found = shown.find(part, at)
        assert found >= 0, f"{part!r} is not after {shown[max(0, at - 60) : at]!r}"
        at = found + len(part)


def test_everything_on_it_is_read_in_its_order(template: Template) -> None:
    shown = text(printed(template, SAMPLE))
    supplier, bank = LK.supplier, LK.supplier.bank
    assert bank is not None
    for part in (bank.account, bank.bic, bank.correspondent_account, supplier.inn, supplier.kpp, supplier.phone):
        assert part in shown
    assert "K7M-4QX" in shown
    in_order(shown, supplier.short_name, "000012345", "Извещение за октябрь 2026", "линия отрыва")
    in_order(
        shown, "Платёжный документ (квитанция) № 2610-0000000 за октябрь 2026",
        "1. Сведения о плательщике", "Образцова Мария Ивановна", supplier.name, "52,3, в том числе жилая 31,9",
        "2, зарегистрировано 3", "№ 2610-0000000 от 01.11.2026",
        "2. Расчёт размера платы", "Отопление", "0,4199", "Гкал", "3 117,60", "1 309,08", "−126,00", "1 183,08",
        "9,678", "м³", "49,99", "483,80", "−241,90", "241,90", "Пени", "5,32", "Итого за октябрь 2026", "1 792,88",
        "3. Расчёты с плательщиком", "Задолженность на начало месяца", amount(155_000), "Пени", amount(532),
        "учтены платежи, поступившие по 31.10.2026", amount(50_000), "Итого к оплате до 15.11.2026", amount(248_030),
        "4. Сведения о перерасчётах", "Отопление", "перерыв в подаче", "−126,00",
        "Справочная информация", "2100007919", "399,839", "409,517", "9,678", "18.10.2026", "передали вы", "19.12.2027",
        "5,270441", "690,3", "0,0203", "на 1 м² в месяц", "Постановление от 01.06.2026 № 389", "Приказ от 18.12.2025",
    )  # fmt: skip
    assert "Страница 1 из" in shown


@pytest.mark.parametrize(
    ("paper", "says", "asks"),
    [
        (AHEAD, "К ОПЛАТЕ НЕТ", "У вас аванс 1,00 ₽, платить не нужно"),
        (WITHDRAWN, "ОТОЗВАН", "Документ отозван поставщиком. Платить по нему не нужно."),
        (UNBILLED, "СПРАВКА", "Платёжный документ за этот месяц не выставлен"),
    ],
)
def test_what_is_not_to_be_paid_says_so_and_has_no_code(
    template: Template, paper: Paper, says: str, asks: str, tmp_path: Path
) -> None:
    pdf = printed(template, paper)
    shown = text(pdf)
    assert says in shown
    assert all(word in shown for word in asks.split())
    assert codes(pictures([pdf, printed(template, SAMPLE)], tmp_path, dots=130, area=STRIP)) == SAMPLE.qr


@pytest.mark.timeout(300)
def test_the_bank_reads_the_exact_code_of_two_hundred_bills(
    template: Template, reader: CacheReader, tmp_path: Path
) -> None:
    with reader.view() as view:
        numbers = [number for _, number in view.billed(LAST, after=None, most=1000)]
    papers = [paper for number in numbers if (paper := paper_of(reader, number)) is not None][:205]
    pdfs = [printed(template, paper) for paper in papers]
    assert len(pdfs) >= 200
    assert max(map(len, pdfs)) < SMALL
    shown = pictures(pdfs, tmp_path, dots=130, area=STRIP)
    assert len(shown) == len(papers)
    assert codes(shown) == b"".join(paper.qr for paper in papers)


def test_the_file_is_sound_embeds_its_fonts_and_says_what_it_is(template: Template) -> None:
    pdf = printed(template, SAMPLE)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        assert str(document.docinfo["/Title"]).replace("\xa0", " ").startswith("Платёжный документ (квитанция) №")
        assert str(document.docinfo["/Author"]) == LK.supplier.short_name
        assert document.Root.Lang == "ru"
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        assert "/JavaScript" not in str(document.Root.keys())
        page = document.pages[0]
        assert [round(float(each)) for each in page.mediabox] == [0, 0, 595, 842]
        fonts = page.resources.Font
        drawn = {str(fonts[f"/{name}"].BaseFont) for name in _used(page) if f"/{name}" in fonts}
        assert drawn == {"/AAAAAA+KvitokSans-Regular", "/AAAAAA+KvitokSans-Bold"}
        for name in _used(page):
            assert "/FontFile2" in fonts[f"/{name}"].FontDescriptor
            assert "/ToUnicode" in fonts[f"/{name}"]


def _used(page: pikepdf.Page) -> set[str]:
    """Fonts in which the page shows anything."""
    used, font = set(), ""
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) == "Tf":
            font = str(operands[0]).removeprefix("/")
        elif str(operator) in ("Tj", "TJ", "'", '"') and bytes(operands[-1] if str(operator) != "TJ" else b"x"):
            used.add(font)
    return used


def test_the_same_bill_is_the_same_file(template: Template) -> None:
    first, again = printed(template, SAMPLE), printed(template, SAMPLE)
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()


def test_a_long_bill_goes_on_with_its_header_and_the_head_of_its_table(template: Template) -> None:
    long = msgspec.structs.replace(SAMPLE, lines=SAMPLE.lines * 60)
    shown = pages(printed(template, long))
    assert len(shown) > 3
    for number, page in enumerate(shown, start=1):
        assert f"Страница {number} из" in page
        assert str(len(shown)) in page
        assert "Лицевой счёт 000012345 ·" in page
        assert ("1 309,08" in page) <= ("Тариф, руб." in page)
        assert ("перерыв в подаче" in page) <= ("Услуга, составляющая" in page)


HOSTILE = (
    '<script>alert(1)</script><img src="http://127.0.0.1:9/x.png"><b>жирно</b> & "кавычки" \'и\' {{ 7 * 7 }}',
    "Сверхдлинноебезединогопробела" * 30,
    "שלום עולם مرحبا بالعالم Иванов",
    "Эмодзи 😀👩‍👩‍👧 и ӘҖҢӨҮҺ әҗңөүһ",
    "упр\x00авл\x1bяющ\r\nие\u202eзнаки\u2066",
    "</td></tr></table></body></html> конец",
    "<pdf:insertpdf src='/etc/passwd'/><payment-code data='00' size='1mm'></payment-code>",
)


@pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_neither_breaks_nor_injects(template: Template, typed: str) -> None:
    name = clean(typed)
    line = SAMPLE.lines[0]._replace(title=name, reason=name, extra=((name, name),))
    payer = SAMPLE.payer._replace(name=name, address=name, extra=((name, name),))
    pdf = printed(template, msgspec.structs.replace(SAMPLE, payer=payer, lines=(line,), number=name))
    shown = text(pdf)
    assert amount(248_030).replace("\xa0", " ") in shown
    whole = re.sub(r"\s", "", shown)
    for word in re.findall(r"[А-Яа-яё<>/{}&*]{3,20}", typed.split("\x00")[0])[:6]:
        assert word in whole
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        assert not any("/Annots" in page for page in document.pages)


def test_a_cell_set_from_memory_looks_like_the_first_of_its_kind(template: Template) -> None:
    """What the typesetter remembers of one bill changes nothing in another, and another style is another."""
    many = msgspec.structs.replace(SAMPLE, lines=SAMPLE.lines * 3)
    remembered = printed(template, many)
    cells._looks.clear()
    cells._styles.clear()
    assert printed(template, many) == remembered
    html = template.html(many)
    coloured = html.replace("<head>", "<head><style>.sheet td { color: #123456; font-size: 6pt }</style>")
    assert typesetting.typeset(coloured, template.folder) != remembered
    assert typesetting.typeset(html, template.folder) == remembered


def test_the_page_looks_as_it_was_approved(template: Template, tmp_path: Path) -> None:
    """`golden.png` was looked at by a person. After a wanted change: pdftoppm -gray -r 72 -png, look, replace it."""
    (shown,) = pictures([printed(template, SAMPLE)], tmp_path, dots=72)
    with Image.open(shown) as now, Image.open(GOLDEN) as approved:
        assert now.size == approved.size
        assert differing(now, approved) < TOLERANCE
        moved = ImageChops.offset(now.convert("L"), 0, 6)  # the measure does notice what a person would
        assert differing(moved, approved) > 4 * TOLERANCE


def differing(one: Image.Image, other: Image.Image) -> float:
    """The share of points that are plainly of another shade."""
    histogram = ImageChops.difference(one.convert("L"), other.convert("L")).histogram()
    return sum(histogram[64:]) / sum(histogram)
