"""Is pip's wheel found where pip would look, and refused when it is not what the index states?"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

MACHINE = Path(__file__).parents[2] / "demo" / "machine"


@pytest.fixture
def pip_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The module, with nothing of this machine's own pip settings in sight."""
    monkeypatch.syspath_prepend(str(MACHINE))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pip.conf").touch()
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    import pip_wheel

    yield pip_wheel
    for name in ("pip_wheel", "trouble", "debian", "environment"):
        sys.modules.pop(name, None)


def serve(tmp_path: Path, *files: tuple[str, bytes, str, str]) -> str:
    """A package index in a folder: (name, contents, stated hash or empty, attributes)."""
    project = tmp_path / "simple" / "pip"
    project.mkdir(parents=True)
    lines = []
    for name, contents, digest, attributes in files:
        (project / name).write_bytes(contents)
        fragment = f"#sha256={digest}" if digest else ""
        lines.append(f'<a href="{(project / name).as_uri()}{fragment}" {attributes}>{name}</a>')
    (project / "index.html").write_text("\n".join(lines))
    return (tmp_path / "simple").as_uri()


def digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()


def test_the_newest_final_release_for_this_python_is_taken(pip_wheel: ModuleType, tmp_path: Path) -> None:
    index = serve(
        tmp_path,
        ("pip-9.0-py3-none-any.whl", b"old", digest(b"old"), ""),
        ("pip-24.10-py3-none-any.whl", b"right", digest(b"right"), 'data-requires-python="&gt;=3.8"'),
        ("pip-24.9-py3-none-any.whl", b"older", digest(b"older"), ""),
        ("pip-25.0-py3-none-any.whl", b"later", digest(b"later"), 'data-requires-python="&gt;=3.99"'),
        ("pip-25.1-py3-none-any.whl", b"taken back", digest(b"taken back"), 'data-yanked=""'),
        ("pip-25.2b1-py3-none-any.whl", b"beta", digest(b"beta"), ""),
        ("pip-25.3.tar.gz", b"sources", digest(b"sources"), ""),
        ("pip-25.4-py3-none-any.whl", b"nobody vouches", "", ""),
    )
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index}\n")
    wheel = pip_wheel.fetch_pip(tmp_path)
    assert wheel.name == "pip-24.10-py3-none-any.whl"
    assert wheel.read_bytes() == b"right"


def test_a_wheel_that_is_not_what_the_index_states_is_refused(
    pip_wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = serve(tmp_path, ("pip-24.0-py3-none-any.whl", b"forged", digest(b"real"), ""))
    monkeypatch.setenv("PIP_INDEX_URL", index)
    with pytest.raises(pip_wheel.NoWheel, match="контрольная сумма"):
        pip_wheel.fetch_pip(tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_an_index_without_tls_is_not_asked(
    pip_wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(pip_wheel.NoWheel, match="без TLS"):
        pip_wheel.fetch_pip(tmp_path)


def test_the_next_index_is_asked_when_the_first_has_nothing(
    pip_wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = serve(tmp_path, ("pip-24.0-py3-none-any.whl", b"pip", digest(b"pip"), ""))
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "nothing").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index)
    assert pip_wheel.fetch_pip(tmp_path).read_bytes() == b"pip"


def test_variables_win_over_files(pip_wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex_url = https://file.example/simple\ncert = /etc/ca.pem\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    settings = pip_wheel.configured()
    assert (settings["index-url"], settings["cert"]) == ("https://variable.example/simple", "/etc/ca.pem")


def test_the_answer_of_a_json_index_is_read(pip_wheel: ModuleType) -> None:
    body = {
        "files": [
            {"filename": "pip-24.0-py3-none-any.whl", "url": "../../f/pip-24.0-py3-none-any.whl",
             "hashes": {"sha256": "ab"}, "requires-python": ">=3.7", "yanked": False},
            {"filename": "pip-24.1-py3-none-any.whl", "url": "x", "hashes": {"sha256": "cd"}, "yanked": "broken"},
        ]
    }  # fmt: skip
    (found,) = pip_wheel.from_json(json.dumps(body).encode(), "https://index.example/simple/pip/")
    assert found.address == "https://index.example/f/pip-24.0-py3-none-any.whl"


def test_a_password_in_the_address_travels_in_a_header_and_is_never_shown(pip_wheel: ModuleType) -> None:
    address, _, headers = pip_wheel.with_password("https://user:p%40ss@index.example/simple/pip/")
    assert address == "https://index.example/simple/pip/"
    assert headers["Authorization"] == "Basic dXNlcjpwQHNz"
    assert "p%40ss" not in pip_wheel.shown("https://user:p%40ss@index.example/simple")
