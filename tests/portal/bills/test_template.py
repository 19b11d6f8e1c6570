"""A supplier's template can do nothing but set a bill; a broken one is told by its place, the shipped one is used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from lk_sync.config import Config
from lk_sync.formats import Formats
from portal.bills import typesetting
from portal.bills.examination import Fault, examine, loaded
from portal.bills.sample import samples
from portal.bills.template import Template
from portal.bills.wire import SHIPPED, Setup, folder_in
from portal.bills.worker import Press
from tests.portal.bills.printed import CONFIG, text

LK = Config(CONFIG, {}).lk
SECRET = "ничего тайного здесь быть не должно"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template of the supplier's own, and a secret beside it."""
    (tmp_path / "secret.txt").write_text(SECRET, "utf-8")
    own = tmp_path / "templates" / "bill"
    shutil.copytree(SHIPPED, own)
    return own


def _examined(folder: Path) -> None:
    typesetting.prepare()
    template = loaded(lambda: Template(folder, LK.supplier, Formats("ru", LK.zone)), folder)
    examine(folder, template, samples(LK.supplier, LK.bills))


def _put(text: str) -> Callable[[Path], None]:
    """Into the body, on the line after its tag."""

    def change(folder: Path) -> None:
        page = folder / "bill.html"
        page.write_text(page.read_text("utf-8").replace("<body>", f"<body>\n{text}"), "utf-8")

    return change


def _style(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        sheet = folder / "bill.css"
        sheet.write_text(f"{text}\n{sheet.read_text('utf-8')}", "utf-8")

    return change


def _link(folder: Path) -> None:
    (folder / "logo.png").symlink_to(folder.parents[1] / "secret.txt")
    _put('<img src="logo.png">')(folder)


def test_the_shipped_template_is_the_one_in_config_and_makes_bills() -> None:
    assert folder_in(CONFIG) != SHIPPED
    for file in SHIPPED.iterdir():
        assert (folder_in(CONFIG) / file.name).read_bytes() == file.read_bytes()
    _examined(SHIPPED)


def test_where_there_is_no_template_the_shipped_one_is_used(tmp_path: Path) -> None:
    assert folder_in(tmp_path) == SHIPPED


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        (_put("  {{ bill.number "), "bill.html:13:", "end of print statement"),
        (_put("<p>{% if bill %}"), "bill.html:", ""),
        (_put("<p>{{ bill.secret }}"), "bill.html:12:12:", "secret"),
        (_put("<p>{{ sum_of_all }}"), "bill.html:12:7:", "sum_of_all"),
        (_put("<p>{{ bill.number|nofilter }}"), "bill.html:12:", "nofilter"),
        (_put("<p>{{ payer.name|safe }}"), "bill.html:12:", "safe"),
        (_put("<p>{{ ''.__class__.__mro__ }}"), "bill.html:12:", "__class__"),
        (_put("<p>{{ bill.lines.append(1) }}"), "bill.html:12:", ""),
        (_put("{% include '../../secret.txt' %}"), "bill.html:", "secret.txt"),
        (_put('<img src="/etc/passwd">'), "bill.html:12:11:", "/etc/passwd"),
        (_put('<p><img src="../../secret.txt">'), "bill.html:12:14:", "../../secret.txt"),
        (_put('<img src="file:///etc/passwd">'), "bill.html:12:11:", "file:///etc/passwd"),
        (_put('<img src="http://127.0.0.1:9/x.png">'), "bill.html:12:11:", "http://127.0.0.1:9/x.png"),
        (_put('<img src="//127.0.0.1/x.png">'), "bill.html:12:11:", "//127.0.0.1/x.png"),
        (_put('<img src="data:image/png;base64,AAAA">'), "bill.html:12:11:", "data:image/png"),
        (_put('<link rel="stylesheet" href="http://127.0.0.1:9/x.css">'), "bill.html:12:30:", "127.0.0.1"),
        (_put("<pdf:insertpdf src='/etc/passwd'/>"), "bill.html:12:21:", "/etc/passwd"),
        (_put('<img src="absent.png">'), "bill.html:12:11:", "absent.png"),
        (_link, "bill.html:12:11:", "logo.png"),
        (_style('@import "http://127.0.0.1:9/x.css";'), "bill.css:1:10:", "127.0.0.1"),
        (_style("@import url(/etc/passwd.css);"), "bill.css:1:13:", "/etc/passwd.css"),
        (_style("p { background-image: url('../secret.png') }"), "bill.css:1:28:", "../secret.png"),
        (_style('@font-face { font-family: x; src: url("file:///etc/x.ttf") }'), "bill.css:1:40:", "file:///etc/x.ttf"),
        (lambda folder: (folder / "bill.html").unlink(), "bill.html", ""),
        (lambda folder: (folder / "bill.html").write_bytes("Счёт".encode("cp1251")), "", "UTF-8"),
        (_put("{% for i in range(3) %}{% endfor %}"), "bill.html:12:", "range"),
    ],
)
def test_a_broken_or_curious_template_is_refused_by_its_place(
    folder: Path, change: Callable[[Path], object], place: str, says: str
) -> None:
    change(folder)
    with pytest.raises(Fault) as refused:
        _examined(folder)
    assert f"{folder}/{place}".rstrip("/") in str(refused.value)
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_an_address_that_data_make_is_not_read_either(folder: Path) -> None:
    _put('<p>{{ "" }}<img src="{{ "../../secret.txt" }}"><img src="{{ "/etc/hostname" }}">')(folder)
    with pytest.raises(Fault, match="Blocked by the resource policy"):
        _examined(folder)


def test_a_picture_of_ones_own_is_printed(folder: Path) -> None:
    Image.new("RGB", (40, 20), "red").save(folder / "logo.png")
    _put('<img src="logo.png" width="40" height="20">')(folder)
    _examined(folder)


def test_a_picture_that_unpacks_without_end_is_refused(folder: Path) -> None:
    Image.new("1", (9000, 9000)).save(folder / "bomb.png")
    _put('<img src="bomb.png">')(folder)
    with pytest.raises(Fault):
        _examined(folder)


def test_with_a_broken_template_bills_are_printed_by_the_shipped_one(folder: Path) -> None:
    _put("<p>{{ nothing }}")(folder)
    press = Press(Setup(LK.supplier, LK.bills, str(LK.time_zone), str(folder)))
    assert "bill.html:12:7: UndefinedError" in press.ready.fault
    answer = press.printed(samples(LK.supplier, LK.bills)[0])
    assert answer[:5] == b"P%PDF"
    assert "Образцова Мария Ивановна" in text(answer[1:])


def test_a_template_that_fails_for_one_bill_only_does_not_leave_it_unprinted(folder: Path) -> None:
    _put("{% if bill.number == 'odd' %}{{ nothing }}{% endif %}")(folder)
    press = Press(Setup(LK.supplier, LK.bills, str(LK.time_zone), str(folder)))
    assert press.ready.fault == ""
    odd = msgspec.structs.replace(samples(LK.supplier, LK.bills)[0], number="odd")
    answer = press.printed(odd)
    assert answer[:1] == b"F"
    assert b"UndefinedError" in answer[:40]
    assert b"%PDF" in answer[:40]
