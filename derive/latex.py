"""Theorems and proofs as LaTeX text, with the letters a reader expects.

Everything printed can be read back: a short proof leaves lines out, it never alters one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.functions import FUNCTIONS, relation
from rot180.derive.notation import Layer
from rot180.derive.polynomial import (
    coefficient,
    factored,
    monomials,
    normal,
    ordered,
    symbol,
    symbols_of,
)
from rot180.derive.proof import Theorem, tensors
from rot180.derive.rules import REASONS
from rot180.derive.statement import reading
from rot180.derive.symbols import DEEP_LEARNING, Symbols, Table
from rot180.derive.terms import (
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
    term,
)
from rot180.derive.typeset import TEXT_WIDTH, Letters, escape, letter, width


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
    free = tuple(v for v, _ in theorem.variables)
    bound = tuple(dict.fromkeys(v for line in theorem.lines for t in line for v in t.variables))
    used = {v.name for v in bound}.union(*(_names(line) for line in theorem.lines))
    values = () if "pi" in used else tuple(dict.fromkeys(_paddings(theorem)))
    names = ["\\pi"] if len(values) == 1 else [f"\\pi_{{{n + 1}}}" for n in range(len(values))]
    return Letters(
        _forward_order(known, free),
        _tensor_letters(known, {t.name for t in known} | used, symbols),
        tuple((symbol(n), e) for n, e in zip(names, values, strict=True)),
        _index_letters([v.name for v in (*free, *bound)], used, symbols),
        symbols,
    )


def layer_letters(layer: Layer, symbols: Symbols = DEEP_LEARNING) -> Letters:
    """Choose the letters in which a layer's own definition is written."""
    inside = tensors((term(layer.output[_formals(layer.output)]),))
    variables = _index_variables(layer.output)
    used = {v.name for v in layer.output.parameters} | {v.name for v in variables}
    return Letters(
        variables,
        _tensor_letters(inside, {t.name for t in inside} | used, symbols),
        (),
        _index_letters([v.name for v in variables], used, symbols),
        symbols,
    )


def _formals(t: Tensor) -> tuple[Symbol, ...]:
    return t.definition.formals if t.definition else ()


def _index_variables(t: Tensor) -> tuple[Symbol, ...]:
    """Return the indices of a definition in the reader's order: those of the left side first."""
    body = t.definition.body if t.definition else ()
    return tuple(dict.fromkeys((*_formals(t), *(v for u in body for v in u.variables))))


def _names(expression: Expression) -> set[str]:
    return {v.name for t in expression for v in t.symbols}


def _forward_order(known: Sequence[Tensor], free: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Order index variables as the layer has them, after the free ones that it does not have."""
    swept = {pair[1] for t in known if (pair := _incoming(t))}
    forward = [v for t in known if t.name in swept for v in _index_variables(t)]
    return (*(v for v in free if v not in forward), *dict.fromkeys(forward))


def _tensor_letters(
    known: Sequence[Tensor], used: set[str], symbols: Symbols
) -> Table:
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


def _index_letters(variables: Sequence[str], used: set[str], symbols: Symbols) -> Table:
    """Give each index the letter of the notation, with primes until no other name has it.

    The indices go first come, first served; ``h1`` takes the letter of ``h``. So no renaming
    captures a name, in any line of a proof.
    """
    letters, out = dict(symbols.indices), dict[str, str]()

    def chosen(name: str) -> str | None:
        return letters.get(name) or letters.get(name.rstrip("0123456789"))

    taken = {letter(name) for name in used if chosen(name) is None}
    for name in dict.fromkeys((*variables, *sorted(used))):
        if (shown := chosen(name)) is not None:
            while shown in taken:
                shown += "'"
            taken.add(shown)
            out[name] = shown
    return tuple(out.items())


def _tensors(theorem: Theorem) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(t for line in theorem.lines for t in tensors(line)))


def _paddings(theorem: Theorem) -> Iterator[Expr]:
    """Yield what stands in indices without a variable and has three monomials or more."""
    free = [v for v, _ in theorem.variables]
    for t in (t for line in theorem.lines for t in line):
        gone = dict.fromkeys((*free, *t.variables), sp.Integer(0))
        for part in accesses_and_brackets(t.factors):
            for e in indices(part):
                fixed = normal(e.xreplace(gone))
                found = monomials(fixed)
                if len(found) >= 3:
                    top = max(found, key=lambda m: (sum(k for _, k in m), m))
                    yield fixed if found[top] > 0 else normal(-fixed)


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


def aligned(lines: Sequence[Line]) -> str:
    """Return an ``align*``; right sides that are too long for the page are broken."""
    room = TEXT_WIDTH - max(width(line.left) for line in lines) - width("=")
    out = []
    for line in lines:
        body = " \\\\\n  &\\qquad ".join(line.style.rows(line.right, room))
        left = f"{line.left}\n" if line.left else ""
        tag = f" \\tag*{{\\small {line.remark}}}" if line.remark else ""
        out.append(f"{left}  &= {body}{tag}")
    return "\\begin{align*}\n" + " \\\\\n".join(out) + "\n\\end{align*}"


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


def definitions(defined: Iterable[Tensor], style: Letters) -> str:
    """Return the equations that define tensors, each with its box."""
    lines = []
    for t in defined:
        assert t.definition is not None
        own = replace(style, variables=t.definition.formals)
        remark = f"box ${box(t, style)}$" if set(t.shape) - {None} else ""
        left = own.factor(Access(t, t.definition.formals))
        lines.append(Line(left, t.definition.body, remark, own))
    return aligned(lines)


def latex_theorem(
    theorem: Theorem, known: Collection[str] = (), symbols: Symbols = DEEP_LEARNING
) -> str:
    """Return the statement: constants, conditions, equation, and what its names stand for.

    Args:
        theorem: what is stated.
        known: names of the defined tensors that the reader has met.
        symbols: the notation.

    """
    style = letters(theorem, symbols)
    named = [f"${style.symbol(c.name)} = {style.typeset(factored(e))}$" for c, e in style.constants]
    out = [f"Let {listed(named)}."] if named else []
    given = [condition(c, style) for c in theorem.hypotheses]
    for v, n in theorem.variables:
        name = style.symbol(v.name)
        given.append(f"{name} \\in \\mathbb{{Z}}" if n is None else
                     f"0 \\le {name} < {style.polynomial(n)}")
    out.append(f"For all {', '.join(f'${c}$' for c in given)}," if given else "We have")
    left = latex_expression(theorem.lhs, style)
    lines = [Line(left, theorem.rhs, "", style)]
    if (plain := reading(theorem.rhs)) != theorem.rhs:
        known = {*known, *(a.tensor.name for a in theorem.rhs[0].factors if isinstance(a, Access))}
        lines.append(Line("", plain, "", style))
    out.append(aligned(lines))
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
    new = [t for t in _tensors(theorem) if t.definition is not None and t.name not in known]
    if new:
        out += ["Here", definitions(new, style)]
    return "\n".join(out)


_ATOM = r"\(?\w+(?:\^\d+)?\)?"
_VALUE = rf"-?{_ATOM}(?: ?[-+*] ?{_ATOM})*"


def in_words(theorem: Theorem, style: Letters) -> str:
    """Return the theorem's words with its tensors, indices and polynomials as mathematics."""
    known = {t.name: style.tensor(t.name) for t in _tensors(theorem)}
    longest = sorted(known, key=len, reverse=True)
    names = "|".join(map(re.escape, longest))
    applied = "|".join(re.escape(n) for n in longest if "(" in n) or "(?!)"
    known |= {factored(e): style.symbol(c.name) for c, e in style.constants}
    pattern = (
        rf"\b(?:of|with) (?P<name>{names})(?!\w)|(?P<applied>{applied})(?!\w)"
        rf"|\b(?:stride|dilation|padding) (?P<values>{_VALUE}(?: and {_VALUE})*)(?=[,;.]|$)"
        r"|\bover (?P<indices>\w+(?:, \w+)*)$"
    )
    out, at = "", 0
    for m in re.finditer(pattern, theorem.words):
        start, end = m.span(m.lastgroup or 0)
        said = theorem.words[start:end]
        parts = [said] if said in known else re.split(r"( and |, )", said)
        parts[::2] = [f"${known.get(e) or style.typeset(e)}$" for e in parts[::2]]
        out, at = out + escape(theorem.words[at:start]) + "".join(parts), end
    return out + escape(theorem.words[at:])


def latex_proof(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> str:
    """Return the proof as an ``align*`` with one reason a line.

    Args:
        theorem: what is proved.
        detail: "full" shows every step, "short" leaves the housekeeping out.
        symbols: the notation.

    """
    style = letters(theorem, symbols)
    shown = outline(theorem, detail, symbols)
    lines = [Line("", theorem.lines[n], why, style) for n, why in shown]
    if not lines:
        return aligned([Line(latex_expression(theorem.lhs, style), theorem.rhs, "", style)])
    return aligned([replace(lines[0], left=latex_expression(theorem.lhs, style)), *lines[1:]])


_HOUSEKEEPING = frozenset({"exchange", "reorder", "collect", "arrange", "bracket", "leibniz"})
_WORDS = {"linearity": REASONS["definition"], "sift": "put ${variable} = {value}$"}
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
    access = f.factors[0] if isinstance(f, Derivative) else f
    if isinstance(access, Access):
        shown["tensor"] = style.tensor(access.tensor.name)
        if number == 0 and rule == "linearity" and (incoming := _incoming(access.tensor)):
            g, y = map(style.tensor, incoming)
            return f"chain rule, ${g} = \\partial {shown['tensor']} / \\partial {y}$"
    if rule == "entry" and isinstance(f, Derivative) and _trivial(theorem, number):
        wrt = style.tensor(f.wrt.tensor.name)
        return f"$\\partial {shown['tensor']}[i]/\\partial {wrt}[h] = 0$"
    if isinstance(f, Equal) and "variable" in given:
        v = given["variable"]
        shown["value"] = style.polynomial(normal(v - coefficient(f.value, v) * f.value), bound)
    if "mapping" in given:
        moved = [(v, e) for v, e in given["mapping"] if not e.is_Symbol]
        if not moved:
            return "other names"
        shown["mapping"] = ", ".join(
            f"${style.polynomial(e, bound)}$ for ${style.symbol(v.name)}$" for v, e in moved
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
    swaps = [(old, new.name) for old, new in given["tensors"]]
    if "inner" in given:
        (known,) = proof.start[0].factors
        swaps.append((known.wrt.tensor.name, given["inner"].name))
    else:
        swaps += [(v.name, style.polynomial(e)) for v, e in given["symbols"] if v != e]
    applied = [f"${style.tensor(old)} = {style.tensor(new)}$" for old, new in swaps]
    said = f"by Theorem \\texttt{{{escape(proof.name)}}}"
    return f"{said}, applied to {listed(applied)}" if applied else said


def _incoming(loss: Tensor) -> tuple[str, str] | None:
    """Return the names of g and y where a loss is the sum of g times y."""
    body = loss.definition.body if loss.definition else ()
    names = [f.tensor.name for f in body[0].factors if isinstance(f, Access)] if body else []
    return (names[0], names[1]) if len(names) == 2 and names[0] == f"grad_{names[1]}" else None
