"""Says how what a plan computes differs from its theorem: by which loop, index, bound or phase."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rot180.derive.kernel.obligations import Goal
from rot180.derive.language.polynomial import coefficient, symbols_of, text
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Factor,
    Range,
    Term,
)
from rot180.derive.search.derivation import entry_index


def differences(
    expected: Term, found: Term, parts: Sequence[str], failed: Collection[Goal]
) -> str:
    """Describe how a nest differs from a term of the theorem.

    Args:
        expected: the term of the theorem.
        found: the nest, lifted.
        parts: the part of the plan that each factor of the nest was read from.
        failed: brackets of one that do not follow from the other.

    """
    said = [*_coefficients(expected, found), *_entries(expected, found, parts)]
    said += _brackets(expected, found, parts, failed)
    said += [] if said else _variables(expected, found)
    return "; ".join(dict.fromkeys(said)) or f"found {found}, expected {expected}"


def unlike(expected: Term, found: Term, parts: Sequence[str]) -> str:
    """Name the entries of a nest that no entry of the theorem is like, whatever the variables.

    Args:
        expected: the term of the theorem.
        found: the nest, lifted.
        parts: the part of the plan that each factor of the nest was read from.

    """
    known = [_slopes(expected, f) for f in expected.factors if isinstance(f, Access | Apply)]
    said = []
    for f, part in zip(found.factors, parts, strict=True):
        if isinstance(f, Access | Apply):
            if (slopes := _slopes(found, f)) in known:
                known.remove(slopes)
            else:
                said.append(f"{part} is read at {f}")
    return "; ".join(said)


def _slopes(t: Term, f: Access | Apply) -> tuple[object, ...]:
    """Return the array of an entry and, of each axis, the coefficients of the variables."""
    found = ([coefficient(e, v) for v in t.variables] for e in entry_index(f))
    return _array(f), *(tuple(sorted(str(abs(c)) for c in axis if c != 0)) for axis in found)


def _coefficients(expected: Term, found: Term) -> Iterator[str]:
    if expected.coefficient != found.coefficient:
        wanted = text(expected.coefficient)
        yield f"the coefficient is {text(found.coefficient)}, expected {wanted}"


def _entries(expected: Term, found: Term, parts: Sequence[str]) -> Iterator[str]:
    """Compare the entries that are read; equal ones are set aside first."""
    wanted = [f for f in expected.factors if isinstance(f, Access | Apply)]
    others = []
    for f, part in zip(found.factors, parts, strict=True):
        if isinstance(f, Access | Apply):
            if f in wanted:
                wanted.remove(f)
            else:
                others.append((f, part))
    for f, part in others:
        alike = next((g for g in wanted if _array(g) == _array(f)), None)
        if alike is None:
            yield f"{part} is read at {f}, which the theorem does not read"
        else:
            wanted.remove(alike)
            yield f"{part}: found {f}, expected {alike}"
    for f in wanted:
        yield f"{f} is not read"


def _array(f: Access | Apply) -> tuple[str, int, str]:
    if isinstance(f, Apply):
        return f.function, f.order, f.argument.tensor.name
    return "", 0, f.tensor.name


def _brackets(
    expected: Term, found: Term, parts: Sequence[str], failed: Collection[Goal]
) -> Iterator[str]:
    """Name the part of the plan that a failed bracket is from, or should follow from."""
    stated = dict(zip(found.factors, parts, strict=True))
    own = {f: part for f, part in stated.items() if f not in expected.factors}
    for b in failed:
        if b in stated:
            yield f"{stated[b]}: {b} does not follow from the theorem"
            continue
        alike = max(own, key=lambda f: _likeness(f, b), default=None)
        near = f"; {own[alike]} is {alike}" if alike and _likeness(alike, b) > (0, 0) else ""
        yield f"{b} of the theorem does not follow from the plan{near}"


def _likeness(f: Factor, b: Goal) -> tuple[int, int]:
    """Count what a factor has in common with a bracket."""
    if not isinstance(f, Equal | Range):
        return 0, 0
    shared = symbols_of(f.value) & symbols_of(b.value)
    return (type(f) is type(b)) + (f.value == b.value), len(shared)


def _variables(expected: Term, found: Term) -> Iterator[str]:
    ours, theirs = set(found.variables), set(expected.variables)
    for these, those, words in ((ours, theirs, "the theorem"), (theirs, ours, "the plan")):
        for v in sorted(these - those, key=lambda v: v.name):
            yield f"{words} does not sum over {v}"
