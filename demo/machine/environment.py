"""Environment: is there a `.venv` that holds the product as `setup.cfg` asks for it, and if not, how is it made?

Debian's python3 comes without pip: then the environment is made without it and pip's wheel is fetched from the
package index (`pip_wheel.py`). Only if that fails is the package python3-venv installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from debian import install
from pip_wheel import NoWheel, fetch_pip
from trouble import Trouble

ROOT: Final = Path(__file__).resolve().parents[2]
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
DESCRIPTIONS: Final = ("setup.cfg", "pyproject.toml")


def ready(extra: str) -> None:
    """Leave `.venv` with the product, its dependencies and those of `extra` installed."""
    stamp = VENV / f".installed-{extra}"
    wanted = fingerprint()
    if stamp.is_file() and stamp.read_text("utf-8") == wanted and has_pip():
        return
    if not has_pip():
        make()
    print(f"Устанавливаю зависимости в {VENV} (первый раз — несколько минут)…", flush=True)
    pip("install", "--quiet", "--editable", f".[{extra}]")
    stamp.write_text(wanted, "utf-8")


def fingerprint() -> str:
    """Changes when the description of the product or the interpreter does."""
    described = b"".join((ROOT / name).read_bytes() for name in DESCRIPTIONS)
    return f"{sys.version_info[:2]} {hashlib.sha256(described).hexdigest()}"


def has_pip() -> bool:
    if not PYTHON.exists():
        return False
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:  # the interpreter it was made with is gone
        return False


def make() -> None:
    """A new `.venv` with pip in it; whatever stood there in pieces is replaced."""
    print(f"Создаю {VENV}…", flush=True)
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", "--clear", VENV])
        return
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV])
    try:
        add_pip()
    except NoWheel as reason:
        print(f"pip из указателя пакетов не получен: {reason}", flush=True)
        install(("python3-venv",))
        run([sys.executable, "-m", "venv", "--clear", VENV])


def add_pip() -> None:
    """pip installs itself out of its own wheel."""
    folder = Path(tempfile.mkdtemp(prefix="pip-"))
    try:
        wheel = fetch_pip(folder)
        run([PYTHON, wheel / "pip", "install", "--quiet", "--no-index", "--no-deps", wheel])
    finally:
        shutil.rmtree(folder)


def pip(*words: str) -> None:
    """The build's warnings are for its authors; errors are shown all the same."""
    run([PYTHON, "-m", "pip", *words], PYTHONWARNINGS="ignore")


def run(command: list[str | Path], **variables: str) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, env=os.environ | variables)
    if done.returncode:
        raise Trouble(f"Не удалось: {' '.join(map(str, command))} (код {done.returncode}); причина выше.")
