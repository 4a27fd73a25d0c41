"""The LaTeX states what was proved: it is parsed back to terms."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import sympy as sp
from sympy import Expr

from rot180.codegen.documents.fragments import fragment
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.layer import layer_document
from rot180.codegen.documents.model import TEXT_WIDTH
from rot180.codegen.documents.widths import parse_width
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import NOTATIONS
from rot180.derive.display.proof_latex import latex_proof, outline
from rot180.derive.display.terms_latex import Letters, escape, letter
from rot180.derive.display.textbook import without_implied_brackets
from rot180.derive.display.theorem_latex import latex_expression, latex_theorem
from rot180.derive.display.width import width
from rot180.derive.gradients.gradient import gradient, kernel_theorems
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    define,
    tensor,
    tensors,
    term,
)
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model
from rot180.derive.theorems import theorems as registered
from tests.support.latex_reader import BEGIN, END, REASON, Reader, displays, must

GOLDEN = Path(__file__).parent / "golden"


def constants(theorem: Theorem) -> dict[str, Expr]:
    """Read the named constants from the statement."""
    sentence = re.match(r"Let (.*)\.\n", latex_theorem(theorem))
    found = re.findall(r"\$(\\pi(?:_\{\d+\})?) = ([^$]*)\$", sentence[1]) if sentence else ()
    return {name: Reader(value, {}, {}).polynomial() for name, value in found}


def heads(theorem: Theorem) -> dict[str, Tensor]:
    """Return the tensors of a proof by their LaTeX, in brackets where it is compound."""
    style = letters(theorem)
    out: dict[str, Tensor] = {}
    for line in theorem.lines:
        for t in tensors(line):
            head = style.factor(Access(t, (sp.Integer(0),) * len(t.shape))).split("[0")[0]
            assert out.setdefault(head, t) == t, f"{head} stands for two tensors"
    return out


def matrix(text: str) -> list[list[str]]:
    """Read a table of numbers."""
    inside = re.fullmatch(r"\\begin\{pmatrix\} (.*) \\end\{pmatrix\}", text)
    assert inside is not None
    return [row.split(" & ") for row in inside[1].split(" \\\\ ")]


def entries(t: Tensor) -> list[list[str]]:
    """Evaluate a table of numbers, entry by entry."""
    rows, columns = (range(int(must(n))) for n in t.shape)
    at = [[(term(t[i, j]),) for j in columns] for i in rows]
    return [[str(evaluate(e, Model({}, limit=1), {})) for e in row] for row in at]


def plain(expression: Expression) -> list[tuple[Expr, tuple[sp.Symbol, ...], Counter[Factor]]]:
    """Normalise the order of factors and the signs of equations, and nothing else."""

    def unsigned(f: Factor) -> Factor:
        if isinstance(f, Derivative):
            return replace(f, factors=tuple(map(unsigned, f.factors)))
        return min((f, Equal(-f.value)), key=lambda e: str(e.value)) if isinstance(f, Equal) else f

    return [(t.coefficient, t.variables, Counter(map(unsigned, t.factors))) for t in expression]


CATALOGUE = (
    "linear", "dense", "conv1d", "conv2d", "conv3d", "conv2d_grouped", "true_conv1d",
    "true_conv2d", "true_conv2d_batched", "depthwise_conv1d", "conv2d_nhwc", "activated_conv2d",
    "conv_transpose2d",
)  # fmt: skip
OTHERS = (
    "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]",
    "y[p] = sum[k] x[p+k] * x[k]",
    "y[n,i] = sum[j,k] a[n,j] * b[i,j,k] * c_1[n,k]",
    "y[p] = 2*sum[k] x[p+k]*w[k] - 1/2*x[p] - c*b[]",
    "y[g,p] = sum[k] x[g,pi*p+k] * w[k]",
    "y[p] = sum[k] relu(x[p+k]) * w[k]",
)


REGISTRY = "registry"


@cache
def theorems(spec: str) -> tuple[Theorem, ...]:
    """Return everything that is proved of a layer, or the registry's theorems."""
    if spec == REGISTRY:
        return tuple(registered())
    found = layer(spec)
    gradients = [gradient(found, t.name) for t in found.tensors]
    return (*gradients, *(t for _, t in kernel_theorems(found)))


@pytest.mark.parametrize("spec", [*CATALOGUE, *OTHERS, REGISTRY])
@pytest.mark.parametrize("detail", ["short", "full"])
def test_lines_read_back(spec: str, detail: str) -> None:
    """Every line shown is the proof's line; the full view shows them all, the short one some."""
    for theorem in theorems(spec):
        known, named = heads(theorem), constants(theorem)
        shown = displays(latex_proof(theorem, detail))
        numbers = [n for n, _ in outline(theorem, detail)]
        assert plain(Reader(shown[0][0], known, named).expression()) == plain(theorem.lhs)
        for (_, text), number in zip(shown, numbers, strict=True):
            line = theorem.lines[number]
            if detail == "short":
                line = without_implied_brackets(line, theorem.variables)
            assert plain(Reader(text, known, named).expression()) == plain(line)
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == len(theorem.lines) - 1
        if detail == "full":
            assert numbers == list(range(1, len(theorem.lines)))


@pytest.mark.parametrize("spec", [*CATALOGUE, *OTHERS, REGISTRY])
def test_statement_reads_back(spec: str) -> None:
    """The equation stated is the theorem's, and definitions are the tensors' own."""
    for theorem in theorems(spec):
        known, named = heads(theorem), constants(theorem)
        blocks = re.findall(f"{BEGIN}.*?{END}", latex_theorem(theorem), re.DOTALL)
        (left, right), *sums = displays(blocks[0])
        assert plain(Reader(left, known, named).expression()) == plain(theorem.lhs)
        assert plain(Reader(right, known, named).expression()) == plain(theorem.rhs)
        for _, text in sums:
            assert plain(Reader(text, known, named).expression()) == plain(
                unfold_operators(theorem.rhs)
            )
        for left, right in displays(blocks[1]) if len(blocks) > 1 else ():
            if "pmatrix" in right:
                assert entries(known[left.strip()]) == matrix(right)
                continue
            (t,) = Reader(left, known, named).expression()
            (access,) = t.factors
            assert isinstance(access, Access)
            formals = tuple(e for e in access.index if isinstance(e, sp.Symbol))
            body = Reader(right, known, named).expression()
            said = define(access.tensor.name, access.tensor.shape, formals, body)
            assert plain(must(said.definition).canonical) == plain(
                must(access.tensor.definition).canonical
            )


@pytest.mark.parametrize("spec", [*CATALOGUE, *OTHERS, "conv4d"])
def test_rows_fit_the_page(spec: str) -> None:
    """No row is wider than the page by the estimate that the documents are broken by."""
    for theorem in theorems(spec):
        for text in (
            latex_proof(theorem, "full", page=TEXT_WIDTH),
            latex_theorem(theorem, page=TEXT_WIDTH),
        ):
            for row in re.findall(r"&(?:=|\\qquad)(.*)", text):
                assert width(re.sub(rf"{REASON}.*| \\\\$", "", row)) < TEXT_WIDTH


def test_short_proof_fits_half_a_page() -> None:
    """A strided, dilated, padded 1-D proof has at most ten lines, one reason on each."""
    theorem = gradient(layer("y[p] = sum[k] x[s*p+d*k-lo] * w[k]"), "x")
    text = latex_proof(theorem)
    assert text.count("&=") == len(re.findall(REASON, text)) == len(outline(theorem)) <= 8
    assert "\\pi" in text
    assert "\\operatorname{rot180}(w)" in text
    with pytest.raises(ValueError, match="expected 'short' or 'full'"):
        latex_proof(theorem, "long")


def test_pieces() -> None:
    """Names, numbers, signs and functions as people write them."""
    n, p, k = symbol("n"), symbol("p"), symbol("k")
    x, w, bias = tensor("x", "N", "H"), tensor("w_1", "K"), tensor("bias")
    e = (
        term(x[n, 2 * p - 3 * k + 1], w[k], over=(k,), coefficient=-2),
        term(Apply("sigma", 1, x[n, p]), Range(p, symbol("P")), Equal(n - 2 * k), over=(k,)),
        term(bias[()], coefficient=sp.Rational(1, 2)),
    )
    assert latex_expression(e, Letters((n, p))) == (
        "-2 \\sum_{k} x[n, 2 p - 3 k + 1]\\,\\mathit{w\\_1}[k]"
        " + \\sum_{k} \\sigma'(x[n, p])\\,[n = 2 k]\\,[0 \\le p < P]"
        " + \\tfrac{1}{2} \\mathit{bias}"
    )
    assert latex_expression(()) == "0"
    assert [letter(v) for v in ("lo", "sigma", "alpha2", "K")] == [
        "\\mathit{lo}", "\\sigma", "\\alpha_{2}", "K",
    ]  # fmt: skip
    assert escape("a_b{50%}") == "a\\_b\\{50\\%\\}"


def test_documents_replay() -> None:
    """A document is made of replayed proofs alone."""
    good = theorems("linear")[0]
    proof = good.proof
    bad = Theorem(
        type(proof)(proof.name, proof.variables, (), proof.start, proof.steps[1:]),
        good.lines, good.obligations, (),
    )  # fmt: skip
    assert "\\begin{alignat*}" in fragment([good], parse_width("text"))
    with pytest.raises(ProofError):
        fragment([bad], parse_width("text"))


def document(spec: str) -> str:
    """Return the document of a layer and its gradients; it does not say the layer's name."""
    found = replace(layer(spec), name="")
    return latex(layer_document(found, [gradient(found, t.name) for t in found.tensors]))


def test_one_layer_one_document() -> None:
    """A name and its text give one document; one sign changed gives another."""
    text = layer("conv1d").text
    assert document("conv1d") == document(text)
    assert document("conv1d") != document(text.replace("d*k", "-d*k").replace("+-", "-"))


def test_user_names_are_escaped() -> None:
    """An underscore in a name reaches neither text nor mathematics bare."""
    text = document("my_out[a] = sum[b] my_in[a+b] * my_w[b]")
    assert not re.search(r"(?<!\\)my_|my_(?!\{)", text.replace("\\_", ""))


@pytest.mark.parametrize("spec", ["conv1d", "conv2d", "true_conv1d", "linear"])
def test_golden(spec: str, request: pytest.FixtureRequest) -> None:
    """The documents equal the golden files."""
    path = GOLDEN / f"{spec}.tex"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(document(spec), encoding="utf-8")
    assert path.is_file(), f"{path.name} is missing: run pytest --update-golden"
    assert document(spec) == path.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX engine")
@pytest.mark.parametrize("detail", ["short", "full"])
@pytest.mark.parametrize("spec", ["conv1d", "conv2d_grouped", "conv3d", "activated_conv2d"])
def test_compiles_without_overfull_boxes(spec: str, detail: str, tmp_path: Path) -> None:
    """A TeX engine compiles the document, and nothing exceeds the margins by 2 points."""
    found = layer(spec)
    theorems = [gradient(found, t.name) for t in found.tensors]
    text = latex(layer_document(found, theorems, detail))
    (tmp_path / "proof.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "proof.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "proof.log").read_text(encoding="utf-8", errors="replace")
    over = re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)
    assert all(float(points) <= 2 for points in over), over


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX engine")
@pytest.mark.parametrize("notation", ["deep-learning", "nielsen"])
def test_the_strided_proof_takes_half_a_page(notation: str, tmp_path: Path) -> None:
    """Statement and proof of the strided, dilated, padded 1-D theorem, measured by a TeX engine."""
    found = gradient(layer("y[p] = sum[k] x[s*p + d*k - a] * w[k]"), "x")
    text = latex_theorem(found, tensors(found.lhs), NOTATIONS[notation], TEXT_WIDTH)
    proof = latex_proof(found, symbols=NOTATIONS[notation], page=TEXT_WIDTH)
    text += f"\\par Proof.\n{proof}"
    (tmp_path / "box.tex").write_text(
        "\\documentclass[a4paper,10pt,fleqn]{article}\n\\usepackage[margin=25mm]{geometry}\n"
        "\\usepackage{amsmath}\n\\begin{document}\n\\setbox0=\\vbox{"
        f"{text}}}\n"
        "\\typeout{HEIGHT \\the\\dimexpr\\ht0+\\dp0\\relax\\space OF "
        "\\the\\textheight}\n\\box0\n\\end{document}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "box.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    measured = re.search(r"HEIGHT ([\d.]+)pt OF ([\d.]+)pt", done.stdout)
    assert measured is not None, done.stdout[-2000:]
    height, page = map(float, measured.groups())
    assert height < page / 2
    assert "Overfull" not in done.stdout
