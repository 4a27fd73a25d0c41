"""Proof scripts: `coqc` accepts them, and refuses edited ones."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rot180.codegen.rocq.check import (
    CLOSED,
    CheckedScript,
    ScriptText,
    check,
    rounding_script,
    script_text,
    verify,
)
from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.rounding import rounding_instance
from rot180.codegen.rocq.script import LIBRARY, ROUNDING, library, script, scripts, statement
from rot180.codegen.rocq.tokens import FORBIDDEN, refusal, tokens
from rot180.codegen.system import files
from rot180.codegen.system.programs import ToolError, run
from rot180.derive.gradients.gradient import gradient, kernel_theorem, kernel_theorems
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.gradients.program_steps import forward_theorem
from rot180.derive.kernel.proof import Proof, Step
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import activation
from rot180.derive.language.programs import parse_program
from rot180.derive.language.terms import (
    Apply,
    AtLeast,
    Derivative,
    Equal,
    Range,
    define,
    tensor,
    term,
)
from rot180.derive.search.prove import prove
from rot180.derive.semantics.rounding import rounding
from rot180.derive.theorems import claims, theorem
from tests.support.proofs import proof, step, symbols

FOLDER = Path(__file__).parents[3] / "generated" / "rocq"
NEEDS_COQC = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")
ACCEPTED = (
    "rot180_correlation_1d",
    "rot180_convolution_general_1d",
    "rot180_correlation_general_grouped_2d",
    "adjoint_correlation_general_1d",
    "toeplitz_transpose_convolution_general_2d",
    "shared_weights_correlation_general_1d",
    "activated_correlation_general_2d",
    "transposed_1d",
    "dense_input",
    "dense_weight",
    "output_size",
    "input_remainder",
    "weight_remainder",
    "weight_size",
    "phases_correlation_general_channels_1d",
    "weight_correlation_general_channels_2d",
    "bias_2d",
    "delta_correlation_general_1d",
    "delta_convolution_general_channels_2d",
    "adjoint_activation_correlation_general_2d",
    "avg_pool_2d",
    "dense_written_out_1",
    "softmax_cross_entropy_weighted",
)


pytestmark = pytest.mark.usefixtures("compiled_library")


def checked(**texts: str) -> list[CheckedScript]:
    return list(check(ScriptText(name, text, name) for name, text in texts.items()))


def test_nothing_is_assumed() -> None:
    for path in FOLDER.glob("*.v"):
        if path.stem not in (LIBRARY, ROUNDING):
            assert not refusal(files.read(path), path.stem)
    assert not refusal(rounding_script().text, rounding_script().theorem)
    assert not {token.text for token in tokens(library())} & FORBIDDEN


@pytest.mark.parametrize(
    "name", ["rot180_correlation_general_2d", "activated_convolution_general_1d"]
)
def test_the_statement_is_printed_without_the_proof(name: str) -> None:
    claim = claims()[name]()
    stated = statement(claim.variables, claim.hypotheses, claim.lhs, claim.rhs)
    text = script(theorem(name))
    assert stated in text
    assert f"Theorem {name} : statement." in text


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no-such-program is not installed"):
        run(["no-such-program"], tmp_path, 1)


@NEEDS_COQC
def test_coqc_accepts() -> None:
    for result in verify(FOLDER, map(theorem, ACCEPTED)):
        assert result.accepted, f"{result.name}: {result.message}"


@NEEDS_COQC
def test_coqc_accepts_the_theorem_on_rounding() -> None:
    (result,) = check([rounding_script()])
    assert result.accepted, result.message


@NEEDS_COQC
@pytest.mark.parametrize("wrt", [None, "x", "w", "bias"])
def test_coqc_accepts_the_rounding_of_a_layer(wrt: str | None, tmp_path: Path) -> None:
    """The sum, its absolute values and the count are those of one list of products."""
    conv = layer("conv1d")
    stated = rounding(kernel_theorem(conv, None) if wrt is None else gradient(conv, wrt))
    texts = {LIBRARY: library(), ROUNDING: rounding_script().text}
    texts["entry"] = rounding_instance(stated)
    files.write(tmp_path, {f"{name}.v": text for name, text in texts.items()})
    answers = [run(["coqc", "-q", "-R", ".", "", f"{name}.v"], tmp_path, 300) for name in texts]
    assert [answer.code for answer in answers] == [0, 0, 0], answers
    assert answers[-1].output.strip() == CLOSED


def test_the_rounding_of_products_with_coefficients_has_no_script() -> None:
    stated = rounding(kernel_theorem(layer("y[n] = 2*x[n]*w[n]"), None))
    with pytest.raises(ScriptError, match="a product has a coefficient"):
        rounding_instance(stated)


@NEEDS_COQC
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("power (one [+] v) m [*] power", "power"),
        ("times m v [+] times (Nat.pred n) u.", "times (Nat.pred n) u."),
        ("exists d, abs d [<=] u /\\ y = x [*] (one [+] d).", "exists d, y = x [*] (one [+] d)."),
        ("kernel u v (n + k) m (Rounded u (Sum s t))", "kernel u v k m (Rounded u (Sum s t))"),
        ("kernel u v n (S m) (Rounded v t)", "kernel u v n m (Rounded v t)"),
    ],
)
def test_coqc_refuses_a_better_bound(right: str, wrong: str) -> None:
    """One rounding fewer, or one without a limit: the constant of the theorem is the least."""
    whole = rounding_script()
    assert right in whole.text
    edited = replace(whole, text=whole.text.replace(right, wrong, 1))
    (result,) = check([edited])
    assert not result.accepted


@NEEDS_COQC
def test_coqc_accepts_kernel_theorems() -> None:
    """Two terms, a bias, and the split by remainders."""
    for result in check(script_text(t) for _, t in kernel_theorems(layer("conv1d"))):
        assert result.accepted, f"{result.name}: {result.message}"


NONLINEAR = (
    "y[k] = sum[i] x[i]*x[i+k]",
    "y[i,j] = sum[k] x[i,k]*x[k,j]",
    "sigma: function; y[p] = sum[k] sigma(x[p+k])*w[k]",
    "y[n] = sum[c] x[n,c]*w[c] + x[n,n]",
    "y[n] = sum[k] x[n]*x[k]*x[k]",
    "y[n] = 2*x[n] - x[n]",
    "y[n] = x[n] - x[n]",
    "y[n] = 3*H*x[n] - w[n]",
)


@NEEDS_COQC
def test_coqc_accepts_nonlinear_layers() -> None:
    """A tensor that is used twice, an activation, coefficients and like terms."""
    for result in check(script_text(gradient(layer(spec), "x")) for spec in NONLINEAR):
        assert result.accepted, f"{result.name}: {result.message}"


@NEEDS_COQC
def test_coqc_accepts_programs() -> None:
    """Boxes of definitions that are differentiated, one without the operand, equal factors."""
    softmax = (
        "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j]-m[n]); y[n,j] = e[n,j] / sum[i] e[n,i] * u[]"
    )
    convolutions = "a[p] = relu(sum[k] x[s*p+k]*w[k]); y[q] = sum[l] a[2*q+l] * u[l]"
    proved = [program_gradient(parse_program(softmax), name) for name in "xu"]
    proved += [program_gradient(parse_program(convolutions), name, True) for name in "wx"]
    squares = parse_program("p[n] = prod[j] x[n,j]; y[n] = p[n] * p[n] * max(x[n,0], w[n])")
    proved += [forward_theorem(squares), program_gradient(squares, "w")]
    for result in check(map(script_text, proved)):
        assert result.accepted, f"{result.name}: {result.message}"


def citing() -> list[Proof]:
    """Return proofs with citations: at a summed index, in a box, under a hypothesis, nested."""
    h, i, k, p, s, t, u, size = symbols("h i k p s t u N")
    a, x, z = tensor("a", "N"), tensor("x", "N"), tensor("z", "N")
    everywhere = ((h, None),)

    def use(cited: Proof, factors: tuple[int, ...], **more: object) -> Step:
        rest = {"symbols": (), "tensors": (), "bound": (), "factors": factors}
        return Step("lemma", 0, tuple(sorted({**rest, "theorem": cited, **more}.items())))

    sifted = proof(
        (term(x[k], Equal(h - k), over=(k,)),),
        step("sift", factor=1, variable=k),
        variables=everywhere,
    )
    at = use(sifted, (1, 2), symbols=((h, 2 * u + 1),), bound=(k,))
    line = a[u], x[k], Equal(2 * u + 1 - k)
    once = proof((term(*line, over=(u, k)),), at, name="once")
    square = define("square", (size,), (i,), (term(z[i], z[i]),))
    deep = use(once, (0, 1, 2), tensors=(("a", square), ("x", a)), bound=(u, k))
    again = term(square[u], a[k], Equal(2 * u + 1 - k), over=(u, k))
    boxed = proof(
        (term(a[h], Range(h, size)),), step("bracket", drop=(1,), add=()), variables=((h, size),)
    )
    within = use(boxed, (1, 2), symbols=((h, u),))
    divided = proof(
        (term(a[h]),),
        step("euclid", value=h, modulus=s, variable=u),
        variables=everywhere,
        hypotheses=(AtLeast(s - 1),),
    )
    above = use(divided, (1,), symbols=((h, p), (s, t + 2)))
    total = define("S", (), (), (term(x[k], x[k], a[k], over=(k,)),))
    known = prove(
        (term(Derivative((total[()],), x[i])),),
        (term(x[i], a[i], coefficient=2),),
        ((i, size),),
    )
    moved = define("b", (size,), (i,), (term(z[i], z[size - 1 - i]),))
    total = define("S", (), (), (term(moved[k], moved[k], a[k], over=(k,)),))
    flipped = (
        term(moved[h], a[h], z[size - 1 - h], coefficient=2),
        term(moved[size - 1 - h], a[size - 1 - h], z[size - 1 - h], coefficient=2),
    )
    start = (term(Derivative((total[()],), z[h])),)
    return [
        proof((term(*line, over=(u, k), coefficient=3),), at, name="at_a_sum"),
        proof((again,), deep, name="two_deep"),
        proof((term(x[u], a[u], Range(u, size), over=(u,)),), within, name="within"),
        proof((term(x[p], a[p], over=(p,)),), above, hypotheses=(AtLeast(t),)),
        prove(start, flipped, ((h, size),), (), "not_linear", [known]).proof,
        error_of_an_activation(),
    ]


def error_of_an_activation() -> Proof:
    """Cite a theorem that assumes a relation, under the chain rule."""
    state = claims()["squared_error_delta"]()
    (n, _), (o, _) = state.variables
    z, target = tensor("z", "N", "O"), tensor("t", "N", "O")
    slope = Apply("sigma", 1, z[n, o])
    right = (
        term(activation("sigma", 0, z)[n, o], slope),
        term(target[n, o], slope, coefficient=-1),
    )
    cites = [theorem("squared_error")]
    return prove(state.lhs, right, state.variables, (), "with_a_relation", cites).proof


@NEEDS_COQC
@pytest.mark.parametrize("cites", citing(), ids=lambda p: p.name)
def test_coqc_accepts_citations(cites: Proof) -> None:
    """The cited theorem is proved in the same file and applied to arguments."""
    (result,) = check([script_text(replay(cites))])
    assert result.accepted, result.message


@NEEDS_COQC
def test_an_edited_citation_is_refused() -> None:
    """Neither the cited theorem nor its arguments can be changed."""
    name = "delta_correlation_general_1d"
    text = script(theorem(name))
    module, use = text.split("End cited_1.")
    for old, new in (("w (K - 1 - i0)", "w (K - i0)"), ("box p P [*] (", "box p (P + 1) [*] (")):
        assert old in module
        (result,) = checked(**{name: module.replace(old, new) + "End cited_1." + use})
        assert not result.accepted
    old = "(sigma_z bound sigma z) (w)"
    assert old in use
    (result,) = checked(**{name: text.replace(old, "z w")})
    assert not result.accepted


EDITS = (
    ("w (K - 1 - i0)", "w (K - 2 - i0)"),
    ("grad_y (h + j + 1 - K)", "grad_y (h + j + 2 - K)"),
    ("sum[bound] k, x (k + p)", "sum[bound] k, x (k - p)"),
    ("~ (0 <= z1 < K) -> w z1 = zero) ->", "~ (0 <= z1 < K + 1) -> w z1 = zero) ->"),
    ("point (z1 - at1)", "point (z1 - at1 - 1)"),
    ("box p P [*] (", "box p (P + 1) [*] ("),
)


@NEEDS_COQC
@pytest.mark.parametrize(("old", "new"), EDITS)
def test_an_edited_script_is_refused(old: str, new: str) -> None:
    text = script(theorem("rot180_correlation_1d"))
    assert old in text
    (result,) = checked(rot180_correlation_1d=text.replace(old, new, 1))
    assert not result.accepted


@NEEDS_COQC
def test_nothing_but_a_relation_is_assumed() -> None:
    """The relation of a derivative is in the statement; with another relation the proof fails."""
    name, known = "squared_error", "half_square_1 z1 = (z1)"
    text = script(theorem(name))
    stated = text[text.index("Definition statement") : text.index("Section Steps")]
    assert stated.count(known) == 1
    (result,) = checked(**{name: text.replace(known, "half_square_1 z1 = one")})
    assert not result.accepted


@NEEDS_COQC
def test_a_file_that_differs_from_the_printed_script_is_refused(tmp_path: Path) -> None:
    """A weaker statement is true, so `coqc` would accept it."""
    proved = theorem("rot180_correlation_1d"), theorem("output_size")
    texts = scripts(proved)
    files.write(tmp_path, texts)
    assert all(result.accepted for result in verify(tmp_path, proved))
    path = f"{proved[0].name}.v"
    edited = texts[path].replace("  0 <= h < H ->", "  1 <= h < H ->")
    files.write(tmp_path, {path: edited})
    assert [result.accepted for result in verify(tmp_path, proved)] == [False, True]


@NEEDS_COQC
def test_a_gap_is_refused() -> None:
    text = script(theorem("output_size"))
    gap = text.replace("Qed.", "Admitted.", 1)
    axiom = text.replace("Section Sizes.", "Variable gap : False.\nSection Sizes.", 1).replace(
        "unfold statement; intros;", "destruct gap;", 1
    )
    for result in checked(output_size=gap), checked(output_size=axiom):
        assert not result[0].accepted
    assert "Admitted" in checked(output_size=gap)[0].message


def test_the_relations_that_a_proof_uses_are_stated() -> None:
    """A derivative may be related where both sides of the statement have it."""
    used = 0
    for path in sorted(FOLDER.glob("*.v")):
        text = path.read_text(encoding="utf-8")
        stated = set(re.findall(r"^ *Hypothesis (\w+_known) ", text, re.MULTILINE))
        rewritten = set(re.findall(r"rewrite \((\w+_known) ", text))
        assert rewritten <= stated, path.name
        used += len(rewritten)
    assert used > 20
