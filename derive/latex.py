"""Terms, theorems and proofs as LaTeX text, in the order and with the letters a reader expects.

Everything printed can be read back: a short proof leaves lines out, it never alters one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.polynomial import (
    Monomial,
    coefficient,
    factored,
    monomials,
    normal,
    ordered,
    symbol,
)
from rot180.derive.proof import Theorem, tensors
from rot180.derive.rules import REASONS
from rot180.derive.statement import reading
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
)

TEXT_WIDTH = 455.0
"""Points between the margins: A4 paper with 25 mm on either side."""

INDENT = 20.0
"""Points by which a continued row is set in."""

_Part: TypeAlias = tuple[Monomial, sp.Rational]
_GREEK = frozenset(
    {
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
        "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi",
        "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon",
        "Phi", "Psi", "Omega",
    }
)
_INFIX = {"correlate": " \\star ", "convolve": " * ", "matmul": " \\cdot "}


def escape(text: str) -> str:
    r"""Return plain text as LaTeX text.

    >>> print(escape("grad_y & 5%"))
    grad\_y \& 5\%
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "_&%#${}" else c) for c in text)


def letter(name: str) -> str:
    r"""Return a name as LaTeX mathematics: Greek, subscripts for digits, words in italics.

    >>> print(letter("h1"), letter("sigma"), letter("lo"), letter("grad_y"))
    h_{1} \sigma \mathit{lo} \mathit{grad\_y}
    """
    base = name.rstrip("0123456789")
    digits = name[len(base) :]
    if base in _GREEK:
        shown = f"\\{base}"
    elif len(base) == 1 and base != "_":
        shown = base
    else:
        return f"\\mathit{{{escape(name)}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


def function(name: str, order: int) -> str:
    r"""Return a scalar function or its derivative: ``\sigma'``."""
    short = name in _GREEK or len(name) == 1
    return (letter(name) if short else f"\\operatorname{{{escape(name)}}}") + (
        "'" * order if order < 3 else f"^{{({order})}}"
    )


@dataclass(frozen=True)
class Letters:
    """How one document writes its names.

    Attributes:
        variables: the free indices, in the reader's order.
        tensors: the LaTeX of tensors that are not written by their own name.
        constants: (symbol, value) of the named constants, such as the padding pi.

    """

    variables: tuple[Symbol, ...] = ()
    tensors: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[Symbol, Expr], ...] = ()

    def symbol(self, name: str) -> str:
        """Return an index, size, parameter or named constant."""
        return name if name.startswith("\\") else letter(name)

    def tensor(self, name: str) -> str:
        """Return a tensor's name; operators applied are written out of their call notation."""
        known = dict(self.tensors)
        if name in known:
            return known[name]
        call = re.fullmatch(r"(\w+)\((.*)\)", name)
        if not call:
            return letter(name) if name.isidentifier() else self.typeset(name)
        head, parts = call.group(1), [self.tensor(a) for a in _arguments(call.group(2))]
        if head == "dilate":
            return f"D_{{{', '.join(parts[1:])}}} {parts[0]}"
        if head in _INFIX:
            return _INFIX[head].join(f"({p})" if _infix(p) else p for p in parts)
        if head == "transpose" and not _compound(parts[0]):
            return f"{parts[0]}^{{\\top}}"
        if head == "rot180" and width(parts[0]) < 10:
            return f"\\widetilde{{{parts[0]}}}"
        return f"{function(head, 0)}({', '.join(parts)})"

    def short(self, e: Expr) -> Expr:
        """Return `e` with a named constant put in wherever that leaves fewer monomials."""
        for constant, value in self.constants:
            here, there = monomials(e), monomials(value)
            for sign in (1, -1):
                same = sum(here.get(m) == sign * c for m, c in there.items())
                if 2 * same > len(there) + 1:
                    e = normal(e + sign * (constant - value))
        return e

    def polynomial(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> str:
        """Return a polynomial in the reader's order: free indices, bound ones, parameters."""
        return self.sum(ordered(self.short(e), (*self.variables, *bound)), bound)

    def sum(self, parts: Iterable[_Part], bound: tuple[Symbol, ...] = ()) -> str:
        """Return monomials in the order given."""
        ranked = {v.name for v in (*self.variables, *bound)}
        out = ""
        for powers, c in parts:
            names = sorted(powers, key=lambda i: (i[0] in ranked, i[0][0].isupper(), i[0]))
            shown = [self.symbol(n) + (f"^{{{k}}}" if k > 1 else "") for n, k in names]
            if abs(c) != 1 or not shown:
                shown.insert(0, _number(abs(c)))
            sign = ("-" if c < 0 else "") if not out else " - " if c < 0 else " + "
            out += sign + " ".join(shown)
        return out or "0"

    def typeset(self, text: str) -> str:
        """Return a polynomial that is given as text, its order kept."""
        text = re.sub(r"\^(\d+)", r"^{\1}", text).replace("*", " ")
        return re.sub(r"[A-Za-z_]\w*", lambda m: self.symbol(m[0]), text)

    def index(self, entries: tuple[Expr, ...], bound: tuple[Symbol, ...]) -> str:
        """Return ``[e, f]``, or nothing for a scalar."""
        return f"[{', '.join(self.polynomial(e, bound) for e in entries)}]" if entries else ""

    def factor(self, f: Factor, bound: tuple[Symbol, ...] = ()) -> str:
        """Return one factor, unbroken."""
        if isinstance(f, Access):
            name = self.tensor(f.tensor.name)
            return (f"({name})" if _compound(name) else name) + self.index(f.index, bound)
        if isinstance(f, Apply):
            return f"{function(f.function, f.order)}({self.factor(f.argument, bound)})"
        if isinstance(f, Derivative):
            wrt = self.factor(f.wrt, bound)
            inner = "\\,".join(self.factor(g, bound) for g in f.factors)
            if len(f.factors) == 1 and width(inner) < TEXT_WIDTH / 2:
                return f"\\frac{{\\partial {inner}}}{{\\partial {wrt}}}"
            return f"\\frac{{\\partial}}{{\\partial {wrt}}}({inner})"
        if isinstance(f, Equal):
            return f"[{' = '.join(self.sides(f.value, bound))}]"
        size = self.polynomial(f.size, bound)
        return f"[0 \\le {self.polynomial(f.value, bound)} < {size}]"

    def sides(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> tuple[str, str]:
        """Return the sides of ``e = 0`` without a minus sign, the one with the first index left."""
        order = [v.name for v in (*self.variables, *bound)]
        parts = ordered(self.short(e), (*self.variables, *bound))
        rank = {n: i for i, n in enumerate(order)}
        leading = [(rank.get(n, len(rank)), c > 0) for m, c in parts for n, _ in m]
        upper, lower = self.halves(e, bound)
        swapped = leading and not min(leading, key=lambda i: i[0])[1]
        return (lower, upper) if swapped else (upper, lower)

    def halves(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> tuple[str, str]:
        """Return the positive and the negative monomials of a polynomial, both as sums."""
        order = (*self.variables, *bound)
        e = self.short(e)
        upper, lower = (
            self.sum([i for i in ordered(side, order) if i[1] > 0], bound) for side in (e, -e)
        )
        return upper, lower

    def atoms(self, t: Term) -> list[str]:
        """Return the parts of a term after its sign: the sum first, brackets last."""
        kind = {Derivative: 1, Equal: 2, Range: 3}
        factors = sorted(t.factors, key=lambda f: kind.get(type(f), 0))
        shown = [self.factor(f, t.variables) for f in factors]
        size = -t.coefficient if _negative(t) else t.coefficient
        head = "" if size == 1 and shown else f"{self.polynomial(size)} "
        head = f"({head[:-1]}) " if len(monomials(size)) > 1 else head
        if t.variables:
            names = ", ".join(self.symbol(v.name) for v in t.variables)
            head += f"\\sum_{{{names}}} "
        return [head + shown[0], *shown[1:]] if shown else [head.strip()]

    def rows(self, expression: Expression, room: float) -> list[str]:
        """Return the expression in rows no wider than `room` points, broken at factors."""
        out: list[str] = []
        row = ""
        for n, t in enumerate(expression):
            sign = "-" if _negative(t) else "+" if n else ""
            for place, atom in enumerate(self.atoms(t)):
                if place:
                    joined, broken = f"\\,{atom}", f"\\times {atom}"
                else:
                    joined = f" {sign} {atom}" if n else f"{sign}{atom}"
                    broken = f"{{}}{joined}"
                left = room - (INDENT if out else 0)
                if row and width(row + joined) > left:
                    out.append(row)
                    row, left = broken, room - INDENT
                else:
                    row += joined
                while width(row) > left and (cut := _cut(row, left)):
                    out.append(cut[0])
                    row, left = cut[1], room - INDENT
        return [*out, row or "0"]


def _negative(t: Term) -> bool:
    values = list(monomials(t.coefficient).values())
    return len(values) == 1 and bool(values[0] < 0)


def _cut(row: str, room: float) -> tuple[str, str] | None:
    """Break inside a factor that is too wide: at a product if there is one, else after a comma."""
    product = comma = None
    depth = braces = 0
    for i, c in enumerate(row):
        depth += (c in "([") - (c in ")]")
        braces += (c == "{") - (c == "}")
        if not depth or braces:
            continue
        if row.startswith("\\,", i) and width(row[:i]) < room:
            product = row[:i], f"\\times {row[i + 2 :]}"
        elif row.startswith(", ", i) and width(row[:i]) < room:
            comma = row[: i + 1], row[i + 2 :]
    return product or comma


def _polynomial(parts: Iterable[_Part], sign: int = 1) -> Expr:
    return normal(sp.Add(*(sign * c * sp.Mul(*(symbol(n) ** k for n, k in m)) for m, c in parts)))


def _arguments(text: str) -> list[str]:
    """Split at the commas outside brackets.

    >>> _arguments("dilate(g, s), w")
    ['dilate(g, s)', 'w']
    """
    out, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [a.strip() for a in out]


def _infix(name: str) -> bool:
    return any(operator in name for operator in _INFIX.values())


def _compound(name: str) -> bool:
    return _infix(name) or name.startswith("D_{")


def _number(c: sp.Rational) -> str:
    return str(c) if c.q == 1 else f"\\tfrac{{{c.p}}}{{{c.q}}}"


_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[_^]|\s+|.", re.DOTALL)
_WIDTHS = {
    **dict.fromkeys("abcdeghknopqrsuvxyz0123456789", 5.4),
    **dict.fromkeys("fijlt'", 4.2),
    **dict.fromkeys("mw", 8.9),
    **dict.fromkeys("[]().!;:", 3.9),
    **dict.fromkeys("+-", 12.3),
    **dict.fromkeys("=<>", 13.4),
    ",": 4.5, "*": 9.5, "/": 5.0,
    r"\le": 13.4, r"\ge": 13.4, r"\star": 9.5, r"\times": 12.3, r"\,": 1.7, r"\quad": 10.0,
    r"\qquad": 20.0, r"\partial": 5.9, r"\_": 4.0, r"\ ": 3.4, r"\colon": 8.0,
}

_TRANSPARENT = frozenset(
    {r"\mathit", r"\operatorname", r"\widetilde", r"\bar", r"\mathbb", r"\mathcal"}
)


def width(text: str) -> float:
    """Estimate the width of LaTeX mathematics in points at 10pt, a little on the wide side."""
    return _width(_TOKEN.findall(text))


def _width(tokens: list[str]) -> float:
    total, i = 0.0, 0

    def group() -> list[str]:
        nonlocal i
        while tokens[i].isspace():
            i += 1
        depth, start = 0, i
        while True:
            depth += (tokens[i] == "{") - (tokens[i] == "}")
            i += 1
            if depth == 0:
                inner = tokens[start:i]
                return inner[1:-1] if inner[0] == "{" else inner

    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token in (r"\frac", r"\tfrac"):
            total += max(_width(group()), _width(group())) + 2.5
        elif token == r"\sum":
            i += 1
            total += max(14.5, 0.75 * _width(group())) + 1.7
        elif token in "_^":
            total += 0.75 * _width(group())
        elif token in _TRANSPARENT:
            total += _width(group())
        elif token not in "{}" and not token.isspace():
            total += _WIDTHS.get(token, 6.5 if token.startswith("\\") else 7.9)
    return total


def condition(c: Condition, style: Letters) -> str:
    """Return a condition without brackets, with positive terms on both sides."""
    if isinstance(c, Range):
        return style.factor(c)[1:-1]
    if isinstance(c, Equal):
        return " = ".join(style.sides(c.value))
    return " \\ge ".join(style.halves(c.value))


def letters(theorem: Theorem) -> Letters:
    """Choose the letters of a theorem: a script L for the loss, g = dL/dy, pi for paddings."""
    known = _tensors(theorem)
    used = {t.name for t in known}.union(
        *((v.name for v in t.symbols) for line in theorem.lines for t in line)
    )
    incoming = [t.name for t in known if t.name.startswith("grad_")]
    plain = len(incoming) == 1 and "g" not in used
    shown = [(n, "g" if plain else f"\\bar{{{letter(n[5:])}}}") for n in incoming]
    shown += [(t.name, "\\mathcal{L}") for t in known if _incoming(t)]
    values = () if "pi" in used else tuple(dict.fromkeys(_paddings(theorem)))
    names = ["\\pi"] if len(values) == 1 else [f"\\pi_{{{n + 1}}}" for n in range(len(values))]
    constants = tuple((symbol(n), e) for n, e in zip(names, values, strict=True))
    return Letters(tuple(v for v, _ in theorem.variables), tuple(shown), constants)


def _tensors(theorem: Theorem) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(t for line in theorem.lines for t in tensors(line)))


def _paddings(theorem: Theorem) -> Iterator[Expr]:
    """Yield what stands in indices without a variable and has three monomials or more."""
    free = {v.name for v, _ in theorem.variables}
    for t in (t for line in theorem.lines for t in line):
        inside = free | {v.name for v in t.variables}
        for part in accesses_and_brackets(t.factors):
            for e in indices(part):
                fixed = [(m, c) for m, c in ordered(e) if not inside & {n for n, _ in m}]
                if len(fixed) >= 3:
                    top = max(fixed, key=lambda i: (sum(k for _, k in i[0]), i[0]))
                    yield _polynomial(fixed, 1 if top[1] > 0 else -1)


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


def latex_theorem(theorem: Theorem, known: Collection[str] = ()) -> str:
    """Return the statement: constants, conditions, equation, and what its names stand for.

    Args:
        theorem: what is stated.
        known: names of the defined tensors that the reader has met.

    """
    style = letters(theorem)
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
        out.append(f"The {nth} of ${function(name, 0)}$ is ${function(name, order)}$.")
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


def latex_proof(theorem: Theorem, detail: str = "short") -> str:
    """Return the proof as an ``align*`` with one reason a line.

    Args:
        theorem: what is proved.
        detail: "full" shows every step, "short" leaves the housekeeping out.

    """
    style = letters(theorem)
    lines = [Line("", theorem.lines[n], why, style) for n, why in outline(theorem, detail)]
    if not lines:
        return aligned([Line(latex_expression(theorem.lhs, style), theorem.rhs, "", style)])
    return aligned([replace(lines[0], left=latex_expression(theorem.lhs, style)), *lines[1:]])


_HOUSEKEEPING = frozenset({"exchange", "reorder", "collect", "arrange", "bracket", "leibniz"})
_WORDS = {"linearity": REASONS["definition"], "sift": "put ${variable} = {value}$"}
_GATHERED = frozenset({"reindex", "sift", "euclid", "entry"})


def outline(theorem: Theorem, detail: str = "short") -> list[tuple[int, str]]:
    """Return the lines of the proof to show, by number, each with its reason.

    Raises:
        ValueError: detail is neither "short" nor "full".

    """
    if detail not in ("short", "full"):
        raise ValueError(f"detail: found {detail!r}, expected 'short' or 'full'")
    style = letters(theorem)
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
        shown["theorem"] = escape(given["theorem"].name)
    return _WORDS.get(rule, REASONS[rule]).format(**shown)


def _incoming(loss: Tensor) -> tuple[str, str] | None:
    """Return the names of g and y where a loss is the sum of g times y."""
    body = loss.definition.body if loss.definition else ()
    names = [f.tensor.name for f in body[0].factors if isinstance(f, Access)] if body else []
    return (names[0], names[1]) if len(names) == 2 and names[0] == f"grad_{names[1]}" else None
