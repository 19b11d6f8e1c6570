"""Lighthouse: what does Google's examiner say of home, charges and readings, on the slow telephone that it plays?

    python -m bench.lighthouse [--least 95]

Needs `node` and `npm`; installs the examiner into `.bench/`. The real `lk-portal` is asked for the pages of a
subscriber who is logged in. Ends with 1 when a mark is lower than wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from bench.portal import PAGES, ROOT, build, lk_portal, log_in

EXAMINER: Final = "lighthouse@12.8.2"
FOLDER: Final = ROOT / ".bench" / "lighthouse"
PROGRAM: Final = FOLDER / "node_modules" / ".bin" / "lighthouse"
KINDS: Final = ("performance", "accessibility", "best-practices")
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FEW: Final = 40


def install() -> None:
    if shutil.which("npm") is None:
        raise SystemExit("нужны node и npm: apt-get install nodejs npm")
    if PROGRAM.exists() and EXAMINER in (FOLDER / "version").read_text("utf-8"):
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    quietly = ["--silent", "--no-fund", "--no-audit", "--ignore-scripts"]
    subprocess.run(["npm", "install", *quietly, "--prefix", FOLDER, EXAMINER], check=True, cwd=FOLDER)
    (FOLDER / "version").write_text(EXAMINER, "utf-8")


def marks(url: str, cookie: str, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Marks of 0 to 100 by kind, and what cost something."""
    told, headers = folder / "report.json", folder / "headers.json"
    headers.write_text(json.dumps({"Cookie": cookie}), "utf-8")
    command = [PROGRAM, url, "--quiet", "--output=json", f"--output-path={told}", f"--extra-headers={headers}"]
    command += [f"--chrome-flags={FLAGS}", f"--only-categories={','.join(KINDS)}"]
    subprocess.run(command, check=True, env={**os.environ, "CHROME_PATH": CHROMIUM}, timeout=180)
    found: dict[str, Any] = json.loads(told.read_text("utf-8"))
    assert found["finalDisplayedUrl"] == url, found["finalDisplayedUrl"]
    kinds, audits = found["categories"], found["audits"]
    costly = [
        f"{audits[each['id']]['id']}: {audits[each['id']]['title']}"
        for kind in KINDS
        for each in kinds[kind]["auditRefs"]
        if each["weight"] and (audits[each["id"]]["score"] or 0) < 1 and audits[each["id"]]["score"] is not None
    ]
    return {kind: round(kinds[kind]["score"] * 100) for kind in KINDS}, costly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--least", type=int, default=95)
    asked = parser.parse_args()
    install()
    low = False
    with tempfile.TemporaryDirectory(prefix="lk-lighthouse-") as name:
        folder = Path(name)
        build(folder, FEW)
        cookie = next(iter(log_in(folder).values()))
        with lk_portal(folder) as (port, _):
            for title, path in PAGES.items():
                found, costly = marks(f"http://127.0.0.1:{port}{path}", cookie, folder)
                print(f"{title:24}" + "  ".join(f"{kind} {mark}" for kind, mark in found.items()), flush=True)
                print("".join(f"    {each}\n" for each in costly), end="")
                low = low or min(found.values()) < asked.least
    sys.exit(1 if low else 0)


if __name__ == "__main__":
    main()
