"""Notations: names in documents, no capture of names, and files of symbols."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.documents.book import preface
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.layer import layer_document
from rot180.codegen.documents.model import TEXT_WIDTH
from rot180.derive import gradient, layer, theorem, theorems
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import (
    DEEP_LEARNING,
    NIELSEN,
    NOTATIONS,
    Symbols,
    in_network,
    parse_symbols,
)
from rot180.derive.display.proof_latex import latex_proof, proof_lines
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.theorem_latex import latex_theorem, statement
from rot180.derive.display.width import width

SWEEP = "y[p] = sum[k] x[s*p + d*k - a] * w[k]"
OWN = """
base = "nielsen"
loss = 'J'
[tensors]
x = 'u'
[functions]
sigma = '\\varphi'
[indices]
s = '\\varsigma'
n = 'm'
[windows]
k = 'i'
[operators]
rot180 = '\\operatorname{flip}(#1)'
"""


def rights(symbols: Symbols, name: str, detail: str = "short") -> list[str]:
    """Return the right sides of a registered proof."""
    return [line.rows(1e9)[0] for line in proof_lines(theorem(name), detail, symbols)]


def test_the_derivation_for_a_true_convolution_reads_as_in_the_text() -> None:
    """Chain rule over x', y'; definition; the delta of indices; a = x' - x; the rotation."""
    found = theorem("backpropagated_2d")
    lines = proof_lines(found, "short", NIELSEN)
    assert lines[0].left == (
        "\\delta^{l}_{x, y} = \\frac{\\partial C}{\\partial z^{l}_{x, y}}"
    )
    shown = rights(NIELSEN, "backpropagated_2d")
    delta, weight = "\\delta^{l+1}_{x', y'}", "w^{l+1}"
    rotated = "\\operatorname{rot180}_{0}(w^{l+1})"
    steps = (
        f"\\sum_{{x', y'}} {delta}\\,"
        "\\frac{\\partial z^{l+1}_{x', y'}}{\\partial z^{l}_{x, y}}",
        f"\\sum_{{x', y', a, b}} {delta}\\,{weight}_{{a, b}}\\,"
        "\\sigma'(z^{l}_{x' - a, y' - b})\\,[x = x' - a]\\,[y = y' - b]",
        f"\\sum_{{x', y'}} {delta}\\,{weight}_{{x' - x, y' - y}}\\,\\sigma'(z^{{l}}_{{x, y}})",
        f"\\sum_{{x', y'}} {delta}\\,{{{rotated}}}_{{x - x', y - y'}}\\,"
        "\\sigma'(z^{l}_{x, y})",
        f"(\\delta^{{l+1}} * {rotated})_{{x, y}}\\,\\sigma'(z^{{l}}_{{x, y}})",
    )
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert lines[places[2]].remark == "put $a = x' - x$, $b = y' - y$"
    text = latex_theorem(found, symbols=NIELSEN)
    assert f"{{{rotated}}}_{{a, b}}\n  &= w^{{l+1}}_{{-a, -b}}" in text
    assert "w^{l+1}_{a, b}\\,\\sigma(z^{l})_{x - a, y - b} + b^{l+1}" in text
    assert "times $\\sigma'(z^{l})$" in text


def test_zero_terms_are_dropped_step_by_step() -> None:
    """The full view has a line for each: the product rule, and what is zero in it."""
    reasons = [line.remark for line in proof_lines(theorem("backpropagated_2d"), "full", NIELSEN)]
    assert "product rule" in reasons
    for zero in ("\\partial w^{l+1}", "\\partial b^{l+1}", "\\partial \\delta^{l+1}"):
        assert f"${zero} / \\partial z^{{l}} = 0$" in reasons


def test_a_proof_is_the_same_in_every_notation() -> None:
    """A notation changes no line, no step and no reason but in its names."""
    found = gradient(layer(SWEEP), "x")
    own = parse_symbols(OWN)
    views = [proof_lines(found, "full", symbols) for symbols in (DEEP_LEARNING, NIELSEN, own)]
    assert len({len(view) for view in views}) == 1
    for lines in zip(*views, strict=True):
        assert len({line.right for line in lines}) == 1


@pytest.mark.parametrize("symbols", [DEEP_LEARNING, NIELSEN, parse_symbols(OWN)])
def test_no_name_captures_another(symbols: Symbols) -> None:
    """In every line of every registered proof different names look different."""
    for found in theorems():
        style = letters(found, symbols)
        used = {v.name for line in found.lines for t in line for v in t.symbols}
        assert len({style.symbol(name) for name in used}) == len(used), found.name
        tensors = dict(style.tensors)
        assert len(set(tensors.values())) == len(tensors), found.name


def test_an_index_of_a_definition_is_no_parameter() -> None:
    """Also where the notation's letter for it is: a tap is a', for a is the layer's padding."""
    found = gradient(layer("y[p] = sum[k] x[3*p + 2*k - a] * w[k]"), "x")
    text = latex_theorem(found, symbols=NIELSEN)
    assert "\\operatorname{rot180}(w^{l+1})_{a'}\n  &= w^{l+1}_{K - 1 - a'}" in text


def test_rows_fit_the_page() -> None:
    """No row of a proof is wider than the page in the other notation either."""
    for spec in ("conv2d", "activated_conv2d", "true_conv2d_batched", "linear"):
        found = layer(spec)
        theorems = [gradient(found, t.name) for t in found.tensors]
        text = latex(layer_document(found, theorems, "full", NIELSEN))
        for row in re.findall(r"&(?:=|\\qquad)(.*)", text):
            body = re.sub(r" (?:\\tag\*|&\\quad& \\text)\{\\small .*| \\\\$", "", row)
            assert width(body) < TEXT_WIDTH


def test_dense_layers_keep_their_letters() -> None:
    """J and k are a tap's letters where a window slides alone: w_{jk} stays w_{jk}."""
    assert "w^{l+1}_{j, k}" in latex_proof(theorem("perceptron_weight"), symbols=NIELSEN)
    assert "w^{l+1}_{a}" in latex_proof(theorem("backpropagated_1d"), symbols=NIELSEN)


def test_layers_of_a_network_are_numbers() -> None:
    """In a network w2 is the weight of layer 2; a relative name such as z^{l+1} is given up."""
    style = Letters(symbols=in_network(NIELSEN))
    assert [style.tensor(n) for n in ("w2", "delta1", "z1")] == ["w^{2}", "\\delta^{1}", "z^{1}"]
    assert style.gradient("z3") == "\\delta^{3}"
    assert in_network(DEEP_LEARNING) == DEEP_LEARNING
    assert Letters().tensor("w2") == "w_{2}"


def test_backward_padding_and_words_agree() -> None:
    """The named padding is that of the backward pass, in the sum and in the words."""
    for text, value in (
        (SWEEP, "d (K - 1) - a"),
        ("y[p] = sum[k] x[2*p + 2*k - a] * w[k]", "2 K - 2 - a"),
        ("y[p] = sum[k] x[2*p + 3*k + 1] * w[k]", "3 K - 2"),
    ):
        said = latex_theorem(gradient(layer(text), "x"))
        assert f"Let $\\pi = {value}$." in said
        assert "padding $\\pi$." in said
        assert re.search(r"\[h \+ (d|\d) k - \\pi\]", said)


def test_the_readers_order_and_letters() -> None:
    """Indices are written as typed; an operator's own indices take the letters of its operand."""
    found = layer(SWEEP)
    w = latex_theorem(gradient(found, "w"))
    assert "x[s p + d k - a]\\,g[p]" in w
    x = latex_theorem(gradient(found, "x"))
    assert "\\operatorname{rot180}(w)[k]\n  &= w[K - 1 - k]" in x
    assert "(D_{s} g)[h]\n  &= \\sum_{p} g[p]\\,[h = s p]" in x
    assert "[h = s p + d k - a]" in latex_proof(gradient(found, "x"))
    other = layer("y[p] = sum[k] x[2*p - 3*k + 1] * w[k]")
    assert "x[2 p - 3 k + 1]" in latex(layer_document(other, [gradient(other, "w")]))


def test_a_file_of_symbols() -> None:
    """A file overrides keys of its base and no others."""
    own = parse_symbols(OWN, "mine.toml")
    assert (own.name, own.loss, own.subscripts) == ("mine.toml", "J", True)
    assert dict(own.tensors)["x"] == "u"
    assert dict(own.tensors)["w"] == dict(NIELSEN.tensors)["w"]
    found = layer("sigma: function; y[n,p] = sum[k] sigma(x[n,s*p+k]) * w[k]")
    text = latex(layer_document(found, [gradient(found, "x"), gradient(found, "w")], symbols=own))
    for said in ("\\varphi'(u_{m, x})", "\\partial J", "\\varsigma x + i", "w^{l+1}_{i}"):
        assert said in text
    assert "\\operatorname{flip}(w^{l+1})" in latex_theorem(gradient(layer(SWEEP), "x"), (), own)
    assert parse_symbols("") == Symbols("symbols")
    assert {s.name for s in NOTATIONS.values()} == set(NOTATIONS)


def test_the_documented_file() -> None:
    """The page shows every key, and its example can be parsed."""
    page = Path(__file__).parents[3] / "docs" / "notations.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    shown = parse_symbols(text)
    assert dict(shown.functions)["sigma"] == "\\varphi"
    assert shown.operators == NIELSEN.operators
    for one in fields(Symbols):
        assert one.name == "name" or re.search(rf"^\[?{one.name}\b", text, re.M), one.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss = ", "mine.toml: not TOML"),
        ("[tensor]\nx = 'u'", "found 'tensor', expected one of base, .*; did you mean tensors?"),
        ("base = 'nielson'", "base: found 'nielson', expected one of .*; did you mean nielsen?"),
        ("base = 3", "base: found 3, expected one of"),
        ("subscripts = 1", "subscripts: found 1, expected true or false"),
        ("loss = true", "loss: found True, expected a string"),
        ("tensors = 'x'", "tensors: found 'x', expected a table"),
        ("tensors.x = 3", r"tensors\.x: found 3, expected mathematics"),
        ("tensors.x = 'a^{l'", "found the end in .*, expected mathematics: .*braces in pairs"),
        ("loss = '}{'", "found '}' in .*, expected mathematics: .*braces in pairs"),
        ("loss = ' '", "found the end in ' ', expected mathematics"),
        ("tensors.'a b' = 'x'", "tensors: found 'a b', expected a name of the layer: a letter"),
        ("operators.rotate = '#1'", "operators: found 'rotate', expected one of .*rot180"),
        ("name = 'x'", "found 'name', expected one of"),
    ],
)
def test_malformed_files(text: str, said: str) -> None:
    """Every refusal names the file and the key, and what is near."""
    with pytest.raises(ValueError, match=said):
        parse_symbols(text, "mine.toml")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--notation takes a name or a file, and says what it expected."""
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    assert main(["show", "rot180_correlation_1d", "--latex", "--notation", str(path)]) == 0
    assert "\\operatorname{flip}" in capsys.readouterr().out
    assert main(["show", "rot180_correlation_1d", "--latex", "--notation", "nielson"]) == 2
    assert "--notation: found 'nielson', expected deep-learning, nielsen" in capsys.readouterr().err
    path.write_bytes(b"\xff")
    assert main(["derive", SWEEP, "-o", str(tmp_path / "o"), "--notation", str(path)]) == 2
    assert not (tmp_path / "o").exists()
    out = tmp_path / "o"
    assert main(["derive", SWEEP, "-o", str(out), "--format", "tex", "--notation", "nielsen"]) == 0
    assert "\\delta^{l+1}" in (out / "proof.tex").read_text(encoding="utf-8")


def test_statements_read_as_sentences() -> None:
    """A statement is sentences and displays, in any notation."""
    for symbols in (DEEP_LEARNING, NIELSEN):
        parts = statement(theorem("rot180_correlation_general_1d"), (), symbols)
        assert isinstance(parts[0], str)
        assert parts[0].startswith("Let $\\pi = d (K - 1) - \\mathit{lo}$")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base = ['nielsen']", r"base: found \['nielsen'\], expected one of"),
        ("operators.rot180 = '#7'", r"rot180: found '#7', expected as arguments #1 to #1"),
        ("operators.dilate = 'D'", r"expected as arguments #1 to #2, #1 among them"),
        ("numbered = '#9'", r"numbered: found '#9', expected as arguments #1 to #2"),
        ("tensors.x = 'a#1'", r"tensors.x: found 'a#1', expected as arguments none"),
        *(
            (f"tensors.x = 'a {one} b'", rf"x: found {re.escape(repr(one))} in .*expected math")
            for one in ("&", "%", "$", "~", "#", "\\\\", "<", '"', "@", "^^", r"\text", r"\-")
        ),
        ("tensors.x = 'δ'", r"tensors.x: found 'δ' in .*; write .* as its command, such as .delta"),
        ("tensors.x = '\\mathbff{x}'", r"found '.*mathbff' in .*; did you mean .mathbf\?"),
        ("tensors.x = '\\text{no}'", r"; write a word as .operatorname\{word\}"),
        (f"tensors.x = '{'x' * 101}'", r"x: found 101 characters, .*at most 100; write a shorter"),
        ("functions.f = '#1 #1 #1 #1 #1'", r"f: found 5 arguments in .*, expected at most 4"),
    ],
)
def test_what_is_no_mathematics(text: str, said: str) -> None:
    """What would break a page, a table or the pattern of an operator is refused by its key."""
    with pytest.raises(ValueError, match=said):
        parse_symbols(text, "my.toml")


BROKEN = [
    "x^a^b", "x^2'", "x_a_b", r"\frac{a}", "_", r"\left(", r"\undefined", r"\hat",
    r"\hat\mathbf{x}", r"\sqrt[3]{x}", r"\operatorname{}", r"\operatorname{<}", "x^", "x}",
]  # fmt: skip


@pytest.mark.parametrize("symbol", BROKEN)
def test_mathematics_that_cannot_be_displayed(
    symbol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what was found, and nothing is written."""
    own, out = tmp_path / "my.toml", tmp_path / "out"
    own.write_text(f'tensors.x = """{symbol}"""'.replace("\\", "\\\\"))
    assert main(["derive", SWEEP, "--notation", str(own), "-o", str(out)]) == 2
    said = capsys.readouterr().err
    assert "my.toml: tensors.x: found " in said
    assert "expected mathematics: letters" in said
    assert not out.exists()


def test_a_notation_from_python_is_checked_too() -> None:
    with pytest.raises(ValueError, match=r"own: tensors\.x: found '.*input' in"):
        Symbols("own", tensors=(("x", r"\input{x}"),))
    with pytest.raises(ValueError, match=r"own: loss: found"):
        replace(DEEP_LEARNING, name="own", loss="<b>")


def test_a_raised_symbol_is_primed_as_a_whole() -> None:
    """Neither an index that is taken nor a derivative gives a symbol two superscripts."""
    own = parse_symbols("functions.sigma = '\\varphi^{2}'\nindices = {h = 'i^{2}', p = 'i^{2}'}")
    found = layer("sigma: function; y[p] = sum[k] sigma(x[s*p+k]) * w[k]")
    text = latex(layer_document(found, [gradient(found, "x")], symbols=own))
    assert "{i^{2}}'" in text
    assert "{\\varphi^{2}}'(" in text
    assert "i^{2}'" not in text
    assert "\\varphi^{2}'" not in text


def test_an_index_below_a_symbol_with_an_index() -> None:
    """No symbol has two subscripts side by side."""
    symbols = parse_symbols("subscripts = true\ntensors.x = 'x_i'")
    text = latex_proof(gradient(layer(SWEEP), "x"), symbols=symbols)
    assert "{x_i}_{i}" in text
    assert "x_i_" not in text


def test_an_operator_between_its_arguments_is_bracketed_before_an_index() -> None:
    """With or without spaces, as the index would belong to the last argument."""
    close = parse_symbols("operators.dilate = '#1{\\uparrow}#2'")
    said = latex_theorem(theorem("rot180_correlation_strided_1d"), symbols=close)
    assert r"(g{\uparrow}s)[" in said
    assert r"{\uparrow}s[" not in said


def test_the_book_says_how_to_read_it_in_its_letters() -> None:
    said = " ".join(preface(NIELSEN))
    assert r"$\sum_{a} a^{l}_{x + a}\,w^{l+1}_{a}$" in said
    assert r"$\delta^{l+1} = \partial C / \partial z^{l+1}$" in said
    assert "mathcal" not in said
    assert r"$\sum_{k} x[p + k]\,w[k]$" in " ".join(preface())
