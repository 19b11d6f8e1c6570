"""Debian: which system packages are missing, and how are they installed without any server starting by itself?"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trouble import Trouble

PACKAGES_OF_TESTS: Final = (
    "postgresql",
    "mariadb-server",
    "firebird3.0-server",
    "libfbclient2",
    "unixodbc",
    "odbc-postgresql",
    "odbc-mariadb",
    "tdsodbc",
    "chromium",
    "libfaketime",
    "poppler-utils",
    "zbar-tools",
)
POLICY: Final = Path("/usr/sbin/policy-rc.d")
DENY: Final = "#!/bin/sh\n# lk-sync: while packages are installed no server starts by itself\nexit 101\n"


def install(packages: Sequence[str]) -> None:
    """Install those of `packages` that are not there. Raises Trouble if nobody may."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    root = root_words(missing)
    print(f"Устанавливаю пакеты Debian: {' '.join(missing)}…", flush=True)
    with no_server_starts(root):
        if not apt(root, "install", *missing):
            apt(root, "update")
            if not apt(root, "install", *missing):
                raise Trouble(f"apt-get не установил: {' '.join(missing)}; причина выше.")


def installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        raise Trouble(f"Это не Debian и не Ubuntu: установите сами пакеты, близкие к {package}, и повторите.")
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package], capture_output=True, text=True, check=False
    )
    return asked.stdout.startswith("ii")


def root_words(missing: Sequence[str]) -> list[str]:
    """What to write before a command so that it runs as root."""
    if os.geteuid() == 0:
        return []
    if sudo := shutil.which("sudo"):
        return [sudo]
    raise Trouble(
        f"Нужны пакеты Debian: {' '.join(missing)}. Выполните от root: apt-get install {' '.join(missing)} "
        "— и повторите."
    )


def apt(root: list[str], *words: str) -> bool:
    command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends"]
    return subprocess.run([*command, *words], check=False, stdin=subprocess.DEVNULL).returncode == 0


@contextmanager
def no_server_starts(root: list[str]) -> Iterator[None]:
    """Servers that are installed meanwhile do not start. A policy that stood there before stands again afterwards."""
    former = read_as(root, POLICY) if POLICY.exists() else None
    if former == DENY:  # ours, left by a run that was killed
        former = None
    write_as(root, POLICY, DENY)
    try:
        yield
    finally:
        if former is None:
            subprocess.run([*root, "rm", "-f", POLICY], check=True)
        else:
            write_as(root, POLICY, former)


def read_as(root: list[str], path: Path) -> str:
    return subprocess.run([*root, "cat", path], check=True, capture_output=True, text=True).stdout


def write_as(root: list[str], path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        mode = f"{stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH:o}"
        subprocess.run([*root, "install", "-m", mode, file.name, path], check=True)
