"""The playground without a browser: what its engine answers, and the files of its page."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.documents.playground import derive_page
from rot180.codegen.documents.playground_files import ABOUT, PYODIDE, playground, pyodide_files
from rot180.derive.language.layers import catalogue
from tests.support.hostile import HOSTILE


@pytest.fixture(scope="module")
def pyodide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write files with the names of Pyodide's."""
    folder = tmp_path_factory.mktemp("package")
    for name in PYODIDE:
        (folder / name).write_text(f"of {name}", encoding="utf-8")
    (folder / ABOUT).write_text('{"version": "1.2.3"}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def written(pyodide: Path) -> dict[str, bytes]:
    texts = playground(pyodide_files(pyodide))
    return {n: t.encode() if isinstance(t, str) else t for n, t in texts.items()}


@pytest.mark.parametrize(
    "text, found",
    [
        ("y[p] = sum[k] x[p+k] * w[k", ""),
        ("y[p] = sum[k] x[p+k] * w{k]", "{"),
        ("y[p] = sum[k]\n  x[p+k] * w[k} + 1", "}"),
    ],
)
def test_a_fault_is_marked_where_it_is(text: str, found: str) -> None:
    shown: list[object] = []
    answer = derive_page(text, shown.append)
    assert answer.keys() == {"error"} and shown[-1] == answer
    error = answer["error"]
    assert isinstance(error, dict)
    assert text[error["start"] : error["end"]] == found
    _, line, carets, *_ = error["message"].split("\n")
    assert line.strip() in text and set(carets.strip()) == {"^"}


def test_an_unknown_name_is_an_error_without_a_place() -> None:
    error = derive_page("conv9000")["error"]
    assert isinstance(error, dict) and error.keys() == {"message"}
    assert "expected a catalogue name" in error["message"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused(text: str) -> None:
    assert derive_page(text).keys() == {"error"}


def test_the_page_names_what_it_loads(written: dict[str, bytes], pyodide: Path) -> None:
    page = written["index.html"].decode()
    loaded = written.keys() - {"index.html", "cache.js"}
    assert loaded == {"packages.zip", "worker.js", *(f"pyodide/{n}" for n in PYODIDE)}
    for name in loaded:
        assert f"<td><code>{name}</code></td>" in page
    assert "the npm package pyodide, version 1.2.3" in page
    assert re.search(r"from PyPI sympy \d.*mpmath \d.*latex2mathml \d", page)
    for name in catalogue():
        assert f">{name}</option>" in page
    assert written["pyodide/pyodide.mjs"] == (pyodide / "pyodide.mjs").read_bytes()


def test_the_page_runs_its_own_scripts_alone(written: dict[str, bytes]) -> None:
    page = written["index.html"].decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    for tag in ("script", "style"):
        texts = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
        hashes = {b64encode(sha256(t.encode()).digest()).decode() for t in texts}
        allowed = re.search(rf"{tag}-src ([^;]*)", policy[1].replace("&#39;", "'"))
        assert allowed and hashes == set(re.findall(r"'sha256-([^']*)'", allowed[1]))
    assert "default-src &#39;none&#39;" in policy[1] and "unsafe" not in policy[1]
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)


def test_the_engine_is_packed_without_tests_and_libraries(written: dict[str, bytes]) -> None:
    names = ZipFile(BytesIO(written["packages.zip"])).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"sympy", "mpmath", "jinja2", "markupsafe", "latex2mathml", "rot180"}
    assert not [n for n in names if "/tests/" in n or n.endswith((".so", ".pyc", ".pyd"))]
    assert {"sympy/__init__.py", "rot180/derive/checker.py", "markupsafe/_native.py"} <= {*names}
    assert "rot180/codegen/documents/templates/sections.html.jinja" in names
    assert sum("LICENSE" in name for name in names) >= 5


def test_the_cache_is_of_these_files(written: dict[str, bytes], pyodide: Path) -> None:
    cache = written["cache.js"].decode()
    for name in written.keys() - {"cache.js"}:
        assert f'"{name}"' in cache
    again = playground(pyodide_files(pyodide))
    assert again["cache.js"] == cache and again["packages.zip"] == written["packages.zip"]
    (pyodide / "pyodide.mjs").write_text("another", encoding="utf-8")
    assert playground(pyodide_files(pyodide))["cache.js"] != cache


def test_the_command_says_which_file_of_pyodide_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["playground", "-o", str(tmp_path / "out"), "--pyodide", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "without pyodide.mjs" in said and "npm pack pyodide" in said
    assert not (tmp_path / "out").exists()
