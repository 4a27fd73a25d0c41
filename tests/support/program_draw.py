"""Draws programs: sums, products, functions, quotients and extremes of earlier definitions."""

from __future__ import annotations

import random
from collections.abc import Sequence

SIZES = {"N": 2, "I": 3, "J": 4}
OPERANDS = (("a", "ni"), ("b", "nj"), ("c", "ij"), ("d", "i"), ("u", ""))
BOUNDED = ("tanh", "sigmoid", "tanh", "gelu")
FUNCTIONS = (*BOUNDED, "softplus", "exp", "silu")
SHIFTS = ("{}+1", "{}-1", "2*{}")
KINDS = ("sum", "function", "quotient", "square", "maximum", "larger", "root")
FEW = 4
"""The number of definitions after which functions are bounded: repeated squares would overflow."""


def drawn_program(seed: int, most: int = FEW) -> str:
    """Return the text of a program in which every definition is used.

    Args:
        seed: the same program for the same one.
        most: the most definitions before the last.

    """
    rng = random.Random(seed)
    pool = list(OPERANDS)
    unused: list[tuple[str, str]] = []
    lines = []
    for number in range(rng.randint(1, most)):
        formals = "".join(sorted(rng.sample("nij", rng.randint(0, 2)), key="nij".index))
        name = f"t{number}"
        lines.append(f"{_entry(name, formals)} = {_expression(rng, pool, formals, number)}")
        pool.append((name, formals))
        unused = [p for p in unused if p[0] + "[" not in lines[-1]] + [(name, formals)]
    terms = [_term(rng, [one], "n") for one in unused]
    terms.append(_term(rng, [rng.choice(pool), rng.choice(pool)], "n"))
    return "; ".join([*lines, f"y[n] = {' + '.join(terms)}"])


def _entry(name: str, indices: Sequence[str]) -> str:
    return f"{name}[{','.join(indices)}]"


def _term(rng: random.Random, entries: Sequence[tuple[str, str]], formals: str) -> str:
    """Return the product of some entries, summed over the indices that are not free.

    Entries of definitions, whose sizes are known, may be read beside a free index.
    """
    inside = sorted({v for _, indices in entries for v in indices} - {*formals})
    factors = []
    for name, indices in entries:
        moves = (v in formals and name.startswith("t") and rng.random() < 0.2 for v in indices)
        moved = (rng.choice(SHIFTS) if m else "{}" for m in moves)
        factors.append(_entry(name, [s.format(v) for s, v in zip(moved, indices, strict=True)]))
    product = " * ".join(factors)
    return f"sum[{','.join(inside)}] {product}" if inside else product


def _expression(
    rng: random.Random, pool: Sequence[tuple[str, str]], formals: str, number: int
) -> str:
    one, other = (_term(rng, rng.sample(pool, rng.randint(1, 2)), formals) for _ in range(2))
    kind = rng.choice(KINDS if number < FEW else ("function", "function", "maximum", "root"))
    if kind == "function":
        functions = FUNCTIONS if number < FEW else BOUNDED
        return f"{rng.choice(functions)}(1/2 * {one} - {other}) * u[]"
    if kind == "quotient":
        return f"({one}) / (2 + ({other})^2)"
    if kind == "square":
        return f"({one} - 3)^2 * 1/4"
    if kind == "root":
        return f"({one}) * rsqrt(1 + ({other})^2)"
    if kind == "larger":
        return f"{rng.choice(('max', 'min'))}({one}, {other}, 1) - abs({one} - 2)"
    wide = [p for p in pool if {*p[1]} - {*formals}]
    if kind == "maximum" and wide:
        name, indices = rng.choice(wide)
        over = ",".join(v for v in indices if v not in formals)
        return f"{rng.choice(('max', 'min'))}[{over}] {_entry(name, indices)} + tanh({one})"
    return f"{one} + 2 * {other}"
