"""Scripts of proofs outside the registry: any name and any rule, or an error that says why not."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise

import pytest

from rot180.codegen.rocq.check import CheckedScript, check, check_given, script_text
from rot180.codegen.rocq.finiteness import differentiate_inside
from rot180.codegen.rocq.identifiers import (
    NUMBERED,
    RESERVED,
    Names,
    ScriptError,
    derived_identifiers,
)
from rot180.codegen.rocq.script import library, script, statement
from rot180.codegen.rocq.statement import state
from rot180.codegen.rocq.tokens import ASSUMED, FORBIDDEN, tokens
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay, replay_cited
from rot180.derive.language.layers import layer
from rot180.derive.language.terms import (
    Apply,
    AtLeast,
    Derivative,
    Expression,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.prove import prove
from rot180.derive.search.rewriting import differentiate, drop_implied, sift
from rot180.derive.theorems import theorem
from tests.support.proofs import symbols

NEEDS_COQC = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")
pytestmark = pytest.mark.usefixtures("compiled_library")


def accepted(*proved: Theorem) -> list[CheckedScript]:
    return [c for c in check(map(script_text, proved)) if not c.accepted]


# Names.

WORDS = """
fun forall Z sum zero scalars within H1 Axiom admit x_box moved_x line_0 step_1 in_1 value_y E
bound Set exists2 nat f_equal range_h sigma_1 Variable z1 at1 statement holds A cited_1 total
Prop match end first box least finite large x x_known fixed_x Section ring
""".split()  # noqa: SIM905


def square_of_a_layer(words: list[str], name: str) -> Theorem:
    """Differentiate ``L = sum_p y[p]^2, y[p] = sum_k f(x[p+k]) w[k]``; with given names."""
    x, w, y, total, f = words[:5]
    size, taps, h, k, p = symbols(" ".join(words[5:10]))
    data, weights = tensor(x, size), tensor(w, taps)
    out = define(y, (taps,), (p,), (term(Apply(f, 0, data[p + k]), weights[k], over=(k,)),))
    loss = define(total, (), (), (term(out[p], out[p], over=(p,)),))
    start = (term(Derivative((loss[()],), data[h])),)
    d = Derivation(name, ((h, size),), (), start)
    differentiate(d)
    sift(d)
    drop_implied(d)
    return replay(d.proof())


@NEEDS_COQC
def test_names_collide_neither_with_keywords_nor_with_each_other() -> None:
    """Each word is the name of a tensor, a function, a symbol or a theorem, ten at a time."""
    groups = [(WORDS[n:] + WORDS)[:10] for n in range(0, len(WORDS), 7)]
    proved = [square_of_a_layer(group, WORDS[-1 - 3 * n]) for n, group in enumerate(groups)]
    assert {word for group in groups for word in group} == set(WORDS)
    assert not accepted(*proved)


def test_a_tensor_and_a_function_of_the_same_name_have_two_identifiers() -> None:
    """``f_1`` is a tensor, and the derivative of f would have the same identifier."""
    proved = square_of_a_layer(["f_1", "w", "y", "L", "f", *"HKhkp"], "t")
    names, _ = state(proved.variables, proved.hypotheses, proved.lhs, proved.rhs)
    assert len(set(names.tensors.values())) == len(names.tensors) == 6


@pytest.mark.parametrize("name", "L x fun Axiom line_3 finite_sums moved_x t.u".split())  # noqa: SIM905
def test_the_theorem_has_a_name_of_its_own(name: str) -> None:
    proved = square_of_a_layer(["x", "w", "y", "L", "f", *"HKhkp"], name)
    names, _ = state(proved.variables, proved.hypotheses, proved.lhs, proved.rhs)
    question = script_text(proved)
    assert question.theorem not in RESERVED | names.taken
    assert f"Theorem {question.theorem} : statement." in question.text
    assert question.text.endswith(f"Print Assumptions {question.theorem}.\n")


def test_the_names_of_the_library_are_reserved() -> None:
    found = [token.text for token in tokens(library())]
    begins = {"Definition", "Lemma", "Fixpoint", "Ltac", "Record", "Section"}
    defined = {b for a, b in pairwise(found) if a in begins}
    assert defined <= RESERVED
    assert FORBIDDEN | ASSUMED <= RESERVED


def taken_in(proved: Theorem) -> set[str]:
    """Return the identifiers of a theorem's names, cited theorems included."""
    names, _ = state(proved.variables, proved.hypotheses, proved.lhs, proved.rhs)
    found = set(names.extended(proved.lines).taken)
    for step in proved.proof.steps:
        cited = dict(step.arguments).get("theorem")
        if isinstance(cited, Proof):
            found |= taken_in(replay_cited(cited))
    return found


@pytest.mark.parametrize(
    "name",
    ["rot180_correlation_general_grouped_2d", "delta_convolution_general_channels_2d",
     "softmax_cross_entropy_weighted", "toom_cook_2_3", "activated_correlation_general_1d"],
)  # fmt: skip
def test_every_word_of_a_script_is_reserved_or_a_name(name: str) -> None:
    """Except for words after a dot, and for temporary names of bound variables."""
    proved = theorem(name)
    found = list(tokens(script(proved)))
    words = {b.text for a, b in pairwise(found) if a.text != "."
             if b.kind == "word"}  # fmt: skip
    known = RESERVED | taken_in(proved) | {name}
    strange = {word for word in words - known if not NUMBERED.fullmatch(word)}
    assert all(re.fullmatch(r"[a-z]\d", word) for word in strange), strange


def test_derived_identifiers_of_different_names_are_disjoint() -> None:
    texts = ("x", "x_box", "moved_x", "x_box_box", "moved_moved_x", "at_x", "range_x", "x_known")
    sizes = symbols("N")
    line: Expression = (term(*(tensor(t, *sizes)[0] for t in texts), over=symbols("x moved_x")),)
    names = Names.of((line,), ())
    every = [*names.symbols.values(), *names.tensors.values()]
    assert sum(len(derived_identifiers(one)) for one in every) == len(names.taken)


def test_a_statement_in_a_comment_neither_ends_it_nor_opens_another() -> None:
    proved = square_of_a_layer(["x", "w", "y", "L", "f", *"HKhkp"], "t")
    claimed = statement(proved.variables, proved.hypotheses, proved.lhs, proved.rhs)
    found = [token for token in tokens(script(proved)) if token.kind == "word"]
    assert found[0].text == "Require"
    assert claimed in script(proved)


# Rules.


def splitting() -> Theorem:
    """Split ranges in both of two terms, one of them with a repeated factor."""
    k, i, a, b, n = symbols("k i A B N")
    x, w = tensor("x", n), tensor("w", a + b)
    first = term(x[k], Range(k, a + b), over=(k,), coefficient=3)
    second = term(w[i], x[k + i], Range(k, a + b), Range(k - i, n), over=(k,))
    d = Derivation("parts", ((i, a + b),), (AtLeast(a), AtLeast(b)), (first, second))
    d.apply("split", 0, factor=1, first=a)
    d.apply("split", 2, factor=2, first=i)
    d.apply("split", 1, factor=1, first=b * 0)
    return replay(d.proof())


@NEEDS_COQC
def test_coqc_accepts_a_range_split_in_two() -> None:
    assert not accepted(splitting())


def second_derivative(loss: Tensor, by: Tensor, then: Tensor, name: str) -> Theorem:
    """Compute ``3 v[i] d(d loss/d by[i])/d then[j]`` from the definition of the loss."""
    i, j = symbols("i j")
    (size,) = by.shape
    assert size is not None
    v = tensor("v", size)
    pending = Derivative((Derivative((loss[()],), by[i]),), then[j])
    d = Derivation(name, ((i, size), (j, size)), (), (term(v[i], pending, coefficient=3),))
    differentiate_inside(d)
    differentiate(d)
    sift(d)
    drop_implied(d)
    d.apply("collect")
    return replay(d.proof())


def losses() -> list[Theorem]:
    """Return second derivatives: by one or two tensors, of a function, of a defined tensor."""
    i, k, n = symbols("i k N")
    x, w = tensor("x", n), tensor("w", n)
    squares = define("S", (), (), (term(x[k], x[k], over=(k,)),))
    activated = define("F", (), (), (term(Apply("sigma", 0, x[k]), w[k], over=(k,)),))
    scaled = define("a", (n,), (i,), (term(x[i], w[i], coefficient=2), term(x[i])))
    deep = define("D", (), (), (term(scaled[k], scaled[k], x[k], over=(k,)),))
    return [
        second_derivative(squares, x, x, "hessian"),
        second_derivative(activated, x, x, "of_a_function"),
        second_derivative(activated, x, w, "mixed"),
        second_derivative(deep, w, x, "deep"),
    ]


@NEEDS_COQC
def test_coqc_accepts_derivatives_of_derivatives() -> None:
    proved = losses()
    assert all(any(s.inside is not None for s in t.proof.steps) for t in proved)
    assert not accepted(*proved)


def under_a_derivative(rule: str, **arguments: object) -> Derivation:
    """Apply a rule to ``x[i] w[k] [0 <= k < N] [0 <= h < N] a[k]``, differentiated by x[h]."""
    h, i, k, n, s = symbols("h i k N s")
    x, w, z = tensor("x", n), tensor("w", n), tensor("z", n)
    a = define("a", (n,), (i,), (term(z[i], x[i], coefficient=2),))
    inner = (x[k], w[k], Range(k, n), Range(h, n), a[k])
    d = Derivation(
        f"under_{rule}", ((h, n),), (AtLeast(s - 1),),
        (term(z[k], Derivative(inner, x[h]), over=(k,)),),
    )  # fmt: skip
    d.apply_inside(1, rule, 0, **arguments)
    return d


def other_rules() -> list[Theorem]:
    """Return one use under a derivative of each other rule."""
    h, i, k, n, s, u = symbols("h i k N s u")
    x, z, w = tensor("x", n), tensor("z", n), tensor("w", n)
    a = define("a", (n,), (i,), (term(z[i], x[i], coefficient=2),))
    boxed = prove((term(w[h], Range(h, n)),), (term(w[h]),), ((h, None),), ()).proof
    inner = (x[k], w[k], Range(k, n), Range(h, n), a[k])
    return [
        replay(d.proof())
        for d in (
            under_a_derivative("definition", factor=4),
            under_a_derivative("bracket", drop=(2, 3), add=()),
            under_a_derivative("bracket", drop=(2,), add=(Range(n - 1 - k, n), Range(k, n))),
            under_a_derivative("split", factor=2, first=n),
            under_a_derivative("euclid", value=k, modulus=s, variable=u),
            under_a_derivative("reorder", factors=inner[::-1]),
            under_a_derivative("collect"),
            under_a_derivative(
                "lemma", theorem=boxed, symbols=((h, k),), tensors=(), bound=(), factors=(1, 2)
            ),
        )
    ]


@NEEDS_COQC
def test_coqc_accepts_every_rule_under_a_derivative() -> None:
    """The perturbed entry is inside the box, so operands are still zero outside their boxes."""
    assert not accepted(*other_rules())


# What scripts do not cover is an error.


def test_what_scripts_do_not_cover_is_an_error() -> None:
    h, k, n = symbols("h k N")
    x, w = tensor("x", n), tensor("w", n)
    everywhere = Derivation(
        "t", ((h, None),), (), (term(Derivative((w[h], x[k], Range(k, n)), x[h]), over=(k,)),)
    )
    everywhere.apply_inside(0, "bracket", 0, drop=(2,), add=())
    with pytest.raises(ScriptError, match="derivative is by an entry of x that may be outside"):
        script(replay(everywhere.proof()))
    half = gradient(layer("squared_error"), "a")
    with pytest.raises(ScriptError, match="the coefficient 1/2 is not an integer"):
        script(half)


# Scripts of other origin.


@NEEDS_COQC
def test_a_given_script_is_compared_with_the_statement() -> None:
    """Its text and names are free; `coqc` decides what it proves."""
    proved, other = theorem("rot180_correlation_1d"), theorem("rot180_convolution_1d")
    text = script(proved)
    assert check_given(proved, text.replace("Qed.", '(* "*)" done *) Qed.', 1)).accepted
    renamed = text.replace("rot180_correlation_1d", "mine")
    assert check_given(proved, renamed).accepted
    assert not check_given(other, text).accepted
    weaker = text.replace("  0 <= h < H ->", "  1 <= h < H ->")
    assert weaker != text
    assert not check_given(proved, weaker).accepted
    trick = text.replace("Section Sizes.", 'Definition open := "(*". Axiom gap : False. '
                         'Definition close := "*)".\nSection Sizes.', 1)  # fmt: skip
    assert check_given(proved, trick).message == "the script uses Axiom"
    local = text.replace("Section Sizes.", 'Infix "[+]" := sub (at level 50).\nSection Sizes.', 1)
    assert not check_given(proved, local).accepted
