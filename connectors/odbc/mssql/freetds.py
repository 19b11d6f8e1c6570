"""FreeTDS: where is its driver told to verify certificate and name, if not in the connection string?

`Encryption=require` in the string encrypts and verifies nothing, and `CAFile=` there is ignored. Only freetds.conf says
`ca file` and `check certificate hostname`. So the process has a freetds.conf of its own, which nobody else may write,
with a section for each server; the connection string names the section.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Final

from connectors.odbc.settings import NOT_TRIED, Endpoint
from lk_sync.errors import SettingsError

TALKATIVE: Final = ("TDSDUMP", "TDSDUMPCONFIG", "FREETDS", "TDSVER", "TDSPORT", "TDSHOST", "TDSQUERY", "DSQUERY")
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f;#\"]+")
_sections: dict[str, str] = {}
_folder: list[Path] = []
_lock = Lock()


def section(endpoint: Endpoint, *, connect_timeout: int, statement_timeout: int) -> str:
    """What the section of this server says."""
    if not _PLAIN.fullmatch(str(endpoint.ca)):
        raise SettingsError(f"connection.ca: FreeTDS не прочтёт путь «{endpoint.ca}»; назовите файл проще. {NOT_TRIED}")
    said = {
        "host": endpoint.host,
        "port": str(endpoint.port),
        "tds version": "7.4",
        "encryption": "require",
        "ca file": str(endpoint.ca),
        "check certificate hostname": "yes",
        "client charset": "UTF-8",
        "connect timeout": str(connect_timeout),
        "timeout": str(statement_timeout),
    }
    return "".join(f"\t{key} = {value}\n" for key, value in said.items())


def known(text: str) -> str:
    """The name under which FreeTDS of this process finds the section."""
    name = "lk-" + hashlib.sha256(text.encode()).hexdigest()[:24]
    with _lock:
        if not _folder:
            _folder.append(Path(tempfile.mkdtemp(prefix="lk-freetds-")))
            atexit.register(shutil.rmtree, _folder[0], ignore_errors=True)
        _sections[name] = text
        file = _folder[0] / "freetds.conf"
        draft = file.with_suffix(".new")
        draft.write_text("".join(f"[{each}]\n{said}\n" for each, said in _sections.items()), "utf-8")
        draft.replace(file)
        for variable in TALKATIVE:
            os.environ.pop(variable, None)
        os.environ["FREETDSCONF"] = str(file)
    return name
