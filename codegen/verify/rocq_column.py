"""The column of `rot180 verify` that is `coqc`'s: the script of each certificate that replays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from rot180.codegen.rocq.check import Question, check, check_given, printed, stale
from rot180.codegen.rocq.names import ScriptError
from rot180.codegen.rocq.script import LIBRARY, file_name, library
from rot180.codegen.system import files
from rot180.codegen.verify.report import Row, Source
from rot180.derive.certificates.reader import loads
from rot180.derive.kernel.replay import replay
from rot180.derive.theorems import claims

SCRIPTS = "rocq"
"""Where the scripts of the registry are, in ``rot180.generated``."""


def check_scripts(
    rows: Iterable[Row], certificates: Iterable[Source], progress: Callable[[str], None]
) -> dict[str, str]:
    """Print the script of each certificate and let `coqc` check that text; fill in the rows.

    Args:
        rows: what replay said, in the order of the certificates.
        certificates: what was replayed.
        progress: called with each answer.

    Returns:
        file name to text: the scripts that were printed, and their library.

    Raises:
        ToolError: `coqc` is not installed.

    """
    asked: list[tuple[Row, Question]] = []
    texts, total = {f"{LIBRARY}.v": library()}, 0.0
    for row, source in zip(rows, certificates, strict=False):
        question = _question(row, source, texts) if row.replay == "ok" else None
        if question is not None:
            asked.append((row, question))
        elif row.replay == "ok":
            progress(f"coqc {row.name}: not run: {row.rocq}")
    for (row, _), checked in zip(asked, check(one for _, one in asked), strict=True):
        total += checked.seconds
        row.rocq = "ok" if checked.accepted else checked.message or "refused"
        said = "closed under the global context" if checked.accepted else checked.message
        progress(f"coqc {checked.name}: {said} ({checked.seconds:.1f} s)")
    progress(f"coqc, all scripts: {total:.0f} s; no assumptions but the statements' own hypotheses")
    return texts


def check_script(
    row: Row, source: Source, script: str, progress: Callable[[str], None]
) -> None:
    """Let `coqc` check somebody else's script against the statement of a certificate.

    Args:
        row: what replay said; filled in.
        source: the certificate.
        script: the script.
        progress: called with the answer.

    Raises:
        ToolError: `coqc` is not installed.

    """
    if row.replay == "ok":
        try:
            checked = check_given(replay(loads(source.text)), script)
        except ScriptError as error:
            row.rocq = f"beyond what scripts cover: {error}"
        else:
            row.rocq = "ok" if checked.accepted else checked.message or "refused"
        progress(f"coqc {row.name}, the script given: {row.rocq}")


def _question(row: Row, source: Source, texts: dict[str, str]) -> Question | None:
    """Print the script of a certificate, or fill in why there is none that `coqc` could be given.

    A script of the registry must also be what lies in ``generated/rocq``, byte for byte.
    """
    theorem = replay(loads(source.text))
    registered = claims().get(theorem.name)
    if registered:
        theorem = replace(theorem, words=registered().words)
    try:
        question = printed(theorem)
    except ScriptError as error:
        row.rocq = f"beyond what scripts cover: {error}"
        return None
    name = file_name(theorem)
    if registered:
        committed = {f"{LIBRARY}.v": library(), name: question.text}
        if said := stale(files.generated_folder() / SCRIPTS, committed):
            row.rocq = f"{said}: run `rot180 generate`"
            return None
    for number in range(2, len(texts) + 3):
        if name not in texts:
            break
        name = f"{file_name(theorem)[:-2]}_{number}.v"
    texts[name] = question.text
    return question
