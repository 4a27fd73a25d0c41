"""Draws programs: what the language can say, in terms of operands and of earlier definitions."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

SIZES = {"N": 2, "I": 3, "J": 4}
OPERANDS = (("a", "ni"), ("b", "nj"), ("c", "ij"), ("d", "i"), ("u", ""))
MOVES = ("{}+1", "{}-1", "2*{}", "{} // 2", "{} % 2", "{} // s", "{} % s")
MODES = ("circular({}+1)", "reflect({}-1)", "replicate({}+1)")
"""What an index becomes; each of the latter makes three terms of one."""

POLYNOMIAL = {
    "sum": "{one} + 2 * {other}",
    "difference": "r * {one} - 1/2 * {other}",
    "maximum": "{two}[{over}] {wide} + {one}",
    "product": "prod[{over}] {wide} - {one}",
    "larger": "{two}({one}, {other}, 1) - abs({one} - 2)",
    "square": "({one} - 3)^2 * 1/4",
    "cube": "({one})^3 - 0.5 * {other}",
}
"""Definitions whose values are rational, by kind; those of polynomials, maxima and minima."""

SMOOTH = {
    "function": "{function}(1/2 * {one} - {other}) * u[]",
    "maximum": "{two}[{over}] {wide} + tanh({one})",
    "root": "tanh({one}) * rsqrt(1 + ({other})^2)",
    "gauss": "exp(1 - ({one})^2)",
    "quotient": "({one}) / (2 + ({other})^2)",
    "table": "r * {one} + {table} * 0.3",
    "unbounded": "{unbounded}(1/2 * {one} - 0.1 * {other}) * u[]",
    "powers": "(1 + ({one})^2)^(1/2) - 1/3 * (2 + ({other})^2)^-2",
    "any power": "(1 + ({one})^2)^p[]",
}
"""The others."""

BOUNDED = ("function", "maximum", "root", "gauss")
GROWING = ("square", "cube", "product", "powers", "any power")
"""Kinds that definitions of any number may have, and kinds that only the first ones have."""

FEW, FIRST = 4, 2
"""The definitions after which kinds are bounded: repeated products would overflow; first ones."""

PATTERN = 3
"""Of this many programs, one is rational."""


def is_rational(seed: int, most: int = FEW) -> bool:
    """Say whether the values of a program are rational where those of its operands are."""
    return most <= FEW and seed % PATTERN == 0


def drawn_program(seed: int, most: int = FEW) -> str:
    """Return the text of a program in which every definition is used.

    Args:
        seed: the same program for the same one.
        most: the most definitions before the last.

    """
    return _Draw(seed, most).program(most)


class _Draw:
    """The definitions of a program so far, and what is drawn for the next one.

    Attributes:
        pool: the tensors that may be read, each with its indices.

    """

    def __init__(self, seed: int, most: int) -> None:
        self.rng = random.Random(seed)
        self.pool = list(OPERANDS)
        self.kinds = dict(POLYNOMIAL if is_rational(seed, most) else POLYNOMIAL | SMOOTH)
        self.smooth = not is_rational(seed, most)
        self.declared = self.rng.random() < 0.8

    def program(self, most: int) -> str:
        """Return the program."""
        unused: list[tuple[str, str]] = []
        lines = []
        for number in range(self.rng.randint(1, most)):
            some = self.rng.sample("nij", self.rng.randint(0, 2))
            formals = "".join(v for v in "nij" if v in some)
            name = f"t{number}"
            lines.append(f"{_entry(name, formals)} = {self.expression(formals, number)}")
            self.pool.append((name, formals))
            unused = [p for p in unused if p[0] + "[" not in lines[-1]] + [(name, formals)]
        terms = [self.term([one], "n") for one in unused]
        terms.append(self.term([self.rng.choice(self.pool), self.rng.choice(self.pool)], "n"))
        body = [*lines, f"y[n] = {' + '.join(terms)}"]
        words = set(re.findall(r"\w+(?=\[)", " ".join(body)))
        known = [p for p in (*self.pool, ("y", "n")) if p[0] in words and p[1]]
        sizes = [_entry(name, indices.upper()) for name, indices in known]
        return "; ".join([*(sizes if self.declared else ()), *body])

    def term(self, entries: Sequence[tuple[str, str]], formals: str) -> str:
        """Return the product of some entries, summed over the indices that are not free."""
        inside = sorted({v for _, indices in entries for v in indices} - {*formals})
        factors = [self.entry(*one, formals, inside) for one in entries]
        product = " * ".join(factors)
        free = [v for v in inside if not _has(factors, v)]
        over = [v for v in inside if v not in free]
        return f"sum[{','.join(over)}] {product}" if over else product

    def entry(self, name: str, indices: str, formals: str, inside: Sequence[str]) -> str:
        """Return an entry; where sizes are declared, it may be read beside an index."""
        moves = self.declared
        return _entry(name, [self.index(v, formals, inside) if moves else v for v in indices])

    def index(self, v: str, formals: str, inside: Sequence[str]) -> str:
        """Return an index of the axis of a letter: it, a move of it, or an entry of integers."""
        drawn = self.rng.random()
        if drawn < 0.06 and formals:
            at = self.rng.choice(formals)
            return f"at_{v}{at}[{at}]"
        if v not in formals or drawn > 0.25:
            return v
        if inside and drawn < 0.1:
            return f"{v}+{self.rng.choice(inside)}"
        return self.rng.choice(MOVES if drawn < 0.21 else MODES).format(v)

    def expression(self, formals: str, number: int) -> str:
        """Return the right side of a definition."""
        rng = self.rng
        one, other = (self.term(rng.sample(self.pool, rng.randint(1, 2)), formals) for _ in "12")
        wide = [p for p in self.pool if {*p[1]} - {*formals}]
        name, indices = rng.choice(wide)
        kinds = [k for k in self.kinds if number < FIRST or k not in GROWING]
        kind = rng.choice(kinds if number < FEW else BOUNDED)
        return self.kinds[kind].format(
            one=one, other=other, two=rng.choice(("max", "min")), wide=_entry(name, indices),
            over=",".join(v for v in indices if v not in formals), table=self.table(formals),
            function=rng.choice(("tanh", "sigmoid", "tanh")),
            unbounded=rng.choice(("softplus", "silu", "gelu")),
        )  # fmt: skip

    def table(self, formals: str) -> str:
        """Return a function of indices, times what it is summed over."""
        if "i" not in formals:
            angle = f"2*pi*{self.rng.choice(formals)}*i/5 + 1" if formals else "pi*i/3"
            return f"sum[i] sin({angle}) * d[i]"
        return f"cos(pi*{self.rng.choice(formals)}/4) * u[]"


def _has(factors: Sequence[str], v: str) -> bool:
    """Say whether an index occurs in some entries, outside of names."""
    words = " ".join(factors).replace("[", " ").replace("]", " ").replace(",", " ")
    return v in words.replace("+", " ").split()


def _entry(name: str, indices: Sequence[str]) -> str:
    return f"{name}[{','.join(indices)}]"
