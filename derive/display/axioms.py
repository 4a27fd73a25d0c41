"""The axioms of a theorem, as text."""

from __future__ import annotations

from rot180.derive.certificates.citations import cited
from rot180.derive.kernel.place import RULES, Place
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay_cited
from rot180.derive.language.scalar_functions import assumption, relation_text
from rot180.derive.language.terms import Apply


def axioms(theorem: Theorem) -> tuple[str, ...]:
    """List everything that a theorem relies on: rules, their assumptions, cited theorems."""
    rules: set[str] = set()
    functions: set[str] = set()
    facts: set[str] = set()
    lemmas = cited(theorem.proof)
    for one in (theorem, *map(replay_cited, lemmas)):
        for t in (t for line in one.lines for t in line):
            functions |= {f.function for f in t.factors if isinstance(f, Apply) and f.order > 0}
        for step, before, after in zip(one.proof.steps, one.lines, one.lines[1:], strict=False):
            rules.add(step.rule)
            if step.rule == "relate":
                place = Place(after if step.reverse else before, step.at, one.conditions)
                place = place if step.inside is None else place.inside(step.inside)
                used = place.factor(dict(step.arguments)["factor"])  # type: ignore[arg-type]
                facts |= (
                    {relation_text(used.function, used.order)} if isinstance(used, Apply) else set()
                )
    return (
        "the values form a commutative ring; the indices are the integers, an ordered ring",
        "every tensor is zero outside its box; every sum has finite support (checked)",
        *(f"rule {name}" for name in RULES if name in rules),
        *(assumption(name) for name in sorted(functions)),
        *sorted(facts),
        *(f"{t.name} * reciprocal({t.name}) = 1 in its box" for t in theorem.divisors),
        *(f"theorem {p.name}, proof {p.digest} (replayed)" for p in lemmas),
    )
