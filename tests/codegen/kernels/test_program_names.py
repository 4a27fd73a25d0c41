"""Names of a program that Python, Cython, C, NumPy, LaTeX or the generated code use, in every role.

ROT180_NAMES=1 tries every word in every role; 3 tries a third of them (default: a few).
"""

from __future__ import annotations

import keyword
import os
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen import compile as compile_layer
from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.layer import layer_document
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.c_module import compiled_sources
from rot180.codegen.kernels.cython_backend import CythonModule
from rot180.codegen.kernels.derivation import quiet
from rot180.codegen.kernels.modules import rendered
from rot180.codegen.kernels.names import RESERVED, name
from rot180.codegen.kernels.program_derivation import joint_module, prove_program
from rot180.codegen.system import cache as cache_folder
from rot180.derive.language.programs import Program, read
from tests.support.reserved_names import _C

SPEC = (
    "{u}[{p}] = sum[{k}] {x}[{p}+{k}] * {w}[{k}] * {c}; {m}[] = max[{p}] {u}[{p}]; "
    "{y}[{p}] = exp({u}[{p}] - {m}[]) + {b}[{p}]"
)
ROLES = ("x", "w", "u", "m", "y", "p", "k", "c", "b")
LATEX = ("frac", "begin", "end", "input", "alpha", "Gamma", "bar", "mathcal", "left", "par", "of")
WORDS = sorted({*RESERVED, *_C.split(), *LATEX, *keyword.kwlist, "x_shape", "grad_x", "tangent_x"})
EVERY = int(os.environ.get("ROT180_NAMES", str(len(WORDS) // 4)))

Names = Mapping[str, str]


def neutral() -> dict[str, str]:
    return {role: f"zq{at}z" for at, role in enumerate(ROLES)}


def refused(names: Names) -> bool:
    """Say whether a program is refused when it is read; then the error says what to do."""
    try:
        assert isinstance(read(SPEC.format(**names)), Program)
    except ValueError as error:
        assert "cure: " in str(error) or "rename" in str(error), (names, str(error))
        return True
    return False


def accepted(at: int) -> dict[str, str]:
    """Return names by role, without those that are refused."""
    names = neutral()
    for n, role in enumerate(ROLES):
        word = WORDS[(at + 7 * n * n) % len(WORDS)]
        if not refused({**names, role: word}):
            names[role] = word
    return names


def results(names: Names, module: Any) -> list[Any]:
    """Return what the functions of a program compute on fixed arrays."""
    x, w, b, g = (np.arange(1.0, n + 1) / n for n in (6, 3, 4, 4))
    given: dict[str, Any] = {names["x"]: x, names["w"]: w, names["b"]: b, f"grad_{names['y']}": g}
    given |= {f"{names['x']}_shape": (6,), f"{names['w']}_shape": (3,)}
    given |= {f"{names['y']}_shape": (4,), f"{names['u']}_shape": (4,)}
    values = {name(word): value for word, value in {**given, names["c"]: 0.5}.items()}
    out = []
    for word in ("forward", *(f"grad_{names[role]}" for role in "xwb")):
        function = getattr(module, word)
        wanted = function.__code__.co_varnames[: _count(function)]
        out.append(function(**{n: values[n] for n in wanted if n in values}))
    return out


def _count(function: Any) -> int:
    code = function.__code__
    return int(code.co_argcount + code.co_kwonlyargcount)


@cache
def expected() -> list[Any]:
    proved = prove_program(_program(neutral()))
    return results(neutral(), _executed(rendered(joint_module(proved, "numpy"), "numpy")))


def _program(names: Names) -> Program:
    found = read(SPEC.format(**names))
    assert isinstance(found, Program)
    return found


def _executed(text: str) -> types.ModuleType:
    module = types.ModuleType("names")
    exec(compile(text, "names", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("at", range(0, len(WORDS), EVERY))
def test_words_in_programs(at: int) -> None:
    names = accepted(at)
    assert len({*names.values()} - {*neutral().values()}) >= 3
    proved = prove_program(_program(names))
    module = _executed(rendered(joint_module(proved, "numpy"), "numpy"))
    for found, wanted in zip(results(names, module), expected(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)
    compiled = joint_module(proved, "cython")
    assert isinstance(compiled, CythonModule)
    compile(compiled_sources(compiled).python, "names", "exec")
    page = layer_document(proved.program, [t for _, t in proved.gradients])
    texts, missing = in_formats(page, "proof", ["tex", "html"], quiet)
    assert len(texts) == 2 and not missing


def test_words_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv(cache_folder.VARIABLE, str(tmp_path))
    names = accepted(60)
    module = compile_layer(SPEC.format(**names), "compiled")
    for found, wanted in zip(results(names, module), expected(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("role", ROLES)
def test_keywords_are_refused_with_a_cure(role: str) -> None:
    for word in (*keyword.kwlist, "sum"):
        assert refused({**neutral(), role: word}), word
