"""A connector that somebody else ships as a package of their own is installed, proves itself and brings data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LK_SYNC = Path(sys.executable).with_name("lk-sync")
PATIENCE_SECONDS = 120
LK = """
supplier: {name: АО «Энергосервис», short_name: ЭС, inn: "0814042970", address: Элиста, office: Элиста, phone: "1"}
portal: {base_url: "http://127.0.0.1:8080"}
legal: {rules: "1", personal_data: "1"}
data_dir: ../var
"""
SOURCE = """
source: ledger
connection: {file: %s}
datasets:
  payments:
    from: 'Платежи "наличные"'
    watermark: Записан
    fields:
      account: {column: Счёт}
      payment: {column: №}
      paid_on: {column: День}
      period: {column: Месяц}
      amount_kopecks: {column: Сумма}
      channel: {column: Как}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, apart from this project and its environment."""
    package = shutil.copytree(HERE / "ledger", tmp_path_factory.mktemp("stranger") / "ledger")
    target = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, package]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    assert done.returncode == 0, done.stderr
    return target


def environment(site: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(site), "LANG": "C.UTF-8"}


def test_its_author_runs_the_promises(site: Path, tmp_path: Path) -> None:
    promises = shutil.copy(HERE / "ledger" / "promises.py", tmp_path / "test_promises.py")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", promises]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(site),
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout


def test_a_source_of_it_is_checked_and_pulled(site: Path, tmp_path: Path) -> None:
    sources = tmp_path / "config" / "sources"
    sources.mkdir(parents=True)
    (tmp_path / "config" / "lk.yaml").write_text(LK, "utf-8")
    make = f"import sys; sys.path.insert(0, {str(HERE / 'ledger')!r}); import promises, pathlib; "
    make += f"promises.ledger(pathlib.Path({str(tmp_path / 'ledger.db')!r}))"
    subprocess.run([sys.executable, "-c", make], check=True, env=environment(site), timeout=PATIENCE_SECONDS)
    (sources / "cash.yaml").write_text(SOURCE % (tmp_path / "ledger.db"), "utf-8")
    (tmp_path / "schedules.yaml").write_text(json.dumps({"jobs": {"cash": {"pull": "cash", "every": "1h"}}}))
    checked = lk_sync(tmp_path, site, "check", "--connect")
    assert checked.returncode == 0, checked.stderr
    assert "файл этой машины, доступен только владельцу" in checked.stdout
    pulled = lk_sync(tmp_path, site, "pull", "--json")
    assert pulled.returncode == 0, pulled.stderr
    ((payments,),) = [report["datasets"] for report in json.loads(pulled.stdout)]
    assert (payments["inserted"], json.loads(payments["pulled_totals"])["sums"]) == (30, {"amount_kopecks": 48_000})


def lk_sync(folder: Path, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LK_SYNC, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(site),
        timeout=PATIENCE_SECONDS,
    )


def test_without_the_package_the_refusal_says_which_connectors_there_are(tmp_path: Path) -> None:
    sources = tmp_path / "config" / "sources"
    sources.mkdir(parents=True)
    (tmp_path / "config" / "lk.yaml").write_text(LK, "utf-8")
    (sources / "cash.yaml").write_text(SOURCE % (tmp_path / "ledger.db"), "utf-8")
    (tmp_path / "schedules.yaml").write_text("jobs: {}")
    said = lk_sync(tmp_path, tmp_path, "check")
    assert said.returncode == 2
    assert "ledger" in said.stdout
    assert "может быть, «folder»" in said.stdout  # the nearest of those there are
