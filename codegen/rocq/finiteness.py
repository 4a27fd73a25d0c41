"""The last lemma of a script: the sums are finite, so a larger bound adds nothing.

It is proved for a line that is a plain sum of products, without definitions and derivatives. If a
proof has no such line, steps are added that compute one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Symbol

from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.index_bounds import vanish
from rot180.codegen.rocq.lemma_proof import LemmaProof
from rot180.codegen.rocq.printer import boxes_of, in_ring
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import apart, fresh, substitute
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import differentiate, unfold


def finite(proof: LemmaProof, number: int, line: Expression) -> None:
    """Prove that the sums of a line are finite: a larger bound adds nothing.

    Raises:
        ScriptError: a factor is a defined tensor or a derivative, or an index has no bound.

    """
    applied = (f.argument.tensor for u in line for f in u.factors if isinstance(f, Apply))
    done: set[Tensor] = set()
    for argument in dict.fromkeys(applied):
        _steady(proof, argument, done)
    proof.add(f"unfold line_{number}.")
    if not line:
        proof.add("reflexivity.")
    for _ in line[1:]:
        proof.add("apply f_equal2.")
    for t in line:
        plain = all(
            isinstance(f, Equal | Range | Apply)
            or (isinstance(f, Access) and f.tensor.definition is None)
            for f in t.factors
        )
        if not plain:
            raise ScriptError("a factor is a defined tensor or a derivative")
        _more(proof, t, t.factors)
        inside = [f.argument.tensor for f in t.factors if isinstance(f, Apply)]
        again = "".join(f"rewrite ?{_steadiness(proof, u)}; " for u in inside if _is_summed(u))
        proof.add(f"{again}reflexivity. }}")


def _more(proof: LemmaProof, t: Term, factors: Sequence[Factor]) -> None:
    """Open a goal and prove that the sums of a term are zero beyond the smaller bound."""
    proof.add("{")
    for n, v in enumerate(t.variables):
        inner = t.variables[n + 1 :]
        proof.add("apply total_more; [lia | |].")
        proof.add(f"{{ intros {proof.plain.variable(v)}.")
        vanish(proof, v, t.variables, inner, factors)
        proof.add("}")
        proof.add(f"intro {proof.plain.variable(v)}.")


def _is_summed(t: Tensor) -> bool:
    """Say whether there is a sum in a tensor's definition."""
    return any(
        u.variables or any(_is_summed(a.tensor) for a in _accesses(u.factors))
        for u in (t.definition.body if t.definition else ())
    )


def _accesses(factors: Sequence[Factor]) -> list[Access]:
    return [f for f in accesses_and_brackets(factors) if isinstance(f, Access)]


def _apart(proof: LemmaProof, t: Tensor) -> tuple[list[Term], list[Symbol]]:
    """Return the terms of a definition with fresh variables, and the fresh indices."""
    assert t.definition is not None
    taken = {symbol(word) for word in proof.names.symbols}
    index: list[Symbol] = []
    for v in t.definition.formals:
        index.append(fresh(v, taken | set(index)))
    new = dict(zip(t.definition.formals, index, strict=True))
    taken |= set(index)
    return [apart(substitute(b, new), taken) for b in t.definition.body], index


def _steadiness(proof: LemmaProof, t: Tensor) -> str:
    return f"steady_{proof.names.tensors[t.name]}"


def _steady(proof: LemmaProof, t: Tensor, done: set[Tensor]) -> None:
    """Prove, once, that a tensor is a finite sum at each index: a larger bound adds nothing."""
    if t in done or not _is_summed(t):
        return
    done.add(t)
    name, bodies, index = proof.names.tensors[t.name], *_apart(proof, t)
    proof.names = proof.names.with_variables(v for u in bodies for v in u.symbols)
    inside = [a.tensor for u in bodies for a in _accesses(u.factors)]
    defined = [u for u in dict.fromkeys(inside) if u.definition is not None]
    for inner in defined:
        _steady(proof, inner, done)
    at = "".join(f" {proof.plain.variable(v)}" for v in index)
    whole = proof.plain.tensor(t)
    less = whole.replace(f"{name} bound", f"{name} least", 1)
    intros = f"intros{at}. " if at else ""
    forall = f"forall{at}, " if at else ""
    proof.add(f"assert ({_steadiness(proof, t)} : {forall}{whole}{at} = {less}{at}{in_ring(t)}).")
    proof.add(f"{{ {intros}unfold {name}.")
    outer, known = proof.outer, proof.known
    proof.outer = (*outer, *index)
    for box in boxes_of(t, index):
        fact, arguments, decide, outside, _ = proof.bracket(box)
        out = f"rewrite ?({outside} _ {arguments} {fact})"
        proof.add(f"destruct ({decide}) as [{fact} | {fact}]; [| {out}; void].")
        proof.add("apply f_equal2; [reflexivity |].")
        proof.known = (*proof.known, (box, fact))
    for _ in bodies[1:]:
        proof.add("apply f_equal2.")
    again = "".join(f"rewrite ?{_steadiness(proof, u)}; " for u in defined if _is_summed(u))
    for u in bodies:
        _more(proof, u, u.factors)
        proof.add(f"{again}reflexivity. }}")
    proof.add("}")
    proof.outer, proof.known = outer, known


def with_plain_line(theorem: Theorem) -> Theorem:
    """Add steps that compute a plain line from the right side, if the theorem has no plain line.

    Raises:
        ScriptError: no plain line can be computed.

    """
    if any(map(_is_plain, theorem.lines)):
        return theorem
    d = Derivation.continuing(theorem)
    try:
        while not _is_plain(d.current):
            differentiate_inside(d)
            differentiate(d)
            unfold(d)
    except ValueError as error:
        raise ScriptError(f"{theorem.name}: no line is a plain sum: {error}") from error
    return replay(d.proof())


def _is_plain(line: Expression) -> bool:
    return not any(
        isinstance(f, Derivative) or (isinstance(f, Access) and f.tensor.definition is not None)
        for t in line
        for f in t.factors
    )


def differentiate_inside(d: Derivation) -> None:
    """Compute the derivatives that are inside other derivatives."""
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
