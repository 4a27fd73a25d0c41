"""Rounding theorems as text and as LaTeX."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from rot180.derive.display.definitions import write_definition
from rot180.derive.display.equations import Display, EquationLine, aligned
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.statement import write_condition, write_subject
from rot180.derive.display.theorem_latex import condition, definitions, latex_expression
from rot180.derive.language.notation import write
from rot180.derive.language.polynomial import text
from rot180.derive.language.terms import Range
from rot180.derive.semantics.rounding import RoundingTheorem

MODEL = (
    "the products are added in any order, with fused multiply-adds or without",
    "an operation returns its exact value times 1 + d, where |d| is at most u_sum for a sum, "
    "u_product for a product, and u_result for the result if that is rounded once more",
    "u_result is 0 if it is not, and u_product is 0 where products are exact, as those of bfloat16 "
    "are in float32",
    "a zero of the padding adds nothing: its products are 0, and their sum with a number is exact",
    "nothing overflows, and nothing underflows",
)
"""What is assumed about a kernel and its arithmetic."""

IN_STAGES = "the sums that are factors in the theorem are computed first, each of them in any order"
"""What is assumed besides, where factors are sums."""

ABSOLUTE = ("abs", "|#1|")
"""How LaTeX writes an absolute value."""


NAMES, LETTERS = ("u_sum", "u_product", "u_result"), ("u_{+}", "u_{\\times}", "u_{=}")
"""The unit roundoffs: of sums, products and the result, as text and as LaTeX."""


def roundoff(
    rounded: RoundingTheorem, addends: str, names: tuple[str, str, str] = NAMES, times: str = "*"
) -> str:
    """Return the sum of the unit roundoffs on the longest way from a product to the result.

    Args:
        rounded: the rounding theorem.
        addends: the number of products.
        names: the unit roundoffs of sums, products and the result.
        times: what stands between two factors.

    """
    sums, product, result = names
    n = rounded.products
    more = {0: "", 1: f" + {product}"}.get(n, f" + {n}{times}{product}")
    return f"({addends} - 1){times}{sums}{more} + {result}"


def assumed(rounded: RoundingTheorem) -> tuple[str, ...]:
    """Return what is assumed about a kernel and its arithmetic."""
    return (*MODEL, IN_STAGES) if rounded.stages else MODEL


def write_rounding(rounded: RoundingTheorem) -> str:
    """Return the statement in the notation: the bound, and what it is made of."""
    theorem = rounded.theorem
    free = tuple(v for v, _ in theorem.variables)
    left = write_subject(rounded.left, free)
    at = f"[{','.join(v.name for v in free)}]"
    boxes = [f"0 <= {v.name} < {text(n)}" for v, n in theorem.variables if n is not None]
    given = [*map(write_condition, theorem.hypotheses), "roundoff < 1"]
    return "\n".join(
        [
            f"|computed - {left}| <= roundoff/(1 - roundoff) * magnitude{at}",
            f"  where roundoff = {roundoff(rounded, f'addends{at}')}",
            f"  {left} = {write(rounded.value, free)}",
            f"  magnitude{at} = {write(rounded.magnitude, free)}",
            f"  addends{at} = {write(rounded.addends, free)}",
            *(f"  {write_definition(t)}" for t in rounded.tables),
            *([f"  for all {', '.join(boxes)}"] if boxes else []),
            f"  if {', '.join(given)}",
        ]
    )


def rounding_parts(
    rounded: RoundingTheorem, symbols: Symbols = DEEP_LEARNING
) -> list[str | Display]:
    """Return the statement as sentences with mathematics in ``$...$``, and displayed equations.

    Args:
        rounded: the rounding theorem.
        symbols: the notation.

    """
    theorem = rounded.theorem
    style = letters(theorem, replace(symbols, functions=(ABSOLUTE, *symbols.functions)))
    left = latex_expression(rounded.left, style)
    boxes = (Range(v, n) for v, n in theorem.variables if n is not None)
    given = [f"${condition(c, style)}$" for c in (*theorem.hypotheses, *boxes)]
    opening = f"For all {', '.join(given)}" if given else "Here"
    total = roundoff(rounded, "\\mathcal{N}", LETTERS, "\\,")
    error = f"\\bigl|\\operatorname{{fl}} - {left}\\bigr|"
    bound = "\\frac{\\varepsilon}{1 - \\varepsilon}\\,\\mathcal{A}"
    counted = "additions one after another, and one" if rounded.stages else "number of products"
    return [
        f"{opening}, the computed value $\\operatorname{{fl}}$ satisfies, if $\\varepsilon < 1$,",
        f"\\[ {error} \\le {bound}, \\qquad \\varepsilon = {total}, \\]",
        "where",
        (
            EquationLine(left, rounded.value, "", style),
            EquationLine("\\mathcal{A}", rounded.magnitude, "absolute values", style),
            EquationLine("\\mathcal{N}", rounded.addends, counted, style),
            *definitions(rounded.tables, style),
        ),
    ]


def rounding_latex(
    rounded: RoundingTheorem, symbols: Symbols = DEEP_LEARNING, page: float = inf
) -> str:
    """Return the statement as LaTeX text.

    Args:
        rounded: the rounding theorem.
        symbols: the notation.
        page: the width of the text, in points.

    """
    parts = rounding_parts(rounded, symbols)
    return "\n".join(part if isinstance(part, str) else aligned(part, page) for part in parts)
