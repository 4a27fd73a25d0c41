"""Gradients of whole programs: proved, accepted by the checker, true in finite models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rot180.derive import checker
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.gradients import segments
from rot180.derive.gradients.gradient import gradient
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import layer
from rot180.derive.language.printer import write
from rot180.derive.language.programs import parse_program
from rot180.derive.language.terms import tensors
from rot180.derive.semantics.check import check

PROGRAMS = {
    "attention": (
        "z[n,i,j] = sum[d] q[n,i,d] * k[n,j,d] * c; e[n,i,j] = exp(z[n,i,j] - m[n,i]); "
        "y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]"
    ),
    "layer normalization": (
        "mu[n] = sum[c] x[n,c] / C; var[n] = sum[c] (x[n,c] - mu[n])^2 / C; "
        "y[n,c] = (x[n,c] - mu[n]) * reciprocal(var[n] + eps[]) * g[c] + b[c]"
    ),
    "two convolutions": (
        "a[n,o,p] = sum[c,k] x[n,c,s*p+k-lo] * w[o,c,k] + b[o]; r[n,o,p] = relu(a[n,o,p]); "
        "y[n,u] = sum[o,p] r[n,o,2*p+1] * f[u,o,p] + r[n,0,u]"
    ),
    "used at three places": (
        "a[i] = x[i] * x[i]; b[i] = a[i] * a[i+1]; y[] = sum[i] a[i] * b[i] - 2 * sum[i] b[2*i]"
    ),
    "uses that cancel": "a[i] = x[i] * w[i]; y[i] = a[i] * b[i] - b[i] * a[i] + a[i] * x[i]",
    "all uses cancel": "a[i] = x[i] * w[i]; y[i] = a[i] - a[i] + x[i]",
    "diagonal": "a[i,j] = x[i] * w[j]; y[i] = a[i,i] + sum[j] a[j,i]",
    "declared function": "sigma: function; a[i] = sigma(x[i] + b[]); y[i] = sigma(a[i]) * a[i]",
    "softmax with its shift": (
        "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j] - m[n]); y[n,j] = e[n,j] / sum[i] e[n,i]"
    ),
    "extremes": "y[n] = max[j] (x[n,j] * w[j]) - min[j] x[n,j] * sum[i] x[n,i]",
    "products": (
        "p[n] = prod[j] (x[n,j] - w[j]); y[n] = p[n] * p[n] + (prod[i,j] x[i,j]) * sum[j] x[n,j]"
    ),
    "larger and smaller": "y[n] = sum[j] max(x[n,j], w[j], 1) * min(abs(x[n,j] - 1), v[n])",
    "powers": "y[n] = (sum[j] x[n,j]^p[])^(1/2) * (sum[j] x[n,j]) * (sum[j] w[j])^-2 + w[n]^(1/3)",
    "fractions": "a[n] = log(v[n]); y[n] = 1/2 * a[n] + 1/3 * a[n+1] + 1/2 * x[n]^2 * a[n] + x[n]",
    "a fraction": "a[i] = x[i] * x[i]; y[i] = 1/4 * a[i] * w[i] - 2/3 * w[i]",
    "a number": "t[] = sum[i] x[i] * x[i]; y[i] = x[i] / t[]",
}


def where(theorem: Theorem, name: str) -> str:
    """Return the definition of a tensor in a theorem."""
    (found,) = (t for t in tensors(theorem.rhs) if t.name == name)
    assert found.definition is not None
    return write(found.definition.body, found.definition.formals)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_of_programs(name: str) -> None:
    """Replay and the checker accept them, and they hold in finite models."""
    program = parse_program(PROGRAMS[name])
    for operand in program.tensors:
        theorem = program_gradient(program, operand.name)
        assert replay(loads(dumps(theorem.proof))) == theorem
        (verdict,) = checker.check(dumps(theorem.proof))
        assert verdict.verdict == "proved", verdict
        # the right side uses no derivative: the program and gradients alone
        assert not any("d " in str(t) for t in theorem.rhs)
        report = check(theorem, count=2)
        assert report.counterexample is None


def test_intermediates_have_names() -> None:
    """The gradients by the definitions are named, and the values of the program are used."""
    found = program_gradient(parse_program(PROGRAMS["attention"]), "k")
    assert write(found.rhs) == "c * sum[i] grad_z_minus_m[n,i,j] * q[n,i,d]"
    assert where(found, "grad_z_minus_m") == "grad_e[n,i,j] * e[n,i,j]"
    assert where(found, "grad_e") == (
        "grad_sum_e[n,i] + sum[f] grad_y[n,i,f] * v[n,j,f] * reciprocal(sum_e)[n,i]"
    )


def test_products_that_are_definitions_are_folded() -> None:
    """The sum of g e v / s over j is the output y itself."""
    found = program_gradient(parse_program(PROGRAMS["attention"]), "k")
    assert where(found, "grad_sum_e") == (
        "-sum[f] grad_y[n,i,f] * reciprocal(sum_e)[n,i] * y[n,i,f]"
    )


def test_softmax_has_a_compact_gradient() -> None:
    """It is y (g - sum g y); of a product instead of the quotient it is another one."""
    text = "e[n,j] = exp(x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]"
    program = parse_program(text)
    found = compact_gradient(program, program_gradient(program, "x"))
    assert found is not None
    assert {write((t,)) for t in found.rhs} == {
        *("grad_y[n,j] * y[n,j]", "-sum[j1] grad_y[n,j1] * y[n,j1] * y[n,j]"),
    }
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved"
    assert check(found, count=2).counterexample is None
    program = parse_program(text.replace("/", "*"))
    found = compact_gradient(program, program_gradient(program, "x"))
    assert found is not None
    assert {write((t,)) for t in found.rhs} == {
        *("grad_y[n,j] * y[n,j]", "sum[j1] grad_y[n,j1] * e[n,j1] * e[n,j]"),
    }


def test_a_product_has_the_other_factors_as_its_slopes() -> None:
    found = program_gradient(parse_program("y[n] = prod[j] x[n,j]"), "x")
    assert write(found.rhs) == "grad_y[n] * others_x[n,j]"
    found = program_gradient(parse_program("p[n] = prod[j] x[n,j]; y[n] = p[n] * p[n]"), "x")
    assert where(found, "grad_p") == "2 * grad_y[n] * p[n]"


def test_a_third_of_what_does_not_depend_on_the_operand_vanishes() -> None:
    """Lines are rewritten by whole multiples of an equation."""
    program = parse_program("b[i] = a[i] * a[i]; u[i] = b[i] / 3 + x[i]; y[i] = exp(u[i])")
    found = program_gradient(program, "x")
    assert write(found.rhs) == "grad_u[i]"
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved"


def test_conventions_are_axioms() -> None:
    """Half of the gradient at a tie, by the axiom that the derivative of a step is 0."""
    found = program_gradient(parse_program("y[i] = max(a[i], abs(b[i]))"), "b")
    assert where(found, "grad_abs_of_b") == "grad_y[i] * heaviside(abs_of_b_minus_a)[i]"
    assert write(found.rhs) == "grad_abs_of_b[i] * sign(b[i])"
    said = axioms(found)
    assert "heaviside' = 0" in said
    assert "abs' = sign" in said
    assert any("abs'(0) = 0" in line for line in said)
    assert any("heaviside(0) = 1/2, heaviside'(0) = 0" in line for line in said)


SHORT = {
    "log-softmax: g - softmax times the sum of g": (
        "e[n,j] = exp(x[n,j]); y[n,j] = x[n,j] - log(sum[i] e[n,i])",
        "-sum[j1] grad_y[n,j1] * reciprocal(sum_e[n]) * e[n,j] + grad_y[n,j]",
    ),
    "cross-entropy: softmax times the sum of t, less t": (
        "e[n,j] = exp(x[n,j]); l[n,j] = x[n,j] - log(sum[i] e[n,i]); "
        "y[n] = -sum[j] t[n,j] * l[n,j]",
        "sum[j1] grad_y[n] * t[n,j1] * reciprocal(sum_e[n]) * e[n,j] - grad_y[n] * t[n,j]",
    ),
    "RMSNorm: two terms": (
        "v[n] = sum[c] x[n,c]^2 + eps; y[n,c] = x[n,c] * rsqrt(v[n])",
        "-sum[c1] grad_y[n,c1] * rsqrt(v)[n] * y[n,c1] * y[n,c] + grad_y[n,c] * rsqrt(v)[n]",
    ),
    "max pooling: where the window selects": (
        "a[N,P,3]; a[n,p,k] = x[n,2*p+k]; y[n,p] = max[k] a[n,p,k]",
        "sum[p,k] grad_y[n,p] * largest_a[n,p,k] * [2*p + k == h]",
    ),
}
"""Programs and their gradients by x without the gradients by definitions."""


@pytest.mark.parametrize("name", SHORT)
def test_short_gradients(name: str) -> None:
    text, wanted = SHORT[name]
    program = parse_program(text)
    found = compact_gradient(program, program_gradient(program, "x"))
    assert found is not None
    assert write(found.rhs) == wanted
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved"
    assert check(found, count=2).counterexample is None


def test_one_sign_in_softmax_changes_the_form_and_how_it_is_typeset() -> None:
    """With exp(-x), y (g - sum g y) has the other sign, and the proof of the one is refused."""
    text = "e[n,j] = exp(x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]"
    forms = []
    for one in (text, text.replace("(x", "(-x"), text.replace("/ sum", "/ -sum")):
        program = parse_program(one)
        found = compact_gradient(program, program_gradient(program, "x"))
        assert found is not None
        forms.append(found)
    assert [{write((t,)) for t in f.rhs} for f in forms[1:]] == [
        {"-grad_y[n,j] * y[n,j]", "sum[j1] grad_y[n,j1] * y[n,j1] * y[n,j]"},
        {"grad_y[n,j] * y[n,j]", "sum[j1] grad_y[n,j1] * y[n,j1] * y[n,j]"},
    ]
    assert len({f.latex() for f in forms}) == 3
    with pytest.raises(ProofError):
        replay(replace(forms[1].proof, steps=forms[0].proof.steps))


def test_the_maximum_of_softmax_cancels() -> None:
    """The values of y sum to 1 where sum_e is not 0, which the statement says."""
    text = PROGRAMS["softmax with its shift"]
    forms = []
    for one in (text, text.replace(" - m", " + m"), text.replace("exp(x[n,j] - m[n])", "m[n]")):
        program = parse_program(one)
        forms.append(compact_gradient(program, program_gradient(program, "x")))
    found = forms[0]
    named = {"grad_y[n,j] * y[n,j]", "-sum[j1] grad_y[n,j1] * y[n,j1] * y[n,j]"}
    assert found is not None and {write((t,)) for t in found.rhs} == named
    assert [t.name for t in found.divisors] == ["sum_e"]
    assert "sum_e[n] != 0" in str(found)
    assert "sum_e * reciprocal(sum_e) = 1 in its box" in axioms(found)
    assert r"\ne 0" in found.latex()
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved"
    assert "sum_e * reciprocal(sum_e) = 1 everywhere in its box" in verdict.statement
    assert check(found, count=2).counterexample is None
    named_again = [f for f in forms[2:] if f and {write((t,)) for t in f.rhs} == named]
    assert not named_again


def test_layer_normalization_has_three_terms() -> None:
    """The mean of the centred input is 0; with another sign it is not."""
    text = PROGRAMS["layer normalization"]
    program = parse_program(text)
    found = compact_gradient(program, program_gradient(program, "x"))
    assert found is not None and len(found.rhs) == 3
    assert [t.name for t in found.divisors] == ["value_of_C"]
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved"
    assert check(found, count=2).counterexample is None
    assert compact_gradient(program, program_gradient(program, "b")) is None
    other = parse_program(text.replace("x[n,c] - mu", "x[n,c] + mu"))
    longer = compact_gradient(other, program_gradient(other, "x"))
    assert longer is None or (len(longer.rhs) > 3 and not longer.divisors)


def test_a_gradient_is_the_sum_over_all_uses() -> None:
    found = program_gradient(parse_program(PROGRAMS["used at three places"]), "x")
    assert where(found, "grad_a").count(" + ") == 2
    assert where(found, "grad_b") == "grad_y[] * a[i] - 2 * sum[i1] grad_y[] * [i == 2*i1]"


def test_uses_that_cancel_leave_nothing() -> None:
    found = program_gradient(parse_program(PROGRAMS["all uses cancel"]), "w")
    assert found.rhs == ()
    found = program_gradient(parse_program(PROGRAMS["uses that cancel"]), "w")
    assert where(found, "grad_a") == "grad_y[i] * x[i]"


def test_one_sign_in_a_definition_changes_the_gradient() -> None:
    """Nothing is looked up: the proof of the one is no proof of the other."""
    text = PROGRAMS["attention"]
    one = program_gradient(parse_program(text), "m")
    other = program_gradient(parse_program(text.replace("z[n,i,j] - m", "z[n,i,j] + m")), "m")
    assert write(one.rhs) == "-sum[j] grad_z_minus_m[n,i,j]"
    assert write(other.rhs) == "sum[j] grad_z_plus_m[n,i,j]"
    with pytest.raises(ProofError):
        replay(replace(other.proof, steps=one.proof.steps))


def test_a_program_of_one_layer_has_the_gradients_of_the_layer() -> None:
    text = "y[n,o,p] = sum[c,k] x[n,c,s*p+k-lo] * w[o,c,k] + b[o]"
    for name in ("x", "w", "b"):
        one, other = program_gradient(parse_program(text), name), gradient(layer(text), name)
        assert one.lhs == other.lhs
        assert one.variables == other.variables


@pytest.mark.parametrize("name", ["missing", "a"])
def test_only_operands_have_gradients(name: str) -> None:
    program = parse_program("a[i] = x[i]; y[i] = a[i]")
    with pytest.raises(ValueError, match=f"wrt: found '{name}', expected one of x"):
        program_gradient(program, name)


def chain(length: int) -> str:
    """Return a program in which each definition uses the one before it twice."""
    made = [f"a{n}[i] = tanh(a{n - 1}[i]) * w{n}[i] + a{n - 1}[i]" for n in range(1, length)]
    return "; ".join(["a0[i] = x[i] * w0[i]", *made])


def residual(length: int) -> str:
    """Return a program in which a weight is used once, and each definition twice."""
    line = "a{1}[i] = tanh(sum[j] w{1}[i,j] * a{0}[j]) + a{0}[i]"
    return "; ".join(["a0[i] = x[i]", *(line.format(n - 1, n) for n in range(1, length))])


def test_many_definitions() -> None:
    """No call is deep, though gradients are defined by gradients, and replay needs no search."""
    program = parse_program(residual(64))
    last = program_gradient(program, "w63")
    assert len(last.proof.steps) < 40  # that a62 does not contain w63 is shown in one step
    for name in ("x", "w31"):
        theorem = program_gradient(program, name)
        assert replay(loads(dumps(theorem.proof))) == theorem
        (verdict,) = checker.check(dumps(theorem.proof))
        assert verdict.verdict == "proved", verdict
    wide = "; ".join(f"b{n}[i] = a[i] * w{n}[i]" for n in range(62))
    every = " + ".join(f"b{n}[i]" for n in range(62))
    found = program_gradient(parse_program(f"a[i] = x[i]; {wide}; y[i] = {every}"), "x")
    assert where(found, "grad_a").count(" + ") == 61


def test_products_of_products_say_what_to_do() -> None:
    """Each definition is used twice by the next one, so 2^n entries bound the last one."""
    squares = "; ".join(f"a{n}[i] = a{n - 1}[i] * a{n - 1}[i]" for n in range(1, 12))
    text = f"a0[i] = x[i]; {squares}"
    with pytest.raises(ValueError, match="1000 supports of a product\ncure: write identity"):
        program_gradient(parse_program(text), "x")
    text = text.replace("= a5[i] * a5[i]", "= identity(a5[i]) * identity(a5[i])")
    program_gradient(parse_program(text), "x")


def test_proofs_are_as_long_as_programs() -> None:
    """Each definition is differentiated once, though 2^n paths lead through n of them."""
    few, many = (len(program_gradient(parse_program(chain(n)), "x").proof.steps) for n in (4, 8))
    assert many < 2.5 * few


SIDES = (
    "u: function; a[i] = x[i] * v[i]; b[i] = u(v[i]); c[i] = a[i] * b[i]; e[i] = u(c[i]) + a[i]; "
    "f[i] = sum[j] e[j] * w[i,j]; h[i] = tanh(f[i]); k[i] = h[i] * b[i]; "
    "m[i] = sum[j] k[j] * w[j,i]; y[i] = exp(m[i])"
)


@pytest.mark.parametrize("text", [SIDES, chain(7), residual(5)])
@pytest.mark.parametrize("named", [False, True])
def test_long_programs_share_what_comes_later(
    text: str, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts, which cite the gradients by definitions, a gradient is what it is in one piece."""
    program = parse_program(text)
    whole = {t.name: program_gradient(program, t.name, named) for t in program.tensors}
    monkeypatch.setattr(segments, "SEGMENT", 2)
    divided = 0
    for t in program.tensors:
        found = program_gradient(program, t.name, named)
        divided += segments.cut(program, t) is not None
        assert (found.variables, found.lhs) == (whole[t.name].variables, whole[t.name].lhs)
        assert write(found.rhs) == write(whole[t.name].rhs)
        assert check(found, 2).counterexample is None
        assert replay(loads(dumps(found.proof))) == replace(found, words="")
        (verdict,) = checker.check(dumps(found.proof))
        assert verdict.verdict == "proved", verdict
    assert divided > 1
