"""Parses programs, one definition after the other; `programs` states the notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.axis_sizes import name_sizes, names_in
from rot180.derive.language.builder import Builder
from rot180.derive.language.computed import Gather, Selection
from rot180.derive.language.formulas import FormulaTable
from rot180.derive.language.gather_reader import RawDefinition
from rot180.derive.language.limits import cure as raising
from rot180.derive.language.limits import most
from rot180.derive.language.notation import entries_of, refuse_clashes, refuse_ranks
from rot180.derive.language.polynomial import symbols_of, text
from rot180.derive.language.program_reader import (
    CHOSEN,
    ProgramReader,
    stands_alone,
)
from rot180.derive.language.statements import Statement, statements
from rot180.derive.language.terms import Access, Tensor, accesses_and_brackets, define
from rot180.derive.language.tokens import NotationError, RawEntry, RawTerm, Token, raw_indices
from rot180.derive.language.value_reader import ValueReader


@dataclass(frozen=True)
class _Parsed:
    """A definition before its terms are built.

    Attributes:
        reader: the reader of its text.
        made: its intermediates, and the definition itself as the last.
        entries: the entries in it, by name and index.
        shapes: the sizes of all tensors in it.
        lengths: the sizes of its indices.

    """

    reader: ProgramReader
    made: tuple[RawDefinition, ...]
    entries: tuple[tuple[str, tuple[Expr, ...]], ...]
    shapes: dict[str, tuple[Expr, ...]]
    lengths: dict[str, Expr]

    def leaves_out(self, inner: RawDefinition) -> bool:
        """Say whether a sum in parentheses has a box that leaves out what is multiplied by it.

        ``(x[k] + b[]) * w[p+k]`` is not zero outside the box of x. If nothing else bounds k, the
        sum over k would be infinite, and is meant to run over that box.
        """
        names = {i.name for i in self.made[:-1]}
        for v in inner.formals if inner.group else ():
            if v in self.reader.free or all(stands_alone(v, t.factors) for t in inner.terms):
                continue
            for t in (t for i in self.made for t in i.terms):
                words = {f.name.text for f in t.factors if isinstance(f, RawEntry)}
                others = [
                    f
                    for f in t.factors
                    if not (isinstance(f, RawEntry) and f.name.text in names)
                    and any(v in symbols_of(e) for e in raw_indices((f,)))
                ]
                if inner.name in words and others and not stands_alone(v, others):
                    return True
        return False


class ProgramParser:
    """Parses the definitions of a program one by one."""

    def __init__(
        self, source: str, sizes: Mapping[str, tuple[Expr | None, ...]] | None = None
    ) -> None:
        """Split a text.

        Args:
            source: the text.
            sizes: further declarations; None for an axis sized by the rule.

        """
        self._source = source
        self._parts = statements(source)
        self._names = {t.text.rstrip("'") for s in self._parts for t in s.window if t.is_name}
        self._functions: dict[str, Token] = {}
        self._declared: dict[str, tuple[Expr | None, ...]] = dict(sizes or {})
        self._known: dict[str, Tensor] = {}
        self._lengths: dict[str, Expr] = {}
        self._used: set[str] = set()
        self._roles: dict[str, str] = {}
        self._intermediates: list[Tensor] = []
        self.selections: list[Selection] = []
        self.gathers: list[Gather] = []
        self.tables: list[FormulaTable] = []
        self._later = {s.name.text: s.name for s in self._parts if s.kind == "definition"}

    def definitions(self) -> tuple[Tensor, ...]:
        """Return the definitions, intermediates among them.

        Raises:
            NotationError: the text is not in the notation.

        """
        self._refuse_wrong_order()
        declarations: dict[str, Token] = {}
        applied: set[str] = set()
        out: list[Tensor] = []
        for part in self._parts:
            reader = self._reader(part)
            if part.kind == "function":
                self._functions[reader.function()] = part.name
                reader.end("the end of the declaration")
            elif part.kind == "declaration":
                if part.name.text in declarations:
                    what = f"{part.name.text} is declared twice"
                    self._fail(what, part.name, cure="drop one declaration")
                declarations[part.name.text] = part.name
                self._declared |= [reader.declared_sizes()]
            else:
                parsed = self._parsed(part)
                out += self._definition(parsed)
                if len(out) > most("definitions"):
                    cure = f"write several programs, or {raising('definitions')}"
                    what = f"more than {most('definitions')} definitions and intermediates"
                    self._fail(what, part.name, cure=cure)
                applied |= parsed.reader.functions.keys()
        used = self._used | {s.value for s in self.selections if s.tensor.name in self._names}
        for word, token in self._later.items():
            if word not in used and word != out[-1].name:
                cure = f"use it, or drop it; the output is the last definition, {out[-1].name}"
                self._fail(f"{word} is defined but not used", token, cure=cure)
        for word, token in declarations.items():
            if word not in used and word != out[-1].name:
                self._fail(f"{word} is declared but not used", token, cure="drop it")
        for word, token in self._functions.items():
            if word not in applied:
                self._fail(f"the function {word} is declared but not used", token, cure="drop it")
        return tuple(out)

    def everything(self) -> tuple[Tensor, ...]:
        """Return the definitions and the operands."""
        self.definitions()
        return tuple(self._known.values())

    def _reader(self, part: Statement, groups: bool = True) -> ProgramReader:
        # what a maximum selects may be used by its name, which is therefore not taken
        chosen = {n for n in self._names - self._later.keys() if n.startswith(CHOSEN)}
        taken = (self._names - chosen) | self._declared.keys() | self._known.keys()
        taken |= names_in(self._all_sizes())
        taken |= self._lengths.keys()
        return ValueReader(self._source, part.window, self._functions, taken, groups)

    def _all_sizes(self) -> list[Expr | None]:
        shapes = (*self._declared.values(), *(t.shape for t in self._known.values()))
        return [e for shape in shapes for e in shape]

    def _fail(self, problem: str, token: Token, expected: str = "", *, cure: str) -> NoReturn:
        raise NotationError(problem, self._source, token, expected=expected, cure=cure)

    def _refuse_wrong_order(self) -> None:
        made = [s for s in self._parts if s.kind == "definition"]
        if not made:
            at = self._parts[-1].window[-1]
            example = "y[p] = sum[k] x[p+k] * w[k]"
            self._fail("a text without a definition", at, "a definition", cure=f"write {example}")
        for s in self._parts[self._parts.index(made[0]) :]:
            if s.kind != "definition":
                cure = (
                    "put declarations first; if it continues the line before, join them by a sign"
                )
                self._fail("a declaration after a definition", s.name, "a definition", cure=cure)
        first: dict[str, Token] = {}
        for s in made:
            if s.name.text in first:
                self._fail(f"{s.name.text} is defined twice", s.name, cure="rename one of them")
            first[s.name.text] = s.name

    def _parsed(self, part: Statement) -> _Parsed:
        """Parse a definition, and name the sizes in it."""
        for groups in (True, False):
            reader = self._reader(part, groups)
            raws = reader.layer()
            self._refuse_names(reader)
            refuse_ranks(reader, {**self._known, **self._declared_only()})
            inner = tuple(reader.intermediates)
            terms = [*raws, *(t for i in inner for t in i.terms)]
            arrays = ((a.name.text, a.index) for a in reader.arrays)
            entries = ((reader.output.text, reader.free), *entries_of(terms), *arrays)
            shapes, lengths = self._shapes(reader, entries, inner)
            made = _with_output(inner, reader, raws)
            parsed = _Parsed(reader, made, entries, shapes, lengths)
            if groups and any(map(parsed.leaves_out, inner)):
                continue
            try:
                _refuse_unsized(parsed)
                break
            except NotationError:
                if not groups:
                    raise
        return parsed

    def _definition(self, parsed: _Parsed) -> list[Tensor]:
        """Return the intermediates of a definition and its tensor."""
        reader, shapes = parsed.reader, parsed.shapes
        refuse_clashes(reader, names_in(self._all_sizes()) | names_in(sum(shapes.values(), ())))
        self._keep_roles(reader, shapes)
        self._lengths |= parsed.lengths
        new = list[Tensor]()
        output = reader.output.text
        for i in parsed.made:
            own = {v.name: n for v, n in zip(i.formals, shapes[i.name], strict=True)}
            builder = Builder(reader, shapes, self._known, own, i.formals)
            body = builder.expression(i.sized(shapes))
            t = define(i.name, shapes[i.name], i.formals, body)
            same = (
                u for u in self._intermediates if (u.shape, u.definition) == (t.shape, t.definition)
            )
            found = t if i.name == output else next(same, None)
            if found is None:
                self._intermediates.append(t)
            if found in (None, t):
                new.append(t)
                if i.extreme:
                    self.selections.append(self._selection(i, shapes))
                for one, array in i.gathers:
                    self.gathers.append(Gather(*(_free(f, shapes) for f in (one, array))))
            self._known[i.name] = found or t
        for word, _ in parsed.entries:
            if word != output:
                self._used.add(word)
            self._known.setdefault(word, Tensor(word, shapes[word]))
        self.tables += [
            FormulaTable(_free(f, shapes), f.index, formula)  # type: ignore[arg-type]
            for formula, f in reader.formulas.items()
        ]
        self._refuse_arrays(reader)
        return new

    def _refuse_arrays(self, reader: ProgramReader) -> None:
        """Refuse an array of indices that is defined, or that is multiplied too."""
        arrays = {g.array.name: g.array for g in self.gathers}
        free = {f.tensor for t in self._known.values() for f in _factors(t)}
        for word, t in arrays.items():
            token, _ = reader.tensors.get(word, (reader.output, 0))
            if self._known[word].definition is not None:
                what = f"the array of indices {word} is computed"
                self._fail(what, token, "an operand", cure="pass it as an array of integers")
            if t in free:
                what = f"{word} is an array of indices, and its entries are values too"
                cure = "pass the values as another operand"
                self._fail(what, token, "entries in indices alone", cure=cure)

    def _selection(self, i: RawDefinition, shapes: Mapping[str, tuple[Expr, ...]]) -> Selection:
        chosen, entry = i.selected
        word, (t, *others) = entry.name.text, i.terms
        source = self._known.get(word, Tensor(word, shapes[word]))
        axes = tuple(n for n, e in enumerate(entry.index) if e in t.variables)
        fixed = next((Tensor(n, shapes[i.name]) for u in others for n, _ in entries_of([u])), None)
        chosen_ones = Tensor(chosen.name.text, source.shape)
        return Selection(chosen_ones, i.extreme, i.name, source, axes, fixed)

    def _declared_only(self) -> dict[str, Tensor]:
        boxes = {n: tuple(e or sp.Integer(0) for e in s) for n, s in self._declared.items()}
        return {n: Tensor(n, shape) for n, shape in boxes.items() if n not in self._known}

    def _refuse_names(self, reader: ProgramReader) -> None:
        """Refuse a tensor that is defined later, and a reserved name."""
        output = reader.output.text
        later = {n for n in self._later if n not in self._known} - {output}
        for token in reader.entries:
            if token.text in later:
                self._fail(
                    f"{token.text} is used before it is defined",
                    token,
                    "an operand, or a tensor that is defined before",
                    cure=f"move its definition before that of {output}; if it needs {output} too, "
                    "the two are defined by each other, and no order computes them",
                )
        for token in (reader.output, *reader.entries):
            owner = token.text.removeprefix("grad_")
            if owner != token.text and (owner in self._later or owner in self._known):
                what = f"the name is reserved for the gradient by {owner}"
                self._fail(what, token, cure="rename it")

    def _shapes(
        self,
        reader: ProgramReader,
        entries: Sequence[tuple[str, tuple[Expr, ...]]],
        inner: Sequence[RawDefinition],
    ) -> tuple[dict[str, tuple[Expr, ...]], dict[str, Expr]]:
        """Name the sizes of all tensors in a definition, and of its indices."""
        declared = {**self._declared, **{n: t.shape for n, t in self._known.items()}}
        here = {
            e.name
            for word, places in entries
            for e, n in zip(places, declared.get(word, (None,) * len(places)), strict=True)
            if n is not None and isinstance(e, Symbol)
        }
        known = {v: n for v, n in self._lengths.items() if v in reader.index and v not in here}
        whole = [*entries, *((i.name, i.formals) for i in inner)]
        shapes = name_sizes(whole, declared, reader.index, self._names | self._known.keys(), known)
        lengths = {
            e.name: n
            for word, places in entries
            for e, n in zip(places, shapes[word], strict=True)
            if isinstance(e, Symbol) and e.name in reader.index
        }
        return shapes, lengths

    def _keep_roles(self, reader: ProgramReader, shapes: Mapping[str, tuple[Expr, ...]]) -> None:
        """Refuse a name that had another role in an earlier definition."""
        for name, role, token in _roles(reader, names_in(sum(shapes.values(), ()))):
            before = self._roles.setdefault(name, role)
            if before != role:
                what = f"{name} is {role} here, and {before} in an earlier definition"
                self._fail(what, token, cure="rename one of them")


def _free(entry: RawEntry, shapes: Mapping[str, tuple[Expr, ...]]) -> Tensor:
    return Tensor(entry.name.text, shapes[entry.name.text])


def _factors(t: Tensor) -> Iterator[Access]:
    for u in t.definition.body if t.definition else ():
        yield from (f for f in accesses_and_brackets(u.factors) if isinstance(f, Access))


def _with_output(
    inner: Sequence[RawDefinition], reader: ProgramReader, raws: Sequence[RawTerm]
) -> tuple[RawDefinition, ...]:
    """Return the intermediates and the definition, which may be the last of them: a maximum."""
    output = reader.output
    last = inner[-1] if inner and inner[-1].alone else None
    if last and len(raws) == 1 and raws[0].coefficient == 1 and not raws[0].variables:
        (f, *others) = raws[0].factors
        same = isinstance(f, RawEntry) and f.name.text == last.name and not f.function
        if same and not others and last.formals == reader.free:
            return (*inner[:-1], replace(last, name=output.text))
    return (*inner, RawDefinition(output, output.text, reader.free, tuple(raws)))


def _refuse_unsized(parsed: _Parsed) -> None:
    """Refuse an index of an intermediate that has no size, or several."""
    *inner, _ = parsed.made
    names = {i.name for i in inner}
    names |= set().union(*(i.fixed for i in parsed.made))
    lengths: dict[Symbol, dict[Expr, str]] = {}
    for word, places in parsed.entries:
        for e, n in zip(places, parsed.shapes[word], strict=True):
            if isinstance(e, Symbol) and word not in names:
                lengths.setdefault(e, {})[n] = word
    for i in inner:
        for v in i.formals:
            found = lengths.get(v, {})
            if len(found) == 1:
                continue
            sizes = " and ".join(f"{text(n)} in {word}" for n, word in found.items())
            why = f"the index {v} has two sizes, {sizes}" if found else f"{v} has no size"
            parsed.reader.fail(
                f"the expression has a value for each {v}, but {why}",
                i.at,
                f"one size for {v}: that of the axes where it stands alone",
                cure="define the expression in a line of its own, with a declaration of its "
                f"sizes in front, such as u[{','.join(f.name.upper() for f in i.formals)}]",
            )


def _roles(reader: ProgramReader, sizes: set[str]) -> Iterator[tuple[str, str, Token]]:
    """Yield the names in a definition, each with its role and where it is."""
    places = {t.text.rstrip("'"): t for t in reversed(reader.window) if t.is_name}
    for name in reader.index:
        yield name, "an index", places.get(name) or reader.summed[name]
    for token in (*(t for t, _ in reader.outside), *reader.scalars):
        role = "a size" if token.text in sizes else "a parameter"
        yield token.text, role, token
    for name, (token, _) in reader.tensors.items():
        yield name, "a tensor", token
    for name in reader.functions.keys() & places.keys():
        yield name, "a function", places[name]
