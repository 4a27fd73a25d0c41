"""Plans as NumPy: the slices, windows and products that a sum consists of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Symbol

from rot180.codegen.kernels.expressions import (
    TAB,
    WIDTH,
    cost,
    extents,
    filled,
    fraction,
    index_text,
    loop_size,
    number,
    opening,
    write_running_sum,
)
from rot180.codegen.kernels.kernel import Kernel, Module, check_lines, typed_head
from rot180.codegen.kernels.names import name
from rot180.codegen.kernels.numpy_forms import form
from rot180.codegen.kernels.numpy_operands import Entries, entries, extent, written
from rot180.codegen.kernels.numpy_runtime import PARTS, imports, runtime
from rot180.codegen.plans.bounds import positive
from rot180.codegen.plans.plan import Affine, Intermediate, Loop, Nest, Plan


@dataclass(frozen=True)
class NumpyKernel(Kernel):
    """A function in NumPy."""

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition, with types."""
        return typed_head(self.name, self.interface)

    @property
    def checks(self) -> list[str]:
        """Return the statements that check the arguments, name the sizes and make the output."""
        used = set(re.findall(r"\w+", "\n".join(self.body)))
        known = (*self.interface.arrays, *(t for t, _ in self.interface.shapes))
        axes = [n for t in known for n in t.shape if isinstance(n, Symbol)]
        named = [
            n for n in dict.fromkeys(axes) if n in self.interface.sizes or name(n.name) in used
        ]
        return check_lines(replace(self.interface, sizes=tuple(named)), self.plan)

    @property
    def body(self) -> list[str]:
        """Return the statements that compute the output."""
        first, *others = [self._ordered(plan) for plan in self.plan.orders]
        if not others:
            return first
        lines = ["_order = np.argmin(  # the order with the fewest products", f"{TAB}["]
        lines += [f"{TAB}{TAB}{cost(plan.products)}," for plan in self.plan.orders]
        lines += [f"{TAB}]", ")", "if _order == 0:", *(f"{TAB}{line}" for line in first)]
        for at, body in enumerate(others, 1):
            lines += [f"elif _order == {at}:", *(f"{TAB}{line}" for line in body)]
        return lines

    def _ordered(self, plan: Plan) -> list[str]:
        """Return the statements of one order of contraction."""
        lines = []
        for i in plan.intermediates:
            word, shape = name(i.tensor.name), extents(i.shape, self.interface.sizes)
            lines.append(f'{word} = zeros("{word}", {shape}, dtype)')
            for nest in i.nests:
                lines += _nest_lines(nest, word, i.shape, plan)
            lines += _running_sum(i, word) if i.running else []
        for nest in plan.nests:
            lines += _nest_lines(nest, self.output, plan.shape, plan)
        return lines


@dataclass(frozen=True)
class NumpyModule(Module):
    """A module in NumPy."""

    @property
    def runtime(self) -> str:
        """Return the code that all kernels share."""
        return runtime()

    @property
    def imports(self) -> list[str]:
        """Return the lines that import what kernels share."""
        parts = (line for kernel in self.kernels for line in (*kernel.checks, *kernel.body))
        return imports((*parts, "Array"), PARTS)


def _nest_lines(nest: Nest, output: str, shape: Sequence[Expr], plan: Plan) -> list[str]:
    """Write one nest: the sum in the notation, its phases, its loops, what is added."""
    (comment, *lines), tab = opening(nest, output)
    room = WIDTH - len(TAB) - len(tab)
    inner = _sum_lines(nest, written(nest, output, shape, plan), plan, room)
    return [*_comment_lines(comment), *lines, *(tab + line for line in inner)]


def _running_sum(i: Intermediate, word: str) -> list[str]:
    """Write a running sum in place; from the end, of the reversed array."""
    assert i.running is not None
    axis = i.running.axis
    view = word if i.running.step > 0 else f"{word}[{', '.join([':'] * axis + ['::-1'])}]"
    comment = f"# {write_running_sum(i)}"
    return [*_comment_lines(comment), f"np.cumsum({view}, {axis}, dtype, {view})"]


def _comment_lines(comment: str) -> list[str]:
    """Write a comment on several lines where it is long."""
    if len(TAB) + len(comment) <= WIDTH:
        return [comment]
    head, sum_ = comment.split(" += ")
    parts = f"+= {sum_}".split(" * ")
    parts = [*(f"{part} *" for part in parts[:-1]), parts[-1]]
    rows = filled(parts, WIDTH - len(TAB) - 6)
    return [head, *(f"#     {row}" for row in rows)]


def _sum_lines(nest: Nest, out: Entries, plan: Plan, room: int) -> list[str]:
    factors = [entries(f, nest, plan) for f in nest.factors]
    known = {v for f in (out, *factors) for v in f.loops}
    idle = [v for v in nest.k if v not in known]
    alone = len(factors) == 1 and nest.coefficient == 1 and not (idle or factors[0].windows)
    if alone and (lines := _one_array(factors[0], out)):
        return lines
    left, right = factors[: len(nest.left)], factors[len(nest.left) :]
    chosen = form(nest, left, right, room)
    if len(right) > len(left) or chosen.swapped:
        left, right = right, left
    factors = [*left, *right]
    words = ", ".join(_words(f.loops) for f in factors)
    arguments = [out.text, f'"{words} -> {_words(out.loops)}"', *(f.text for f in factors)]
    arguments += _scale(nest, [_repeats(v, nest, plan) for v in idle])
    call = f"{chosen.function}({', '.join(arguments)})"
    lines = [call] if len(call) <= room else [f"{chosen.function}("]
    if len(call) > room:
        lines += [*(f"{TAB}{argument}," for argument in arguments), ")"]
    code = " ".join([out.text, *(f.text for f in factors), *arguments[2:], *chosen.lines])
    used = {v for v in (b.variable for b in nest.loops) if name(v.name) in re.findall(r"\w+", code)}
    return [*_loops(nest, used, room), *chosen.lines, *lines]


def _one_array(factor: Entries, out: Entries) -> list[str]:
    """Write a sum over one array as NumPy's own; nothing where axes would have to be moved."""
    kept = [v for v in factor.loops if v in out.loops]
    if out.windows or "at(" in factor.text + out.text:
        return []
    if kept != [v for v in out.loops if v in kept]:
        return []
    value, lines, tab = factor.text, [], ""
    summed = [axis for axis, v in enumerate(factor.loops) if v not in kept]
    if len(summed) == len(factor.loops) > 0:
        value = f"{value}.sum(dtype=dtype)"
    elif summed:
        axes = f"({', '.join(map(str, summed))})" if len(summed) > 1 else str(summed[0])
        value = f"{value}.sum({axes}, dtype)"
    elif len(kept) < len(out.loops):
        lines, tab = [f"if {value}.any():  # else zeros"], TAB
    index = [":" if v in kept else "None" for v in out.loops]
    while index[:1] == ["None"]:
        index = index[1:]
    if kept and "None" in index:
        value = f"{value}[{', '.join(index)}]"
    return [*lines, f"{tab}{out.text} += {value}"]


def _repeats(variable: Symbol, nest: Nest, plan: Plan) -> str:
    """Write how many values a loop has; a size that is not an array's may be negative."""
    (loop,) = (loop for loop in nest.loops if loop.variable == variable)
    size = loop_size(loop)
    arrays = {n for f in plan.operands for n in f.tensor.shape} | {*plan.shape}
    if size is None or size in arrays or positive(size, plan.hypotheses):
        return extent(variable, nest)
    return f"max({number(size)}, 0)"


def _scale(nest: Nest, factors: list[str]) -> list[str]:
    """Write what a sum is multiplied by, with the extents of the loops that no array has."""
    top, bottom = fraction(nest.coefficient)
    if top != "1" or not factors:
        factors = [f"({top})" if factors and not top.isidentifier() else top, *factors]
    found = [f"scale={'*'.join(factors)}"] if factors != ["1"] else []
    return found + ([f"over={bottom}"] if bottom != 1 else [])


def _loops(nest: Nest, used: set[Symbol], room: int) -> list[str]:
    """Write the loops that are used by name, and those that their bounds use."""
    for loop in reversed(nest.loops):
        if loop.variable in used and loop_size(loop) is None:
            used = used | {v for bound in loop.bounds for v in bound.loops}
    plain = {
        v.variable: n for v in nest.loops if v.variable in used and (n := loop_size(v)) is not None
    }
    lines = []
    if plain:
        sizes = ", ".join(map(number, plain.values()))
        lines.append(f"{_target(list(plain))} = loops({sizes})")
    spans: dict[Symbol, str] = {}
    for loop in nest.loops:
        if loop.variable not in used or loop.variable in plain:
            continue
        bounds = ", ".join(_bound(loop, bound.value, bound.size) for bound in loop.bounds)
        both = {**spans, loop.variable: f"span({bounds})"}
        apart = all(b.loops == (loop.variable,) for b in loop.bounds)
        if spans and not (apart and len(_assigned(both)) <= room):
            lines.append(_assigned(spans))
            both = {loop.variable: both[loop.variable]}
        spans = both
    return lines + ([_assigned(spans)] if spans else [])


def _assigned(values: Mapping[Symbol, str]) -> str:
    names = ", ".join(name(v.name) for v in values)
    return f"{names} = {', '.join(values.values())}"


def _bound(loop: Loop, value: Affine, size: Expr) -> str:
    """Write a bound ``0 <= step*v + rest < size`` as its three parts."""
    (step,) = [c for v, c in value.coefficients if v == loop.variable]
    rest = tuple((v, c) for v, c in value.coefficients if v != loop.variable)
    return f"({number(step)}, {index_text(Affine(value.constant, rest))}, {number(size)})"


def _target(variables: Sequence[Symbol]) -> str:
    names = ", ".join(name(v.name) for v in variables)
    return names if len(variables) > 1 else f"({names},)"


def _words(variables: Sequence[Symbol]) -> str:
    return " ".join(v.name for v in variables)
