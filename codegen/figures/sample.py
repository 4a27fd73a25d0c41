"""A layer at small sizes: which entries are multiplied, and their names in a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

from sympy import Integer, Symbol

from rot180.codegen.figures.colors import TAP_ROLES
from rot180.codegen.figures.expand import Env, Index, Product, TensorEntry, accesses, integer
from rot180.codegen.figures.sample_sizes import sample_sizes
from rot180.codegen.figures.windows import (
    Window,
    WindowedLayer,
    backward,
    input_gradient,
    source,
    windowed_layer,
)
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import Letters
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import application
from rot180.derive.language.substitute import substitute_tensor
from rot180.derive.language.terms import Access, Apply, Tensor


@dataclass(frozen=True)
class SampledLayer:
    """A layer at small sizes, with the names that its entries have in a picture.

    Attributes:
        windowed: the layer as a window.
        backward: its input gradient as a window; None where it is not a window.
        env: the sizes and parameters.
        style: the letters of names.

    """

    windowed: WindowedLayer
    backward: Window | None
    env: Env
    style: Letters
    _memo: dict[tuple[str, Index], list[Product]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def products(self, window: Window, point: Index) -> list[Product]:
        """Write a window's sum out at given values of its free indices."""
        key = (window.target.name, point)
        if key not in self._memo:
            self._memo[key] = window.products(self.env, point)
        return self._memo[key]

    @property
    def forward(self) -> Window:
        """Return the window of the forward pass."""
        return self.windowed.forward

    @property
    def operand(self) -> Tensor:
        """Return the operand that the forward window moves over."""
        return self.windowed.operand

    @property
    def parameters(self) -> tuple[Symbol, ...]:
        """Return the parameters of the layer."""
        return self.windowed.layer.parameters

    @property
    def covered(self) -> Tensor:
        """Return the tensor that the forward window reads: the operand, or an activation of it."""
        return accesses(self.forward.term)[self.forward.grid].tensor

    @cached_property
    def axes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the axes that are shown, by the name of the free tensor."""
        window, definition = self.forward, self.windowed.layer.output.definition
        assert definition is not None
        found = {source(a.tensor).name: window.axes(a) for a in accesses(window.term)}
        out = tuple(i for i, v in enumerate(definition.formals) if v in window.free)
        return {**found, window.target.name: out, f"grad_{window.target.name}": out}

    def tensor(self, t: Tensor | str) -> str:
        """Return a tensor as mathematics; the gradient with respect to x as ``dx``.

        Args:
            t: the tensor, or its name if no operator made it.

        """
        if isinstance(t, Tensor) and application(t) is not None:
            numbers = {symbol(name): Integer(n) for name, n in self.env.items()}
            found = application(substitute_tensor(t, numbers))
            if found is None or found.operator != "dilate":
                return self.style.tensor(t)
            inner, *factors = found.arguments
            assert isinstance(inner, Tensor)
            return self.style.operator(found) if set(factors) != {1} else self.tensor(inner)
        name = t if isinstance(t, str) else t.name
        by = name.removeprefix("grad_")
        if by == name or name in dict(self.style.tensors):
            return self.style.tensor(name)
        known = dict(self.style.symbols.gradients)
        return known.get(by, f"\\mathrm{{d}}{self.style.tensor(by)}")

    def label(self, name: str, index: Iterable[int]) -> str:
        """Return an entry as mathematics: ``w_{2}``."""
        at, shown = [str(n) for n in index], self.tensor(name)
        joint = ("" if all(len(n) == 1 for n in at) else ",").join(at)
        if not at:
            return shown
        return f"{shown[:-1]};{joint}}}" if shown.endswith("}") and "_{" in shown else (
            f"{shown}_{{{joint}}}"
        )

    def value(self, name: str) -> str:
        """Return a size or parameter with its value: ``s = 2``."""
        return f"{self.style.symbol(name)} = {self.env[name]}"

    def entry(self, e: TensorEntry | None) -> str:
        """Return an entry of a free tensor as mathematics, without a function of it."""
        return "0" if e is None else self.label(e.tensor, (e.index[a] for a in self.axes[e.tensor]))

    def weight(self, window: Window, p: Product) -> str:
        """Return what a product multiplies the entry of the grid by: a tap, or a number."""
        shown = [self.entry(p.reads[i].entry) for i in window.kernel]
        shown = shown if p.coefficient == 1 and shown else [str(p.coefficient), *shown]
        return "\\,".join(shown)

    def beside(self, window: Window) -> str:
        """Return the factors of a window's sum other than grid and kernel, as mathematics."""
        read = [f for f in window.term.factors if isinstance(f, Access | Apply)]
        gone = (window.grid, *window.kernel)
        rest = [f for i, f in enumerate(read) if i not in gone]
        style = replace(self.style, variables=window.free)
        return "\\,".join(style.factor(f, window.taps) for f in rest)

    def where(self, window: Window, p: Product) -> Index:
        """Return the place on the grid that a product reads."""
        access = accesses(window.term)[window.grid]
        return tuple(p.reads[window.grid].index[a] for a in window.axes(access))

    def role(self, e: TensorEntry | None) -> str:
        """Return the role of an entry."""
        return self.role_of(e.tensor if e else "")

    def role_of(self, name: str) -> str:
        """Return the role of a free tensor."""
        if name == f"grad_{self.forward.target.name}":
            return "gradient"
        return "input" if name == self.operand.name else "weight"

    def taps(self) -> dict[str, str]:
        """Return the role of each weight; its own, if there are enough roles."""
        window = self.forward
        found = {
            self.weight(window, p): self.tap(window, p)
            for point in window.points(self.env)
            for p in self.products(window, point)
        }
        roles = TAP_ROLES if len(found) <= len(TAP_ROLES) else ["quiet"] * len(found)
        return dict(zip(sorted(found, key=lambda w: found[w]), roles, strict=False))

    def tap(self, window: Window, p: Product) -> Index:
        """Return the index of the tap that a product reads."""
        found = [p.reads[i].entry for i in window.kernel]
        return tuple(i for e in found if e for i in e.index)

    @cached_property
    def links(self) -> tuple[tuple[Index, Index, str], ...]:
        """Return (place on the grid, output, weight) for each product that is not zero."""
        window = self.forward
        return tuple(
            (self.where(window, p), point, self.weight(window, p))
            for point in window.points(self.env)
            for p in self.products(window, point)
            if not p.is_zero
        )

    @property
    def simple(self) -> bool:
        """Say whether an input contributes to an output by one product at most."""
        return len({(x, y) for x, y, _ in self.links}) == len(self.links)

    def inputs(self) -> list[Index]:
        """Return the places of the grid's entries."""
        shape = [self.operand.shape[a] for a in self.axes[self.operand.name]]
        return list(product(*(range(integer(n, self.env)) for n in shape if n is not None)))

    def outputs(self) -> list[Index]:
        """Return the indices of the outputs."""
        return list(self.forward.points(self.env))

    def larger(self, more: int, fixed: Collection[str]) -> SampledLayer:
        """Return the layer with a larger grid and the same number of windows.

        Args:
            more: by how many places each axis is longer.
            fixed: the names of sizes that do not change.

        """
        env = dict(self.env)
        for axis in self.windowed.axes:
            growing = isinstance(axis.places, Symbol) and str(axis.places) not in fixed
            if growing and axis.places not in (axis.output, axis.steps):
                env[str(axis.places)] += more
        return replace(self, env=env)

    def left_out(self) -> list[Index]:
        """Return the inputs that contribute to no output."""
        fed = {x for x, _, _ in self.links}
        return [x for x in self.inputs() if x not in fed]

    def weights(self, x: Index) -> list[str]:
        """Return the weights by which an input is multiplied."""
        return [w for a, _, w in self.links if a == x]

    def tooltip(self, x: Index, y: Index, w: str) -> str:
        """Say which entry contributes to which output, with which weight."""
        name, target = self.operand.name, self.forward.target.name
        return f"{self.label(name, x)} contributes to {self.label(target, y)} with weight {w}"

    def chosen(self) -> Index:
        """Return the middle one of the inputs that contribute to the most outputs."""
        count = Counter(x for x, _, _ in self.links)
        most = max(count.values())
        best = [x for x in self.inputs() if count[x] == most]
        return best[len(best) // 2]

    def delta(self, x: Index) -> str:
        """Write out the gradient with respect to one input, a summand for each output."""
        target = f"grad_{self.forward.target.name}"
        parts = [f"{self.label(target, y)}\\, {w}" for a, y, w in self.links if a == x]
        inner = " + ".join(parts) or "0"
        applied = application(self.covered)
        value = self.label(self.operand.name, x)
        left = f"\\partial {self.style.symbols.loss} / \\partial {value}"
        if applied is None or not applied.entrywise:
            return f"${left} = {inner}$"
        primed = self.style.function(applied.operator, 1)
        return f"${left} = ({inner})\\, {primed}({value})$"


def sampled_layer(
    layer: Layer,
    sizes: Mapping[str, int] | None = None,
    stride: int = 1,
    symbols: Symbols = DEEP_LEARNING,
) -> SampledLayer:
    """Return a layer at small sizes.

    Args:
        layer: the layer.
        sizes: sizes and parameters by name; the others are chosen.
        stride: the value of the parameters in the stride.
        symbols: the notation.

    Raises:
        ValueError: the layer is not a window over a grid, or has no such size.

    """
    windowed = windowed_layer(layer)
    try:
        back = backward(layer)
    except ValueError:
        back = None
    style = letters(input_gradient(layer), symbols)
    return SampledLayer(windowed, back, sample_sizes(windowed, sizes, stride), style)
