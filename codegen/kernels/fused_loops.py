"""The loops of a pass in C: one loop nest after another for each value of the outer loops.

What is read in its own nest alone is a variable and no array. What a row needs and nobody outside
asks for lies in a row of scratch memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Expr

from rot180.codegen.kernels.c_functions import c_scalar_name
from rot180.codegen.plans.fusion import Axes, FusedPass, FusedRead, FusedStep, FusedTerm
from rot180.codegen.plans.pass_nests import FusedNest, FusedPart, pass_nests
from rot180.derive.gradients.program_steps import SelectionStep
from rot180.derive.language.polynomial import monomials

TAB = "    "


@dataclass
class PassText:
    """Writes a pass for one type of entries.

    Attributes:
        found: the pass.
        outputs: what others may ask for; the pointer to it may be NULL.
        reals: the parameters, in the order in which they are passed.
        real: the type of entries.

    """

    found: FusedPass
    outputs: tuple[str, ...]
    reals: tuple[str, ...]
    real: str
    constants: dict[str, str] = field(default_factory=dict)
    values: int = 0

    def __post_init__(self) -> None:
        """Find what needs memory."""
        self.made = {s.tensor.name: s for s in self.found.steps}
        self.units = pass_nests(self.found)
        rows = {n for n, s in self.made.items() if self.found.inner(s.axes)}
        read = set(self.outputs)
        for unit in self.units:
            own = {p.name for p in unit.parts if p.kind == "set"}
            read |= {p.name for p in unit.parts if p.kind != "set"}
            read |= {r.tensor.name for p in unit.parts for r in p.reads} - own
        self.memory = [n for n in self.made if n in (read & rows) | set(self.outputs)]
        whole = {n for n, s in self.made.items() if self.found.is_spread(s)}
        self.scratch = [n for n in self.memory if n in rows and n not in whole]

    def lines(self, word: str) -> list[str]:
        """Write the function of this name."""
        rows = [line for unit in self.units for line in self._unit(unit)]
        scalars = [n for n, s in self.made.items() if self._is_scalar(s)]
        declared = [f"{self.real} {', '.join(f'v_{n} = 0' for n in scalars)};"] if scalars else []
        tab = TAB * (self.found.outer + 1)
        head = [
            f"static ROT180_ALWAYS int {word}(LOOPS_ARGUMENTS) {{",
            *(f"{TAB}{line}" for line in self._opening()),
        ]
        loops = [
            f"{TAB * (a + 1)}for (Int i{a} = 0; i{a} < d{a}; i{a}++) {{"
            for a in range(self.found.outer)
        ]
        ends = [f"{TAB * (a + 1)}}}" for a in reversed(range(self.found.outer))]
        body = [f"{tab}{line}" for line in (*declared, *rows)]
        free = [f"{TAB}free(m_{n}.view.buf);" for n in self.scratch]
        closing = [f"{TAB}kernel_return(state);", f"{TAB}failed = 0;"]
        label = ["ended:"] if self.scratch else []
        return [*head, *loops, *body, *ends, *closing, *label, *free, f"{TAB}return failed;", "}"]

    def _opening(self) -> Iterator[str]:
        """Write the declarations, and the allocation of scratch memory."""
        for a in range(len(self.found.domain)):
            yield f"const Int d{a} = integers[{a}];"
        for code, constant in self.constants.items():
            yield f"const {self.real} {constant} = ({self.real})({code});"
        first = len(self.outputs)
        for at, t in enumerate(self.found.inputs, first):
            yield f"const {self.real} *restrict a_{t.name} = (const {self.real} *)arrays[{at}].buf;"
        for at, n in enumerate(self.outputs):
            yield f"{self.real} *restrict a_{n} = ({self.real} *)arrays[{at}].buf;"
        yield "int failed = -1;"
        yield "void *state;"
        for n in self.memory:
            if n not in self.outputs:
                yield f"{self.real} *restrict a_{n} = NULL;"
        for n in self.scratch:
            yield f"Intermediate m_{n};"
        for n in self.scratch:
            yield f"m_{n}.view.buf = NULL;"
        for n in self.scratch:
            inner = self.found.inner(self.made[n].axes)
            sizes = ", ".join(f"d{a}" for a in inner)
            given = f'&m_{n}, "{n}", sizeof({self.real}), {len(inner)}'
            yield f"if (!a_{n}) {{"
            yield f"{TAB}if (kernel_allocate({given}, (const Int[]){{{sizes}}})) goto ended;"
            yield f"{TAB}a_{n} = ({self.real} *)m_{n}.view.buf;"
            yield "}"
        yield from self._strides()
        yield "state = kernel_leave();"

    def _strides(self) -> Iterator[str]:
        """Write the strides of arrays along the loops."""
        places = {t.name: self._place(t.name) for t in self.found.inputs}
        for n, axes in (places | {n: self.made[n].axes for n in self.memory}).items():
            for p in range(len(axes)):
                if (stride := self._stride(n, axes, p)) != "1":
                    yield f"const Int s{p}_{n} = {stride};"

    def _stride(self, name: str, axes: Axes, p: int) -> str:
        """Write the stride along an axis; scratch memory has one row."""
        whole = _product(axes[p + 1 :])
        if name not in self.scratch:
            return whole
        outside = axes[p] < self.found.outer
        row = "0" if outside else _product(self.found.inner(axes[p + 1 :]))
        if row == whole or name not in self.outputs:
            return row
        return f"m_{name}.view.buf ? {row} : {whole}"

    def _place(self, name: str) -> Axes:
        """Return an order of axes with the sizes of an input."""
        return next(r.axes for s in self.found.steps for r in s.reads if r.tensor.name == name)

    def _is_scalar(self, s: FusedStep) -> bool:
        return not self.found.inner(s.axes) and not self.found.is_spread(s)

    def _entry(self, name: str, axes: Axes, row: bool = False) -> str:
        """Write an entry of an array; the first of a row if that is asked for."""
        parts = []
        for p, a in enumerate(axes):
            if not (row and a >= self.found.outer):
                one = self._stride(name, axes, p) == "1"
                parts.append(f"i{a}" if one else f"i{a} * s{p}_{name}")
        return f"a_{name}[{' + '.join(parts) or '0'}]"

    def _unit(self, unit: FusedNest) -> list[str]:
        """Write a loop nest."""
        if unit.parts[0].kind == "first":
            return self._first(unit.parts[0])
        nest = _NestText(self, unit)
        for part in unit.parts:
            nest.add(part)
        return nest.lines()

    def _first(self, part: FusedPart) -> list[str]:
        """Write the search for the first extreme entry of a row, and ones there."""
        s = part.step
        assert isinstance(s.step, SelectionStep)
        (read,) = part.reads
        row, count = self._entry(part.name, s.axes, row=True), _product(part.loops)
        found = self._entry(read.tensor.name, read.axes, row=True)
        largest = int(s.step.selection.kind == "max")
        return [
            "{",
            f"{TAB}const Int count = {count};",
            f"{TAB}{self.real} *row = &{row};",
            f"{TAB}memset(row, 0, (size_t)count * sizeof({self.real}));",
            f"{TAB}if (count) row[rot180_first_{self.real}(&{found}, count, {largest})] = 1;",
            "}",
        ]

    def coefficient(self, e: Expr) -> str:
        """Write a coefficient; one that is no small number is computed before the loops."""
        parts = []
        for m, c in sorted(monomials(e).items()):
            powers = [f"reals[{self.reals.index(str(v))}]" for v, k in m for _ in range(k)]
            number = f"{float(c.p)!r}" + (f" / {float(c.q)!r}" if c.q != 1 else "")
            parts.append(" * ".join([number, *powers]))
        return self.constants.setdefault(" + ".join(parts), f"k{len(self.constants)}")


def _product(axes: Sequence[int]) -> str:
    return " * ".join(f"d{a}" for a in axes) or "1"


class _NestText:
    """Writes one loop nest.

    Attributes:
        before: statements before its loops.
        close: statements before its innermost loop.
        body: the statements of that loop.
        after: statements after the innermost loop.
        done: statements after the nest.

    """

    def __init__(self, text: PassText, unit: FusedNest) -> None:
        self.text, self.unit, self.real = text, unit, text.real
        self.before: list[str] = []
        self.close: list[str] = []
        self.body: list[str] = []
        self.after: list[str] = []
        self.done: list[str] = []
        self.reductions: dict[str, list[str]] = {}
        self.local: set[str] = set()
        self.known: dict[FusedRead, str] = {}

    def lines(self) -> list[str]:
        """Return the lines."""
        if not self.unit.loops:
            return ["{", *(TAB + line for line in self.body), "}", *self.done]
        *others, last = self.unit.loops
        head = [f"for (Int i{a} = 0; i{a} < d{a}; i{a}++) {{" for a in (*others, last)]
        clauses = "".join(f" reduction({op} : {', '.join(v)})" for op, v in self.reductions.items())
        pragma = [] if self.unit.parts[0].alone else [f"#pragma omp simd{clauses}"]
        depth = len(others)
        inner = [*self.close, *pragma, head[-1], *(TAB + line for line in self.body), "}"]
        inner += self.after
        return [
            "{",
            *(TAB + line for line in self.before),
            *(TAB * (n + 1) + line for n, line in enumerate(head[:-1])),
            *(TAB * (depth + 1) + line for line in inner),
            *(TAB * (n + 1) + "}" for n in reversed(range(depth))),
            "}",
            *self.done,
        ]

    def add(self, part: FusedPart) -> None:
        """Write what the nest does for a step."""
        s, name = part.step, part.name
        scalar = self.text._is_scalar(s)
        place = f"v_{name}" if scalar else self.text._entry(name, s.axes)
        if part.kind == "set":
            self._set(part, place, scalar)
        elif part.kind == "zero":
            self.body.append(f"{place} = 0;")
        elif part.kind == "add":
            self._add(part, place, scalar)
        else:
            self._extreme(part, place, scalar)
        last = all(p.name != name for p in self._later(part))
        if scalar and last and name in self.text.outputs:
            self.done.append(f"if (a_{name}) {self.text._entry(name, s.axes)} = v_{name};")

    def _later(self, part: FusedPart) -> list[FusedPart]:
        every = [p for unit in self.text.units for p in unit.parts]
        return every[every.index(part) + 1 :]

    def _set(self, part: FusedPart, place: str, scalar: bool) -> None:
        value = self._sum(part)
        if scalar:
            self.body.append(f"{place} = {value};")
            return
        self.body.append(f"const {self.real} v_{part.name} = {value};")
        self.local.add(part.name)
        if part.name in self.text.memory:
            self.body.append(f"{place} = v_{part.name};")

    def _add(self, part: FusedPart, place: str, scalar: bool) -> None:
        value = self._sum(part)
        if not self.unit.loops or self.unit.loops[-1] in part.step.axes:
            self.body.append(f"{place} += {value};")
            return
        if scalar:
            self.body.append(f"{place} += {value};")
            self.reductions.setdefault("+", []).append(place)
            return
        found = f"r_{part.name}"
        self.close.append(f"{self.real} {found} = 0;")
        self.body.append(f"{found} += {value};")
        self.reductions.setdefault("+", []).append(found)
        self.after.append(f"{place} += {found};")

    def _extreme(self, part: FusedPart, place: str, scalar: bool) -> None:
        step = part.step.step
        assert isinstance(step, SelectionStep)
        largest = step.selection.kind == "max"
        end = f"{'-' if largest else ''}({self.real})INFINITY"
        begin = f"{_product(part.step.summed)} ? {end} : 0"
        if part.kind == "begin":
            self.body.append(f"{place} = {begin};")
            return
        value = self._value(part.reads[0])
        better = f"{value} {'>' if largest else '<'} {place}"
        if not scalar:
            self.body.append(f"{place} = {better} || {value} != {value} ? {value} : {place};")
            return
        found = f"q_{part.name}"
        self.before += [f"int {found} = 0;", f"{place} = {begin};"]
        self.body += [f"{place} = {better} ? {value} : {place};", f"{found} |= {value} != {value};"]
        self.reductions.setdefault("max" if largest else "min", []).append(place)
        self.reductions.setdefault("|", []).append(found)
        self.after.append(f"if ({found}) {place} = ({self.real})NAN;")

    def _sum(self, part: FusedPart) -> str:
        """Write the value of some sums at the indices of the loops."""
        return " + ".join(self._term(t) for t in part.terms)

    def _term(self, t: FusedTerm) -> str:
        factors = [self._value(r) for r in t.reads]
        if t.coefficient == -1 and factors:
            return f"(-{' * '.join(factors)})"
        if t.coefficient != 1 or not factors:
            factors.insert(0, self.text.coefficient(t.coefficient))
        return " * ".join(factors)

    def _value(self, r: FusedRead) -> str:
        """Write what is read; a constant holds it where it is computed once."""
        if r in self.known:
            return self.known[r]
        name, inner = r.tensor.name, self.text.found.inner(r.axes)
        made = self.text.made.get(name)
        if name in self.local or (made is not None and self.text._is_scalar(made)):
            code = f"v_{name}"
        else:
            code = self.text._entry(name, r.axes)
        if r.function:
            code = f"{c_scalar_name(r.function, r.order, self.real)}({code})"
        elif code.startswith("v_"):
            return code
        self.text.values += 1
        word = f"o{self.text.values}"
        where = self.body
        if self.unit.loops and name not in self.local:
            outside = self.unit.loops[-1] not in inner
            where = self.before if not inner else self.close if outside else self.body
        where.append(f"const {self.real} {word} = {code};")
        self.known[r] = word
        return word
