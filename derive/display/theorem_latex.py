"""Theorems as LaTeX text: statements and definitions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf
from typing import Any

from rot180.derive.display.definitions import every_tensor, readable
from rot180.derive.display.equations import Display, EquationLine, Matrix, aligned
from rot180.derive.display.letters import (
    inside_definition,
    letters,
)
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.statement import divisor_entries
from rot180.derive.display.terms_latex import ARGUMENT, Letters, escape
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.number_tables import table
from rot180.derive.language.polynomial import (
    factored,
    normal,
    ordered,
    symbol,
    symbols_of,
)
from rot180.derive.language.scalar_functions import FUNCTIONS, relation
from rot180.derive.language.spelling import display_name, unfold_operators
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
    term,
)


def condition(c: Condition, style: Letters) -> str:
    """Return a condition without brackets, with positive terms on both sides."""
    if isinstance(c, Range):
        return style.factor(c)[1:-1]
    if isinstance(c, Equal):
        return " = ".join(style.sides(c.value))
    return " \\ge ".join(style.halves(c.value))


def latex_expression(expression: Expression, style: Letters | None = None) -> str:
    """Return an expression as LaTeX mathematics on one line."""
    return (style or Letters()).rows(expression, float("inf"))[0]


def listed(parts: Sequence[str]) -> str:
    """Join parts to an enumeration.

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


def _definition(t: Tensor, style: Letters) -> EquationLine:
    assert t.definition is not None
    own, body = inside_definition(t, style), t.definition.body
    if entries := table(t):
        return Matrix(own.tensor(t), body, "rows and columns from $0$ on", own, entries=entries)
    remark = f"box ${box(t, style)}$" if set(t.shape) - {None} else ""
    return EquationLine(own.factor(Access(t, t.definition.formals)), body, remark, own)


def latex_theorem(
    theorem: Theorem,
    known: Collection[Tensor] = (),
    symbols: Symbols = DEEP_LEARNING,
    page: float = inf,
) -> str:
    """Return the statement as LaTeX text, see `statement` and `aligned`."""
    parts = statement(theorem, known, symbols)
    return "\n".join(part if isinstance(part, str) else aligned(part, page) for part in parts)


def statement(
    theorem: Theorem, known: Collection[Tensor] = (), symbols: Symbols = DEEP_LEARNING
) -> list[str | Display]:
    """Return the statement: constants, conditions, equation, and definitions.

    Args:
        theorem: the theorem.
        known: the tensors that the document has already defined.
        symbols: the notation.

    Returns:
        sentences with their mathematics in ``$...$``, and displayed equations.

    """
    style = letters(theorem, symbols)
    named = [f"${style.symbol(c.name)} = {style.typeset(factored(e))}$" for c, e in style.constants]
    out: list[str | Display] = [f"Let {listed(named)}."] if named else []
    out.append(_for_all(theorem, style))
    lines = [EquationLine(subject(theorem, style), theorem.rhs, "", style)]
    if (plain := unfold_operators(theorem.rhs)) != theorem.rhs:
        heads = [a.tensor for a in theorem.rhs[0].factors if isinstance(a, Access)]
        known = {*known, *(t for t in heads if not _renames(t))}
        lines.append(EquationLine("", plain, "", style))
    out.append(tuple(lines))
    if theorem.words:
        out.append(f"In words: {in_words(theorem, style)}.")
    applied = {
        (f.function, f.order) for u in theorem.rhs for f in u.factors if isinstance(f, Apply)
    }
    for name, order in sorted(a for a in applied if a[1]):
        nth = f"derivative of order {order}" if order > 1 else "derivative"
        said = f"The {nth} of ${style.function(name, 0)}$ is ${style.function(name, order)}$"
        out.append(f"{said}{known_derivative(name, order, style)}.")
    if relations := dict.fromkeys(_relations(theorem, style)):
        out.append(f"The proof uses {listed([f'${one}$' for one in relations])}.")
    new = [t for t in every_tensor(*theorem.lines) if t not in known]
    if defined := [t for t in new if t.definition is not None]:
        out += ["Here", definitions(defined, style)]
    if free := [t for t in new if t.definition is None]:
        out.append(f"{'and' if defined else 'Here'} {listed(_boxes(free, style))}.")
    return out


def _boxes(free: Sequence[Tensor], style: Letters) -> list[str]:
    """Return the boxes of free tensors, as clauses; numbers share one."""
    numbers = [t for t in free if not t.shape]
    if len(numbers) < 2:
        return [boxed(t, style) for t in free]
    names = listed([f"${style.tensor(t)}$" for t in numbers])
    return [*(boxed(t, style) for t in free if t.shape), f"{names} are numbers"]


def _renames(t: Tensor) -> bool:
    """Say whether a tensor has the entries of another one at other places, as a rotation has."""
    body = t.definition.body if t.definition is not None else ()
    return len(body) == 1 and len(body[0].factors) == 1 and not body[0].variables


def boxed(t: Tensor, style: Letters) -> str:
    """Return the box of a free tensor, as a clause."""
    size = f"has the box ${box(t, style)}$" if t.shape else "is a number"
    return f"${style.tensor(t)}$ {size}"


def _for_all(theorem: Theorem, style: Letters) -> str:
    """Return the conditions and indices of a theorem, as a clause."""
    given = [condition(c, style) for c in theorem.hypotheses]
    for t in divisor_entries(theorem):
        given.append(f"{style.factor(t.factors[0], t.variables)} \\ne 0")
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
    """Return the words of a theorem, with tensors, indices and polynomials as mathematics."""
    known = {display_name(t): style.tensor(t) for t in every_tensor(*theorem.lines)}
    longest = sorted(known, key=len, reverse=True)
    names = "|".join(map(re.escape, longest))
    applied = "|".join(re.escape(n) for n in longest if "(" in n) or "(?!)"
    for c, e in style.constants:
        known |= {factored(e): style.symbol(c.name), factored(normal(-e)): f"-{c.name}"}
    functions = "|".join(sorted(_functions(theorem))) or "(?!)"
    pattern = (
        rf"\b(?:of|with) (?P<name>{names})(?!\w)|(?P<applied>{applied})(?!\w)"
        rf"|\b(?:stride|dilation|padding|from) (?P<values>{_VALUE}(?: and {_VALUE})*)"
        r"(?= on\b|[,;.]|$)"
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


def subject(theorem: Theorem, style: Letters) -> str:
    """Return the left side; a gradient with a symbol in the notation is preceded by it."""
    left = latex_expression(theorem.lhs, style)
    head = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 and theorem.lhs[0].factors else None
    if isinstance(head, Derivative) and len(head.factors) == 1:
        inner, name = head.factors[0], style.gradient(head.wrt.tensor.name)
        if isinstance(inner, Access) and not inner.index and name:
            return f"{name}{style.index(head.wrt.index, ())} = {left}"
    return left


def used(theorem: Theorem, number: int) -> tuple[Term, Factor | None, dict[str, Any]]:
    """Return the term that a step is applied to, its factor if there is one, and the arguments."""
    step = theorem.proof.steps[number]
    t = theorem.lines[number + step.reverse][step.at]
    if step.inside is not None:
        pending = t.factors[step.inside]
        assert isinstance(pending, Derivative)
        t = term(*pending.factors)
    given: dict[str, Any] = dict(step.arguments)
    return t, t.factors[given["factor"]] if "factor" in given else None, given


def known_derivative(name: str, order: int, style: Letters) -> str:
    """Return the relation of a derivative, or the convention where it does not exist, as text."""
    if relation(name, order) is not None:
        return f", ${relation_latex(name, order, style)}$"
    if name in FUNCTIONS and order == 1 and FUNCTIONS[name].convention:
        said = FUNCTIONS[name].convention.replace(f"{name}'", style.function(name, 1))
        return f", with ${said}$"
    return ""


def _relations(theorem: Theorem, style: Letters) -> Iterator[str]:
    """Yield the relations that a proof uses."""
    for number, step in enumerate(theorem.proof.steps):
        _, f, _ = used(theorem, number)
        if step.rule == "relate" and isinstance(f, Apply):
            yield relation_latex(f.function, f.order, style)


def relation_latex(name: str, order: int, style: Letters) -> str:
    r"""Return the relation of a derivative, ``\tanh' = 1 - \tanh^{2}``; at u if need be."""
    found = relation(name, order)
    assert found is not None
    names = {n for powers, _ in ordered(found) for n, _ in powers}
    spelled = any("#1" in style.functions.get(n, "") for n in names)

    def word(n: str, power: int) -> str:
        written = style.applied(n, 0, ARGUMENT) if spelled else style.function(n, 0)
        w = ARGUMENT if n == "t" else written
        w = f"({w})" if power > 1 and "#1" in style.functions.get(n, "") else w
        return w if power == 1 else f"{w}^{{{power}}}"

    out = ""
    for powers, c in ordered(found):
        parts = [word(n, k) for n, k in powers]
        size = [str(abs(c))] if abs(c) != 1 or not parts else []
        sign = (" - " if c < 0 else " + ") if out else "-" if c < 0 else ""
        out += sign + "\\,".join([*size, *parts])
    at = f"({ARGUMENT})" if spelled or symbol("t") in symbols_of(found) else ""
    return f"{style.function(name, order)}{at} = {out or '0'}"
