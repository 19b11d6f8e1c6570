"""Nothing secret is in a file of the repository, and nothing of one particular machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.repository import files, name, told

KEPT_ELSEWHERE = {".pem", ".key", ".p12", ".pfx", ".jks", ".db", ".sqlite", ".env", ".netrc", ".kdbx"}
SETTINGS = {".yaml", ".yml", ".cfg", ".toml", ".ini", ".env", ".md", ".sh", ""}
KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16,}")
TOKEN = re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|xox[abp]-[0-9A-Za-z-]{10,}|eyJ[\w-]{20,}\.eyJ)")
URL_PASSWORD = re.compile(r"\b[a-z][a-z0-9+]*://[^/\s:@{}<]+:[^/\s:@{}<$]+@")
ASSIGNED = re.compile(
    r"^[^#\n]*?(?:password|passphrase|passwd|pwd|client_secret|token|api_key)[\"']?\s*[:=]\s*[\"']?\w{4,}",
    re.IGNORECASE | re.MULTILINE,
)
MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root)/\w+")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def faults(file: str, text: str) -> list[str]:
    """What in the file looks like a secret, or like one person's machine."""
    patterns = [KEY_BLOCK, TOKEN, MACHINE]
    if not file.startswith("tests/"):  # they have throw-away passwords
        patterns.append(URL_PASSWORD)
    if Path(file).suffix in SETTINGS:
        patterns.append(ASSIGNED)
    return [f"{file}: {match[0].strip()[:60]}" for pattern in patterns for match in pattern.finditer(text)]


def test_no_file_is_of_a_kind_that_holds_secrets() -> None:
    found = [name(path) for path in files() if path.suffix in KEPT_ELSEWHERE or path.name.startswith("id_")]
    assert not found, told(found, "Ключи, сертификаты и базы живут в data_dir или там, куда указывает LK_…_FILE.")


def test_no_file_holds_a_secret() -> None:
    ours = {name(path): path for path in files()}
    del ours[name(Path(__file__))]
    found = [fault for file, path in ours.items() for fault in faults(file, _text(path))]
    assert not found, told(found, "В файлах только имя секрета: {secret: ИМЯ}; значение — в LK_ИМЯ или LK_ИМЯ_FILE.")


@pytest.mark.parametrize(
    ("file", "text", "secret"),
    [
        ("lk.yaml", "  password: hunter2", True),
        ("lk.yaml", "  password: 'hunter2'", True),
        ("lk.yaml", "  password: {secret: SMTP_PASSWORD}", False),
        ("lk.yaml", "  # пароль: в LK_SMTP_PASSWORD", False),
        ("setup.cfg", "token = 0123456789abcdef", True),
        ("README.md", "postgresql://lk:hunter2@host/base", True),
        ("README.md", "sftp://lk@host", False),
        ("a.py", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA", True),
        ("a.py", "/home/ivan/lk", True),
    ],
)
def test_a_secret_is_recognised(file: str, text: str, secret: bool) -> None:
    assert bool(faults(file, text)) is secret
