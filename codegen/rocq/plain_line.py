"""A line of a proof that is a plain sum of products: what shows that all its lines are finite."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.codegen.rocq.names import ScriptError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Access, Apply, Derivative, Expression
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import differentiate, unfold


def with_plain_line(theorem: Theorem) -> Theorem:
    """Return the theorem with steps added that carry out its right side, if no line is plain.

    Raises:
        ScriptError: the right side cannot be carried out.

    """
    if any(map(_is_plain, theorem.lines)):
        return theorem
    start = theorem.proof
    d = Derivation(start.name, start.variables, start.hypotheses, start.start)
    d.lines, d.steps = list(theorem.lines), list(start.steps)
    try:
        while not _is_plain(d.current):
            differentiate_inside(d)
            differentiate(d)
            unfold(d)
    except ValueError as error:
        raise ScriptError(f"{theorem.name}: no line is plain: {error}") from error
    return replay(d.proof())


def _is_plain(line: Expression) -> bool:
    return not any(
        isinstance(f, Derivative) or (isinstance(f, Access) and f.tensor.definition is not None)
        for t in line
        for f in t.factors
    )


def differentiate_inside(d: Derivation) -> None:
    """Carry out the derivatives that stand under others."""
    while found := next(_nested(d.current), None):
        at, number, factor, pending = found
        alone = pending.factors[0] if len(pending.factors) == 1 else None
        rule = "leibniz"
        if isinstance(alone, Apply):
            rule = "chain"
        elif isinstance(alone, Access):
            rule = "linearity" if alone.tensor.definition else "entry"
        d.apply_inside(number, rule, at, factor=factor)


def _nested(line: Expression) -> Iterator[tuple[int, int, int, Derivative]]:
    for at, t in enumerate(line):
        for number, f in enumerate(t.factors):
            for factor, g in enumerate(f.factors if isinstance(f, Derivative) else ()):
                if isinstance(g, Derivative) and not any(
                    isinstance(inner, Derivative) for inner in g.factors
                ):
                    yield at, number, factor, g
