"""The algorithms by which the compiled kernels compute a sum, and the reasons to choose one.

The constants of the C code, the names and reasons of `explain` and the table in `docs/kernels.md`
are printed from this list. Which algorithm a sum uses is decided in `runtime/c/choice.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

AUTOMATIC = "automatic"
"""The word for ROT180_PATH with which the kernels choose an algorithm."""

MAX_LOOP_PRODUCTS = 4096
"""The largest number of products for which plain loops are used."""

MAX_TILE_FACTORS = 32
"""The largest number of factors in a product that is computed tile by tile."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to choose an algorithm, one for each branch of the rules.

    Attributes:
        name: its name in C, without the prefix.
        words: what `explain` says.

    """

    name: str
    words: str

    @property
    def constant(self) -> str:
        """Return the constant in C."""
        return f"REASON_{self.name.upper()}"

    @property
    def literal(self) -> str:
        """Return the words as a string literal of Python."""
        return repr(self.words)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way to compute a sum of products, as a matrix product of m x k by k x n.

    Attributes:
        name: what `explain` calls it; the word for ROT180_PATH, if it has one.
        what: how it computes.
        reasons: when it is used.
        layers: layers that typically use it.
        has_word: whether ROT180_PATH can ask for it.

    """

    name: str
    what: str
    reasons: tuple[Reason, ...]
    layers: str
    has_word: bool = True

    @property
    def constant(self) -> str:
        """Return the constant in C."""
        return f"ALGORITHM_{self.name.upper()}"

    @property
    def described(self) -> list[str]:
        """Return lines with the name and how it computes, for a docstring."""
        return wrap(f'"{self.name}": {self.what};', 88, subsequent_indent="    ")


ALGORITHMS = (
    Algorithm(
        "loops",
        "plain loops over the sum, clipped to the arrays; needs no preparation",
        (Reason("few_products", f"at most {MAX_LOOP_PRODUCTS} products"),),
        "small layers, as in teaching",
    ),
    Algorithm(
        "entries",
        "one product after another, each entry through its index map",
        (
            Reason("one_factor", "one factor: no two products share an entry"),
            Reason("many_factors", f"more than {MAX_TILE_FACTORS} factors"),
            Reason(
                "few_large", f"at most {MAX_LOOP_PRODUCTS} products, but sizes too large for loops"
            ),
        ),
        "bias gradients",
    ),
    Algorithm(
        "packed",
        "n is packed into panels, then multiplied tile by tile",
        (
            Reason("many_rows", "many rows of m use each vector of n"),
            Reason("not_contiguous", "the entries of a vector are not contiguous in memory"),
            Reason("not_plain", "each entry of n is a product, or has to be checked"),
        ),
        "64 channels or more",
    ),
    Algorithm(
        "direct",
        "tile by tile; vectors of n are loaded from where they are, by a table of offsets",
        (
            Reason("few_rows", "m has at most two tiles of rows: packing n takes longer"),
            Reason("few_terms", "k is short: packing n takes longer"),
        ),
        "depthwise layers, images, first layers",
    ),
    Algorithm(
        "dots",
        "vectors run along k, and nothing is packed",
        (
            Reason("short_side", "both sides are contiguous along k, and one is short"),
            Reason("long_lines", "both sides are contiguous along k, in long lines"),
            Reason("few_outputs", "both sides are contiguous along k, and there are few outputs"),
        ),
        "weight gradients with few channels, `linear` with few samples",
    ),
    Algorithm(
        "transposed",
        "vectors run along the shorter side, which is packed once; each tile is transposed in "
        "registers",
        (
            Reason(
                "one_short",
                "one side is short and the other long: packing the short one takes less time",
            ),
        ),
        "64 channels of 56 x 56 pixels",
    ),
    Algorithm(
        "winograd",
        "tiles of outputs from fewer products; the theorems `toom_cook_2_3`, `toom_cook_4_3`, "
        "`toom_cook_4_4` and `toom_cook_4_5` have the transforms",
        (Reason("fast", 'accuracy="fast", and the estimated time is shorter'),),
        "filters of 3 x 3 taps or more, or 5 taps in 1-D, of stride 1",
        has_word=False,
    ),
)
"""The algorithms, in the order of the constants in C."""

REQUESTED = Reason("requested", "ROT180_PATH or path() asks for it")
"""The reason of an algorithm that was not chosen."""

REASONS = (REQUESTED, *(reason for algorithm in ALGORITHMS for reason in algorithm.reasons))
"""All reasons, in the order of the constants in C."""

REQUESTS = (AUTOMATIC, *(algorithm.name for algorithm in ALGORITHMS if algorithm.has_word))
"""What ROT180_PATH can be."""


def table() -> str:
    """Return the table of docs/kernels.md."""
    lines = ["| algorithm | what it does | when it is used | typical layers |", "|---|---|---|---|"]
    for a in ALGORITHMS:
        when = "; ".join(reason.words for reason in a.reasons)
        lines.append(f"| `{a.name}` | {a.what} | {when} | {a.layers} |")
    return "\n".join(lines) + "\n"
