"""The trusted rules refuse steps to false statements, including those that SymPy's sums allow.

Each proof below was accepted by an earlier state of the rules, or is what SymPy does silently; each
statement is refuted by exact evaluation at small sizes, so accepting it would be unsound.
"""

from __future__ import annotations

from functools import partial

import pytest
import sympy as sp
from sympy import Symbol

from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.obligations import Obligation, Refutation, certifies
from rot180.derive.kernel.place import RULES
from rot180.derive.kernel.proof import Proof, Step, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.operators import dilate
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import substitute_tensor
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Derivative,
    Equal,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.farkas import certify
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import check
from tests.support.proofs import false, proof, refused, step, symbols

h, h1, i, j, k, m, n, p, q, s, t, u, v, z = symbols("h h1 i j k m n p q s t u v z")
H, K, M, N, P = symbols("H K M N P")
a, b, c, g, x = tensor("a", "N"), tensor("b", "N"), tensor("c"), tensor("g", "P"), tensor("x", "N")
long = tensor("long", "M")
ZERO, ONE = sp.Integer(0), sp.Integer(1)
HALF = sp.Rational(1, 2)


# Names.


def test_a_bound_index_is_not_the_free_one() -> None:
    """0 <= h < H of the statement says nothing about an h that a sum binds."""
    start = (term(long[h], Range(h, H), over=(h,)),)
    drop = step("bracket", drop=(1,), add=())
    assert "h is bound by a sum" in refused(lambda: proof(start, drop, variables=((h, H),)))
    assert false(start, (term(long[h], over=(h,)),), ((h, H),))


def test_a_bound_index_is_not_the_parameter_of_a_hypothesis() -> None:
    """S < H as a hypothesis says nothing about an s that a sum binds."""
    start = (term(long[s], Range(s, H), over=(s,)),)
    drop = step("bracket", drop=(1,), add=())
    assert "s is bound by a sum" in refused(
        lambda: proof(start, drop, hypotheses=(Range(s, H),))
    )


def test_a_hypothesis_says_nothing_about_the_index_of_a_definition() -> None:
    """``D[s] := sum_p x[s p]`` is infinite at s = 0, whatever is known of a parameter s."""
    with pytest.raises(ValueError, match="not affine"):
        define("D", (None,), (s,), (term(x[s * p], over=(p,)),))
    good = define("D", (None,), (i,), (term(x[s * p], over=(p,)),))
    start = (term(good[v]),)
    where: Variables = ((v, None),)
    assert replay(proof(start, variables=where, hypotheses=(AtLeast(s - 1),))).lhs == start
    assert "finite only if s != 0" in refused(lambda: proof(start, variables=where))


def test_names_of_supports_do_not_escape() -> None:
    """The existential p of the support of dilate(g, s)[t] is not the p of the statement."""
    start = (term(dilate(g, {0: s})[t]),)
    add = step("bracket", drop=(), add=(Range(p, P),))
    refused(lambda: proof(start, add, variables=((t, None),)))
    assert false(start, (term(*start[0].factors, Range(p, P)),), ((t, None),))


def test_names_of_supports_do_not_escape_into_a_modulus() -> None:
    """An existential z >= 1 of a support does not make a modulus z positive."""
    some = define("Z", (None,), (i,), (term(x[i], Range(z - 1, N), Equal(i - z), over=(z,)),))
    divide = step("euclid", value=t, modulus=z, variable=u)
    refused(lambda: proof((term(some[t]),), divide, variables=((t, None),)))


def test_names_of_supports_do_not_escape_into_a_lemma() -> None:
    """A lemma is not applied at the existential point of a support."""
    some = define("Z", (None,), (i,), (term(x[i], Range(z - 1, N), Equal(i - z), over=(z,)),))
    inside = proof((term(),), step("bracket", drop=(), add=(Range(v, N),)), variables=((v, N),))
    use = step(
        "lemma", theorem=inside, symbols=((v, z - 1),), tensors=(), bound=(), factors=()
    )
    refused(lambda: proof((term(some[t]),), use, variables=((t, None),)))


def test_a_definition_keeps_its_parameters_apart_from_its_indices() -> None:
    """Substituting h into ``D[h] := a[h + h1 + z]`` must not make h1 its index."""
    old = define("D", (None,), (h,), (term(a[h + h1 + z]),))
    new = define("D", (None,), (i,), (term(a[i + h1 + h]),))
    assert substitute_tensor(old, {z: h}) == new


def test_a_parameter_is_not_mistaken_for_an_index_of_a_definition() -> None:
    """Two definitions are equal up to bound names only, whatever a parameter is called."""
    for name in ("_i0", "_b0"):
        with pytest.raises(ValueError, match=r"underscore|capture"):
            define("D", (None,), (i,), (term(a[symbol(name)]),))


def test_foreign_symbols_are_refused() -> None:
    """``Symbol('h')`` is not the index h: one name is one symbol."""
    for odd in (Symbol("h"), Symbol("h", positive=True)):
        with pytest.raises(ValueError, match="not a polynomial"):
            x[odd]


# Integers.


def test_an_equation_is_not_divided() -> None:
    """``sum_p c [2 p = h]`` is not c: h may be odd (SymPy: Sum(KroneckerDelta(2*i, j)*G[i]))."""
    start = (term(c[()], Equal(h - 2 * p), over=(p,)),)
    sift = step("sift", factor=1, variable=p)
    assert "unit" in refused(lambda: proof(start, sift, variables=((h, None),)))
    with pytest.raises(ValueError, match="not an integer"):
        step("bracket", drop=(1,), add=(Equal(p - h / 2),))
    assert false(start, (term(c[()]),), ((h, None),))


def test_boxes_and_bounds_are_integral() -> None:
    """Indices, boxes and bounds with a coefficient 1/2 are not in the language."""
    for make in (
        lambda: x[h / 2],
        lambda: Equal(p - h / 2),
        lambda: Range(h / 2, N),
        lambda: Range(h, N / 2),
        lambda: AtLeast(h / 2),
        lambda: Tensor("half", (N / 2,)),
        lambda: x[sp.floor(h / 2)],
        lambda: x[1 / h],
        lambda: term(x[h], coefficient=1 / s),
    ):
        with pytest.raises(ValueError, match=r"not an integer|polynomial"):
            make()


def test_a_lemma_is_not_used_between_the_integers() -> None:
    """``c = sum_p c [2 p = 2 v]`` for all integers v says nothing at v = h / 2."""
    line = (term(c[()], Equal(p - v), over=(p,)),)
    double = proof(
        line, step("bracket", drop=(1,), add=(Equal(2 * p - 2 * v),)), variables=((v, None),)
    )
    back = Step("sift", 0, (("factor", 1), ("variable", p)), line)
    lemma = Proof("double", ((v, None),), (), (term(c[()]),), (back, *double.steps))
    assert replay(lemma).rhs == (term(c[()], Equal(2 * p - 2 * v), over=(p,)),)
    use = step(
        "lemma", theorem=lemma, symbols=((v, h / 2),), tensors=(), bound=(), factors=(0,)
    )
    said = refused(lambda: proof((term(c[()]),), use, variables=((h, None),)))
    assert "expected a polynomial with integer coefficients" in said
    root = step(
        "lemma", theorem=lemma, symbols=((v, sp.sqrt(h)),), tensors=(), bound=(), factors=(0,)
    )
    refused(lambda: proof((term(c[()]),), root, variables=((h, None),)))
    assert false((term(c[()]),), (term(c[()], Equal(2 * p - h), over=(p,)),), ((h, None),))


# Lemmas and certificates.


def test_a_lemma_is_replayed() -> None:
    """A theorem is cited by its proof; an object that claims to be one proves nothing."""
    forged = Theorem(Proof("forged", (), (), (term(c[()]),), ()), ((term(c[()]),), ()), (), ())
    use = step("lemma", theorem=forged, symbols=(), tensors=(), bound=(), factors=(0,))
    refused(lambda: Proof("claim", (), (), (term(c[()]),), (use,)))


def test_a_lemma_is_not_used_at_its_own_sum() -> None:
    """``sum_k x[k] [h = k] = x[h]`` is not about ``sum_h x[h] [h = h]``, h left as it is."""
    start = (term(x[k], Equal(h - k), over=(k,)),)
    lemma = proof(start, step("sift", factor=1, variable=k), variables=((h, None),))
    use = step("lemma", theorem=lemma, symbols=(), tensors=(), bound=(h,), factors=(0, 1))
    assert "fixed point" in refused(lambda: proof((term(x[h], Equal(ZERO), over=(h,)),), use))


def test_a_derivative_is_about_distinct_tensors() -> None:
    """``d a[i] / d b[j] = 0`` does not become ``d b[i] / d b[j] = 0``."""
    where: Variables = ((i, N), (j, N))
    zero = proof((term(Derivative((a[i],), b[j])),), step("entry", factor=0), variables=where)
    start = (term(Derivative((b[i],), b[j])),)
    use = step("lemma", theorem=zero, symbols=(), tensors=(("a", b),), bound=(), factors=(0,))
    assert "distinct tensors" in refused(lambda: proof(start, use, variables=where))
    assert false(start, (), where)


def test_what_is_not_differentiated_may_be_any_tensor() -> None:
    """``sum_i g[i] d(2 x[i])/dx[j] = 2 g[j]`` holds for ``g = x^2``, and for other names."""
    double = define("double", (N,), (i,), (term(x[i], coefficient=2),))
    start = (term(a[i], Derivative((double[i],), x[j]), over=(i,)),)
    where: Variables = ((j, N),)
    known = prove(start, (term(a[j], coefficient=2),), where).proof
    square = define("square", (N,), (i,), (term(x[i], x[i]),))
    twice = define("twice", (N,), (i,), (term(x[i], coefficient=2),))
    line = (term(square[i], Derivative((twice[i],), x[j]), over=(i,)),)
    swap = (("a", square), ("double", twice))
    use = step(
        "lemma", theorem=known, symbols=(), tensors=swap, bound=(i,), factors=(0, 1)
    )
    proved = replay(proof(line, use, variables=where))
    assert proved.rhs == (term(square[j], coefficient=2),)
    assert check(proved).counterexample is None


def test_a_certificate_does_not_divide() -> None:
    """``1 - (1/s) s = 0`` does not show that s = 0 is absurd."""
    with pytest.raises(ValueError, match="not a polynomial"):
        Refutation((), ((-1 / s, 0),))
    cheat = (Refutation((), ((-s, 0),)),)
    nothing = Obligation((Equal(s),), AtLeast(sp.Integer(-1)))
    assert not certifies(cheat, nothing)
    lie = Step("bracket", 0, (("add", (Range(sp.Integer(-1), ONE),)), ("drop", ())), None, (cheat,))
    refused(lambda: Proof("claim", (), (Equal(s),), (term(c[()]),), (lie,)))
    assert certify(nothing) is None


# Sums that are finite.


def test_a_bound_of_a_definition_is_fixed() -> None:
    """``U[i, k] := [0 <= k < i] [0 <= i < k + 5]`` summed over both is infinite."""
    with pytest.raises(ValueError, match="a box or bound contains a bound variable"):
        define("U", (None, None), (i, k), (term(Range(k, i), Range(i, k + 5)),))


def test_the_left_side_is_finite() -> None:
    """``sum_p x[s p]`` is a sum only where s is not 0."""
    start = (term(x[s * p], over=(p,)),)
    message = refused(lambda: proof(start))
    assert "s" in message
    assert replay(proof(start, hypotheses=(AtLeast(s - 1),))).lhs == start


def test_a_degenerate_index_map_needs_its_minor() -> None:
    """``x[s j + z k] a[z j + s k]`` is infinite at s = z: full rank for generic values only."""
    start = (term(x[s * j + z * k], a[z * j + s * k], over=(j, k)),)
    refused(lambda: proof(start))
    refused(lambda: proof(start, hypotheses=(AtLeast(s - 1), AtLeast(z - 1))))
    assert replay(proof(start, hypotheses=(AtLeast(s**2 - z**2 - 1),))).lhs == start


# Other errors of SymPy's summation.


def test_reindexing_by_a_factor_is_refused() -> None:
    """``p = s u`` is not a bijection (SymPy: change_index with a symbolic factor)."""
    start = (term(g[p], over=(p,)),)
    for e in (s * u, 2 * u, u * s + u):
        use = step("reindex", variables=(u,), mapping=((p, e),))
        assert "unimodular" in refused(partial(proof, start, use))
    assert false(start, (term(g[2 * u], over=(u,)),))
    turned = proof(start, step("reindex", variables=(u,), mapping=((p, P - 1 - u),)))
    assert replay(turned).rhs == (term(g[P - 1 - u], over=(u,)),)


def test_a_derivative_does_not_capture_a_name() -> None:
    """The index of differentiation and a bound index of the same name are distinguished."""
    total = define("S", (), (), (term(x[i], a[i], over=(i,)),))
    start = (term(Derivative((total[()],), x[i])),)
    d = Derivation("claim", ((i, N),), (), start)
    d.apply("linearity", 0, factor=0)
    d.apply("leibniz", 0, factor=0)
    (left, right) = d.current
    assert i not in (*left.variables, *right.variables)
    assert not false(start, d.current, ((i, N),))
    assert false(start, (term(a[k], over=(k,)),), ((i, N),))


def test_an_affine_index_is_kept() -> None:
    """``x[p + k] w[k]`` differs from ``x[k] w[k]`` (SymPy: convert_indexed_to_array drops p)."""
    w = tensor("w", "K")
    start = (term(x[p + k], w[k], over=(k,)),)
    dropped = (term(x[k], w[k], over=(k,)),)
    assert false(start, dropped, ((p, P),))
    use = step("reindex", variables=(u,), mapping=((k, u - p),))
    moved = replay(proof(start, use, variables=((p, P),))).rhs
    assert moved == (term(x[u], w[u - p], over=(u,)),)


def test_a_range_that_runs_backwards_is_empty() -> None:
    """``sum_i [0 <= i - 3 < -1]`` is 0 (SymPy follows Karr: Sum(i, (i, 3, 1)).doit() == -2)."""
    empty = (term(Range(i - 3, sp.Integer(-1)), over=(i,)),)
    assert not false(empty, ())
    assert replay(proof(empty)).lhs == empty


# The registry of rules, and replay as a gate.


def test_every_rule_says_what_it_infers() -> None:
    """The docstring of a rule is its inference figure."""
    for name, rule in RULES.items():
        assert rule.__doc__ and "---" in rule.__doc__, name


def test_a_certificate_text_says_one_thing() -> None:
    """A key that is given twice, or a name that reads as a product, is malformed."""
    text = dumps(proof((term(x[h]),), variables=((h, None),)))
    assert loads(text).start == (term(x[h]),)
    twice = text.replace('"name": "claim",', '"name": "claim", "name": "other",')
    product = text.replace('"h"', '"h*h"', 1)
    truth = text.replace('"format": 1', '"format": true')
    for bad in (twice, product, truth):
        assert bad != text
        with pytest.raises(MalformedError):
            loads(bad)


def test_an_activation_has_no_support() -> None:
    """``sigma(z[h])`` outside the box of z is sigma(0), which need not be 0."""
    applied: Apply = Apply("sigma", 0, Access(x, (h,)))
    start = (term(applied, Range(h, N)),)
    drop = step("bracket", drop=(1,), add=())
    refused(lambda: proof(start, drop, variables=((h, None),)))
    assert false(start, (term(applied),), ((h, None),))
