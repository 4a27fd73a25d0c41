"""An entry of the museum: a backward pass that shipped, as the expression that it computed.

The expression is in the notation. It uses the operands of the layer, the output by its name, and
``grad_y`` for the gradient by an output y. Entries outside an array are 0, as everywhere. Where the
code returned an array of another size, or used a number that it had computed, that size or number
has a name, and `derived` says what it is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Entry", "completed", "configuration", "defaults", "fixed", "number", "sizes", "varied"]

Number = int | Fraction

THEOREMS: Mapping[tuple[str, str], str] = {
    ("conv1d", "x"): "rot180_correlation_general_channels_1d",
    ("conv1d", "w"): "weight_correlation_general_channels_1d",
    ("conv1d", "bias"): "bias_1d",
    ("conv1d_grouped", "w"): "weight_correlation_general_grouped_1d",
    ("conv_transpose1d", ""): "transposed_1d",
    ("conv_transpose1d", "x"): "adjoint_correlation_general_1d",
    ("conv_transpose1d", "w"): "adjoint_correlation_general_1d",
    ("softmax", "x"): "softmax_input",
    ("log_softmax", "x"): "log_softmax_input",
    ("avg_pool1d", "x"): "avg_pool_1d",
    ("selected_pool1d", "x"): "max_pool_1d",
}
"""The theorem of the registry about a layer of the catalogue and its gradient by an operand."""

DEFAULTS = "N=1 C=1 O=1 s=1 d=1 lo=0 op=0 t=0"
"""Sizes and parameters that a configuration does not name; `hi` is `lo`."""

AXES = ("H", "K", "P")
"""Sizes of axes and of the filter."""

_WINDOWS = (("P", "(H + lo + hi - d*(K-1) - 1)//s + 1"),)
_TRANSPOSED = (("H", "s*(P-1) + d*(K-1) + 1 - lo - hi + op"),)
SIZES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "conv1d": _WINDOWS,
    "conv1d_grouped": _WINDOWS,
    "selected_pool1d": _WINDOWS,
    "avg_pool1d": _WINDOWS,
    "conv_transpose1d": _TRANSPOSED,
}
"""The sizes of layers that follow from others, as frameworks compute them."""

OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: Fraction,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS: Mapping[str, Callable[..., Number]] = {"max": max, "min": min}


@dataclass(frozen=True)
class Entry:
    """A wrong backward pass.

    Attributes:
        key: a name for it.
        project: the project that shipped it.
        issue: the number of the issue or the pull request.
        year: when it was reported.
        references: addresses; the first is that of the issue.
        layer: a name of the catalogue, or a layer or a program in the notation.
        operand: by which operand the gradient is; "" for a forward pass.
        wrong: the definition of what the code computed, in the notation.
        summary: what was wrong.
        fails: configurations where it is wrong, the smallest first; sizes of one axis.
        agrees: configurations where it is right.
        derived: sizes and numbers that the code computed: name to formula.
        sizes: sizes of the layer that follow from others: name to formula; as in `SIZES` if empty.
        theorem: the theorem of the registry that is true; as in `THEOREMS` if "".
        mistake: what an audit calls it.
        limits: what must not be negative for the expression to be what the code computed.
        masks: operands that hold a 1 for each window, and zeros.
        audited: what an audit judges if not the gradient of the layer, as a layer that is a sum of
            products: the layer, its operand, and the wrong expression.
        outcome: what users saw: "values", "shape" (an array of another size) or "error".
        basis: where the expression comes from: "code" of that time, or the "thread" alone.

    """

    key: str
    project: str
    issue: int
    year: int
    references: tuple[str, ...]
    layer: str
    operand: str
    wrong: str
    summary: str
    fails: tuple[str, ...]
    agrees: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    sizes: tuple[tuple[str, str], ...] = ()
    theorem: str = ""
    mistake: str = ""
    limits: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    audited: tuple[str, str, str] | None = None
    outcome: str = "values"
    basis: str = "code"

    @property
    def true(self) -> str:
        """Return the theorem that is true."""
        return self.theorem or THEOREMS[self.layer, self.operand]

    @property
    def judged(self) -> tuple[str, str, str]:
        """Return what an audit judges: a layer, its operand, and the wrong expression."""
        return self.audited or (self.layer, self.operand, self.wrong)


def configuration(entry: Entry, text: str) -> dict[str, Number]:
    """Return the sizes and parameters of a configuration, those that the code computed included.

    >>> from rot180.codegen.audit.museum_entries import ENTRIES
    >>> configuration(ENTRIES[0], "H=32 K=5 s=2 P=14")["W"]
    31

    Args:
        entry: the entry, for what is derived.
        text: the configuration, as ``H=6 K=3``.

    """
    return completed(entry, _values(text))


def defaults() -> dict[str, Number]:
    """Return the sizes and parameters of a configuration that names none."""
    return _values(DEFAULTS)


def varied(entry: Entry) -> dict[str, int]:
    """Return the sizes and parameters that the configurations of an entry vary: name to least.

    Those that have one value in all of them, and those that no configuration names, are fixed: code
    that had no dilation, say, is right or wrong for filters without one. Batch and channels are
    only varied where the first configuration needs them. Sizes of axes and filters start from 1.
    """
    texts = [_values(text) for text in (*entry.fails, *entry.agrees)]
    found = dict[str, int]()
    for v in dict.fromkeys(v for values in texts for v in values):
        here = {values.get(v, defaults().get(v, 1)) for values in texts}
        given = v in dict((*sizes(entry), *entry.derived)) or (v in "NCO" and v not in texts[0])
        if len(here) > 1 and not given:
            found[v] = 1 if v in AXES else int(min(here))
    return found


def fixed(entry: Entry) -> dict[str, Number]:
    """Return the sizes and parameters that have one value in all configurations that there are."""
    texts = [_values(text) for text in (*entry.fails, *entry.agrees)]
    first = texts[0].items()
    return {v: n for v, n in first if all(values.get(v) == n for values in texts)}


def sizes(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Return the sizes of the layer of an entry that follow from others: name to formula."""
    return entry.sizes or SIZES.get(entry.layer, ())


def completed(entry: Entry, values: Mapping[str, Number]) -> dict[str, Number]:
    """Add to sizes and parameters those that are not given: defaults, and what follows.

    Args:
        entry: the entry, for its formulas.
        values: the sizes and parameters that are given.

    """
    formulas = dict(sizes(entry))
    if "hi" not in formulas:
        formulas = {"hi": "lo", **formulas}
    others = {**defaults(), **fixed(entry)}
    out = {v: n for v, n in others.items() if v not in formulas} | dict(values)
    for name, formula in formulas.items():
        if name not in out:
            out[name] = number(formula, out)
    for name, formula in entry.derived:
        out[name] = number(formula, out)
    return out


def _values(text: str) -> dict[str, Number]:
    return {v: int(n) for v, _, n in (word.partition("=") for word in text.split())}


def number(formula: str, values: Mapping[str, Number]) -> Number:
    """Evaluate a formula of whole numbers, with ``//``, ``%``, ``max`` and ``min`` as in Python.

    >>> number("max(0, -(-H // s) - P)", {"H": 7, "s": 2, "P": 3})
    1

    Args:
        formula: the formula; ``/`` gives a fraction.
        values: what its names stand for.

    Raises:
        ValueError: the formula has another operation, or a name that is not given.

    """
    return _evaluated(ast.parse(formula, mode="eval").body, values)


def _evaluated(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=of):
            return -_evaluated(of, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluated(left, values), _evaluated(right, values))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_evaluated(a, values) for a in args))
    raise ValueError(
        f"formula: found {ast.unparse(node)}, expected + - * / // %, max, min, whole numbers and "
        f"{', '.join(values)}"
    )
