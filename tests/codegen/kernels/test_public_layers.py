"""Shipped layers by the table: against plain loops, what is refused, and one more by one entry."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels import public_api
from rot180.codegen.kernels.c_runtime import (
    HEADER,
    WINOGRAD_HEADER,
    render_contraction,
    render_winograd,
)
from rot180.codegen.kernels.checks import checks_of
from rot180.codegen.kernels.committed import kernels
from rot180.codegen.kernels.derivation import derive
from rot180.codegen.kernels.output_sizes import size_text
from rot180.codegen.kernels.public_api import PublicLayer
from rot180.codegen.kernels.public_modules import ShippedLayer, shipped
from rot180.codegen.kernels.public_text import statement_rows
from rot180.derive.display.statement import write_statement
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.theorems import theorem
from tests.support import public_layers
from tests.support.configurations import BACKENDS, load

BILINEAR = PublicLayer(
    "bilinear",
    "y[n,o] = sum[i,j] x1[n,i] * w[o,i,j] * x2[n,j] + bias[o]",
    {"x1": "input1", "x2": "input2", "w": "weight", "bias": "bias"},
)
SETUP = """
from setuptools import Extension, setup
from Cython.Build import cythonize
import numpy
setup(
    name="trial",
    packages=[],
    ext_modules=cythonize([Extension("trial.cython_kernels", ["trial/cython_kernels.pyx"])]),
    include_dirs=[numpy.get_include(), "trial"],
)
"""


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write all that is generated for one more layer, as a package of another name."""
    folder = tmp_path_factory.mktemp("trial")
    texts, _ = kernels((BILINEAR,))
    (folder / "trial").mkdir()
    headers = {HEADER: render_contraction(), WINOGRAD_HEADER: render_winograd()}
    for name, text in {**texts, **headers}.items():
        (folder / "trial" / name).write_text(text.replace("rot180.generated", "trial"))
    (folder / "setup.py").write_text(SETUP)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == "trial"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def compiled_trial(trial: Path) -> ModuleType:
    """Compile it."""
    pytest.importorskip("Cython")
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    environment = {**os.environ, "CFLAGS": "-O0 -w"}
    ran = subprocess.run(
        command, cwd=trial, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return importlib.import_module("trial.cython_kernels")


def agree(module: ModuleType, entry: ShippedLayer, dtype: str) -> None:
    """Compare all public functions of a layer with plain loops, exactly."""
    for seed in range(12):
        sizes, values, expected = public_layers.results(entry, seed, dtype)
        for checks in entry.functions:
            f = checks.function
            given = public_layers.arguments(f, sizes, values)
            found = getattr(module, f.name)(**given)
            assert found.dtype == dtype
            assert np.array_equal(found, expected[f.kernel]), (f.name, sizes)
            reversed_ = {
                name: np.ascontiguousarray(a[..., ::-1])[..., ::-1]
                for name, a in given.items()
                if isinstance(a, np.ndarray)
            }
            assert np.array_equal(getattr(module, f.name)(**{**given, **reversed_}), found)
            for spare in (a for a in f.arrays if a.optional):
                zeros = {**given, spare.name: np.zeros_like(given[spare.name])}
                left_out = getattr(module, f.name)(**{**given, spare.name: None})
                assert np.array_equal(left_out, getattr(module, f.name)(**zeros))


def refuses(module: ModuleType, entry: ShippedLayer) -> None:
    """Lengthen each axis of each argument: refused where another argument fixes it."""
    for f in (checks.function for checks in entry.functions):
        sizes = dict(zip("NOIJCKLHMPQ", (2, 6, 4, 5, 3, 7, 8, 9, 10, 11, 12), strict=True))
        good = public_layers.arguments(f, sizes)
        for a in f.arguments:
            for axis, n in enumerate(a.box):
                shape = list(np.shape(good[a.name]) if not a.is_size else good[a.name])
                shape[axis] += 1
                given = {**good, a.name: tuple(shape) if a.is_size else np.ones(shape)}
                others = [m for b in f.arguments for m in b.box if b is not a]
                if any(symbols_of(n) & symbols_of(m) for m in others):
                    with pytest.raises(ValueError, match=r"found .* expected .*axis \d of"):
                        getattr(module, f.name)(**given)
                else:
                    getattr(module, f.name)(**given)


@pytest.mark.parametrize("name", [entry.name for entry in public_layers.PLAIN])
@pytest.mark.parametrize("backend", BACKENDS)
def test_layers_of_the_table_are_exact(backend: str, name: str) -> None:
    module = load(backend)
    for dtype in ("float32", "float64", "int64"):
        agree(module, public_layers.ship(name), dtype)
    refuses(module, public_layers.ship(name))


@pytest.mark.usefixtures("trial")
def test_one_entry_ships_a_layer() -> None:
    module: Any = importlib.import_module("trial.numpy_kernels")
    package: Any = importlib.import_module("trial")
    assert set(module.__all__) < set(package.__all__)
    assert list(inspect.signature(module.bilinear_input1).parameters) == [
        "input1_size",
        "input2",
        "weight",
        "grad_output",
    ]
    entry = shipped(BILINEAR, derive(BILINEAR.layer))
    for dtype in ("int64", "float32", "float64"):
        agree(module, entry, dtype)
    refuses(module, entry)
    rng = np.random.default_rng(0)
    x, z, w = (rng.integers(-9, 9, n) for n in ((3, 4), (3, 5), (6, 4, 5)))
    assert np.array_equal(module.bilinear(x, z, w), np.einsum("ni,oij,nj->no", x, w, z))


def test_one_entry_ships_a_compiled_layer(compiled_trial: ModuleType) -> None:
    entry = shipped(BILINEAR, derive(BILINEAR.layer))
    for dtype in ("float32", "float64", "int64"):
        agree(compiled_trial, entry, dtype)
    refuses(compiled_trial, entry)


def test_an_entry_that_does_not_fit_its_layer() -> None:
    strided = PublicLayer("strided", "y[p] = sum[k] x[s*p+k] * w[k]", {"x": "a", "w": "b"})
    active = PublicLayer("active", "y[i] = sum[k] w[i,k] * relu(z[k])", {"w": "w", "z": "z"})
    far = PublicLayer("far", "y[m,n] = sum[c] x[n,c] * w[m+2*N*c]", {"x": "x", "w": "w"})
    for entry, words in (
        (replace(BILINEAR, arguments={"x1": "input1"}), "operands"),
        (strided, "parameters"),
        (active, "factors"),
        (far, "numbers"),
    ):
        with pytest.raises(ValueError, match=f"{entry.name}: found the {words} .* expected"):
            shipped(entry, derive(entry.layer))


def test_ranges_of_parameters_imply_the_hypotheses() -> None:
    entry = next(entry for entry in public_api.LAYERS if entry.name == "conv1d")
    assert entry.window is not None
    parameters = tuple(
        replace(p, least=0) if p.name == "stride" else p for p in entry.window.parameters
    )
    loose = replace(entry, window=replace(entry.window, parameters=parameters))
    with pytest.raises(ValueError, match="conv1d: no parameter has a range that implies"):
        shipped(loose, derive(entry.layer))


def test_checks_of_a_function_are_data() -> None:
    f = public_layers.function("linear_input")
    checks = checks_of(f)
    assert [(c.argument, c.rank) for c in checks.arrays] == [("weight", 2), ("grad_output", 2)]
    assert [(c.argument, c.rank) for c in checks.sizes] == [("input_size", 2)]
    assert [(str(b.size), b.argument, b.axis) for b in checks.bindings] == [
        ("N", "input_size", 0),
        ("C", "input_size", 1),
        ("O", "weight", 0),
    ]
    assert [(c.argument, c.axis, c.words) for c in checks.axes] == [
        ("weight", 1, "C = axis 1 of input_size"),
        ("grad_output", 0, "N = axis 0 of input_size"),
        ("grad_output", 1, "O = axis 0 of weight"),
    ]


def test_sizes_are_those_of_the_theorems() -> None:
    floor, exact = theorem("output_size"), theorem("transposed_size")
    assert size_text(floor, "P", "numpy") == "(H + d + hi + lo + s - 1 - K*d) // s"
    assert size_text(floor, "P", "cython") == "_floor(H + d + hi + lo + s - 1 - K*d, s)"
    assert size_text(floor, "P", "words") == "floor((H + d + hi + lo + s - 1 - K*d) / s)"
    assert size_text(exact, "H", "numpy") == size_text(exact, "H", "cython")
    with pytest.raises(ValueError, match="do not fix K"):
        size_text(floor, "K", "numpy")


@pytest.mark.parametrize("gradient", ["x", "w"])
def test_long_statements_are_broken_between_factors_and_words(gradient: str) -> None:
    proved = dict(derive("conv_transpose3d_grouped").gradients)[f"grad_{gradient}"]
    statement = write_statement(proved)
    rows = statement_rows(statement)
    assert max(map(len, rows)) <= 92 < max(map(len, statement.splitlines()))
    assert " ".join(" ".join(rows).split()) == " ".join(statement.split())
    for row in rows:
        assert row.count("[") == row.count("]")


STUB = Path(__file__).parents[3] / "generated" / "cython_kernels.pyi"


def test_the_stub_has_what_the_compiled_module_has() -> None:
    module = load("cython_kernels")
    stub = {n.name: n for n in ast.parse(STUB.read_text()).body if isinstance(n, ast.FunctionDef)}
    functions = {
        name: found
        for name, found in vars(module).items()
        if not name.startswith("_") and type(found).__name__ == "cython_function_or_method"
    }
    assert functions.keys() == stub.keys()
    for name, found in functions.items():
        arguments = stub[name].args
        words = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        words += [a.arg for a in (arguments.vararg, *arguments.kwonlyargs, arguments.kwarg) if a]
        assert words == list(inspect.signature(found).parameters), name
        if name in module.__all__:
            assert ast.get_docstring(stub[name]) == inspect.getdoc(found)


def test_both_backends_have_one_signature() -> None:
    compiled, numpy = load("cython_kernels"), load("numpy_kernels")
    assert compiled.__all__ == numpy.__all__
    for name in compiled.__all__:
        one, other = (inspect.signature(getattr(m, name)).parameters for m in (compiled, numpy))
        assert list(one) == list(other)
        assert [p.default for p in one.values()] == [p.default for p in other.values()]
