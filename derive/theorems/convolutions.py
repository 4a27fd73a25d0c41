"""Correlations and convolutions in all variants: as layers, and as right sides of claims."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.kernel.proof import Variables
from rot180.derive.language import operators
from rot180.derive.language.layers import Layer, axis_letters, layer
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.terms import Access, Expression, Tensor, term


@dataclass(frozen=True)
class Convolution:
    """A forward pass, correlation or convolution: its number of axes and its parameters.

    Attributes:
        axes: 1, 2 or 3.
        true: whether it is a true convolution, not a correlation.
        general: whether every axis has a symbolic stride, dilation and low padding.
        channels: whether there are a batch axis, input channels and output channels.
        groups: whether there is a group axis (needs channels).
        strided: whether every axis has a symbolic stride, but no dilation and no padding.

    """

    axes: int
    true: bool = False
    general: bool = False
    channels: bool = False
    groups: bool = False
    strided: bool = False

    @property
    def sign(self) -> int:
        """Return the sign of the tap in the forward index."""
        return -1 if self.true else 1

    @property
    def word(self) -> str:
        """Return the name of the forward operation."""
        return "convolution" if self.true else "correlation"

    @property
    def name(self) -> str:
        """Return the part of a theorem's name that stands for this forward pass."""
        parts = [self.word]
        parts += ["strided"] if self.strided else []
        parts += ["general"] if self.general else []
        parts += ["grouped"] if self.groups else ["channels"] if self.channels else []
        return "_".join([*parts, f"{self.axes}d"])

    def parameters(self, axis: int) -> tuple[Expr, Expr, Expr]:
        """Return the stride, dilation and low padding of an axis."""
        _, _, _, s, d, lo = axis_letters(self.axes)[axis]
        return (
            symbol(s) if self.general or self.strided else Integer(1),
            symbol(d) if self.general else Integer(1),
            symbol(lo) if self.general else Integer(0),
        )

    def layer(self, activated: bool = False) -> Layer:
        """Return the forward pass of x, or if `activated` of sigma(z)."""
        letters = axis_letters(self.axes)
        outs, taps = [a[0] for a in letters], [a[1] for a in letters]
        minus = "-" if self.true else "+"
        inside = []
        for p, k, _, s, d, lo in letters:
            stride = f"{s}*{p}" if self.general or self.strided else p
            inside.append(f"{stride}{minus}{d}*{k}-{lo}" if self.general else f"{stride}{minus}{k}")
        group = ["g"] if self.groups else []
        front, out, into = (["n"], ["o"], ["c"]) if self.channels else ([], [], [])
        y, x = [*front, *group, *out, *outs], [*front, *group, *into, *inside]
        w, summed = [*group, *out, *into, *taps], [*into, *taps]
        sizes = [*(["N"] if front else []), *(["G"] if group else []), *(["C"] if into else [])]
        declared = [*sizes, *(a[2].upper() for a in letters)]
        entry, name, functions = f"x[{','.join(x)}]", "x", ""
        if activated:
            entry, name, functions = f"sigma(z[{','.join(x)}])", "z", "sigma: function; "
        return layer(
            f"{functions}{name}[{','.join(declared)}]; y[{','.join(y)}] = "
            f"sum[{','.join(summed)}] {entry} * w[{','.join(w)}]"
        )

    def lead(self) -> tuple[list[Symbol], list[Symbol], list[Symbol]]:
        """Return the non-spatial indices of x, w and y: batch, group and channels."""
        n, g, o, c = map(symbol, ("n", "g", "o", "c"))
        group = [g] if self.groups else []
        if not self.channels:
            return [], [], []
        return [n, *group, c], [*group, o, c], [n, *group, o]

    def goal(self, wrt: str) -> tuple[Variables, Expression]:
        """Return the free indices and dL/d(operand), as the chain rule writes it."""
        forward = self.layer()
        return chain_goal(forward, operand(forward, wrt))

    def operands(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, w and the output gradient."""
        forward = self.layer()
        return operand(forward, "x"), operand(forward, "w"), output_gradient(forward)

    def sliding_product(
        self, main: Access, window: Access, variables: Variables, word: str | None = None
    ) -> Expression:
        """Return the correlation or convolution of two tensors; by default as the forward pass."""
        free = tuple(v for v, _ in variables)
        inside = [v for e in (*main.index, *window.index) for v in _symbols(e)]
        bound = {v for e in window.index for v in _symbols(e)}
        bound |= {e for e in main.index if isinstance(e, Symbol)}
        summed = tuple(dict.fromkeys(v for v in inside if v in bound and v not in free))
        operator = (
            operators.convolve if (word or self.word) == "convolution" else operators.correlate
        )
        return (term(operator(main, window, free, summed)[free]),)


def _symbols(e: Expr) -> list[Symbol]:
    return sorted(symbols_of(e), key=lambda v: v.name)


PLAIN = [Convolution(n, true) for true in (False, True) for n in (1, 2, 3)]
STRIDED = [Convolution(n, true, strided=True) for true in (False, True) for n in (1, 2, 3)]
GENERAL = [
    Convolution(n, true, general=True, channels=channels, groups=groups)
    for true in (False, True)
    for channels, groups in ((False, False), (True, False), (True, True))
    for n in (1, 2, 3)
]
