"""Each side condition of each rule is needed: what happens to a proof when it is suspended.

The table below has one case for every condition in the source of the rules (a test reads that
source). Replay refuses the proof of each case. With that one condition suspended

- FALSE: replay accepts, and exact evaluation at small sizes refutes the statement;
- NO VALUE: replay accepts a statement one side of which is an infinite sum, or a derivative by a
  defined tensor;
- CAUGHT: replay still refuses, by another check; `why` says which;
- TRUE: replay accepts, and what it then states is true; `why` says for what reason.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sympy as sp
from sympy import Expr

from rot180.derive.kernel import proof as proving
from rot180.derive.kernel import rules
from rot180.derive.kernel.obligations import show_goal
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Step, Variables
from rot180.derive.kernel.replay import replay
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
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import EvaluationError, Model
from tests.proofs import false, proof, refused, step, symbols

h, i, j, k, p, q, s, t, u, v, z = symbols("h i j k p q s t u v z")
M, N, P = symbols("M N P")
a, b, c, g, x = tensor("a", "N"), tensor("b", "N"), tensor("c"), tensor("g", "P"), tensor("x", "N")
long = tensor("long", "M")
ZERO, ONE = sp.Integer(0), sp.Integer(1)
EVERYWHERE: Variables = ((h, None),)

FALSE, NO_VALUE, CAUGHT, TRUE = "FALSE", "NO VALUE", "CAUGHT", "TRUE"


@dataclass(frozen=True)
class Case:
    """A proof that one condition refuses.

    Attributes:
        where: the function of rules.py in which the condition stands.
        condition: its name; words of its message where it has no name; or ``obligation: goal``.
        start: the left side.
        steps: the steps, the last of which breaks the condition.
        variables: the free indices.
        hypotheses: conditions on the parameters.
        outcome: what happens when the condition is suspended.
        why: a reason, or for CAUGHT the words of the other check.

    """

    where: str
    condition: str
    start: Expression
    steps: tuple[Step, ...]
    variables: Variables = ()
    hypotheses: tuple[Condition, ...] = ()
    outcome: str = FALSE
    why: str = ""

    def proof(self) -> Proof:
        """Write the proof; only a suspended condition lets it be written step by step."""
        where, given = self.variables, self.hypotheses
        return proof(self.start, *self.steps, variables=where, hypotheses=given)

    def unchecked(self) -> Proof:
        """Write the proof without looking at it."""
        return Proof("claim", self.variables, self.hypotheses, self.start, self.steps)


def derivative(*factors: Access | Apply | Derivative, wrt: Access = x[h]) -> Derivative:
    """Return a pending derivative."""
    return Derivative(factors, wrt)


def lemma(theorem: Proof, factors: tuple[int, ...] = (0,), **more: object) -> Step:
    """Cite a theorem."""
    use = {"symbols": (), "tensors": (), "bound": (), "theorem": theorem, "factors": factors}
    return Step("lemma", 0, tuple(sorted({**use, **more}.items())))


def compose(theorem: Proof, inner: Tensor, **more: object) -> Step:
    """Differentiate through a tensor by a theorem."""
    use = {"symbols": (), "tensors": (), "inner": inner, "theorem": theorem, "factor": 0}
    return Step("compose", 0, tuple(sorted({**use, **more}.items())))


def exhaust(scale: int, *factors: Factor, **sizes: Expr | int) -> Step:
    """Compare with brackets at every point of a box."""
    box = tuple((symbol(name), sp.sympify(n)) for name, n in sizes.items())
    return step("exhaust", sizes=box, scale=sp.Integer(scale), factors=factors)


def one(*factors: Access | Equal | Range | Apply | Derivative) -> Expression:
    """Return one term that sums over nothing."""
    return (term(*factors),)


double = define("double", (N,), (i,), (term(x[i], coefficient=2),))
triple = define("triple", (N,), (i,), (term(x[i], coefficient=3),))
unfolded = proof(one(double[h]), step("definition", factor=0), variables=EVERYWHERE)
sifted = proof(
    (term(x[k], Equal(h - k), over=(k,)),),
    step("sift", factor=1, variable=k),
    variables=EVERYWHERE,
)
swapped = proof(
    one(x[h], a[h]), step("reorder", factors=(a[h], x[h])), variables=EVERYWHERE
)
square = proof(one(x[h], x[h]), step("arrange", order=(0,)), variables=EVERYWHERE)
outer = proof(
    (term(x[i], a[j], over=(i, j)),), step("reorder", factors=(a[j], x[i]))
)
even_line: Expression = (term(c[()], Equal(p - v), over=(p,)),)
doubled = proof(
    even_line, step("bracket", drop=(1,), add=(Equal(2 * p - 2 * v),)), variables=((v, None),)
)
even = Proof(
    "even",
    ((v, None),),
    (),
    one(c[()]),
    (step("sift", result=even_line, factor=1, variable=p), *doubled.steps),
)
inside = proof(one(c[()]), step("bracket", drop=(), add=(Range(v, N),)), variables=((v, N),))
boxed = proof(
    one(a[h], Range(h, N)), step("bracket", drop=(1,), add=()), variables=EVERYWHERE
)
nothing = proof((term(x[h], coefficient=0),), step("collect"), variables=EVERYWHERE)
split = Proof(
    "split",
    EVERYWHERE,
    (),
    (term(x[h], coefficient=s),),
    (step("collect", result=(term(x[h]), term(x[h], coefficient=s - 1))),),
)
two = proof(
    (term(x[h]), term(a[h])), step("arrange", order=(1, 0)), variables=EVERYWHERE
)
apart = proof(
    one(derivative(a[i], wrt=b[j])), step("entry", factor=0), variables=((i, N), (j, N))
)
pair: Variables = ((i, N), (j, N))
total = define("total", (), (), (term(x[k], over=(k,)),))
total_of_double = define("total", (), (), (term(double[k], over=(k,)),))
other = define("other", (), (), (term(double[k], long[k], over=(k,)),))
product = define("product", (), (), (term(x[k], a[k], over=(k,)),))
doubled_a = define("doubled a", (N,), (i,), (term(a[i], coefficient=2),))
product_of_a = define("product", (), (), (term(doubled_a[k], a[k], over=(k,)),))
constant = define("constant", (), (), (term(),))
differentiated = (
    step("linearity", factor=0), step("entry", factor=0), step("sift", factor=0, variable=k)
)  # fmt: skip
ONES = one(derivative(total[()], wrt=x[i]))
ones = proof(ONES, *differentiated, variables=((i, N),))
twice = proof(
    (term(*ONES[0].factors, coefficient=2),), *differentiated, variables=((i, N),)
)
inside_one = proof(
    ONES, *differentiated, step("bracket", drop=(), add=(Range(v, N),)),
    variables=((i, N), (v, N)),
)  # fmt: skip
on_even = Proof(
    "on_even",
    ((i, N), (v, None)),
    (),
    ONES,
    (
        *ones.steps,
        step("sift", result=(term(Equal(p - v), over=(p,)),), factor=0, variable=p),
        *proof(
            (term(Equal(p - v), over=(p,)),),
            step("bracket", drop=(0,), add=(Equal(2 * p - 2 * v),)),
            variables=((i, N), (v, None)),
        ).steps,
    ),
)
unchanged = Proof("unchanged", ((i, N),), (), ONES, ())
by_x = proof(
    one(derivative(product[()], wrt=x[i])),
    step("linearity", factor=0), step("leibniz", factor=0), step("entry", 1, factor=1),
    step("entry", factor=0), step("sift", factor=0, variable=k),
    variables=((i, N),),
)  # fmt: skip
by_double = proof(
    one(derivative(constant[()], wrt=double[i])),
    step("linearity", factor=0), step("leibniz", factor=0), variables=((i, N),),
)  # fmt: skip
through = one(derivative(total_of_double[()]))
stretched = (term(x[s * i], over=(i,)),)

CASES = (
    # What every rule asks of its place.
    Case("Place.term", "terms", one(x[h]), (step("exchange", at=-1, order=()),), EVERYWHERE),
    Case("Place.factor", "factors", one(a[h], double[h]), (step("definition", factor=-1),),
         EVERYWHERE),
    # Definitions and derivatives.
    Case("_unfold", "is a free tensor", one(x[h]), (step("definition", factor=0),), EVERYWHERE,
         outcome=CAUGHT, why="NoneType"),
    Case("definition", "expected an access", one(Range(h, N)), (step("definition", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="no attribute"),
    Case("linearity", "expected a derivative", one(double[h]), (step("linearity", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="no attribute"),
    Case("linearity", "not of a single access", one(derivative(double[h], x[h])),
         (step("linearity", factor=0),), ((h, N),)),
    Case("leibniz", "expected a derivative", one(double[h]), (step("leibniz", factor=0),),
         EVERYWHERE, outcome=CAUGHT, why="no attribute"),
    Case("leibniz", "expected a product", one(derivative(x[h])), (step("leibniz", factor=0),),
         ((h, N),), outcome=TRUE, why="a product of one factor is its own derivative"),
    Case("leibniz", "inside a derivative", one(derivative(derivative(x[h], x[h]), x[h])),
         (step("leibniz", factor=0),), ((h, N),)),
    Case("entry", "not the derivative of a single access", one(derivative(a[h], x[h])),
         (step("entry", factor=0),), ((h, N),)),
    Case("entry", "free tensors", one(derivative(double[h])), (step("entry", factor=0),),
         ((h, N),)),
    Case("entry", "obligation: 0 <= h < N", one(derivative(x[i])), (step("entry", factor=0),),
         ((i, None), (h, None))),
    Case("chain", "not the derivative of a scalar function",
         one(derivative(Apply("sigma", 0, x[h]), x[h])), (step("chain", factor=0),), ((h, N),)),
    Case("relate", "expected a function", one(x[h]), (step("relate", factor=0),), EVERYWHERE,
         outcome=CAUGHT, why="no attribute"),
    Case("related_terms", "no relation is known", one(Apply("sigma", 1, x[h])),
         (step("relate", factor=0),), EVERYWHERE, outcome=CAUGHT, why="not iterable|no attribute"),
    # Sums.
    Case("sift", "expected an equation", (term(g[p], Range(p - t, P), over=(p,)),),
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
    Case("reindex", "new names", (term(x[p], a[t], over=(p,)),),
         (step("reindex", variables=(t,), mapping=((p, t),)),)),
    Case("reindex", "affine", (term(x[p], over=(p,)),),
         (step("reindex", variables=(u,), mapping=((p, u**2 + u),)),),
         outcome=CAUGHT, why="not affine"),
    Case("reindex", "closed", (term(x[p], a[k], over=(p, k)),),
         (step("reindex", variables=(u, v), mapping=((p, u), (k, v + p))),),
         outcome=TRUE, why="for each value of the stray name the map is still a bijection"),
    Case("reindex", "integral", (term(x[2 * p], over=(p,)),),
         (step("reindex", variables=(u,), mapping=((p, u + sp.Rational(1, 2)),)),)),
    Case("reindex", "unimodular", (term(x[p], over=(p,)),),
         (step("reindex", variables=(u,), mapping=((p, 2 * u),)),)),
    # Brackets.
    Case("bracket", "brackets", one(c[()], x[h]), (step("bracket", drop=(1,), add=()),),
         EVERYWHERE),
    Case("bracket", "obligation: 0 <= h < N", one(c[()], Range(h, N)),
         (step("bracket", drop=(1,), add=()),), EVERYWHERE),
    Case("bracket", "obligation: 0 <= h < N", one(c[()]),
         (step("bracket", drop=(), add=(Range(h, N),)),), EVERYWHERE),
    Case("euclid", "new name", (term(g[p], a[t], over=(p,)),),
         (step("euclid", value=p, modulus=sp.Integer(2), variable=t),)),
    Case("euclid", "obligation: s - 1 >= 0", one(c[()]),
         (step("euclid", value=h, modulus=s, variable=u),), EVERYWHERE),
    # Tables of numbers.
    Case("exhaust", "tables", one(Apply("sigma", 0, c[()]), Equal(h)),
         (exhaust(1, Equal(h), h=1),), EVERYWHERE),
    Case("exhaust", "brackets alone", one(Equal(h)),
         (exhaust(1, Equal(h), Apply("sigma", 0, c[()]), h=1),), EVERYWHERE),
    Case("exhaust", "all variables", one(Equal(ONE), Equal(h)), (exhaust(0),), EVERYWHERE,
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
    # Order.
    Case("reorder", "no new factor", one(x[h]), (step("reorder", factors=(x[h], a[h])),),
         EVERYWHERE),
    Case("reorder", "no missing factor", one(x[h], a[h]), (step("reorder", factors=(x[h],)),),
         EVERYWHERE),
    Case("arrange", "permutation", (term(x[h]), term(a[h])), (step("arrange", order=(0,)),),
         EVERYWHERE),
    # Lemmas.
    Case("lemma", "integral", one(c[()]), (lemma(even, symbols=((v, h / 2),)),), EVERYWHERE),
    Case("lemma", "terms, expected 1", one(x[h]), (lemma(two),), EVERYWHERE),
    Case("lemma", "sums for the", (term(x[k], Equal(h - k), over=(k,)),),
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
    Case("lemma", "coefficient", one(x[h]), (lemma(nothing),), EVERYWHERE),
    Case("lemma", "coefficient", one(x[h]), (lemma(split),), EVERYWHERE,
         outcome=CAUGHT, why="not a polynomial"),
    Case("lemma", "obligation: 0 <= h < N", one(c[()]), (lemma(inside, symbols=((v, h),)),),
         EVERYWHERE),
    Case("instantiate", "free tensors", one(derivative(a[i], wrt=double[j])),
         (lemma(apart, tensors=(("b", double),)),), pair, outcome=NO_VALUE),
    Case("instantiate", "distinct tensors", one(derivative(double[i], wrt=x[j])),
         (lemma(apart, tensors=(("a", double), ("b", x))),), pair),
    Case("instantiate", "distinct tensors", one(derivative(b[i], wrt=b[j])),
         (lemma(apart, tensors=(("a", b),)),), pair),
    Case("_retensor", "same box", one(long[h], Range(h, N)),
         (lemma(boxed, (0, 1), tensors=(("a", long),)),), EVERYWHERE),
    Case("_retensor", "same definition", one(triple[h]),
         (lemma(unfolded, tensors=(("double", triple),)),), EVERYWHERE),
    # The chain rule through a tensor.
    Case("compose", "integral", one(derivative(total_of_double[()], wrt=x[j])),
         (compose(on_even, double, symbols=((v, h / 2),)),), ((h, None), (j, N))),
    Case("compose", "is not a derivative", through, (compose(twice, double),), ((h, N),)),
    Case("compose", "new names", one(*through[0].factors, a[t]),
         (compose(ones, double, symbols=((i, t),)),), ((h, N),)),
    Case("compose", "free tensors", one(derivative(constant[()])),
         (compose(by_double, double),), ((h, N),), outcome=TRUE,
         why="by a defined tensor only what is constant can be differentiated"),
    Case("compose", "no derivative", through, (compose(unchanged, double),), ((h, N),),
         outcome=NO_VALUE),
    Case("compose", "left side", one(derivative(other[()])), (compose(ones, double),), ((h, N),)),
    Case("compose", "only through", one(derivative(product_of_a[()], wrt=a[h])),
         (compose(by_x, doubled_a),), ((h, N),)),
    Case("compose", "obligation: 0 <= h < N", one(derivative(total_of_double[()], wrt=x[j])),
         (compose(inside_one, double, symbols=((v, h),)),), ((h, None), (j, N))),
    # Sums that are finite.
    Case("_finite", "obligation: s != 0", stretched, (), outcome=NO_VALUE),
    Case("_finite", "obligation: s^2 - z^2 != 0",
         (term(x[s * j + z * k], a[z * j + s * k], over=(j, k)),), (), outcome=NO_VALUE),
    Case("_finite", "infinitely many terms", (term(x[j + k], over=(j, k)),), (),
         outcome=NO_VALUE),
)  # fmt: skip


# Suspending a condition.


def functions() -> dict[str, ast.FunctionDef]:
    """Return the functions of the rules' source, methods with their class."""
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(inspect.getsource(rules)).body:
        for part in node.body if isinstance(node, ast.ClassDef) else (node,):
            if isinstance(part, ast.FunctionDef):
                prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                found[prefix + part.name] = part
    return found


def guards(function: ast.FunctionDef) -> list[ast.If]:
    """Return the statements ``if ...: raise`` of a function."""
    return [
        n for n in ast.walk(function) if isinstance(n, ast.If) and isinstance(n.body[0], ast.Raise)
    ]


def without_guard(where: str, words: str) -> Callable[..., object]:
    """Return a function of the rules without the guard whose message has these words."""
    function = functions()[where]
    (guard,) = [g for g in guards(function) if words in ast.unparse(g.body[0])]
    guard.body = [ast.Pass()]
    function.decorator_list = []
    module = ast.fix_missing_locations(ast.Module([function], []))
    made: dict[str, Callable[..., object]] = {}
    exec(compile(module, "rules without a guard", "exec"), vars(rules), made)
    return made[function.name]


def suspend(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Suspend the condition of a case, and no other."""
    where = case.where
    if where == "_finite":
        monkeypatch.setattr(proving, "finiteness", lambda *_: ())
    elif case.condition.startswith("obligation"):
        old = rules.RULES[where]
        monkeypatch.setitem(rules.RULES, where, lambda *o, **named: (old(*o, **named)[0], ()))
    elif case.condition in named_conditions(functions()[where]):
        require = rules.require

        def lenient(condition: str, holds: bool, message: str) -> None:
            require(condition, holds or condition == case.condition, message)

        monkeypatch.setattr(rules, "require", lenient)
    elif where.startswith("Place."):
        name, new = where.removeprefix("Place."), without_guard(where, case.condition)
        monkeypatch.setattr(Place, name, property(new) if name == "term" else new)
    elif where in rules.RULES:
        monkeypatch.setitem(rules.RULES, where, without_guard(where, case.condition))
    else:
        monkeypatch.setattr(rules, where, without_guard(where, case.condition))


def named_conditions(function: ast.FunctionDef) -> set[str]:
    """Return the names of the conditions that a function requires."""
    return {
        str(ast.literal_eval(n.args[0]))
        for n in ast.walk(function)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "require"
    }


def label(case: Case) -> str:
    """Name a case."""
    return f"{case.where}-{case.condition}-{case.outcome}"


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_condition_is_needed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay refuses the proof, and only the condition in question stands between it and false."""
    message = refused(case.proof)
    if case.condition.startswith("obligation"):
        goal = case.condition.removeprefix("obligation: ")
        goals = [show_goal(o.goal) for o in replay(case.proof()).open] if message == "open" else []
        assert goal in goals or goal in message
    elif case.condition in named_conditions(functions()[case.where]):
        assert f"[side condition: {case.condition}]" in message
    else:
        assert re.search(case.condition, message), message
    suspend(monkeypatch, case)
    if case.outcome == CAUGHT:
        assert re.search(case.why, refused(case.unchecked))
        return
    made = case.proof()
    theorem = replay(made)
    assert not theorem.open
    if case.outcome == NO_VALUE:
        unknown = dict.fromkeys((s, z), 0) | dict.fromkeys((M, N, P), 2)
        point = {v: 0 for v, _ in case.variables}
        with pytest.raises(EvaluationError, match=r"bounds the sum|the defined tensor"):
            for side in (theorem.lhs, theorem.rhs):
                evaluate(side, Model(unknown), point)
        return
    refuted = false(theorem.lhs, theorem.rhs, case.variables, case.hypotheses)
    assert refuted == (case.outcome == FALSE), case.why
    monkeypatch.undo()
    refused(lambda: made)


def test_the_table_is_complete() -> None:
    """The source of the rules has no condition that the table leaves out."""
    for name, function in functions().items():
        have = [case.condition for case in CASES if case.where == name]
        if name == "require":
            continue
        for condition in named_conditions(function):
            assert condition in have, f"{name}: {condition}"
        if name != "rule.register" and function.name != "rule":
            for guard in guards(function):
                said = ast.unparse(guard.body[0])
                assert any(condition in said for condition in have), f"{name}: {said}"
        calls = [n.func for n in ast.walk(function) if isinstance(n, ast.Call)]
        made = [f for f in calls if isinstance(f, ast.Name) and f.id == "Obligation"]
        listed = [condition for condition in have if condition.startswith("obligation")]
        assert len(made) == len(listed), name


def test_every_rule_is_in_the_table() -> None:
    """The rules that ask for nothing but a place are named here."""
    asked = {case.where for case in CASES}
    assert rules.RULES.keys() - asked == {"collect"}


# Conditions on the lines of a proof, checked by replay itself.


def test_one_name_is_one_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tensors of one name may be the same where their boxes are."""
    other = Tensor("x", (M,))
    start = one(derivative(x[i], wrt=other[j]))
    where: Variables = ((i, N), (j, M))
    use = step("entry", factor=0)
    assert "two different tensors" in refused(lambda: proof(start, use, variables=where))
    monkeypatch.setattr(proving, "one_name_one_tensor", lambda _: None)
    theorem = replay(proof(start, use, variables=where))
    assert not theorem.open
    assert false(theorem.lhs, theorem.rhs, where)


def test_a_free_index_is_not_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds of the free h does not hold of an h that a sum binds."""
    start: Expression = (term(long[h], Range(h, N), over=(h,)),)
    use = step("bracket", drop=(1,), add=())
    assert "bound by a sum" in refused(lambda: proof(start, use, variables=((h, N),)))
    monkeypatch.setattr(proving, "_well_formed", lambda *_: None)
    theorem = replay(proof(start, use, variables=((h, N),)))
    assert not theorem.open
    assert false(theorem.lhs, theorem.rhs, ((h, N),))


def test_a_definition_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """An infinite sum does not become finite by giving it a name."""
    endless = define("endless", (), (), (term(c[()], over=(p,)),))
    assert "infinitely many" in refused(lambda: proof(one(endless[()])))
    monkeypatch.setattr(proving, "_well_formed", lambda *_: None)
    theorem = replay(proof(one(endless[()])))
    with pytest.raises(EvaluationError):
        evaluate(theorem.lhs, Model({}), {})


def test_steps_backwards_meet_the_same_conditions() -> None:
    """A rule read from right to left asks for what it asks for from left to right."""
    line: Expression = (term(c[()], Equal(h - 2 * p), over=(p,)),)
    back = step("sift", result=line, factor=1, variable=p)
    assert "unit" in refused(lambda: Proof("claim", EVERYWHERE, (), one(c[()]), (back,)))
    wide = step("bracket", result=one(c[()], Range(h, N)), drop=(1,), add=())
    theorem = replay(Proof("claim", EVERYWHERE, (), one(c[()]), (wide,)))
    assert [show_goal(o.goal) for o in theorem.open] == ["0 <= h < N"]
    assert false(theorem.lhs, theorem.rhs, EVERYWHERE)
    assert not replay(Proof("claim", EVERYWHERE, (AtLeast(h), AtLeast(N - 1 - h)), one(c[()]),
                            (wide,))).open  # fmt: skip
