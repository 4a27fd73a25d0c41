"""A layer at small sizes: which entries meet, and what they are called in a picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from sympy import Integer, Symbol

from rot180.codegen.figures.colors import TAPS
from rot180.codegen.figures.expand import Entry, Env, Place, Product, accesses, integer
from rot180.codegen.figures.sample_sizes import illustration
from rot180.codegen.figures.windows import (
    Moving,
    Window,
    backward,
    input_gradient,
    moving,
    source,
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
class Specimen:
    """A layer at small sizes, with the names that its entries have in a picture.

    Attributes:
        moved: the layer as a window.
        backward: its input gradient as a window; None where that is none.
        env: the sizes and parameters.
        style: how a document writes names.

    """

    moved: Moving
    backward: Window | None
    env: Env
    style: Letters
    _memo: dict[tuple[str, Place], list[Product]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def products(self, window: Window, point: Place) -> list[Product]:
        """Write a window's sum out at a point of its free indices."""
        key = (window.target.name, point)
        if key not in self._memo:
            self._memo[key] = window.products(self.env, point)
        return self._memo[key]

    @property
    def forward(self) -> Window:
        """Return the window of the forward pass."""
        return self.moved.forward

    @property
    def parameters(self) -> tuple[Symbol, ...]:
        """Return the parameters of the layer."""
        return self.moved.layer.parameters

    @property
    def covered(self) -> Tensor:
        """Return what the forward window covers."""
        return accesses(self.forward.term)[self.forward.grid].tensor

    @property
    def axes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the axes of each free tensor that are shown."""
        window, definition = self.forward, self.moved.layer.output.definition
        assert definition is not None
        found = {source(a.tensor).name: window.axes(a) for a in accesses(window.term)}
        out = tuple(i for i, v in enumerate(definition.formals) if v in window.free)
        return {**found, window.target.name: out, f"grad_{window.target.name}": out}

    def tensor(self, t: Tensor | str) -> str:
        """Return a tensor as mathematics; the gradient by x as ``dx``.

        Args:
            t: the tensor, or the name of one that is no operator's.

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
        return known.get(by, f"d{self.style.tensor(by)}")

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

    def entry(self, e: Entry | None) -> str:
        """Return an entry of a free tensor as mathematics, functions of it left out."""
        return "0" if e is None else self.label(e.tensor, (e.index[a] for a in self.axes[e.tensor]))

    def weight(self, window: Window, p: Product) -> str:
        """Return what a product multiplies its grid's entry by: a tap, or a number."""
        shown = [self.entry(p.mets[i].entry) for i in window.kernel]
        shown = shown if p.coefficient == 1 and shown else [str(p.coefficient), *shown]
        return "\\,".join(shown)

    def beside(self, window: Window) -> str:
        """Return what every product of a window has besides grid and kernel, as mathematics."""
        read = [f for f in window.term.factors if isinstance(f, Access | Apply)]
        gone = (window.grid, *window.kernel)
        rest = [f for i, f in enumerate(read) if i not in gone]
        style = replace(self.style, variables=window.free)
        return "\\,".join(style.factor(f, window.taps) for f in rest)

    def where(self, window: Window, p: Product) -> Place:
        """Return the place on the grid at which a product reads."""
        access = accesses(window.term)[window.grid]
        return tuple(p.mets[window.grid].place[a] for a in window.axes(access))

    def role(self, e: Entry | None) -> str:
        """Return what an entry's tensor stands for."""
        return self.role_of(e.tensor if e else "")

    def role_of(self, name: str) -> str:
        """Return what a free tensor stands for."""
        if name == f"grad_{self.forward.target.name}":
            return "gradient"
        return "input" if name == self.moved.swept.name else "weight"

    def taps(self) -> dict[str, str]:
        """Return the role of each weight that the forward pass uses, if they can be told apart."""
        window = self.forward
        found = {
            self.weight(window, p): self.tap(window, p)
            for point in window.points(self.env)
            for p in self.products(window, point)
        }
        roles = TAPS if len(found) <= len(TAPS) else ["quiet"] * len(found)
        return dict(zip(sorted(found, key=lambda w: found[w]), roles, strict=False))

    def tap(self, window: Window, p: Product) -> Place:
        """Return where in the kernel a product reads."""
        found = [p.mets[i].entry for i in window.kernel]
        return tuple(i for e in found if e for i in e.index)

    def feeds(self) -> list[tuple[Place, Place, str]]:
        """Return which entry of the grid feeds which output through which weight."""
        window = self.forward
        return [
            (self.where(window, p), point, self.weight(window, p))
            for point in window.points(self.env)
            for p in self.products(window, point)
            if not p.is_zero
        ]

    def inputs(self) -> list[Place]:
        """Return the places of the grid's entries."""
        shape = [self.moved.swept.shape[a] for a in self.axes[self.moved.swept.name]]
        return list(product(*(range(integer(n, self.env)) for n in shape if n is not None)))

    def outputs(self) -> list[Place]:
        """Return the indices of the outputs."""
        return list(self.forward.points(self.env))

    def larger(self, more: int, fixed: Collection[str]) -> Specimen:
        """Return the layer with a larger grid, but not with more windows.

        Args:
            more: by how many places each axis is longer.
            fixed: the names of sizes that stay.

        """
        env = dict(self.env)
        for axis in self.moved.axes:
            loose = isinstance(axis.places, Symbol) and str(axis.places) not in fixed
            if loose and axis.places not in (axis.output, axis.steps):
                env[str(axis.places)] += more
        return replace(self, env=env)

    def left_out(self) -> list[Place]:
        """Return the inputs that feed no output."""
        fed = {x for x, _, _ in self.feeds()}
        return [x for x in self.inputs() if x not in fed]

    def weights(self, x: Place) -> list[str]:
        """Return the weights through which an input feeds outputs."""
        return [w for a, _, w in self.feeds() if a == x]

    def says(self, x: Place, y: Place, w: str) -> str:
        """Say which entry feeds which output through which weight."""
        name, target = self.moved.swept.name, self.forward.target.name
        return f"{self.label(name, x)} feeds {self.label(target, y)} through {w}"

    def chosen(self) -> Place:
        """Return the input in the middle of those that feed the most outputs."""
        feeds = self.feeds()
        count = {x: sum(f[0] == x for f in feeds) for x in self.inputs()}
        best = [x for x, n in count.items() if n == max(count.values())]
        return best[len(best) // 2]

    def delta(self, x: Place) -> str:
        """Write the gradient by one input out, as the chain rule counts it."""
        target = f"grad_{self.forward.target.name}"
        parts = [f"{self.label(target, y)}\\, {w}" for a, y, w in self.feeds() if a == x]
        inner = " + ".join(parts) or "0"
        applied = application(self.covered)
        value = self.label(self.moved.swept.name, x)
        left = f"\\partial {self.style.symbols.loss} / \\partial {value}"
        if applied is None or not applied.entrywise:
            return f"${left} = {inner}$"
        primed = self.style.function(applied.operator, 1)
        return f"${left} = ({inner})\\, {primed}({value})$"


def specimen(
    layer: Layer,
    sizes: Mapping[str, int] | None = None,
    stride: int = 1,
    symbols: Symbols = DEEP_LEARNING,
) -> Specimen:
    """Put a layer at small sizes.

    Args:
        layer: the layer.
        sizes: sizes and parameters that are not left to us.
        stride: the parameters that say how far a step goes.
        symbols: the notation.

    Raises:
        ValueError: the layer is no window over a grid, or has no such size.

    """
    moved = moving(layer)
    try:
        back = backward(layer)
    except ValueError:
        back = None
    style = letters(input_gradient(layer), symbols)
    return Specimen(moved, back, illustration(moved, sizes, stride), style)
