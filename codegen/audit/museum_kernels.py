"""The code in the museum as functions that an audit can judge: they compute the wrong expressions.

A function takes what the code took. It raises `NotImplementedError` where the code had no such
parameter, or where the sizes are none that a framework gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr

from rot180.codegen.audit.judge import Judge
from rot180.codegen.audit.museum import (
    Entry,
    Number,
    completed,
    defaults,
    fixed,
    number,
    sizes,
    varied,
)
from rot180.codegen.audit.products import Array, Sum, sum_of
from rot180.codegen.audit.questions import Question, question
from rot180.codegen.audit.targets import JudgedFunction
from rot180.codegen.audit.tolerance import Precision
from rot180.codegen.kernels.names import name as python_name
from rot180.codegen.kernels.public_api import LAYERS
from rot180.codegen.kernels.public_shapes import public_box
from rot180.derive.language.layers import axis_letters
from rot180.derive.language.polynomial import monomials
from rot180.derive.language.programs import read
from rot180.derive.language.terms import Tensor
from rot180.derive.semantics.model import integer

SHIPPED = {"conv1d": "conv1d", "conv1d_grouped": "conv1d", "conv_transpose1d": "conv_transpose1d"}
"""The public layer as which a layer of the catalogue is judged."""

PARAMETERS = ("s", "d", "lo", "op", "G", "K")
"""What code may not support; K where the filter is no array that has it as its size."""


@dataclass(frozen=True)
class WrongCode:
    """The code of an entry.

    Attributes:
        entry: the entry.

    """

    entry: Entry

    @cached_property
    def question(self) -> Question:
        """Return what an audit asks of it."""
        source, operand, _ = self.entry.judged
        source = SHIPPED.get(source, source)
        shipped = next((e for e in LAYERS if e.name == source), None)
        return question(source, shipped.arguments[operand] if shipped and operand else operand)

    @cached_property
    def _wrong(self) -> Tensor:
        return read(self.entry.judged[2]).output

    @cached_property
    def _sum(self) -> Sum:
        return sum_of(self._wrong)

    @cached_property
    def _sizes(self) -> tuple[str, ...]:
        return tuple(dict(sizes(self.entry)))

    @property
    def target(self) -> JudgedFunction:
        """Return it as a target."""
        q, supported = self.question, {*varied(self.entry), *fixed(self.entry)}
        words = {q.array_name(t) for t in q.reads}
        if q.entry and q.entry.window:
            given = {*supported, *dict(sizes(self.entry))}
            words |= {p.name for p in q.entry.window.parameters if p.letter in given}
            words.add(f"{q.entry.arguments.get(q.wrt, '')}_size")
        else:
            words |= {python_name(v.name) for v in q.layer.parameters}
            words.add(f"{python_name(q.result.name)}_shape")
        return JudgedFunction(f"museum:{self.entry.key}", self._call, frozenset(words))

    def judge(self, seed: int = 0) -> Judge:
        """Return a judge of it, in float64.

        Args:
            seed: draws other configurations and numbers.

        """
        double = Precision("float64", "float64")
        return Judge(self.question, self.target, (double,), seed, frozenset(self.entry.masks))

    def _call(self, **given: Any) -> Array:
        env = self._letters(given)
        q = self.question
        arrays = {q.key(t): given[q.array_name(t)] for t in q.reads}
        found = self._sum.products(env).sum(arrays)
        merged = public_box(self._wrong, True) if q.entry else self._wrong.shape
        return found.reshape([max(0, integer(n, env)) for n in merged if n is not None])

    def _letters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the sizes and parameters of a call by their letters.

        Raises:
            NotImplementedError: the code does not support them, or they do not fit each other.

        """
        q, env = self.question, self._parameters(given)
        shapes = [(t, given[q.array_name(t)].shape) for t in q.reads]
        word = f"{q.entry.arguments.get(q.wrt, '')}_size" if q.entry else ""
        size = given.get(word or f"{python_name(q.result.name)}_shape")
        shapes += [(q.result, size)] if size is not None else []
        for t, shape in shapes:
            _solve(public_box(t, True) if q.entry else t.shape, shape, env)
        if min(env.get("s", 1), env.get("d", 1)) < 1:
            raise NotImplementedError("a stride or a dilation below 1")
        for v in PARAMETERS:
            own = fixed(self.entry).get(v, defaults().get(v))
            limited = v not in varied(self.entry) and v not in dict(sizes(self.entry))
            if v in env and own is not None and limited and _beyond(env[v], own):
                raise NotImplementedError(f"{v} = {env[v]}")
        try:
            computed = completed(self.entry, env)
            free = {v: n for v, n in env.items() if v not in (*self._sizes, "hi")}
            follow = completed(self.entry, free)
        except ZeroDivisionError as error:
            raise NotImplementedError(str(error)) from error
        for v in self._sizes if q.entry is None else {"hi"} - {*self._sizes}:
            if v in env and env[v] != follow[v]:
                raise NotImplementedError(f"{v} = {env[v]}, not {follow[v]}")
        for limit in self.entry.limits:
            if number(limit, computed) < 0:
                raise NotImplementedError(f"{limit} < 0")
        return computed

    def _parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        q = self.question
        if q.entry is None:
            letters = {python_name(v.name): v.name for v in q.layer.parameters}
            return {letters[word]: n for word, n in given.items() if word in letters}
        window, env = q.entry.window, dict[str, Any]()
        assert window is not None
        (axis,) = axis_letters(window.rank)
        for p in window.parameters:
            value = given.get(p.name, p.default)
            first = value[0] if isinstance(value, tuple) else value
            if p.letter == "lo":
                env["lo"], env["hi"] = first if isinstance(first, tuple) else (first, first)
            else:
                env[p.letter] = first
        assert (axis.stride, axis.dilation, axis.low) == ("s", "d", "lo")
        return env


def _solve(box: Iterable[Expr | None], shape: Iterable[int], env: dict[str, Any]) -> None:
    """Add the sizes that a shape determines: n on an axis N, n / G on an axis C*G."""
    pairs = [(next(iter(monomials(e))), n) for e, n in zip(box, shape, strict=True) if e]
    for monomial, n in sorted(pairs, key=lambda pair: len(pair[0])):
        names = [v for v, _ in monomial]
        for v in [v for v in names if v not in env][:1]:
            env[v] = n
            for other in names:
                env[v] //= env[other] if other != v else 1


def _beyond(n: int, own: Number) -> bool:
    """Say whether a parameter is not what it is in an entry: neutral there, or not."""
    return n != own if own in (0, 1) else n < own
