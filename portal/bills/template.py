"""Template: how does the supplier want his bill to look?

`config/templates/bill/bill.html` and what lies beside it are the supplier's to rewrite. Where they are absent, the
shipped ones are used. The template runs in a sandbox and sees only the paper and the supplier.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from lk_sync.config import Supplier
from lk_sync.formats import NBSP, Formats
from lk_sync.records import Kopecks, Micro
from portal.bills.paper import Paper
from portal.bills.typesetting import CODE_TAG

NAME: Final = "bill.html"
RUBLES: Final = f"{NBSP}₽"
TRUSTING: Final = ("safe", "attr", "xmlattr", "map", "pprint")  # filters that would let data be markup, or see inside
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_FILES: Final = 50


def own_files(folder: Path) -> dict[str, bytes]:
    """Every file of the template by name. A link that leads out of the folder is none of them. Raises OSError."""
    home = folder.resolve()
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and path.resolve().parent == home]
    if len(found) > MOST_FILES or sum(path.stat().st_size for path in found) > MOST_BYTES:
        raise OSError(0, f"больше {MOST_FILES} файлов или {MOST_BYTES} байт", str(folder))
    return {path.name: path.read_bytes() for path in found}


class Template:
    """The template of a folder. Raises OSError, UnicodeDecodeError, jinja2.TemplateError for one that is broken."""

    def __init__(self, folder: Path, supplier: Supplier, formats: Formats) -> None:
        self.folder = folder
        self._formats = formats
        files = own_files(folder)
        texts = {name: content.decode() for name, content in files.items() if name.endswith(".html")}
        self.fingerprint = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
        environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(lambda name: _source(folder, texts, name)),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for name in TRUSTING:
            environment.filters.pop(name)
        environment.globals.clear()
        environment.globals["supplier"] = supplier
        environment.filters |= _filters(formats)
        self._template = environment.get_template(NAME)

    def html(self, paper: Paper) -> str:
        return self._template.render(
            bill=paper,
            payer=paper.payer,
            reference=paper.reference,
            recalculations=[line for line in paper.lines if line.recalculated],
            title=_title(paper, self._formats),
            qr=lambda size="41mm": _square(paper.qr, str(size)),
        )


def _source(folder: Path, texts: dict[str, str], name: str) -> tuple[str, str, None] | None:
    return (texts[name], str(folder / name), None) if name in texts else None


def _filters(formats: Formats) -> dict[str, Any]:
    def amount(kopecks: Kopecks | None) -> str:
        """Money where the column says that it is rubles."""
        return formats.money(kopecks).removesuffix(RUBLES)

    def price(micro: Micro | None) -> str:
        return formats.tariff(micro).removesuffix(RUBLES)

    return {
        "money": formats.money,
        "amount": amount,
        "price": price,
        "volume": formats.volume,
        "dial": formats.dial,
        "month": formats.month,
        "day": formats.day,
        "short_day": formats.short_day,
    }


def _title(paper: Paper, formats: Formats) -> str:
    month = formats.month(paper.period)
    if paper.state == "none":
        return f"Начисления за {month}"
    return f"Платёжный документ (квитанция) № {paper.number} за {month}"


def _square(code: bytes, size: str) -> Markup:
    return Markup('<{0} data="{1}" size="{2}"></{0}>').format(CODE_TAG, code.hex(), size) if code else Markup()
