"""Check proof scripts with `coqc`: scripts that were just printed, and scripts of other origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rot180.codegen.rocq.script import (
    CLAIMED,
    LIBRARY,
    ROUNDING,
    STATED,
    file_name,
    library,
    rounding,
    script,
    statement_files,
    theorem_identifier,
)
from rot180.codegen.rocq.tokens import TokenError, queried_theorem, refusal
from rot180.codegen.system import files
from rot180.codegen.system.programs import ProgramResult, ToolError, run, workplace
from rot180.derive.kernel.proof import Theorem

GIVEN = "given"
"""The file of a script of other origin."""

CLOSED = "Closed under the global context"
OPEN = ("Axioms:", "Section Variables:")
"""How answers begin that list what a theorem assumes."""


@dataclass(frozen=True)
class CheckedScript:
    """The answer of `coqc` about a script.

    Attributes:
        name: the script's name.
        accepted: whether the proof is complete and uses no axiom.
        seconds: how long it took.
        message: why it was refused.

    """

    name: str
    accepted: bool
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class ScriptText:
    """A script to check.

    Attributes:
        name: its name in the answer.
        text: the script, as it is compiled.
        theorem: the identifier of the theorem in it.

    """

    name: str
    text: str
    theorem: str


def script_text(theorem: Theorem) -> ScriptText:
    """Print the script of a theorem.

    Raises:
        ScriptError: scripts do not cover a step.

    """
    return ScriptText(theorem.name, script(theorem), theorem_identifier(theorem))


def rounding_script() -> ScriptText:
    """Return the theorem on rounding as a script, with all that it proves."""
    return ScriptText(ROUNDING, rounding(), "everything")


def check(
    scripts: Iterable[ScriptText], workers: int = 2, timeout: float = 300
) -> Iterator[CheckedScript]:
    """Have `coqc` check scripts, in the given order, in a temporary folder.

    Args:
        scripts: the scripts; the library is rot180's own.
        workers: how many run at a time.
        timeout: seconds after which a script is refused.

    Raises:
        ToolError: `coqc` is not installed.

    """
    named = {f"script_{number}": one for number, one in enumerate(scripts, 1)}
    with workplace() as folder, ThreadPoolExecutor(workers) as pool:
        # no thread of the pool writes: nothing waits for it when Ctrl-C removes the folder
        texts = {LIBRARY: library()} | {file: one.text for file, one in named.items()}
        files.write(folder, {f"{file}.v": text for file, text in texts.items()})
        built = _compile(folder, LIBRARY, timeout)
        if built.code != 0:
            raise ToolError(f"coqc refused the library: {built.output}")
        yield from pool.map(lambda file: _check(folder, file, named[file], timeout), named)


def check_given(theorem: Theorem, text: str, timeout: float = 300) -> CheckedScript:
    """Have `coqc` check whether a script of other origin proves a theorem.

    The script is first searched for words such as ``Axiom``. Then the statement, printed from the
    theorem, is compiled in a file of its own, after it the script, and last a third file, which
    proves the statement by the theorem of the script.

    Args:
        theorem: what is to be proved.
        text: the script; its last sentence is ``Print Assumptions``.
        timeout: seconds after which a script is refused.

    Raises:
        ToolError: `coqc` is not installed.

    """
    try:
        name = queried_theorem(text)
    except TokenError as error:
        return CheckedScript(theorem.name, False, 0.0, str(error))
    if fault := refusal(text, name):
        return CheckedScript(theorem.name, False, 0.0, fault)
    with workplace() as folder:
        texts = {LIBRARY: library(), **statement_files(theorem, GIVEN, name), GIVEN: text}
        total = 0.0
        for file in (LIBRARY, STATED, GIVEN, CLAIMED):
            files.write(folder, {f"{file}.v": texts[file]})
            ran = _compile(folder, file, timeout)
            total += ran.seconds
            if ran.code != 0:
                return CheckedScript(theorem.name, False, total, ran.output.strip())
    accepted = _closed(ran.output)
    return CheckedScript(theorem.name, accepted, total, "" if accepted else ran.output.strip())


def verify(folder: Path, theorems: Iterable[Theorem], workers: int = 2) -> Iterator[CheckedScript]:
    """Have `coqc` check the scripts of theorems; the text that is printed here is compiled.

    A script on disk that differs from this text, or a library that does, is refused.

    Args:
        folder: the folder of the scripts and the library.
        theorems: replayed proofs.
        workers: how many run at a time.

    Raises:
        ScriptError: scripts do not cover a proof.
        ToolError: `coqc` is not installed.

    """
    current = []
    if fault := out_of_date(folder, {f"{LIBRARY}.v": library()}):
        yield CheckedScript(LIBRARY, False, 0.0, fault)
    for theorem in theorems:
        printed = script_text(theorem)
        if fault := out_of_date(folder, {file_name(theorem): printed.text}):
            yield CheckedScript(theorem.name, False, 0.0, fault)
        else:
            current.append(printed)
    yield from check(current, workers)


def out_of_date(folder: Path, texts: Mapping[str, str]) -> str:
    """Name a file of a folder that is missing or differs from its text; "" if there is none.

    Args:
        folder: the folder.
        texts: file name to text.

    """
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or files.contents(path) != text.encode("utf-8"):
            return f"{name} is not what the proof gives"
    return ""


def _compile(folder: Path, name: str, timeout: float) -> ProgramResult:
    return run(["coqc", "-q", "-R", ".", "", f"{name}.v"], folder, timeout)


def _check(folder: Path, file: str, one: ScriptText, timeout: float) -> CheckedScript:
    if fault := refusal(one.text, one.theorem):
        return CheckedScript(one.name, False, 0.0, fault)
    try:
        ran = _compile(folder, file, timeout)
    except ToolError as error:
        return CheckedScript(one.name, False, timeout, str(error))
    accepted = ran.code == 0 and _closed(ran.output)
    return CheckedScript(one.name, accepted, ran.seconds, "" if accepted else ran.output.strip())


def _closed(output: str) -> bool:
    """Say whether the answer is that nothing is assumed."""
    lines = output.splitlines()
    return CLOSED in lines and not any(line in OPEN for line in lines)
