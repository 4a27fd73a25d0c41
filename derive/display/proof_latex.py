"""Proofs as LaTeX text, with a reason for each line.

A short proof omits lines, and brackets that hold wherever the rest of a term is not zero; it
changes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import Any

from sympy import Expr

from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.equations import Display, EquationLine, aligned
from rot180.derive.display.letters import (
    incoming_gradient,
    letters,
)
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.terms_latex import Letters, escape
from rot180.derive.display.textbook import without_implied_brackets
from rot180.derive.display.theorem_latex import listed, relation_latex, subject, used
from rot180.derive.kernel.place import REASONS
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import (
    coefficient,
    normal,
)
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Range,
    Tensor,
)


def latex_proof(
    theorem: Theorem,
    detail: str = "short",
    symbols: Symbols = DEEP_LEARNING,
    page: float = inf,
) -> str:
    """Return the proof as an ``align*`` with one reason a line.

    See `proof_lines` and `aligned`.
    """
    return aligned(proof_lines(theorem, detail, symbols), page)


def proof_lines(
    theorem: Theorem, detail: str = "short", symbols: Symbols = DEEP_LEARNING
) -> Display:
    """Return the proof as equations with a reason for each line.

    Args:
        theorem: the theorem.
        detail: "full" shows every step, "short" omits bookkeeping steps and implied brackets.
        symbols: the notation.

    """
    style = letters(theorem, symbols)
    first, *others = lines_in(theorem, detail, style)
    return (replace(first, left=subject(theorem, style)), *others)


def lines_in(theorem: Theorem, detail: str, style: Letters) -> Display:
    """Return the lines of `proof_lines` without the left side, written in given letters."""
    shown = _outline(theorem, detail, style)
    lines = [EquationLine("", theorem.lines[n], why, style) for n, why in shown]
    if detail == "short":
        lines = [
            replace(line, right=without_implied_brackets(line.right, theorem.variables))
            for line in lines
        ]
    return tuple(lines) or (EquationLine("", theorem.rhs, "", style),)


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
    """Return the numbers of the lines to show, each with its reason.

    Raises:
        ValueError: detail is neither "short" nor "full".

    """
    return _outline(theorem, detail, letters(theorem, symbols))


def _outline(theorem: Theorem, detail: str, style: Letters) -> list[tuple[int, str]]:
    if detail not in ("short", "full"):
        raise ValueError(f"detail: found {detail!r}, expected 'short' or 'full'")
    groups: list[tuple[int, str, list[str]]] = []
    values: dict[object, str] = {}
    for n, step in enumerate(theorem.proof.steps):
        _, rule, reasons = groups[-1] if groups else (0, "", [])
        joined = detail == "short" and bool(groups)
        if joined and (step.rule in _HOUSEKEEPING or _trivial(theorem, n)):
            groups[-1] = (n + 1, rule, reasons)
            continue
        reason, put = _reason(theorem, n, style), used(theorem, n)[2].get("variable", n)
        alike = step.rule == "entry" or (step.rule in _GATHERED and step.rule == rule)
        # in one line, a name is put equal to one value
        if joined and alike and values.get(put, reason) == reason:
            groups[-1] = (n + 1, rule, [*reasons, reason])
        else:
            groups.append((n + 1, step.rule, [reason]))
            values.clear()
        values[put] = reason
    return [(n, _joint(list(dict.fromkeys(reasons)))) for n, _, reasons in groups]


def _joint(reasons: list[str]) -> str:
    """Join reasons, and factor out common beginnings and ends."""
    found = [re.fullmatch(r"([^$]*)(\$.*\$)([^$]*)", r) for r in reasons]
    pieces = [m.groups() for m in found if m]
    ends = {(before, after) for before, _, after in pieces}
    if len(pieces) == len(reasons) and len(ends) == 1:
        before, after = ends.pop()
        return before + ", ".join(inside for _, inside, _ in pieces) + after
    return "; ".join(reasons)


def _trivial(theorem: Theorem, number: int) -> bool:
    """Say whether a step only renames, or drops a derivative that is zero."""
    _, f, given = used(theorem, number)
    if theorem.proof.steps[number].rule == "entry" and isinstance(f, Derivative):
        return all(g.tensor != f.wrt.tensor for g in f.factors if isinstance(g, Access))
    return "mapping" in given and all(e.is_Symbol for _, e in given["mapping"])


def _reason(theorem: Theorem, number: int, style: Letters) -> str:
    """Return the reason of a step."""
    rule = theorem.proof.steps[number].rule
    t, f, given = used(theorem, number)
    after = theorem.lines[number + 1]
    bound = tuple(dict.fromkeys(v for u in (t, *after) for v in u.variables))
    shown = {n: style.polynomial(e, bound) for n, e in given.items() if isinstance(e, Expr)}
    # a constant is an empty product
    access = next(iter(f.factors), None) if isinstance(f, Derivative) else f
    if isinstance(access, Access):
        shown["tensor"] = style.tensor(access.tensor)
        if number == 0 and rule == "linearity" and (incoming := incoming_gradient(access.tensor)):
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
    if rule == "count" and isinstance(f, Range):
        shown |= {"variable": style.polynomial(f.value, bound), "size": style.polynomial(f.size)}
    if rule == "invert":
        shown["divisor"] = style.tensor(given["divisor"])
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
        shown["relation"] = relation_latex(f.function, f.order, style)
    return _WORDS.get(rule, REASONS[rule]).format(**shown)


def _citation(given: dict[str, Any], style: Letters) -> str:
    """Return the name of the cited theorem, and the images of its tensors and indices."""
    proof = given["theorem"]
    inside = _inside_proof(proof)
    free = [(inside[old], new) for old, new in given["tensors"] if old in inside]
    # the images of defined tensors follow from those of the free ones
    swaps = [(old, style.tensor(new)) for old, new in free if old.definition is None]
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
    return {t.name: t for t in every_tensor(*replay(proof).lines)}
