"""Networks: their gradients as those of programs, the five steps, the text."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rot180.codegen.rocq import script
from rot180.codegen.rocq.check import verify
from rot180.codegen.system import files
from rot180.derive import checker
from rot180.derive.certificates.citations import cited
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.limits import VARIABLE
from rot180.derive.language.polynomial import normal
from rot180.derive.language.substitute import rename, substitute
from rot180.derive.language.terms import Equal, Term, tensors
from rot180.derive.language.tokens import NotationError
from rot180.derive.networks.network import Network, gradient_name, network
from rot180.derive.networks.parser import parse_network
from rot180.derive.semantics.check import check
from tests.support.proofs import unnamed

PERCEPTRON = network("linear 4; sigmoid; linear 3; sigmoid; squared_error")
CLASSES = network(
    "conv1d 3 2 stride 2; relu; avg_pool1d 2; flatten; linear 4; softmax_cross_entropy"
)
IMAGES = network(
    "conv2d 8 3x3 padding 1; relu; max_pool2d 2; conv2d 16 3x3 padding 1; tanh; flatten;"
    " linear 10; squared_error"
)
NETWORKS = {"perceptron": PERCEPTRON, "classes": CLASSES, "images": IMAGES}


def theorems(net: Network) -> list[Theorem]:
    """Return all theorems about a network."""
    return [*net.deltas.values(), *net.gradients.values()]


def said(net: Network) -> list[list[str]]:
    """Return the lines of each step."""
    return [[str(e).rpartition(" (")[0] for e in stage.entries] for stage in net.steps()]


def test_the_five_steps_of_a_perceptron() -> None:
    """The four equations of backpropagation, for this network, each with its layers' names."""
    given, forward, error, back, gradients = said(PERCEPTRON)
    assert given[0] == "x with sizes N, C0"
    assert forward[:2] == [
        "z1[n,o] = sum[c] x[n,c] * w1[o,c] + b1[o]",
        "a1[n,c] = sigmoid(z1[n,c])",
    ]
    assert error == [
        "delta2 = dC/dz2[n,c] = a2[n,c] * sigmoid'(z2[n,c]) - t[n,c] * sigmoid'(z2[n,c])"
    ]
    assert back == ["delta1 = dC/dz1[n,c] = matmul(delta2, w2)[n,c] * sigmoid'(z1[n,c])"]
    assert gradients[0] == "dC/dw1[o,c] = sum[k] transpose(delta1)[o,k] * x[k,c]"
    assert gradients[3] == "dC/db2[o] = sum[n] delta2[n,o]"


def test_the_five_steps_of_a_convolutional_network() -> None:
    """Convolutions propagate by full products with rotated filters, max pooling by selection."""
    _, _, error, back, gradients = said(IMAGES)
    assert error == ["delta3 = dC/dz3[n,o] = z3[n,o] - t[n,o]"]
    assert back == [
        "delta2 = dC/dz2[n,c,h,v] = sum[o] delta3[n,o] * w3[o,c,h,v] * tanh'(z2[n,c,h,v])",
        "grad_p1 = dC/dp1[n,c,h,v] = "
        "sum[o,k,l] delta2[n,o,h+k+2-K2,v+l+2-L2] * rot180(w2)[o,c,k,l]",
        "delta1 = dC/dz1[n,c,h,v] = sum[p,q,k,l] grad_p1[n,c,p,q] * sel1[n,c,p,q,k,l]"
        " * [h == 2*p + k] * [v == 2*q + l] * relu'(z1[n,c,h,v])",
    ]
    assert gradients[2] == (
        "dC/dw2[o,c,k,l] = sum[n,p,q] p1[n,c,k+p-1,l+q-1] * delta2[n,o,p,q]"
    )
    words = IMAGES.deltas["p1"].words
    assert words == "the full correlation of delta2 with rot180(w2), padding K2 - 2 and L2 - 2"


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_is_true(name: str) -> None:
    """Exact evaluation of the whole composite at small sizes, derivatives included."""
    for proved in theorems(NETWORKS[name]):
        assert replay(proved.proof) == replace(proved, words="")
        report = check(proved, 2)
        assert report.counterexample is None, proved.name
        assert report.nonzero, proved.name


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_a_program(name: str) -> None:
    """Its layers are the definitions, and what is not computed is an operand."""
    net = NETWORKS[name]
    assert net.program.definitions == tuple(m.output for m in net.members[:-1])
    operands = {t.name for m in net.members[:-1] for t in m.operands.values()} | {"x"}
    assert {t.name for t in net.program.tensors} == operands


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradients_go_through_the_deltas(name: str) -> None:
    """In a gradient each delta is a tensor, which is defined as the theorem about it says."""
    net = NETWORKS[name]
    made = {m.output.name: m.output for m in net.members}
    for proved in net.gradients.values():
        found = {t.name: t for t in tensors(proved.rhs)}
        names = [u for u in net.deltas if gradient_name(u) in found]
        assert names
        for u in names:
            said = net.deltas[u]
            index = tuple(v for v, _ in said.variables)
            body = found[gradient_name(u)].definition
            assert body is not None
            by = dict(zip(body.formals, index, strict=True))
            right = instantiate(said.rhs, {}, ((u, made[u]),))
            assert [plain(substitute(t, by)) for t in body.body] == [plain(t) for t in right]


def plain(t: Term) -> Term:
    """Return a term with other names for its sums, equations without a sign, factors in order."""
    t = rename(t, "_")
    values = {f: min(f.value, normal(-f.value), key=str) for f in t.factors if isinstance(f, Equal)}
    factors = (Equal(values[f]) if isinstance(f, Equal) else f for f in t.factors)
    return Term(t.coefficient, t.variables, tuple(sorted(factors, key=str)))


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_loss_and_operators_are_cited(name: str) -> None:
    """The chain rule through the last layer comes first; its theorem is that of the loss."""
    net = NETWORKS[name]
    loss = net.deltas[net.program.output.name].proof
    for proved in net.gradients.values():
        first, *others = proved.proof.steps
        assert first.rule == "compose"
        assert unnamed(first.argument("theorem")) == unnamed(loss)  # type: ignore[arg-type]
        assert "compose" not in {s.rule for s in others}
        names = [p.name for p in cited(proved.proof)]
        assert len(names) == len(set(names))
    assert "relu' is the derivative of relu" in " ".join(axioms(IMAGES.gradients["w1"]))


@pytest.mark.parametrize("length", [26, 64])
def test_a_deep_network(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is deep: the proof goes through its text, and the checker accepts it."""
    monkeypatch.setenv(VARIABLE, f"layers={length}")
    layers = ["linear 3", "sigmoid"] * (length // 2)
    net = network("; ".join([*layers[: length - 1], "squared_error"]))
    proved = net.gradient("w1")
    assert str(proved).startswith("dC/dw1[o,c] = sum[k] transpose(delta1)[o,k] * x[k,c]")
    text = dumps(proved.proof)
    assert replay(loads(text)) == replace(proved, words="")
    if length < 30:  # the checker counts its operations, and ends
        (verdict,) = checker.check(text)
        assert verdict.verdict == "proved", verdict


def test_a_certificate_stands_alone() -> None:
    """The whole chain is in the text; a chain with a false beginning is refused."""
    proof = PERCEPTRON.gradients["w1"].proof
    assert loads(dumps(proof)) == proof
    use = proof.steps[0]
    inner = use.argument("theorem")
    last = inner.steps[-1]  # type: ignore[attr-defined]
    loss = last.argument("theorem")
    lie = replace(loss, steps=loss.steps[:-1])
    said = tuple(sorted({**dict(last.arguments), "theorem": lie}.items()))
    forged = replace(inner, steps=(replace(last, arguments=said),))  # type: ignore[type-var]
    arguments = tuple(sorted({**dict(use.arguments), "theorem": forged}.items()))
    with pytest.raises(ProofError):
        replay(replace(proof, steps=(replace(use, arguments=arguments), *proof.steps[1:])))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_text_is_canonical(name: str) -> None:
    """The text of a network is parsed to the same network."""
    assert str(network(str(NETWORKS[name]))) == str(NETWORKS[name])
    assert parse_network(str(NETWORKS[name]).split("; ")) == parse_network(str(NETWORKS[name]))


def test_names_do_not_collide() -> None:
    """A second activation in a layer has a name of its own, and so has every size."""
    net = network("relu; linear 3; relu; tanh; linear 2; squared_error")
    assert [m.output.name for m in net.members] == ["a0", "z1", "a1", "aa1", "z2", "C"]
    assert list(net.deltas) == ["z2", "aa1", "a1", "z1"]
    pools = network("conv1d 2 3; max_pool1d 2; avg_pool1d 2; flatten; linear 1; squared_error")
    sizes = [n for m in pools.members for n in m.output.shape]
    assert [str(n) for n in dict.fromkeys(sizes)] == ["N", "O1", "P1", "H1", "HH1", "O2"]


@pytest.mark.parametrize(
    ("text", "fault", "problem"),
    [
        ("linear 3; relu", "", "the loss is missing"),
        ("", "", "the loss is missing"),
        ("linear 3; rilu; squared_error", "rilu", "unknown layer or loss"),
        ("linear; squared_error", "", "the number of channels is missing"),
        ("linear 3 4; squared_error", "4", "extra words after linear"),
        ("linear 0; squared_error", "0", "the number of channels is malformed"),
        ("conv2d 3; flatten; linear 2; squared_error", "", "the window is missing"),
        ("conv2d 3 2x2x2; flatten; linear 2; squared_error", "2x2x2", "the window does not fit"),
        ("conv2d 3 2 strides 2; flatten; linear 2; squared_error", "strides", "no such option"),
        ("conv2d 3 2 stride 0; flatten; linear 2; squared_error", "0", "stride does not fit"),
        ("conv2d 3 2; linear 2; squared_error", "linear", "there are 2 spatial axes"),
        ("conv2d 3 2; squared_error", "squared_error", "there are 2 spatial axes"),
        ("conv2d 3 2; conv1d 3 2; flatten; linear 2; squared_error", "conv1d", "does not fit"),
        ("conv2d 3 2; conv2d 4->2 2; flatten; linear 2; squared_error", "conv2d", "4 channels"),
        ("conv2d 3 2; flatten; relu; linear 2; squared_error", "relu", "precede a dense layer"),
        ("linear 2; flatten; linear 2; squared_error", "flatten", "nothing to flatten"),
        ("linear 2; squared_error; linear 2; squared_error", "squared_error", "not the last"),
        ("max_pool1d 2 padding 2; flatten; linear 2; squared_error", "2", "entirely in"),
        ("squared_error", "squared_error", "nothing to train"),
    ],
)
def test_a_faulty_text_is_refused_with_its_place(text: str, fault: str, problem: str) -> None:
    with pytest.raises(NotationError) as error:
        network(text)
    message = str(error.value)
    assert problem in message
    assert f"found: {fault!r}" in message if fault else "found: the end" in message
    assert "^" in message
    assert "expected:" in message or "cure:" in message


@pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")
def test_coqc_accepts_the_chain(tmp_path: Path) -> None:
    """The deltas of two layers, over any commutative ring."""
    net = network("linear 3; sigmoid; linear 2; squared_error")
    chain = [*net.deltas.values()]
    files.write(tmp_path, script.scripts(chain))
    checked = list(verify(tmp_path, chain))
    assert len(checked) == len(chain) == 3
    assert all(c.accepted for c in checked), [c for c in checked if not c.accepted]


def test_a_stride_of_zero_is_refused() -> None:
    with pytest.raises(NotationError, match="expected: one number >= 1, or 2 such as 3x3"):
        network("conv2d 8 3x3 stride 0; flatten; linear 10; squared_error")
