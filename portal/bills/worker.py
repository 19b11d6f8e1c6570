"""Worker: which process turns papers into PDFs, with nothing else to do and nothing else to lose?

`python -m portal.bills.worker` reads frames from its input and answers each with one: first `Setup`, then papers. It
holds no door to cache or store and no secret; memory, files and processes are limited by the system, its time by
whoever waits for it. It ends when its input does, so it never outlives its master.
"""

from __future__ import annotations

import gc
import logging
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

import msgspec

from lk_sync.formats import Formats
from portal.bills import typesetting
from portal.bills.examination import Fault, examine, loaded
from portal.bills.paper import Paper
from portal.bills.sample import samples
from portal.bills.template import Template
from portal.bills.wire import FAULT, LENGTH, PDF, SHIPPED, Ready, Setup

MOST_MEMORY: Final = 512 * 1024 * 1024
MOST_FILE: Final = 8 * 1024 * 1024


def main() -> None:
    _limit_oneself()
    logging.disable(logging.ERROR)  # what the typesetter remarks on somebody's bill is nobody's to read
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a print somewhere must not be an answer
    first = frame(given)
    if first is None:
        return
    setup = msgspec.msgpack.decode(first, type=Setup)
    press = Press(setup)
    _answer(answers, msgspec.msgpack.encode(press.ready))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # a bill leaves much behind at once: it is looked through between bills
    decoder = msgspec.msgpack.Decoder(Paper)
    while (asked := frame(given)) is not None:
        _answer(answers, press.printed(decoder.decode(asked)))


class Press:
    """The supplier's template, and the shipped one for when his fails."""

    def __init__(self, setup: Setup) -> None:
        typesetting.prepare()
        self._setup, self._formats = setup, Formats("ru", ZoneInfo(setup.zone))
        self._shipped = Template(SHIPPED, setup.supplier, self._formats)
        self._template, fault = self._chosen(Path(setup.folder), look=setup.look)
        self.ready = Ready(self._template.fingerprint, fault)

    def _chosen(self, folder: Path, *, look: bool) -> tuple[Template, str]:
        try:
            template = loaded(lambda: Template(folder, self._setup.supplier, self._formats), folder)
            if look:
                logging.disable(logging.NOTSET)
                examine(folder, template, samples(self._setup.supplier, self._setup.bills))
        except Fault as fault:
            return self._shipped, str(fault)
        finally:
            logging.disable(logging.ERROR)
        return template, ""

    def printed(self, paper: Paper) -> bytes:
        """A PDF, or what went wrong with this paper and the PDF all the same: by the shipped template."""
        try:
            return PDF + self._set(self._template, paper)
        except Exception as error:  # whatever a template does, the subscriber gets a bill
            said = type(error).__name__.encode()  # its words may hold what stands on the bill
            return FAULT + LENGTH.pack(len(said)) + said + self._set(self._shipped, paper)

    @staticmethod
    def _set(template: Template, paper: Paper) -> bytes:
        return typesetting.typeset(template.html(paper), template.folder)


def _limit_oneself() -> None:
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, MOST_FILE),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with suppress(ValueError, OSError):  # the system allows even less
            resource.setrlimit(what, (most, most))


def frame(given: BinaryIO) -> bytes | None:
    """The next frame; None: there will be none."""
    head = given.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = given.read(length)
    return body if len(body) == length else None


def _answer(answers: BinaryIO, body: bytes) -> None:
    answers.write(LENGTH.pack(len(body)) + body)
    answers.flush()


if __name__ == "__main__":
    main()
