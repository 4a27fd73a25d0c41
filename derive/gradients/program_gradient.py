"""Derives the gradients of a program by reverse mode: the chain rule from the last definition on.

The derivative of the loss is a sum of terms ``A * dT[e]/dx[h]``, one for each use of a defined
tensor T. When all uses of T are known, because every later definition was differentiated, they are
gathered to ``grad_T[j] * dT[j]/dx[h]``, where ``grad_T`` is defined as the sum of all A. Then T is
differentiated in turn. So every definition is differentiated once, whatever uses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients.cancelling import relatable, shorten
from rot180.derive.gradients.cost import Cost, chain_through
from rot180.derive.gradients.folding import fold_definitions, open_boxes
from rot180.derive.gradients.gathering import derivative_places, gather
from rot180.derive.gradients.gradient import (
    chain_goal,
    divisor_hypotheses,
    free_index,
    operand,
    output_gradient,
)
from rot180.derive.gradients.naming import name_sum
from rot180.derive.gradients.segments import behind, cut, segment
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import denominator, symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.substitute import free_tensors, fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Expression,
    Tensor,
    tensors,
    term,
)
from rot180.derive.search.derivation import Derivation, factors_of
from rot180.derive.search.rewriting import (
    collect,
    drop_implied,
    sift,
    use_equations,
)


def program_gradient(
    program: Program, wrt: str, named: bool = False, cost: Cost | None = None
) -> Theorem:
    """Derive dL/d(operand) of a whole program, in terms of the gradients by its definitions.

    Args:
        program: the definitions.
        wrt: the name of an operand.
        named: whether sums that are instances of operators are written as these.
        cost: what is differentiated; None for any loss L of the output.

    Raises:
        ValueError: the program has no such operand.

    """
    x = operand(program, wrt)
    if (y := cut(program, x)) is not None:
        return _through(program, x, y, named, cost)
    if plain := cost is None:
        variables, goal = chain_goal(program, x)
        needed = divisor_hypotheses(program.definitions)
        d = Derivation(_name(program, x), variables, needed, goal)
        back = Differentiation(d, program, x, [output_gradient(program)], named)
        d.apply("linearity", factor=0)
    else:
        back = _composed(program, x, program.output, cost.theorem, named, cost)
    back.differentiate()
    for t in reversed(program.definitions):
        if not (plain and t == program.output):
            back.gather(t)
        back.differentiate(t)
    return back.theorem()


def _name(program: Program, x: Tensor) -> str:
    return f"{program.name or 'program'}.grad_{x.name}"


def gradient_name(name: str) -> str:
    """Return the name of the gradient by a definition."""
    return f"grad_{name}"


def _composed(
    program: Program, x: Tensor, y: Tensor, known: Theorem, named: bool, cost: Cost | None
) -> Differentiation:
    """Begin with the chain rule through a definition, by which the gradient is known."""
    index = free_index(program, x) if cost is None else cost.letters[x.name]
    needed = divisor_hypotheses(program.definitions)
    d = chain_through(known, y, x[index], _name(program, x), needed)
    back = Differentiation(d, program, x, [], named, cost.called if cost else gradient_name)
    made = {back.called(t.name) for t in program.definitions}
    inside = (f.tensor for _, _, f in factors_of(d.current, Access) if isinstance(f, Access))
    back.gradients += [u for u in dict.fromkeys(inside) if u.name in made]
    return back


def _through(
    program: Program, x: Tensor, y: Tensor, named: bool, cost: Cost | None
) -> Theorem:
    """Derive a gradient from that by a definition y, which many cite, and the way from y to x."""
    known = _shared(program.name, behind(program, y), y.name, named, cost)
    back = _composed(program, x, y, known, named, cost)
    back.gather(y)
    d = back.d
    if not derivative_places(d.current, y):
        return back.theorem()
    (t,) = d.current
    n = derivative_places(d.current, y)[0][1]
    g = t.factors[1 - n]
    assert isinstance(g, Access) and len(t.factors) == 2
    part, free = segment(program, x, y)
    index = tuple(v for v, _ in d.statement.variables)
    local = _adjoint(part, x[index], back.called, named)
    d.apply(
        "lemma", theorem=local.proof, symbols=(), bound=g.index, factors=(1 - n, n),
        tensors=((back.called(y.name), g.tensor), *free.items()),
    )  # fmt: skip
    words = re.sub(rf"\b{back.called(y.name)}\b", g.tensor.name, local.words)
    return replace(replay(d.proof()), words=words)


def _adjoint(program: Program, wrt: Access, called: Callable[[str], str], named: bool) -> Theorem:
    """Derive ``sum_i g[i] dy[i]/dx[h]`` for the output y of a program and a free tensor g."""
    x, y, index = wrt.tensor, program.output, tuple(v for v in wrt.index if isinstance(v, Symbol))
    assert y.definition is not None
    g, places = Tensor(called(y.name), y.shape), list[Symbol]()
    for v in y.definition.formals:
        places.append(fresh(v, {*index, *places, *x.parameters, *y.parameters}))
    at = tuple(places)
    start = (term(g[at], Derivative((y[at],), wrt), over=at),)
    name = f"{program.name or 'program'}.{y.name}_by_{x.name}"
    variables = tuple(zip(index, x.shape, strict=True))
    d = Derivation(name, variables, divisor_hypotheses(program.definitions), start)
    back = Differentiation(d, program, x, [g], named, called)
    for t in reversed(program.definitions):
        if t != y:
            back.gather(t)
        back.differentiate(t)
    return back.theorem()


@lru_cache(maxsize=128)
def _shared(_name: str, later: Program, wrt: str, named: bool, cost: Cost | None) -> Theorem:
    """Cache a gradient that others cite; programs that differ in their names are equal."""
    return program_gradient(later, wrt, named, cost)


def compact_gradient(program: Program, theorem: Theorem) -> Theorem | None:
    """Continue the proof of a gradient until the gradients by definitions are unfolded.

    Softmax has such a form, ``y * (g - sum g * y)``: the products that are left are folded into the
    definitions of the program. Nothing is looked up.

    Args:
        program: the definitions.
        theorem: what `program_gradient` returned.

    Returns:
        the theorem; None if nothing is to be unfolded, or if the right side is not shorter than
        with the gradients by definitions.

    """
    names = {f"grad_{t.name}" for t in program.definitions}
    inside = [t.definition for t in tensors(theorem.rhs) if t.name in names and t.definition]
    if not inside:
        return None
    most = _length(theorem.rhs) + sum(1 + _length(made.body) for made in inside)
    d = Derivation.continuing(theorem, f"{theorem.proof.name}.compact")
    while place := next(_gradients(d.current, names), None):
        d.apply("definition", place[0], factor=place[1])
        if len(d.current) > most:
            return None
    shorten(d, program.definitions)
    return replay(d.proof()) if _length(d.current) < most else None


def _length(e: Expression) -> int:
    """Return the number of factors."""
    return sum(len(t.factors) for t in e)


def _gradients(e: Expression, names: Collection[str]) -> Iterator[tuple[int, int]]:
    for at, n, f in factors_of(e, Access):
        if isinstance(f, Access) and f.tensor.definition is not None and f.tensor.name in names:
            yield at, n


@dataclass
class Differentiation:
    """A derivation of the gradient of a program.

    Attributes:
        d: the derivation.
        program: the definitions.
        x: the operand.
        gradients: the gradients by later definitions, that by the output first.
        named: whether operators are named.
        called: returns the name of the gradient by a definition, from the name of that.

    """

    d: Derivation
    program: Program
    x: Tensor
    gradients: list[Tensor] = field(default_factory=list)
    named: bool = False
    called: Callable[[str], str] = gradient_name

    @property
    def consumers(self) -> dict[Tensor, Tensor]:
        """Return each gradient with its definition, if operators are to be named."""
        made = {self.called(t.name): t for t in self.program.definitions}
        return {g: made[g.name] for g in self.gradients} if self.named else {}

    def gather(self, t: Tensor) -> None:
        """Gather the derivatives of a definition, and name its gradient."""
        found = gather(self.d, t, self.called(t.name), self.gradients, self.consumers)
        self.gradients += [] if found is None else [found]

    def differentiate(self, t: Tensor | None = None) -> None:
        """Differentiate the definition of a tensor, down to derivatives of other definitions."""
        d = self.d
        if t is not None:
            for at, n in reversed(derivative_places(d.current, t)):
                d.apply("linearity", at, factor=n)
        while found := next(self._steps(), None):
            at, n, rule = found
            if rule == "lemma":
                self._vanish(at, n)
            else:
                d.apply(rule, at, factor=n)
        collect(d)
        self._relate()

    def _steps(self) -> Iterator[tuple[int, int, str]]:
        """Yield the derivatives that can be evaluated, those of free tensors first."""
        later = []
        for at, n, f in factors_of(self.d.current, Derivative):
            assert isinstance(f, Derivative)
            inside = f.factors[0] if len(f.factors) == 1 else None
            if isinstance(inside, Access):
                u = inside.tensor
                if u.definition is None:
                    yield at, n, "entry"
                elif self.x.name not in free_tensors((term(inside),)):
                    yield at, n, "lemma"
                elif u not in self.program.definitions:
                    later.append((at, n, "linearity"))
            else:
                later.append((at, n, "chain" if isinstance(inside, Apply) else "leibniz"))
        yield from later

    def _vanish(self, at: int, n: int) -> None:
        """Drop a derivative of a definition that does not contain the operand."""
        t = self.d.current[at]
        f = t.factors[n]
        assert isinstance(f, Derivative)
        (inside,) = f.factors
        assert isinstance(inside, Access)
        scale = sp.Rational(1, denominator(t.coefficient))
        known, free, places = _constant(self.program, inside.tensor, f.wrt, self.d, scale)
        symbols = tuple(zip(places, inside.index, strict=True))
        if missing := open_boxes(self.d, at, (n,), inside):
            self.d.apply("bracket", at, drop=(), add=missing)
            n = self.d.current[at].factors.index(f)
        self.d.apply(
            "lemma", at, theorem=known, symbols=symbols, tensors=((free.name, inside.tensor),),
            bound=(), factors=(n,),
        )  # fmt: skip

    def _relate(self) -> None:
        """Replace the derivatives of functions that are one product of functions."""
        while found := next(relatable(self.d.current), None):
            self.d.apply("relate", found[0], factor=found[1])
        fold_definitions(self.d, self.program.definitions)

    def theorem(self) -> Theorem:
        """Evaluate what is left, name the operators in it, and replay the proof."""
        self.finish()
        words = self.name()
        return replace(replay(self.d.proof()), words=words)

    def finish(self) -> None:
        """Evaluate what is left: sums over equations, and brackets that others imply."""
        d = self.d
        drop_implied(d)
        sift(d, self.gradients)
        use_equations(d)
        drop_implied(d)
        collect(d)
        fold_definitions(d, self.program.definitions)

    def name(self) -> str:
        """Name the operators in the result; return words for it if it is one sum."""
        words = ""
        for at, t in enumerate(self.d.current):
            variables = self.d.statement.variables
            index = [v for v, _ in variables]
            words = name_sum(
                self.d, at, range(len(t.factors)), index, variables, self.consumers
            )  # fmt: skip
        plain = len(self.d.current) == 1 and self.d.current[0].coefficient == 1
        return words if plain else ""


def _constant(
    program: Program, t: Tensor, wrt: Access, d: Derivation, scale: Expr
) -> tuple[Proof, Tensor, tuple[Symbol, ...]]:
    """Prove that a free tensor with the box of a given one does not depend on an operand.

    Returns:
        the proof, the free tensor that it is about, and the index of that.

    """
    own = tuple((v, n) for v, n in d.statement.variables if v in wrt.index)
    taken = {v for v, _ in own} | t.parameters | wrt.tensor.parameters
    places = list[Symbol]()
    for n in range(len(t.shape)):
        places.append(fresh(f"i{n}", taken | set(places)))
    index = tuple(places)
    others = {symbol(name) for name, u in d.table.items() if u != Tensor(name, t.shape)}
    free = Tensor(fresh("constant", others).name, t.shape)
    name = f"{program.name or 'program'}.{t.name}_without_{wrt.tensor.name}"
    known = (*zip(index, t.shape, strict=True), *own)
    inner = Derivation(name, known, (), (term(Derivative((free[index],), wrt), coefficient=scale),))
    inner.apply("entry", factor=0)
    return inner.proof(), free, index
