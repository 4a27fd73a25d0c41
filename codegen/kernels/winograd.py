"""Winograd's form of a 3 x 3 layer: when it pays, and its transforms as straight-line code.

The transforms' matrices are read from the replayed theorems `toom_cook_m_r`; the form of the layer
is what `winograd_m_r_2d` and `winograd_m_r_input_2d` say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from rot180.codegen.system.templates import template
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.tables import is_table, table_entry
from rot180.derive.language.terms import Tensor, tensors
from rot180.derive.theorems import theorem

Rows = tuple[tuple[Fraction, ...], ...]

HEADER = "winograd.h"
"""The C file that the compiled module includes."""

HEIGHT = 16
"""How many output channels the transformed weights of a panel have."""

SHAPES = tuple((rows, vectors) for rows in (4, 8) for vectors in (1, 2, 3))
"""Rows and vectors of the micro-kernels; those of eight rows need thirty-two registers."""


@dataclass(frozen=True)
class Form:
    """A form of the layer, and what it costs.

    Costs are time, in products of the definition for each pair of channels: fitted to twenty layers
    of 7 x 7 to 112 x 112 pixels in float32, whose times they give within a tenth or so.

    Attributes:
        outputs: how many outputs a tile has along an axis.
        taps: how many taps the filter has along an axis.
        channels: the product of input and output channels of a group that it is taken up to: the
            transformed filters are to stay in scratch memory.
        tile: the cost of a tile's products.
        sides: the cost of transforming a tile, once for each channel of a side.
        filters: the cost of transforming the filters.

    """

    outputs: int
    taps: int
    channels: int
    tile: int
    sides: int
    filters: int

    @property
    def points(self) -> int:
        """Return how many products a tile takes along an axis."""
        return self.outputs + self.taps - 1

    @property
    def identity(self) -> str:
        """Return the name of the theorem about one axis."""
        return f"toom_cook_{self.outputs}_{self.taps}"

    @property
    def theorems(self) -> tuple[str, ...]:
        """Return the names of the theorems it rests on."""
        name = f"winograd_{self.outputs}_{self.taps}"
        return self.identity, f"{name}_2d", f"{name}_input_2d"


FORMS = (Form(4, 3, 256**2, 68, 224, 1013), Form(2, 3, 512**2, 21, 107, 434))
"""The forms; the cheaper one is taken where it saves a twentieth, else the sum as it stands."""

FEWEST_CHANNELS = 16
"""With fewer channels on a side nothing was gained."""

DIRECT, WORTH = 9, 0.95
"""The cost of an output as it stands, and what part of it a form may cost."""


def winograd_form(batch: int, channels: int, outputs: int, size: tuple[int, int]) -> Form | None:
    """Return the form that pays for a 3 x 3 layer of stride and dilation 1, or None.

    Args:
        batch: the size of the batch.
        channels: input channels of a group.
        outputs: output channels of a group.
        size: the outputs along each axis.

    """
    found, least = None, DIRECT * WORTH * float(batch) * prod(size)
    for form in FORMS:
        tiles = float(batch) * prod(-(-n // form.outputs) for n in size)
        fits = min(channels, outputs) >= FEWEST_CHANNELS and channels * outputs <= form.channels
        if fits:
            cost = tiles * (form.tile + form.sides * (1 / channels + 1 / outputs)) + form.filters
            if cost < least:
                found, least = form, cost
    return found


@dataclass(frozen=True)
class Transform:
    """Straight-line code: ``y = matrix x``, statements over the entries of x and y."""

    name: str
    inputs: int
    outputs: int
    statements: tuple[str, ...]


@dataclass(frozen=True)
class FormText:
    """A form, ready for the template."""

    form: Form
    number: int
    transforms: tuple[Transform, ...]
    deal: tuple[str, ...]
    merge: tuple[str, ...]


@dataclass(frozen=True)
class Vector:
    """A type of vectors: how many rows a micro-kernel has, and shuffles of two as index lists."""

    type: str
    bytes: int
    target: str
    rows: int

    @property
    def lanes(self) -> int:
        """Return how many entries it has."""
        return self.bytes // {"float": 4, "double": 8}[self.type]

    @property
    def guarded(self) -> bool:
        """Return whether only some processors have it."""
        return self.bytes > 16

    @property
    def even(self) -> str:
        """Return the places of every other entry of two vectors, from the first."""
        return _listed(range(0, 2 * self.lanes, 2))

    @property
    def odd(self) -> str:
        """Return the places of every other entry, from the second."""
        return _listed(range(1, 2 * self.lanes, 2))

    @property
    def low(self) -> str:
        """Return the places of the first halves of two vectors, taking turns."""
        return _listed(n // 2 + n % 2 * self.lanes for n in range(self.lanes))

    @property
    def high(self) -> str:
        """Return the places of the second halves, taking turns."""
        return _listed(n // 2 + n % 2 * self.lanes for n in range(self.lanes, 2 * self.lanes))


VECTORS = tuple(
    Vector(kind, size, target, rows)
    for kind in ("float", "double")
    for size, target, rows in ((16, "", 4), (32, "TARGET_AVX2", 4), (64, "TARGET_AVX512", 8))
)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _deal(count: int) -> tuple[str, ...]:
    """Write how `count` vectors x are dealt to as many lines: evens and odds, again and again."""
    out: list[str] = []

    def split(names: list[str], first: int, step: int) -> None:
        if len(names) == 1:
            out.append(f"*(V *)(to + {first} * step + j) = {names[0]}")
            return
        for n, (word, letter) in enumerate((("EVEN", "e"), ("ODD", "o"))):
            half = [f"{letter}{step}{first}_{i}" for i in range(len(names) // 2)]
            for i, name in enumerate(half):
                out.append(f"V {name} = {word}({names[2 * i]}, {names[2 * i + 1]})")
            split(half, first + n * step, 2 * step)

    split([f"x[{i}]" for i in range(count)], 0, 1)
    return tuple(out)


def _merge(count: int) -> tuple[str, ...]:
    """Write the reverse of `_deal`: as many vectors y."""
    out: list[str] = []

    def join(first: int, step: int) -> list[str]:
        if step == count:
            return [f"(*(const V *)(from + {first} * step + j) + add)"]
        left, right = join(first, 2 * step), join(first + step, 2 * step)
        names = [f"z{step}{first}_{i}" for i in range(2 * len(left))]
        for i, (a, b) in enumerate(zip(left, right, strict=True)):
            out.append(f"V {names[2 * i]} = LOW({a}, {b}), {names[2 * i + 1]} = HIGH({a}, {b})")
        return names

    done = join(0, 1)
    return (*out, *(f"y[{i}] = {name}" for i, name in enumerate(done)))


def matrices(proved: Theorem) -> tuple[Rows, Rows, Rows]:
    """Return the transforms of output, filter and input that a theorem states, divided by c.

    ``c [i = p + k] = sum_t A[p, t] G[t, k] B[t, i]``: the filter's is G / c.
    """
    a, g, b = (_entries(t) for t in tensors(proved.lhs))
    scale = Fraction(int(proved.rhs[0].coefficient))
    return a, tuple(tuple(e / scale for e in row) for row in g), b


def _entries(t: Tensor) -> Rows:
    if not is_table(t) or None in t.shape:
        raise ValueError(f"{t.name}: expected a table of numbers with a box")
    rows, columns = (int(n) for n in t.shape if n is not None)
    return tuple(tuple(table_entry(t, (i, j)) for j in range(columns)) for i in range(rows))


def render_header() -> str:
    """Write the C file of the kernels."""
    return template("kernels", f"{HEADER}.jinja").render(
        forms=[form_text(form, n) for n, form in enumerate(FORMS)],
        height=HEIGHT,
        count=len(FORMS),
        vectors=VECTORS,
        types=("float", "double"),
        jobs=({"name": "filters", "kind": "Filters"}, {"name": "block", "kind": "Block"}),
        fewest=FEWEST_CHANNELS,
        direct=DIRECT,
        worth=WORTH,
        shapes=[_micro(rows, vectors) for rows, vectors in SHAPES],
        proofs=[f"{name}, proof {theorem(name).proof.digest}" for name in proofs()],
        points=max(form.points for form in FORMS),
        outputs=max(form.outputs for form in FORMS),
    )


def proofs() -> tuple[str, ...]:
    """Return the names of the theorems that the kernels rest on."""
    return tuple(name for form in FORMS for name in form.theorems)


def form_text(form: Form, number: int) -> FormText:
    """Read a form's matrices from its theorem, and write its transforms."""
    a, g, b = matrices(theorem(form.identity))
    return FormText(
        form, number,
        (transform("input", b), transform("filter", g), transform("output", a)),
        _deal(form.outputs), _merge(form.outputs),
    )  # fmt: skip


def transform(name: str, matrix: Rows) -> Transform:
    """Write ``y = matrix x``; rows or columns that differ in signs share their terms."""
    columns = tuple(zip(*matrix, strict=True))
    shared: list[str] = []
    out: list[str] = []
    if pairs := _pairs(columns):
        # x_s +- x_t serve every row
        names = {s: f"x[{s}]" for s in range(len(columns))}
        kept = dict(enumerate(columns))
        rows: list[list[tuple[Fraction, str]]] = [[] for _ in matrix]
        for s, t in pairs:
            shared.append(f"V s{s} = x[{s}] + x[{t}], d{s} = x[{s}] - x[{t}]")
            for p, row in enumerate(matrix):
                if row[s]:
                    rows[p].append((row[s], f"s{s}" if row[s] == row[t] else f"d{s}"))
            del kept[s], kept[t]
        for p, row in enumerate(matrix):
            alone = [(row[s], names[s]) for s in kept if row[s]]
            out.append(f"y[{p}] = {_sum([*alone[:1], *rows[p], *alone[1:]])}")
        return Transform(name, len(columns), len(matrix), (*shared, *out))
    done: dict[int, str] = {}
    for r, t in _pairs(matrix):
        same = [(c, f"x[{n}]") for n, c in enumerate(matrix[r]) if c and c == matrix[t][n]]
        other = [(c, f"x[{n}]") for n, c in enumerate(matrix[r]) if c and c != matrix[t][n]]
        shared.append(f"V u{r} = {_sum(same)}, v{r} = {_sum(other)}")
        done[r], done[t] = f"u{r} + v{r}", f"u{r} - v{r}"
    for p, row in enumerate(matrix):
        plain = [(c, f"x[{n}]") for n, c in enumerate(row) if c]
        out.append(f"y[{p}] = {done.get(p) or _sum(plain)}")
    return Transform(name, len(columns), len(matrix), (*shared, *out))


def _pairs(lines: Sequence[Sequence[Fraction]]) -> list[tuple[int, int]]:
    """Return lines that differ in the signs of some entries, but not of all, two by two."""
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
    """Write a linear combination; terms with one coefficient are added up first."""
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


@dataclass(frozen=True)
class MicroRow:
    """One row of a micro-kernel: C statements over its accumulators."""

    number: int
    zeros: str
    updates: str
    stores: str


@dataclass(frozen=True)
class Micro:
    """The shape of a micro-kernel, and its statements."""

    rows: int
    vectors: int
    loads: str
    by_row: tuple[MicroRow, ...]


def _micro(rows: int, vectors: int) -> Micro:
    """Write the statements of one shape."""
    names = [[f"c{r}_{v}" for v in range(vectors)] for r in range(rows)]
    return Micro(
        rows,
        vectors,
        ", ".join(f"b{v} = *(const V *)(b + {v} * L)" for v in range(vectors)),
        tuple(
            MicroRow(
                r,
                ", ".join(f"{c} = {{0}}" for c in row),
                ", ".join(f"{c} += e * b{v}" for v, c in enumerate(row)),
                ", ".join(f"*(V *)(o + {v} * L) = {c}" for v, c in enumerate(row)),
            )
            for r, row in enumerate(names)
        ),
    )
