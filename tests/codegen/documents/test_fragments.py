"""Fragments fit the text that they are pasted into."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.documents.fragments import breakable, fragment, least
from rot180.codegen.documents.pdf import compiled
from rot180.codegen.documents.slides import slides
from rot180.codegen.documents.widths import NAMES, UNITS, parse_width
from rot180.codegen.kernels.derivation import derive
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer

LONG = "activations_of_the_hiddenlayer"
LAYERS = {
    "one axis": "conv1d",
    "two axes": "conv2d",
    "grouped, three axes": "y[n,g,o,p,q,r] = "
    "sum[c,k,l,m] x[n,g,c,s*p+k-lo,t*q+l-lp,u*r+m-lq] * w[g,o,c,k,l,m]",
    "transposed": "conv_transpose2d",
    "channels last": "conv2d_nhwc",
    "three operands": "y[n,i,e] = sum[j,d] q[n,i,d] * k[n,j,d] * v[n,j,e]",
    "activated": "sigma: function; y[n,o] = sum[i] sigma(z[n,i]) * w[o,i] + b[o]",
    "several terms": "y[i] = a[i]*b[i] + 2*b[i]*c[i] - c[i]*d[i] + 5*a[i]*d[i] + a[i]*c[i]*e[i] "
    "- 7*b[i]*e[i]*d[i] + a[i]*e[i]",
    "fractions": "y[p] = 3/7 * sum[k] x[p+k] * w[k] - x[p]/3",
    "a long name": f"y[p] = sum[k] {LONG}[p+k] * w[k]",
}
CLASSES = {
    "article": ("\\documentclass{article}", "text"),
    "two columns": (
        "\\documentclass[twocolumn]{article}\\usepackage[textwidth=490pt]{geometry}",
        "column",
    ),
    "beamer": ("\\documentclass{beamer}", "slide"),
}
FRAME = "\\begin{frame}[allowframebreaks]"
TEXT = "y[p] = sum[k] x[s*p+k-lo] * w[k]"


@cache
def proved(name: str) -> tuple[Theorem, ...]:
    """Return the gradients of a layer."""
    found = layer(LAYERS[name])
    return tuple(gradient(found, t.name) for t in found.tensors)


def too_large(text: str, axes: str = "hv") -> dict[str, list[float]]:
    """Compile a document; return by how many points boxes are too large, after each typed mark."""
    _, log = compiled(text)
    out: dict[str, list[float]] = {}
    mark = ""
    for line in log.splitlines():
        if line.startswith("MARK "):
            mark = line[5:]
        over = re.match(rf"Overfull \\[{axes}]box \(([\d.]+)pt", line)
        if over and float(over[1]) > 1:
            out.setdefault(mark, []).append(float(over[1]))
    return out


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
@pytest.mark.parametrize("kind", CLASSES)
def test_no_box_is_too_wide(kind: str) -> None:
    """Ten layers fit three classes; what was written for a wider text does not."""
    head, said = CLASSES[kind]
    begin, end = (FRAME, "\\end{frame}") if kind == "beamer" else ("", "")
    written = {name: fragment(proved(name), parse_width(said)) for name in LAYERS}
    written["stated alone"] = fragment(proved("two axes"), parse_width(said), proofs=False)
    written["for a wider text"] = fragment(proved("two axes"), parse_width("600pt"))
    body = "".join(f"\\typeout{{MARK {n}}}\n{begin}\n{t}\n{end}\n" for n, t in written.items())
    head += "\\usepackage{amsmath,amssymb}\n\\begin{document}\n"
    document = f"{head}{body}\\end{{document}}\n"
    assert [*too_large(document, "h")] == ["for a wider text"]


@cache
def shown(name: str) -> str:
    """Return the frames of a layer."""
    return slides(derive(LAYERS[name]), parse_width("slide"), preamble=name == "one axis")


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
def test_slides_are_not_too_full() -> None:
    """Pictures, proofs and kernels fit their frames, in both directions."""
    first, *rest = map(shown, ("one axis", "grouped, three axes", "several terms", "a long name"))
    end = "\\end{document}"
    faults = too_large(first.replace(end, "".join(rest) + end))
    assert not faults


def test_what_slides_show() -> None:
    """One frame for each step of each proof, the pictures, and every kernel."""
    text = shown("one axis")
    found = derive(LAYERS["one axis"])
    steps = [len(proof_lines(t)) for _, t in found.gradients]
    for n, (name, _) in zip(steps, found.gradients, strict=True):
        assert f": step {n} of {n}}}" in text
        assert f"def {name}(" in text
    assert text.count(": step ") == sum(steps)
    assert text.count("\\begin{tikzpicture}") > 0
    assert text.count("\\begin{frame}") == text.count("\\end{frame}")
    alone = shown("several terms")
    assert "% needs \\documentclass{beamer}" in alone
    assert "\n\\documentclass" not in alone and "\\title{" not in alone


def test_lengths() -> None:
    for unit, points in UNITS.items():
        assert parse_width(f"{300 / points:.4f}{unit}").points == pytest.approx(300, abs=1e-2)
    assert parse_width("84 mm").said() == "84mm"
    assert parse_width("column").said() == f"{NAMES['column']:g}pt"


@pytest.mark.parametrize("given", ["", "84", "84km", "-84mm", "1e3mm", "5mm", "9999cm", "COLUMN"])
def test_no_length(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused before anything is derived."""
    out = tmp_path / "out"
    assert main(["derive", TEXT, "--fragment", f"--width={given}", "-o", str(out)]) == 2
    _, error = capsys.readouterr()
    assert "--width: found" in error and "expected" in error
    assert "deriving" not in error
    assert not out.exists()


def test_the_least_width(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A width below what the widest symbol needs is refused; the one that is named fits."""
    with pytest.raises(ValueError, match=r"--width: found 25mm, expected at least [\d.]+mm") as no:
        fragment(proved("a long name"), parse_width("25mm"))
    named = re.search(r"at least ([\d.]+mm)", str(no.value))
    assert named
    assert LONG.replace("_", "\\_") in fragment(proved("a long name"), parse_width(named[1]))
    out = tmp_path / "out"
    options = ["--statement", "--width", "25mm", "-o", str(out)]
    assert main(["derive", LAYERS["a long name"], *options]) == 2
    _, error = capsys.readouterr()
    assert "expected at least" in error
    assert "deriving" not in error
    assert not out.exists()


def test_narrower_texts_have_more_rows() -> None:
    rows = [fragment(proved("two axes"), parse_width(w)).count("\\\\") for w in ("200mm", "column")]
    assert rows[0] < rows[1]


def test_a_wide_left_side_has_a_row_of_its_own() -> None:
    assert "&\\quad= " not in fragment(proved("a long name"), parse_width("600pt"))
    assert "&\\quad= " in fragment(proved("a long name"), parse_width("column"))


def test_mathematics_in_a_text_breaks_after_commas() -> None:
    assert breakable("put $a_{i,j} = b$, $c, d / e$", 20) == (
        "put $a_{i,j} = b$, $c,\\allowbreak  d /\\allowbreak  e$"
    )
    assert breakable("put $c, d / e$", 400) == "put $c, d / e$"
    assert least(["put $c, d / e$"], 10) < least(["put $cd / e$"], 10) < least(["$cde$"], 10)


def test_files_of_fragments(tmp_path: Path) -> None:
    """The comment names the packages; the statement has no proof."""
    for option, name in (("--fragment", "proof.tex"), ("--statement", "statement.tex")):
        assert main(["derive", TEXT, option, "--width", "column", "-o", str(tmp_path)]) == 0
        text = (tmp_path / name).read_text()
        assert "% needs \\usepackage{amsmath}\n" in text
        assert "documentclass" not in text
        assert ("chain rule" in text) == (option == "--fragment")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--width", "84mm"], "--width: found 84mm, expected --fragment"),
        (["--slides", "--whole"], "--slides: found --whole too"),
        (["--slides", "--statement"], "--slides: found --statement too"),
        (["--slides", "--format", "html"], "--slides: found --format html, expected tex, pdf"),
        (["--slides", "--fragment", "--format", "pdf"], "--slides: found --format pdf"),
        (["--fragment", "--format", "none"], "--fragment: found --format none, expected tex"),
        (["--statement", "--format", "pdf"], "--statement: found --format pdf, expected tex"),
        (["--statement", "--example", "x.npy"], "--statement: found --example too"),
    ],
)
def test_options_that_do_not_fit(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["derive", TEXT, *options, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "deriving" not in error
