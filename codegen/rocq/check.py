"""`coqc` on scripts: on what was just printed, and on somebody else's, which is read as tokens."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rot180.codegen.rocq.script import (
    CLAIMED,
    LIBRARY,
    STATED,
    asked,
    claim,
    file_name,
    library,
    script,
)
from rot180.codegen.rocq.tokens import TokenError, question, refusal
from rot180.codegen.system import files
from rot180.codegen.system.programs import Ran, ToolError, run
from rot180.derive.kernel.proof import Theorem

GIVEN = "given"
"""The file of somebody else's proof."""

CLOSED = "Closed under the global context"
OPEN = ("Axioms:", "Section Variables:")
"""How the answers begin that list what a theorem rests on."""


@dataclass(frozen=True)
class Checked:
    """What `coqc` said about a script.

    Attributes:
        name: the script's name.
        accepted: the proof is complete, and rests on no axiom.
        seconds: how long it took.
        message: why it was refused.

    """

    name: str
    accepted: bool
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Question:
    """A script that is to be checked.

    Attributes:
        name: what it is called in the answer.
        text: the script, as it is compiled.
        theorem: the identifier of the theorem in it.

    """

    name: str
    text: str
    theorem: str


def printed(theorem: Theorem) -> Question:
    """Return the script of a theorem as a question.

    Raises:
        ScriptError: a step is beyond what scripts cover.

    """
    return Question(theorem.name, script(theorem), asked(theorem))


def check(
    questions: Iterable[Question], workers: int = 2, timeout: float = 300
) -> Iterator[Checked]:
    """Let `coqc` check scripts, in the order given, in a folder of their own.

    Args:
        questions: the scripts; the library is rot180's own.
        workers: how many run at a time.
        timeout: seconds after which a script is refused.

    Raises:
        ToolError: `coqc` is not installed.

    """
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(workers) as pool:
        folder = Path(name)
        files.write(folder, {f"{LIBRARY}.v": library()})
        built = _compile(folder, LIBRARY, timeout)
        if built.code != 0:
            raise ToolError(f"coqc refused the library: {built.output}")
        yield from pool.map(
            lambda one: _check(folder, f"script_{one[0]}", one[1], timeout), enumerate(questions, 1)
        )


def check_given(theorem: Theorem, text: str, timeout: float = 300) -> Checked:
    """Let `coqc` check somebody else's proof of a theorem: of our statement, not of their words.

    Their script is read as tokens, then compiled; the statement is printed from the theorem and
    compiled before, in a file of its own, and a third file says that theirs proves it.

    Args:
        theorem: what is to be proved.
        text: their script; it ends in asking what its theorem rests on.
        timeout: seconds after which a script is refused.

    Raises:
        ToolError: `coqc` is not installed.

    """
    try:
        name = question(text)
    except TokenError as error:
        return Checked(theorem.name, False, 0.0, str(error))
    if said := refusal(text, name):
        return Checked(theorem.name, False, 0.0, said)
    with tempfile.TemporaryDirectory() as folder:
        texts = {LIBRARY: library(), **claim(theorem, GIVEN, name), GIVEN: text}
        total = 0.0
        for file in (LIBRARY, STATED, GIVEN, CLAIMED):
            files.write(Path(folder), {f"{file}.v": texts[file]})
            ran = _compile(Path(folder), file, timeout)
            total += ran.seconds
            if ran.code != 0:
                return Checked(theorem.name, False, total, ran.output.strip())
    accepted = _closed(ran.output)
    return Checked(theorem.name, accepted, total, "" if accepted else ran.output.strip())


def verify(folder: Path, theorems: Iterable[Theorem], workers: int = 2) -> Iterator[Checked]:
    """Let `coqc` check the scripts of theorems; what is compiled is what is printed here.

    A script on disk that is not that text, byte for byte, is refused, and so is the library.

    Args:
        folder: where the scripts and the library lie.
        theorems: replayed proofs.
        workers: how many run at a time.

    Raises:
        ScriptError: a proof uses what scripts do not cover.
        ToolError: `coqc` is not installed.

    """
    fresh = []
    if said := stale(folder, {f"{LIBRARY}.v": library()}):
        yield Checked(LIBRARY, False, 0.0, said)
    for theorem in theorems:
        question = printed(theorem)
        if said := stale(folder, {file_name(theorem): question.text}):
            yield Checked(theorem.name, False, 0.0, said)
        else:
            fresh.append(question)
    yield from check(fresh, workers)


def stale(folder: Path, texts: Mapping[str, str]) -> str:
    """Say which file of a folder is missing or is not a text, byte for byte."""
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or files.contents(path) != text.encode("utf-8"):
            return f"{name} is not what the proof gives"
    return ""


def _compile(folder: Path, name: str, timeout: float) -> Ran:
    return run(["coqc", "-q", "-R", ".", "", f"{name}.v"], folder, timeout)


def _check(folder: Path, file: str, one: Question, timeout: float) -> Checked:
    if said := refusal(one.text, one.theorem):
        return Checked(one.name, False, 0.0, said)
    files.write(folder, {f"{file}.v": one.text})
    try:
        ran = _compile(folder, file, timeout)
    except ToolError as error:
        return Checked(one.name, False, timeout, str(error))
    accepted = ran.code == 0 and _closed(ran.output)
    return Checked(one.name, accepted, ran.seconds, "" if accepted else ran.output.strip())


def _closed(output: str) -> bool:
    """Say whether the answer is that nothing is assumed."""
    lines = output.splitlines()
    return CLOSED in lines and not any(line in OPEN for line in lines)
