"""What a supplier publishes on a web server: taken once, whole, and nothing that leads elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lk_sync import registry
from lk_sync.errors import BadData, SettingsError, Unprotected
from tests.at_the_folder import HEAD, Shop, line
from tests.at_the_publisher import TheSite, packed

Make = Callable[..., Shop]


@pytest.fixture
def make(site: TheSite, tmp_path: Path) -> Iterator[Make]:
    shops: list[Shop] = []

    def made(options: dict[str, Any] | None = None, **other: Any) -> Shop:
        (tmp_path / "shop").mkdir()
        shops.append(site.shop(tmp_path, **other))
        if options:
            shops[0].write(options=options)
        return shops[0]

    yield made
    for shop in shops:
        shop.store.close()


def listed(site: TheSite, **files: str | bytes) -> None:
    """Files and the manifest that names them."""
    bodies = {name.replace("_", "-") + ".csv": _bytes(body) for name, body in files.items()}
    for name, body in bodies.items():
        (site.out / name).write_bytes(body)
    said = [
        {"name": name, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body)} for name, body in bodies.items()
    ]
    (site.out / "list.json").write_text(json.dumps({"files": said}), "utf-8")


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def test_an_archive_is_read_by_its_members_and_only_when_it_is_new(site: TheSite, make: Make) -> None:
    shop = make(archive="export.zip")
    (site.out / "export.zip").write_bytes(
        packed(("2026/payments-1.csv", HEAD + line("old")), ("2026/payments-2.csv", HEAD + line("a") + line("b", "x")))
    )
    report = shop.pull()
    assert (report.state, shop.paid) == ("published", {"a": 10_000})
    assert report.datasets[0].rejected == 1
    assert shop.pull().state == "unchanged"
    assert site.served.statuses == [200, 304]
    (site.out / "export.zip").write_bytes(packed(("payments-3.csv", HEAD + line("c"))))
    shop.pull()
    assert shop.paid == {"c": 10_000}


def test_a_changed_mapping_reads_what_the_server_has_though_it_is_not_new(site: TheSite, make: Make) -> None:
    shop = make(archive="export.zip")
    (site.out / "export.zip").write_bytes(packed(("payments-1.csv", HEAD + line("a"))))
    shop.pull()
    shop.write(fields=shop.dataset["fields"] | {"channel": {"constant": "post"}})
    assert shop.pull().state == "published"
    assert site.served.statuses == [200, 200]


def test_a_manifest_names_files_and_each_new_one_is_taken_once(site: TheSite, make: Make) -> None:
    shop = make({"deltas": True}, manifest="list.json")
    listed(site, payments_1=HEAD + line("a", "1.00"), payments_2=HEAD + line("a", "2.00") + line("b"))
    assert shop.pull().datasets[0].pulled == 3
    listed(
        site,
        payments_1=HEAD + line("a", "1.00"),
        payments_2=HEAD + line("a", "2.00") + line("b"),
        payments_3=HEAD + line("c"),
    )
    site.served.asked.clear()
    assert shop.pull().datasets[0].pulled == 1
    assert [path for path, _ in site.served.asked] == ["/out/list.json", "/out/payments-3.csv"]
    assert shop.paid == {"a": 200, "b": 10_000, "c": 10_000}


def test_a_file_that_is_not_what_the_manifest_says_is_refused_and_the_others_count(site: TheSite, make: Make) -> None:
    shop = make({"deltas": True}, manifest="list.json")
    listed(site, payments_1=HEAD + line("a"), payments_2=HEAD + line("b"))
    (site.out / "payments-1.csv").write_text(HEAD + line("a", "666.00"))
    shop.pull()
    assert shop.paid == {"b": 10_000}
    assert shop.cells("SELECT state FROM taken_files ORDER BY name") == [("refused",), ("published",)]
    assert "SHA-256 не сходится" in shop.cells("SELECT report FROM taken_files ORDER BY name")[0][0]
    listed(site, payments_1=HEAD + line("a"), payments_2=HEAD + line("b"))
    assert shop.pull().state == "unchanged"  # the same bytes are promised, so they are not asked for again


def test_lines_of_sha256sum_are_a_manifest_too_and_packed_files_are_unpacked(site: TheSite, make: Make) -> None:
    body = gzip.compress((HEAD + line("a")).encode())
    (site.out / "payments-1.csv.gz").write_bytes(body)
    (site.out / "SHA256SUMS").write_text(f"{hashlib.sha256(body).hexdigest()} *./payments-1.csv.gz\n")
    shop = make(manifest="SHA256SUMS")
    shop.pull()
    assert shop.paid == {"a": 10_000}


@pytest.mark.parametrize("sidecar", [None, ".sha256", ".ok"])
def test_single_files_are_asked_for_by_name(site: TheSite, make: Make, sidecar: str | None) -> None:
    body = (HEAD + line("a")).encode()
    shop = make(files=["payments-1.csv", "payments-2.csv"], sidecar=sidecar)
    (site.out / "payments-1.csv").write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    (site.out / "payments-1.csv.sha256").write_text(f"{'0' * 64}  payments-1.csv")
    said = {"file": "payments-1.csv", "rows": 1, "sha256": "0" * 64}
    (site.out / "payments-1.csv.ok").write_text(json.dumps(said))
    if sidecar is not None:
        with pytest.raises(BadData, match="не сходится"):
            shop.pull()
    (site.out / "payments-1.csv.sha256").write_text(f"{digest}  payments-1.csv")
    (site.out / "payments-1.csv.ok").write_text(json.dumps(said | {"sha256": digest}))
    assert shop.pull().state == "published"
    assert shop.pull().state == "unchanged"
    assert 304 in site.served.statuses


def test_a_server_that_packs_unasked_is_understood_and_its_bombs_are_not(site: TheSite, make: Make) -> None:
    shop = make(files=["payments-1.csv.gz"], max_file_bytes=20 << 20)
    site.odd.packs = True
    (site.out / "payments-1.csv.gz").write_bytes(gzip.compress((HEAD + line("a")).encode()))
    shop.pull()
    assert shop.paid == {"a": 10_000}
    site.odd.packs = False
    (site.out / "payments-1.csv.gz").write_bytes(gzip.compress(b"0" * (19 << 20)))
    with pytest.raises(BadData, match="бомб"):
        shop.pull()
    (site.out / "payments-1.csv.gz").write_bytes(gzip.compress((HEAD + line("a")).encode())[:-9])
    with pytest.raises(BadData, match=r"обрыва|не читается"):
        shop.pull()


def _linked() -> bytes:
    info = zipfile.ZipInfo("payments-1.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    info.create_system = 3
    return _with(info, "/etc/passwd")


def _with(info: zipfile.ZipInfo, body: str) -> bytes:
    import io

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(info, body)
    return made.getvalue()


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (packed(("../payments-1.csv", HEAD)), "в другую папку"),
        (packed(("/etc/payments-1.csv", HEAD)), "в другую папку"),
        (packed(("a\\..\\payments-1.csv", HEAD)), "в другую папку"),
        (packed(("C:/payments-1.csv", HEAD)), "в другую папку"),
        (packed(("a/payments-1.csv", HEAD), ("b/payments-1.csv", HEAD)), "дважды"),
        (packed(("payments-1.zip", HEAD)), "вложенные архивы"),
        (packed(("payments-1.csv", b"0" * (30 << 20))), "бомб"),
        (packed(*((f"payments-{i}.csv", HEAD) for i in range(12))), "max_members"),
        (_linked(), "ссылка"),
        (packed(("payments-1.csv", HEAD))[:-30], "не читается"),
        (b"<html>500</html>", "не читается"),
    ],
    ids=["up", "root", "backslash", "drive", "twice", "nested", "bomb", "many", "link", "cut", "html"],
)
def test_an_archive_that_leads_elsewhere_or_grows_is_refused_whole(
    site: TheSite, make: Make, archive: bytes, why: str
) -> None:
    shop = make(archive="export.zip", max_members=10)
    (site.out / "export.zip").write_bytes(archive)
    with pytest.raises(BadData, match=why):
        shop.pull()


def test_an_archive_is_held_against_its_digest(site: TheSite, make: Make) -> None:
    shop = make(archive="export.zip", sidecar=".sha256")
    body = packed(("payments-1.csv", HEAD + line("a")))
    (site.out / "export.zip").write_bytes(body)
    (site.out / "export.zip.sha256").write_text("0" * 64)
    with pytest.raises(BadData, match="не сходится"):
        shop.pull()
    (site.out / "export.zip.sha256").write_text(hashlib.sha256(body).hexdigest())
    assert shop.pull().state == "published"


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("{", "не читается"),
        ('{"files": [{"name": "../a.csv", "sha256": "%s"}]}' % ("0" * 64), "в другую папку"),
        ('{"files": [{"name": "a.csv"}]}', "sha256"),
        ("\n".join(["0" * 64 + "  a.csv"] * 2), "дважды"),
        ("<html>", "sha256sum"),
        ("", "нет ни одного готового файла"),
    ],
)
def test_a_manifest_that_is_none_is_refused(site: TheSite, make: Make, manifest: str, why: str) -> None:
    shop = make(manifest="list.json")
    (site.out / "list.json").write_text(manifest)
    with pytest.raises(BadData, match=why):
        shop.pull()


def test_a_manifest_cannot_lead_to_another_server(site: TheSite, make: Make) -> None:
    shop = make(manifest="list.json")
    said = {"name": "payments-1.csv", "sha256": "0" * 64, "url": "https://example.com/payments-1.csv"}
    (site.out / "list.json").write_text(json.dumps({"files": [said]}))
    with pytest.raises(Unprotected, match=r"example\.com"):
        shop.pull()


def test_what_has_not_been_published_yet_is_told(site: TheSite, make: Make) -> None:
    with pytest.raises(BadData, match=r"нет ни одного готового файла"):
        make(files=["payments-1.csv"]).pull()
    with pytest.raises(SettingsError, match="без папок"), site.source(files=["../x.csv"]).connect():
        pass


def test_the_source_is_found_by_its_name_and_surveys_what_is_there(site: TheSite) -> None:
    (site.out / "export.zip").write_bytes(packed(("payments-1.csv", HEAD + line("П-1"))))
    source = registry.source("https", site.reach(archive="export.zip"))
    assert "TLS 1.2+" in source.channel().protection
    (found,) = site.source(archive="export.zip").survey()
    assert (found.origin, found.rows) == ("payments-*.csv", 1)
