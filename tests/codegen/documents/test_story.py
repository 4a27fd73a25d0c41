"""The opening chapter: its words have no formula and no number, and its parts are derived."""

import re
from dataclasses import replace

import numpy as np
import pytest

from rot180.codegen.documents.model import Figure, Formula, Prose
from rot180.codegen.documents.passes import reach
from rot180.codegen.documents.story import sections, story
from rot180.codegen.documents.story_example import OTHER, Numbers, image, row, strided
from rot180.codegen.documents.story_layer import middle_layer
from rot180.codegen.documents.story_parts import Parts, parts
from rot180.codegen.documents.story_tables import KERNELS, sizes
from rot180.codegen.figures.shapes import Cell
from rot180.codegen.figures.survivors import survivors
from rot180.codegen.system.files import resource
from rot180.derive.language.notation import parse_expression
from rot180.derive.language.polynomial import symbol
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.semantics.check import check
from rot180.derive.theorems import claims

WORDS = resource("documents", "static/why_rotated.txt")


@pytest.fixture(scope="module")
def found() -> Parts:
    return parts()


def test_words_contain_no_formula_and_no_number() -> None:
    without_code = re.sub(r"`[^`]*`|\{\w+\}|^@\w+$", "", WORDS, flags=re.M)
    assert not re.findall(r"[0-9$\\=+^]", without_code)


def test_text_uses_every_part_and_no_other(found: Parts) -> None:
    named = set(re.findall(r"\{(\w+)\}", WORDS))
    drawn = {f"figure_{n}" for n, (b, *_) in found.blocks.items() if isinstance(b, Figure)}
    assert named == {*found.texts, *drawn}  # so each figure is cited
    assert set(re.findall(r"^@(\w+)$", WORDS, flags=re.M)) == set(found.blocks)


@pytest.mark.parametrize("text", ["# One\n\nThe {missing} one.", "# One\n\n@missing"])
def test_unknown_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"why_rotated.txt: .*missing.*: expected one of"):
        list(sections(text, Parts({}, {})))


def test_sections_have_words_figures_and_their_own_anchors() -> None:
    chapter = story()
    assert len({s.anchor for s in chapter}) == len(chapter) >= 12
    blocks = [b for s in chapter for b in s.blocks]
    assert sum(isinstance(b, Figure) for b in blocks) >= 10
    words = sum(len(str(p).split()) for b in blocks if isinstance(b, Prose) for p in b.parts)
    assert 1500 < words < 4000


def test_cited_theorems_are_registered(found: Parts) -> None:
    cited = {n for t in found.texts.values() for n in re.findall(r"\\hyperref\[([\w-]+)\]", t)}
    assert cited
    assert cited <= {name.replace("_", "-") for name in claims()}


@pytest.mark.parametrize("numbers", [row(), image(), strided()], ids=["row", "image", "strided"])
def test_numbers_follow_from_the_definition(numbers: Numbers) -> None:
    x, w, g = (numbers.arrays[name] for name in ("x", "w", "grad_y"))
    s = numbers.parameters.get("s", 1)
    y, dx, dw = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for p in np.ndindex(*g.shape):
        for k in np.ndindex(*w.shape):
            at = tuple(s * i + j for i, j in zip(p, k, strict=True))
            y[p] += x[at] * w[k]
            dx[at] += g[p] * w[k]
            dw[k] += g[p] * x[at]
    for name, expected in (("y", y), ("grad_x", dx), ("grad_w", dw)):
        np.testing.assert_array_equal(numbers.results[name], expected)


def test_example_is_that_of_the_source() -> None:
    assert (image().results["y"] == -6).all()


@pytest.mark.parametrize(
    ("read", "word"),
    [("x[p+k]", "valid"), ("g[h+k-K+1]", "full"), ("g[h-k]", "full"), ("x[p+k-1]", "")],
)
def test_pass_is_known_by_its_first_place(read: str, word: str) -> None:
    free = [symbol("p"), symbol("h")]
    assert reach(parse_expression(f"sum[k] {read} * w[k]", variables=free)) == word


def test_only_the_second_kernel_tells_a_rotation_from_a_mirror() -> None:
    _, *wrong = KERNELS.values()
    first, second = image(), image(OTHER)
    at = first.sample.chosen()
    for case in (first, second):
        assert case.value(KERNELS["rotated by half a turn"], *at) == case.results["grad_x"][at]
        values = [case.value(text, *at) for text in wrong]
        kept = [value == case.results["grad_x"][at] for value in values]
        assert kept == ([True, False] if case is first else [False, False])
    for text in wrong:
        with pytest.raises(NotProvedError):
            first.stated("x", text)


def test_layer_of_the_steps_is_its_definition() -> None:
    back, weight = middle_layer()
    assert [reach(t.rhs) for t in (back, weight)] == ["full", "valid"]
    assert all(check(t).counterexample is None for t in (back, weight))


@pytest.mark.parametrize("numbers", [row(), strided()], ids=["row", "strided"])
def test_sizes_are_those_of_the_example(numbers: Numbers) -> None:
    env = {**numbers.sizes, "s": numbers.parameters.get("s", 1)}
    found = {k: v.strip("$") for k, v in sizes(numbers).items()}
    said = found["outputs"].replace("\\lfloor", "(").replace("\\rfloor", ")").replace("/", "//")
    left, right = said.split("=")
    assert eval(left, {}, env) == eval(right, {}, env)
    spread = found["reached"].replace("(", "*(").lstrip("*").removeprefix("1*")
    over = eval(found["left_over"].replace("\\bmod", "%"), {}, env)
    assert eval(spread, {}, env) + over == env["H"]


def test_survivors_lie_on_a_diagonal() -> None:
    shapes = survivors(row().sample).shapes
    strong = sorted(s.at for s in shapes if isinstance(s, Cell) and s.look == "strong")
    assert strong == [(0, 2), (1, 1), (2, 0)]
    assert len([s for s in shapes if isinstance(s, Cell)]) == 9


def test_statements_are_proved_and_false_ones_are_not() -> None:
    other = replace(row(), text="y[p] = sum[k] x[p+2-k] * w[k]")
    assert row().stated("x", "sum[p] grad_y[p] * w[h-p]").proof.steps
    with pytest.raises(NotProvedError):
        other.stated("x", "sum[p] grad_y[p] * w[h-p]")


def test_formulas_change_with_the_forward_pass() -> None:
    other = replace(row(), text="y[p] = sum[k] x[p+2-k] * w[k]")
    assert isinstance(row().forward(), Formula)
    assert other.forward() != row().forward()
    assert other.entry(other.gradient, 2) != row().entry(row().gradient, 2)
    assert not np.array_equal(other.results["grad_x"], row().results["grad_x"])
