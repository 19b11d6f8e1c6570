"""XML stream: what does a document say, piece by piece, in memory that does not grow with it?

No document type, no entities of its own: with them a few bytes become gigabytes, or files of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final, Generic, TypeVar
from xml.parsers import expat

from lk_sync.errors import BadData

BLOCK_BYTES: Final = 1 << 16
MAX_DEPTH: Final = 64
NAMESPACE: Final = "}"
Ready = TypeVar("Ready")


class Forbidden(Exception):
    """The document has a part that is not read."""


class Walker(Generic[Ready]):
    """What is done at each tag. Finished things are put into `ready`, from where `walk` hands them on."""

    def __init__(self) -> None:
        self.ready: list[Ready] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins. `tag` is `uri}name`, or the name alone."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """A piece of text, as long as it happens to be."""


def walk(stream: IO[bytes], walker: Walker[Ready], *, name: str, encoding: str | None = None) -> Iterator[Ready]:
    """Everything that the walker makes ready. Raises BadData where the document is not well-formed or ends too soon."""
    parser = _parser(walker, encoding)
    try:
        while True:
            block = stream.read(BLOCK_BYTES)
            parser.Parse(block, not block)
            if walker.ready:
                yield from walker.ready
                walker.ready.clear()
            if not block:
                return
    except expat.ExpatError as error:
        raise BadData(
            f"{name}, строка {error.lineno}: это не XML или он обрезан ({expat.ErrorString(error.code)})"
        ) from error
    except (LookupError, ValueError) as error:
        raise BadData(f"{name}: кодировка, которую называет XML, не читается ({error})") from error
    except Forbidden as error:
        raise BadData(f"{name}, строка {parser.CurrentLineNumber}: {error}") from error


def _parser(walker: Walker[Ready], encoding: str | None) -> expat.XMLParserType:
    parser = expat.ParserCreate(encoding, NAMESPACE)
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise Forbidden(f"вложенность больше {MAX_DEPTH}")
        walker.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        walker.end(tag)

    def refuse(*_: object) -> None:
        raise Forbidden("в XML есть DOCTYPE; такие файлы не читаются, они могут раскрыться в гигабайты")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, walker.text
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = refuse, refuse
    parser.buffer_text = True
    return parser


def local(tag: str) -> str:
    """The name without its namespace."""
    return tag.rpartition(NAMESPACE)[2]
