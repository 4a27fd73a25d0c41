"""A block of a layer is the layer itself, on a window of each operand, with its padding moved.

A block is ``count`` values from ``first`` on of one index: of a free index, which gives a part of
the output, or of a summed one, which gives a summand of it. The theorem holds for every window that
covers what is read. Entries outside an operand are 0, so that what a window has there need not be
stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr, Symbol

from rot180.derive.blocks.cuts import Axis, Reads, cut
from rot180.derive.blocks.moves import movable
from rot180.derive.blocks.windows import ReadWindow, value
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer, unfolded_body
from rot180.derive.language.polynomial import normal, symbol, symbols_of
from rot180.derive.language.substitute import fresh, substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Expression,
    Factor,
    Range,
    Tensor,
    define,
    term,
)
from rot180.derive.search.prove import prove


@dataclass(frozen=True)
class LayerBlock:
    """A block of a layer.

    Attributes:
        layer: the layer.
        movable: the layer with a parameter in each index that a block moves.
        index: the index whose values are divided into blocks.
        first: the symbol of its first value.
        count: the symbol of the number of its values.
        size: the number of its values in all blocks.
        windows: what is read of each axis that is cut; other axes are read whole.
        moves: the values of the parameters that change.

    """

    layer: Layer
    movable: Layer
    index: Symbol
    first: Symbol
    count: Symbol
    size: Expr
    windows: tuple[ReadWindow, ...]
    moves: tuple[tuple[Symbol, Expr], ...]

    @property
    def summed(self) -> bool:
        """Return whether the index is summed, so that the output is the sum of the blocks."""
        assert self.layer.output.definition is not None
        return self.index not in self.layer.output.definition.formals

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """Return that the block is inside, and that the windows cover what is read."""
        inside = (AtLeast(self.first), AtLeast(normal(self.size - self.first - self.count)))
        return tuple(dict.fromkeys((*inside, *(c for w in self.windows for c in w.hypotheses))))

    @property
    def variables(self) -> Variables:
        """Return the free indices of the theorem with their sizes."""
        y = self.layer.output
        assert y.definition is not None
        sizes = zip(y.definition.formals, y.shape, strict=True)
        return tuple((v, self.count if v == self.index else n) for v, n in sizes)

    @property
    def part(self) -> Expression:
        """Return what the block is: entries of the output, or a part of its sums."""
        definition, at = self.layer.output.definition, {self.index: self.first + self.index}
        assert definition is not None
        if self.summed:
            inside = Range(normal(self.index - self.first), self.count)
            return tuple(replace(t, factors=(*t.factors, inside)) for t in definition.body)
        return (term(self.layer.output[tuple(at.get(v, v) for v in definition.formals)]),)

    @property
    def on_windows(self) -> Expression:
        """Return the layer with moved parameters, on windows of its operands."""
        assert self.movable.output.definition is not None
        operands = {t.name: self._window_of(t) for t in self.layer.tensors}
        new = {name: t for name, t in operands.items() if t.definition}
        moved = (substitute(t, dict(self.moves)) for t in self.movable.output.definition.body)
        return tuple(
            replace(t, factors=tuple(_with_operands(f, new) for f in t.factors)) for t in moved
        )

    def _window_of(self, operand: Tensor) -> Tensor:
        windows = {w.axis: w for w in self.windows if w.operand == operand.name}
        if not windows:
            return operand
        taken = names(self.layer) | {self.first, self.count}
        index = tuple(fresh(f"i{n}", taken) for n in range(len(operand.shape)))
        shape, at = list(operand.shape), list[Expr](index)
        for n, w in windows.items():
            shape[n], at[n] = normal(w.stop - w.start), normal(w.start + index[n])
        return define(f"{operand.name}_block", tuple(shape), index, (term(operand[tuple(at)]),))

    def at(self, **numbers: int) -> tuple[dict[Axis, range], dict[str, int]]:
        """Return what a block reads, and the parameters with which the layer computes it.

        Args:
            numbers: the block's first index and count, and every size and parameter by name.

        Returns:
            for each axis that is cut, as (operand, axis), the indices of its smallest window,
            which may reach outside the operand, where entries are 0; and the value of each
            parameter that changes, if the layer reads just these windows.

        Raises:
            ValueError: a number is missing.

        """
        return self._at(numbers, whole=True)

    def placed(self, numbers: Mapping[str, int]) -> tuple[dict[Axis, range], dict[str, int]]:
        """Return what a block reads of the arrays, and the numbers of the layer `inside` it.

        A window ends where its array does, since entries outside are 0, but has at least one index.

        Args:
            numbers: as for `at`.

        Raises:
            ValueError: a number is missing.

        """
        found, moved = self._at(numbers, whole=False)
        inside, sizes = self.inside
        lengths = {axis: len(window) for axis, window in found.items()}
        lengths |= {a: numbers[self.count.name] for a in sizes if a not in lengths}
        known = dict(numbers) | moved | {n.name: lengths[a] for a, n in sizes.items()}
        used = names(inside) | {v for t in (inside.output, *inside.tensors) for v in _sizes(t)}
        return found, {v.name: known[v.name] for v in used if v.name in known}

    def _at(
        self, numbers: Mapping[str, int], *, whole: bool
    ) -> tuple[dict[Axis, range], dict[str, int]]:
        known = dict(numbers)
        found: dict[Axis, range] = {}
        sizes = {t.name: t.shape for t in self.layer.tensors}
        try:
            for w in self.windows:
                ends = [(r.first(known), r.last(known)) for r in w.reaches]
                if not ends:
                    window = range(value(w.start, known), value(w.stop, known))
                else:
                    window = range(min(a for a, _ in ends), max(b for _, b in ends) + 1)
                    size = sizes[w.operand][w.axis]
                    assert size is not None
                    window = window if whole else _held(window, value(size, known))
                    known |= {str(w.start): window.start, str(w.stop): window.stop}
                found[w.operand, w.axis] = window
            return found, {p.name: value(e, known) for p, e in self.moves}
        except KeyError as error:
            word = error.args[0]
            expected = "the first index, the count, and each size and parameter by name"
            raise ValueError(f"{word}: missing, expected {expected}") from None

    @cached_property
    def inside(self) -> tuple[Layer, dict[Axis, Symbol]]:
        """Return the layer that computes a block, and the size of each axis that is cut.

        Axes that are cut have sizes of their own in it, so that it can be cut along another index.
        """
        y = self.movable.output
        assert y.definition is not None
        tensors = (y, *self.movable.tensors)
        taken = names(self.movable).union(*map(_sizes, tensors))
        count = fresh("B", taken)
        taken |= {count}
        sizes: dict[Axis, Symbol] = {}
        for w in self.windows:
            sizes[w.operand, w.axis] = fresh("Z", taken) if w.reaches else count
            taken |= {sizes[w.operand, w.axis]}
        if not self.summed:
            sizes[y.name, y.definition.formals.index(self.index)] = count
        shapes = {
            t.name: tuple(sizes.get((t.name, n), size) for n, size in enumerate(t.shape))
            for t in tensors
        }
        new = {t.name: replace(t, shape=shapes[t.name]) for t in self.movable.tensors}
        body = (
            replace(t, factors=tuple(_with_operands(f, new) for f in t.factors))
            for t in y.definition.body
        )
        output = define(y.name, shapes[y.name], y.definition.formals, tuple(body))
        return make_layer(output, self.layer.name), sizes

    @cached_property
    def theorem(self) -> Theorem:
        """Prove the block, for all sizes, parameters, blocks and windows that cover it.

        Raises:
            NotProvedError: no proof was found.

        """
        name = f"{self.layer.name or self.layer.output.name}.block_{self.index}"
        found = prove(self.part, self.on_windows, self.variables, self.hypotheses, name)
        words = "a block of the output" if not self.summed else "a block of the sum"
        return replace(found, words=f"{words} is the layer on windows of its operands")


def _held(window: range, size: int) -> range:
    """Return the part of a window that an axis has; one index if it has none."""
    first = max(min(max(window.start, 0), size - 1), 0)
    return range(first, max(min(window.stop, size), min(first + 1, size)))


def _sizes(t: Tensor) -> frozenset[Symbol]:
    return frozenset().union(*(symbols_of(n) for n in t.shape if n is not None))


def _with_operands(f: Factor, new: Mapping[str, Tensor]) -> Factor:
    """Return a factor that reads other operands of the same rank at the same index."""
    if isinstance(f, Access):
        return replace(f, tensor=new.get(f.tensor.name, f.tensor))
    if isinstance(f, Apply):
        old = f.argument.tensor
        return replace(f, argument=replace(f.argument, tensor=new.get(old.name, old)))
    return f


def names(layer: Layer) -> frozenset[Symbol]:
    """Return every name that a layer uses."""
    assert layer.output.definition is not None
    body, formals = layer.output.definition.body, layer.output.definition.formals
    used = frozenset().union(*(t.symbols for t in body), formals, layer.output.parameters)
    return used | {symbol(t.name) for t in (layer.output, *layer.tensors)}


def block(layer: Layer, index: str, order: Sequence[str] = ()) -> LayerBlock:
    """Return a block of a layer along one of its indices.

    Args:
        layer: a layer of one definition.
        index: a free index of its output, or an index that every term sums.
        order: names of operands; where an equation links axes of two operands, the axis of the one
            that comes first here is cut (by default, in the layer), and the other is read whole.

    Raises:
        ValueError: the layer has no such index, or no operand can be cut along it.

    """
    y, v = layer.output, symbol(index)
    assert y.definition is not None
    formals, body = y.definition.formals, unfolded_body(y)
    if body != y.definition.body:
        y = define(y.name, y.shape, formals, body)
        layer = replace(layer, output=y)
    free = v in formals
    if not free and not all(v in t.variables for t in body):
        have = [u.name for u in (*formals, *body[0].variables)]
        raise ValueError(f"index: found {index!r}, expected one of {', '.join(have)}")
    taken = names(layer)
    first, count = fresh("first", taken), fresh("count", taken)
    operands = [t.name for t in layer.tensors]
    ranked = sorted(operands, key=lambda n: list(order).index(n) if n in order else len(order))
    found = cut(layer, v, (first, normal(first + count - 1)), ranked, taken | {first, count})
    size = y.shape[formals.index(v)] if free else _summed_size(layer, found)
    if size is None or not found.windows:
        raise ValueError(f"index: found {index!r}, along which no operand can be cut")
    new, moves = movable(layer, v, first, found, taken | {first, count})
    windows = tuple(found.windows.values())
    return LayerBlock(layer, new, v, first, count, size, windows, tuple(moves.items()))


def _summed_size(layer: Layer, found: Reads) -> Expr | None:
    """Return the size of the axis whose window is the block of a summed index, if there is one."""
    shapes = {t.name: t.shape for t in layer.tensors}
    return next((shapes[w.operand][w.axis] for w in found.windows.values() if not w.reaches), None)
