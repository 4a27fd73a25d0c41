"""Proof scripts: every step of a proof becomes a lemma that `coqc` checks.

The statement is printed from the theorem's variables, hypotheses and two sides alone. The lemmas
are printed from the proof's steps, one tactic for each rule. The theorem at the end has the
statement as its type. Sums in a script run from -bound to bound, and an equation is proved for
every bound that is large enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rot180.codegen.rocq.finiteness import finite, with_plain_line
from rot180.codegen.rocq.identifiers import Names, ScriptError, functions_of
from rot180.codegen.rocq.lemma_proof import CitedModule, LemmaProof, outside
from rot180.codegen.rocq.printer import Printer, relations_of
from rot180.codegen.rocq.statement import (
    ScriptStatement,
    defined,
    differentiated,
    inverted,
    lifts,
    mentioned,
    parameters,
    state,
    theorem_name,
)
from rot180.codegen.rocq.steps import prove_step
from rot180.codegen.rocq.tensor_lemmas import TensorLemma, box_lemma, value_lemma
from rot180.codegen.system.files import resource
from rot180.codegen.system.templates import template
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Condition, Expression, Tensor

LIBRARY = "finite_sums"
"""The library that every script needs: finite sums, brackets and dual numbers, written by hand."""

ROUNDING = "rounding"
"""The theorem on rounding, written by hand; it needs the library."""

STATED, CLAIMED = "stated", "claimed"
"""The files that compare a script of other origin with a statement."""


@dataclass(frozen=True)
class StepLemma:
    """The lemma of one step; its fields are text of the script or numbers of lines."""

    number: int
    title: str
    before: int
    premises: tuple[str, ...]
    tactics: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """The proof of a theorem; its fields are text of the script or numbers of lines and steps.

    Attributes:
        name: the theorem's identifier.
        header: the lines of the comment at the top.
        library: the library that the script requires.
        modules: the cited theorems, each a module.
        definitions: the tensors that occur in the proof but not in the statement.
        tensor_lemmas: the lemmas about defined tensors.
        nested: whether a step is applied inside a derivative.
        lines: the lines of the proof.
        lemmas: the lemma of each step.
        finiteness: the lemma that one of the lines, the middle, is a finite sum.
        premises: lower limits for the bound of the sums.
        least: their maximum.
        forward: the steps from the first line to the middle.
        backward: the steps from the last line back to the middle, if that comes before it.
        onward: the steps from the last line on to the middle, if that comes after it.
        last: the number of the last line of the theorem.

    """

    name: str
    header: tuple[str, ...]
    library: str
    modules: tuple[str, ...]
    definitions: tuple[str, ...]
    tensor_lemmas: tuple[TensorLemma, ...]
    nested: bool
    lines: tuple[str, ...]
    lemmas: tuple[StepLemma, ...]
    finiteness: StepLemma | None
    premises: tuple[str, ...]
    least: str
    forward: tuple[int, ...]
    backward: tuple[int, ...]
    onward: tuple[int, ...]
    last: int


def script(theorem: Theorem) -> str:
    """Return the text of the proof script of a theorem.

    Args:
        theorem: a replayed proof.

    Raises:
        ScriptError: scripts do not cover a step.

    """
    names, claimed = _stated(theorem)
    proof = _script(theorem, names)
    return template("rocq", "proof.v.jinja").render(script=proof, statement=claimed)


def statement(
    variables: Variables,
    hypotheses: Sequence[Condition],
    lhs: Expression,
    rhs: Expression,
    divisors: Sequence[Tensor] = (),
) -> str:
    """Return the text of a statement, as it is in the script of its proof.

    Args:
        variables: the free indices, each with the size of its axis or None.
        hypotheses: conditions on the parameters.
        lhs: the left side.
        rhs: the right side.
        divisors: the tensors that are assumed to have inverses.

    """
    _, claimed = state(variables, hypotheses, lhs, rhs, divisors)
    return template("rocq", "statement.v.jinja").render(statement=claimed)


def library() -> str:
    """Return the text of the library that the scripts need."""
    return resource("rocq", f"{LIBRARY}.v")


def rounding() -> str:
    """Return the text of the theorem on rounding."""
    return resource("rocq", f"{ROUNDING}.v")


def statement_files(theorem: Theorem, given: str, name: str) -> dict[str, str]:
    """Return two files: a theorem's statement, and its proof by a theorem of a given file.

    Args:
        theorem: a replayed proof; its steps are not used.
        given: the name of the file with the other proof.
        name: the theorem in it.

    """
    _, claimed = _stated(theorem)
    of = {"library": LIBRARY, "statement": claimed, "stated": STATED, "given": given}
    return {
        file: template("rocq", f"{file}.v.jinja").render(theorem=name, **of)
        for file in (STATED, CLAIMED)
    }


def _stated(theorem: Theorem) -> tuple[Names, ScriptStatement]:
    """Return the statement of a theorem, and the identifiers in it."""
    sides = theorem.lhs, theorem.rhs
    return state(theorem.variables, theorem.hypotheses, *sides, theorem.divisors)


def theorem_identifier(theorem: Theorem) -> str:
    """Return the identifier of a theorem in its script."""
    names, _ = _stated(theorem)
    return theorem_name(theorem.name, names)


def file_name(theorem: Theorem) -> str:
    """Return the file name of a theorem's script."""
    return f"{theorem.name.replace('.', '_')}.v"


def scripts(theorems: Iterable[Theorem]) -> dict[str, str]:
    """Return file name to text: the libraries and the script of each theorem.

    Args:
        theorems: replayed proofs.

    Raises:
        ScriptError: scripts do not cover a proof, or two file names differ in case at most.

    """
    texts = {f"{LIBRARY}.v": library(), f"{ROUNDING}.v": rounding()}
    for theorem in theorems:
        name = file_name(theorem)
        if name.lower() in {file.lower() for file in texts}:
            raise ScriptError(
                f"{theorem.name}: {name} is also the script of another theorem; rename one"
            )
        texts[name] = script(theorem)
    return texts


def _lemma(theorem: Theorem, proof: LemmaProof, number: int) -> StepLemma:
    step = theorem.proof.steps[number - 1]
    before, after = theorem.lines[number - 1], theorem.lines[number]
    if step.reverse:
        before, after = after, before
    proof.add(f"unfold line_{number - 1}, line_{number}.")
    if step.reverse:
        proof.add("symmetry.")
    try:
        prove_step(proof, Place(before, step.at, theorem.conditions), after)
    except ScriptError as error:
        raise ScriptError(f"{theorem.name}, step {number} ({step.rule}): {error}") from error
    title = step.rule + (", from right to left" if step.reverse else "")
    title += ", under a derivative" if step.inside is not None else ""
    return StepLemma(number, title, number - 1, tuple(proof.premises), tuple(proof.tactics))


def _finiteness(theorem: Theorem, names: Names) -> StepLemma:
    """Prove that one of the lines is a finite sum: a larger bound adds nothing."""
    problems = []
    for number, line in enumerate(theorem.lines):
        proof = LemmaProof(theorem, names)
        try:
            finite(proof, number, line)
        except ScriptError as error:
            problems.append(str(error))
            continue
        return StepLemma(number, "", number, tuple(proof.premises), tuple(proof.tactics))
    reasons = ", ".join(dict.fromkeys(problems))
    raise ScriptError(f"{theorem.name}: no line is a finite sum: {reasons}")


def _citations(theorem: Theorem, prefix: str) -> tuple[dict[Proof, CitedModule], tuple[str, ...]]:
    """Return the theorems that the steps cite, and their texts as modules with a name prefix."""
    cites: dict[Proof, CitedModule] = {}
    texts = []
    for step in theorem.proof.steps:
        proof = dict(step.arguments).get("theorem")
        if isinstance(proof, Proof) and proof not in cites:
            found, text = _module(replay(proof), f"{prefix}_{len(cites) + 1}")
            cites[proof] = found
            texts.append(text)
    return cites, tuple(texts)


def _module(theorem: Theorem, name: str) -> tuple[CitedModule, str]:
    """Return a theorem and its text as a module that other scripts can cite."""
    sides = (theorem.lhs, theorem.rhs)
    names, claimed = state(theorem.variables, theorem.hypotheses, *sides)
    stated = mentioned(sides)
    parts = [f"line_{n}" for n in sorted({0, len(theorem.lines) - 1})]
    parts += [lift.identifier for lift in lifts(names, sides)]
    parts += [names.tensors[t.name] for t in stated if t.definition]
    cited = CitedModule(
        name,
        theorem,
        parameters(theorem.variables, theorem.hypotheses, *sides),
        tuple(dict.fromkeys(functions_of((*theorem.lhs, *theorem.rhs)))),
        tuple(relations_of(theorem.lhs, theorem.rhs)),
        tuple(t for t in stated if t.definition is None),
        tuple(f"{name}.{part}" for part in parts),
    )
    text = template("rocq", "cited.v.jinja").render(
        module=name,
        reach=" ".join(map(Printer(names).variable, cited.variables)),
        script=_script(theorem, names, module=name),
        statement=claimed,
    )
    return cited, text


def _script(theorem: Theorem, names: Names, module: str = "") -> Script:
    """Lay out the proof of a theorem; in a module, its steps only."""
    last = len(theorem.lines) - 1
    sides, header = (theorem.lhs, theorem.rhs, inverted(theorem.divisors)), _header(theorem)
    stated, name = mentioned(sides), theorem_name(theorem.name, names)
    if not module:
        theorem = with_plain_line(theorem)
    _require_covered(theorem, sides)
    names = names.extended(theorem.lines)
    lifted, pairs = lifts(names, theorem.lines), tuple(differentiated(theorem.lines))
    definitions = [lift.text() for lift in lifted if lift not in lifts(names, sides)]
    definitions += [defined(names, t) for t in mentioned(theorem.lines) if t not in stated]
    cites, modules = _citations(theorem, module or "cited")
    identifiers = tuple(lift.identifier for lift in lifted)
    lemmas = tuple(
        _lemma(
            theorem, LemmaProof.for_step(theorem, names, n + 1, cites, identifiers, pairs), n + 1
        )
        for n in range(len(theorem.proof.steps))
    )
    finiteness = None if module else _finiteness(theorem, names)
    ends = (*lemmas, finiteness) if finiteness else lemmas
    premises = tuple(dict.fromkeys(p for end in ends for p in end.premises))
    least = "0"
    for p in reversed(premises):
        least = f"Z.max ({p}) ({least})"
    middle = finiteness.number if finiteness else last
    return Script(
        name=name,
        header=header,
        library=LIBRARY,
        modules=modules,
        definitions=tuple(definitions),
        tensor_lemmas=(
            *(box_lemma(names, t) for t in _boxed_tensors(theorem, names, ends)),
            *(value_lemma(LemmaProof(theorem, names, pairs=pairs), *p) for p in pairs),
        ),
        nested=any(step.inside is not None for step in theorem.proof.steps),
        lines=tuple(map(Printer(names).expression, theorem.lines)),
        lemmas=lemmas,
        finiteness=finiteness,
        premises=premises,
        least=least,
        forward=tuple(range(1, middle + 1)),
        backward=tuple(range(last, middle, -1)),
        onward=tuple(range(last + 1, middle + 1)),
        last=last,
    )


def _boxed_tensors(theorem: Theorem, names: Names, ends: Sequence[StepLemma]) -> list[Tensor]:
    """Return the defined tensors that lemmas use as zero outside their box."""
    tactics = {tactic for end in ends for tactic in end.tactics}
    return [
        t
        for t in mentioned(theorem.lines)
        if t.definition and any(f"({outside(names, t)}" in tactic for tactic in tactics)
    ]


def _require_covered(theorem: Theorem, sides: Sequence[Expression]) -> None:
    """Refuse a proof with names that do not occur in the statement."""
    free = {t.name for t in mentioned(sides) if t.definition is None}
    for t in mentioned(theorem.lines):
        if t.definition is None and t.name not in free:
            raise ScriptError(f"{theorem.name}: {t.name} occurs in the proof, not in the statement")
    known = {pair for side in sides for pair in functions_of(side)}
    for line in theorem.lines:
        for f, order in functions_of(line):
            if (f, order) not in known:
                name = f"{f}{order * chr(39)}"
                raise ScriptError(
                    f"{theorem.name}: {name} occurs in the proof, not in the statement"
                )
    bound = {v for line in theorem.lines for t in line for v in t.variables}
    for v in parameters(theorem.variables, theorem.hypotheses, *sides):
        if v in bound:
            raise ScriptError(f"{theorem.name}: {v} is both a parameter and the index of a sum")


def _header(theorem: Theorem) -> tuple[str, ...]:
    return (
        "Generated by rot180 from a proved theorem; do not edit.",
        f"Theorem: {theorem.name}, proof {theorem.proof.digest}",
        *(f"  {_commented(line)}" for line in str(theorem).splitlines()),
        "Regenerate: rot180 generate",
    )


def _commented(text: str) -> str:
    """Write a text so that it neither ends its comment nor opens another."""
    return text.replace("(*", "( *").replace("*)", "* )").replace('"', "'")
