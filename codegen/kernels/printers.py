"""Printers: plans as the text that templates lay out. Names and order are ours, never SymPy's."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import lcm

from sympy import Expr, Integer, Symbol

from rot180.codegen.kernels.scalar_functions import python_name
from rot180.codegen.plans.passes import LoweringError
from rot180.codegen.plans.plan import Affine, Box, Factor, Loop, Nest, Operand, Phase, Plan, Solved
from rot180.derive.display.statement import write_condition, write_statement
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import monomials, normal, symbol, symbols_of, text
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import Access, AtLeast, Condition, Derivative, Equal, Tensor

_CYTHON = (
    "DEF IF ELIF ELSE NULL api bint bool by cdef char cimport class complex const cpdef ctypedef "
    "cython double enum extern fused gil include inline int long namespace new nogil object "
    "operator public readonly short signed sizeof ssize_t struct union unsigned void volatile"
)
_RESERVED = frozenset(
    (*keyword.kwlist, *keyword.softkwlist, *_CYTHON.split(), "divmod", "dtype", "np", "range")
)


def name(word: str) -> str:
    """Return a name that is free for use in Python and in Cython: ``lambda`` becomes ``lambda_``.

    >>> name("lambda"), name("x")
    ('lambda_', 'x')
    """
    return f"{word}_" if word in _RESERVED else word


def number(e: Expr) -> str:
    """Write a polynomial with integer coefficients as Python."""
    new = {v: symbol(name(v.name)) for v in symbols_of(e) if name(v.name) != v.name}
    return text(normal(e.xreplace(new))).replace("^", "**")


def fraction(e: Expr) -> tuple[str, int]:
    """Write a polynomial as Python: an integer polynomial and the denominator."""
    denominator = lcm(*(int(c.q) for c in monomials(e).values()))
    return number(normal(e * denominator)), denominator


@singledispatch
def entry(factor: Factor) -> str:
    """Write a factor as an argument of the contraction."""
    raise TypeError(factor)


@entry.register
def _(factor: Operand) -> str:
    return f"_entry({', '.join([array(factor), *map(index_map, factor.index)])})"


@entry.register
def _(factor: Box) -> str:
    return f"_inside({index_map(factor.value)}, {number(factor.size)})"


def array(operand: Operand) -> str:
    """Return the name of the array an operand reads."""
    if not operand.function:
        return name(operand.tensor.name)
    return f"{function(operand.function, operand.order)}_{operand.tensor.name}"


def function(word: str, order: int) -> str:
    """Return the argument that a scalar function's derivative is passed by."""
    return name(word + "_prime" * order)


def index_map(e: Affine) -> str:
    """Write an affine map: ``{"p": s, "k": d, "": -lo}``."""
    parts = [f'"{v.name}": {number(c)}' for v, c in e.coefficients]
    if e.constant != 0:
        parts.append(f'"": {number(e.constant)}')
    return "{" + ", ".join(parts) + "}"


def index_text(e: Affine) -> str:
    """Write an affine map as the notation has it."""
    loops = [v for v, _ in e.coefficients]
    return text(normal(e.constant + sum(c * v for v, c in e.coefficients)), loops)


def _words(variables: Iterable[Symbol]) -> str:
    return " ".join(v.name for v in variables)


def _comment(nest: Nest, output: str) -> str:
    def at(head: str, index: Sequence[Affine]) -> str:
        return f"{head}[{', '.join(map(index_text, index))}]"

    factors = [
        at(array(f), f.index)
        if isinstance(f, Operand)
        else f"[0 <= {index_text(f.value)} < {text(f.size)}]"
        for f in nest.factors
    ]
    over = f"sum[{', '.join(v.name for v in nest.reduction)}] " if nest.reduction else ""
    scale = [] if nest.coefficient == 1 and factors else [text(nest.coefficient)]
    if len(monomials(nest.coefficient)) > 1 and scale:
        scale = [f"({scale[0]})"]
    return f"# {at(output, nest.output)} += {over}{' * '.join([*scale, *factors])}"


def opening(nest: Nest, output: str) -> tuple[list[str], str]:
    """Write what stands around a nest's sum, its phases and conditions; and the indent inside."""
    lines, tab, inside = [_comment(nest, output)], "", False
    for step in nest.outer:
        if isinstance(step, Phase):
            lines.append(f"{tab}for {name(step.variable.name)} in range({number(step.size)}):")
            tab, inside = tab + "    ", True
            continue
        holds, fails = _condition(step)
        lines.append(f"{tab}if {fails if inside else holds}:")
        if inside:
            lines.append(f"{tab}    continue")
        else:
            tab += "    "
        if isinstance(step, Solved):
            value, by = number(step.value), number(step.divisor)
            lines.append(f"{tab}{name(step.variable.name)} = ({value}) // {_divisor(by)}")
    return lines, tab


def nest_lines(nest: Nest, output: str) -> list[str]:
    """Write one nest: what stands around it, the ranges of its loops, the contraction."""
    lines, tab = opening(nest, output)
    ready = [(loop, size) for loop in nest.loops if (size := plain(loop)) is not None]
    ranges = ", ".join(f'"{loop.variable.name}": (0, {number(n)})' for loop, n in ready)
    lines.append(f"{tab}loops = {{{ranges}}}")
    done = {loop for loop, _ in ready}
    for loop in nest.loops:
        if loop not in done:
            bounds = ", ".join(f"({index_map(b.value)}, {number(b.size)})" for b in loop.bounds)
            v = f'"{loop.variable.name}"'
            lines.append(f"{tab}loops[{v}] = _span({v}, loops, {bounds})")
    arguments = [f"{output}, [{', '.join(map(index_map, nest.output))}], loops"]
    arguments.append(
        ", ".join(
            f'{role}="{_words(variables)}"'
            for role, variables in (
                ("batch", nest.batch),
                ("rows", nest.rows),
                ("columns", nest.columns),
                ("over", nest.reduction),
            )
            if variables
        )
    )
    arguments.append(f"left=[{', '.join(map(entry, nest.left))}]" if nest.left else "")
    arguments.append(f"right=[{', '.join(map(entry, nest.right))}]" if nest.right else "")
    if nest.coefficient != 1:
        top, bottom = fraction(nest.coefficient)
        arguments.append(f"scale=({top}, {bottom})")
    lines.append(f"{tab}_accumulate(")
    lines += [f"{tab}    {argument}," for argument in arguments if argument]
    lines.append(f"{tab})")
    return lines


def _condition(step: Solved | Box) -> tuple[str, str]:
    """Write a condition and its negation."""
    if isinstance(step, Box):
        holds = f"0 <= {number(step.value.constant)} < {number(step.size)}"
        return holds, f"not {holds}"
    rest = f"({number(step.value)}) % {_divisor(number(step.divisor))}"
    return f"{rest} == 0", f"{rest} != 0"


def _divisor(code: str) -> str:
    return code if code.isidentifier() or code.isdigit() else f"({code})"


def plain(loop: Loop) -> Expr | None:
    """Return n where the loop is ``0 <= v < n`` and nothing else."""
    (bound, *more) = loop.bounds
    slopes = [(loop.variable, Integer(1))]
    alone = bound.value.constant == 0 and [*bound.value.coefficients] == slopes
    return bound.size if alone and not more else None


@dataclass(frozen=True)
class KernelText:
    """A function of a module, ready for the template.

    Attributes:
        name: the function's name.
        signature: its parameters.
        docstring: the theorem and what the arguments are, in lines.
        checks: the statements that check the arguments and name the sizes.
        output: the array that is returned.
        body: the statements that compute it.
        arrays: the arrays that the body needs, output first.
        integers: the integers it needs.
        whole: when its first sum writes the whole output, so that nothing need be there before;
            "" if it never does.

    """

    name: str
    signature: str
    docstring: tuple[str, ...]
    checks: tuple[str, ...]
    output: str
    body: tuple[str, ...]
    arrays: tuple[str, ...]
    integers: tuple[str, ...]
    whole: str

    @property
    def counted(self) -> str:
        """Return its integers as parameters of a C function."""
        return parameters((), self.integers)

    @property
    def passed(self) -> str:
        """Return what a compiled body is passed, its arrays held."""
        held = (f"_held.view({a}, {a == self.output})" for a in self.arrays)
        return ", ".join((*held, *self.integers))

    @property
    def typed(self) -> str:
        """Return the parameters of a compiled body."""
        return parameters(self.arrays, self.integers)


@dataclass(frozen=True)
class Interface:
    """What a kernel takes.

    Attributes:
        box: the tensor whose box the output has.
        output: the output's name.
        arrays: the tensors whose values are needed.
        functions: the scalar functions, each with its order and its tensor.
        parameters: the integers that are no sizes.
        shapes: tensors of which the box alone is needed, and whether it must be given.
        sizes: the sizes that the kernel uses.

    """

    box: Tensor
    output: str
    arrays: tuple[Tensor, ...]
    functions: tuple[tuple[str, int, Tensor], ...]
    parameters: tuple[Symbol, ...]
    shapes: tuple[tuple[Tensor, bool], ...]
    sizes: tuple[Symbol, ...]


def _result(theorem: Theorem) -> tuple[Tensor, str]:
    (factor,) = theorem.lhs[0].factors
    if isinstance(factor, Derivative):
        return factor.wrt.tensor, f"grad_{factor.wrt.tensor.name}"
    assert isinstance(factor, Access)
    return factor.tensor, factor.tensor.name


def _plain_axes(t: Tensor) -> list[Symbol]:
    return [n for n in t.shape if isinstance(n, Symbol)]


def _symbols(tensors: Iterable[Tensor]) -> set[Symbol]:
    return {v for t in tensors for n in t.shape if n is not None for v in symbols_of(n)}


def interface(layer: Layer, theorem: Theorem, plan: Plan) -> Interface:
    """Find out what a kernel must be given.

    Raises:
        LoweringError: a size is on no axis by itself, or two arguments get the same name.

    """
    box, output = _result(theorem)
    operands = [f for nest in plan.nests for f in nest.factors if isinstance(f, Operand)]
    used = {f.tensor.name: f.tensor for f in operands}
    own = {t.name for t in layer.tensors}
    upstream = [used[n] for n in sorted(used) if n not in own]
    arrays = (*upstream, *(t for t in layer.tensors if t.name in used))
    functions = dict.fromkeys((f.function, f.order, f.tensor) for f in operands if f.function)

    sizes = _symbols((*layer.tensors, layer.output))
    needed = plan.symbols | _symbols(t for t in arrays if len(_plain_axes(t)) < len(t.shape))
    known = {v for t in arrays for v in _plain_axes(t)}
    shapes = [(box, not _symbols([box]) <= known)]
    known |= set(_plain_axes(box))
    for t in (layer.output, *layer.tensors):
        if (needed & sizes - known) & set(_plain_axes(t)):
            shapes.append((t, True))
            known |= set(_plain_axes(t))
    parameters = tuple(v for v in layer.parameters if v in needed and v not in known)
    if lost := needed - known - set(parameters):
        names = ", ".join(sorted(v.name for v in lost))
        raise LoweringError(f"no argument fixes {names}: it is the whole size of no axis")
    ordered_sizes = dict.fromkeys(
        v for t in (*arrays, *(t for t, _ in shapes)) for v in _plain_axes(t) if v in needed
    )
    found = Interface(
        box, output, arrays, tuple(functions), parameters, tuple(shapes), tuple(ordered_sizes)
    )
    words = [*_argument_names(found), *(name(v.name) for v in found.sizes), output]
    if len(set(words)) != len(words):
        raise LoweringError(f"two arguments get the same name: {', '.join(words)}")
    return found


def _shape_name(t: Tensor) -> str:
    return f"{t.name}_shape"


def _function_names(found: Interface) -> list[str]:
    """Return the functions that are arguments: those that are not known by name."""
    unknown = [(f, order) for f, order, _ in found.functions if f not in FUNCTIONS]
    return list(dict.fromkeys(function(f, order) for f, order in unknown))


def _argument_names(found: Interface) -> list[str]:
    return [
        *(name(t.name) for t in found.arrays),
        *_function_names(found),
        *(name(v.name) for v in found.parameters),
        *(_shape_name(t) for t, _ in found.shapes),
    ]


def _signature(found: Interface) -> str:
    arrays = [name(t.name) for t in found.arrays]
    shapes = [_shape_name(t) + ("" if given else "=None") for t, given in found.shapes]
    shapes.sort(key=lambda s: s.endswith("=None"))
    parameters = [name(v.name) for v in found.parameters]
    return ", ".join([*arrays, "*", *_function_names(found), *parameters, *shapes])


def _tuple(items: Sequence[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _check_lines(found: Interface, plan: Plan) -> list[str]:
    lines = []
    arrays = [(name(t.name), t) for t in found.arrays]
    parameters = [name(v.name) for v in found.parameters]
    if parameters:
        target = ", ".join(parameters) + ("," if len(parameters) == 1 else "")
        lines.append(f"{target} = _integers({', '.join(f'{v}={v}' for v in parameters)})")
    ranks = ", ".join(f"{word}=({word}, {len(t.shape)})" for word, t in arrays)
    lines.append(f"dtype = _arrays({ranks})")
    sources = [f"{word}=({word}.shape, {axes_in_words(t)})" for word, t in arrays]
    for t, given in found.shapes:
        word = _shape_name(t)
        optional = "" if given else ", optional=True"
        lines.append(f'{word} = _shape("{word}", {word}, {len(t.shape)}{optional})')
        sources.append(f"{word}=({word}, {axes_in_words(t)})")
    sizes = [name(v.name) for v in found.sizes]
    target = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
    wanted = " ".join(v.name for v in found.sizes)
    lines.append(f'{target} = _sizes(' if sizes else "_sizes(")
    lines += [f"    {item}," for item in (f'"{wanted}"', *sources)]
    lines.append(")")
    for t in (*found.arrays, *(t for t, given in found.shapes)):
        lines += _composite_axes(t, t in found.arrays)
    lines += [_requirement(c) for c in plan.hypotheses]
    for f, order, t in found.functions:
        word = function(f, order)
        by = python_name(f, order) if f in FUNCTIONS else word
        lines.append(f'{word}_{t.name} = _applied("{word}", {by}, {name(t.name)})')
    shape = _tuple([number(n) for n in plan.shape]) if plan.shape else "()"
    lines.append(f'{name(found.output)} = _zeros("{_shape_name(found.box)}", {shape}, dtype)')
    return lines


def axes_in_words(t: Tensor) -> str:
    """Write the axes' sizes as words: a name, a number, or ``*`` for anything else."""
    words = [number(n) if n.is_Symbol or n.is_Integer else "*" for n in t.shape if n is not None]
    words = [n.name if isinstance(n, Symbol) else w for n, w in zip(t.shape, words, strict=True)]
    return f'"{" ".join(words)}"'


def _composite_axes(t: Tensor, is_array: bool) -> list[str]:
    word = name(t.name) if is_array else _shape_name(t)
    shape = f"{word}.shape" if is_array else word
    return [
        f'_axis("{word}", {axis}, {shape}, {number(n)})'
        for axis, n in enumerate(t.shape)
        if n is not None and not n.is_Symbol and not n.is_Integer
    ]


def _requirement(c: Condition) -> str:
    """Write a hypothesis as a check that names what it is about."""
    symbols = sorted(symbols_of(c.value), key=lambda v: v.name)
    if isinstance(c, AtLeast):
        constant = c.value.as_coeff_Add()[0]
        holds = f"{number(normal(c.value - constant))} >= {number(-constant)}"
        wanted = f"an integer >= {-constant}" if c.value - constant in symbols else ""
    elif isinstance(c, Equal):
        holds, wanted = f"{number(c.value)} == 0", ""
    else:
        symbols = sorted(symbols_of(c.value) | symbols_of(c.size), key=lambda v: v.name)
        holds, wanted = f"0 <= {number(c.value)} < {number(c.size)}", ""
    found = ", ".join(f"{name(v.name)}={name(v.name)}" for v in symbols)
    return f'_require({holds}, "{wanted or write_condition(c)}", {found})'


def _docstring(found: Interface, theorem: Theorem) -> list[str]:
    def shape(t: Tensor) -> str:
        return _tuple([text(n) for n in t.shape if n is not None]) if t.shape else "()"

    lines = [*write_statement(theorem).splitlines(), "", "Args:"]
    lines += [f"    {name(t.name)}: array {shape(t)}, zero outside" for t in found.arrays]
    for word in _function_names(found):
        lines.append(f"    {word}: a function from an array to the array of its values")
    lines += [f"    {name(v.name)}: integer" for v in found.parameters]
    for t, given in found.shapes:
        note = "" if given else "; may be left out"
        lines.append(f"    {_shape_name(t)}: the tuple {shape(t)} of integers >= 0{note}")
    lines += ["", "Returns:", f"    array {shape(found.box)} of the arguments' dtype"]
    lines += ["", "Raises:", "    TypeError, ValueError: naming the argument, with what was found"]
    return [f"    {line}" if line else "" for line in lines]


def arguments(found: Interface, plan: Plan) -> tuple[list[str], list[str]]:
    """Return the arrays, output first, and the integers that a kernel's sums are made of."""
    operands = [f for nest in plan.nests for f in nest.factors if isinstance(f, Operand)]
    arrays = [name(found.output), *dict.fromkeys(map(array, operands))]
    known = (*found.parameters, *found.sizes)
    return arrays, [name(v.name) for v in known if v in plan.symbols]


def whole(plan: Plan) -> str:
    """Write when the first nest visits each entry of the output once, or ""."""
    if plan.ones is None:
        return ""
    return " and ".join(f"{number(n)} == 1" for n in plan.ones) or "True"


def parameters(arrays: Iterable[str], integers: Iterable[str]) -> str:
    """Write the parameters of a C function."""
    typed = [f"Py_buffer *_at_{a}" for a in arrays]
    return ", ".join([*typed, *(f"Py_ssize_t {v}" for v in integers)])


def numpy_lines(word: str, found: Interface, plan: Plan) -> list[str]:
    """Write the body of a NumPy kernel; its name does not matter."""
    output = name(found.output)
    return [line for nest in plan.nests for line in nest_lines(nest, output)]


def kernel_text(
    word: str,
    layer: Layer,
    theorem: Theorem,
    plan: Plan,
    write: Callable[[str, Interface, Plan], list[str]] = numpy_lines,
) -> KernelText:
    """Write a kernel's parts, its body by `write`.

    Raises:
        LoweringError: see `interface`.

    """
    found = interface(layer, theorem, plan)
    arrays, integers = arguments(found, plan)
    return KernelText(
        word,
        _signature(found),
        tuple(_docstring(found, theorem)),
        tuple(_check_lines(found, plan)),
        name(found.output),
        tuple(write(word, found, plan)),
        tuple(arrays),
        tuple(integers),
        whole(plan),
    )
