"""How far from 0 an index can be: what the bound of the sums must not be less than."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Symbol

from rot180.codegen.rocq.case import Case, Support, inside
from rot180.codegen.rocq.names import ScriptError
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.terms import AtLeast, Equal, Factor, Range


def reach(
    case: Case, e: Expr, bound: Sequence[Symbol], supports: Sequence[Support]
) -> list[str]:
    """Return the tactics that refute ``bound < |e|``; how far e reaches becomes a premise.

    Args:
        case: the lemma.
        e: the index.
        bound: the variables that are bound where it stands.
        supports: what holds there.

    Raises:
        ScriptError: nothing bounds the index.

    """
    search = Reach(case, frozenset((*case.outer, *bound)), supports)
    reached, fact = search.of(e)
    case.premises[reached] = None
    splits = [s.split for s in dict.fromkeys(search.used) if s.split]
    end = f"exfalso; apply (unreachable far {fact}); assumption."
    return [*splits, *search.tactics, end]


class Reach:
    """Bounds of indices, one from the other: ``near e u`` says ``|e| <= u``."""

    def __init__(
        self, case: Case, variables: frozenset[Symbol], supports: Sequence[Support]
    ) -> None:
        self.case, self.variables = case, variables
        self.supports = [s for s in supports if isinstance(s.condition, Range | Equal)]
        hypotheses = case.theorem.hypotheses
        self.moduli = [normal(c.value + 1) for c in hypotheses if isinstance(c, AtLeast)]
        self.known: dict[Symbol, tuple[str, str]] = {}
        self.used: list[Support] = []
        self.tactics: list[str] = []

    def of(self, e: Expr) -> tuple[str, str]:
        """Return a bound of an index, and the name of the fact; prove it on the way."""
        plain = self.case.plain
        if symbols_of(e) & self.variables:
            for s in self.supports:
                if found := self._by(e, s, plain.argument(e)):
                    return found
        progress = True
        while progress and not self._ready(e):
            progress = any(
                self._variable(v, s)
                for s in self.supports
                for v in sorted(symbols_of(s.condition.value), key=lambda v: v.name)
                if v in self.variables and v not in self.known
            )
        if not self._ready(e):
            raise ScriptError(f"no bound found for {e}")
        return self._conclude(plain.argument(e), *self._size(e), None)

    def _ready(self, e: Expr) -> bool:
        return symbols_of(e) & self.variables <= self.known.keys()

    def _variable(self, v: Symbol, s: Support) -> bool:
        """Bound a variable by a condition in which it alone is not yet bounded."""
        plain, c = self.case.plain, coefficient(s.condition.value, v)
        name = plain.variable(v)
        if c in (1, -1):
            if found := self._by(v, s, name):
                self.known[v] = found
            return found is not None
        moduli = (abs(c),) if c.is_Integer and c != 0 else self.moduli
        modulus = next((m for m in moduli if m in (c, normal(-c))), None)
        if modulus is None:
            return False
        m = plain.argument(modulus)
        found = self._by(normal(modulus * v), s, f"({m} * {name})")
        if found is None:
            return False
        fact = self.case.label("reach")
        self.tactics.append(f"pose proof (near_div {m} {name} _ ltac:(lia) {found[1]}) as {fact}.")
        self.known[v] = (found[0], fact)
        return True

    def _by(self, goal: Expr, s: Support, written: str) -> tuple[str, str] | None:
        """Bound an expression by one condition in which it stands up to sign."""
        for sign in (1, -1):
            rest = normal(sign * s.condition.value - goal)
            if self._ready(rest):
                parts, facts_ = self._size(rest)
                if isinstance(s.condition, Range):
                    parts.insert(0, f"Z.abs {self.case.plain.argument(s.condition.size)}")
                self.used.append(s)
                return self._conclude(written, parts, facts_, s)
        return None

    def _size(self, e: Expr) -> tuple[list[str], list[tuple[str, str]]]:
        """Return what bounds the parts of an expression, and the facts that say so."""
        plain = self.case.plain
        parts, used = [], []
        for v in sorted(symbols_of(e) & self.variables, key=lambda v: v.name):
            c = coefficient(e, v)
            e = normal(e - c * v)
            reached, fact = self.known[v]
            if c in (1, -1):
                parts.append(reached)
                used.append((fact, ""))
            else:
                written = plain.argument(c)
                parts.append(f"Z.abs {written} * ({reached})")
                name = plain.variable(v)
                used.append((fact, f"pose proof (near_mul {written} {name} _ {fact}); "))
        if e != 0:
            parts.append(f"Z.abs {plain.argument(e)}")
        return parts, used

    def _conclude(
        self, goal: str, parts: list[str], used: list[tuple[str, str]], s: Support | None
    ) -> tuple[str, str]:
        name, reached = self.case.label("reach"), " + ".join(parts) or "0"
        keep = [fact for fact, _ in used] + ([s.name] if s else [])
        more = "".join(tactic for _, tactic in used)
        self.tactics.append(f"assert ({name} : near {goal} ({reached})).")
        clear = f"clear - {' '.join(keep)}" if keep else "clear"
        self.tactics.append(f"{{ {clear}; {more}unfold near in *; lia. }}")
        return reached, name


def vanish(
    case: Case,
    e: Expr,
    variables: Sequence[Symbol],
    inner: Sequence[Symbol],
    factors: Sequence[Factor],
) -> None:
    """Prove that a product under some sums is zero where e is out of reach."""
    case.say(f"{{ intros far. {inside(case, inner)}")
    for tactic in reach(case, e, variables, case.supports(factors)):
        case.say(tactic)
    case.say("}")
