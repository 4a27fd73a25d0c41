"""Bounds of indices: how large the bound of the sums must be so that they omit no term."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Symbol

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.lemma_proof import LemmaProof, Support, inside
from rot180.derive.language.polynomial import coefficient, normal, primitive, symbols_of
from rot180.derive.language.terms import AtLeast, Equal, Factor, Range


def refute_beyond_bound(
    proof: LemmaProof, e: Expr, bound: Sequence[Symbol], supports: Sequence[Support]
) -> list[str]:
    """Return the tactics that refute ``bound < |e|``; the bound of e becomes a premise.

    Args:
        proof: the proof of the lemma.
        e: the index.
        bound: the variables that are bound around it.
        supports: conditions that hold there.

    Raises:
        ScriptError: no condition bounds the index.

    """
    search = IndexBounds(proof, frozenset((*proof.outer, *bound)), supports)
    reached, fact = search.of(e)
    proof.premises[reached] = None
    splits = [s.split for s in dict.fromkeys(search.used) if s.split]
    end = f"exfalso; apply (unreachable far {fact}); assumption."
    return [*splits, *search.tactics, end]


class IndexBounds:
    """Bounds of indices, each derived from others: ``near e u`` says ``|e| <= u``."""

    def __init__(
        self, proof: LemmaProof, variables: frozenset[Symbol], supports: Sequence[Support]
    ) -> None:
        self.proof, self.variables = proof, variables
        self.supports = [s for s in supports if isinstance(s.condition, Range | Equal)]
        hypotheses = proof.theorem.hypotheses
        self.moduli = [normal(c.value + 1) for c in hypotheses if isinstance(c, AtLeast)]
        self.known: dict[Symbol, tuple[str, str]] = {}
        self.used: list[Support] = []
        self.tactics: list[str] = []

    def of(self, e: Expr) -> tuple[str, str]:
        """Return a bound of an index and the name of the fact, with tactics that prove it added."""
        plain = self.proof.plain
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
        """Bound a variable by a condition whose other variables are bounded."""
        plain, c = self.proof.plain, coefficient(s.condition.value, v)
        name = plain.variable(v)
        if c in (1, -1):
            if found := self._by(v, s, name):
                self.known[v] = found
            return found is not None
        signed = (c, normal(-c))
        moduli = [abs(c)] if c.is_Integer else [m for m in signed if primitive(m) in self.moduli]
        if not moduli or c == 0:
            return False
        modulus = moduli[0]
        m = plain.argument(modulus)
        found = self._by(normal(modulus * v), s, f"({m} * {name})")
        if found is None:
            return False
        fact = self.proof.label("reach")
        self.tactics.append(f"pose proof (near_div {m} {name} _ ltac:(lia) {found[1]}) as {fact}.")
        self.known[v] = (found[0], fact)
        return True

    def _by(self, goal: Expr, s: Support, written: str) -> tuple[str, str] | None:
        """Bound an expression by a condition in which it occurs, up to sign."""
        for sign in (1, -1):
            rest = normal(sign * s.condition.value - goal)
            if self._ready(rest):
                parts, facts_ = self._size(rest)
                if isinstance(s.condition, Range):
                    parts.insert(0, f"Z.abs {self.proof.plain.argument(s.condition.size)}")
                self.used.append(s)
                return self._conclude(written, parts, facts_, s)
        return None

    def _size(self, e: Expr) -> tuple[list[str], list[tuple[str, str]]]:
        """Return bounds of the parts of an expression, and the facts that prove them."""
        plain = self.proof.plain
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
        name, reached = self.proof.label("reach"), " + ".join(parts) or "0"
        keep = [fact for fact, _ in used] + ([s.name] if s else [])
        more = "".join(tactic for _, tactic in used)
        self.tactics.append(f"assert ({name} : near {goal} ({reached})).")
        clear = f"clear - {' '.join(keep)}" if keep else "clear"
        self.tactics.append(f"{{ {clear}; {more}unfold near in *; lia. }}")
        return reached, name


def vanish(
    proof: LemmaProof,
    e: Expr,
    variables: Sequence[Symbol],
    inner: Sequence[Symbol],
    factors: Sequence[Factor],
) -> None:
    """Prove that a product under some sums is zero where ``|e|`` exceeds the bound."""
    proof.add(f"{{ intros far. {inside(proof, inner)}")
    for tactic in refute_beyond_bound(proof, e, variables, proof.supports(factors)):
        proof.add(tactic)
    proof.add("}")
