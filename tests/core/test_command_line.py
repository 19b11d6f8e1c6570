"""The command line as a stranger types it: what it says, where, and with which code it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import yaml

from lk_sync import databases
from tests.at_the_drop import TheDrop
from tests.core.conftest import LK_SYNC, PATIENCE_SECONDS, Office

FILES = """\
sink: sftp
connection: %s
exports: {reading: {fields: [{name: id, value: item}, {name: Показание, value: value}]}}
"""


def test_help_is_in_russian_and_names_every_command(office: Office) -> None:
    said = office.lk_sync("--help")
    assert said.code == 0
    for command in ("approve", "check", "pull", "push", "rejects", "revert", "run", "runs", "status"):
        assert re.search(rf"^  {command} +[А-Я]", said.out, re.MULTILINE)
    assert not re.search(r"Usage|Options|Commands|Show", said.out)
    assert office.lk_sync().out == said.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pul"], "нет команды «pul»; может быть, «pull»?"),
        (["pull", "--ful"], "нет ключа --ful; может быть, --full?"),
        (["runs", "--most", "0"], "--most: нужно целое число от 1 до 1000"),
        (["runs", "--most"], "ключу --most нужно значение"),
        (["as-of", "000000001", "вчера"], "ДЕНЬ: «вчера» — не день"),
        (["as-of", "000000001", "01.02.2026"], "лицевой счёт «000000001» на конец 01.02.2026 неизвестен"),
        (["news"], "не указано: ЗАПУСК"),
        (["bills"], "назовите --period и --out, или --preview"),
        (["bills", "--period", "2026-1", "--out", "x"], "--period: «2026-1» — не месяц; пример: 2026-10"),
        (["bills", "--period", "2026-10", "--out", "x", "--accounts", "@none"], "--accounts: файл none не читается"),
        (["rejects", "abc"], "ЗАПУСК: нужно целое число"),
        (["rejects", "7"], "запуска 7 не было; последние показывает lk-sync runs"),
        (["approve"], "не указано: ЗАПУСК"),
        (["approve", "7"], "запуск 7 не задержан; задержанные показывает lk-sync status"),
        (["revert", "7"], "запуска 7 не было; последние показывает lk-sync runs"),
        (["runs", "a", "b"], "лишнее: b"),
        (["pull", "nightly"], "в расписании нет задания загрузки «nightly»; есть: books"),
        (["push", "files"], "нет приёмника «files»; есть: ни одного"),
        (["--config", "script.json", "check"], "--config: нужна папка, а это не папка"),
        (["--config", "nowhere", "check"], "nowhere/lk.yaml: нет такого файла настроек"),
        (["--schedules", "nowhere", "pull"], "nowhere: нет такого файла настроек"),
    ],
)
def test_a_wrong_word_ends_with_one_sentence_and_code_2(office: Office, words: list[str], says: str) -> None:
    said = office.lk_sync(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"Ошибка: {said.err.removeprefix('Ошибка: ').strip()}\n"
    assert says in said.err


def test_check_walks_through_everything_and_counts_what_is_wrong(office: Office) -> None:
    said = office.lk_sync("check")
    assert (said.code, said.err) == (0, "")
    assert [line.split(":")[0] for line in said.out.splitlines()] == [
        "✓ настройки", "✓ папка данных", "✓ хранилище и кэш", "✓ регистрация", "✓ квитанции", "✓ заявки",
        "✓ расписание", "✓ источник books",
    ]  # fmt: skip
    assert "local; наборов: 2" in said.out
    assert "столбцы на месте" in office.lk_sync("check", "--connect").out

    source = office.folder / "config" / "sources" / "books.yaml"
    (source.parent / "other.yaml").write_text(source.read_text("utf-8").replace("ФИО", "Имя"), "utf-8")
    source.write_text(source.read_text("utf-8").replace("json}", "json, protected: false}"), "utf-8")
    said = office.lk_sync("check", "--connect")
    assert (said.code, said.err) == (2, "Найдено ошибок: 2\n")
    assert "✗ источник books: канал не защищён" in said.out
    assert "✗ источник other: accounts: нет столбца «Имя»" in said.out


def test_check_looks_at_the_tables_of_lookups_too(office: Office) -> None:
    source = office.folder / "config" / "sources" / "books.yaml"
    found = "{lookup: {column: адрес, from: дома, key: ид, value: улица}}"
    source.write_text(source.read_text("utf-8").replace("{column: адрес}", found), "utf-8")
    script = Path(yaml.safe_load(source.read_text("utf-8"))["connection"]["script"])
    homes = {"accounts.address": {"rows": [{"ид": "1", "улицы": "Мира"}]}}
    script.write_text(json.dumps(json.loads(script.read_text("utf-8")) | homes), "utf-8")
    assert "✗ источник books: accounts.address: нет столбца «улица»" in office.lk_sync("check", "--connect").out


def test_pull_says_what_it_brought_in_lines_that_programs_can_cut(office: Office) -> None:
    said = office.lk_sync("pull")
    assert said.code == 0
    assert said.err.splitlines() == ["accounts: получено строк 10", "payments: получено строк 10"]
    assert said.lines[0] == ["Запуск 1, задание books: опубликован"]
    assert said.lines[1][:5] == ["набор", "как", "получено", "отклонено", "новых"]
    assert [line[:5] for line in said.lines[2:]] == [
        ["accounts", "полностью", "10", "0", "10"],
        ["payments", "полностью", "10", "0", "10"],
    ]
    assert "\x1b" not in said.out + said.err


def test_json_is_json(office: Office) -> None:
    office.books["payments"]["rows"][0]["сумма"] = "x"
    office.keep_books()
    held = office.lk_sync("pull", "--json")
    (report,) = json.loads(held.out)
    assert (held.code, report["state"], report["datasets"][1]["rejected"]) == (1, "held", 1)
    (run,) = json.loads(office.lk_sync("runs", "--json").out)
    assert (run["run"]["job"], [dataset["dataset"] for dataset in run["datasets"]]) == (
        "books",
        ["accounts", "payments"],
    )
    (cause,) = json.loads(office.lk_sync("rejects", "--json").out)["causes"]
    assert (cause["source"], cause["field"], cause["times"], cause["accounts"]) == ("books", "amount_kopecks", 1, 1)
    rejects = json.loads(office.lk_sync("rejects", "1", "--json").out)
    assert rejects["rejects"][0] | {"reason": ""} == {
        "dataset": "payments", "found_in": "сценарий", "row_number": 1, "row_key": "000000000 П0",
        "field": "amount_kopecks", "value": "x", "reason": "",
    }  # fmt: skip
    seen = json.loads(office.lk_sync("status", "--json").out)
    assert [job["state"] for job in seen["jobs"]] == ["held"]
    assert seen["datasets"] == []
    assert json.loads(office.lk_sync("push", "--json").out) == {}


def test_a_past_day_and_the_news_since_a_run_are_told(office: Office) -> None:
    office.lk_sync("pull")
    office.books["payments"]["rows"].append(office.books["payments"]["rows"][0] | {"ид": "П99", "сумма": "1234.5"})
    office.keep_books()
    office.lk_sync("pull", "--full")
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    said = office.lk_sync("as-of", "000000000", today.isoformat())
    assert (said.code, said.err) == (0, "")
    assert ["П99", "2026-11-01", "2026-11", "1 234,50", "касса"] in said.lines
    told = json.loads(office.lk_sync("as-of", "000000000", f"{today:%d.%m.%Y}", "--json").out)
    assert told["datasets"]["payments"][-1]["amount_kopecks"] == 123450
    assert told["datasets"]["meters"] is None
    assert office.lk_sync("news", "1").lines[1:] == [["учтён платёж", "000000000", "2026-11", "П99", "1 234,50"]]
    assert office.lk_sync("news", "2").out == "После запуска 2 ничего такого не было.\n"


def test_the_rejects_desk_is_listed_exported_and_put_aside(office: Office) -> None:
    for i in range(300):
        office.payment(f"{i % 10:09d}", f"Ц{i}", "1.00")
    office.books["payments"]["rows"][5]["сумма"] = "=1.005"
    office.books["payments"]["rows"][6]["сумма"] = "1.005"
    office.keep_books()
    assert office.lk_sync("pull").code == 1
    desk = office.lk_sync("rejects")
    assert desk.lines[2][:6] == ["1", "1", "books", "payments", "amount_kopecks", "1"]
    assert "replay --all" in desk.lines[-1][0]
    status = office.lk_sync("status")
    assert (status.code, "! источник books: не принято и ждёт решения: 2" in status.out) == (1, True)
    assert (office.lk_sync("rejects", "export", "list.csv").out, office.lk_sync("rejects", "export", "l.txt").code) == (
        "list.csv: строк 2\n", 2,
    )  # fmt: skip
    listed = (office.folder / "list.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(";")[0] for line in listed] == ["№", "1/payments/1", "1/payments/2"]
    assert "'=1.005" in listed[1]
    assert (office.folder / "list.csv").stat().st_mode & 0o077 == 0
    assert office.lk_sync("rejects", "export", "list.xlsx").code == 0
    sheet = openpyxl.load_workbook(office.folder / "list.xlsx").active
    assert [[cell.value for cell in row][:3] for row in sheet.rows][1] == ["1/payments/1", "books", "payments"]
    wrong = office.lk_sync("rejects", "dismiss", "1/payments/9", "--why", "нет")
    assert (wrong.code, "такой неразобранной строки нет" in wrong.err) == (2, True)
    assert office.lk_sync("rejects", "dismiss", "1/payments/1", "--why", "опечатка").code == 0
    again = office.lk_sync("rejects", "replay", "1/payments/2")
    assert (again.code, again.lines[0]) == (1, ["Запуск 2, задание replay: без изменений"])
    assert office.lk_sync("rejects", "replay").code == 2
    (left,) = json.loads(office.lk_sync("rejects", "--json").out)["rejects"]
    assert (left["number"], left["account"], left["value"]) == ("2/payments/1", "000000006", "1.005")
    assert office.lk_sync("rejects", "dismiss", "2", "--why", "не нужны").code == 0
    assert office.lk_sync("rejects").out == "Неразобранных строк нет.\n"
    assert office.lk_sync("status").code == 0


def test_a_held_run_is_shown_explained_and_approved(office: Office) -> None:
    office.lk_sync("pull")
    office.books["payments"]["rows"] = office.books["payments"]["rows"][:5]
    office.keep_books()
    held = office.lk_sync("pull", "--full")
    assert held.code == 1
    assert "ЗАДЕРЖАНО: payments: строк стало меньше на 50.0 %" in held.out
    assert "lk-sync approve 2" in held.out
    status = office.lk_sync("status")
    assert status.code == 1
    assert "! задание books: запуск 2 задержан (payments: строк стало меньше" in status.out
    assert office.lk_sync("approve", "2").code == 0
    assert office.lk_sync("status").code == 0
    assert [line[4] for line in office.lk_sync("runs").lines] == ["итог", "опубликован", "опубликован"]


def test_a_published_run_is_taken_back(office: Office) -> None:
    office.lk_sync("pull")
    office.books["payments"]["rows"][3]["сумма"] = "1000"
    office.books["payments"]["rows"][3]["изменён"] = "2026-11-05T00:00:00"
    office.keep_books()
    office.lk_sync("pull")
    said = office.lk_sync("revert", "2")
    assert said.code == 0
    assert said.lines[0] == ["Запуск 3, задание books: опубликован"]
    assert "Запуск 2 отменён. Следующая загрузка принесёт эти данные снова" in said.out
    assert [line[4] for line in office.lk_sync("runs").lines[1:]] == [
        "отмена запуска 2", "отменён запуском 3", "опубликован",
    ]  # fmt: skip
    again = office.lk_sync("revert", "2")
    assert (again.code, again.err) == (2, "Ошибка: запуск 2 уже отменён запуском 3\n")


@pytest.mark.parametrize(("act", "code"), [("Unreachable", 3), ("AccessDenied", 4), ("BadData", 1), ("crash", 3)])
def test_the_exit_code_says_who_has_to_act(office: Office, act: str, code: int) -> None:
    office.books["payments"]["act"] = act
    office.keep_books()
    said = office.lk_sync("pull")
    assert said.code == code
    assert said.err.splitlines()[-1].startswith("Ошибка: задание books: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pull_by_hand_is_stopped_by_a_signal_and_changes_nothing(office: Office, number: signal.Signals) -> None:
    office.books["payments"]["act"] = "hang"
    office.keep_books()
    office.timetable({"jobs": {"books": {"pull": "books", "every": "1h"}, "again": {"pull": "books", "every": "2h"}}})
    process = subprocess.Popen(
        [LK_SYNC, "pull", "books", "again"],
        cwd=office.folder,
        env=office.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    staging = office.config.lk.data_dir / "staging"
    while not list(staging.glob("run-*.db")) and process.poll() is None:
        time.sleep(0.05)
    began = time.monotonic()
    os.killpg(process.pid, number)  # as a terminal does: the child is hit as well
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert time.monotonic() - began < 5
    assert said.decode().splitlines()[-1] == (
        "Ошибка: задание books: остановлено по требованию; ничего не опубликовано"
    )
    assert list(staging.iterdir()) == []
    assert not (office.config.lk.data_dir / "cache.db-journal").exists()
    assert len(json.loads(office.lk_sync("runs", "--json").out)) == 1


def test_a_source_that_another_process_walks_is_left_to_it(office: Office) -> None:
    with databases.lock(office.config, "books"):
        said = office.lk_sync("pull")
    assert said.code == 1
    assert "«books» уже выполняется другим процессом" in said.err


def test_status_says_what_to_do_before_the_first_pull(office: Office) -> None:
    said = office.lk_sync("status")
    assert said.code == 1
    assert "! данные ещё не загружались; выполните lk-sync pull" in said.out
    assert office.lk_sync("rejects").out == "Неразобранных строк нет.\n"


def test_a_folder_or_file_that_cannot_be_used_is_named(office: Office) -> None:
    nowhere = office.lk_sync("status", LK_DATA_DIR="/dev/null/var")
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "/dev/null/var/store.db: хранилище не открывается (Not a directory)" in nowhere.err
    var = office.folder / "other"
    var.mkdir()
    (var / "store.db").write_bytes(b"this is no database" * 100)
    broken = office.lk_sync("runs", LK_DATA_DIR=str(var))
    assert (broken.code, broken.out) == (2, "")
    assert "other/store.db: хранилище не открывается (file is not a database)" in broken.err
    (office.config.lk.data_dir / "cache.db").write_bytes(b"this is no database" * 100)
    spoilt = office.lk_sync("status")
    assert spoilt.code == 1
    assert "cache.db: кэш повреждён (file is not a database); удалите его и выполните lk-sync pull --full" in spoilt.err


def test_a_reader_who_has_seen_enough_is_no_fault(office: Office) -> None:
    office.lk_sync("pull")
    shell = f"set -o pipefail; for i in 1 2 3; do {LK_SYNC} runs --json | true || exit 9; done"
    done = subprocess.run(
        ["bash", "-c", shell], cwd=office.folder, env=office.environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def _at_a_terminal(office: Office, *words: str) -> str:
    """What the command shows on a wide terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [LK_SYNC, *words],
        cwd=office.folder,
        env=office.environment | {"TERM": "xterm", "COLUMNS": "300"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # Linux tells the end of a terminal so
        pass
    finally:
        os.close(ours)
        process.wait(PATIENCE_SECONDS)
    return shown.decode()


def test_a_terminal_shows_progress_and_tables_and_obeys_no_cell(office: Office) -> None:
    office.books["payments"]["rows"][3] |= {"сумма": "\x1b]0;взлом\x07[red]5", "ид": "\x1b[2J[bold]"}
    office.keep_books()
    pulled = _at_a_terminal(office, "pull")
    assert "━" in pulled
    assert "ЗАДЕРЖАН" in pulled
    shown = _at_a_terminal(office, "rejects")
    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown
    assert r"\x1b]0;взлом\x07[red]5" in shown


def _files(office: Office, connection: dict[str, object]) -> None:
    folder = office.folder / "config" / "sinks"
    folder.mkdir(exist_ok=True)
    (folder / "files.yaml").write_text(FILES % json.dumps(connection), "utf-8")


def test_push_ends_with_the_code_of_what_stood_in_its_way(office: Office, drop: TheDrop) -> None:
    reach: Callable[..., dict[str, object]] = drop.reach
    _files(office, reach())
    assert "✓ приёмник files: sftp://lk@127.0.0.1" in office.lk_sync("check", "--connect").out
    said = office.lk_sync("push")
    assert (said.code, said.out) == (0, "files: выгружено 0, подтверждено 0, отклонено 0, непонятных ответов 0\n")
    _files(office, reach(host_key=None))
    assert office.lk_sync("push").code == 2
    _files(office, reach(port=1))
    assert office.lk_sync("push").code == 3
    _files(office, reach(username="nobody"))
    assert office.lk_sync("push", "files").code == 4


def test_settings_are_found_from_anywhere(office: Office, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    config = Path(os.path.relpath(office.folder / "config", elsewhere))
    for words, environment in ((["--config", config], {}), ([], {"LK_CONFIG": str(config)})):
        done = subprocess.run(
            [LK_SYNC, *words, "check"],
            cwd=elsewhere,
            env=office.environment | environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0
        assert f"папка данных: {office.folder / 'var'}" in done.stdout.decode()
    assert list(elsewhere.iterdir()) == []


def test_what_a_held_run_would_change_is_shown_before_it_is_approved(office: Office) -> None:
    office.lk_sync("pull")
    office.books["payments"]["rows"] = office.books["payments"]["rows"][:5]
    office.keep_books()
    assert "lk-sync runs show 2" in office.lk_sync("pull", "--full").out
    shown = office.lk_sync("runs", "show", "2")
    assert shown.code == 0
    assert shown.lines[0] == ["Запуск 2, задание books, источник books: ЗАДЕРЖАН"]
    assert "Что делать: если строки удалены намеренно — утвердите" in shown.out
    assert ["payments", "0", "0", "5", "5"] in shown.lines
    assert ["payments", "2026-11", "—", "10", "5", "50.00 ₽", "11.25 ₽", "-38.75 ₽"] in shown.lines
    assert ["000000009", "9.95 ₽", "0.00 ₽", "-9.95 ₽"] in shown.lines
    assert "Иванов" not in shown.out
    assert shown.out.endswith("lk-sync pull books. Задержанное хранится неделю.\n")
    tree = json.loads(office.lk_sync("runs", "show", "2", "--json").out)
    assert (tree["run"]["state"], tree["findings"][0]["code"], tree["picture"]["movers"][0]) == (
        "held", "shrink", {"account": "000000009", "was": 995, "now": 0},
    )  # fmt: skip
    approved = office.lk_sync("approve", "2")
    assert ["000000009", "9.95 ₽", "0.00 ₽", "-9.95 ₽"] in approved.lines
    assert "Запуск 2, задание books: опубликован" in approved.out
    assert office.lk_sync("runs", "show", "9").err == "Ошибка: запуска 9 не было; последние показывает lk-sync runs\n"


def test_a_dry_run_shows_what_would_change_and_changes_nothing(office: Office) -> None:
    tried = office.lk_sync("pull", "--dry-run")
    assert tried.code == 0
    assert tried.lines[0] == ["Запуск 1, задание books: проба"]
    assert ["payments", "2026-11", "—", "0", "10", "0.00 ₽", "50.00 ₽", "+50.00 ₽"] in tried.lines
    assert "Это проба: ничего не опубликовано" in tried.out
    assert "данные ещё не загружались" in office.lk_sync("status").out
    office.lk_sync("pull")
    office.books["payments"]["rows"] = office.books["payments"]["rows"][:5]
    office.keep_books()
    would_be_held = office.lk_sync("pull", "--dry-run", "--full", "--json")
    (report,) = json.loads(would_be_held.out)
    assert (would_be_held.code, report["kind"], report["state"]) == (1, "dry", "unchanged")
    assert report["picture"]["datasets"][0]["ended"] == 5
    assert office.lk_sync("approve", "3").code == 2
    assert [line[4] for line in office.lk_sync("runs").lines[1:]] == ["проба", "опубликован", "проба"]
    assert "--full и --since вместе" in office.lk_sync("pull", "--full", "--since", "2026-11-01").err
