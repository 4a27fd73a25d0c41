"""The transforms of Winograd's form as straight-line C code.

The matrices of the transforms are read from the replayed theorems `toom_cook_m_r`; the form of the
layer is what `winograd_m_r_2d` and `winograd_m_r_input_2d` state; of one axis, what
`winograd_m_m_nested_1d` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rot180.codegen.kernels.winograd_cost import (
    FORMS,
    MAX_FILTERS,
    MAX_PIECES,
    MIN_CHANNELS,
    PANEL,
    WORTH,
    Form,
)
from rot180.codegen.system.templates import template
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.tables import is_table, table_entry
from rot180.derive.language.terms import Tensor, tensors
from rot180.derive.theorems import theorem

Matrix = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class Transform:
    """Straight-line C code for ``y = matrix x``.

    Attributes:
        name: the name of the transform.
        inputs, outputs: the number of entries of x and of y.
        statements: C statements over the entries of x and y.

    """

    name: str
    inputs: int
    outputs: int
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Height:
    """The micro-kernels with a given number of rows, for one, two and three vectors."""

    count: int
    widths = (range(1), range(2), range(3))

    @property
    def rows(self) -> range:
        """Return the numbers of the rows."""
        return range(self.count)

    @property
    def waits(self) -> tuple[bool, ...]:
        """Return of each row whether its entry is loaded after the products of those before."""
        return tuple(row > 0 and row % 4 == 0 for row in self.rows)


HEIGHTS = (Height(4), Height(8))
"""The heights of the micro-kernels; those of eight rows need 32 registers."""


@dataclass(frozen=True)
class WrittenForm:
    """The transforms of a form, ready for the template."""

    outputs: int
    taps: int
    transforms: tuple[Transform, ...]


def proofs() -> tuple[str, ...]:
    """Return the names of the theorems that the kernels rest on."""
    return tuple(name for form in FORMS for name in form.theorems)


def render_constants() -> str:
    """Write the forms and their costs as a C header."""
    return template("kernels", "winograd_constants.h.jinja").render(
        forms=FORMS,
        count=len(FORMS),
        min_channels=MIN_CHANNELS,
        panel=PANEL,
        max_pieces=MAX_PIECES,
        max_filters=MAX_FILTERS,
        worth=WORTH,
    )


def render_micro_kernels() -> str:
    """Write the micro-kernels as a C header."""
    return template("kernels", "winograd_micro.h.jinja").render(heights=HEIGHTS)


def render_transforms() -> str:
    """Write the transforms of all forms as a C header, with the digests of their proofs."""
    return template("kernels", "winograd_transforms.h.jinja").render(
        forms=[WrittenForm(form.outputs, form.taps, transforms(form)) for form in FORMS],
        proofs=[f"{name}, proof {theorem(name).proof.digest}" for name in proofs()],
    )


def matrices(proved: Theorem) -> tuple[Matrix, Matrix, Matrix]:
    """Return the matrices of the output, filter and input transforms that a theorem states.

    The theorem is ``c [i = p + k] = sum_t A[p, t] G[t, k] B[t, i]``; the filter's matrix is G / c.
    """
    a, g, b = (_entries(t) for t in tensors(proved.lhs))
    scale = Fraction(int(proved.rhs[0].coefficient))
    return a, tuple(tuple(e / scale for e in row) for row in g), b


def _entries(t: Tensor) -> Matrix:
    if not is_table(t) or None in t.shape:
        raise ValueError(f"{t.name}: expected a table of numbers with a box")
    rows, columns = (int(n) for n in t.shape if n is not None)
    return tuple(tuple(table_entry(t, (i, j)) for j in range(columns)) for i in range(rows))


def transforms(form: Form) -> tuple[Transform, ...]:
    """Return the transforms of input, filter and output of a form, as its theorem states them."""
    a, g, b = matrices(theorem(form.identity))
    return transform("input", b), transform("filter", g), transform("output", a)


def transform(name: str, matrix: Matrix) -> Transform:
    """Return code for ``y = matrix x``; columns or rows that differ in signs share their terms."""
    columns = tuple(zip(*matrix, strict=True))
    pairs = _pairs(columns)
    statements = _by_columns(matrix, pairs) if pairs else _by_rows(matrix, _pairs(matrix))
    return Transform(name, len(columns), len(matrix), statements)


def _by_columns(matrix: Matrix, pairs: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Write ``y = matrix x`` with x_s + x_t and x_s - x_t of each pair shared by all rows."""
    paired = {column for pair in pairs for column in pair}
    shared = [f"V s{s} = x[{s}] + x[{t}], d{s} = x[{s}] - x[{t}]" for s, t in pairs]
    out = []
    for p, row in enumerate(matrix):
        terms = [(row[s], f"s{s}" if row[s] == row[t] else f"d{s}") for s, t in pairs if row[s]]
        alone = [(c, f"x[{n}]") for n, c in enumerate(row) if c and n not in paired]
        out.append(f"y[{p}] = {_sum([*alone[:1], *terms, *alone[1:]])}")
    return (*shared, *out)


def _by_rows(matrix: Matrix, pairs: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Write ``y = matrix x`` with y_r = u + v and y_t = u - v for each pair of rows."""
    shared: list[str] = []
    done: dict[int, str] = {}
    for r, t in pairs:
        both = enumerate(zip(matrix[r], matrix[t], strict=True))
        terms = [(c, d, f"x[{n}]") for n, (c, d) in both if c]
        same = [(c, x) for c, d, x in terms if c == d]
        opposite = [(c, x) for c, d, x in terms if c != d]
        shared.append(f"V u{r} = {_sum(same)}, v{r} = {_sum(opposite)}")
        done[r], done[t] = f"u{r} + v{r}", f"u{r} - v{r}"
    out = []
    for p, row in enumerate(matrix):
        plain = [(c, f"x[{n}]") for n, c in enumerate(row) if c]
        out.append(f"y[{p}] = {done.get(p) or _sum(plain)}")
    return (*shared, *out)


def _pairs(lines: Sequence[Sequence[Fraction]]) -> list[tuple[int, int]]:
    """Return disjoint pairs of lines that differ in the signs of some entries, but not of all."""
    out: list[tuple[int, int]] = []
    for s, a in enumerate(lines):
        for t in range(s + 1, len(lines)):
            b = lines[t]
            used = {n for pair in out for n in pair}
            alike = [x == y for x, y in zip(a, b, strict=True) if x or y]
            mirrored = all(abs(x) == abs(y) for x, y in zip(a, b, strict=True))
            if mirrored and True in alike and False in alike and not used & {s, t}:
                out.append((s, t))
    return out


def _sum(terms: Sequence[tuple[Fraction, str]]) -> str:
    """Write a linear combination; terms with the same coefficient are added first."""
    groups: dict[Fraction, list[tuple[bool, str]]] = {}
    for c, x in terms:
        groups.setdefault(abs(c), []).append((c < 0, x))
    parts: list[tuple[bool, str]] = []
    for size, group in groups.items():
        if size == 1:
            parts += group
        elif len(group) == 1:
            parts += [(negative, f"{_number(size)} * {x}") for negative, x in group]
        else:
            flip = all(negative for negative, _ in group)
            inside = _signed([(negative != flip, x) for negative, x in group])
            parts.append((flip, f"{_number(size)} * ({inside})"))
    return _signed(parts)


def _signed(parts: Sequence[tuple[bool, str]]) -> str:
    first, *rest = parts
    return ("-" if first[0] else "") + first[1] + "".join(
        f" {'-' if negative else '+'} {x}" for negative, x in rest
    )


def _number(size: Fraction) -> str:
    n = f"(T){size.numerator}"
    return n if size.denominator == 1 else f"({n} / {size.denominator})"
