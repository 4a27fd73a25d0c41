"""Proof scripts: every step of a proof as a lemma that `coqc` checks.

The statement is printed from the theorem's variables, hypotheses and two sides alone; the lemmas
are printed from the proof's steps, one tactic per rule; the last theorem has the statement as its
type. Sums run over -bound .. bound in the script, and an equation holds from some bound on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rot180.codegen.rocq.case import Case, Cited, outside
from rot180.codegen.rocq.finiteness import finite
from rot180.codegen.rocq.names import Names, ScriptError, function_name, functions_of
from rot180.codegen.rocq.plain_line import with_plain_line
from rot180.codegen.rocq.printer import Printer, made_from, made_with, relations_of
from rot180.codegen.rocq.statement import (
    Lift,
    defined,
    differentiated,
    lifts,
    mentioned,
    parameters,
    state,
    theorem_name,
)
from rot180.codegen.rocq.steps import show
from rot180.codegen.system.templates import template
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import Condition, Expression, Tensor, tensors

LIBRARY = "finite_sums"
"""The file that every script needs: finite sums, brackets and dual numbers, written by hand."""

STATED, CLAIMED = "stated", "claimed"
"""The files by which somebody else's proof is compared with a statement."""


@dataclass(frozen=True)
class Lemma:
    """One step, as the template lays it out."""

    number: int
    title: str
    before: int
    premises: tuple[str, ...]
    tactics: tuple[str, ...]


@dataclass(frozen=True)
class About:
    """A lemma about a defined tensor over any ring; its fields are text."""

    name: str
    binders: str
    claim: str
    tactic: str


@dataclass(frozen=True)
class Script:
    """A proof, as the template lays it out; every field is text of the proof language."""

    name: str
    header: tuple[str, ...]
    library: str
    cited: tuple[str, ...]
    between: tuple[str, ...]
    about: tuple[About, ...]
    deep: bool
    lines: tuple[str, ...]
    lemmas: tuple[Lemma, ...]
    stable: Lemma | None
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
        ScriptError: a step is beyond what scripts cover.

    """
    names, claimed = state(theorem.variables, theorem.hypotheses, theorem.lhs, theorem.rhs)
    proof = _script(theorem, names)
    return template("rocq", "proof.v.jinja").render(script=proof, statement=claimed)


def statement(
    variables: Variables, hypotheses: Sequence[Condition], lhs: Expression, rhs: Expression
) -> str:
    """Return the text of a statement, as it stands in the script of its proof.

    Args:
        variables: the free indices, each with the size of its axis or None.
        hypotheses: conditions on the parameters.
        lhs: the left side.
        rhs: the right side.

    """
    _, claimed = state(variables, hypotheses, lhs, rhs)
    return template("rocq", "statement.v.jinja").render(statement=claimed)


def library() -> str:
    """Return the text of the library that the scripts need."""
    return template("rocq", f"{LIBRARY}.v.jinja").render()


def claim(theorem: Theorem, given: str, name: str) -> dict[str, str]:
    """Return two files: the statement of a theorem, and that a theorem of a given file proves it.

    Args:
        theorem: a replayed proof, of which the steps do not matter.
        given: the name of the file with the other proof.
        name: the theorem in it.

    """
    _, claimed = state(theorem.variables, theorem.hypotheses, theorem.lhs, theorem.rhs)
    of = {"library": LIBRARY, "statement": claimed, "stated": STATED, "given": given}
    return {
        file: template("rocq", f"{file}.v.jinja").render(theorem=name, **of)
        for file in (STATED, CLAIMED)
    }


def asked(theorem: Theorem) -> str:
    """Return the identifier of a theorem in its script, which ends in asking what it rests on."""
    names, _ = state(theorem.variables, theorem.hypotheses, theorem.lhs, theorem.rhs)
    return theorem_name(theorem.name, names)


def file_name(theorem: Theorem) -> str:
    """Return the name of a theorem's script in a folder of scripts."""
    return f"{theorem.name.replace('.', '_')}.v"


def scripts(theorems: Iterable[Theorem]) -> dict[str, str]:
    """Return file name to text: the library and the script of each theorem.

    Args:
        theorems: replayed proofs.

    Raises:
        ScriptError: a proof uses what scripts do not cover, or two theorems have one file name.

    """
    texts = {f"{LIBRARY}.v": library()}
    for theorem in theorems:
        name = file_name(theorem)
        if name in texts:
            raise ScriptError(f"{theorem.name}: the script {name} is another's; rename one")
        texts[name] = script(theorem)
    return texts


def _lemma(theorem: Theorem, case: Case, number: int) -> Lemma:
    step = theorem.proof.steps[number - 1]
    before, after = theorem.lines[number - 1], theorem.lines[number]
    if step.reverse:
        before, after = after, before
    case.say(f"unfold line_{number - 1}, line_{number}.")
    if step.reverse:
        case.say("symmetry.")
    try:
        show(case, Place(before, step.at, theorem.conditions), after)
    except ScriptError as error:
        raise ScriptError(f"{theorem.name}, step {number} ({step.rule}): {error}") from error
    title = step.rule + (", from right to left" if step.reverse else "")
    title += ", under a derivative" if step.inside is not None else ""
    return Lemma(number, title, number - 1, tuple(case.premises), tuple(case.tactics))


def _stable(theorem: Theorem, names: Names) -> Lemma:
    """Show that one line is a finite sum: a larger bound adds nothing."""
    problems = []
    for number, line in enumerate(theorem.lines):
        case = Case(theorem, names)
        try:
            finite(case, number, line)
        except ScriptError as error:
            problems.append(str(error))
            continue
        return Lemma(number, "", number, tuple(case.premises), tuple(case.tactics))
    said = ", ".join(dict.fromkeys(problems))
    raise ScriptError(f"{theorem.name}: no line is plainly finite: {said}")


def _citations(theorem: Theorem, prefix: str) -> tuple[dict[Proof, Cited], tuple[str, ...]]:
    """Return the theorems that the steps cite, and their texts as modules with that prefix."""
    cites: dict[Proof, Cited] = {}
    texts = []
    for step in theorem.proof.steps:
        proof = dict(step.arguments).get("theorem")
        if isinstance(proof, Proof) and proof not in cites:
            found, text = _module(replay(proof), f"{prefix}_{len(cites) + 1}")
            cites[proof] = found
            texts.append(text)
    return cites, tuple(texts)


def _module(theorem: Theorem, name: str) -> tuple[Cited, str]:
    """Return a theorem as another script can cite it: its steps, for one bound."""
    sides = (theorem.lhs, theorem.rhs)
    names, claimed = state(theorem.variables, theorem.hypotheses, *sides)
    stated = mentioned(sides)
    parts = [f"line_{n}" for n in sorted({0, len(theorem.lines) - 1})]
    parts += [lift.identifier for lift in lifts(names, sides)]
    parts += [names.tensors[t.name] for t in stated if t.definition]
    cited = Cited(
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
    """Lay out the proof of a theorem; in a module, its steps alone, for another to cite."""
    last = len(theorem.lines) - 1
    sides, header = (theorem.lhs, theorem.rhs), _header(theorem)
    stated, name = mentioned(sides), theorem_name(theorem.name, names)
    if not module:
        theorem = with_plain_line(theorem)
    _require_covered(theorem, sides)
    names = names.extended(theorem.lines)
    lifted, pairs = lifts(names, theorem.lines), tuple(differentiated(theorem.lines))
    between = [lift.text() for lift in lifted if lift not in lifts(names, sides)]
    between += [defined(names, t) for t in mentioned(theorem.lines) if t not in stated]
    cites, texts = _citations(theorem, module or "cited")
    moved = tuple(map(_identifier, lifted))
    lemmas = tuple(
        _lemma(theorem, Case.of(theorem, names, n + 1, cites, moved, pairs), n + 1)
        for n in range(len(theorem.proof.steps))
    )
    stable = None if module else _stable(theorem, names)
    ends = (*lemmas, stable) if stable else lemmas
    premises = tuple(dict.fromkeys(p for x in ends for p in x.premises))
    least = "0"
    for p in reversed(premises):
        least = f"Z.max ({p}) ({least})"
    middle = stable.number if stable else last
    return Script(
        name=name,
        header=header,
        library=LIBRARY,
        cited=texts,
        between=tuple(between),
        about=(
            *(_box_lemma(names, t) for t in _boxed_tensors(theorem, names, ends)),
            *(_projection(Case(theorem, names, pairs=pairs), *p) for p in pairs),
        ),
        deep=any(step.inside is not None for step in theorem.proof.steps),
        lines=tuple(map(Printer(names).expression, theorem.lines)),
        lemmas=lemmas,
        stable=stable,
        premises=premises,
        least=least,
        forward=tuple(range(1, middle + 1)),
        backward=tuple(range(last, middle, -1)),
        onward=tuple(range(last + 1, middle + 1)),
        last=last,
    )


def _boxed_tensors(theorem: Theorem, names: Names, ends: Sequence[Lemma]) -> list[Tensor]:
    """Return the defined tensors of which lemmas say that they are zero outside their box."""
    said = {tactic for end in ends for tactic in end.tactics}
    return [
        t
        for t in mentioned(theorem.lines)
        if t.definition and any(f"({outside(names, t)}" in tactic for tactic in said)
    ]


def _identifier(lift: Lift) -> str:
    return lift.identifier


def _require_covered(theorem: Theorem, sides: Sequence[Expression]) -> None:
    """Refuse a proof whose lines have names that nothing in the statement stands for."""
    free = {t.name for t in mentioned(sides) if t.definition is None}
    for t in mentioned(theorem.lines):
        if t.definition is None and t.name not in free:
            raise ScriptError(f"{theorem.name}: the proof mentions {t.name}, the statement not")
    known = {pair for side in sides for pair in functions_of(side)}
    for line in theorem.lines:
        for f, order in functions_of(line):
            if (f, order) not in known:
                said = f"{f}{order * chr(39)}"
                raise ScriptError(f"{theorem.name}: the proof mentions {said}, the statement not")
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
    """Write a text so that it neither ends the comment that it stands in nor opens another."""
    return text.replace("(*", "( *").replace("*)", "* )").replace('"', "'")


def _box_lemma(names: Names, t: Tensor) -> About:
    """Lay out that a defined tensor is zero outside its box."""
    word, plain = names.tensors[t.name], Printer(names)
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    boxes = [(i, plain.argument(n)) for i, n in zip(index, t.shape, strict=True) if n is not None]
    binders, operands = ["{A : Ring}", "(bound : Z)"], ["bound"]
    for f, n in made_with(t):
        operands.append(names.tensors[function_name(f, n)])
        binders.append(f"{{{operands[-1]} : A -> A}}")
    for u in made_from(t):
        operands.append(names.tensors[u.name])
        binders.append(f"{{{operands[-1]} : {'Z -> ' * len(u.shape)}A}}")
    box = " /\\ ".join(f"0 <= {i} < {n}" for i, n in boxes)
    entry = " ".join([word, *operands, *index])
    splits = "".join(
        f"destruct (within {i} {n}) as [? | away]; [| rewrite (box_out _ {i} {n} away); void]. "
        for i, n in boxes
    )
    claim = f"forall {' '.join(index)}, ~ ({box}) -> {entry} = (zero : A)"
    tactic = f"intros {' '.join(index)} out. unfold {word}. {splits}"
    end = "exfalso; apply out; repeat split; lia"
    return About(f"{word}_box", " ".join(binders), claim, tactic + end)


def _projection(case: Case, t: Tensor, by: Tensor) -> About:
    """Lay out that the value of a tensor is itself, whatever moves with an entry of another."""
    names, definition = case.names, t.definition
    assert definition is not None
    name = names.tensors[t.name]
    functions, dual = list(made_with(t)), []
    for f, n in made_with(t):
        dual.append(f"(lifted {' '.join(names.tensors[function_name(f, k)] for k in (n, n + 1))})")
        functions.append((f, n + 1))
    keys = dict.fromkeys(function_name(f, n) for f, n in functions)
    binders = ["{A : Ring}", *(f"{{{names.tensors[key]} : A -> A}}" for key in keys)]
    at = [f"at{n + 1}" for n in range(len(by.shape))]
    plain = [names.tensors[function_name(f, n)] for f, n in made_with(t)]
    for u in made_from(t):
        word = names.tensors[u.name]
        binders.append(f"{{{word} : {'Z -> ' * len(u.shape)}A}}")
        plain.append(word)
        moved = f"(moved_{' '.join([word, word, *at])})"
        dual.append(moved if u == by else f"(fixed_{word} {word})")
    if by in made_from(t) and at:
        binders.append(f"{{{' '.join(at)} : Z}}")
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    left, right = (" ".join([name, "bound", *parts, *index]) for parts in (dual, plain))
    inner = "".join(
        f"rewrite ?{case.value(u, by)}; "
        for u in tensors(definition.body)
        if u.definition is not None
    )
    binders.append(f"({' '.join(['bound', *index])} : Z)")
    tactic = f"unfold {name}; project; {inner}reflexivity"
    return About(case.value(t, by), " ".join(binders), f"value ({left}) = ({right} : A)", tactic)
