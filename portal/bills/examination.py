"""Examination: can bills be made of a template, and if not, where is the fault?

The fault is told with file, line and column, as far as whoever found it knows them. Addresses in the template are
looked at before anything is set: each names a file that lies in the template's folder.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import jinja2
from xhtml2pdf.config.resources import ResourceAccessError

from portal.bills import typesetting
from portal.bills.paper import Paper
from portal.bills.template import NAME, Template, own_files

_ADDRESS: Final = re.compile(
    r"""(?:\b(?:src|href|background|data)\s*=\s*["']?|\burl\(\s*["']?|@import\s+["'])(?P<address>[^"'()\s>;]*)""",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"'([^']+)'|«([^»]+)»|\"([^\"]+)\"")
_REFUSALS: Final = ("Blocked by the resource policy", "Could not read", "Need a valid file name")
_TEXTS: Final = (".html", ".css")


class Fault(Exception):
    """The template is broken. `str` of it says where and how."""


def examine(folder: Path, template: Template, papers: Iterable[Paper]) -> None:
    """Raises Fault. `typesetting.prepare` must have been called."""
    texts = {name: content.decode() for name, content in own_files(folder).items() if name.endswith(_TEXTS)}
    for name, text in texts.items():
        _refuse_addresses(folder, name, text)
    for paper in papers:
        with _told(folder, texts), _listening() as refused:
            typesetting.typeset(template.html(paper), folder)
        if refused:
            raise Fault(_at(folder, texts, NAME, 1, refused[0]))


def loaded(make: Callable[[], Template], folder: Path) -> Template:
    """The template that `make()` gives. Raises Fault."""
    texts = {
        name: content.decode("utf-8", "replace") for name, content in _files(folder).items() if name.endswith(_TEXTS)
    }
    with _told(folder, texts):
        return make()


def _files(folder: Path) -> dict[str, bytes]:
    try:
        return own_files(folder)
    except OSError as error:
        raise Fault(f"{error.filename or folder}: не читается ({error.strerror})") from error


def _refuse_addresses(folder: Path, name: str, text: str) -> None:
    for found in _ADDRESS.finditer(text):
        address = found["address"]
        if not address or "{" in address or address.startswith("#"):
            continue  # one that data make is refused when it is asked for
        try:
            typesetting.bounds(folder).check_path(folder / address)
            known = "/" not in address and ":" not in address and (folder / address).is_file()
        except ResourceAccessError:
            known = False
        if not known:
            line, column = _line_and_column(text, found.start("address"))
            raise Fault(
                f"{folder / name}:{line}:{column}: адрес «{address[:80]}» — читаются только файлы из этой папки "
                f"({', '.join(sorted(typesetting.KINDS_OF_FILES))})"
            )


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


@contextmanager
def _told(folder: Path, texts: dict[str, str]) -> Iterator[None]:
    """Whatever goes wrong inside becomes a Fault."""
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        raise Fault(_at(folder, texts, error.name or NAME, error.lineno, error.message or "")) from error
    except jinja2.TemplateNotFound as error:
        raise Fault(_at(folder, texts, NAME, 1, f"нет файла «{error.name}»")) from error
    except UnicodeDecodeError as error:
        raise Fault(f"{folder}: файл не в кодировке UTF-8 (байт {error.start})") from error
    except Exception as error:
        name, line = _where(error, folder)
        raise Fault(_at(folder, texts, name, line, f"{type(error).__name__}: {error}")) from error


def _where(error: Exception, folder: Path) -> tuple[str, int]:
    """The innermost line of a template that led to an error."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return (Path(frames[-1].filename).name, frames[-1].lineno or 1) if frames else (NAME, 1)


def _at(folder: Path, texts: dict[str, str], name: str, line: int, sentence: str) -> str:
    """The place and what is wrong there. The column is that of the first thing on the line that the sentence names."""
    lines = texts.get(name, "").splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    named = [next(filter(None, groups)) for groups in _QUOTED.findall(sentence)]
    places = [text.find(word) for word in (*named, "{%", "{{") if word in text]
    return f"{folder / name}:{line}:{places[0] + 1 if places else 1}: {sentence}"


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What the typesetter was refused meanwhile; it goes on without it, we do not."""
    refused: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (said := record.getMessage()).startswith(_REFUSALS):
                refused.append(said)

    ear, log = Ear(logging.WARNING), logging.getLogger("xhtml2pdf")
    log.addHandler(ear)
    try:
        yield refused
    finally:
        log.removeHandler(ear)
