"""A pass over windows as a function: Python that makes its output, and its description in C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.c_functions import REALS
from rot180.codegen.kernels.expressions import TAB, definition, number, size_tuple
from rot180.codegen.kernels.fused_kernel import FusedKernel, said
from rot180.codegen.kernels.names import name
from rot180.codegen.plans.fusion import FusedPass
from rot180.codegen.plans.plan import Affine
from rot180.codegen.plans.windows import WindowPass
from rot180.codegen.system.files import resource
from rot180.derive.language.polynomial import symbols_of
from rot180.derive.language.terms import Tensor

HEADER, LOOPS = "windows.h", ("window_vectors.h", "window_loops.h")
"""What its C file includes, and what it includes for each type."""

MOST_LOOPS, MOST_NUMBERS, MOST_ARRAYS = 16, 256, 72
"""What C has room for: `WINDOW_LOOPS` in windows.h, the others in kernel.h."""


_LANES = {"float": (16, "int32_t"), "double": (8, "int64_t")}
"""Of each type: the entries of a vector of 64 bytes, and the integer of its size."""


@dataclass(frozen=True)
class WindowKernel(FusedKernel):
    """A function that computes a pass over windows.

    Attributes:
        windows: the pass.

    """

    windows: WindowPass

    @property
    def _output(self) -> Tensor:
        return self.found.steps[-1].tensor

    @property
    def _integers(self) -> tuple[Expr, ...]:
        """Return the numbers of `Windows` in windows.h, in their order."""
        w, scatter = self.windows, self.windows.scatter
        order = [*w.kept, *w.selection.axes]
        loops = [w.loops[a] for a in order]
        maps = [*w.index, *(scatter.index if scatter else ())]
        out = [w.domain[a] for a in order]
        for e in maps:
            out += [e.constant, *_slopes(e, loops)]
        for t, index in scatter.factors if scatter else ():
            strides = _strides(t)
            kept = loops[: len(w.kept)]
            out += [strides[index.index(v)] if v in index else Integer(0) for v in kept]
        return tuple(out)

    @property
    def reals(self) -> tuple[Symbol, ...]:
        """Return nothing: its coefficient is a number."""
        return ()

    @property
    def sizes(self) -> tuple[Symbol, ...]:
        """Return what the numbers and the shape of its output depend on."""
        sizes = [n for n in self._output.shape if n is not None]
        return _sorted((*self._integers, *sizes))

    @property
    def docstring(self) -> list[str]:
        """Return the steps, in lines."""
        return [
            f"{TAB}Compute in one pass, which reads windows where they lie:",
            "",
            *(f"{TAB}{TAB}{said(s.step)}" for s in self.found.steps),
            "",
            f"{TAB}It returns the last one alone, or None if that is not in `_wanted`.",
        ]

    @property
    def explained(self) -> list[str]:
        """Return how it computes, for `rot180 explain`."""
        lines = ["one pass over windows, which are read where they lie; it computes in this order:"]
        lines += [f"    {said(s.step)}" for s in self.found.steps]
        why = "why: only the last one is read by others"
        if self.windows.scatter:
            why += ", and of the products with the selection one in each window is not zero"
        return [*lines, why]

    @property
    def body(self) -> list[str]:
        """Return its statements."""
        inputs = [name(t.name) for t in self.found.inputs]
        word = name(self._output.name)
        shape = size_tuple([n for n in self._output.shape if n is not None])
        lines = [f"{a} = np.ascontiguousarray({a})" for a in inputs]
        made = f'_empty("{word}", {shape}, {inputs[0]}.dtype)'
        lines.append(f'{word} = {made} if "{word}" in _wanted else None')
        given = [word, *inputs, *map(number, self._integers)]
        call = definition(f"_library.{self.name}", given, "", TAB)
        return [*lines, *(line.removeprefix(TAB) for line in call), f"return {word},"]

    def c(self) -> Iterator[str]:
        """Yield its functions in C, the last of which is called from Python."""
        w, word = self.windows, self.name.lstrip("_")
        factors = len(self.found.inputs) - 1
        places = len(self._output.shape) if w.scatter else 0
        scale = float(w.scatter.coefficient) if w.scatter else 1.0
        counts = f"{len(w.kept)}, {len(w.selection.axes)}, {len(w.index)}, {places}, {factors}"
        about = f"{counts}, {int(w.selection.kind == 'max')}, {scale!r}"
        yield f"static const Windows about_{word} = {{{about}}};"
        for real in REALS:
            yield (
                f"static ROT180_ALWAYS int {word}_{real}(LOOPS_ARGUMENTS) {{\n"
                f"{TAB}return window_run_{real}(&about_{word}, LOOPS_CALL);\n}}"
            )
            yield f"LOOPS_FOR({word}_{real})"
        choice = f"arrays[1].itemsize == 4 ? {word}_float_best : {word}_double_best"
        yield (
            f"static int call_{self.name}(LOOPS_ARGUMENTS) {{\n"
            f"{TAB}return ({choice})(LOOPS_CALL);\n}}"
        )

    @property
    def row(self) -> str:
        """Return its row in the table of functions."""
        counts = f"{1 + len(self.found.inputs)}, {len(self._integers)}, 0, 1"
        return f'    {{"{self.name}", call_{self.name}, {counts}}},'


def pass_kernel(word: str, found: FusedPass, outputs: tuple[str, ...]) -> FusedKernel:
    """Return the function that computes a pass.

    Args:
        word: its name.
        found: the pass.
        outputs: what others read of it.

    """
    if isinstance(found, WindowPass):
        return WindowKernel(word, found, outputs, found)
    return FusedKernel(word, found, outputs)


def has_room(found: WindowPass) -> bool:
    """Say whether C has room for a pass over windows."""
    kernel = WindowKernel("", found, found.names, found)
    ranks = (len(found.loops), len(found.index), len(kernel._output.shape))
    numbers, arrays = len(kernel._integers), len(found.inputs) + 1
    plain = len(found.inputs) == 1 + len(found.scatter.factors if found.scatter else ())
    return max(ranks) <= MOST_LOOPS and numbers <= MOST_NUMBERS and arrays <= MOST_ARRAYS and plain


def window_functions(kernels: Sequence[WindowKernel]) -> Iterator[str]:
    """Yield what passes over windows call, for each type, and the functions of each."""
    for real in REALS if kernels else ():
        yield "\n".join(
            [
                f"#define real {real}",
                f"#define bits {_LANES[real][1]}",
                f"#define WINDOW_(word) window_##word##_{real}",
                f"#define WINDOW_EVEN(a, b) {_even(real)}",
                *(resource("kernels", f"runtime/extension/{loops}") for loops in LOOPS),
                "#undef real",
                "#undef bits",
                "#undef WINDOW_",
                "#undef WINDOW_EVEN",
            ]
        )
    for kernel in kernels:
        yield from kernel.c()


def _even(real: str) -> str:
    """Write the even entries of two vectors of 64 bytes."""
    lanes, whole = _LANES[real]
    return f"WINDOW_SHUFFLE(a, b, {whole}, {', '.join(str(2 * n) for n in range(lanes))})"


def _slopes(e: Affine, loops: Iterable[Symbol]) -> list[Expr]:
    known = dict(e.coefficients)
    return [known.get(v, Integer(0)) for v in loops]


def _strides(t: Tensor) -> list[Expr]:
    """Return the strides of an array, in entries."""
    out: list[Expr] = []
    stride: Expr = Integer(1)
    for n in reversed(t.shape):
        out.insert(0, stride)
        stride = stride * (n if n is not None else 1)
    return out


def _sorted(expressions: Iterable[Expr]) -> tuple[Symbol, ...]:
    found = frozenset().union(*(symbols_of(e) for e in expressions))
    return tuple(sorted(found, key=lambda v: v.name))
