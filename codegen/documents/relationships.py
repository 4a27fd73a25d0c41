"""The relationships of convolution arithmetic: their pictures, and what they need to be true.

They are those of the guide by Dumoulin and Visin (arXiv 1603.07285), which has square kernels, one
padding for both ends and, for transposed convolutions, no dilation. Here the paddings differ,
everything is dilated, and nothing needs to be divisible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from rot180.codegen.documents.model import Block, Figure, Prose, Section, Table
from rot180.codegen.figures.figures import Picture, pictures
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import Symbols
from rot180.derive.display.terms_latex import Letters, escape
from rot180.derive.display.theorem_latex import condition, latex_expression, listed
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Condition, Equal, Range, term
from rot180.derive.semantics.check import Counterexample
from rot180.derive.semantics.claims import judge_equation
from rot180.derive.theorems.output_sizes import EXTENT, FLOOR, HI, LO, RHO, D, H, K, P, S

PADDED = H + LO + HI - EXTENT + 1
"""The places of the window in the padded input, with stride 1."""

RESTORED = S * (P - 1) + 1 + (EXTENT - 1 - LO) + (EXTENT - 1 - HI) - EXTENT + 1
"""The size of the backward pass without a remainder."""


@dataclass(frozen=True)
class Relationship:
    """An equivalence of two ranges of an index: where two sizes are the same.

    Attributes:
        title: what it is about, a text.
        index: the index.
        left: one range.
        right: the other range.
        needed: the condition without which it is false.
        given: the other conditions.
        theorem: the theorem of the registry that it is a case of.
        drawn: a layer, and which of its pictures shows the relationship.

    """

    title: str
    index: str
    left: Range
    right: Range
    needed: Condition
    given: tuple[Condition, ...]
    theorem: str
    drawn: tuple[str, str]


p, h, k, OP = (symbol(name) for name in ("p", "h", "k", "op"))
_STRIDED = (AtLeast(S - 1), FLOOR[1])

RELATIONSHIPS = (
    Relationship(
        "Half padding, also called SAME, keeps the size",
        "p",
        Range(p, H),
        Range(p, PADDED),
        Equal(LO + HI - EXTENT + 1),
        (),
        "output_size",
        ("y[p] = sum[k] x[p + k - 1] * w[k]", "forward"),
    ),
    Relationship(
        "Full padding adds the extent of the kernel, less one",
        "p",
        Range(p, H + EXTENT - 1),
        Range(p, PADDED),
        Equal(LO + HI - 2 * (EXTENT - 1)),
        (),
        "output_size",
        ("y[p] = sum[k] x[p + k - 2] * w[k]", "forward"),
    ),
    Relationship(
        "A stride divides the size, rounded down",
        "p",
        Range(p, P),
        Range(S * p, PADDED),
        FLOOR[2],
        _STRIDED,
        "output_size",
        ("y[p] = sum[k] x[2*p + k] * w[k]", "remainder"),
    ),
    Relationship(
        "A dilation moves the taps apart: the extent counts",
        "k",
        Range(k, K),
        Range(D * k, EXTENT),
        AtLeast(D - 1),
        (),
        "weight_size",
        ("y[p] = sum[k] x[p + 2*k] * w[k]", "forward"),
    ),
    Relationship(
        "A transposed convolution of stride 1 restores the size",
        "h",
        Range(h, H),
        Range(h, RESTORED),
        Equal(S - 1),
        (FLOOR[1], FLOOR[2]),
        "input_remainder",
        ("y[p] = sum[k] x[p + k - 1] * w[k]", "backward"),
    ),
    Relationship(
        "With a stride it restores the size if nothing is left over",
        "h",
        Range(h, H),
        Range(h, RESTORED),
        Equal(RHO),
        FLOOR,
        "input_remainder",
        ("y[p] = sum[k] x[2*p + k - 1] * w[k]", "backward"),
    ),
    Relationship(
        "An output padding below the stride gives the inputs back",
        "p",
        Range(p, P),
        Range(S * p, RESTORED + OP + LO + HI - EXTENT + 1),
        AtLeast(S - 1 - OP),
        (AtLeast(S - 1), AtLeast(OP)),
        "output_size",
        ("y[p] = sum[k] x[2*p + k] * w[k]", "backward"),
    ),
)
"""The relationships, from the forward pass to the backward pass."""


@cache
def judged(one: Relationship) -> tuple[Theorem, Counterexample]:
    """Return the proof of a relationship, and its counterexample without the needed condition."""
    variables = ((symbol(one.index), None),)
    sides = (term(one.left),), (term(one.right),)
    proved = judge_equation(variables, *sides, (*one.given, one.needed)).theorem
    refuted = judge_equation(variables, *sides, one.given).counterexample
    assert proved is not None, one.title
    assert refuted is not None, one.title
    return proved, refuted


def relationships(symbols: Symbols) -> Iterator[Section]:
    """Yield a section with the table of the relationships, and their pictures."""
    rows, figures = [], []
    for number, one in enumerate(RELATIONSHIPS, 1):
        proved, refuted = judged(one)
        style = letters(proved, symbols)
        sides = " = ".join(latex_expression(side, style) for side in (proved.lhs, proved.rhs))
        conditions = [f"${condition(c, style)}$" for c in proved.hypotheses]
        said = f"${sides}$, if {listed(conditions)}; a case of \\texttt{{{escape(one.theorem)}}}"
        without = f"without ${condition(one.needed, style)}$: {_differ(refuted, style)}"
        rows.append((one.title, said, without))
        text, wanted = one.drawn
        drawn = {p.name.removeprefix("layer-"): p for p in pictures(layer(text), symbols=symbols)}
        figures.append(replace(drawn[wanted], name=f"relationship-{number}", title=one.title))
    head = ("Relationship", "Statement", "A condition is needed")
    blocks: list[Block] = [
        Prose(
            (
                "The relationships of Dumoulin and Visin (arXiv 1603.07285), with a padding for "
                "each end, with dilation everywhere and without the condition that the stride "
                "divides anything. Each is an equivalence of two ranges, so the sizes are equal. "
                "Each is false without the condition that is named last.",
            )
        ),
        Table(head, tuple(rows), (24, 44, 32)),
        Prose((_shown(figures),)),
        *map(Figure, figures),
    ]
    yield Section("relationships", "The relationships of convolution arithmetic", tuple(blocks))


def _shown(figures: Sequence[Picture]) -> str:
    """Say which relationship each picture shows."""
    said = [f"Figure \\figureref{{{one.name}}}: {_lower(one.title)}" for one in figures]
    return f"{'; '.join(said)}."


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _differ(found: Counterexample, style: Letters) -> str:
    """Say for which numbers the two sides differ."""
    numbers = {**found.sizes, **found.index}.items()
    where = listed([f"${style.polynomial(v)} = {n}$" for v, n in numbers])
    return f"${found.left}$ on the left and ${found.right}$ on the right for {where}"
