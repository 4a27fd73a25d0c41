"""One proof for each side condition of the kernel, which that condition alone refuses.

With the condition suspended

- FALSE: replay accepts, and exact evaluation at small sizes refutes the statement;
- NO VALUE: replay accepts a statement one side of which is an infinite sum, or that has no meaning:
  with sizes or tensors that change with an index, or two indices of one name;
- CAUGHT: the proof is still refused, by another check; `why` says which;
- TRUE: replay accepts, and what it then states is true; `why` says for what reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr

from rot180.derive.kernel.obligations import Refutation
from rot180.derive.kernel.proof import Proof, Step, Variables
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from tests.support.proofs import proof, step, symbols

h, i, j, k, p, q, s, t, u, v, z = symbols("h i j k p q s t u v z")
M, N, P = symbols("M N P")
a, b, c, g, x = tensor("a", "N"), tensor("b", "N"), tensor("c"), tensor("g", "P"), tensor("x", "N")
long = tensor("long", "M")
ZERO, ONE = sp.Integer(0), sp.Integer(1)
EVERYWHERE: Variables = ((h, None),)
MANY = symbols(" ".join(f"v{n}" for n in range(65)))

FALSE, NO_VALUE, CAUGHT, TRUE = "FALSE", "NO VALUE", "CAUGHT", "TRUE"


@dataclass(frozen=True)
class Case:
    """A proof that one condition refuses.

    Attributes:
        where: the function of the kernel that contains the condition.
        condition: its name; the type of factor that is asked for; words of its message where it
            has no name; or ``obligation: goal``.
        start: the left side.
        steps: the steps, the last of which breaks the condition.
        variables: the free indices.
        hypotheses: conditions on the parameters.
        outcome: what happens when the condition is suspended.
        why: a reason, or for CAUGHT type and words of the other check.

    """

    where: str
    condition: str
    start: Expression
    steps: tuple[Step, ...] = ()
    variables: Variables = ()
    hypotheses: tuple[Condition, ...] = ()
    outcome: str = FALSE
    why: str = ""

    def proof(self) -> Proof:
        """Write the proof, with the certificates that are found for its steps."""
        where, given = self.variables, self.hypotheses
        return proof(self.start, *self.steps, variables=where, hypotheses=given)


def derivative(*factors: Factor, wrt: Access = x[h]) -> Derivative:
    """Return a pending derivative."""
    return Derivative(factors, wrt)


def lemma(theorem: Proof, factors: tuple[int, ...] = (0,), **more: object) -> Step:
    """Cite a theorem."""
    use = {"symbols": (), "tensors": (), "bound": (), "theorem": theorem, "factors": factors}
    return Step("lemma", 0, tuple(sorted({**use, **more}.items())))


def compose(theorem: Proof, inner: Tensor, *tensors: tuple[str, Tensor], **more: object) -> Step:
    """Differentiate through a tensor by a theorem."""
    use = {"symbols": (), "tensors": tensors, "inner": inner, "theorem": theorem, "factor": 0}
    return Step("compose", 0, tuple(sorted({**use, **more}.items())))


def exhaust(scale: int, *factors: Factor, **sizes: Expr | int) -> Step:
    """Compare with brackets at every point of a box."""
    box = tuple((symbol(name), sp.sympify(n)) for name, n in sizes.items())
    return step("exhaust", sizes=box, scale=sp.Integer(scale), factors=factors)


def one(*factors: Factor) -> Expression:
    """Return one term that sums over nothing."""
    return (term(*factors),)


def invert(divisor: Tensor) -> Step:
    """Cancel the first factor with the second one."""
    return step("invert", factor=0, inverse=1, divisor=divisor)


# Tensors and theorems that the cases use.

empty = define("empty", (N,), (i,), ())
endless = define("endless", (None,), (i,), (term(Equal(i)),))
quotient = proof(
    one(x[v], Apply("reciprocal", 0, x[v])), invert(x), variables=((v, N),),
)  # fmt: skip

double = define("double", (N,), (i,), (term(x[i], coefficient=2),))
triple = define("triple", (N,), (i,), (term(x[i], coefficient=3),))
double_long = define("double_long", (M,), (i,), (term(long[i], coefficient=2),))
of_h = define("of_h", (None,), (i,), (term(x[i + h]),))
unfolded = proof(one(double[h]), step("definition", factor=0), variables=EVERYWHERE)
sifted = proof(
    (term(x[k], Equal(h - k), over=(k,)),), step("sift", factor=1, variable=k),
    variables=EVERYWHERE,
)  # fmt: skip
swapped = proof(one(x[h], a[h]), step("reorder", factors=(a[h], x[h])), variables=EVERYWHERE)
square = proof(one(x[h], x[h]), step("arrange", order=(0,)), variables=EVERYWHERE)
outer = proof((term(x[i], a[j], over=(i, j)),), step("reorder", factors=(a[j], x[i])))
inside = proof(one(c[()]), step("bracket", drop=(), add=(Range(v, N),)), variables=((v, N),))
boxed = proof(one(a[h], Range(h, N)), step("bracket", drop=(1,), add=()), variables=EVERYWHERE)
nothing = proof((term(x[h], coefficient=0),), step("collect"), variables=EVERYWHERE)
two = proof((term(x[h]), term(a[h])), step("arrange", order=(1, 0)), variables=EVERYWHERE)
apart = proof(
    one(derivative(a[i], wrt=b[j])), step("entry", factor=0), variables=((i, N), (j, N))
)
pair: Variables = ((i, N), (j, N))
total = define("total", (), (), (term(x[k], over=(k,)),))
total_of_double = define("total_of_double", (), (), (term(double[k], over=(k,)),))
total_of_long = define("total_of_long", (), (), (term(double_long[k], over=(k,)),))
other = define("other", (), (), (term(double[k], long[k], over=(k,)),))
product = define("product", (), (), (term(x[k], a[k], over=(k,)),))
doubled_a = define("doubled_a", (N,), (i,), (term(a[i], coefficient=2),))
product_of_a = define("product_of_a", (), (), (term(doubled_a[k], a[k], over=(k,)),))
constant = define("constant", (), (), (term(),))
infinite = define("infinite", (), (), (term(x[s * p], over=(p,)),))
differentiated = (
    step("linearity", factor=0), step("entry", factor=0), step("sift", factor=0, variable=k)
)  # fmt: skip
ONES = one(derivative(total[()], wrt=x[i]))
ones = proof(ONES, *differentiated, variables=((i, N),))
twice = proof((replace(ONES[0], coefficient=sp.Integer(2)),), *differentiated, variables=((i, N),))
inside_one = proof(
    ONES, *differentiated, step("bracket", drop=(), add=(Range(v, N),)),
    variables=((i, N), (v, N)),
)  # fmt: skip
unchanged = Proof("unchanged", ((i, N),), (), ONES, ())
by_x = proof(
    one(derivative(product[()], wrt=x[i])),
    step("linearity", factor=0), step("leibniz", factor=0), step("entry", 1, factor=1),
    step("entry", factor=0), step("sift", factor=0, variable=k),
    variables=((i, N),),
)  # fmt: skip
through = one(derivative(total_of_double[()]))
doubled = ("total", total_of_double)
stretched = (term(x[s * i], over=(i,)),)
sums_of_many = (term(c[()], *map(Equal, MANY), over=MANY),)
renamed = tuple(symbol(f"u{n}") for n in range(65))
lie = (Refutation((), ()),) * 2
drop = step("bracket", drop=(1,), add=())

CASES = (
    # Conditions of every rule on its place.
    Case("term", "the line has", one(x[h]), (step("exchange", at=-1, order=()),), EVERYWHERE),
    Case("factor", "the term has", one(c[()], derivative(x[h], a[h])),
         (step("reorder", inside=-1, factors=(a[h], x[h])),), ((h, N),)),
    Case("expect", "expected", (term(g[p], Range(p - t, P), over=(p,)),),
         (step("sift", factor=1, variable=p),)),
    Case("inside", "Derivative", one(c[()], x[h]), (step("reorder", inside=1, factors=()),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'factors'"),
    Case("distribute_inside", "Derivative", one(c[()], x[h]),
         (step("reorder", inside=1, factors=()),),
         EVERYWHERE, outcome=CAUGHT, why=r"ProofError: .*\[side condition: Derivative"),
    # Definitions and derivatives.
    Case("_unfold", "is a free tensor", one(x[h]), (step("definition", factor=0),), EVERYWHERE,
         outcome=CAUGHT, why="AttributeError: 'NoneType'"),
    Case("definition", "Access", one(Range(h, N)), (step("definition", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'tensor'"),
    Case("linearity", "Derivative", one(double[h]), (step("linearity", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'factors'"),
    Case("linearity", "not of a single access", one(derivative(double[h], x[h])),
         (step("linearity", factor=0),), ((h, N),)),
    Case("leibniz", "Derivative", one(double[h]), (step("leibniz", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'factors'"),
    Case("leibniz", "expected a product", one(derivative(x[h])), (step("leibniz", factor=0),),
         ((h, N),), outcome=TRUE, why="a product of one factor is its own derivative"),
    Case("leibniz", "contains a derivative", one(derivative(derivative(x[h], x[h]))),
         (step("leibniz", factor=0),), ((h, N),)),
    Case("entry", "Derivative", one(x[h]), (step("entry", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'factors'"),
    Case("entry", "not the derivative of a single access", one(derivative(a[h], x[h])),
         (step("entry", factor=0),), ((h, N),), outcome=CAUGHT, why="AttributeError: 'NoneType'"),
    Case("entry", "free tensors", one(derivative(double[h])), (step("entry", factor=0),),
         ((h, N),)),
    Case("entry", "obligation: 0 <= h < N", one(derivative(x[i])), (step("entry", factor=0),),
         ((i, None), (h, None))),
    Case("chain", "Derivative", one(x[h]), (step("chain", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="AttributeError: .* no attribute 'factors'"),
    Case("chain", "not the derivative of a scalar function",
         one(derivative(Apply("sigma", 0, x[h]), x[h])), (step("chain", factor=0),), ((h, N),),
         outcome=CAUGHT, why="AttributeError: 'NoneType'"),
    Case("relate", "Apply", one(x[h]), (step("relate", factor=0),), EVERYWHERE,
         outcome=CAUGHT, why="AttributeError: .* no attribute 'function'"),
    Case("related_terms", "no relation is known", one(Apply("sigma", 1, x[h])),
         (step("relate", factor=0),), EVERYWHERE, outcome=CAUGHT, why="AttributeError: 'NoneType'"),
    # Sums.
    Case("sift", "Equal", (term(g[p], Range(p - t, P), over=(p,)),),
         (step("sift", factor=1, variable=p),)),
    Case("sift", "bound", (term(g[p], Equal(p - t), over=(p,)),),
         (step("sift", factor=1, variable=t),)),
    Case("sift", "unit", (term(c[()], Equal(h - 2 * p), over=(p,)),),
         (step("sift", factor=1, variable=p),), EVERYWHERE),
    Case("exchange", "permutation", (term(g[p], over=(p,)),), (step("exchange", order=()),)),
    Case("reindex", "all sums", (term(x[p], a[k], over=(p, k)),),
         (step("reindex", variables=(u,), mapping=((p, u),)),)),
    Case("reindex", "square", (term(x[p], over=(p,)),),
         (step("reindex", variables=(), mapping=((p, ZERO),)),)),
    Case("reindex", "few variables", sums_of_many,
         (step("reindex", variables=renamed, mapping=tuple(zip(MANY, renamed, strict=True))),),
         outcome=TRUE, why="so that a certificate cannot keep replay busy"),
    Case("reindex", "new names", (term(x[p], a[t], over=(p,)),),
         (step("reindex", variables=(t,), mapping=((p, t),)),)),
    Case("reindex", "affine", (term(x[p], over=(p,)),),
         (step("reindex", variables=(u,), mapping=((p, u**2 + u),)),),
         outcome=CAUGHT, why="ProofError: .*not affine"),
    Case("reindex", "closed", (term(x[p], a[k], over=(p, k)),),
         (step("reindex", variables=(u, v), mapping=((p, u), (k, v + p))),),
         outcome=TRUE, why="for each value of the stray name the map is still a bijection"),
    Case("reindex", "unimodular", (term(x[p], over=(p,)),),
         (step("reindex", variables=(u,), mapping=((p, 2 * u),)),)),
    # Brackets.
    Case("bracket", "each once", one(x[h], Range(h, N)), (step("bracket", drop=(1, 1), add=()),),
         EVERYWHERE, outcome=TRUE, why="a bracket that is named twice is dropped once"),
    Case("bracket", "brackets", one(c[()], x[h]), (step("bracket", drop=(1,), add=()),),
         EVERYWHERE),
    Case("bracket", "obligation: 0 <= h < N", one(c[()], Range(h, N)), (drop,), EVERYWHERE),
    Case("bracket", "obligation: 0 <= h < N", one(c[()]),
         (step("bracket", drop=(), add=(Range(h, N),)),), EVERYWHERE),
    Case("split", "Range", one(Equal(h)), (step("split", factor=0, first=ONE),), EVERYWHERE,
         outcome=CAUGHT, why="AttributeError: .* no attribute 'size'"),
    Case("split", "obligation: s >= 0", one(Range(h, N)),
         (step("split", factor=0, first=s),), EVERYWHERE, (AtLeast(N - s),)),
    Case("split", "obligation: N - s >= 0", one(Range(h, N)),
         (step("split", factor=0, first=s),), EVERYWHERE, (AtLeast(s),)),
    Case("euclid", "new name", (term(g[p], a[t], over=(p,)),),
         (step("euclid", value=p, modulus=sp.Integer(2), variable=t),)),
    Case("count", "Range", one(c[()], Equal(h)), (step("count", factor=1),), EVERYWHERE,
         outcome=CAUGHT, why="AttributeError: 'Equal' object has no attribute 'size'"),
    Case("count", "bound", one(c[()], Range(h, N)), (step("count", factor=1),), EVERYWHERE,
         (AtLeast(N),)),
    Case("count", "alone", (term(g[p], Range(p, N), over=(p,)),), (step("count", factor=1),),
         hypotheses=(AtLeast(N),)),
    Case("count", "obligation: N >= 0", (term(c[()], Range(p, N), over=(p,)),),
         (step("count", factor=1),)),
    Case("invert", "Access", one(Apply("exp", 0, x[h]), Apply("reciprocal", 0, x[h])),
         (invert(x),), ((h, N),), outcome=CAUGHT, why="ProofError: .*found Apply.*an access"),
    Case("invert", "reciprocal", one(x[h], Apply("exp", 0, x[h])), (invert(x),), ((h, N),)),
    Case("invert", "divisor", one(empty[h], Apply("reciprocal", 0, empty[h])), (invert(x),),
         ((h, N),)),
    Case("invert", "box", one(endless[h], Apply("reciprocal", 0, endless[h])), (invert(endless),),
         EVERYWHERE),
    Case("invert", "obligation: 0 <= h < N", one(x[h], Apply("reciprocal", 0, x[h])), (invert(x),),
         EVERYWHERE),
    Case("euclid", "obligation: s - 1 >= 0", one(c[()]),
         (step("euclid", value=h, modulus=s, variable=u),), EVERYWHERE),
    # Tables of numbers.
    Case("exhaust", "tables", one(Apply("sigma", 0, c[()]), Equal(h)),
         (exhaust(1, Equal(h), h=1),), EVERYWHERE),
    Case("exhaust", "all variables", one(Equal(ONE), Equal(h)), (exhaust(0),), EVERYWHERE,
         outcome=TRUE, why="an index that is looked at has a value; the rest is times 0"),
    Case("exhaust", "closed", (term(Equal(v), over=(v,), coefficient=0),),
         (exhaust(1, Equal(ONE), Equal(v), v=1),),
         outcome=TRUE, why="an index that is looked at has a value; the rest is times 0"),
    Case("exhaust", "numbers", one(Range(h, N)), (exhaust(1, Range(h, N), h=N, N=N),),
         EVERYWHERE, outcome=CAUGHT, why="truth value"),
    Case("exhaust", "few points", one(Range(h, sp.Integer(20_000))),
         (exhaust(1, Range(h, sp.Integer(20_000)), h=20_000),), EVERYWHERE,
         outcome=TRUE, why="so that a certificate cannot keep replay busy"),
    Case("exhaust", "equal", one(Range(h, sp.Integer(2))), (exhaust(1, Equal(h), h=2),),
         EVERYWHERE),
    Case("exhaust", "obligation: 0 <= h < 2", one(Range(h, sp.Integer(3))),
         (exhaust(1, Range(h, sp.Integer(2)), h=2),), EVERYWHERE),
    Case("exhaust", "obligation: 0 <= h < 2", one(Range(h, sp.Integer(2))),
         (exhaust(1, Range(h, sp.Integer(3)), h=2),), EVERYWHERE),
    # Order.
    Case("reorder", "no new factor", one(x[h]), (step("reorder", factors=(x[h], a[h])),),
         EVERYWHERE, outcome=CAUGHT, why="not in list"),
    Case("reorder", "no missing factor", one(x[h], a[h]), (step("reorder", factors=(x[h],)),),
         EVERYWHERE),
    Case("collect", "whole line", one(x[h]), (step("collect", 1),), EVERYWHERE,
         outcome=TRUE, why="the rule looks at all terms: the number has no meaning for it"),
    Case("arrange", "whole line", one(x[h]), (step("arrange", 1, order=(0,)),), EVERYWHERE,
         outcome=TRUE, why="the rule looks at all terms: the number has no meaning for it"),
    Case("arrange", "permutation", (term(x[h]), term(a[h])), (step("arrange", order=(0,)),),
         EVERYWHERE),
    # Lemmas.
    Case("lemma", "terms, expected 1", one(x[h]), (lemma(two),), EVERYWHERE),
    Case("lemma", "sums, expected the", (term(x[k], Equal(h - k), over=(k,)),),
         (lemma(sifted, (0, 1), bound=()),), EVERYWHERE,
         outcome=CAUGHT, why="argument 2 is shorter"),
    Case("lemma", "bound", one(x[t], Equal(h - t)), (lemma(sifted, (0, 1), bound=(t,)),),
         EVERYWHERE),
    Case("lemma", "distinct sums", (term(x[t], a[t], over=(t,)),),
         (lemma(outer, (0, 1), bound=(t, t)),)),
    Case("lemma", "fixed point", (term(x[h], Equal(ZERO), over=(h,)),),
         (lemma(sifted, (0, 1), bound=(h,)),)),
    Case("lemma", "distinct factors", one(x[h]), (lemma(square, (0, 0)),), EVERYWHERE),
    Case("lemma", "left side", one(b[h]), (lemma(swapped),), EVERYWHERE),
    Case("lemma", "independence", (term(x[k], Equal(h - k), a[k], over=(k,)),),
         (lemma(sifted, (0, 1), bound=(k,)),), EVERYWHERE),
    Case("lemma", "coefficient", one(x[h]), (lemma(nothing),), EVERYWHERE,
         outcome=CAUGHT, why="AssertionError"),
    Case("lemma", "obligation: 0 <= h < N", one(c[()]), (lemma(inside, symbols=((v, h),)),),
         EVERYWHERE),
    Case("instantiate", "distinct tensors", one(derivative(double[i], wrt=x[j])),
         (lemma(apart, tensors=(("a", double), ("b", x))),), pair),
    Case("instantiate", "distinct tensors", one(derivative(b[i], wrt=b[j])),
         (lemma(apart, tensors=(("a", b),)),), pair),
    Case("_tensor", "has the box", one(long[h], Range(h, N)),
         (lemma(boxed, (0, 1), tensors=(("a", long),)),), EVERYWHERE),
    Case("_tensor", "different definitions", one(triple[h]),
         (lemma(unfolded, tensors=(("double", triple),)),), EVERYWHERE),
    # The chain rule through a tensor.
    Case("compose", "Derivative", one(double[h]), (compose(ones, double),), EVERYWHERE,
         outcome=CAUGHT, why="AttributeError: .* no attribute 'wrt'"),
    Case("_outer_derivative", "is not a derivative", through, (compose(twice, double, doubled),),
         ((h, N),)),
    Case("compose", "new names", one(*through[0].factors, a[t]),
         (compose(ones, double, doubled, symbols=((i, t),)),), ((h, N),)),
    Case("compose", "no derivative", through, (compose(unchanged, double, doubled),), ((h, N),),
         outcome=CAUGHT, why="ProofError: .*a derivative by"),
    Case("compose", "same box", one(derivative(total_of_long[()], wrt=long[h])),
         (compose(ones, double_long, ("total", total_of_long)),), ((h, M),),
         outcome=CAUGHT, why="ProofError: .*has the box"),
    Case("compose", "inner alone", through, (compose(ones, double, doubled, ("x", triple)),),
         ((h, N),), outcome=TRUE, why="the inner tensor is what x then becomes"),
    Case("compose", "only through", one(derivative(product_of_a[()], wrt=a[h])),
         (compose(by_x, doubled_a, ("product", product_of_a)),), ((h, N),)),
    Case("compose", "left side", one(derivative(other[()])), (compose(ones, double, doubled),),
         ((h, N),)),
    Case("compose", "obligation: 0 <= h < N", one(derivative(total_of_double[()], wrt=x[j])),
         (compose(inside_one, double, doubled, symbols=((v, h),)),), ((h, None), (j, N))),
    # Sums that are finite.
    Case("finiteness", "obligation: s != 0", stretched, outcome=NO_VALUE),
    Case("finiteness", "obligation: s^2 - z^2 != 0",
         (term(x[s * j + z * k], a[z * j + s * k], over=(j, k)),), outcome=NO_VALUE),
    Case("_minor", "infinitely many terms", (term(x[j + k], over=(j, k)),),
         outcome=CAUGHT, why="AttributeError: 'NoneType'"),
    # Steps.
    Case("apply_step", "there is no rule", one(x[h]), (step("magic"),), EVERYWHERE,
         outcome=CAUGHT, why="KeyError: 'magic'"),
    Case("apply_step", "no divisor", one(empty[h], Apply("reciprocal", 0, empty[h])),
         (lemma(quotient, (0, 1), symbols=((v, h),), tensors=(("x", empty),)),), ((h, N),)),
    Case("apply_step", "outside", one(derivative(x[h], Apply("reciprocal", 0, x[h]))),
         (Step("invert", 0, invert(x).arguments, inside=0),), ((h, N),),
         outcome=TRUE, why="by the relation of reciprocal, the derivative of the product is 0"),
    Case("apply_step", "given twice", one(double[h]),
         (Step("definition", 0, (("factor", 0), ("factor", 0))),), EVERYWHERE,
         outcome=TRUE, why="the last of them is what the rule is given"),
    Case("apply_step", "applied backwards", one(g[t]),
         (step("sift", result=(term(g[p], Equal(p - t - 1), over=(p,)),), factor=1, variable=p),)),
    Case("apply_step", "the line has more than", one(x[h]) * 1001,
         (step("arrange", order=tuple(range(1001))),), EVERYWHERE,
         outcome=TRUE, why="it limits how long replay takes"),
    Case("_check_certificates", "does not show", one(c[()], Range(h, N)),
         (replace(drop, certificates=(lie,)),), EVERYWHERE),
    Case("_check_certificates", "an obligation is open", one(c[()], Range(h, N)), (drop,),
         EVERYWHERE),
    Case("_check_certificates", "certificates for", one(x[h], Range(h, N)),
         (replace(drop, certificates=(lie,)),), EVERYWHERE,
         outcome=TRUE, why="a certificate for nothing says nothing"),
    Case("_register", "stands for two tensors", one(derivative(x[i], wrt=Tensor("x", (M,))[j])),
         (step("entry", factor=0),), ((i, N), (j, M))),
    # Statements and lines.
    Case("_well_formed_statement", "listed twice", one(long[h], Range(h, N)), (drop,),
         ((h, N), (h, None)), outcome=NO_VALUE),
    Case("_well_formed_statement", "depends on a free variable", one(x[i]),
         variables=((h, N), (i, h)), outcome=NO_VALUE),
    Case("_well_formed", "is bound by a sum", (term(long[h], Range(h, N), over=(h,)),), (drop,),
         ((h, N),)),
    Case("_well_formed", "depends on a free variable", one(of_h[i]), variables=((i, N), (h, N)),
         outcome=NO_VALUE),
    Case("_evidently_finite", "is finite only if", one(infinite[()]), outcome=NO_VALUE),
)  # fmt: skip
