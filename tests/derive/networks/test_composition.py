"""Theorems that cite theorems: layers after an activation, chains of layers, forged citations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.derive.certificates.citations import cited
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.display.proof_latex import latex_proof
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Proof, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Derivative, Range, Tensor, Term, define, tensor, term
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import check
from rot180.derive.semantics.smt import hard_obligations
from rot180.derive.theorems import claims, theorem
from tests.support.proofs import symbols, unnamed

CITING = {name: state().cites for name, state in claims().items() if state().cites}
TILED = tuple(name for name in CITING if name.startswith("winograd_"))
COMPOSED = tuple(name for name in CITING if name not in TILED)
DELTA = "delta_correlation_general_1d"
h, i, j, k, p, K, N, P = symbols("h i j k p K N P")
a, u, x, z = (tensor(name, "N") for name in "auxz")
g, w = tensor("g", "P"), tensor("w", "K")


@pytest.mark.parametrize("name", COMPOSED)
def test_the_proof_is_short_and_cites_what_it_says(name: str) -> None:
    """One citation, of the theorem that the claim names; then one step for each axis or less."""
    proved, (known,) = theorem(name), CITING[name]
    (copy,) = cited(proved.proof)
    assert unnamed(copy) == unnamed(theorem(known).proof)
    rules = [s.rule for s in proved.proof.steps]
    assert rules[0] in ("compose", "lemma")
    assert not {"compose", "lemma"} & set(rules[1:])
    assert len(rules) < len(theorem(known).proof.steps)
    assert set(rules[1:]) <= {"linearity", "chain", "entry", "sift", "bracket"}


@pytest.mark.parametrize("name", TILED)
def test_one_citation_for_each_axis(name: str) -> None:
    """The identity about one axis is used once for each, amid the steps that lead up to it."""
    proved, (known, *more) = theorem(name), CITING[name]
    assert set(more) <= {known}
    for copy in cited(proved.proof):
        assert unnamed(copy) == unnamed(theorem(known).proof)
    assert [s.rule for s in proved.proof.steps].count("lemma") == len(CITING[name])


def test_the_delta_is_proved_twice() -> None:
    """With and without composition, the statements are the same."""
    for name in ("correlation_general_1d", "convolution_general_2d"):
        one, other = theorem(f"delta_{name}"), theorem(f"activated_{name}")
        assert (one.variables, one.lhs, one.rhs) == (other.variables, other.lhs, other.rhs)
        assert not cited(other.proof)


def test_axioms_name_what_is_cited() -> None:
    """The cited theorem with its hash, the rules of its proof, and what they assume."""
    found, known = axioms(theorem(DELTA)), theorem("rot180_correlation_general_1d")
    (copy,) = cited(theorem(DELTA).proof)
    assert unnamed(copy) == unnamed(known.proof)
    assert f"theorem {known.name}, proof {copy.digest} (replayed)" in found
    assert {f"rule {s.rule}" for s in known.proof.steps} <= set(found)
    assert "rule compose" in found
    assert "sigma' is the derivative of sigma" in found
    assert "rule reindex" not in {f"rule {s.rule}" for s in theorem(DELTA).proof.steps}


def test_obligations_of_what_is_cited_are_asked_too() -> None:
    """An SMT solver sees the arithmetic of the whole certificate."""
    known = theorem("rot180_correlation_general_1d")
    assert set(hard_obligations(known)) <= set(hard_obligations(theorem(DELTA)))


def squares(name: str = "squares") -> Theorem:
    """Prove dS/dx[i] = 2 x[i] a[i] for S = sum_k x[k]^2 a[k]."""
    total = define("S", (), (), (term(x[k], x[k], a[k], over=(k,)),))
    start = (term(Derivative((total[()],), x[i])),)
    return prove(start, (term(x[i], a[i], coefficient=2),), ((i, N),), (), name)


def test_what_is_not_linear() -> None:
    """The outer derivative is taken at the tensor that stands for x."""
    moved = define("b", (N,), (i,), (term(z[i], z[N - 1 - i]),))
    total = define("S", (), (), (term(moved[k], moved[k], a[k], over=(k,)),))
    start = (term(Derivative((total[()],), z[h])),)
    flipped = (
        term(moved[h], a[h], z[N - 1 - h], coefficient=2),
        term(moved[N - 1 - h], a[N - 1 - h], z[N - 1 - h], coefficient=2),
    )
    proved = prove(start, flipped, ((h, N),), (), "composed", [squares()])
    assert check(proved, 6).counterexample is None
    assert proved.proof.steps[0].rule == "compose"


def loss_of(inner: Tensor) -> Tensor:
    """Return L := sum_p g[p] sum_k inner[p + k] w[k]."""
    y = define("y", (P,), (p,), (term(inner[p + k], w[k], over=(k,)),))
    return define("L", (), (), (term(g[p], y[p], over=(p,)),))


def by_input() -> Theorem:
    """Prove dL/dx[i] = sum_k g[i - k] w[k]."""
    start = (term(Derivative((loss_of(x)[()],), x[i])),)
    return prove(start, (term(g[i - k], w[k], over=(k,)),), ((i, N),), (), "by_input")


def test_two_layers() -> None:
    """The second layer's theorem is cited; the first layer is what it is composed with."""
    first = define("b", (N,), (i,), (term(a[i + j], u[j], over=(j,)),))
    start = (term(Derivative((loss_of(first)[()],), a[h])),)
    right = (term(g[h - j - k], w[k], Range(h - j, N), u[j], over=(k, j)),)
    proved = prove(start, right, ((h, N),), (), "two_layers", [by_input()])
    assert check(proved, 6).counterexample is None
    wrong = (term(g[h - j + k], w[k], Range(h - j, N), u[j], over=(k, j)),)
    with pytest.raises(NotProvedError):
        prove(start, wrong, ((h, N),), (), "two_layers", [by_input()])


def test_a_citation_that_does_not_fit() -> None:
    """The message names it; the proof is not completed without it."""
    start = (term(Derivative((loss_of(x)[()],), w[h])),)
    with pytest.raises(NotProvedError, match="squares matches no term"):
        prove(start, start, ((h, K),), (), "claim", [squares()])


def forged(proof: Proof) -> dict[str, Proof]:
    """Return certificates in which the cited theorem is not what its steps prove."""
    (use, *rest) = proof.steps
    arguments = dict(use.arguments)
    inner = arguments["theorem"]
    assert isinstance(inner, Proof)

    def with_theorem(other: object) -> Proof:
        new = tuple(sorted({**arguments, "theorem": other}.items()))
        return replace(proof, steps=(replace(use, arguments=new), *rest))

    last = inner.steps[-1]
    assert last.result is not None
    lie = tuple(Term(2 * t.coefficient, t.variables, t.factors) for t in last.result)
    return {
        "a step is dropped": with_theorem(replace(inner, steps=inner.steps[:-3])),
        "the last line is another": with_theorem(
            replace(inner, steps=(*inner.steps[:-1], replace(last, result=lie)))
        ),
        "a bare name": with_theorem(inner.name),
        "no steps": with_theorem(replace(inner, steps=())),
        "another theorem": with_theorem(theorem("rot180_convolution_general_1d").proof),
    }


@pytest.mark.parametrize("how", forged(theorem(DELTA).proof))
def test_a_forged_citation_is_refused(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By replay, and by the command line from the file alone."""
    lie = forged(theorem(DELTA).proof)[how]
    with pytest.raises(ProofError):
        replay(lie)
    path = tmp_path / "lie.json"
    path.write_text(dumps(lie), encoding="utf-8")
    malformed = how == "a bare name"
    assert main(["verify", str(path)]) == (2 if malformed else 1)
    printed = capsys.readouterr()
    assert "1 of 1 theorems proved" not in printed.out
    assert ("proof: found" in printed.err) if malformed else ("FAILED" in printed.out)


def test_a_file_alone_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The certificate contains the cited proof; no other file is read."""
    path = tmp_path / "delta.json"
    path.write_text(dumps(theorem(DELTA).proof), encoding="utf-8")
    assert main(["verify", str(path)]) == 0
    assert "1 of 1 theorems proved" in capsys.readouterr().out
    data = json.loads(path.read_text(encoding="utf-8"))
    inner = loads(json.dumps(data["steps"][0]["arguments"]["theorem"]["proof"]))
    assert unnamed(inner) == unnamed(theorem("rot180_correlation_general_1d").proof)
    assert loads(json.dumps(data)) == theorem(DELTA).proof


def test_what_is_cited_is_said() -> None:
    """The reason names the theorem, and what it is applied to."""
    said = latex_proof(theorem(DELTA))
    name = r"\texttt{rot180\_correlation\_general\_1d}"
    assert rf"chain rule, by Theorem {name}, applied to $x = \sigma(z)$" in said
    said = latex_proof(theorem("adjoint_activation_correlation_general_1d"))
    assert r"by Theorem \texttt{adjoint\_correlation\_general\_1d}" in said
