"""Theorems and proofs as LaTeX text, with the letters a reader expects.

Everything printed can be read back: a short proof leaves lines out, it never alters one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.display.definitions import readable, table
from rot180.derive.display.notations import DEEP_LEARNING, Symbols, Table
from rot180.derive.display.statement import as_padding, reading, sizes_of
from rot180.derive.display.terms_latex import TEXT_WIDTH, Letters, escape, letter, text_width, width
from rot180.derive.kernel.place import REASONS
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import (
    coefficient,
    factored,
    monomials,
    normal,
    ordered,
    symbol,
    symbols_of,
)
from rot180.derive.language.scalar_functions import FUNCTIONS, relation
from rot180.derive.language.spelling import application, spelled
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    indices,
    tensors,
    term,
)


def condition(c: Condition, style: Letters) -> str:
    """Return a condition without brackets, with positive terms on both sides."""
    if isinstance(c, Range):
        return style.factor(c)[1:-1]
    if isinstance(c, Equal):
        return " = ".join(style.sides(c.value))
    return " \\ge ".join(style.halves(c.value))


def letters(theorem: Theorem, symbols: Symbols = DEEP_LEARNING) -> Letters:
    """Choose the letters of a theorem and its proof: the loss, g = dL/dy, pi for paddings.

    Args:
        theorem: what is to be written.
        symbols: the notation.

    """
    known = _tensors(theorem)
    symbols = _for_windows(symbols, [*theorem.lines, *map(_body, known)])
    free = tuple(v for v, _ in theorem.variables)
    lines = (*theorem.lines, reading(theorem.rhs))
    bound = tuple(dict.fromkeys(v for line in lines for t in line for v in t.variables))
    used = {v.name for v in bound}.union(*map(_names, lines))
    values = () if "pi" in used else tuple(dict.fromkeys(_paddings(theorem)))
    names = ["\\pi"] if len(values) == 1 else [f"\\pi_{{{n + 1}}}" for n in range(len(values))]
    style = Letters(
        _forward_order(known, free),
        _tensor_letters(known, {t.name for t in known} | used, symbols),
        tuple((symbol(n), e) for n, e in zip(names, values, strict=True)),
        _index_letters([v.name for v in (*free, *bound)], used, symbols),
        symbols,
        free,
        tuple(sorted(used - {v.name for v in (*free, *bound)})),
    )
    return replace(style, bare=_alike(known, style))


def _alike(known: Iterable[Tensor], style: Letters) -> frozenset[Tensor]:
    """Return the tensors that would look as another one does."""
    looks: dict[str, set[Tensor]] = {}
    for t in known:
        looks.setdefault(style.tensor(t), set()).add(t)
    return frozenset(t for same in looks.values() if len(same) > 1 for t in same)


def layer_letters(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> Letters:
    """Choose the letters in which a layer's own definition is written."""
    inside = tensors((term(layer.output[_formals(layer.output)]),))
    symbols = _for_windows(symbols, map(_body, inside))
    variables = _index_variables(layer.output)
    used = {v.name for v in layer.output.parameters} | {v.name for v in variables}
    return Letters(
        variables,
        _tensor_letters(inside, {t.name for t in inside} | used, symbols),
        (),
        _index_letters([v.name for v in variables], used, symbols),
        symbols,
        _formals(layer.output),
    )


def _for_windows(symbols: Symbols, expressions: Iterable[Expression]) -> Symbols:
    """Rename the indices of windows only where they slide: where an entry has a sum of indices.

    So k is a where it is a tap, and k where it counts the inputs of a dense layer.
    """
    if not symbols.windows:
        return symbols
    names = dict(symbols.windows)
    sliding: set[str] = set()
    for t in (t for e in expressions for t in e):
        for part in accesses_and_brackets(t.factors):
            for e in indices(part) if isinstance(part, Access) else ():
                inside = {v.name.rstrip("0123456789") for v in symbols_of(e)} & names.keys()
                sliding |= inside if len(inside) > 1 else set()
    chosen = tuple(symbols.windows) if sliding else ()
    return replace(symbols, indices=(*symbols.indices, *chosen))


def _formals(t: Tensor) -> tuple[Symbol, ...]:
    return t.definition.formals if t.definition else ()


def _body(t: Tensor) -> Expression:
    return t.definition.body if t.definition else ()


def _index_variables(t: Tensor) -> tuple[Symbol, ...]:
    """Return the indices of a definition in the reader's order: those of the left side first."""
    return tuple(dict.fromkeys((*_formals(t), *(v for u in _body(t) for v in u.variables))))


def _names(expression: Expression) -> set[str]:
    return {v.name for t in expression for v in t.symbols}


def _forward_order(known: Sequence[Tensor], free: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Order index variables as the layer has them, after the free ones that it does not have."""
    swept = {pair[1] for t in known if (pair := _incoming(t))}
    swept = swept or {t.name for t in known if application(t) is None}
    forward = [v for t in known if t.name in swept for v in _index_variables(t)]
    return (*(v for v in free if v not in forward), *dict.fromkeys(forward))


def _tensor_letters(known: Sequence[Tensor], used: set[str], symbols: Symbols) -> Table:
    """Return the symbols of tensors; where the notation gives two the same, one keeps its name."""
    incoming = [t.name for t in known if t.name.startswith("grad_")]
    plain = len(incoming) == 1 and symbols.gradient not in used
    own, gradients = dict(symbols.tensors), dict(symbols.gradients)
    out: dict[str, str] = {}
    for t in known:
        name = t.name
        if _incoming(t):
            out[name] = symbols.loss
        elif name in incoming:
            y = name.removeprefix("grad_")
            other = symbols.gradient if plain else f"\\bar{{{own.get(y, letter(y))}}}"
            out[name] = gradients.get(y, other)
        elif name in own:
            out[name] = own[name] if own[name] not in out.values() else letter(name)
    return tuple(out.items())


def _index_letters(
    variables: Sequence[str],
    used: set[str],
    symbols: Symbols,
    fixed: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """Give each index the letter of the notation, with primes until no other name has it.

    The indices go first come, first served; ``h1`` takes the letter of ``h``. So no renaming
    captures a name, in any line of a proof. What is fixed stays as it is.
    """
    letters, out = dict(symbols.indices), dict(fixed)

    def chosen(name: str) -> str | None:
        return letters.get(name) or letters.get(name.rstrip("0123456789"))

    taken = {letter(name) for name in used if chosen(name) is None} | set(fixed.values())
    for name in dict.fromkeys((*variables, *sorted(used))):
        if name not in fixed and (shown := chosen(name)) is not None:
            while shown in taken:
                shown += "'"
            taken.add(shown)
            out[name] = shown
    return tuple(out.items())


def _tensors(theorem: Theorem) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(t for line in theorem.lines for t in tensors(line)))


def _paddings(theorem: Theorem) -> Iterator[Expr]:
    """Yield what stands in indices without a variable, where a name for it is shorter.

    It has three monomials, or two if it is a padding of the right side; ``K - 1`` keeps its look.
    The sign is that of the padding of the backward pass: sizes are positive in it.
    """
    free = tuple(v for v, _ in theorem.variables)
    named = [(free, t) for t in reading(theorem.rhs)]
    for f in (f for t in theorem.rhs for f in t.factors if isinstance(f, Access)):
        named += [(_formals(f.tensor), t) for t in _body(f.tensor)]
    shown = _tensors(theorem)
    shape, sizes = {n for t in shown for n in t.shape}, sizes_of(shown)
    lines = [(free, t) for line in theorem.lines for t in line]
    for n, (fixed, t) in enumerate([*named, *lines]):
        gone = dict.fromkeys((*fixed, *t.variables), sp.Integer(0))
        for part in accesses_and_brackets(t.factors):
            for e in indices(part):
                rest = normal(e.xreplace(gone))
                value, long = as_padding(rest, sizes), len(monomials(rest))
                short = n < len(named) and long == 2 and normal(value + 1) not in shape
                if long >= 3 or short:
                    yield value


def latex_expression(expression: Expression, style: Letters | None = None) -> str:
    """Return an expression as LaTeX mathematics on one line."""
    return (style or Letters()).rows(expression, float("inf"))[0]


@dataclass(frozen=True)
class Line:
    """One equation of an ``align*``; an empty left side continues the chain above it."""

    left: str
    right: Expression
    remark: str
    style: Letters

    def rows(self, room: float) -> list[str]:
        """Return the right side in rows no wider than `room` points."""
        return self.style.rows(self.right, room)


@dataclass(frozen=True)
class Matrix(Line):
    """The definition of a table of numbers.

    Attributes:
        entries: its rows; entry [0, 0] is the first one.

    """

    entries: tuple[tuple[Expr, ...], ...] = ()

    def rows(self, room: float) -> list[str]:
        """Return the table, whatever the room."""
        rows = " \\\\ ".join(" & ".join(map(str, row)) for row in self.entries)
        return [f"\\begin{{pmatrix}} {rows} \\end{{pmatrix}}"]


Display: TypeAlias = tuple[Line, ...]
"""Equations that are displayed together."""


def room(lines: Sequence[Line]) -> float:
    """Return the width that is left for right sides, in points."""
    return TEXT_WIDTH - max(width(line.left) for line in lines) - width("=")


def aligned(lines: Sequence[Line]) -> str:
    """Return the lines, aligned; right sides that are too long for the page are broken.

    Reasons stand in a column of their own if it fits beside the right sides, else at the margin.
    """
    space = room(lines)
    rows = [line.rows(space) for line in lines]
    widest = max(width(row) for row in (r for parts in rows for r in parts))
    reasons = max(text_width(line.remark) for line in lines)
    column = 0 < reasons <= space - widest - width("\\quad")
    out = []
    for line, parts in zip(lines, rows, strict=True):
        left = f"{line.left}\n" if line.left else ""
        before = "&\\quad& \\text" if column else "\\tag*"
        reason = f" {before}{{\\small {line.remark}}}" if line.remark else ""
        body = " \\\\\n  &\\qquad ".join(parts)
        out.append(f"{left}  &= {body}{reason}")
    begin, name = ("{alignat*}{2}", "alignat*") if column else ("{align*}", "align*")
    return f"\\begin{begin}\n" + " \\\\\n".join(out) + f"\n\\end{{{name}}}"


def listed(parts: Sequence[str]) -> str:
    """Join parts as a sentence does.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return ", ".join([*parts[:-2], " and ".join(parts[-2:])])


def box(t: Tensor, style: Letters) -> str:
    """Return the box of a tensor, its sizes multiplied."""
    sizes = ("\\mathbb{Z}" if n is None else style.polynomial(n) for n in t.shape)
    return " \\times ".join(sizes)


def definitions(defined: Iterable[Tensor], style: Letters) -> Display:
    """Return the equations that define tensors, each with its box."""
    return tuple(_definition(readable(t, style.free), style) for t in defined)


def _definition(t: Tensor, style: Letters) -> Line:
    assert t.definition is not None
    own, body = _inside(t, style), t.definition.body
    if entries := table(t):
        return Matrix(own.tensor(t), body, "rows and columns from $0$ on", own, entries)
    remark = f"box ${box(t, style)}$" if set(t.shape) - {None} else ""
    return Line(own.factor(Access(t, t.definition.formals)), body, remark, own)


def _inside(t: Tensor, style: Letters) -> Letters:
    """Return the letters inside a definition: its indices are its own, parameters keep theirs."""
    variables = _index_variables(t)
    own = {v.name for v in variables}
    names = {*style.parameters, *(v.name for v in t.parameters)} - own
    fixed = tuple((n, shown) for n, shown in style.names if n in names)
    letters = _index_letters([v.name for v in variables], own | names, style.symbols, dict(fixed))
    return replace(style, variables=variables, names=letters)


def latex_theorem(
    theorem: Theorem, known: Collection[Tensor] = (), symbols: Symbols = DEEP_LEARNING
) -> str:
    """Return the statement as LaTeX text, see `statement`."""
    parts = statement(theorem, known, symbols)
    return "\n".join(part if isinstance(part, str) else aligned(part) for part in parts)


def statement(
    theorem: Theorem, known: Collection[Tensor] = (), symbols: Symbols = DEEP_LEARNING
) -> list[str | Display]:
    """Return the statement: constants, conditions, equation, and what its names stand for.

    Args:
        theorem: what is stated.
        known: the tensors that the reader has met.
        symbols: the notation.

    Returns:
        sentences with their mathematics in ``$...$``, and displayed equations.

    """
    style = letters(theorem, symbols)
    named = [f"${style.symbol(c.name)} = {style.typeset(factored(e))}$" for c, e in style.constants]
    out: list[str | Display] = [f"Let {listed(named)}."] if named else []
    out.append(_for_all(theorem, style))
    lines = [Line(subject(theorem, style), theorem.rhs, "", style)]
    if (plain := reading(theorem.rhs)) != theorem.rhs:
        known = {*known, *(a.tensor for a in theorem.rhs[0].factors if isinstance(a, Access))}
        lines.append(Line("", plain, "", style))
    out.append(tuple(lines))
    if theorem.words:
        out.append(f"In words: {in_words(theorem, style)}.")
    applied = {
        (f.function, f.order) for u in theorem.rhs for f in u.factors if isinstance(f, Apply)
    }
    for name, order in sorted(a for a in applied if a[1]):
        nth = f"derivative of order {order}" if order > 1 else "derivative"
        said = f"The {nth} of ${style.function(name, 0)}$ is ${style.function(name, order)}$"
        out.append(f"{said}{_known(name, order, style)}.")
    if related := dict.fromkeys(_relations(theorem, style)):
        out.append(f"It is used that {listed([f'${one}$' for one in related])}.")
    new = [t for t in _tensors(theorem) if t not in known]
    if defined := [t for t in new if t.definition is not None]:
        out += ["Here", definitions(defined, style)]
    if free := [t for t in new if t.definition is None]:
        out.append(f"{'and' if defined else 'Here'} {listed([boxed(t, style) for t in free])}.")
    return out


def boxed(t: Tensor, style: Letters) -> str:
    """Say what box a free tensor has."""
    size = f"has the box ${box(t, style)}$" if t.shape else "is a number"
    return f"${style.tensor(t)}$ {size}"


def _for_all(theorem: Theorem, style: Letters) -> str:
    """Say under which conditions, and for which indices, a theorem holds."""
    given = [condition(c, style) for c in theorem.hypotheses]
    boxes = [(style.symbol(v.name), n) for v, n in theorem.variables]
    given += [f"0 \\le {name} < {style.polynomial(n)}" for name, n in boxes if n is not None]
    anywhere = [f"${name}$" for name, n in boxes if n is None]
    said = ", ".join(f"${c}$" for c in given)
    if anywhere:
        integers = f"{'all integers' if anywhere[1:] else 'every integer'} {listed(anywhere)}"
        return f"For all {said} and {integers}," if said else f"For {integers},"
    return f"For all {said}," if said else "We have"


_ATOM = r"\(?\w+(?:\^\d+)?\)?"
_VALUE = rf"-?{_ATOM}(?: ?[-+*] ?{_ATOM})*"


def in_words(theorem: Theorem, style: Letters) -> str:
    """Return the theorem's words with its tensors, indices and polynomials as mathematics."""
    known = {spelled(t): style.tensor(t) for t in _tensors(theorem)}
    longest = sorted(known, key=len, reverse=True)
    names = "|".join(map(re.escape, longest))
    applied = "|".join(re.escape(n) for n in longest if "(" in n) or "(?!)"
    for c, e in style.constants:
        known |= {factored(e): style.symbol(c.name), factored(normal(-e)): f"-{c.name}"}
    functions = "|".join(sorted(_functions(theorem))) or "(?!)"
    pattern = (
        rf"\b(?:of|with) (?P<name>{names})(?!\w)|(?P<applied>{applied})(?!\w)"
        rf"|\b(?:stride|dilation|padding) (?P<values>{_VALUE}(?: and {_VALUE})*)(?=[,;.]|$)"
        rf"|\b(?P<entrywise>(?:{functions})'*\((?:{names})\))"
        r"|\bover (?P<indices>\w+(?:, \w+)*)$|\b(?P<sum>\w+(?: [-+] \w+)+)"
    )
    out, at = "", 0
    for m in re.finditer(pattern, theorem.words):
        start, end = m.span(m.lastgroup or 0)
        said = theorem.words[start:end]
        if m["entrywise"]:
            head, inner = said.rstrip(")").split("(", 1)
            name = head.rstrip("'")
            known[said] = f"{style.function(name, len(head) - len(name))}({known[inner]})"
        parts = [said] if said in known else re.split(r"( and |, )", said)
        parts[::2] = [f"${known.get(e) or style.typeset(e)}$" for e in parts[::2]]
        out, at = out + escape(theorem.words[at:start]) + "".join(parts), end
    return re.sub(r"(\d+) x (\d+)", r"$\1 \\times \2$", out + escape(theorem.words[at:]))


def _functions(theorem: Theorem) -> set[str]:
    factors = (f for line in theorem.lines for t in line for f in t.factors)
    return {f.function for f in factors if isinstance(f, Apply)}


def latex_proof(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> str:
    """Return the proof as an ``align*`` with one reason a line, see `proof_lines`."""
    return aligned(proof_lines(theorem, detail, symbols))


def proof_lines(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> Display:
    """Return the proof as equations with one reason a line.

    Args:
        theorem: what is proved.
        detail: "full" shows every step, "short" leaves the housekeeping out.
        symbols: the notation.

    """
    style = letters(theorem, symbols)
    shown = outline(theorem, detail, symbols)
    lines = [Line("", theorem.lines[n], why, style) for n, why in shown]
    lines = lines or [Line("", theorem.rhs, "", style)]
    return (replace(lines[0], left=subject(theorem, style)), *lines[1:])


def subject(theorem: Theorem, style: Letters) -> str:
    """Return the left side; a gradient that the notation has a name for is also called by it."""
    left = latex_expression(theorem.lhs, style)
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 and theorem.lhs[0].factors else None
    if isinstance(head, Derivative) and len(head.factors) == 1:
        inner, name = head.factors[0], style.gradient(head.wrt.tensor.name)
        if isinstance(inner, Access) and not inner.index and name:
            return f"{name}{style.index(head.wrt.index, ())} = {left}"
    return left


_HOUSEKEEPING = frozenset({"exchange", "reorder", "collect", "arrange", "bracket", "leibniz"})
_WORDS = {
    "linearity": REASONS["definition"],
    "sift": "put ${variable} = {value}$",
    "reindex": "put {mapping}",
    "entry": "$\\partial {entry} / \\partial {other} = [i = j]$",
}
_OPERATORS = {"correlate": "correlation", "convolve": "convolution", "matmul": "matrix product"}
_GATHERED = frozenset({"reindex", "sift", "euclid", "entry"})


def outline(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> list[tuple[int, str]]:
    """Return the lines of the proof to show, by number, each with its reason.

    Raises:
        ValueError: detail is neither "short" nor "full".

    """
    if detail not in ("short", "full"):
        raise ValueError(f"detail: found {detail!r}, expected 'short' or 'full'")
    style = letters(theorem, symbols)
    groups: list[tuple[int, str, list[str]]] = []
    for n, step in enumerate(theorem.proof.steps):
        _, rule, reasons = groups[-1] if groups else (0, "", [])
        if detail == "full" or not groups:
            groups.append((n + 1, step.rule, [_reason(theorem, n, style)]))
        elif step.rule in _HOUSEKEEPING or _trivial(theorem, n):
            groups[-1] = (n + 1, rule, reasons)
        elif step.rule == "entry" or (step.rule in _GATHERED and step.rule == rule):
            groups[-1] = (n + 1, rule, [*reasons, _reason(theorem, n, style)])
        else:
            groups.append((n + 1, step.rule, [_reason(theorem, n, style)]))
    return [(n, _joint(list(dict.fromkeys(reasons)))) for n, _, reasons in groups]


def _joint(reasons: list[str]) -> str:
    """Join reasons, and say what they have in common once."""
    found = [re.fullmatch(r"([^$]*)(\$.*\$)([^$]*)", r) for r in reasons]
    pieces = [m.groups() for m in found if m]
    ends = {(before, after) for before, _, after in pieces}
    if len(pieces) == len(reasons) and len(ends) == 1:
        before, after = ends.pop()
        return before + ", ".join(inside for _, inside, _ in pieces) + after
    return "; ".join(reasons)


def _used(theorem: Theorem, number: int) -> tuple[Term, Factor | None, dict[str, Any]]:
    """Return the term a step is applied to, the factor if there is one, and the arguments."""
    step = theorem.proof.steps[number]
    t = theorem.lines[number + step.reverse][step.at]
    given: dict[str, Any] = dict(step.arguments)
    return t, t.factors[given["factor"]] if "factor" in given else None, given


def _trivial(theorem: Theorem, number: int) -> bool:
    """Tell whether a step only renames, or drops a derivative that is zero."""
    _, f, given = _used(theorem, number)
    if theorem.proof.steps[number].rule == "entry" and isinstance(f, Derivative):
        return all(g.tensor != f.wrt.tensor for g in f.factors if isinstance(g, Access))
    return "mapping" in given and all(e.is_Symbol for _, e in given["mapping"])


def _reason(theorem: Theorem, number: int, style: Letters) -> str:
    """Return why a step holds."""
    rule = theorem.proof.steps[number].rule
    t, f, given = _used(theorem, number)
    after = theorem.lines[number + 1]
    bound = tuple(dict.fromkeys(v for u in (t, *after) for v in u.variables))
    shown = {n: style.polynomial(e, bound) for n, e in given.items() if isinstance(e, Expr)}
    # the derivative of a constant is that of an empty product
    access = next(iter(f.factors), None) if isinstance(f, Derivative) else f
    if isinstance(access, Access):
        shown["tensor"] = style.tensor(access.tensor)
        if number == 0 and rule == "linearity" and (incoming := _incoming(access.tensor)):
            g, y = map(style.tensor, incoming)
            return f"chain rule, ${g} = \\partial {shown['tensor']} / \\partial {y}$"
    if rule == "entry" and isinstance(f, Derivative) and _trivial(theorem, number):
        return f"$\\partial {shown['tensor']} / \\partial {style.tensor(f.wrt.tensor)} = 0$"
    if rule == "entry" and isinstance(f, Derivative) and not f.wrt.index:
        return f"$\\partial {shown['tensor']} / \\partial {shown['tensor']} = 1$"
    if rule == "entry" and isinstance(f, Derivative):
        i, j = ("_{i}", "_{j}") if style.symbols.subscripts else ("[i]", "[j]")
        name = f"{{{shown['tensor']}}}" if "_" in shown["tensor"] else shown["tensor"]
        shown |= {"entry": name + i, "other": name + j}
    if rule == "definition" and isinstance(access, Access):
        applied = application(access.tensor)
        if applied is not None and applied.operator in _OPERATORS:
            return f"definition of the {_OPERATORS[applied.operator]}"
    if rule == "bracket" and not given["add"]:
        implied = ", ".join(f"${style.factor(t.factors[n], bound)}$" for n in given["drop"])
        return f"{implied} {'is' if len(given['drop']) == 1 else 'are'} implied"
    if isinstance(f, Equal) and "variable" in given:
        v = given["variable"]
        shown["value"] = style.polynomial(normal(v - coefficient(f.value, v) * f.value), bound)
    if "mapping" in given:
        moved = [(v, e) for v, e in given["mapping"] if not e.is_Symbol]
        if not moved:
            return "other names"
        shown["mapping"] = ", ".join(
            f"${style.symbol(v.name)} \\mapsto {style.polynomial(e, bound)}$" for v, e in moved
        )
    if "theorem" in given:
        shown["theorem"] = _citation(given, style)
    if rule == "relate" and isinstance(f, Apply):
        shown["relation"] = _relation(f.function, f.order, style)
    return _WORDS.get(rule, REASONS[rule]).format(**shown)


def _known(name: str, order: int, style: Letters) -> str:
    """Say what is known of a derivative: a relation, or what holds where there is none."""
    if relation(name, order) is not None:
        return f", ${_relation(name, order, style)}$"
    if name in FUNCTIONS and order == 1 and FUNCTIONS[name].convention:
        said = FUNCTIONS[name].convention.replace(f"{name}'", style.function(name, 1))
        return f", with ${said}$"
    return ""


def _relations(theorem: Theorem, style: Letters) -> Iterator[str]:
    """Yield the relations that a proof uses."""
    for number, step in enumerate(theorem.proof.steps):
        _, f, _ = _used(theorem, number)
        if step.rule == "relate" and isinstance(f, Apply):
            yield _relation(f.function, f.order, style)


def _relation(name: str, order: int, style: Letters) -> str:
    r"""Write what a function's derivative is, ``\tanh' = 1 - \tanh^{2}``."""
    found = relation(name, order)
    assert found is not None
    out = ""
    for powers, c in ordered(found):
        words = ["t" if n == "t" else style.function(n, 0) for n, _ in powers]
        parts = [w if k == 1 else f"{w}^{{{k}}}" for w, (_, k) in zip(words, powers, strict=True)]
        size = [str(abs(c))] if abs(c) != 1 or not parts else []
        sign = (" - " if c < 0 else " + ") if out else "-" if c < 0 else ""
        out += sign + "\\,".join([*size, *parts])
    at = "(t)" if symbol("t") in symbols_of(found) else ""
    return f"{style.function(name, order)}{at} = {out or '0'}"


def _citation(given: dict[str, Any], style: Letters) -> str:
    """Say which theorem is used, and what its tensors and indices stand for."""
    proof = given["theorem"]
    inside = _inside_proof(proof)
    swaps = [(inside.get(old, old), style.tensor(new)) for old, new in given["tensors"]]
    if "inner" in given:
        (known,) = proof.start[0].factors
        swaps.append((known.wrt.tensor, style.tensor(given["inner"])))
    else:
        swaps += [(v.name, style.polynomial(e)) for v, e in given["symbols"] if v != e]
    applied = [f"${style.tensor(old)} = {new}$" for old, new in swaps]
    said = f"by Theorem \\texttt{{{escape(proof.name)}}}"
    return f"{said}, applied to {listed(applied)}" if applied else said


@lru_cache(maxsize=512)
def _inside_proof(proof: Proof) -> Mapping[str, Tensor]:
    """Return the tensors of a proof by name."""
    return {t.name: t for t in _tensors(replay(proof))}


def losses(theorem: Theorem) -> tuple[Tensor, ...]:
    """Return the losses that are the sum of g times y, for an output y."""
    return tuple(t for t in _tensors(theorem) if _incoming(t))


def _incoming(loss: Tensor) -> tuple[str, str] | None:
    """Return the names of g and y where a loss is the sum of g times y, g called grad_y."""
    if loss.definition is None or loss.shape or len(loss.definition.body) != 1:
        return None
    (u,) = loss.definition.body
    parts = [f for f in u.factors if isinstance(f, Access)]
    if len(u.factors) != 2 or len(parts) != 2 or u.coefficient != 1:
        return None
    g, y = parts
    whole = g.index == y.index == u.variables and g.tensor.shape == y.tensor.shape
    named = g.tensor.name == f"grad_{y.tensor.name}" and g.tensor.definition is None
    return (g.tensor.name, y.tensor.name) if whole and named else None
