"""A call of a layer as tests see it: shapes, parameters, arrays and the exact result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rot180.codegen.audit.products import Array, small_integers
from rot180.codegen.audit.questions import Env, Question
from rot180.codegen.audit.targets import neutral
from rot180.derive.semantics.model import integer


@dataclass(frozen=True, repr=False)
class LayerCall:
    """Sizes and parameters of a call that fit each other.

    Attributes:
        question: the layer, and what of it is asked.
        env: the value of each size and parameter of its definition.

    """

    question: Question
    env: Env

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array of the call, by its name."""
        q = self.question
        return {q.array_name(t): q.shape(t, self.env) for t in q.reads}

    @property
    def keywords(self) -> dict[str, Any]:
        """Return the other arguments of the call: strides, paddings and so on."""
        return self.question.keywords(self.env)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Return the shape of the result."""
        return self.question.shape(self.question.result, self.env)

    @property
    def symmetric(self) -> bool:
        """Say whether both ends of each axis have the same padding, and none is cropped."""
        return all(low == high >= 0 for low, high in self.keywords.get("padding", ()))

    @property
    def uniform(self) -> bool:
        """Say whether each stride, padding and dilation is the same on all axes."""
        sizes = (value for word, value in self.keywords.items() if _is_parameter(word))
        return all(len(set(value)) == 1 for value in sizes if isinstance(value, tuple))

    def without(self, *words: str) -> bool:
        """Say whether parameters have the values at which they change nothing.

        Args:
            words: their names: "dilation", "groups".

        """
        return all(neutral(word, self.keywords[word]) for word in words if word in self.keywords)

    def arrays(self, seed: int = 0, dtype: str = "float64") -> dict[str, Array]:
        """Return arrays of small integers, none of them 0, whose sums come out exactly.

        Args:
            seed: draws other integers.
            dtype: what they are stored in.

        """
        rng, q, out = np.random.default_rng(seed), self.question, dict[str, Array]()
        for t in q.reads:
            below, shape = q.below.get(t.name), q.shape(t, self.env)
            drawn: Array = small_integers(rng, shape).astype(dtype)
            if below is not None:
                drawn = rng.integers(0, max(1, integer(below, self.env)), shape)
            out[q.array_name(t)] = drawn
        return out

    def expected(self, arrays: Mapping[str, Array]) -> Array:
        """Return the result by the definition: for a sum in the arithmetic of the arrays.

        Args:
            arrays: those of the call, by their names.

        Raises:
            ValueError: a program has no value there.

        """
        q = self.question
        flat = {q.key(t): np.asarray(arrays[q.array_name(t)]).reshape(-1) for t in q.reads}
        found = q.expected(self.env)
        return found.numbers(flat).reshape(self.result_shape)

    @property
    def label(self) -> str:
        """Return a name for it: shapes and parameters, those without effect left out."""
        shapes = ("x".join(map(str, shape)) for shape in self.shapes.values())
        words = (
            f"{word}={_short(value)}"
            for word, value in self.keywords.items()
            if not neutral(word, value)
        )
        return "-".join([*shapes, *words])

    def __repr__(self) -> str:
        given = {**self.shapes, **self.keywords}
        return f"<{self.question.name}: {', '.join(f'{w}={v}' for w, v in given.items())}>"


def _is_parameter(word: str) -> bool:
    """Say whether an argument is a parameter, and no size of an array."""
    return not word.endswith(("_size", "_shape"))


def _short(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ",".join(":".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)
