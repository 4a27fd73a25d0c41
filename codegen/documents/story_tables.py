"""Tables and sizes of the opening chapter: kernels compared, letters compared, sizes of passes."""

from __future__ import annotations

from rot180.codegen.documents.model import Table
from rot180.codegen.documents.story_example import SYMBOLS, Numbers
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import NIELSEN
from rot180.derive.display.terms_latex import Letters
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import normal
from rot180.derive.language.spelling import display_name

SLID = "grad_y[h+k-K+1,v+l-L+1]"
"""What the full backward pass reads."""

KERNELS = {
    "rotated by half a turn": f"sum[k,l] {SLID} * w[K-1-k,L-1-l]",
    "columns reversed, rows not: a mirror": f"sum[k,l] {SLID} * w[k,L-1-l]",
    "as it is": f"sum[k,l] {SLID} * w[k,l]",
}
"""The kernels that might be used in the backward pass; the first one is right."""


def kernels_compared(one: Numbers, other: Numbers) -> Table:
    """Return what the full pass gives for the entry in the middle, for each way to turn a kernel.

    Raises:
        NotProvedError: the first way does not give the gradient.

    """
    (right, *_), at = KERNELS.values(), one.sample.chosen()
    one.stated("x", right)
    rows = tuple(
        (said, *(f"${case.value(text, *at)}$" for case in (one, other)))
        for said, text in KERNELS.items()
    )
    return Table(("Kernel of the full pass", "The first", "The second"), rows, (50, 20, 20))


def letters_compared(proved: Theorem) -> Table:
    """Return the letters of the chapter beside those of the textbooks, for a layer in the middle.

    Args:
        proved: the theorem on the delta of the layer.

    """
    known = {display_name(t): t for t in every_tensor(*proved.lines)}
    here, there = (letters(proved, symbols) for symbols in (SYMBOLS, NIELSEN))
    tensors = {
        "the input of the layer": ("x", "sigma(z)"),
        "the kernel": ("w", "w"),
        "the output": ("y", "z1"),
        "the delta of the output": ("grad_z1", "grad_z1"),
    }
    rows: list[tuple[str, ...]] = [
        (said, here.tensor(own), there.tensor(known[other]))
        for said, (own, other) in tensors.items()
    ]
    gradients = (dict(symbols.gradients)[n] for symbols, n in ((SYMBOLS, "x"), (NIELSEN, "z")))
    rows.append(("the delta of the input", *gradients))
    indices = {"a position in the input": "hv", "a position in the output": "pq", "a tap": "kl"}
    rows += [(said, *(_indices(s, of) for s in (here, there))) for said, of in indices.items()]
    shown = tuple((said, *(f"${one}$" for one in both)) for said, *both in rows)
    return Table(("", "In this chapter", "In textbooks"), shown, (40, 25, 25))


def sizes(numbers: Numbers) -> dict[str, str]:
    """Return the formulas of the number of outputs, of the remainder, and of a full pass.

    Args:
        numbers: a layer with one axis.

    """
    (axis,) = numbers.sample.windowed.axes
    style = letters(numbers.gradient, SYMBOLS)
    ((_, taps),) = axis.taps
    slack, stride = style.polynomial(normal(axis.places - taps)), style.polynomial(axis.stride)
    plain = stride == "1"
    count = style.polynomial(normal(axis.places - taps + 1))
    floor = f"\\lfloor ({slack}) / {stride} \\rfloor + 1"
    before = style.polynomial(normal(axis.steps - 1))
    return {
        "outputs": f"${style.polynomial(axis.steps)} = {count if plain else floor}$",
        "left_over": f"$({slack}) \\bmod {stride}$",
        "reached": f"${stride}({before}) + {style.polynomial(taps)}$",
    }


def _indices(style: Letters, names: str) -> str:
    return "(" + ", ".join(style.symbol(name) for name in names) + ")"
