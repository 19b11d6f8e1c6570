"""The units that we ship are understood by systemd, start what there is, and leave no right that is not needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lk_sync.cli import main
from tests.house.repository import ROOT

UNITS = sorted((ROOT / "config" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
BIN = "/opt/lk/.venv/bin"
HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
    "User": "lk",
}
MOST_EXPOSED = "20"  # of 100
Settings = dict[str, list[str]]


def _settings(unit: Path) -> Settings:
    found: Settings = {}
    for line in unit.read_text("utf-8").splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units as they would be installed, with the programs of this place."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(BIN, str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text, "utf-8")
    return [tmp_path / unit.name for unit in UNITS]


def _analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_no_fault(installed: list[Path]) -> None:
    done = _analyze("verify", "--man=no", *installed)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_them_little_exposed(installed: list[Path]) -> None:
    for unit in installed:
        if unit.suffix == ".service":
            done = _analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", unit)
            assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_has_no_right_that_it_does_not_need(unit: Path) -> None:
    settings = _settings(unit)
    assert {key: settings.get(key, ["?"])[-1] for key in HARDENED} == HARDENED
    assert settings["SystemCallFilter"] == ["@system-service", "~@privileged"]
    families = set(settings["RestrictAddressFamilies"][0].split())
    assert families <= {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_starts_a_command_that_there_is(unit: Path) -> None:
    (line,) = _settings(unit)["ExecStart"]
    program, words = re.search(rf"{BIN}/(\S+) ?(.*)", line).groups()  # type: ignore[union-attr] # None fails just the same
    assert Path(sys.executable).with_name(program).exists()
    if program == "lk-sync":
        known = {option for parameter in main.params for option in parameter.opts}
        named = words.replace("'", "").split()
        assert {word for word in named if word.startswith("--")} <= known
        assert [word for word in named if word in main.commands]


def test_each_gets_the_secrets_that_it_needs_and_no_others() -> None:
    def secrets(unit: str) -> set[str]:
        settings = _settings(ROOT / "config" / "systemd" / unit)
        loaded = {line.split(":")[0] for line in settings.get("LoadCredential", [])}
        named = [line for line in settings["Environment"] if "_FILE=" in line]
        assert sorted(named) == sorted(f"LK_{name}_FILE=%d/{name}" for name in loaded)
        return loaded

    of_sources = set(re.findall(r"^[^#]*\{secret: (\w+)\}", _text("sources"), re.MULTILINE))
    of_mail = {yaml.safe_load((ROOT / "config" / "lk.yaml").read_text("utf-8"))["mail"]["password"]["secret"]}
    assert secrets("lk-sync.service") == of_sources | of_mail
    assert secrets("lk-portal.service") == of_mail
    assert secrets("lk-backup.service") == set()


def _text(folder: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in (ROOT / "config" / folder).glob("*.yaml"))


MDWE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""
EVERYTHING = """
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
    raise SystemExit("memory is not denied")
except PermissionError:
    pass
import argon2, asyncssh, firebird.driver, openpyxl, psycopg, pyodbc, uvloop
from importlib.metadata import entry_points
for group in ("lk_sync.sources", "lk_sync.sinks", "console_scripts"):
    for point in entry_points(group=group):
        if point.module.split(".")[0] in ("lk_sync", "portal", "connectors"):
            point.load()
argon2.PasswordHasher().hash("x")
print("well")
"""


def test_what_we_use_works_without_memory_that_is_written_and_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MDWE, sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("this kernel cannot deny it")
    assert done.stdout == "well\n", done.stderr
