"""Proof scripts: every step of a proof as a lemma that `coqc` checks.

The statement is printed from the theorem's variables, hypotheses and two sides alone; the lemmas
are printed from the proof's steps, one tactic per rule; the last theorem has the statement as its
type. Sums run over -bound .. bound in the script, and an equation holds from some bound on.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sympy import Symbol

from rot180.codegen import files
from rot180.codegen.render import environment
from rot180.codegen.rocq_citations import Cited, compose, lemma
from rot180.codegen.rocq_printer import (
    Names,
    Printer,
    ScriptError,
    boxes_of,
    function_name,
    functions_of,
    made_from,
    made_with,
    named,
    relations_of,
)
from rot180.codegen.rocq_tables import exhaust
from rot180.codegen.rocq_tactics import TACTICS, WHOLE, Case, finite, typed
from rot180.codegen.tools import Ran, ToolError, run
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof, Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.terms import (
    Access,
    Condition,
    Derivative,
    Expression,
    Range,
    Tensor,
    factor_symbols,
    tensors,
)
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import unfold

LIBRARY = "finite_sums"
"""The file that every script needs: finite sums, brackets and dual numbers, written by hand."""

_TACTICS: Mapping[str, Callable[..., None]] = {
    **TACTICS,
    "lemma": lemma,
    "compose": compose,
    "exhaust": exhaust,
}


@dataclass(frozen=True)
class Lemma:
    """One step, as the template lays it out."""

    number: int
    title: str
    before: int
    premises: tuple[str, ...]
    tactics: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """What is claimed, as the template lays it out; every field is text of the proof language."""

    parameters: str
    perturbed: tuple[str, ...]
    definitions: tuple[str, ...]
    functions: tuple[str, ...]
    relations: tuple[tuple[str, str], ...]
    operands: tuple[str, ...]
    boxes: tuple[tuple[str, str], ...]
    hypotheses: tuple[tuple[str, str], ...]
    variables: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    left: str
    right: str


@dataclass(frozen=True)
class Script:
    """A proof, as the template lays it out; every field is text of the proof language."""

    name: str
    header: tuple[str, ...]
    library: str
    cited: tuple[str, ...]
    between: tuple[str, ...]
    projections: tuple[tuple[str, str, str], ...]
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
    names, claimed = _statement(theorem.variables, theorem.hypotheses, theorem.lhs, theorem.rhs)
    proof = _script(theorem, names)
    return environment().get_template("proof.v.jinja").render(script=proof, statement=claimed)


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
    _, claimed = _statement(variables, hypotheses, lhs, rhs)
    return environment().get_template("statement.v.jinja").render(statement=claimed)


def library() -> str:
    """Return the text of the library that the scripts need."""
    return environment().get_template(f"{LIBRARY}.v.jinja").render()


def scripts(theorems: Iterable[Theorem]) -> dict[str, str]:
    """Return file name to text: the library and the script of each theorem.

    Args:
        theorems: replayed proofs.

    Raises:
        ScriptError: a proof uses what scripts do not cover.

    """
    texts = {f"{LIBRARY}.v": library()}
    for theorem in theorems:
        texts[f"{identifier(theorem.name)}.v"] = script(theorem)
    return texts


@dataclass(frozen=True)
class Checked:
    """What `coqc` said about a script.

    Attributes:
        name: the file's name without its ending.
        accepted: the proof is complete, and rests on no axiom.
        seconds: how long it took.
        message: why it was refused.

    """

    name: str
    accepted: bool
    seconds: float
    message: str = ""


FORBIDDEN = re.compile(r"\b(Axioms?|Parameters?|Conjectures?|Admitted|admit|give_up|Load|Unset)\b")
CLOSED = "Closed under the global context"


def check(paths: Sequence[Path], workers: int = 2, timeout: float = 300) -> Iterator[Checked]:
    """Let `coqc` check scripts, in the order given; nothing is written beside them.

    Args:
        paths: files that `script` gave; the library is rot180's own, whatever lies beside them.
        workers: how many run at a time.
        timeout: seconds after which a script is refused.

    Raises:
        ToolError: `coqc` is not installed.
        OSError: a file cannot be read.

    """
    texts = {path.stem: files.read(path) for path in paths}
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(workers) as pool:
        folder = Path(name)
        sources = {f"{stem}.v": text for stem, text in texts.items()}
        files.write(folder, {**sources, f"{LIBRARY}.v": library()})
        built = _compile(folder, LIBRARY, timeout)
        if built.code != 0:
            raise ToolError(f"coqc refused the library: {built.output}")
        yield from pool.map(lambda stem: _check(folder, stem, texts[stem], timeout), texts)


def verify(folder: Path, theorems: Iterable[Theorem], workers: int = 2) -> Iterator[Checked]:
    """Let `coqc` check the scripts of theorems; a file that is not the proof's is refused unread.

    Args:
        folder: where the scripts and the library lie.
        theorems: replayed proofs.
        workers: how many run at a time.

    Raises:
        ScriptError: a proof uses what scripts do not cover.
        ToolError: `coqc` is not installed.

    """
    fresh = []
    for name, text in scripts(theorems).items():
        path = folder / name
        if path.is_file() and files.read(path) == text:
            fresh.append(path)
        else:
            yield Checked(path.stem, False, 0.0, f"{name} is not what the proof gives")
    yield from check([path for path in fresh if path.stem != LIBRARY], workers)


def _compile(folder: Path, name: str, timeout: float) -> Ran:
    return run(["coqc", "-q", "-R", ".", "", f"{name}.v"], folder, timeout)


def _check(folder: Path, name: str, text: str, timeout: float) -> Checked:
    code = re.sub(r"\(\*.*?\*\)", " ", text, flags=re.S)
    if found := FORBIDDEN.search(code):
        return Checked(name, False, 0.0, f"the script says {found.group()}")
    asked = f"Print Assumptions {name}."
    if not code.rstrip().endswith(asked) or code.count("Print Assumptions") != 1:
        return Checked(name, False, 0.0, f"the script does not end in {asked}")
    try:
        ran = _compile(folder, name, timeout)
    except ToolError as error:
        return Checked(name, False, timeout, str(error))
    accepted = ran.code == 0 and CLOSED in ran.output.splitlines()
    return Checked(name, accepted, ran.seconds, "" if accepted else ran.output.strip())


def _lemma(theorem: Theorem, names: Names, cites: Mapping[Proof, Cited], number: int) -> Lemma:
    step = theorem.proof.steps[number - 1]
    before, after = theorem.lines[number - 1], theorem.lines[number]
    if step.rule not in _TACTICS:
        raise ScriptError(f"{theorem.name}, step {number}: no tactic for the rule {step.rule}")
    if step.reverse:
        before, after = after, before
    moved = tuple(text.split(" ", 1)[0] for text in _all_perturbed(names, theorem.lhs))
    case = Case(theorem, names, step, theorem.obligations[number - 1], cites, moved)
    place = Place(before, step.at, theorem.conditions)
    case.say(f"unfold line_{number - 1}, line_{number}.")
    if step.reverse:
        case.say("symmetry.")
    count = len(after) - len(before) + 1
    dst = after[step.at : step.at + count]
    if len(before) > 1 and step.rule not in WHOLE:
        one, some = case.plain.term(place.term), case.plain.expression(dst)
        # a rewriting that only renames makes no progress
        again = "try " if step.rule == "reindex" else ""
        said = typed(one, place.term.factors)
        # where the new text holds the old one, rewriting would not stop at the one place
        apart = f"generalize ({some}); generalize ({said}); intros ? ?" if one in some else "intros"
        case.say(f"cut ({said} = {some}); [{apart} E; {again}rewrite E; ring |].")
    _TACTICS[step.rule](case, place, dst, **dict(step.arguments))
    title = step.rule + (", from right to left" if step.reverse else "")
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
    raise ScriptError(f"{theorem.name}: no line is plainly finite: {problems}")


def _with_plain_line(theorem: Theorem) -> Theorem:
    """Return the theorem with steps added that unfold its right side, if no line is plain."""
    if any(_is_plain(line) for line in theorem.lines):
        return theorem
    start = theorem.proof
    d = Derivation(start.name, start.variables, start.hypotheses, start.start)
    d.lines, d.steps = list(theorem.lines), list(start.steps)
    unfold(d)
    return replay(d.proof())


def _is_plain(line: Expression) -> bool:
    return not any(
        isinstance(f, Derivative) or (isinstance(f, Access) and f.tensor.definition is not None)
        for t in line
        for f in t.factors
    )


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
    names, claimed = _statement(theorem.variables, theorem.hypotheses, *sides)
    stated = _mentioned(sides)
    parts = [f"line_{n}" for n in sorted({0, len(theorem.lines) - 1})]
    parts += [text.split(" ", 1)[0] for text in claimed.perturbed]
    parts += [names.tensors[t.name] for t in stated if t.definition]
    cited = Cited(
        name,
        theorem,
        _parameters(theorem.variables, theorem.hypotheses, *sides),
        tuple(dict.fromkeys(functions_of((*theorem.lhs, *theorem.rhs)))),
        tuple(relations_of(theorem.lhs, theorem.rhs)),
        tuple(t for t in stated if t.definition is None),
        tuple(f"{name}.{part}" for part in parts),
    )
    text = environment().get_template("cited.v.jinja").render(
        module=name,
        reach=" ".join(map(Printer(names).variable, cited.variables)),
        script=_script(theorem, names, module=name),
        statement=claimed,
    )
    return cited, text


def _parameters(
    variables: Variables, hypotheses: Sequence[Condition], lhs: Expression, rhs: Expression
) -> tuple[Symbol, ...]:
    """Return the sizes and parameters of a statement, by name."""
    boxes = [Range(v, n) for v, n in variables if n is not None]
    found: set[Symbol] = set().union(*(factor_symbols(c) for c in (*hypotheses, *boxes)))
    for t in (*lhs, *rhs):
        found |= t.symbols - set(t.variables)
    return tuple(sorted(found - {v for v, _ in variables}, key=lambda v: v.name))


def _statement(
    variables: Variables, hypotheses: Sequence[Condition], lhs: Expression, rhs: Expression
) -> tuple[Names, Statement]:
    boxes = [Range(v, n) for v, n in variables if n is not None]
    names = Names.of((lhs, rhs), (*hypotheses, *boxes))
    plain, stated = Printer(names), _mentioned((lhs, rhs))
    free = [t for t in stated if t.definition is None]
    parameters = _parameters(variables, hypotheses, lhs, rhs)
    functions = dict.fromkeys(functions_of((*lhs, *rhs)))
    given = [(name, plain.condition(c)) for c, name in named(variables, hypotheses, plain)]
    return names, Statement(
        parameters=" ".join(map(plain.variable, parameters)),
        perturbed=_all_perturbed(names, lhs),
        definitions=tuple(_defined(names, t) for t in stated if t.definition),
        functions=tuple(names.tensors[function_name(f, n)] for f, n in functions),
        relations=tuple(plain.relation(f, n) for f, n in relations_of(lhs, rhs)),
        operands=tuple(f"{names.tensors[t.name]} : {'Z -> ' * len(t.shape)}scalars" for t in free),
        boxes=tuple(_boxed(plain, t) for t in free if t.shape),
        hypotheses=tuple(given[: len(hypotheses)]),
        variables=tuple(plain.variable(v) for v, _ in variables),
        ranges=tuple(given[len(hypotheses) :]),
        left=plain.expression(lhs),
        right=plain.expression(rhs),
    )


def _script(theorem: Theorem, names: Names, module: str = "") -> Script:
    """Lay out the proof of a theorem; in a module, its steps alone, for another to cite."""
    last = len(theorem.lines) - 1
    stated, header = _mentioned((theorem.lhs, theorem.rhs)), _header(theorem)
    if not module:
        theorem = _with_plain_line(theorem)
    names = names.extended(theorem.lines)
    plain, pending = Printer(names), _pending(theorem.lhs)
    between = [t for t in _mentioned(theorem.lines) if t not in stated]
    if strange := [t.name for t in between if t.definition is None]:
        raise ScriptError(f"the proof mentions {strange[0]}, the statement does not")
    inside = [t for t in tensors(theorem.lhs) if t.definition]
    cites, texts = _citations(theorem, module or "cited")
    lemmas = tuple(_lemma(theorem, names, cites, n + 1) for n in range(len(theorem.proof.steps)))
    stable = None if module else _stable(theorem, names)
    ends = (*lemmas, stable) if stable else lemmas
    premises = tuple(dict.fromkeys(p for x in ends for p in x.premises))
    least = "0"
    for p in reversed(premises):
        least = f"Z.max ({p}) ({least})"
    middle = stable.number if stable else last
    return Script(
        name=identifier(theorem.name),
        header=header,
        library=LIBRARY,
        cited=texts,
        between=tuple(_defined(names, t) for t in between),
        projections=tuple(_projection(names, t, pending) for t in inside) if pending else (),
        lines=tuple(map(plain.expression, theorem.lines)),
        lemmas=lemmas,
        stable=stable,
        premises=premises,
        least=least,
        forward=tuple(range(1, middle + 1)),
        backward=tuple(range(last, middle, -1)),
        onward=tuple(range(last + 1, middle + 1)),
        last=last,
    )


def _header(theorem: Theorem) -> tuple[str, ...]:
    statement = str(theorem).replace("(*", "( *").splitlines()
    return (
        "Generated by rot180 from a proved theorem; do not edit.",
        f"Theorem: {theorem.name}, proof {theorem.proof.digest}",
        *(f"  {line}" for line in statement),
        "Regenerate: rot180 generate",
    )


def identifier(name: str) -> str:
    """Return the name of a theorem as an identifier, and of its file without the ending."""
    return re.sub(r"\W", "_", name)


def _mentioned(lines: Iterable[Expression]) -> list[Tensor]:
    return list(dict.fromkeys(t for line in lines for t in tensors(line)))


def _pending(expression: Expression) -> Access | None:
    """Return the entry by which an expression is differentiated."""
    found = [f.wrt for t in expression for f in t.factors if isinstance(f, Derivative)]
    return found[0] if found else None


def _all_perturbed(names: Names, lhs: Expression) -> tuple[str, ...]:
    """Return the operands of a derivative over the dual numbers, as definitions."""
    plain, pending = Printer(names), _pending(lhs)
    if pending is None:
        return ()
    return tuple(_perturbed(plain, t, pending) for t in tensors(lhs) if not t.definition)


def _perturbed(plain: Printer, t: Tensor, wrt: Access) -> str:
    name, rank = plain.names.tensors[t.name], len(t.shape)
    at = [f"at{n + 1}" for n in range(rank)]
    kind = "Z -> " * rank
    arguments = "".join(f" z{n + 1}" for n in range(rank))
    lambda_ = f"fun{arguments} => " if rank else ""
    entry = f"{name}{arguments}"
    if t == wrt.tensor:
        delta = " [*] ".join(f"point (z{n + 1} - at{n + 1})" for n in range(rank)) or "one"
        return (
            f"moved_{name} {{A : Ring}} ({name} : {kind}A) {' '.join(at)} : {kind}dual A :=\n"
            f"  {lambda_}({entry}, {delta})"
        )
    start = f"fixed_{name} {{A : Ring}} ({name} : {kind}A) : {kind}dual A"
    return f"{start} :=\n  {lambda_}({entry}, zero)"


def _defined(names: Names, t: Tensor) -> str:
    plain, definition = Printer(names), t.definition
    assert definition is not None
    parts = [names.tensors[t.name], "{A : Ring}", "(bound : Z)"]
    for f, n in made_with(t):
        parts.append(f"({names.tensors[function_name(f, n)]} : A -> A)")
    for u in made_from(t):
        parts.append(f"({names.tensors[u.name]} : {'Z -> ' * len(u.shape)}A)")
    if definition.formals:
        parts.append(f"({' '.join(map(plain.variable, definition.formals))} : Z)")
    body = plain.boxed(boxes_of(t, definition.formals), definition.body)
    return f"{' '.join(parts)} : A :=\n  {body}"


def _boxed(plain: Printer, t: Tensor) -> tuple[str, str]:
    name = plain.names.tensors[t.name]
    index = [f"z{n + 1}" for n in range(len(t.shape))]
    inside = " /\\ ".join(
        f"0 <= {i} < {plain.index(n)}" for i, n in zip(index, t.shape, strict=True) if n is not None
    )
    at = " ".join(index)
    return f"{name}_box", f"forall {at}, ~ ({inside}) -> {name} {at} = zero"


def _projection(names: Names, t: Tensor, wrt: Access) -> tuple[str, str, str]:
    plain, dual = Printer(names), Printer(names, wrt)
    assert t.definition is not None
    index = "".join(f" z{n + 1}" for n in range(len(t.shape)))
    inner = "".join(
        f"rewrite ?value_{names.tensors[u.name]}; "
        for u in tensors(t.definition.body)
        if u.definition is not None
    )
    claim = f"value ({dual.tensor(t)}{index}) = {plain.tensor(t)}{index}"
    return names.tensors[t.name], f"forall bound{index}, {claim}", f"project; {inner}reflexivity"
