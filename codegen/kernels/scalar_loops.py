"""Plans as plain nested loops in C, for sums too small for the contraction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.expressions import TAB, fraction, loop_size, number
from rot180.codegen.kernels.names import array_name, name
from rot180.codegen.plans.plan import Affine, Divided, Nest, Operand, Plan, Solved, named
from rot180.derive.language.polynomial import monomials, normal, symbol

MOST_BITS = 20


@dataclass(frozen=True)
class ScalarLoops:
    """The C function that computes one nest where it is small, ready for the template.

    Attributes:
        name: the function's name.
        typed: its parameters.
        passed: the arguments of a call, after a zero of the dtype.
        pointers: its pointers into the arrays.
        integers: the bounds of its loops, and the strides of its pointers.
        variables: the variables of its loops.
        body: its statements.

    """

    name: str
    typed: str
    passed: str
    pointers: str
    integers: str
    variables: str
    body: tuple[str, ...]


def _arrays(nest: Nest, output: str) -> tuple[str, ...]:
    """Return the arrays of a nest, each once, the output first."""
    operands = [f for f in nest.factors if isinstance(f, Operand)]
    return tuple(dict.fromkeys((output, *map(array_name, operands))))


def _integers(nest: Nest, integers: Sequence[str]) -> tuple[str, ...]:
    """Return the integers of a nest: the kernel's, and those that its phases fix."""
    return (*integers, *(name(v.name) for step in nest.outer for v in named(step)))


def parameters(
    arrays: Iterable[str], integers: Iterable[str], reals: Iterable[str] = ()
) -> str:
    """Write the parameters of a C function."""
    typed = [f"Py_buffer *_at_{a}" for a in arrays]
    typed += [f"Py_ssize_t {v}" for v in integers]
    return ", ".join([*typed, *(f"double {v}" for v in reals)])


def near(plan: Plan) -> int:
    """Return how many bits the integers may have such that every index fits in 62 bits."""
    indices = [e for nest in plan.all_nests for e in _indices(nest)]
    bits = MOST_BITS
    while bits > 1 and any(_largest(e, bits) >= 2**62 for e in indices):
        bits -= 1
    return bits


def _indices(nest: Nest) -> Iterator[Expr]:
    """Yield of each index a polynomial that is at least as large, in what is not computed."""
    found = [nest.coefficient, *map(_value, nest.output)]
    for f in nest.factors:
        found += map(_value, f.index if isinstance(f, Operand) else (f.value,))
    found += [_value(b.value) for loop in nest.loops for b in loop.bounds]
    for e in found:
        most = _absolute(e)
        for step in reversed(nest.outer):
            if isinstance(step, Solved):
                most = most.xreplace({step.variable: _absolute(step.value)})
            elif isinstance(step, Divided):
                value, by = _absolute(step.value), _absolute(step.divisor)
                most = most.xreplace({step.quotient: value, step.remainder: by})
        yield most


def _absolute(e: Expr) -> Expr:
    """Return a polynomial without negative coefficients that is at least as large as `e`."""
    terms = monomials(normal(e)).items()
    one = Integer(1)
    return normal(sum(abs(c) * prod((symbol(v) ** k for v, k in m), start=one) for m, c in terms))


def _largest(e: Expr, bits: int) -> int:
    terms = monomials(normal(e)).items()
    return sum(int(abs(c) + 1) * int(2 ** (bits * sum(k for _, k in m))) for m, c in terms)


def _value(e: Affine) -> Expr:
    return normal(e.constant + sum(c * v for v, c in e.coefficients))


def scalar_loops(
    word: str, nest: Nest, output: str, integers: Sequence[str], fresh: str = "",
    reals: Sequence[str] = (),
) -> ScalarLoops | None:
    """Write a nest as plain loops, or None where a bound of a loop depends on other loops.

    Before a loop begins, its range is clipped to where every index that it determines is inside
    its axis. So no index map is trusted, and no entry needs a test of its own. Each loop advances
    the pointers that depend on it.

    Args:
        word: the function's name.
        nest: the sum.
        output: the array it is added to.
        integers: the kernel's parameters and sizes.
        fresh: when the output is still zero and each entry is visited once; or "".
        reals: the kernel's parameters in coefficients alone.

    """
    if any(b.loops != (loop.variable,) for loop in nest.loops for b in loop.bounds):
        return None
    text = _LoopWriter(nest, output)
    order, outer = text.order, len(text.order) - len(nest.k)
    if fresh and _skips(nest, set(order[:outer])):
        text.lines += ["if _fresh:", f"{TAB}return False"]
    text.clip(0)
    extents = [f"rot180_extent({', '.join(text.spans[v])})" for v in order]
    text.lines += [f"if not rot180_small({' * '.join(extents) or '1'}):", f"{TAB}return False"]
    text.start()
    for depth in range(1, len(order) + 1):
        text.lines += [f"{TAB * outer}_sum = 0"] if depth == outer + 1 else []
        text.enter(depth)
        text.clip(depth)
    tab, values = TAB * outer, [f"(<real *>{place})[0]" for place in text.places]
    text.lines += [f"{tab}_sum = 0"] if outer == len(order) else []
    text.lines.append(f"{TAB * len(order)}_sum += {' * '.join(values[1:]) or '1'}")
    sums = _scaled(nest)
    for depth in range(len(order), -1, -1):
        if depth == outer:
            kept = f"{sums} if _fresh else " if fresh else ""
            text.lines.append(f"{tab}{values[0]} = {kept}{values[0]} + {sums}")
        text.lines += text.moves[depth]
    arrays, counted = _arrays(nest, output), _integers(nest, integers)
    return ScalarLoops(
        word,
        f"real _sum, {'bint _fresh, ' if fresh else ''}{parameters(arrays, counted, reals)}",
        ", ".join([*([fresh] if fresh else []), *(f"_at_{a}" for a in arrays), *counted, *reals]),
        ", ".join(text.pointers),
        ", ".join(text.integers),
        ", ".join(name(v.name) for v in order),
        (*text.lines, "return True"),
    )


class _LoopWriter:
    """Writes the lines of a nest's loops, from the outside in.

    Attributes:
        order: the loops, outermost first: those of the output, then the others.
        spans: the range of each loop as far as it is clipped.
        places: the pointers to the output and to each factor at this depth.
        moves: the statements that end the body of each depth's loop.

    """

    def __init__(self, nest: Nest, output: str) -> None:
        variables = [loop.variable for loop in nest.loops]
        self.order = sorted(variables, key=lambda v: (v in nest.k, variables.index(v)))
        self.entries = [(output, nest.output)]
        self.entries += [(array_name(f), f.index) for f in nest.factors if isinstance(f, Operand)]
        self.spans: dict[Symbol, tuple[str, str]] = {}
        tests: list[tuple[Affine, str]] = []
        for loop in nest.loops:
            size = loop_size(loop)
            ends = ("-ENDLESS", "ENDLESS") if size is None else ("0", number(size))
            self.spans[loop.variable] = ends
            tests += [(b.value, number(b.size)) for b in loop.bounds if size is None]
        for a, index in self.entries:
            tests += [(e, f"_at_{a}.shape[{axis}]") for axis, e in enumerate(index)]
        tests += [(f.value, number(f.size)) for f in nest.factors if not isinstance(f, Operand)]
        depths = range(len(self.order) + 1)
        self.tests = [[*_tests(tests, self.order, depth)] for depth in depths]
        self.read = {v for e, _ in tests for v in sorted(e.loops, key=self.order.index)[:-1]}
        self.steps: dict[tuple[int, Symbol], str] = {}
        self.places = [f"_place_{at}" for at in range(len(self.entries))]
        self.pointers = [*self.places]
        self.integers: list[str] = []
        self.lines: list[str] = []
        self.moves: list[list[str]] = [[] for _ in depths]

    def clip(self, depth: int) -> None:
        """Clip ranges by the tests that contain one more loop than the first `depth`."""
        # a number before a name: `_first_p_k` could be p inside k, or p_k
        tab, inside = TAB * depth, f"{depth}_" if depth else ""
        for last, test in self.tests[depth]:
            if last is None:
                self.lines += [f"if not {test}:", f"{TAB}return False"]
                continue
            v = f"{inside}{name(last.name)}"
            span = f"_first_{v}", f"_stop_{v}"
            if self.spans[last] != span:
                both = zip(span, self.spans[last], strict=True)
                self.lines += [f"{tab}{new} = {old}" for new, old in both]
                self.integers += span
                self.spans[last] = span
            self.lines.append(f"{tab}rot180_clip({test}, &{span[0]}, &{span[1]})")

    def start(self) -> None:
        """Point to each array's entry where all loops are 0, and compute the strides."""
        for at, (a, index) in enumerate(self.entries):
            begin = [f"<char *>_at_{a}.buf", *_start(index, a)]
            self.lines.append(f"{self.places[at]} = {' + '.join(begin)}")
            for v in self.order:
                if step := _step(index, v, a):
                    self.steps[at, v] = f"_step_{at}_{name(v.name)}"
                    self.lines.append(f"{self.steps[at, v]} = {step}")
        self.integers += self.steps.values()
        self.waiting = dict(self.steps)

    def enter(self, depth: int) -> None:
        """Begin a loop, its pointers at the start of every range that is known by now."""
        v, tab = self.order[depth - 1], TAB * (depth - 1)
        open_ranges = {last for here in self.tests[depth:] for last, _ in here}
        for at, place in enumerate(self.places):
            if (at, v) in self.steps:
                now = [u for u in self.order if (at, u) in self.waiting and u not in open_ranges]
                ahead = [f" + {self.spans[u][0]} * {self.waiting.pop((at, u))}" for u in now]
                self.places[at] = f"_place_{at}_{name(v.name)}"
                self.pointers.append(self.places[at])
                self.lines.append(f"{tab}{self.places[at]} = {place}{''.join(ahead)}")
                self.moves[depth].append(f"{tab}{TAB}{self.places[at]} += {self.steps[at, v]}")
        first, stop = self.spans[v]
        span = f"{first}, {stop}" if v in self.read else f"{stop} - {first}"
        self.lines.append(f"{tab}for {name(v.name)} in range({span}):")


def _skips(nest: Nest, outer: set[Symbol]) -> bool:
    """Say whether the loops may skip an entry of the output.

    They do where a factor is outside its axis for all values of the summed loops.
    """
    sizes = {loop.variable: loop_size(loop) for loop in nest.loops}
    alone = {(Affine(Integer(0), ((v, Integer(1)),))) for v, n in sizes.items() if n is not None}
    operands = [f for f in nest.factors if isinstance(f, Operand)]
    decided = [e for f in operands for e in f.index if outer.issuperset(e.loops)]
    return len(operands) < len(nest.factors) or not alone.issuperset(decided)


def _tests(
    tests: Iterable[tuple[Affine, str]], order: Sequence[Symbol], depth: int
) -> Iterator[tuple[Symbol | None, str]]:
    """Yield the tests that contain one more loop than the first `depth`, each with that loop."""
    for e, size in tests:
        last = max(e.loops, key=order.index, default=None)
        others = tuple((v, c) for v, c in e.coefficients if v != last)
        if max((order.index(v) + 1 for v, _ in others), default=0) != depth:
            continue
        rest = number(_value(Affine(e.constant, others)))
        if last is None:
            yield None, f"0 <= {rest} < {size}"
        else:
            yield last, f"{number(dict(e.coefficients)[last])}, {rest}, {size}"


def _start(index: Iterable[Affine], a: str) -> Iterator[str]:
    """Write the offset of an array's entry where all loops are 0."""
    for axis, e in enumerate(index):
        if e.constant != 0:
            yield f"({number(e.constant)}) * _at_{a}.strides[{axis}]"


def _step(index: Iterable[Affine], v: Symbol, a: str) -> str:
    """Write the stride of an array along a loop, or ""."""
    slopes = [(axis, dict(e.coefficients)[v]) for axis, e in enumerate(index) if v in e.loops]
    strides = (("" if c == 1 else f"({number(c)}) * ", axis) for axis, c in slopes)
    return " + ".join(f"{times}_at_{a}.strides[{axis}]" for times, axis in strides)


def _scaled(nest: Nest) -> str:
    top, bottom = fraction(nest.coefficient)
    return "_sum" if nest.coefficient == 1 else f"<real>(<double>({top}) / {bottom}) * _sum"
