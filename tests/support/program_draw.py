"""Draws programs: sums, products, functions, quotients and maxima of earlier definitions."""

from __future__ import annotations

import random
from collections.abc import Sequence

SIZES = {"N": 2, "I": 3, "J": 4}
OPERANDS = (("a", "ni"), ("b", "nj"), ("c", "ij"), ("d", "i"), ("u", ""))
FUNCTIONS = ("tanh", "sigmoid", "softplus", "exp")


def drawn_program(seed: int) -> str:
    """Return the text of a program in which every definition is used."""
    rng = random.Random(seed)
    pool = list(OPERANDS)
    unused: list[tuple[str, str]] = []
    lines = []
    for number in range(rng.randint(1, 4)):
        formals = "".join(sorted(rng.sample("nij", rng.randint(0, 2)), key="nij".index))
        name = f"t{number}"
        lines.append(f"{_entry(name, formals)} = {_expression(rng, pool, formals)}")
        pool.append((name, formals))
        unused = [p for p in unused if p[0] + "[" not in lines[-1]] + [(name, formals)]
    terms = [_term([one], "n") for one in unused]
    terms.append(_term([rng.choice(pool), rng.choice(pool)], "n"))
    return "; ".join([*lines, f"y[n] = {' + '.join(terms)}"])


def _entry(name: str, indices: str) -> str:
    return f"{name}[{','.join(indices)}]"


def _term(entries: Sequence[tuple[str, str]], formals: str) -> str:
    """Return the product of some entries, summed over the indices that are not free."""
    inside = sorted({v for _, indices in entries for v in indices} - {*formals})
    product = " * ".join(_entry(*one) for one in entries)
    return f"sum[{','.join(inside)}] {product}" if inside else product


def _expression(rng: random.Random, pool: Sequence[tuple[str, str]], formals: str) -> str:
    terms = [_term(rng.sample(pool, rng.randint(1, 2)), formals) for _ in range(2)]
    kind = rng.choice(("sum", "function", "quotient", "square", "maximum"))
    if kind == "function":
        return f"{rng.choice(FUNCTIONS)}(1/2 * {terms[0]} - {terms[1]}) * u[]"
    if kind == "quotient":
        divisor = f"exp({terms[1]})" if "sum" in terms[1] else f"({terms[1]})^2"
        return f"({terms[0]}) / (2 + {divisor})"
    if kind == "square":
        return f"({terms[0]} - 3)^2 * 1/4"
    wide = [one for one in pool if {*one[1]} - {*formals}]
    if kind == "maximum" and wide:
        name, indices = rng.choice(wide)
        over = ",".join(v for v in indices if v not in formals)
        return f"{rng.choice(('max', 'min'))}[{over}] {_entry(name, indices)} + {terms[0]}"
    return f"{terms[0]} + 2 * {terms[1]}"
