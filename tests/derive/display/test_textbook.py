"""Brackets that textbooks leave out change no value."""

import pytest

from rot180.derive.display.textbook import without_implied_brackets
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.terms import Apply, Derivative, Range, Tensor, tensors, term
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model
from rot180.derive.theorems import theorems

N, P, n, p = map(symbol, ("N", "P", "n", "p"))
G = Tensor("g", (P,))


@pytest.mark.parametrize(
    ("factors", "kept"),
    [
        ((G[(p,)], Range(p, P)), 1),
        ((G[(p,)], Range(p, N)), 2),
        ((G[(p + 1,)], Range(p, P)), 2),
        ((G[(p + 1,)], Range(p + 1, P)), 1),
        ((Range(p, P), Range(n, P)), 2),
        ((Range(n, N), G[(p,)]), 1),
        ((Derivative((G[(p,)],), G[(n,)]), Range(p, P)), 1),
        ((Derivative((Apply("exp", 0, G[(p,)]),), G[(n,)]), Range(p, P)), 2),
        ((Range(p, P), Range(p, P)), 1),
        ((G[(p,)], G[(p,)], Range(p, P)), 2),
    ],
)
def test_a_bracket_is_left_out_where_an_entry_or_an_index_has_its_box(
    factors: tuple[object, ...], kept: int
) -> None:
    (left,) = without_implied_brackets((term(*factors),), ((n, N),))  # type: ignore[arg-type]
    assert len(left.factors) == kept


def test_no_line_of_a_proof_changes_its_value() -> None:
    """At small sizes, with arrays of the model, inside the box of the free indices."""
    changed = 0
    for proved in theorems():
        for line in proved.lines:
            short = without_implied_brackets(line, proved.variables)
            if short == line:
                continue
            changed += 1
            free = {v for v, _ in proved.variables}
            named = {s for u in line for s in u.symbols - {*u.variables}}
            named |= {s for one in tensors(line) for s in one.parameters}
            named |= {s for _, size in proved.variables if size for s in symbols_of(size)}
            model = Model(dict.fromkeys(named - free, 2))
            at = {v: 1 for v, _ in proved.variables}
            assert evaluate(line, model, at) == evaluate(short, model, at)
    assert changed > 100
