"""Long lines: their first terms are shown and the others counted; the work is bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rot180.derive.display import line_breaks
from rot180.derive.display.abbreviate import abbreviated
from rot180.derive.display.equations import Display, EquationLine, aligned
from rot180.derive.display.mathml import rows
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.display.statement import write_theorem
from rot180.derive.display.terms_latex import Letters
from rot180.derive.display.width import width
from rot180.derive.gradients.gradient import gradient
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Access, Expression, Term, tensor, term

PAIRS = "y[i] = (x[i]+z[i]) * (u[i]+v[i]) * (a[i]+b[i])"


def entries(names: str) -> Expression:
    return tuple(term(tensor(name, "I")[symbol("i")]) for name in names.split())


def chain(*sums: str) -> Display:
    lines = [EquationLine("", entries(names), f"reason {n}", Letters()) for n, names in
             enumerate(sums)]
    return (replace(lines[0], left="y"), *lines[1:])


def shown(lines: Display) -> list[tuple[str, int, str]]:
    """Return the names of the terms of each line, how many more there are, and the remark."""
    return [
        (" ".join(f.tensor.name for t in line.right for f in t.factors if isinstance(f, Access)),
         line.more, line.remark)
        for line in lines
    ]  # fmt: skip


def test_a_long_line_shows_its_first_terms_and_counts_the_others() -> None:
    lines = chain("a b c", "a b c d", "a b c d e")
    assert shown(abbreviated(lines, 3)) == [
        ("a b c", 0, "reason 0"),
        ("a b c", 2, "1 step not shown; reason 2"),
    ]
    assert abbreviated(lines, 5) == lines


def test_the_count_is_written_in_every_format() -> None:
    (line,) = abbreviated(chain("a b c d e"), 3)
    assert "a[i] + b[i] + c[i] + \\cdots\\ \\text{(2 more terms)}" in aligned((line,), 400)
    assert "(2\u00a0more\u00a0terms)" in rows((line,), 400)[0].rights[0]
    (line,) = abbreviated(chain("a b c d"), 3)
    assert "(1 more term)" in aligned((line,), 400)


def test_lines_that_look_like_the_one_before_are_counted_and_the_last_line_stays() -> None:
    lines = chain("a b c d", "a b c e", "a b c f", "a b g h", "a b g i", "a b g j")
    assert shown(abbreviated(lines, 3)) == [
        ("a b c", 1, "reason 0"),
        ("a b g", 1, "2 steps not shown; reason 3"),
        ("a b g", 1, "1 step not shown; reason 5"),
    ]


def test_of_many_long_lines_the_first_are_shown_and_the_last() -> None:
    lines = chain(*(f"{name} a b c" for name in "defghij"), "a", "b", "k a b c", "l a b c", "m a")
    said = [f"{names} {more} {remark}" for names, more, remark in shown(abbreviated(lines, 2, 3))]
    assert said == [
        "d a 2 reason 0",
        "e a 2 reason 1",
        "f a 2 reason 2",
        "a 0 4 steps not shown; reason 7",
        "b 0 reason 8",
        "m a 0 2 steps not shown; reason 11",
    ]


def test_a_line_with_a_left_side_stays() -> None:
    lines = tuple(replace(line, left="z") for line in chain("a b c d", "a b c e"))
    assert [line.more for line in abbreviated(lines, 3, 0)] == [1, 1]


def test_the_text_of_a_theorem() -> None:
    proved = gradient(layer(PAIRS), "x")
    text = write_theorem(proved, 3)
    assert "dL/dx[i] = grad_y[i] * u[i] * a[i] + grad_y[i] * u[i] * b[i]" in text
    assert "+ grad_y[i] * v[i] * a[i] + ... (1 more term)\n" in text
    assert "+ x[i] * v[i] * a[i] + ... (5 more terms), 0 <= i < I" in text
    assert write_theorem(proved, 8) == write_theorem(proved) == str(proved)


def test_what_is_typeset_does_not_grow_with_the_number_of_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def count(factors: int) -> int:
        pairs = "*".join(f"(a{n}[i]+b{n}[i])" for n in range(factors))
        lines = abbreviated(proof_lines(gradient(layer(f"y[i] = {pairs}"), "a0"), "full"), 4, 5)
        return typeset(monkeypatch, lambda: aligned(lines, 400))

    few, many = count(4), count(5)
    assert few <= 4 * (5 + 4)  # 5 long lines and the last, and the short ones at the beginning
    assert many == few


def typeset(monkeypatch: pytest.MonkeyPatch, write: Callable[[], str]) -> int:
    """Return how many terms are typeset."""
    seen: list[Term] = []
    atoms = Letters.atoms

    def counted(style: Letters, t: Term) -> list[str]:
        seen.append(t)
        return atoms(style, t)

    monkeypatch.setattr(Letters, "atoms", counted)
    write()
    monkeypatch.setattr(Letters, "atoms", atoms)
    return len(seen)


def test_each_part_of_a_long_line_is_measured_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []

    def counted(text: str) -> float:
        measured.append(len(text))
        return width(text)

    monkeypatch.setattr(line_breaks, "width", counted)
    for n in (10, 100, 1000):
        measured.clear()
        terms = [("+", [f"x_{{{k}}}", f"w_{{{k}}}"]) for k in range(n)]
        broken = line_breaks.in_rows(terms, 300)
        assert sum(measured) <= 3 * len("".join(broken)) + 60 * len(broken)
        assert all(width(row) <= 300 for row in broken)


def test_a_factor_that_is_too_wide_is_measured_up_to_the_edge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []

    def counted(text: str) -> float:
        measured.append(len(text))
        return width(text)

    monkeypatch.setattr(line_breaks, "width", counted)
    wide = "(" + "\\,".join(f"x_{{{k}}}" for k in range(500)) + ")"
    broken = line_breaks.in_rows([("", [wide])], 300)
    assert len(broken) > 10
    assert all(width(row) <= 300 for row in broken)
    assert max(sorted(measured)[: -3 * len(broken)]) < 300  # all but what is left of the factor
