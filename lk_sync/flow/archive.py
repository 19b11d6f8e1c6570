"""Archive: in which file do the attachments of an export file go with it?

`requests-000001.zip` beside `requests-000001.csv`, with a manifest of its own, delivered before it. Same items, same
bytes: files are stored as they are, in the order of the lines, under a fixed stamp. What lies in the folder of
attachments is compared with its hash on the way.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from typing import Final

from lk_sync.contracts import ExportFile
from lk_sync.errors import BadData
from lk_sync.flow.items import Packed
from lk_sync.store.attachments import Attachment, Attachments
from lk_sync.store.batches import Batch

SUFFIX: Final = ".zip"
MOST_BYTES: Final = 64 << 20  # of the attachments of one export file: it is held in memory while it is delivered
STAMP: Final = (1980, 1, 1, 0, 0, 0)
READABLE: Final = 0o600 << 16


def name_of(file: str) -> str:
    return file.removesuffix(".csv") + SUFFIX


def missing(attachments: Attachments, packed: Iterable[Packed]) -> Attachment | None:
    """The first file that is not there any more."""
    return next((each.file for each in packed if not attachments.has(each.file.sha256)), None)


def packed_file(batch: Batch, packed: Sequence[Packed], attachments: Attachments, *, manifest: str) -> ExportFile:
    """Raises BadData when a file is not what it was."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive:
        for each in packed:
            entry = zipfile.ZipInfo(each.path, STAMP)
            entry.external_attr, entry.create_system = READABLE, 3
            archive.writestr(entry, _content(attachments, each.file, batch))
    contents = body.getvalue()
    name = name_of(batch.file)
    said = {
        "file": name,
        "number": batch.number,
        "kind": f"{batch.kind} attachments",
        "files": len(packed),
        "sha256": hashlib.sha256(contents).hexdigest(),
        "as_of": batch.created_at,
    }
    text = json.dumps(said, ensure_ascii=False, indent=2) + "\n"
    return ExportFile(name=name, body=contents, manifest_name=name + manifest, manifest=text.encode())


def _content(attachments: Attachments, file: Attachment, batch: Batch) -> bytes:
    try:
        content = attachments.path(file.sha256).read_bytes()
    except OSError as error:
        raise BadData(
            f"{batch.sink}: файл «{file.name}» заявки не читается ({error.strerror}); верните его из копии"
        ) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise BadData(f"{batch.sink}: файл «{file.name}» заявки повреждён на диске; верните его из копии")
    return content
