"""The modules of layers on Dask arrays: what a block reads, from theorems, and the functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from sympy import Expr

from rot180.codegen.kernels.expressions import definition, number
from rot180.codegen.kernels.inline import copied
from rot180.codegen.kernels.numpy_runtime import CHECKS, import_lines
from rot180.codegen.kernels.public_api import PublicFunction, PublicLayer
from rot180.codegen.kernels.stored_functions import LOOPS, SLIDING
from rot180.codegen.system.templates import template
from rot180.derive.blocks import LayerBlock, block
from rot180.derive.display.statement import write_statement
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, axis_letters, layer
from rot180.derive.language.polynomial import normal, symbol

SOURCES, ARRAYS, WINDOWS, FUNCTIONS = "dask_sources", "dask_arrays", "dask_windows", "dask"
"""The committed modules: arrays, the machinery, what a block reads, the public functions."""

KINDS = {
    "gather": "Return what some windows read along an axis.",
    "scatter": "Return the windows that reach a part of the axis that they move over.",
}


@dataclass(frozen=True)
class Reading:
    """What a block of a layer reads along a spatial axis, in letters that all layers share.

    Attributes:
        divisor: by what both bounds are divided: the lowest rounded up, the highest rounded down.
        lowest: the least index that is read, times the divisor.
        highest: the greatest, times the divisor.
        padding: the padding of the block at its beginning.

    """

    divisor: Expr
    lowest: Expr
    highest: Expr
    padding: Expr


@dataclass(frozen=True)
class WindowFunction:
    """A function of a window or of a padding, ready for the template."""

    name: str
    parameters: str
    returns: str
    summary: str
    theorem: str
    statement: Sequence[str]
    value: str


@dataclass(frozen=True)
class DaskFunction:
    """A public function, ready for the template."""

    name: str
    definition: Sequence[str]
    summary: str
    body: Sequence[str]


def blocks_of(entry: PublicLayer) -> tuple[tuple[str, LayerBlock], ...]:
    """Return the kind and the block of each spatial axis of a layer and of its gradients.

    Raises:
        ValueError: an axis of an operand cannot be cut.

    """
    assert entry.window is not None
    return _blocks(entry.layer, entry.window.rank, "transpose" in entry.window.kind)


@cache
def _blocks(name: str, rank: int, transposed: bool) -> tuple[tuple[str, LayerBlock], ...]:
    """Return blocks that are proved once, for the module of windows and for certificates."""
    forward, gradients = layer(name), list[Layer]()
    kinds = ("scatter", "gather") if transposed else ("gather", "scatter")
    for operand in ("x", "w"):
        made = gradient_layer(forward, operand)
        assert made is not None and isinstance(made[0], Layer)
        gradients.append(replace(made[0], name=f"{name}.grad_{operand}"))
    by_input, by_weight = gradients
    index, found = by_input.output.definition, list[tuple[str, LayerBlock]]()
    assert index is not None
    for n, axis in enumerate(axis_letters(rank), start=-rank):
        found += [
            (kinds[0], block(forward, axis.position if transposed else axis.window)),
            (kinds[1], block(by_input, index.formals[n].name)),
            ("gather", block(by_weight, axis.window)),
        ]
    return tuple(found)


def reading(found: LayerBlock, entry: PublicLayer) -> Reading:
    """Return what a block reads, in the letters first, count, s, d, lo, K and start.

    Raises:
        ValueError: it is not one window with one padding that moves.

    """
    assert entry.window is not None
    weight = next(t for t in layer(entry.layer).tensors if t.name == "w")
    moved, cut = list(found.moves), [w for w in found.windows if w.reaches]
    if len(moved) != 1 or len(cut) != 1 or len(cut[0].reaches) != 1:
        raise ValueError(f"{found.layer}: expected one window and one padding for {found.index}")
    ((low, padding),), (window,) = moved, cut
    letters = axis_letters(entry.window.rank)
    (n,) = (n for n, a in enumerate(letters) if a.low == low.name)
    taps = weight.shape[n - len(letters)]
    assert taps is not None
    new = {
        symbol(letters[n].stride): symbol("s"),
        symbol(letters[n].dilation): symbol("d"),
        low: symbol("lo"),
        taps: symbol("K"),
        window.start: symbol("start"),
        found.first: symbol("first"),
        found.count: symbol("count"),
    }
    (r,) = window.reaches
    return Reading(*(normal(e.xreplace(new)) for e in (r.divisor, r.lowest, r.highest, padding)))


def windows_module(entries: Sequence[PublicLayer]) -> tuple[str, dict[str, str]]:
    """Return the module of what blocks read, and the theorems behind it with their digests.

    Every axis of every layer is proved; all of a kind must read the same.

    Raises:
        NotProvedError: a block is not proved.
        ValueError: two layers of a kind read differently.

    """
    proofs: dict[str, str] = {}
    first: dict[str, tuple[Reading, Theorem]] = {}
    for entry in entries:
        for kind, found in blocks_of(entry) if entry.window else ():
            read, proved = reading(found, entry), found.theorem
            proofs[proved.name] = proved.proof.digest
            if first.setdefault(kind, (read, proved))[0] != read:
                raise ValueError(f"{entry.name}: a block of {found.index} reads {read}")
    functions = [f for kind in KINDS for f in _functions(kind, *first[kind])]
    header = (
        "Generated by rot180 from proved theorems; do not edit.",
        "Theorems:",
        *(f"  {name}, proof {digest}" for name, digest in proofs.items()),
        "Regenerate: rot180 generate",
    )
    text = template("kernels", "dask_windows.py.jinja").render(header=header, functions=functions)
    return text, proofs


def _functions(kind: str, read: Reading, proved: Theorem) -> Iterator[WindowFunction]:
    statement = write_statement(proved).splitlines()
    stop = normal(read.highest + read.divisor)
    ends = number(read.lowest), number(stop)
    if read.divisor != 1:
        by = number(read.divisor)
        ends = f"-(-({ends[0]}) // {by})", f"({ends[1]}) // {by}"
    parameters = "first: int, count: int, K: int, d: int, lo: int, s: int"
    value = ", ".join(ends)
    yield WindowFunction(
        f"{kind}_window", parameters, "tuple[int, int]", KINDS[kind], proved.name, statement, value
    )
    summary = "Return the padding at the beginning of such a block, which reads from start on."
    parameters = "first: int, start: int, lo: int, s: int"
    yield WindowFunction(
        f"{kind}_padding", parameters, "int", summary, proved.name, (), number(read.padding)
    )


_SHARED = (
    "bias_gradient",
    "dense",
    "forward",
    "input_gradient",
    "weight_gradient",
    "windowed",
)
"""What the functions use of the machinery."""


def functions_module(functions: Sequence[PublicFunction], header: Sequence[str]) -> str:
    """Return the module of the public functions on Dask arrays."""
    written = [_written(f) for f in functions]
    body = "\n".join(line for w in written for line in w.body)
    checks = {f.layer.module: list[str]() for f in functions}
    for f in functions:
        checks[f.layer.module].append(f"check_{f.name}")
    arrays = [name for name in _SHARED if f"{name}(" in body]
    modules = {"numpy_arguments": ["Padding", "PerAxis"], ARRAYS: arrays, **checks}
    modules[SOURCES] = ["stand_in"]
    imports = (line for m in sorted(modules) for line in import_lines(m, sorted(modules[m])))
    return template("kernels", "dask.py.jinja").render(
        header=header, functions=written, imports=[*imports]
    )


def _written(f: PublicFunction) -> DaskFunction:
    signature = []
    for a in f.arguments:
        kind = "Sequence[int]" if a.is_size else "Any"
        signature.append(f"{a.name}: {kind}" + (" = None" if a.optional else ""))
    signature += [f"{p.name}: {p.annotation} = {p.default}" for p in f.parameters]
    return DaskFunction(
        f.name,
        definition(f"def {f.name}", signature, " -> Any:"),
        _summary(f),
        tuple(_body(f)),
    )


def _summary(f: PublicFunction) -> str:
    if f.kernel == "forward":
        return f"Compute `{f.name}` block by block."
    return f"Return the gradient of `{f.layer.name}` with respect to {f.operand}, block by block."


def _body(f: PublicFunction) -> Iterator[str]:
    passed = [a.name if a.is_size else _stand_in(a.name, a.optional) for a in f.arguments]
    if f.window:
        passed.append(f"({', '.join(p.name for p in f.parameters)})")
    result = "window = " if f.window and f.kernel != "grad_bias" else ""
    if f.kernel == "grad_bias":
        passed = passed[:1]
    yield from definition(f"{result}check_{f.name}", passed, "")
    if f.kernel == "grad_bias":
        yield f"return bias_gradient({f.arguments[0].name})"
        return
    layer_of = f'windowed("{f.layer.name}", window)'
    if not f.window:
        sizes = [a.name if a.is_size else f"{a.name}.shape" for a in f.arguments]
        names = [a.tensor.name for a in f.arguments]
        x, w = (sizes[names.index(n)] for n in "xw")
        layer_of = f'dense("{f.layer.name}", {x}, {w})'
    yield f"layer = {layer_of}"
    arrays = [a.name for a in f.arguments if not a.is_size]
    role = {"forward": "forward", "grad_x": "input_gradient", "grad_w": "weight_gradient"}
    yield f"return {role[f.kernel]}(layer, {', '.join(arrays)})"


def _stand_in(name: str, optional: bool) -> str:
    made = f'stand_in("{name}", {name})'
    return f"None if {name} is None else {made}" if optional else made


def dask_modules(
    entries: Sequence[PublicLayer], functions: Sequence[PublicFunction], header: Sequence[str]
) -> dict[str, tuple[str, dict[str, str]]]:
    """Return each module of layers on Dask arrays, and the theorems that it rests on.

    There is none where no layer has windows.

    Args:
        entries: the layers.
        functions: their public functions.
        header: the comment at the top of modules that are written from several layers.

    """
    if not any(entry.window for entry in entries):
        return {}
    shared = {"arguments": "numpy_arguments", "checks": CHECKS, SOURCES: SOURCES}
    shared |= {"block_loops": LOOPS, "sliding": SLIDING}
    return {
        f"{WINDOWS}.py": windows_module(entries),
        f"{SOURCES}.py": (copied(f"numpy/{SOURCES}", header, shared), {}),
        f"{ARRAYS}.py": (copied("numpy/dask_arrays", header, shared), {}),
        f"{FUNCTIONS}.py": (functions_module(functions, header), {}),
    }
