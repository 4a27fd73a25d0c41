"""A tensor is displayed as what it is: no name and no file makes it look like another one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sympy import Integer

from rot180.codegen.cli.main import main
from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.letters import letters
from rot180.derive.display.notations import NIELSEN
from rot180.derive.display.theorem_latex import boxed, latex_theorem
from rot180.derive.kernel.proof import Proof, Step
from rot180.derive.kernel.replay import replay
from rot180.derive.language.losses import softmax
from rot180.derive.language.operators import (
    activation,
    convolve,
    correlate,
    dilate,
    flip,
    matmul,
    pad,
    rot180,
    transpose,
)
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.printer import write
from rot180.derive.language.spelling import ambiguous, application, display_name, unfold_operators
from rot180.derive.language.terms import Apply, Equal, Tensor, define, tensor, term
from rot180.derive.theorems import claims, theorem

CERTIFICATES = Path(__file__).parents[3] / "generated" / "certificates"
H, K, S, D, LO = (symbol(n) for n in ("H", "K", "s", "d", "lo"))
h, i, j, k, p = (symbol(n) for n in "hijkp")
X, W, G, V = tensor("x", "H"), tensor("w", "K"), tensor("g", "P"), tensor("v", "H", "K")


OPERATORS: dict[str, Tensor] = {
    "rot180(w)": rot180(W, [0]),
    "rot180(v)": rot180(V, [1]),
    "flip(v)": flip(V),
    "dilate(g, s)": dilate(G, {0: S}),
    "dilate(v, 2, d*s)": dilate(V, {0: Integer(2), 1: S * D}),
    "pad(x, lo, H - lo)": pad(X, {0: (LO, H - LO)}),
    "transpose(v)": transpose(V),
    "matmul(transpose(v), v)": matmul(transpose(V), V),
    "correlate(x, rot180(w))": correlate(X[S * p + D * k - LO], rot180(W, [0])[k], (p,), (k,)),
    "convolve(x, w)": convolve(X[S * p - D * k], W[k], (p,), (k,)),
    "convolve(g, flip(w))": convolve(G[p], flip(W)[h - p], (h,), (p,)),
    "sigma(x)": activation("sigma", 0, X),
    "sigma''(x)": activation("sigma", 2, X),
    "softmax(v)": softmax(V).value,
}


@pytest.mark.parametrize("said", OPERATORS)
def test_an_operator_is_read_off_its_definition(said: str) -> None:
    """Under whatever name: the definition counts, and the name does not."""
    t = OPERATORS[said]
    assert display_name(t) == display_name(replace(t, name="x2")) == said
    assert t.name.isidentifier()
    found = application(t)
    assert found is not None
    assert found.identifier == t.name


def test_names_of_operators() -> None:
    names = [t.name for t in OPERATORS.values()]
    assert names[3:6] == ["dilate_g_s", "dilate_v_2_d_times_s", "pad_x_lo_H_minus_lo"]
    assert names[-3:] == ["sigma_x", "sigma_prime_prime_x", "softmax_v"]
    assert names[8] == "correlate_x_rot180_w"


NO_OPERATORS: dict[str, Tensor] = {
    "a copy": define("rot180_w", (None,), (j,), (term(W[j]),)),
    "a copy in a box": define("pad_x_0_0", (H,), (j,), (term(X[j]),)),
    "twice the rotation": define("rot180_w", (None,), (j,), (term(W[K - 1 - j], coefficient=2),)),
    "a rotation by one place less": define("rot180_w", (None,), (j,), (term(W[K - 2 - j]),)),
    "a rotation in a box": define("rot180_w", (K,), (j,), (term(W[K - 1 - j]),)),
    "a rotation and more": define("rot180_w", (None,), (j,), (term(W[K - 1 - j]), term(W[j]))),
    "a stride where zeros should be": define("dilate_g_s", (None,), (j,), (term(G[S * j]),)),
    "zeros in other places": define(
        "dilate_g_s", (None,), (j,), (term(G[p], Equal(j - S * p - 1), over=(p,)),)
    ),
    "a diagonal": define("matmul_v_v", (None, None), (i, j), (term(V[i, k], V[k, k], over=(k,)),)),
    "a window that varies": define(
        "correlate_x_v", (None,), (p,), (term(X[p + k], V[p, k], over=(k,)),)
    ),
    "two summed indices": define(
        "correlate_x_w", (None,), (p,), (term(X[p + k + j], W[k], over=(k, j)),)
    ),
    "both directions": define(
        "correlate_v_v", (None, None), (p, h), (term(V[p + k, h - j], V[k, j], over=(k, j)),)
    ),
    "a sign that is not known": define(
        "convolve_x_w", (None,), (p,), (term(X[p + (S - D) * k], W[k], over=(k,)),)
    ),
    "a function that is called rot180": define("f", (K,), (j,), (term(Apply("rot180", 0, W[j])),)),
    "a function of another entry": define("sigma_x", (H,), (j,), (term(Apply("s", 0, X[j + 1])),)),
    "a function in a larger box": define("s_x", (H + 1,), (j,), (term(Apply("s", 0, X[j])),)),
    "a free tensor": tensor("rot180_w", "K"),
}


@pytest.mark.parametrize("how", NO_OPERATORS)
def test_a_lookalike_is_shown_by_its_name(how: str) -> None:
    t = NO_OPERATORS[how]
    assert application(t) is None
    assert display_name(t) == t.name
    index = tuple(symbol(f"e{n}") for n in range(len(t.shape)))
    assert write((term(t[index]),)).startswith(f"{t.name}[")


def test_the_words_are_not_to_be_mixed_up() -> None:
    """Correlation and convolution are told apart by the definition, not by the name."""
    right = correlate(X[p + k], W[k], (p,), (k,))
    assert display_name(replace(right, name="convolve_x_w")) == "correlate(x, w)"
    with pytest.raises(ValueError, match=r"convolve: found x at .*, to which correlate applies"):
        convolve(X[p + k], W[k], (p,), (k,))
    with pytest.raises(ValueError, match=r"correlate: found x at .*, to which convolve applies"):
        correlate(X[p - k], W[k], (p,), (k,))
    with pytest.raises(ValueError, match=r"correlate: .*, to which no operator applies"):
        correlate(X[p], W[k], (p,), (k,))


def test_a_parameter_that_is_called_as_an_index_is_not_captured() -> None:
    """dilate(g, i0) takes another index for itself."""
    t = dilate(G, {0: symbol("i0")})
    assert t.definition is not None
    assert symbol("i0") in t.parameters
    assert display_name(t) == "dilate(g, i0)"


def test_two_rotations_that_are_spelled_alike_are_told_apart() -> None:
    """Along one axis or the other: each by its name."""
    one, other = rot180(V, [0]), replace(rot180(V, [1]), name="mirrored")
    assert display_name(one) == display_name(other) == "rot180(v)"
    bare = ambiguous((one, other, V))
    assert bare == {one, other}
    assert [display_name(t, bare) for t in (one, other)] == ["rot180_v", "mirrored"]
    assert display_name(flip(one), bare) == "flip(rot180_v)"


def _edited(name: str, change: Callable[[str], str]) -> Proof:
    return loads(change((CERTIFICATES / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "true", "false"),
    [
        ("rot180_correlation_1d", "correlate", "convolve"),
        ("rot180_convolution_1d", "convolve", "correlate"),
        ("rot180_correlation_general_2d", "correlate", "convolve"),
        ("weight_convolution_general_1d", "convolve", "correlate"),
    ],
)
def test_words_swapped_in_a_certificate_change_no_headline(
    name: str, true: str, false: str
) -> None:
    """The names are what they were made to be; what is shown is what it is."""
    honest = _edited(name, lambda text: text)
    forged = _edited(name, lambda text: text.replace(true, false))
    assert any(t.name.startswith(false) for t in _heads(forged))
    said = [str(replay(proof)) for proof in (honest, forged)]
    assert said[0] == said[1]
    assert f"{false}(" not in said[1]
    drawn = [latex_theorem(replay(proof)) for proof in (honest, forged)]
    assert drawn[0] == drawn[1]


def _heads(proof: Proof) -> list[Tensor]:
    return [f.tensor for t in replay(proof).rhs for f in t.factors if hasattr(f, "tensor")]


def test_a_rotation_that_is_none_is_not_called_one() -> None:
    """Names swapped between w and its rotation: each is shown as what it is."""
    text = (CERTIFICATES / "rot180_correlation_1d.json").read_text(encoding="utf-8")
    swapped = text.replace('"rot180_w"', '"?"').replace('"w"', '"rot180_w"').replace('"?"', '"w"')
    said = str(replay(loads(swapped)))
    assert "rot180(rot180_w)" in said
    assert "rot180(w)" not in said


@pytest.mark.parametrize("name", ["rot180(w)", "2 * x", "w'", "", "_w", "x[h]", "\u0445", "x\n"])
def test_a_name_is_an_identifier(name: str) -> None:
    text = (CERTIFICATES / "rot180_correlation_1d.json").read_text(encoding="utf-8")
    with pytest.raises(MalformedError, match="tensor: found"):
        loads(text.replace('"w"', '"' + name.replace("\n", "\\n") + '"'))


def test_a_certificate_says_nothing_of_display() -> None:
    text = (CERTIFICATES / "rot180_correlation_1d.json").read_text(encoding="utf-8")
    with pytest.raises(MalformedError, match="unknown display"):
        loads(text.replace('"name": "w"', '"name": "w", "display": ["rot180", "w"]', 1))


def test_a_statement_is_followed_by_what_its_tensors_are() -> None:
    """Defined tensors, then operators, then free ones, each with its box."""
    said = str(theorem("rot180_correlation_strided_1d")).splitlines()
    assert said[3:] == [
        "  where",
        "    y[p] = sum[k] x[s*p+k] * w[k], 0 <= p < P",
        "    L = sum[p] grad_y[p] * y[p]",
        "  by the operators",
        "    dilate(grad_y, s)[h] = sum[p] grad_y[p] * [h == s*p]",
        "    rot180(w)[k] = w[K-1-k]",
        "  for any grad_y[P], x[H], w[K]",
    ]


@pytest.mark.parametrize("name", [*claims()][::5])
def test_every_tensor_of_a_statement_is_stated_once(name: str) -> None:
    """In text and in LaTeX: what is not free has a definition, what is free a box."""
    found = theorem(name)
    text = str(found).splitlines()
    shown = every_tensor(found.lhs, unfold_operators(found.rhs) if found.words else found.rhs)
    for t in shown:
        if t.definition is None:
            size = ",".join(map(str, t.shape))
            assert re.search(
                rf"^  for any .*\b{t.name}\b{re.escape(f'[{size}]' if size else '')}", text[-1]
            )
        else:
            head = re.escape(f"    {display_name(t)}")
            assert sum(bool(re.match(rf"{head}(\[[a-z0-9,]*\])? = ", line)) for line in text) == 1
    drawn = latex_theorem(found)
    style = letters(found)
    for t in shown:
        if t.definition is None:
            assert boxed(t, style) in drawn


def test_a_foreign_definition_is_printed() -> None:
    """A tensor named rot180_w that is w itself: the statement says so, whatever it is called."""
    copy = define("rot180_w", (None,), (j,), (term(W[j]),))
    step = Step("definition", 0, (("factor", 0),))
    proof = Proof("copy", ((j, None),), (), (term(copy[j]),), (step,))
    assert str(replay(proof)).splitlines() == [
        "rot180_w[j] = w[j]",
        "  for all j",
        "  where",
        "    rot180_w[j] = w[j]",
        "  for any w[K]",
    ]
    assert "\\mathit{rot180\\_w}[j]\n  &= w[j]" in latex_theorem(replay(proof))


def test_two_operators_that_look_alike_are_written_by_their_names() -> None:
    """In text, and in a notation with one sign for two operators."""
    one, other = rot180(V, [0]), replace(rot180(V, [1]), name="mirrored")
    proof = Proof("two", ((h, H), (k, K)), (), (term(one[h, k], other[h, k]),), ())
    assert str(replay(proof)).splitlines()[:2] == [
        "rot180_v[h,k] * mirrored[h,k] = rot180_v[h,k] * mirrored[h,k]",
        "  for all 0 <= h < H, 0 <= k < K",
    ]
    assert "operatorname" not in latex_theorem(replay(proof))
    same = replace(NIELSEN, operators=(("rot180", "R(#1)"), ("flip", "R(#1)")))
    assert "R(" not in latex_theorem(theorem("rot180_is_a_shifted_flip_1d"), symbols=same)


def test_the_functions_of_a_statement_are_stated() -> None:
    """A known one by its rule, another one as any function."""
    said = str(theorem("delta_correlation_general_1d")).splitlines()
    assert said[-1] == "  for any grad_y[P], z[H], w[K], function sigma"
    said = str(theorem("squared_error")).splitlines()
    assert said[-2:] == ["  with half_square(t) = t**2/2", "  for any a[N,O], t[N,O]"]


def test_the_command_line_prints_no_false_headline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A committed certificate with the word changed: the statement is the true one."""
    text = (CERTIFICATES / "rot180_correlation_1d.json").read_text(encoding="utf-8")
    lie = tmp_path / "lie.json"
    lie.write_text(text.replace("correlate", "convolve").replace("rot180_correlation_1d", "mine"))
    assert main(["verify", str(lie)]) == 0
    said = capsys.readouterr().out
    assert "dL/dx[h] = correlate(grad_y, rot180(w))[h]\n" in said
    assert "convolve(" not in said
