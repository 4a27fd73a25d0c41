"""Layers whose names are words that the generated code reserves, and what they should compute."""

from __future__ import annotations

import builtins
import inspect
import io
import keyword
import re
import tempfile
import tokenize
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from Cython.Compiler import Scanning
from sympy import Expr, Symbol

from rot180.codegen.kernels.c_runtime import render_contraction
from rot180.codegen.kernels.derivation import derive, module
from rot180.codegen.kernels.kernel import Kernel
from rot180.codegen.kernels.modules import lowered
from rot180.codegen.kernels.names import name
from rot180.codegen.kernels.plain_backend import PlainKernel, plain_module
from rot180.codegen.kernels.targets import TARGETS
from rot180.codegen.system.templates import template
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol

Array: TypeAlias = npt.NDArray[Any]

ROLES = ("f", "x", "H", "w", "K", "y", "p", "k", "s", "lo", "c", "b")
"""A function, four arrays with two sizes, two indices, three parameters: see `SPEC`."""

SPEC = (
    "{f}: function; {x}[{H}]; {w}[{K}]; "
    "{y}[{p}] = sum[{k}] {x}[{s}*{p}+{k}-{lo}] * {w}[{k}] + {c} * {f}({b}[{p}])"
)

IN_WORDS = {
    "f": "function",
    "x": "input",
    "H": "size of the input",
    "w": "second operand",
    "K": "size of the second operand",
    "y": "output",
    "p": "index of the output",
    "k": "summed index",
    "s": "stride",
    "lo": "offset",
    "c": "coefficient",
    "b": "argument of the function",
}

_CYTHON = (
    "api bint bool by bytes bytearray char complex const cython dict double enum except extern "
    "float frozenset fused gil inline int list long memoryview namespace new noexcept nogil NULL "
    "object operator packed public readonly restrict set short signed size_t sizeof slice ssize_t "
    "static str struct template tuple type typename unicode union unsigned virtual void volatile "
    "Py_buffer Py_hash_t Py_ssize_t Py_tss_t Py_UCS4 Py_UNICODE ptrdiff_t bycopy byref cdivision "
    "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t"
)
"""What Cython takes for a type or a modifier; its own list has the keywords alone."""
_C = (
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while alignas alignof bool constexpr nullptr static_assert "
    "thread_local typeof true false asm linux unix errno stdin stdout stderr assert offsetof NULL "
    "EOF INFINITY NAN HUGE_VAL M_PI I complex main malloc calloc free memcpy memset abort exit "
    "printf"
)
"""The keywords of C, and macros and functions of its library."""


def neutral() -> dict[str, str]:
    """Return names that nothing uses, by role."""
    return {role: f"zq{at}z" for at, role in enumerate(ROLES)}


def spec(names: Mapping[str, str]) -> str:
    """Return the layer with names by role."""
    return SPEC.format(**names)


def words_of_python(text: str) -> set[str]:
    """Return every name in Python or Cython code, those in comments and strings left out."""
    found = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                found.add(token.string)
    except tokenize.TokenError:
        pass
    return found


def words_of_c(text: str) -> set[str]:
    """Return every word of C code without its comments and strings."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", " ", text, flags=re.DOTALL)
    return set(re.findall(r"[A-Za-z_]\w*", text))


def vocabulary() -> dict[str, tuple[str, ...]]:
    """Return the words that a target reserves or that its generated code contains, by source.

    The modules are read as they are generated for a layer whose own names are left out.
    """
    names = neutral()
    proved = derive(spec(names))
    python, cython = module(proved, "numpy"), module(proved, "cython")
    sources = {
        "Python": {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)},
        "Cython": {*Scanning.pyx_reserved_words, *_CYTHON.split()},
        "C": {*_C.split()},
        "NumPy": {*re.findall(r"\bnp\.(\w+)", python + cython), *np.__all__},
        "module in NumPy": words_of_python(python),
        "module in Cython": words_of_python(cython),
        "runtime in C": words_of_c(render_contraction()),
        "derived": {f"{role}{end}" for role in ROLES for end in ("_shape", "_prime")},
    }
    own = {*names.values()}
    return {
        source: tuple(sorted(w for w in words if _spelled(w) and not _contains(w, own)))
        for source, words in sources.items()
    }


def cython_scope(text: str) -> set[str]:
    """Return what a Cython module declares, defines or imports, as its compiler finds it."""
    load: Any = import_module  # the compiler has no types
    main, pipeline = load("Cython.Compiler.Main"), load("Cython.Compiler.Pipeline")
    load("Cython.Compiler.Errors").init_thread()
    options = main.CompilationOptions(main.default_options, language_level=3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scope.pyx"
        path.write_text(text)
        file = load("Cython.Compiler.Scanning").FileSourceDescriptor(str(path), path.name)
        source = main.CompilationSource(file, "scope", folder)
        result = main.create_default_resultobj(source, options)
        context = main.Context.from_options(options)
        steps = [s for s in pipeline.create_pyx_pipeline(context, options, result) if s]
        last = [type(s).__name__ for s in steps].index("AnalyseDeclarationsTransform")
        error, tree = pipeline.run_pipeline(steps[: last + 1], source)
    assert error is None, error
    return {*tree.scope.entries}


def _spelled(word: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", word) is not None


def _contains(word: str, own: Iterable[str]) -> bool:
    return any(name in word for name in own)


def rotated(words: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield names by role such that each word has each role once."""
    for at in range(len(words)):
        yield {role: words[(at + i * i) % len(words)] for i, role in enumerate(ROLES)}


@dataclass(frozen=True)
class Data:
    """Arguments of the layer, and what it and its gradients are, by the definition."""

    arrays: dict[str, Array]
    gradient: Array
    integers: dict[str, int]
    results: dict[str, Array]


def data(dtype: Any, seed: int = 1) -> Data:
    """Draw small integers, and compute the layer and its gradients entry by entry."""
    rng = np.random.default_rng(seed)
    sizes = {"x": 7, "w": 3, "b": 4, "y": 4}
    s, lo, c = 2, 1, 3
    a = {t: rng.integers(-4, 5, n).astype(dtype) for t, n in sizes.items()}
    grad = rng.integers(-4, 5, sizes["y"]).astype(dtype)
    out = {t: np.zeros(n, dtype) for t, n in sizes.items()}
    for p in range(sizes["y"]):
        out["y"][p] += c * value(a["b"][p])
        out["b"][p] += c * slope(a["b"][p]) * grad[p]
        for k in range(sizes["w"]):
            h = s * p + k - lo
            if 0 <= h < sizes["x"]:
                out["y"][p] += a["x"][h] * a["w"][k]
                out["x"][h] += grad[p] * a["w"][k]
                out["w"][k] += grad[p] * a["x"][h]
    arrays = {role: a[role] for role in "xwb"}
    return Data(arrays, grad, {"s": s, "lo": lo, "c": c}, {role: out[role] for role in "yxwb"})


def value(t: Any) -> Any:
    """Return what the function of the layer is."""
    return t * t + 2 * t


def slope(t: Any) -> Any:
    """Return its derivative."""
    return 2 * t + 2


@dataclass(frozen=True)
class Lowered:
    """The kernels of the layer with neutral names, derived and lowered once, to be renamed.

    Attributes:
        target: what they are written in: "numpy", "cython" or "plain".
        kernels: the kernels.

    """

    target: str
    kernels: tuple[Kernel, ...]

    @property
    def invented(self) -> frozenset[str]:
        """Return the names that the derivation made itself."""
        return frozenset(_symbols(self.kernels)) - {*neutral().values()}

    def with_names(self, names: Mapping[str, str], prefix: str = "") -> tuple[Kernel, ...]:
        """Return the kernels with other names.

        Args:
            names: the names by role.
            prefix: what the names of the functions begin with.

        """
        new = {old: names[role] for role, old in neutral().items()}
        kernels: tuple[Kernel, ...] = renamed(self.kernels, new, {})
        return tuple(replace(kernel, name=f"{prefix}{kernel.name}") for kernel in kernels)


def lowered_once(target: str) -> Lowered:
    """Derive and lower the layer with neutral names for a target."""
    proved = derive(spec(neutral()))
    kind = PlainKernel if target == "plain" else TARGETS[target].kernel
    return Lowered(target, lowered(proved.layer, proved.kernels, kind))


def module_text(target: str, kernels: Sequence[Kernel]) -> str:
    """Write kernels as a module."""
    if target == "plain":
        return plain_module((), [k for k in kernels if isinstance(k, PlainKernel)])
    found = TARGETS[target]
    shared = found.module(("names",), "a layer", tuple(kernels), target == "numpy")
    return template("kernels", found.template).render(module=shared, target=found)


def executed(text: str) -> types.ModuleType:
    """Run the text of a module in Python."""
    made = types.ModuleType("made")
    exec(compile(text, "made", "exec"), made.__dict__)
    return made


def differences(
    made: types.ModuleType, names: Mapping[str, str], data: Data, start: str = ""
) -> list[str]:
    """Call the kernels of a layer, and return which of them are wrong.

    Args:
        made: a module.
        names: the names by role.
        data: the arguments, and what must be computed.
        start: what the names of the functions begin with.

    """
    given: dict[str, Any] = {name(names[role]): v for role, v in data.arrays.items()}
    given |= {name(names[role]): n for role, n in data.integers.items()}
    given |= {f"grad_{names['y']}": data.gradient, name(names["f"]): value}
    given[name(f"{names['f']}_prime")] = slope
    for role, array in (data.arrays | {"y": data.results["y"]}).items():
        given[name(f"{names[role]}_shape")] = array.shape
    found = []
    for role, expected in data.results.items():
        word = "forward" if role == "y" else f"grad_{names[role]}"
        function = getattr(made, f"{start}{word}")
        wanted = inspect.signature(function).parameters
        try:
            result = function(**{argument: given[argument] for argument in wanted})
        except Exception as error:  # whatever it is, it is a fault
            found.append(f"{word}: {type(error).__name__}: {error}")
            continue
        if not np.array_equal(result, expected):
            found.append(f"{word}: found {result}, expected {expected}")
    return found


def _symbols(e: Any) -> Iterator[str]:
    if isinstance(e, Expr):
        yield from (v.name for v in e.free_symbols if isinstance(v, Symbol))
    elif isinstance(e, tuple | frozenset):
        for one in e:
            yield from _symbols(one)
    elif is_dataclass(e) and not isinstance(e, Theorem):
        for f in fields(e):
            yield from _symbols(getattr(e, f.name))


def renamed(e: Any, names: Mapping[str, str], known: dict[int, Any]) -> Any:
    """Return data with other names for symbols, tensors and functions.

    Args:
        e: dataclasses, tuples, mappings, expressions and strings.
        names: the new names.
        known: what has been renamed already, by identity.

    """
    if id(e) in known:
        return known[id(e)][1]
    if isinstance(e, Expr):
        new = e.xreplace({symbol(a): symbol(b) for a, b in names.items()})
    elif isinstance(e, str):
        new = names.get(e, f"grad_{names[e[5:]]}" if e[5:] in names and e[:5] == "grad_" else e)
    elif isinstance(e, tuple | frozenset | list):
        new = type(e)(renamed(one, names, known) for one in e)
    elif isinstance(e, dict | types.MappingProxyType):
        new = {renamed(k, names, known): renamed(v, names, known) for k, v in e.items()}
    elif is_dataclass(e) and not isinstance(e, type):
        new = object.__new__(type(e))
        for f in fields(e):
            object.__setattr__(new, f.name, renamed(getattr(e, f.name), names, known))
    else:
        new = e
    known[id(e)] = e, new
    return new
