"""`rot180 derive --package`: a package that builds and checks itself without rot180."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.derivation import derive
from rot180.codegen.kernels.package import checked_name, package_files, package_names
from rot180.codegen.kernels.program_derivation import prove_program
from rot180.derive.language.programs import Program, read

ATTENTION = (
    "z[n,i,j] = sum[d] q[n,i,d]*k[n,j,d]*c; m[n,i] = max[j] z[n,i,j]; "
    "e[n,i,j] = exp(z[n,i,j]-m[n,i]); y[n,i,f] = sum[j] e[n,i,j]*v[n,j,f] / sum[j] e[n,i,j]"
)
LAYERS = {
    "strided": "y[n,p,o] = sum[k,c] x[n,s*p+d*k-lo,c] * w[k,c,o] + bias[o]",
    "activated": "sigma: function; y[i] = sum[k] w[i,k] * sigma(z[k-a])",
    "power": "y[i] = (x[i] + z[i])^5",
    "scalars": "y[] = a[] * b[]",
    "reserved": "y[i] = max[j] lambda_[i,j] * exp[j]; range[i] = y[i] * y[i]",
    "norm": "m[n] = sum[i] x[n,i] / D; v[n] = sum[i] (x[n,i]-m[n])^2 / D; "
    "y[n,i] = (x[n,i]-m[n]) * rsqrt(v[n]+eps) * g[i]",
    "gathered": "e[n,c] = w[t[n],c] * s[n]; m[c] = sum[n] e[n,c]; y[n,c] = e[n,c] - m[c]",
    "table": "y[n,t] = sum[k] x[n,k] * cos(2*pi*k*t/T)",
    "attention": ATTENTION,
}
RUN = """
import sys
sys.modules["rot180"] = None
import numpy as np
import {0}
{0}.self_check()
print({0}.backend(), {0}.get_num_threads() >= 1, {0}.vjp.__doc__ is not None)
"""


def files(spec: str, word: str) -> dict[str, str]:
    """Return the files of a package."""
    found = read(spec)
    return package_files(word, prove_program(found) if isinstance(found, Program) else derive(spec))


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder from which packages are imported for a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("rot180_test_")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", LAYERS)
def test_kernels_are_those_of_the_definition(name: str, packages: Path) -> None:
    word = f"rot180_test_{name}"
    texts = files(LAYERS[name], word)
    assert sorted(texts) == sorted(package_names(word))
    write(packages, texts)
    made: Any = import_module(word)
    assert made.backend() == "numpy" and made.get_num_threads() == 1
    made.self_check()
    exact: bool = made._case.EXACT
    assert exact is (name not in ("activated", "norm", "table", "attention"))


def test_a_kernel_that_is_wrong_is_found(packages: Path) -> None:
    word = "rot180_test_wrong"
    write(packages, files(LAYERS["strided"], word))
    made: Any = import_module(word)
    for name in ("forward", "grad_x", "grad_w", "grad_bias"):
        right = getattr(made.numpy_kernels, name)

        def wrong(*args: Any, right: Any = right, **kwargs: Any) -> Any:
            found = right(*args, **kwargs)
            return found + (np.arange(found.size).reshape(found.shape) == found.size - 1)

        wrong.__signature__ = inspect.signature(right)  # type: ignore[attr-defined]
        functions = {f: getattr(made.numpy_kernels, f) for f in made._case.FUNCTIONS}
        compiled = SimpleNamespace(**(functions | {name: wrong}))
        found = made.checking.faults(made._case, made.numpy_kernels, made.plain_kernels, compiled)
        assert f"{name}: the compiled kernels differ from plain loops" in found
        assert all(fault.startswith(f"{name}: ") for fault in found)
    opposite = made.numpy_kernels.grad_w

    def turned(grad_y: Any, x: Any, *, s: Any, d: Any, lo: Any, w_shape: Any) -> Any:
        return -opposite(grad_y, x, s=s, d=d, lo=lo, w_shape=w_shape)

    made.numpy_kernels.grad_w = turned
    with pytest.raises(RuntimeError, match="grad_w: the NumPy kernels differ from plain loops"):
        made.self_check()


@pytest.mark.parametrize("name", ["scalars", "attention"])
def test_pip_builds_it_without_rot180(name: str, tmp_path: Path) -> None:
    if find_spec("pip") is None or find_spec("setuptools") is None:
        pytest.skip("no pip, or no setuptools")
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    folder, site = tmp_path / "pa cka gé", tmp_path / "site"
    assert main(["derive", LAYERS[name], "-o", str(folder), "--package", "own_layer"]) == 0
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps"]
    command += ["--no-index", "--disable-pip-version-check", "--target", str(site), str(folder)]
    broken = {"CC": "false"} if name == "scalars" else {}
    subprocess.run(command, check=True, env={**os.environ, **broken}, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [sys.executable, "-c", RUN.format("own_layer")],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    backend = "numpy" if broken else "compiled"
    assert done.stdout.split() == [backend, "True", "True"]
    again = [sys.executable, "-m", "own_layer"]
    said = subprocess.run(
        again, env={**os.environ, "PYTHONPATH": str(site)}, cwd=tmp_path, check=True, stdout=-1
    )
    assert said.stdout.decode().strip() == f"own_layer: {backend} kernels: right"


def test_the_bytes_are_always_the_same(tmp_path: Path) -> None:
    found = []
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "rot180.codegen.cli", "derive", LAYERS["norm"]]
        command += ["--package", "norm", "-o", str(tmp_path / seed)]
        given = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, check=True, env=given, capture_output=True)
        paths = [path for path in (tmp_path / seed).rglob("*") if path.is_file()]
        found.append({p.relative_to(tmp_path / seed): p.read_bytes() for p in paths})
    assert found[0] == found[1] and len(found[0]) == len(package_names("norm"))


def test_the_licence_is_that_of_the_product() -> None:
    root = Path(__file__).parents[3]
    copy = root / "codegen/kernels/runtime/package/LICENSE"
    assert copy.read_bytes() == (root / "LICENSE").read_bytes()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("", "a letter, then"),
        ("1x", "a letter, then"),
        ("my-layer", "a letter, then"),
        ("my.layer", "a letter, then"),
        ("../up", "a letter, then"),
        ("_own", "a letter, then"),
        ("own_", "a letter, then"),
        ("größe", "a letter, then"),
        ("x" * 65, "at most 64 letters"),
        ("lambda", "no keyword"),
        ("match", "no keyword"),
        ("json", "no module of Python's library"),
        ("JSON", "no module of Python's library"),
        ("numpy", "no package"),
        ("rot180", "no package"),
        ("Tests", "no package"),
        ("aux", "no name of a device"),
        ("nul", "no name of a device"),
    ],
)
def test_names_that_no_package_can_have_are_refused(
    word: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=f"--package: found '.*', expected {why}"):
        checked_name(word)
    out = tmp_path / "out"
    assert main(["derive", LAYERS["scalars"], "-o", str(out), "--package", word]) == 2
    assert f"expected {why}" in capsys.readouterr().err
    assert not out.exists()
    assert checked_name("x" * 64) and checked_name("my_layer2") == "my_layer2"


@pytest.mark.parametrize(
    "options",
    [["--fragment"], ["--statement"], ["--slides"], ["--style", "plain"], ["--format", "tex"]],
)
def test_options_for_what_a_package_does_not_contain_are_refused(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["derive", LAYERS["scalars"], "-o", str(tmp_path / "out"), "--package", "own"]
    assert main([*command, *options]) == 2
    assert f"--package: found {options[0]} too" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_half_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own" / "checking.py").mkdir(parents=True)
    command = ["derive", LAYERS["scalars"], "-o", str(tmp_path), "--package", "own"]
    assert main(command) == 2
    assert "checking.py, a folder; expected a file" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["checking.py", "own"]
