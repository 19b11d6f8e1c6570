"""Uploads: what has come with a form that has files, and what kind of file is each of them really?

Files go to the folder of attachments as they come, never into memory whole; only what its own bytes show to be a PDF, a
JPEG or a PNG is kept there, within the limits of the settings. The secret of the form has to come first: without it not
a byte of a file is taken.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import BinaryIO, Final, Literal

import msgspec
from aiohttp import BodyPartReader, web

from lk_sync.request_setting import Media, Requests
from lk_sync.store.attachments import Arriving, Attachment, Attachments
from portal.refusal import Refusal

CHUNK: Final = 1 << 16
MOST_PARTS: Final = 150
LONGEST_NAME: Final = 100
END_OF_PDF: Final = 2048
MOST_PIXELS: Final = 200_000_000
MEDIA_TYPES: Final[Mapping[Media, str]] = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
SUFFIXES: Final[Mapping[Media, tuple[str, ...]]] = {"pdf": (".pdf",), "jpeg": (".jpg", ".jpeg"), "png": (".png",)}
_UNWANTED: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff<>:"|?*\ud800-\udfff]+')

Fault = Literal["large", "total", "kind", "empty"]


class Refused(msgspec.Struct, frozen=True):
    """A file that was not kept. large: more bytes than a file may have; total: more than all may have together;
    kind: it is none of the kinds that are taken; empty."""

    name: str
    fault: Fault


class Upload(msgspec.Struct, frozen=True):
    """The fields of a form, and its files in their order."""

    fields: Mapping[str, str]
    files: tuple[Attachment, ...]
    refused: tuple[Refused, ...]


async def read(
    request: web.Request,
    *,
    attachments: Attachments,
    limits: Requests,
    most_text: int,
    is_ours: Callable[[Mapping[str, str]], bool],
) -> Upload:
    """The form. Raises Refusal: not ours (403), broken (400), too slow (408), far too much (413)."""
    reading = _Reading(attachments, limits, most_text, is_ours)
    try:
        async with asyncio.timeout(limits.upload_seconds):
            await reading.all_of(request)
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT) from None
    except (ValueError, LookupError, AssertionError):  # not what multipart/form-data looks like
        raise Refusal(HTTPStatus.BAD_REQUEST) from None
    return Upload(reading.fields, tuple(reading.files), tuple(reading.refused))


class _Reading:
    """A form that is being read."""

    def __init__(
        self, attachments: Attachments, limits: Requests, most_text: int, is_ours: Callable[[Mapping[str, str]], bool]
    ) -> None:
        self._attachments, self._limits, self._is_ours = attachments, limits, is_ours
        self._text_left = most_text
        self._bytes_left = 2 * limits.largest_request  # what is too much is read to the end, to be told so
        self._room = limits.largest_request
        self._trusted = False
        self.fields: dict[str, str] = {}
        self.files: list[Attachment] = []
        self.refused: list[Refused] = []

    async def all_of(self, request: web.Request) -> None:
        parts = 0
        async for part in await request.multipart():
            parts += 1
            if not isinstance(part, BodyPartReader) or part.name is None or parts > MOST_PARTS:
                raise Refusal(HTTPStatus.BAD_REQUEST)
            if part.filename is None and "filename" not in part.headers.get("Content-Disposition", ""):
                self.fields[part.name] = await self._text(part)
            else:
                await self._file(part)
        self._trust()

    def _trust(self) -> None:
        if not self._trusted and not self._is_ours(self.fields):
            raise Refusal(HTTPStatus.FORBIDDEN)
        self._trusted = True

    async def _text(self, part: BodyPartReader) -> str:
        body = bytearray()
        while chunk := await part.read_chunk(CHUNK):
            body += chunk
            self._text_left -= len(chunk)
            if self._text_left < 0:
                raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return body.decode("utf-8")

    async def _file(self, part: BodyPartReader) -> None:
        self._trust()
        arriving, name = self._attachments.arrive(), plain_name(part.filename or "")
        try:
            fault = await self._fill(arriving, part)
            if arriving.size == 0 and not part.filename:  # the field was left alone
                arriving.drop()
                return
            media = None if fault else await asyncio.to_thread(media_of, arriving.body, arriving.size)
            fault = fault or ("empty" if arriving.size == 0 else "kind" if media is None else None)
            if fault or media is None:
                self.refused.append(Refused(name, fault or "kind"))
                arriving.drop()
                return
            self._room -= arriving.size
            sha256 = await asyncio.to_thread(arriving.keep)
            self.files.append(Attachment(_suffixed(name, media), MEDIA_TYPES[media], arriving.size, sha256))
        except BaseException:
            arriving.drop()
            raise

    async def _fill(self, arriving: Arriving, part: BodyPartReader) -> Fault | None:
        """Writes what may be kept; the rest is read and let go."""
        fault: Fault | None = None
        while chunk := await part.read_chunk(CHUNK):
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if fault is None and arriving.size + len(chunk) > self._limits.largest_file:
                fault = "large"
            elif fault is None and arriving.size + len(chunk) > self._room:
                fault = "total"
            if fault is None:
                arriving.write(chunk)
        return fault


def plain_name(name: str) -> str:
    """The last part of a file's name, with nothing in it that a screen or a disk takes for something else."""
    last = re.split(r"[\\/]", name)[-1]
    return _UNWANTED.sub(" ", last).strip(" .")[-LONGEST_NAME:]


def _suffixed(name: str, media: Media) -> str:
    """The name ends as its content does, so that it opens where it is meant to."""
    suffixes = SUFFIXES[media]
    is_so = name.lower().endswith(suffixes) and len(name) > len(suffixes[0])
    return name if is_so else f"{name or 'file'}{suffixes[0]}"


def media_of(body: BinaryIO, size: int) -> Media | None:
    """What a file is by its own bytes; None: something else, or torn."""
    head = body.read(8)
    if head.startswith(b"%PDF-"):
        body.seek(max(0, size - END_OF_PDF))
        return "pdf" if b"%%EOF" in body.read() else None
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg" if _is_picture(body, "JPEG") else None
    if head == b"\x89PNG\r\n\x1a\n":
        return "png" if _is_picture(body, "PNG") else None
    return None


def _is_picture(body: BinaryIO, form: Literal["JPEG", "PNG"]) -> bool:
    """Its structure is looked at, its pixels are not unpacked."""
    from PIL import Image  # here: few processes ever see a picture

    body.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large ones are counted here
            with Image.open(body, formats=[form]) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    return False
                picture.verify()
    except Exception:
        return False
    return True
