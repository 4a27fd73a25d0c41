"""Programs: several definitions, each of which may use the earlier ones; the last is the output.

The text of a program has declarations first, as that of a layer, and then definitions, separated by
``;`` or by line breaks::

    z[n,i,j] = sum[d] q[n,i,d] * k[n,j,d]
    e[n,i,j] = exp(z[n,i,j])
    y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]

A line is continued by the next one if that does not begin a definition. A function may be applied
to any expression, and any expression may be a divisor: each becomes a definition of its own, an
*intermediate*, which has a box: its indices run as far as where they stand alone in the same
definition. ``a / b`` is ``a * reciprocal(b)`` and has no value where ``b`` is 0.

Sizes are named as in a layer, and an index has the size that it had in earlier definitions, unless
the axes at which it stands say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Symbol

from rot180.derive.language.axis_sizes import names_in
from rot180.derive.language.computed import Gather, Selection, gather_line, is_gather
from rot180.derive.language.formulas import FormulaTable, with_formulas
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.notation import scalar_names, unfold_activation, unfolded_body
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import symbol, text
from rot180.derive.language.printer import on_one_line, write
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.language.program_parser import ProgramParser
from rot180.derive.language.program_reader import SELECTED
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.spelling import application
from rot180.derive.language.sympy_bridge import drop_boxes, equations_text
from rot180.derive.language.terms import Access, Apply, Factor, Tensor, define
from rot180.derive.language.tokens import NotationError


@dataclass(frozen=True, repr=False)
class Program:
    """Several definitions in order, the last of which is the output.

    Attributes:
        name: a name, or "".
        definitions: the defined tensors, each in terms of free tensors and of earlier ones.
        tensors: the free tensors, in order of appearance.
        parameters: the symbols in coefficients and indices that are not sizes, in that order.
        text: the canonical notation.
        selections: what each ``max[j]`` and ``prod[j]`` has to be given; derivatives hold it fixed.
        gathers: the entries ``x[idx[n],c]``; the same holds for their tensors.
        tables: the functions of indices; the same holds for their tensors.

    """

    name: str = field(compare=False)
    definitions: tuple[Tensor, ...]
    tensors: tuple[Tensor, ...]
    parameters: tuple[Symbol, ...]
    text: str
    selections: tuple[Selection, ...] = ()
    gathers: tuple[Gather, ...] = ()
    tables: tuple[FormulaTable, ...] = ()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return on_one_line("Program", self.text)

    @property
    def output(self) -> Tensor:
        """Return the last definition."""
        return self.definitions[-1]

    @property
    def conventions(self) -> tuple[str, ...]:
        """Return what is assumed of selections and gathers, and of functions at kinks, as text.

        >>> parse_program("y[n] = max[j] x[n,j]").conventions
        ('largest_x[n,j] is 1 at the first largest x[n,j] over j, else 0; it is held fixed',)
        >>> parse_program("y[n] = max(a[n], b[n])").conventions
        ("heaviside(t) = (1 + sign(t))/2, heaviside(0) = 1/2, heaviside'(0) = 0",)
        """
        applied = (a.function for t in self.definitions for a in applications(t))
        known = (FUNCTIONS[name].agreed for name in applied if name in FUNCTIONS)
        selected = (convention(s, self.definitions) for s in self.selections)
        computed = [g.convention for g in self.gathers] + [t.convention for t in self.tables]
        return tuple(dict.fromkeys((*selected, *computed, *filter(None, known))))

    @property
    def arrays(self) -> tuple[Tensor, ...]:
        """Return the arrays of indices."""
        return tuple(dict.fromkeys(g.array for g in self.gathers))

    @property
    def divisors(self) -> tuple[Tensor, ...]:
        """Return the tensors of whose entries reciprocals are taken, or logarithms.

        The slope of a logarithm is a reciprocal, and neither exists at 0.

        >>> [t.name for t in parse_program("y[i] = x[i] / (x[i] + b[])").divisors]
        ['x_plus_b']
        """
        applied = (a for t in self.definitions for a in applications(t))
        divided = (a.argument.tensor for a in applied if a.function in ("reciprocal", "log"))
        return tuple(dict.fromkeys(divided))

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """Return what must hold so that all values exist, as text: ``b[i] != 0``.

        >>> parse_program("y[i] = x[i] / (x[i] + b[])").hypotheses
        ('x_plus_b[i] != 0',)
        """
        found: dict[str, None] = {}
        for t in self.definitions:
            assert t.definition is not None
            for applied in applications(t):
                z = applied.argument.tensor
                if applied.function in _DEFINED:
                    formals = next(
                        (u.definition.formals for u in self.definitions if u == z and u.definition),
                        tuple(e for e in applied.argument.index if isinstance(e, Symbol)),
                    )
                    at = ",".join(v.name for v in formals)
                    found[_DEFINED[applied.function].format(f"{z.name}[{at}]")] = None
        return tuple(found)


_DEFINED = {"reciprocal": "{} != 0", "log": "{} > 0", "sqrt": "{} > 0", "rsqrt": "{} > 0"}
"""Where a function has a value and derivatives."""


def applications(t: Tensor) -> Iterator[Apply]:
    """Yield the functions that a definition applies itself, not those in tensors that it uses."""
    body = t.definition.body if t.definition else ()
    for u in body:
        for f in map(unfold_activation, u.factors):
            if isinstance(f, Apply):
                yield f


def parse_program(source: str, name: str = "") -> Program:
    """Parse a program; a text with one definition is one too.

    >>> [t.name for t in parse_program("y[i] = exp(x[i] - m[])").definitions]
    ['x_minus_m', 'y']

    Raises:
        NotationError: the text is not in the notation; a caret in the message marks the error.

    """
    parser = ProgramParser(source)
    made = parser.definitions()
    return make_program(made, name, parser.selections, parser.gathers, parser.tables)


def read(spec: str, name: str = "") -> Layer | Program:
    """Return what a text defines: a layer if it is one definition of sums, else a program.

    Args:
        spec: a name of the catalogue, a layer or a program in the notation.
        name: a name, or "".

    Raises:
        NotationError: the text is not in the notation; a caret in the message marks the error.
        ValueError: no layer has that name.

    """
    if spec.strip() in PROGRAMS:
        return program(spec, name)
    try:
        return layer(spec)
    except NotationError:
        return parse_program(spec, name)


def program(spec: str | Sequence[sp.Equality], name: str = "") -> Program:
    """Return the program that a name, a text or a list of SymPy equations defines.

    >>> [t.name for t in program("softmax").definitions]
    ['m', 'x_minus_m', 'e', 'sum_e', 'y']

    Args:
        spec: a name of the catalogue, or the definitions, each after those that it uses.
        name: a name, or "".

    Raises:
        NotationError: the text is not in the notation; a caret in the message marks the error.
        ValueError: a part of an equation is not in the language; the message names it.

    """
    if isinstance(spec, str):
        known = PROGRAMS.get(spec.strip())
        return parse_program(known or spec, name or (spec.strip() if known else ""))
    line, sizes = equations_text(spec)
    images: dict[Tensor, Tensor] = {}
    for t in ProgramParser(line, sizes).definitions():
        made = with_tensors(t, images)
        assert made.definition is not None
        body = tuple(map(drop_boxes, made.definition.body))
        images[t] = define(made.name, made.shape, made.definition.formals, body)
    return make_program(tuple(images.values()), name)


def with_tensors(t: Tensor, images: Mapping[Tensor, Tensor]) -> Tensor:
    """Return a definition in terms of other tensors with the same boxes, also in functions."""

    def of(access: Access) -> Access:
        u = access.tensor
        applied = application(u)
        if u not in images and applied is not None and applied.entrywise:
            (z,) = applied.arguments
            assert isinstance(z, Tensor)
            return activation(applied.operator, applied.order, images.get(z, z))[access.index]
        return images.get(u, u)[access.index]

    def factor(f: Factor) -> Factor:
        if isinstance(f, Access):
            return of(f)
        return Apply(f.function, f.order, of(f.argument)) if isinstance(f, Apply) else f

    assert t.definition is not None
    terms = (replace(u, factors=tuple(map(factor, u.factors))) for u in t.definition.body)
    return define(t.name, t.shape, t.definition.formals, tuple(terms))


def make_program(
    definitions: Sequence[Tensor],
    name: str = "",
    selections: Sequence[Selection] = (),
    gathers: Sequence[Gather] = (),
    tables: Sequence[FormulaTable] = (),
) -> Program:
    """Return the program of some definitions: its operands, parameters and canonical text.

    Args:
        definitions: defined tensors, each after those that it uses.
        name: a name, or "".
        selections: what each ``max[j]`` and ``prod[j]`` has to be given.
        gathers: the entries at arrays of indices.
        tables: the functions of indices.

    Raises:
        ValueError: a tensor has no definition.

    """
    for t in definitions:
        if t.definition is None:
            raise ValueError(f"{t.name} has no definition, expected a definition of a program")
    free: dict[Tensor, None] = {}
    found: dict[str, None] = {}
    for t in definitions:
        found |= dict.fromkeys(scalar_names(t))
        for a in entries_in(t):
            if a.tensor not in definitions:
                free[a.tensor] = None
    sizes = names_in(e for t in (*definitions, *free) for e in t.shape)
    chosen = [t for s in selections for t in (s.tensor, s.fixed)]
    chosen += [*(g.tensor for g in gathers), *(t.tensor for t in tables)]
    operands = tuple(t for t in free if t not in chosen)
    functions = dict.fromkeys(
        a.function for t in definitions for a in applications(t) if a.function not in FUNCTIONS
    )
    found |= dict.fromkeys(n for t in tables for n in t.names)
    head = "".join(f"{n}: function; " for n in functions)
    parameters = tuple(symbol(n) for n in found if n not in sizes)
    bare = frozenset((*definitions, *free))
    extremes = {s.value: s for s in selections}

    def written(t: Tensor) -> str:
        if t.name in extremes:
            return extreme_line(t, extremes[t.name])
        if is_gather(t, gathers):
            return gather_line(t, gathers)
        return with_formulas(definition_line(t, bare, parameters), tables)

    lines = "; ".join(map(written, definitions))
    arrays = tuple(dict.fromkeys(g.array for g in gathers))
    line = head + _declarations(head + lines, definitions, (*operands, *arrays)) + lines
    made = tuple(selections), tuple(gathers), tuple(tables)
    return Program(name, tuple(definitions), operands, parameters, line, *made)


def entries_in(t: Tensor) -> Iterator[Access]:
    """Yield the entries in a definition, those in functions among them."""
    for u in t.definition.body if t.definition else ():
        for f in map(unfold_activation, u.factors):
            if isinstance(f, Apply):
                yield f.argument
            elif isinstance(f, Access):
                yield f


def definition_line(
    t: Tensor, bare: frozenset[Tensor] = frozenset(), parameters: Sequence[Symbol] = ()
) -> str:
    """Return a definition as text.

    Args:
        t: the defined tensor.
        bare: tensors that are written by their names, not as operators.
        parameters: the parameters, which are written ``s+0`` where they are whole indices.

    """
    assert t.definition is not None
    formals = t.definition.formals
    left = f"{t.name}[{','.join(v.name for v in formals)}]"
    return f"{left} = {write(unfolded_body(t), formals, parameters, bare)}"


def extreme_line(t: Tensor, selection: Selection) -> str:
    """Return the definition of a maximum or a product as text, ``m[n] = max[j] z[n,j]``."""
    entry, over = _selected(t, selection)
    assert t.definition is not None
    left = f"{t.name}[{','.join(v.name for v in t.definition.formals)}]"
    return f"{left} = {selection.kind}[{over}] {entry}"


def _selected(t: Tensor, selection: Selection) -> tuple[str, str]:
    """Return the entry that a maximum is of, and the indices over which it is taken, as text."""
    entry = next(a for a in entries_in(t) if a.tensor == selection.source)
    names = [text(e) for e in entry.index]
    return f"{entry.tensor.name}[{','.join(names)}]", ",".join(names[n] for n in selection.axes)


def convention(s: Selection, definitions: Sequence[Tensor]) -> str:
    """Return what is assumed of a selection, as text."""
    entry, over = _selected(next(t for t in definitions if t.name == s.value), s)
    chosen = f"{s.tensor.name}[{entry.partition('[')[2]}"
    word = SELECTED[s.kind]
    if s.kind == "prod":
        said = f"{chosen} is the product of all {entry} over {over} but this one"
        return f"{said}; it and their product are held fixed"
    return f"{chosen} is 1 at the first {word} {entry} over {over}, else 0; it is held fixed"


def _declarations(line: str, definitions: Sequence[Tensor], operands: Sequence[Tensor]) -> str:
    """Return the declarations of sizes; "" if the rule gives the sizes the same names."""
    plain = {t.name: t for t in ProgramParser(line).everything()}
    if all(plain[t.name].shape == t.shape for t in (*definitions, *operands)):
        return ""
    shapes = (
        (t.name, [text(e) for e in t.shape if e is not None]) for t in (*operands, *definitions)
    )
    return "".join(f"{name}[{','.join(shape)}]; " for name, shape in shapes)
