"""`rot180.codegen.compile`: exact kernels, and a cache that survives whatever happens to it."""

from __future__ import annotations

import inspect
import os
import random
import signal
import stat
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from rot180.codegen import compile
from rot180.codegen.kernels import compile as compiling
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.c_text import c_function
from rot180.codegen.kernels.names import name as argument_name
from rot180.codegen.plans.plan import LoweringError
from rot180.codegen.system import cache
from rot180.derive.language.layers import layer
from tests.codegen.kernels.test_modules import LAYERS, agree, sigma, sigma_prime
from tests.support import plain_loops

SPEC = "y[p] = sum[k] x[s*p+k] * w[k]"
PROGRAM = f"""
import sys
import numpy as np
from rot180.codegen import compile
module = compile({SPEC!r}, "compiled")
y = module.forward(np.arange(7.0), np.array([1.0, 10.0]), s=2, y_shape=(3,))
print(module.backend, y.tolist(), "sympy" in sys.modules)
"""
SAID = "compiled [10.0, 32.0, 54.0]"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache that the tests of this module share."""
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(autouse=True)
def fresh(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process loaded and said; compile fast."""
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv(cache.VARIABLE, str(shared))
    monkeypatch.setattr(compiling, "_modules", {})
    monkeypatch.setattr(compiling, "_warned", set())


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a compiler that notes each call, and return the file of its notes."""
    notes, program = tmp_path / "calls", tmp_path / "cc"
    real = " ".join(find_compiler().command)
    program.write_text(f'#!/bin/sh\necho "$@" >> {notes}\n{real} "$@"\n')
    program.chmod(0o700)
    notes.touch()
    monkeypatch.setenv("CC", str(program))
    return notes


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a cache that does not exist yet, and return its folder."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cold" / "cache"))
    return tmp_path / "cold" / "cache"


def ran(program: str = PROGRAM) -> str:
    """Run a program in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def right(module: types.ModuleType) -> bool:
    """Say whether the module of `SPEC` computes what it should."""
    y = module.forward(np.arange(7.0), np.array([1.0, 10.0]), s=2, y_shape=(3,))
    return bool(y.tolist() == [10, 32, 54])


@pytest.mark.parametrize("name", LAYERS)
def test_kernels_are_exact(name: str) -> None:
    module = compile(LAYERS[name], "compiled")
    for dtype in ("float64", "float32"):
        assert sum(agree(layer(LAYERS[name]), module, dtype, seed) for seed in range(12))


def drawn(forward: Any, seed: int) -> dict[str, Any]:
    """Draw arrays so large that their sums are not computed in plain loops."""
    rng, values = random.Random(seed), np.random.default_rng(seed)
    tensors = (*forward.tensors, forward.output)
    symbols = {v for t in tensors for n in t.shape for v in n.free_symbols}
    sizes = {v.name: rng.randint(11, 17) for v in sorted(symbols, key=str)}
    sizes |= {v.name: rng.randint(1, 3) for v in forward.parameters}
    found: dict[str, Any] = {"sigma": sigma, "sigma_prime": sigma_prime, **sizes}
    for t in tensors:
        word = t.name if t is not forward.output else f"grad_{t.name}"
        found[f"{t.name}_shape"] = tuple(plain_loops.number(n, sizes) for n in t.shape)
        found[word] = values.integers(-4, 5, found[f"{t.name}_shape"])
    return {argument_name(word): value for word, value in found.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_large_sums_are_those_of_numpy_in_integers(name: str) -> None:
    forward = layer(LAYERS[name])
    compiled, exact = compile(LAYERS[name], "compiled"), compile(LAYERS[name], "numpy")
    for seed in range(3):
        given = drawn(forward, seed)
        real = {n: a.astype(float) if hasattr(a, "astype") else a for n, a in given.items()}
        for word in ("forward", *(f"grad_{t.name}" for t in forward.tensors)):
            names = inspect.signature(getattr(exact, word)).parameters
            wanted = getattr(exact, word)(**{n: given[n] for n in names})
            found = getattr(compiled, word)(**{n: real[n] for n in names})
            assert np.array_equal(found, wanted), (word, given)


def test_arrays_may_have_any_strides_and_places() -> None:
    module = compile(LAYERS["bilinear"], "compiled")
    rng = np.random.default_rng(0)
    m, u, v = (rng.integers(-9, 9, shape).astype(float) for shape in ((5, 3, 4), (3,), (4,)))
    wanted = np.einsum("iab,a,b->i", m, u, v)
    for n in (m[::-1, :, ::-1][::-1, :, ::-1], np.asfortranarray(m)):
        assert np.array_equal(module.forward(n, u, v), wanted)
    odd = np.zeros(1 + m.nbytes, np.uint8)[1:].view(float).reshape(m.shape)
    odd[...] = m
    odd.flags.writeable = False
    assert not odd.flags.aligned
    assert np.array_equal(module.forward(odd, u, v), wanted)
    with pytest.raises(TypeError, match="dtype float32, expected float64"):
        module.forward(m, u.astype("float32"), v)
    with pytest.raises(ValueError, match="size 2 on axis 0"):
        module.forward(m, u[:2], v)


def test_a_layer_is_a_text_a_name_a_layer_or_an_equation() -> None:
    module = compile(f"  {SPEC}\n", "compiled")
    assert right(module) and module.layer == layer(SPEC).text
    assert "y[p] = sum[k]" in str(module.forward.__doc__)
    assert "dL/dw" in str(module.grad_w.__doc__)
    assert inspect.getsource(module.grad_w).startswith("def grad_w(")
    assert compile(layer(SPEC)) is compile(module.layer)
    x, w, y = (sp.IndexedBase(word) for word in "xwy")
    p, k = sp.symbols("p k", integer=True)
    equation = sp.Eq(y[p], sp.Sum(x[2 * p + k] * w[k], (k, 0, sp.Symbol("K") - 1)))
    given = {"x": np.arange(7.0), "w": np.array([1.0, 10.0])}
    found = compile(equation).forward(**given, y_shape=(3,))
    assert found.tolist() == [10, 32, 54]
    assert compile("linear").forward(np.eye(2), np.eye(2), np.ones(2)).tolist() == [[2, 1], [1, 2]]


def test_a_later_process_neither_derives_nor_compiles(calls: Path) -> None:
    assert ran() == f"{SAID} True"
    count = len(calls.read_text().splitlines())
    assert ran() == f"{SAID} False"
    assert len(calls.read_text().splitlines()) == count


def test_of_eight_processes_one_builds(cold: Path, calls: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    outputs = [one.communicate()[0].strip() for one in started]
    assert [one.returncode for one in started] == [0] * 8
    assert sorted(outputs) == [f"{SAID} False"] * 7 + [f"{SAID} True"]
    assert len(calls.read_text().splitlines()) == 2  # what all layers share, and the layer
    assert sorted(path.suffix for path in cold.iterdir()) == [".json", ".json", ".o", ".so"]


@pytest.mark.parametrize("ending", [".so", ".json"])
@pytest.mark.parametrize("kept", [0, 100])
def test_a_truncated_entry_is_made_again(ending: str, kept: int, cold: Path, shared: Path) -> None:
    cold.mkdir(mode=0o700, parents=True)
    for path in shared.iterdir():
        if path.suffix in (".o", ".json") and path.is_file():
            (cold / path.name).write_bytes(path.read_bytes())
            (cold / path.name).chmod(0o600)
    assert ran().startswith(SAID)
    whole = {path.name: path.read_bytes() for path in cold.glob(f"*{ending}")}
    for path in cold.glob(f"*{ending}"):
        path.write_bytes(path.read_bytes()[:kept])
    assert ran() == f"{SAID} True"
    assert ran() == f"{SAID} False"
    again = {path.name: path.read_bytes() for path in cold.glob(f"*{ending}")}
    assert all(len(again[name]) in (kept, len(whole[name])) for name in again)


def test_a_run_that_is_killed_does_no_harm(cold: Path, calls: Path) -> None:
    text = calls.with_name("cc").read_text()
    calls.with_name("cc").write_text(text.replace("\n", "\nsleep 1\n", 1))
    for moment in (0.2, 1.2):
        one = subprocess.Popen([sys.executable, "-c", PROGRAM], start_new_session=True)
        until = time.monotonic() + 120
        while not calls.read_text() and one.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(moment)
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
    calls.with_name("cc").write_text(text)
    assert ran() == f"{SAID} True"
    assert ran() == f"{SAID} False"


@pytest.mark.parametrize("named", ["no-such-compiler", "false"])
def test_without_a_compiler_numpy_runs_and_says_so(
    named: str, cold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", named)
    with pytest.warns(UserWarning, match=f"compiles nothing.*{named}") as said:
        module = compile(SPEC)
    assert len(said) == 1 and module.backend == "numpy" and right(module)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compile(SPEC) is module is compile(SPEC, "numpy")  # said once
    with pytest.raises(BuildError, match=named):
        compile(SPEC, "compiled")


def test_numpy_compiles_nothing(cold: Path, calls: Path) -> None:
    module = compile(SPEC, "numpy")
    assert right(module) and module.backend == "numpy" and not calls.read_text()
    y = module.forward(np.arange(3) + 0j, np.array([1, 1j]), s=1, y_shape=(2,))
    assert y.tolist() == [1j, 1 + 2j]


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="backend: found 'fortran', expected one of auto"):
        compile(SPEC, "fortran")
    with pytest.raises(ValueError, match="layer: found 'no_such_layer'"):
        compile("no_such_layer")


def unwritable(tmp_path: Path) -> Iterator[Path]:
    """Yield folders in which nothing can be kept."""
    (tmp_path / "file").touch()
    yield tmp_path / "file"
    yield tmp_path / "file" / "below"
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose").chmod(0o777)
    yield tmp_path / "loose"
    if os.geteuid():
        (tmp_path / "fixed").mkdir()
        (tmp_path / "fixed").chmod(0o500)
        yield tmp_path / "fixed"


def test_without_a_cache_kernels_are_compiled_for_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in unwritable(tmp_path):
        monkeypatch.setenv(cache.VARIABLE, str(folder))
        monkeypatch.setattr(compiling, "_modules", {})
        with pytest.warns(UserWarning, match=f"keeps no kernels.*{folder}"):
            module = compile(SPEC, "compiled")
        assert right(module) and module.backend == "compiled"
        assert not folder.is_dir() or not list(folder.iterdir())


def test_what_another_user_can_write_is_not_loaded(cold: Path) -> None:
    entry = cache.save("key", {"a": "b"}, b"binary", ".so")
    assert entry == cache.load("key") and entry.binary is not None
    assert stat.S_IMODE(cold.stat().st_mode) == 0o700
    entry.binary.chmod(0o620)
    assert cache.load("key") is None
    entry.binary.chmod(0o600)
    assert cache.load("key") == entry
    entry.binary.rename(cold / "elsewhere")
    entry.binary.symlink_to(cold / "elsewhere")
    assert cache.load("key") is None
    cold.chmod(0o770)
    with pytest.raises(OSError, match="chmod go-w"):
        cache.load("key")


def test_the_folder_is_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache.folder() == Path("/somewhere/rot180")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache.folder() == Path.home() / ".cache" / "rot180"


@pytest.mark.parametrize(
    "line", ["while x:\n    y = 1", "x = [1]", "f(x)", "x -= 1", "x = y << 1", "x = ("]
)
def test_a_line_that_is_not_a_kernel_s_is_refused(line: str) -> None:
    with pytest.raises(LoweringError, match="found"):
        c_function("f", "Py_ssize_t x, Py_ssize_t y", [line])


def test_division_rounds_down_as_in_python() -> None:
    text = c_function("f", "Py_ssize_t a", ["cdef Py_ssize_t q, r", "q, r = divmod(a + 1, 3)"])
    assert "v_q = rot180_floor((v_a + 1), 3);" in text
    assert "v_r = kernel_modulo((v_a + 1), 3);" in text
