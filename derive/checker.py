"""Check certificates of rot180: `python -I -S derive/checker.py FILE...`, which uses no other code.

What you assume when it says `proved`: tensors map integer points to a commutative ring, and are 0
outside their boxes; sums run over all integers and have finitely many terms; a bracket is 1 where
it holds, else 0; d/dx is a derivation; f' is the derivative of f, and RELATIONS hold. Then the
statement holds for all free tensors and parameters under the hypotheses and all variables in their
boxes: each step is an instance of a rule below. docs/certificates.md has the format, bounds, and
the names that steps make. Exit: 0 all proved, 1 one refused, 2 malformed.
"""
# ruff: noqa: E401, E701, E702, I001  (statements share lines: all of it is read in one sitting)
from __future__ import annotations
import json, re, sys
from collections import Counter, namedtuple
from fractions import Fraction
from functools import lru_cache, partial, reduce
from itertools import combinations, product
from math import comb, prod
from pathlib import Path
from typing import Any
__all__ = ["check", "main"]
CHARACTERS, DIGITS, POWER, ORDER, RELATED, FACTS, DERIVATIVES = 10_000_000, 100, 16, 100, 8, 8, 8
NESTED, CITED, LONG, MANY, BITS, WORK = 400, 32, 1000, 10**4, 10**4, 2 * 10**6
class MalformedError(Exception): pass  # not a certificate: where, and what was expected
class RefusedError(Exception): pass  # a step does not follow: its number, its rule, the reason
def need(ok: object, reason: str, *about: Any) -> None:  # refuses the step if not ok
    if not ok: raise RefusedError(0, "", reason.format(*(show(x)[:500] for x in about)))
def spend(n: int) -> None: _work[0] += n; need(_work[0] <= WORK, f"more than {WORK} operations")
# ------------------------------------------------ polynomials {((name, power), ...): not 0}, fixed
Poly = dict[tuple[tuple[str, int], ...], Fraction]
ONE: Poly = {(): Fraction(1)}; NAME = "[A-Za-z][A-Za-z0-9_]*"; _work = [0]  # so far
ATOM = r"(?: *(?:%s(?: *\^ *[0-9]{1,%d})?|[0-9]{1,%d}(?: */ *(?=0*[1-9])[0-9]{1,%d})?) *)"
SUM = re.compile("[-+]?{0}(?:[-+*]{0})*".format(ATOM % (NAME, DIGITS, DIGITS, DIGITS)))
def size(c: Fraction) -> int: return c.numerator.bit_length() + c.denominator.bit_length()
@lru_cache(maxsize=4096)
def polynomial(text: str) -> Poly | None:  # None if the text is not a polynomial
    total: Poly = {}; summands = re.findall("([-+]?)([^-+]+)", text.replace(" ", ""))
    if not SUM.fullmatch(text.strip(" ")) or len(summands) > LONG: return None
    for sign, factors in summands:
        c, powers = Fraction(f"{sign}1"), dict[str, int]()
        for base, _, k in (atom.partition("^") for atom in factors.split("*")):
            if size(c) > BITS: return None
            if base[0].isdigit(): c *= Fraction(base)
            else: powers[base] = powers.get(base, 0) + (int(k) or POWER + 1 if k else 1)
        if max(powers.values(), default=0) > POWER: return None
        key = tuple(sorted(powers.items())); total[key] = total.get(key, 0) + c
    return {m: c for m, c in total.items() if c}
def symbol(name: str) -> Poly: return {((name, 1),): Fraction(1)}
def integral(p: Poly) -> bool: return all(c.denominator == 1 for c in p.values())
def minus(e: Poly) -> Poly: return plus({}, e, -1)
def lower(e: Poly) -> Poly: return plus(e, ONE, -1)  # e - 1
def number(p: Poly) -> Any: return p.get((), Fraction(0)) if len(p) == (() in p) else None
def plus(p: Poly, q: Poly, scale: Fraction | int = 1) -> Poly:  # p + scale * q
    spend(len(p) + len(q)); total = {m: p.get(m, 0) + scale * q.get(m, 0) for m in p | q}
    return {m: Fraction(c) for m, c in total.items() if c}
def times(p: Poly, q: Poly, most: int = LONG) -> Poly:  # p * q
    spend(len(p) * len(q)); total: Poly = {}
    for (m, a), (n, b) in product(p.items(), q.items()):
        powers = dict(m); powers |= {v: powers.get(v, 0) + k for v, k in n}
        key = tuple(sorted(powers.items())); total[key] = total.get(key, 0) + a * b
    need(all(size(c) <= BITS for c in total.values()), f"a number of more than {BITS} bits")
    total = plus(total, {}); need(len(total) <= most, f"more than {most} monomials"); return total
def put(p: Poly, by: Any) -> Poly:  # p with names replaced, simultaneously
    total = {m: c for m, c in p.items() if not any(name in by for name, _ in m)}
    for m, c in ((m, c) for m, c in p.items() if any(name in by for name, _ in m)):
        kept: Poly = {tuple((name, k) for name, k in m if name not in by): c}
        total = plus(total, reduce(times, (by[v] for v, k in m if v in by for _ in range(k)), kept))
    return total
def slope(p: Poly, name: str) -> Poly:  # the derivative by a name: its coefficient if p is affine
    rows = [({**dict(m), name: k - 1}, c * k) for m, c in p.items() for v, k in m if v == name]
    return {tuple((v, k) for v, k in m.items() if k): c for m, c in rows}
def quotient(p: Poly, q: Poly) -> Poly | None:  # p / q, leading terms first; None if not exact
    order = sorted(names(p, q)); result: Poly = {}
    while p:
        dense = [[([dict(m).get(v, 0) for v in order], c) for m, c in r.items()] for r in (p, q)]
        (top, a), (low, b) = map(max, dense)
        if any(k < n for k, n in zip(top, low, strict=True)): return None
        step = {tuple((v, k - n) for v, k, n in zip(order, top, low, strict=True) if k > n): a / b}
        result, p = plus(result, step), plus(p, times(step, q), -1)
    return result
def determinant(rows: Any) -> Poly:
    spend(20); first = [(j, e) for j, e in enumerate(rows[0] if rows else ()) if e]
    minors = ([[*row[:j], *row[j + 1 :]] for row in rows[1:]] for j, _ in first)
    signed = [plus({}, e, (-1) ** j) for j, e in first]
    return reduce(plus, map(times, signed, map(determinant, minors)), {}) if rows else ONE
# ------------------------------------------------ terms
Term = namedtuple("Term", "coefficient sum factors")  # c * sum over all integers of a product
Access = namedtuple("Access", "tensor index")  # T[e_1, ..., e_n]
Condition = namedtuple("Condition", "kind value size")  # equal, range, at_least; a goal: nonzero
Apply = namedtuple("Apply", "function order access")  # a derivative of a scalar function at T[e]
Derivative = namedtuple("Derivative", "body by")  # of a product of factors by an access
Line = tuple[Term, ...]; Owed = list[tuple[list[Condition], Condition]]  # owed: context and goal
class Tensor(str):  # a name, which is one tensor in a proof: free, or [formals in the box] * body
    shape: Any; formals: Any; body: Any; spelled: Any; seen = False  # used in the certificate
    parameters: set[str]; reach: dict[Tensor, int]  # its free names; it and what is in it, how deep
def tensor(name: str, n: Any, formals: Any, body: Any) -> Tensor | None:  # None if misshapen
    t, inner = Tensor(name), reached(body)
    t.shape, t.formals, t.body = t.spelled = n, formals or (), body
    t.parameters = names(n).union(*(names(b) - {*b.sum, *t.formals} for b in body or ()))
    t.reach = {**inner, t: 1 + max(inner.values(), default=0)}
    fit = None not in n if formals is None else len({*formals} - names(n)) == len(formals) == len(n)
    return t if fit and (formals is None) == (body is None) and t.reach[t] <= NESTED else None
def leaves(x: Any, kinds: Any) -> Any:  # subterms of these kinds, not in definitions
    if isinstance(x, kinds): yield x
    for y in x if isinstance(x, tuple) else (): yield from leaves(y, kinds)
def names(*things: Any) -> set[str]:  # of indices, sums and parameters
    return set().union(*(x.parameters if isinstance(x, Tensor) else x.sum if isinstance(x, Term)
        else [v for m in x for v, _ in m] for x in leaves(things, (dict, Tensor, Term))))
def reached(*things: Any) -> dict[Tensor, int]:  # tensors in these, inner ones first
    return {t: n for x in leaves(things, Tensor) for t, n in x.reach.items()}
def derivatives(*x: Any) -> Any: return [*leaves((x, *(t.body for t in reached(x))), Derivative)]
def change(x: Any, poly: Any, image: Any) -> Any:  # maps polynomials, tensors; keeps sums
    if isinstance(x, tuple): return getattr(x, "_make", tuple)(change(y, poly, image) for y in x)
    return poly(x) if isinstance(x, dict) else image.get(x, x) if isinstance(x, Tensor) else x
def at(x: Any, by: Any) -> Any: return change(x, partial(put, by=by), {}) if by else x
def meaning(t: Tensor, by: Any, image: Any) -> Any:
    def plain(b: Term) -> Any:  # box, definition; bound names become numbers
        new = {**by, **{v: symbol(f"#{i}") for i, v in enumerate(t.formals + b.sum)}}
        return change(b, partial(put, by=new), image)._replace(sum=len(b.sum))
    return at(t.shape, by), t.body and [*map(plain, t.body)]
def aside(term: Term, used: set[str]) -> Any:  # renames sums whose names are used
    taken, by = names(term) | used, {v: v for v in term.sum}; spend(20)
    for v in (v for v in term.sum if v in used):
        new = (f"{v.rstrip('0123456789')}{i}" for i in range(1, len(taken) + 2))
        by[v] = next(w for w in new if w not in taken); taken.add(by[v]); spend(len(taken))
    return at(term, {v: symbol(w) for v, w in by.items() if v != w})._replace(sum=(*by.values(),))
def unfold(access: Access, term: Term, used: set[str]) -> Any:  # a term of T's body, for T[e]
    return at(aside(term, used), dict(zip(access.tensor.formals, access.index, strict=True)))
def box(access: Access) -> tuple[Condition, ...]:  # [e in the box of T], for T[e]
    pairs = zip(access.index, access.tensor.shape, strict=True)
    return tuple(Condition("range", e, n) for e, n in pairs if n is not None)
def well_formed(term: Term, formals: tuple[str, ...], other: set[str]) -> None:  # or refuses
    bound, conditions = {*formals, *term.sum}, [*leaves(term, Condition)]
    clash = len(bound) < len(formals + term.sum) or other & set(term.sum)
    need(not clash, "a sum binds a name that has another meaning: {}", term)
    rigid = names(term.coefficient, *leaves(term, Tensor), *(c.size for c in conditions))
    need(not rigid & bound, "a coefficient, size or tensor depends on a bound name: {}", term)
    for e in [*(c.value for c in conditions), *(e for a in leaves(term, Access) for e in a.index)]:
        need(all(sum(k for v, k in m if v in bound) < 2 for m in e), "not affine: {}, {}", e, term)
# ------------------------------------------------ supports and contexts
def supports(factors: Any, used: set[str], new: list[str]) -> list[Condition]:
    found: list[Condition] = []  # hold where no factor is 0; adds new names to new, used
    for f in factors:
        inner = f.body if isinstance(f, Derivative) else ()
        found += (f,) if isinstance(f, Condition) else box(f) if isinstance(f, Access) else ()
        if isinstance(f, Access) and len(f.tensor.body or ()) == 1:
            _, sums, inner = unfold(f, f.tensor.body[0], used | names(f))
            used.update(sums); new += ["", *sums]  # "" counts unfolded definitions
        found += supports(inner, used, new)
        need(max(len(found), new.count("")) <= LONG, f"more than {LONG} supports")
    return found
class Place:  # a term, to which a rule is applied; its facts, obligations (owed), axioms (basis)
    def __init__(self, term: Term, facts: Any, outer: set[str]) -> None:
        self.term, self.facts, self.used = term, facts, names(term, *facts) | outer
        self.owed, self.basis, self.old = Owed(), list[str](), term.factors
    def factor(self, n: int, kind: type, what: str) -> Any:  # factor n, of this kind
        f = self.term.factors[n] if n < len(self.term.factors) else "none"
        need(isinstance(f, kind), f"factor {n}, {{}}, is not {what}", f); return f
    def single(self, n: int, kind: type, what: str) -> tuple[Any, Access]:  # F, x[h] of dF/dx[h]
        d = self.factor(n, Derivative, f"a derivative of {what}"); one = d.body[0] if d.body else 0
        need(isinstance(one, kind) and len(d.body) == 1, f"{{}} is not a derivative of {what}", d)
        return one, d.by
    def but(self, *ns: int) -> Any: return tuple(f for i, f in enumerate(self.old) if i not in ns)
    def new(self, n: int, factors: Any, c: Poly = ONE, sums: Any = ()) -> Term:
        a, outer, old = self.term  # the term with these factors for factor n
        return Term(times(a, c), (*outer, *sums), (*old[:n], *factors, *old[n + 1 :]))
    def owe(self, goals: Any, where: Any, *about: Any) -> None:
        known = supports(where, self.used | names(*goals, *where, *about), [])
        self.owed += [([*self.facts, *known], goal) for goal in goals]  # where no factor is 0
# ------------------------------------------------ obligations, their certificates, finite sums
def sides(c: Any) -> Any: return [c[1], lower(plus(c[2], c[1], -1))] if c[0] == "range" else [c[1]]
def once(items: Any) -> list[Any]:  # the items without repetitions
    kept: list[Any] = []
    for x in items: spend(len(kept)); kept += [x] * (x not in kept)
    return kept
def open_parts(goal: Condition, facts: list[Poly], zeros: list[Poly]) -> list[Poly]:
    def evident(e: Poly) -> bool:
        return any((n := number(plus(e, f, -1))) is not None and n >= 0 for f in [{}, *facts])
    e, equal = goal.value, goal.kind == "equal"  # the parts of a goal that are not evident
    if goal.kind == "nonzero":
        return [] if number(e) or evident(lower(e)) or evident(lower(minus(e))) else [e]
    parts = [e for e in [*sides(goal), *[minus(e)] * equal] if not evident(e)]
    return [] if equal and (e in zeros or minus(e) in zeros) else parts
def discharge(owed: Owed, given: Any) -> None:  # refuses what is not shown
    left, mul = list(given), partial(times, most=WORK)
    for conditions, goal in once(owed):  # evident, or the next certificate refutes its negation
        facts = once(e for c in conditions if c.kind != "equal" for e in sides(c))
        zeros = once(c.value for c in conditions if c.kind == "equal")
        parts, claim = open_parts(goal, facts, zeros), (goal, (*conditions,))
        proofs, odd = left.pop(0) if parts and left else (), goal.kind == "nonzero"
        need(len(proofs) == len(parts), f"{len(parts)} parts open: {{}} where {{}}", *claim)
        for e, (products, multiples) in zip(parts, proofs, strict=True):
            some, none = [*facts, *[lower(minus(e))] * (not odd)], [*zeros, *[e] * odd]
            ok = all(len(ns) <= FACTS and max(ns, default=-1) < len(some) for _, ns in products)
            ok = ok and all(prod(len(some[n]) for n in ns) <= MANY for _, ns in products)
            need(ok and all(n < len(none) for _, n in multiples), "no such facts, or too many")
            summed = [reduce(mul, (some[n] for n in ns), plus({}, ONE, m)) for m, ns in products]
            total = reduce(plus, [*summed, *(mul(q, none[n]) for q, n in multiples)], ONE)
            need(not total, "the certificate does not show that {} where {}", *claim)
    need(not left, f"{len(left)} certificates too many")
def finite(term: Term, facts: Any) -> Owed:
    new, minors = list[str](), list[Poly]()  # supports bound values; do these determine the sums?
    rows = [s.value for s in supports(term.factors, names(term, *facts), new)]
    unknowns = once([*term.sum, *(v for e in rows for v in sorted(names(e)) if v in new)])
    while unknowns:
        rest = [(e, found) for e in rows if (found := [u for u in unknowns if u in names(e)])]
        single = [(found[0], slope(e, found[0])) for e, found in rest if len(found) == 1]
        solved = [u for u, c in single if number(c) in (1, -1)]
        if single and not solved: solved = [single[0][0]]; minors.append(single[0][1])
        if not single:
            few = len(unknowns) <= 8 and comb(len(rest), len(unknowns)) <= MANY
            choices = combinations([e for e, _ in rest], len(unknowns)) if few else ()
            tried = (determinant([[slope(e, u) for u in unknowns] for e in c]) for c in choices)
            solved = unknowns; minors.append(next(filter(None, tried), {}))
            need(minors[-1], "infinitely many terms are summed, or too many unknowns: {}", term)
        unknowns = [u for u in unknowns if u not in solved]
    where = [*facts, *(f for f in term.factors if isinstance(f, Condition))]
    return [(where, Condition("nonzero", e, {})) for e in minors if number(e) is None]
# ------------------------------------------------ rules; what follows `if` becomes an obligation
Symbol = str; Index = int; Scale = Poly; Bracket = Condition; Factor = Any; Proof = str
Puts = dict[str, Poly]; Swaps = dict[str, Tensor]  # annotations say how arguments are read
RELATIONS = dict(re.findall("([a-z_]+): ([^;]+)", (  # f' in t and in functions of t
    "identity: 1; sigmoid: sigmoid - sigmoid^2; tanh: 1 - tanh^2; exp: exp; log: reciprocal; silu: "
    "sigmoid + silu - sigmoid*silu; softplus: sigmoid; reciprocal: -reciprocal^2; half_square: t; "
    "sqrt: 1/2*rsqrt; rsqrt: -1/2*rsqrt^3; abs: sign; sign: 0; heaviside: 0")))
RATES = {f: polynomial(p) or {} for f, p in RELATIONS.items()}
def opened(place: Place, n: int, a: Access, wrap: Any) -> list[Term]:
    need(a.tensor.body is not None, f"{a.tensor} has no definition")
    new = [unfold(a, term, place.used.union(a.tensor.formals)) for term in a.tensor.body]
    return [place.new(n, box(a) + wrap(t.factors), t.coefficient, t.sum) for t in new]
def definition(place: Place, factor: Index) -> list[Term]:
    """T[e] = [e in the box of T] * the body of T at e."""
    return opened(place, factor, place.factor(factor, Access, "an entry"), lambda body: body)
def linearity(place: Place, factor: Index) -> list[Term]:
    """dT[e]/dx = [e in the box of T] * the body of T at e, with dF/dx for each product F."""
    access, by = place.single(factor, Access, "an entry")
    return opened(place, factor, access, lambda body: (Derivative(body, by),))
def leibniz(place: Place, factor: Index) -> list[Term]:
    """d(F_1 ... F_n)/dx = sum of F_1 ... dF_i/dx ... F_n over all F_i but the brackets."""
    fs, by = place.factor(factor, Derivative, "a derivative")
    some = [i for i, f in enumerate(fs) if not isinstance(f, Condition)]
    plain = (len(fs) != 1 or not some) and not [*leaves(fs, Derivative)]
    need(plain, "the derivative is not of a product, or has a derivative inside")
    return [place.new(factor, (*fs[:i], Derivative((fs[i],), by), *fs[i + 1 :])) for i in some]
def entry(place: Place, factor: Index) -> list[Term]:
    """dx[e]/dx[h] = [e - h = 0] if h is in the box of x where e = h; dy[e]/dx[h] = 0; x, y free."""
    (y, e), (x, h) = place.single(factor, Access, "an entry")
    need(y.body is x.body is None, "one of the tensors is not free")
    if y != x: return []
    equations = [Condition("equal", plus(i, j, -1), {}) for i, j in zip(e, h, strict=True)]
    place.owe(box(Access(x, h)), (*place.but(factor), *equations))
    return [place.new(factor, equations)]
def chain(place: Place, factor: Index) -> list[Term]:
    """df(t[e])/dx = f'(t[e]) * dt[e]/dx."""
    (f, n, t), by = place.single(factor, Apply, "a function"); need(n < ORDER, f"{f} of order {n}")
    place.basis += [f"{show(Apply(f, n + 1, 't'))} = d {show(Apply(f, n, 't'))} / dt"]
    return [place.new(factor, (Apply(f, n + 1, t), Derivative((t,), by)))]
def relate(place: Place, factor: Index) -> list[Term]:
    """f'(t[e]) = the polynomial of RELATIONS; for f'' and so on, its derivative by t."""
    f, order, t = place.factor(factor, Apply, "a function")
    need(f in RELATIONS and 0 < order <= RELATED, f"no relation for this derivative of {f}")
    place.basis += [f"{f}' = {RELATIONS[f]}"]; p = RATES[f]
    for _ in range(order - 1):
        p = reduce(plus, (times(slope(p, v), RATES.get(v, ONE)) for v in names(p)), {})
    atoms = {m: [t if v == "t" else Apply(v, 0, t) for v, k in m for _ in range(k)] for m in p}
    return [place.new(factor, atoms[m], {(): p[m]}) for m in sorted(p)]
def sift(place: Place, factor: Index, variable: Symbol) -> list[Term]:
    """sum_v [v - e = 0] F(v) = F(e); the coefficient of v is 1 or -1."""
    (c, sums, _), (kind, e, _) = place.term, place.factor(factor, Condition, "an equation")
    sign = number(slope(e, variable)) or 0; ok = kind == "equal" and variable in sums
    need(ok and sign in (1, -1), f"{{}} = 0 has no coefficient 1 or -1 at a sum over {variable}", e)
    rest, by = tuple(v for v in sums if v != variable), plus(symbol(variable), e, -sign)
    return [Term(c, rest, at(place.but(factor), {variable: by}))]
def permuted(xs: tuple[Any, ...], order: Any) -> Any:
    need(sorted(order) == [*range(len(xs))], "no permutation"); return tuple(xs[i] for i in order)
def exchange(place: Place, order: list[Index]) -> list[Term]:
    """sum_v sum_w F = sum_w sum_v F."""
    return [place.term._replace(sum=permuted(place.term.sum, order))]
def arrange(line: Line, order: list[Index]) -> list[Term]:
    """F + G = G + F."""
    return [*permuted(line, order)]
def collect(line: Line) -> list[Term]:
    """2 F + 3 F = 5 F; 0 F = 0; [1 = 0] F = 0."""
    rests = once(t[1:] for t in line)
    new = [Term(reduce(plus, (t[0] for t in line if t[1:] == rest)), *rest) for rest in rests]
    false = [[f for f in t.factors if f[::2] == ("equal", {}) and number(f[1])] for t in new]
    return [t for t, zero in zip(new, false, strict=True) if t.coefficient and not zero]
def reindex(place: Place, variables: list[Symbol], mapping: Puts) -> list[Term]:
    """sum_v F(v) = sum_w F(A w + b), A with determinant 1 or -1; w are new names, or of the v."""
    (c, sums, factors), images, new = place.term, tuple(mapping.values()), set(variables)
    need(tuple(mapping) == sums and len(sums) == len(variables) <= 64, "not a map of these sums")
    taken = (names(images) - new) & set(sums) or (new - set(sums)) & place.used
    need(not taken, f"{', '.join(taken)} cannot appear in the map: a replaced sum, or in use")
    well_formed(Term({}, variables, tuple(Condition("equal", e, {}) for e in images)), (), set())
    minor = determinant([[slope(e, v) for v in variables] for e in images])
    need(number(minor) in (1, -1), "the determinant of the map is {}, not 1 or -1", minor)
    return [Term(c, variables, at(factors, mapping))]
def bracket(place: Place, drop: list[Index], add: list[Bracket]) -> list[Term]:
    """F drop = F add if, where F is not 0, the added imply the dropped and these the added."""
    need(len(set(drop)) == len(drop), "a factor is dropped twice")
    dropped, rest = [place.factor(n, Condition, "a bracket") for n in drop], place.but(*drop)
    place.owe(dropped, (*rest, *add)); place.owe(add, (*rest, *dropped))
    return [place.term._replace(factors=(*rest, *add))]
def euclid(place: Place, value: Poly, modulus: Poly, variable: Symbol) -> list[Term]:
    """F = sum_v F [0 <= value - modulus * v < modulus] if modulus >= 1 where F is not 0; v new."""
    (c, sums, factors), v = place.term, symbol(variable)
    need(variable not in place.used | names(value, modulus), f"{variable} is in use")
    place.owe([Condition("at_least", lower(modulus), {})], factors, value, v)
    last = Condition("range", plus(value, times(modulus, v), -1), modulus)
    return [Term(c, (*sums, variable), (*factors, last))]
def split(place: Place, factor: Index, first: Poly) -> list[Term]:
    """[0 <= e < n] = [0 <= e < a] + [0 <= e - a < n - a] if a >= 0 and n - a >= 0."""
    kind, e, n = place.factor(factor, Condition, "a range"); need(kind == "range", "not a range")
    parts = [(e, first), (plus(e, first, -1), plus(n, first, -1))]
    place.owe([Condition("at_least", size, {}) for _, size in parts], place.but(factor))
    return [place.new(factor, (Condition("range", *part),)) for part in parts]
def count(place: Place, factor: Index) -> list[Term]:
    """sum_v F [0 <= v < n] = n F if n >= 0 where F is not 0; F does not depend on v."""
    (c, sums, _), (kind, e, n) = place.term, place.factor(factor, Condition, "a range")
    rest = place.but(factor); over = [v for v in sums if e == symbol(v) and v not in names(rest)]
    need(kind == "range" and over, "{} is not in a range that nothing else depends on", e)
    place.owe([Condition("at_least", n, {})], rest)
    return [Term(times(c, n), tuple(v for v in sums if v not in over), rest)]
def invert(place: Place, factor: Index, inverse: Index, divisor: Tensor) -> list[Term]:
    """F T[e] reciprocal(T[e]) = F if e is in the box of T where F is not 0; T is nowhere 0."""
    a, rest = place.factor(factor, Access, "an entry"), place.but(factor, inverse)
    ok = place.factor(inverse, Apply, "a function") == ("reciprocal", 0, a) and a.tensor == divisor
    need(ok and None not in divisor.shape, "{} is not of {} alone, with its reciprocal", a, divisor)
    place.owe(box(a), rest); return [place.term._replace(factors=rest)]
def cell(known: Any, f: Any) -> Any:  # of a table; known: those so far, by table and index
    return known[k] if (k := (id(f[0]), *map(number, f[1]))) in known else known.setdefault(k,
        worth(known, ONE, box(f)) * sum(worth(known, *unfold(f, t, set())[::2]) for t in f[0].body))
def worth(known: Any, c: Poly, factors: Any) -> Any:  # the value of a term at a point
    total = number(c) or Fraction(0)
    for f in factors if total else ():
        if isinstance(f, Access): total *= cell(known, f)
        else: v, n = (number(e) or 0 for e in f[1:]); total *= (not v, 0 <= v < n)[f[0] == "range"]
    return total
def exhaust(place: Place, sizes: Puts, scale: Scale, factors: list[Bracket]) -> list[Term]:
    """Sum_v c F = a G, equal in the sizes, if names are in these where F, or G, is not 0."""
    (c, sums, old), free = place.term, [v for v in sizes if v not in place.term.sum]
    points = {v: range(max(int(n), 0)) for v, p in sizes.items() if (n := number(p)) is not None}
    few = len(points) == len(sizes) and prod(max(r.stop, 1) for r in points.values()) <= MANY
    right = names(scale, factors); fit = few and names(place.term) | right <= set(sizes)
    need(fit and not right & set(sums), "sizes: not numbers, too many points, not of all names")
    for t in leaves(old, (Tensor, Apply, Derivative)):
        table = isinstance(t, Tensor) and t.body is not None and not t.parameters
        need(table and not any(b.sum or reached(b.factors) for b in t.body), "{} is no table", t)
    totals: Any = Counter(); known: Any = {}
    for over, sign, term in ([*free, *sums], 1, (c, old)), (free, -1, (scale, factors)):
        for point in product(*(points[v] for v in over)):
            by = dict(zip(over, (plus({}, ONE, n) for n in point), strict=True))
            totals[point[: len(free)]] += sign * worth(known, *at(term, by))
    need(not any(totals.values()), f"the sides differ at some {', '.join(free)} in the sizes")
    place.owe([Condition("range", symbol(v), sizes[v]) for v in sizes], old)
    place.owe([Condition("range", symbol(v), sizes[v]) for v in free], factors)
    return [Term(scale, (), factors)]
def reorder(place: Place, factors: list[Factor]) -> list[Term]:
    """F G = G F; [e = 0] = [-e = 0]."""
    rest = list(place.term.factors)
    for f in factors:
        turned = f._replace(value=minus(f.value)) if f[::2] == ("equal", {}) else f
        need(f in rest or turned in rest, "{} is not a factor, or occurs too often", f)
        rest.remove(f if f in rest else turned)
    need(not rest, "{} is missing", tuple(rest)); return [place.term._replace(factors=factors)]
def cite(place: Place, theorem: str, by: Puts, tensors: Swaps, new: Any) -> Any:
    left, right, conditions, _, basis, name, _, divisors = prove(theorem)  # with these for its own
    need(not divisors, "the theorem holds only where {} is not 0", divisors)
    used, image = place.used.union(names(*by.values()), new), dict[Tensor, Tensor]()
    for t in reached(left, right):
        image[t] = tensors.get(t, t)
        (shape, body), (box_, other) = meaning(t, by, image), meaning(image[t], {}, {})
        need(shape == box_ and body in (None, other), f"{t} has another definition than {image[t]}")
    def instance(term: Term) -> Any:
        term = aside(term, used)
        return change(term, partial(put, by={v: by[v] for v in by if v not in term.sum}), image)
    place.basis += [*basis, f"the theorem {name}"]
    return [*map(instance, left)], [*map(instance, right)], at(conditions, by), image
def lemma(place: Place, theorem: Proof, symbols: Puts, tensors: Swaps, bound: list[Symbol],
          factors: list[Index]) -> list[Term]:
    """Q G sum_v L = Q G sum_v R by a theorem L = R, if its conditions hold where G is not 0."""
    left, right, conditions, image = cite(place, theorem, symbols, tensors, ())
    need(len(left) == 1, "the left side of the theorem is not one term")
    for d in derivatives(*prove(theorem)[:2]):
        x, y = image[d.by.tensor], [t for t in reached(d.body) if t.body is None]
        alone = x.body is None and not any(x in image[t].reach for t in y if t != d.by.tensor)
        need(alone, f"{x} is differentiated by, but is not free, or another tensor depends on it")
    (c, sums, body), (a, here, _), rest = left[0], place.term, place.but(*factors)
    outer = names(rest).union(*(names(t) - set(t.sum) for t in left + right))
    need(not outer & set(bound), "a sum of the theorem occurs in its point or in another factor")
    fit = len(sums) == len(bound) == len({*bound} & {*here}) and len({*factors}) == len(factors)
    need(fit, "the sums are not those of the theorem, or a factor is used twice")
    there = tuple(place.factor(n, tuple, "there") for n in factors)
    body = at(body, dict(zip(sums, map(symbol, bound), strict=True)))
    need(there == body, "{} is not the left side, {}", there, body)
    q = quotient(a, c) if c else None; ok = q is not None and integral(q)
    need(ok, "{} is not an integer multiple of {}", a, c)
    place.owe(conditions, rest); free = tuple(v for v in here if v not in bound)
    return [Term(times(q or {}, t.coefficient), free + t.sum, rest + t.factors) for t in right]
def compose(place: Place, factor: Index, theorem: Proof, symbols: Puts, tensors: Swaps,
            inner: Tensor) -> list[Term]:
    """dT'[e]/dz[h] = sum_i R'(i) da[i]/dz[h] by a theorem dT[e]/dx[i] = R(i); ' has a for x."""
    line, right = prove(theorem)[:2]
    y, (x, index) = Place([*line, Term({}, (), ())][0], (), set()).single(0, Access, "an entry")
    new = [v for e in at(index, symbols) for v in names(e) if e == symbol(v)]
    need(len(new) == len(index) == len(set(new) - place.used), "{}: not new names", index)
    one = len(line) == 1 and (*line[0][:2], len(line[0].factors)) == (ONE, (), 1)
    one = one and not derivatives(y, right) and x.body is None and x not in tensors
    need(one, f"the theorem is not of one derivative alone, or {x} is not free, or replaced twice")
    left, right, conditions, image = cite(place, theorem, symbols, {**tensors, x: inner}, new)
    whole, z = place.single(factor, Access, "an entry")
    need(whole == left[0].factors[0].body[0], "{} is not the left side, {}", whole, left[0])
    for t in (t for t in reached(y) if t != x):
        inside = image[t].reach if t.body is None else {image[t]: 0}
        need(z.tensor not in inside, f"{z.tensor} occurs in the theorem outside {x}")
    last = Derivative((Access(inner, tuple(map(symbol, new))),), z)
    place.owe(conditions, (*place.but(factor), last), *map(symbol, new))
    return [place.new(factor, (*t.factors, last), t.coefficient, (*new, *t.sum)) for t in right]
RULES: dict[str, Any] = {rule.__name__: rule for rule in (
    definition, linearity, leibniz, entry, chain, relate, sift, exchange, reindex, bracket, euclid,
    split, count, invert, exhaust, reorder, collect, arrange, lemma, compose)}
# ------------------------------------------------ reading: strict JSON, each value by its kind
Certificate = namedtuple("Certificate", "format name variables hypotheses tensors start steps")
Step = namedtuple("Step", "rule at arguments inside backwards_from certificates")
KINDS: dict[str, dict[str, str]] = {  # lists, objects with these keys (? or without), one key (|)
    kind: dict(p.split(":") for p in parts) for kind, *parts in map(str.split, """
    Access 0:Known 1:list[Integral]; Apply 0:Name 1:Index 2:Access; Range 0:Integral 1:Integral;
    Derivative 0:list[Factor] 1:Access; Variable 0:Name 1:Size; Product 0:Weight 1:list[Index];
    Multiple 0:Fractional 1:Index; Put 0:Symbol 1:Poly; Swap 0:Name 1:Tensor; Symbol |symbol:Name;
    Term coefficient:Fractional sum:list[Name] factors:list[Factor]; Tensor |tensor:Known;
    Refutation products:list[Product] multiples:list[Multiple]; Proof |proof:Cited;
    Poly |symbol:Letter |polynomial:Integral; Scale |symbol:Letter |polynomial:Fractional;
    Bracket |equal:Equal |range:Range; Condition |equal:Equal |range:Range |at_least:AtLeast;
    Factor |equal:Equal |range:Range |access:Access |apply:Apply |derivative:Derivative;
    Step rule:Rule at:Index arguments:Arguments inside?:Index backwards_from?:list[Term]
    certificates?:list[list[Refutation]]; Definition name:Name shape:list[Size] formals?:list[Name]
    body?:list[Term]; Certificate format:Index name:Title variables:list[Variable]
    hypotheses:list[Condition] tensors:list[Definition] start:list[Term] steps:list[Step]
    """.split(";"))}  # noqa: SIM905
for name, rule in RULES.items(): KINDS[name] = dict(list(rule.__annotations__.items())[1:-1])
MAKE: dict[str, Any] = {"Term": Term, "Step": Step, "Certificate": Certificate,
    "Access": lambda t, e: Access(t, e) if len(e) == len(t.shape) else None,
    "Apply": lambda f, n, a: Apply(f, n, a) if n <= ORDER else None,
    "Derivative": lambda fs, a: Derivative(fs, a) if a.tensor.body is None else None,
    "Definition": tensor, "Range": partial(Condition, "range")}
def unique(x: Any) -> Any: return dict(x) if len(dict(x)) == len(x) else None
PATTERNS = {"Name": NAME, "Letter": NAME, "Title": NAME.replace("_", "_."), "Rule": "|".join(RULES)}
def text(kind: str, x: str) -> Any:  # what a text of this kind means, or None
    if kind in PATTERNS:
        return None if not re.fullmatch(PATTERNS[kind], x) else symbol(x) if kind == "Letter" else x
    p = polynomial(x); n, whole = (-1, p) if p is None else (number(p), p if integral(p) else None)
    tag, weight = {"Equal": "equal", "AtLeast": "at_least"}.get(kind), n if (n or 0) >= 0 else None
    found = {"Fractional": p, "Weight": weight, "Integral": whole, "Size": whole}.get(kind)
    return Condition(tag, whole, {}) if tag and whole is not None else found
def read(kind: str, x: Any, where: str, known: dict[str, Tensor]) -> Any:  # what x writes
    def sub(kind: str, y: Any, key: object) -> Any: return read(kind, y, f"{where}/{key}", known)
    value, want = text(kind, x) if isinstance(x, str) else None, KINDS.get(kind, {})
    given = {str(i): y for i, y in enumerate(x)} if isinstance(x, list) and "0" in want else x
    if kind == "Size" and x is None: return None
    if kind == "Index" and type(x) is int and 0 <= x < 10**DIGITS: value = x
    if kind == "Known" and isinstance(x, str) and x in known: value = known[x]; value.seen = True
    if kind == "Cited" and where.count("/proof") <= CITED:
        value = json.dumps(x); certificate(value, where)
    if kind[:5] == "list[" and isinstance(x, list):
        value = tuple(sub(kind[5:-1], y, i) for i, y in enumerate(x))
    if kind in ("Puts", "Swaps"): value = unique(read(f"list[{kind[:-1]}]", x, where, known))
    if kind in KINDS and isinstance(given, dict) and isinstance(x, list) == ("0" in want):
        given = {"arguments": {}, **given} if kind == "Step" else given
        if len(given) == 1 and f"|{min(given)}" in want:
            value = sub(want[f"|{min(given)}"], given[min(given)], min(given))
        if {k for k in want if k[-1] != "?"} <= given.keys() <= {k.rstrip("?") for k in want}:
            kinds = {k.rstrip("?"): given["rule"] if k == "arguments" else want[k] for k in want}
            got = {k: sub(v, given[k], k) if k in given else None for k, v in kinds.items()}
            value = got if kind in RULES else MAKE.get(kind, lambda *parts: parts)(*got.values())
    if kind == "Definition" and value and known.setdefault(value, value) is not value: value = None
    if value is None or (kind == "Derivative" and where.count("/derivative") > DERIVATIVES):
        raise MalformedError(f"{where}: expected {kind}, found {ascii(x)[:80]}")
    return value
def parse(source: str) -> Any:  # JSON without repeated keys and numbers with a point
    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) == len(pairs): return dict(pairs)
        raise ValueError(f"a key occurs twice among {ascii([key for key, _ in pairs])[:200]}")
    try:
        if len(source) > CHARACTERS: raise ValueError(f"more than {CHARACTERS} characters")
        return json.loads(source, object_pairs_hook=table, parse_float=int, parse_constant=int)
    except (ValueError, RecursionError) as e: raise MalformedError(f": not JSON: {e}") from None
@lru_cache(maxsize=512)
def certificate(source: str, where: str = "") -> Any:
    found = read("Certificate", json.loads(source), where, {})
    wrong = [f"the tensor {t} is used nowhere" for t in found.tensors if not t.seen]
    if wrong or found.format != 1: raise MalformedError(f"{where}: {[*wrong, 'format'][0]}")
    return found
# ------------------------------------------------ replay
Theorem = namedtuple("Theorem", "left right conditions table basis name variables divisors")
def carry(step: Step, line: Line, facts: Any, outer: set[str]) -> Any:
    rule, n, inside = RULES[step.rule], step.at, step.inside  # next line, obligations, axioms
    if step.rule in ("collect", "arrange") and inside is None:
        need(n == 0, "at is not 0"); return tuple(rule(line, **step.arguments)), [], []
    need(n < len(line), f"no term {n} of {len(line)}"); place = Place(line[n], facts, outer)
    if inside is None: new = rule(place, **step.arguments)
    else:
        need(step.rule != "invert", "a hypothesis on values says nothing under a derivative")
        body, by = place.factor(inside, Derivative, "a derivative"); born: list[str] = []
        known = supports(place.but(inside), set(place.used), born)
        known = [*facts, *(c for c in known if not names(c) & {*born})]
        one, part = (Term(ONE, (), body),), step._replace(at=0, inside=None)
        terms, place.owed, place.basis = carry(part, one, known, place.used)
        new = [place.new(inside, [Derivative(t.factors, by)], t.coefficient, t.sum) for t in terms]
    return (*line[:n], *new, *line[n + 1 :]), place.owed, place.basis
@lru_cache(maxsize=512)
def prove(source: str) -> Theorem:  # what the certificate proves; raises RefusedError
    proof, at_, rule = certificate(source), 0, "the statement"
    boxes = [Condition("range", symbol(v), n) for v, n in proof.variables if n is not None]
    variables, facts = dict(proof.variables).keys(), [*proof.hypotheses, *boxes]
    basis, table = dict[str, None](), {t: t for t in proof.tensors}
    divisors = (*once(s.arguments["divisor"] for s in proof.steps if s.rule == "invert"),)
    def admit(new: Line, old: Line) -> Owed:
        need(len(new) <= LONG, f"more than {LONG} terms"); spend(len(new) * len(old))
        for term in (added := [t for t in new if t not in old]):
            well_formed(term, (), variables | names(*facts))
            need(not names(*leaves(term, Tensor)) & variables, "{}: a variable in a tensor", term)
        return [o for term in added for o in finite(term, facts)]
    try:
        sizes = names(*(b.size for b in boxes)); distinct = len(variables) == len(proof.variables)
        need(distinct and not sizes & variables, "a variable occurs twice, or in a size")
        for t in proof.tensors:
            need(not t.parameters & variables, f"{t} depends on a variable")
            for term in t.body or ():
                well_formed(term, t.formals, set())
                discharge(finite(term, [f for f in facts if not names(f) & {*t.formals}]), ())
        line = proof.start; discharge(admit(line, ()), ())
        for i, step in enumerate(proof.steps, 1):
            at_, rule, back = i, step.rule, step.backwards_from
            result, owed, believed = carry(step, line if back is None else back, facts, set())
            need(back is None or result == line, "backwards it gives {}, not {}", result, line)
            new = result if back is None else back
            discharge([*owed, *admit(new, line)], step.certificates or ())
            for t in prove(step.arguments["theorem"]).table if "theorem" in step.arguments else ():
                need(table.setdefault(t, t).spelled == t.spelled, f"two tensors are named {t}")
            line, basis = new, basis | dict.fromkeys(believed)
    except RefusedError as error:
        n, inner, reason = error.args; where = f"the cited theorem, step {n} ({inner}): "
        raise RefusedError(at_, rule, where * bool(inner) + reason) from None
    return Theorem(proof.start, line, (*facts,), table, basis, proof.name, [*variables], divisors)
# ------------------------------------------------ printing
SIGN = {"equal": "= 0", "at_least": ">= 0", "nonzero": "!= 0"}
def show(x: Any) -> str:
    match x:
        case dict():
            terms = []
            for m in sorted(x, key=lambda m: x[m] < 0):
                atoms = [str(abs(x[m]))] * (abs(x[m]) != 1 or not m)
                atoms += [f"{v}^{k}" if k > 1 else v for v, k in m]
                terms.append(f"{'+-'[x[m] < 0]} {'*'.join(atoms)}")
            return " ".join(terms).removeprefix("+ ") or "0"
        case Access(t, index): return f"{t}[{', '.join(map(show, index))}]"
        case Condition("range", e, n): return f"[0 <= {show(e)} < {show(n)}]"
        case Condition(kind, e, _): return f"[{show(e)} {SIGN[kind]}]"
        case Apply(f, n, t): return f"{f}{chr(39) * n if n < 4 else f'^({n})'}({show(t)})"
        case Derivative(body, by): return f"d({show(body)})/d{show(by)}"
        case Term(c, sums, factors):
            head = [f"({show(c)})"] * (c != ONE) + [f"sum[{', '.join(sums)}]"] * bool(sums)
            return " ".join([*head, show(factors)])
        case (Term(), *_): return " + ".join(map(show, x))
        case tuple(): return " * ".join(map(show, x)) or "1"
    return str(x)
def statement(theorem: Theorem) -> str:  # with definitions and axioms
    left, right = (show(line) if line else "0" for line in theorem[:2])
    lines = [f"  for all {', '.join([*theorem.variables, 'parameters'])}: {left} = {right}"]
    lines += [f"  if {show(c)}" for c in theorem.conditions]
    lines += [f"  if {t} * reciprocal({t}) = 1 everywhere in its box" for t in theorem.divisors]
    for t in reached(theorem.left, theorem.right, theorem.divisors):
        size = " x ".join("any" if n is None else show(n) for n in t.shape) or "one entry"
        body = f"[{', '.join(t.formals)}] = {' + '.join(map(show, t.body or ())) or '0'}"
        lines.append(f"  {t}{': any values' if t.body is None else body}, in the box {size}")
    return "\n".join(lines + [f"  rests on {b}" for b in theorem.basis])
Verdict = namedtuple("Verdict", "name statement verdict step rule reason", defaults=(0, "", ""))
def check(source: str) -> list[Verdict]:
    """Return the verdict on each proof in the text of a file; raises MalformedError."""
    _work[0], data, out = 0, parse(source), list[Verdict]()
    many = isinstance(data, dict) and isinstance(data.get("proofs"), dict) and data["proofs"]
    for i, x in enumerate(data["proofs"].values() if many else [data]):
        try: name = certificate(json.dumps(x), f"/proofs/{i}" if many else "").name
        except RecursionError: raise MalformedError(": nested too deeply") from None
        try: out.append(Verdict(name, statement(prove(json.dumps(x))), "proved"))
        except RefusedError as e: out.append(Verdict(name, "", "refused", *e.args))
    return out
def main(paths: list[str]) -> int:
    """Print the verdicts on files; return the exit status."""
    status = 0
    for path, shown in [(path, ascii(path)[1:-1]) for path in paths]:
        try: found = check(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, MalformedError) as error:
            why = re.sub("/steps/([0-9]+)", lambda m: f", step {int(m[1]) + 1}", str(error))
            found, status = [], 2; print(f"{shown} is not a certificate: {why.lstrip(':, ')}")
        for v in found:
            status = max(status, v.verdict != "proved")
            said = v.statement or f"step {v.step} ({v.rule}): {v.reason}"
            print(f"{shown}: {v.name}", said, f"  {v.verdict}", sep="\n")
    return status
if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
