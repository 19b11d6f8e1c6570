"""Snapshots: the newest counts, an older one never takes its place, and none is read twice for nothing."""

from __future__ import annotations

import hashlib

import pytest

from lk_sync.errors import BadData
from lk_sync.flow import run as runs
from tests.at_the_folder import HEAD, Shop, line


def test_what_is_published_is_put_aside_and_nothing_new_makes_nothing_fresh(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a") + line("b", "нет"))
    assert shop.pull().state == "published"
    assert shop.paid == {"a": 10_000}
    assert (shop.names(), shop.names("done")) == ([], ["payments-1.csv", "payments-1.csv.err.csv", "payments-1.csv.ok"])
    assert shop.report("payments-1.csv").splitlines()[1].startswith("3;amount_kopecks;нет;")
    before = shop.cells("SELECT run, published_at FROM dataset_state")
    again = shop.pull()
    assert (again.state, again.datasets[0].pulled, again.datasets[0].mode) == ("unchanged", 0, "increment")
    assert shop.cells("SELECT run, published_at FROM dataset_state") == before
    assert shop.paid == {"a": 10_000}


def test_a_newer_snapshot_ends_what_it_does_not_hold_and_overtakes_what_was_never_read(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a") + line("b"))
    shop.pull()
    shop.lay("payments-9.csv", HEAD + line("x"))
    shop.lay("payments-10.csv", HEAD + line("b") + line("c"))
    shop.pull()
    assert shop.paid == {"b": 10_000, "c": 10_000}
    assert shop.names() == []
    assert "не читался: есть более новая выгрузка «10»" in shop.report("payments-9.csv")


def test_an_older_snapshot_that_comes_late_changes_nothing_and_says_so(shop: Shop) -> None:
    shop.lay("payments-20261102.csv", HEAD + line("a"))
    shop.pull()
    shop.lay("payments-20261101.csv", HEAD + line("old"))
    assert shop.pull().state == "unchanged"
    assert shop.paid == {"a": 10_000}
    assert "более новая выгрузка «20261102»" in shop.report("payments-20261101.csv")


def test_the_same_bytes_under_another_stamp_change_nothing(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    shop.pull()
    shop.lay("payments-2.csv", HEAD + line("a"))
    assert shop.pull().state == "unchanged"
    assert shop.cells("SELECT COUNT(*) FROM journal") == [(1,)]


def test_a_corrected_file_of_the_same_stamp_counts(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    shop.pull()
    shop.lay("payments-1.csv", HEAD + line("a", "200.00"))
    assert shop.pull().state == "published"
    assert shop.paid == {"a": 20_000}
    assert len([name for name in shop.names("done") if name.endswith(".csv")]) == 2


def test_a_changed_mapping_reads_the_last_snapshot_again_from_where_it_was_put(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    shop.pull()
    shop.write(fields=shop.dataset["fields"] | {"channel": {"constant": "post"}})
    assert shop.pull().state == "published"
    assert shop.cells("SELECT code FROM payments JOIN codes ON id = channel") == [("post",)]


def test_a_deleted_cache_is_filled_from_what_was_put_aside(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("old"))
    shop.pull()
    shop.lay("payments-2.csv", HEAD + line("a"))
    shop.pull()
    for path in (shop.root / "var").glob("cache.db*"):
        path.unlink()
    assert shop.pull().state == "published"
    assert shop.paid == {"a": 10_000}


def test_a_snapshot_that_is_no_good_stays_until_there_is_a_better_one(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    shop.pull()
    shop.lay("payments-2.csv", HEAD + line("b"), sha256="0" * 64)
    with pytest.raises(BadData, match="SHA-256 не сходится"):
        shop.pull()
    assert (shop.paid, shop.names()) == ({"a": 10_000}, ["payments-2.csv", "payments-2.csv.ok"])
    assert (shop.names("error"), "SHA-256 не сходится" in shop.report("payments-2.csv", "error")) == (
        ["payments-2.csv.err.csv"],
        True,
    )
    shop.lay("payments-3.csv", HEAD + line("c"))
    shop.pull()
    assert (shop.paid, shop.names()) == ({"c": 10_000}, [])


def test_files_of_a_held_run_stay_until_it_is_approved(shop: Shop) -> None:
    shop.lay("payments-1.csv", HEAD + line("a") + line("b"))
    shop.write(guards={"reject_percent": 0})
    shop.lay("payments-2.csv", HEAD + line("a") + line("b", "x"))
    held = shop.pull()
    assert (held.state, shop.names("done")) == ("held", [])
    assert "payments-2.csv" in shop.names()
    assert shop.puller.approve(held.run, who="тест").state == "published"
    assert shop.names() == []
    assert "amount_kopecks;x" in shop.report("payments-2.csv")


def test_a_crash_between_publishing_and_putting_aside_is_made_good(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.lay("payments-1.csv", HEAD + line("a") + line("b", "x"))
    with monkeypatch.context() as patch:
        patch.setattr(runs.Puller, "_settle_files", lambda *_: None)
        shop.pull()
    assert (shop.paid, shop.names("done")) == ({"a": 10_000}, [])
    assert shop.pull().state == "unchanged"
    assert shop.names() == []
    assert "amount_kopecks;x" in shop.report("payments-1.csv")


def test_a_file_that_was_replaced_after_it_was_read_is_not_put_aside_unread(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"))
    settle = runs.Puller._settle_files

    def replaced(*args: object) -> None:
        shop.lay("payments-1.csv", HEAD + line("a", "300.00"))
        settle(*args)  # type: ignore[arg-type]  # passed on as they came

    with monkeypatch.context() as patch:
        patch.setattr(runs.Puller, "_settle_files", replaced)
        shop.pull()
    assert "payments-1.csv" in shop.names()
    shop.pull()
    assert (shop.paid, shop.names()) == ({"a": 30_000}, [])


@pytest.mark.parametrize("how", ["empty", "sha256", "md5"])
def test_simple_sidecars_say_that_a_file_is_whole(shop: Shop, how: str) -> None:
    body = (HEAD + line("a")).encode()
    shop.lay("payments-1.csv", body, sign=False)
    with pytest.raises(BadData, match="ещё пишутся"):
        shop.pull()
    if how == "empty":
        (shop.out / "payments-1.csv.ok").touch()
    else:
        digest = hashlib.new(how, body).hexdigest()
        (shop.out / f"payments-1.csv.{how}").write_text(f"{'0' * len(digest)} *payments-1.csv\n")
        with pytest.raises(BadData, match="не сходится"):
            shop.pull()
        (shop.out / f"payments-1.csv.{how}").write_text(f"{digest.upper()}  payments-1.csv\n")
    assert shop.pull().state == "published"
    assert shop.names() == []


@pytest.mark.parametrize("said", ["", "нет", "ab  payments-1.csv", f"{'0' * 64}  other.csv"])
def test_a_sidecar_that_is_no_digest_is_refused(shop: Shop, said: str) -> None:
    shop.lay("payments-1.csv", HEAD + line("a"), sign=False)
    (shop.out / "payments-1.csv.sha256").write_text(said)
    with pytest.raises(BadData, match=r"payments-1\.csv\.sha256: (это не контрольная сумма|контрольная сумма другого)"):
        shop.pull()
