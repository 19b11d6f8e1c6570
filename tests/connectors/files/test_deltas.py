"""Files of changes: every new one once, in order; the last word counts; nothing is lost and nothing doubled."""

from __future__ import annotations

import pytest

from lk_sync.errors import SchemaDrift, SettingsError
from lk_sync.flow import run as runs
from tests.at_the_folder import HEAD, Shop, line


def test_all_new_files_are_taken_in_one_run_in_the_order_of_their_numbers(bank: Shop) -> None:
    bank.lay("payments-10.csv", HEAD + line("a", "10.00") + line("c"))
    bank.lay("payments-9.csv", HEAD + line("a", "9.00") + line("b"))
    bank.lay("payments-8.csv", HEAD + line("a", "8.00"))
    report = bank.pull()
    assert (report.state, report.datasets[0].pulled) == ("published", 5)
    assert bank.paid == {"a": 1_000, "b": 10_000, "c": 10_000}
    assert bank.names() == []
    assert [name for name in bank.names("done") if name.endswith(".err.csv")] == []
    bank.lay("payments-11.csv", HEAD + line("b", "11.00"))
    assert bank.pull().state == "published"
    assert bank.paid == {"a": 1_000, "b": 1_100, "c": 10_000}


def test_no_file_is_no_news(bank: Shop) -> None:
    assert bank.pull().state == "unchanged"
    bank.lay("payments-1.csv", HEAD + line("a"))
    bank.pull()
    assert (bank.pull().state, bank.paid) == ("unchanged", {"a": 10_000})


def test_a_date_that_does_not_sort_is_read_as_it_is_written(bank: Shop) -> None:
    bank.write(options={"deltas": True, "stamp": "%d%m%Y"})
    bank.lay("payments-30102026.csv", HEAD + line("a", "1.00"))
    bank.lay("payments-02112026.csv", HEAD + line("a", "2.00"))
    bank.pull()
    assert bank.paid == {"a": 200}
    bank.write(options={"deltas": True, "stamp": "%d%m%q"})
    with pytest.raises(SettingsError, match=r"options\.stamp"):
        bank.pull()


def test_the_same_file_twice_changes_nothing_under_whatever_name(bank: Shop) -> None:
    body = HEAD + line("a") + line("b")
    bank.lay("payments-1.csv", body)
    bank.lay("payments-2.csv", body)
    bank.pull()
    bank.lay("payments-3.csv", HEAD + line("a", "5.00"))
    bank.pull()
    bank.lay("payments-4.csv", body)
    bank.lay("payments-1.csv", body)
    assert bank.pull().state == "unchanged"
    assert bank.paid == {"a": 500, "b": 10_000}
    assert bank.names() == []
    assert "тот же файл, что «payments-1.csv»" in bank.report("payments-2.csv")


def test_a_file_that_is_no_good_goes_aside_with_the_reason_and_the_others_count(bank: Shop) -> None:
    bank.lay("payments-1.csv", HEAD + line("a"))
    bank.lay("payments-2.csv", HEAD + line("b"), sha256="0" * 64)
    bank.lay("payments-3.csv", HEAD + line("c"), rows=7)
    bank.lay("payments-4.csv", HEAD + line("d"), sums={"Сумма": "100.01"})
    bank.lay("payments-5.csv", "<html>ошибка</html>")
    bank.lay("payments-6.csv", HEAD + line("e") + line("f", "x"))
    report = bank.pull()
    assert bank.paid == {"a": 10_000, "e": 10_000}
    assert (report.datasets[0].pulled, report.datasets[0].rejected) == (3, 1)
    reasons = {2: "SHA-256", 3: "строк 1, а", 4: "сумма amount_kopecks 100.00, а обещано 100.01", 5: "HTML"}
    for number, reason in reasons.items():
        assert reason in bank.report(f"payments-{number}.csv", "error"), number
    assert "3;amount_kopecks;x" in bank.report("payments-6.csv")
    assert bank.names() == []
    bank.lay("payments-2.csv", HEAD + line("b"))
    assert bank.pull().clean
    assert bank.paid == {"a": 10_000, "b": 10_000, "e": 10_000}


def test_a_run_whose_only_file_was_refused_says_so_and_is_not_clean(bank: Shop) -> None:
    bank.lay("payments-1.csv", "<html>ошибка</html>")
    report = bank.pull()
    assert (report.state, report.clean) == ("unchanged", False)
    (finding,) = report.findings
    assert "файлов не принято целиком: 1, исправленные положите снова; первый — payments-1.csv" in finding.text
    assert bank.names("error") == ["payments-1.csv", "payments-1.csv.err.csv", "payments-1.csv.ok"]
    assert bank.pull().clean


def test_a_description_of_a_register_is_read_though_there_is_no_file_yet(bank: Shop) -> None:
    bank.write(options={"format": "register", "profile": "../registers/none.yaml", "deltas": True})
    with pytest.raises(SettingsError, match=r"none\.yaml"):
        bank.pull()


def test_a_row_with_bytes_that_are_no_letters_costs_itself_only(bank: Shop) -> None:
    bank.write(options={"deltas": True, "encoding": "cp1251"})
    body = (HEAD + "".join(line(f"Платёж {i}") for i in range(9))).encode("cp1251")
    bank.lay("payments-1.csv", body + "0001;Платёж ".encode("cp1251") + b"\x98;2026-11-03;2026-11;1.00\r\n")
    report = bank.pull()
    assert (report.datasets[0].pulled, report.datasets[0].rejected, len(bank.paid)) == (10, 1, 9)
    assert "\\udc98" in bank.report("payments-1.csv")


def test_a_file_of_other_columns_stops_the_run_and_stays(bank: Shop) -> None:
    bank.lay("payments-1.csv", HEAD + line("a"))
    bank.lay("payments-2.csv", HEAD.replace("Сумма", "СуммаПлатежа") + line("b"))
    with pytest.raises(SchemaDrift, match="СуммаПлатежа"):
        bank.pull()
    assert len(bank.names()) == 4


def test_a_late_file_is_taken_or_refused_as_the_options_say(bank: Shop) -> None:
    bank.lay("payments-5.csv", HEAD + line("a"))
    bank.pull()
    bank.lay("payments-4.csv", HEAD + line("b"))
    bank.pull()
    assert bank.paid == {"a": 10_000, "b": 10_000}
    bank.write(options={"deltas": True, "late": "refuse"})
    bank.lay("payments-3.csv", HEAD + line("c"))
    bank.pull()
    assert bank.paid == {"a": 10_000, "b": 10_000}
    assert "старше того, что уже принят" in bank.report("payments-3.csv", "error")


def test_a_folder_that_may_only_be_read_is_remembered(bank: Shop) -> None:
    bank.connection["put_aside"] = False
    bank.write()
    bank.lay("payments-1.csv", HEAD + line("a"))
    bank.lay("payments-2.csv", HEAD + line("b"), sha256="0" * 64)
    for state in ("published", "unchanged", "unchanged"):
        assert bank.pull().state == state
    assert len(bank.names()) == 4
    assert bank.names("done") == []
    assert bank.cells("SELECT name, state FROM taken_files ORDER BY name") == [
        ("payments-1.csv", "published"),
        ("payments-2.csv", "refused"),
    ]


def test_everything_is_read_anew_when_the_cache_is_gone_or_a_full_pull_is_asked_for(bank: Shop) -> None:
    for number in range(1, 4):
        bank.lay(f"payments-{number}.csv", HEAD + line("a", f"{number}.00") + line(f"b{number}"))
        bank.pull()
    bank.lay("payments-4.csv", HEAD + line("a", "4.00"))
    expected = {"a": 400, "b1": 10_000, "b2": 10_000, "b3": 10_000}
    assert bank.pull(full=True).datasets[0].pulled == 7
    assert bank.paid == expected
    for path in (bank.root / "var").glob("cache.db*"):
        path.unlink()
    bank.pull()
    assert bank.paid == expected
    assert bank.names() == []


def test_a_crash_before_putting_aside_does_not_bring_old_rows_back(bank: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.lay("payments-1.csv", HEAD + line("a", "1.00"))
    with monkeypatch.context() as patch:
        patch.setattr(runs.Puller, "_settle_files", lambda *_: None)
        bank.pull()
    bank.lay("payments-2.csv", HEAD + line("a", "2.00"))
    bank.pull()
    assert (bank.paid, bank.names()) == ({"a": 200}, [])


def test_files_in_any_order_of_arrival_are_neither_lost_nor_doubled(bank: Shop) -> None:
    numbers, rows = [7 * i % 25 for i in range(1, 25)], 0
    for size in (1, 6, 2, 5, 3, 7):
        for number in numbers[:size]:
            bank.lay(f"payments-{number}.csv", HEAD + line(f"p{number}", f"{number}.00"))
        numbers = numbers[size:]
        rows += bank.pull().datasets[0].pulled
    assert bank.paid == {f"p{number}": 100 * number for number in range(1, 25)}
    assert (rows, bank.names()) == (24, [])
