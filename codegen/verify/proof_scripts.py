"""Check certificates with `coqc`: the proof script of each certificate that replays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from rot180.codegen.rocq.check import (
    CheckedScript,
    ScriptText,
    check,
    check_given,
    out_of_date,
    rounding_script,
    script_text,
)
from rot180.codegen.rocq.identifiers import ScriptError
from rot180.codegen.rocq.script import LIBRARY, ROUNDING, file_name, library
from rot180.codegen.system import files
from rot180.codegen.system.programs import ToolError
from rot180.codegen.verify.report import CertificateText, TheoremReport
from rot180.derive.certificates.reader import loads
from rot180.derive.kernel.replay import replay
from rot180.derive.theorems import claims

ROUNDING_SCRIPT = f"{files.SCRIPTS}/{ROUNDING}.v"
"""The proof of the theorem on rounding, in the folder of generated files."""


def check_scripts(
    reports: Iterable[TheoremReport],
    certificates: Iterable[CertificateText],
    progress: Callable[[str], None],
) -> dict[str, str]:
    """Print the proof script of each certificate, have `coqc` check it, and fill in the reports.

    Args:
        reports: the results of the other checks, in the order of the certificates.
        certificates: what was checked.
        progress: called with each answer of `coqc`.

    Returns:
        file name to text: the scripts that were printed, and their library.

    Raises:
        ToolError: `coqc` is not installed.

    """
    printed: list[tuple[TheoremReport, ScriptText]] = []
    texts, total = {f"{LIBRARY}.v": library()}, 0.0
    for report, source in zip(reports, certificates, strict=False):
        if report.replay != "ok":
            continue
        script = _script(report, source, texts)
        if script is not None:
            printed.append((report, script))
        else:
            progress(f"coqc {report.name}: not run: {report.rocq}")
    for (report, _), checked in zip(printed, check(one for _, one in printed), strict=True):
        total += checked.seconds
        report.rocq = _result(checked)
        answer = "closed under the global context" if checked.accepted else checked.message
        progress(f"coqc {checked.name}: {answer} ({checked.seconds:.1f} s)")
    progress(f"coqc, all scripts: {total:.0f} s; no assumptions but the statements' own hypotheses")
    return texts


def check_rounding(progress: Callable[[str], None]) -> None:
    """Have `coqc` check the theorem on rounding.

    Args:
        progress: called with the answer of `coqc`.

    Raises:
        ToolError: `coqc` is not installed or refuses the proof, or the committed file differs.

    """
    script = rounding_script()
    if out_of_date(files.generated_folder(), {ROUNDING_SCRIPT: script.text}):
        raise ToolError(f"{ROUNDING_SCRIPT} is not that of rot180: run `rot180 generate`")
    (checked,) = check([script])
    if not checked.accepted:
        raise ToolError(f"coqc refused the theorem on rounding: {checked.message}")
    progress(f"coqc {ROUNDING}: closed under the global context ({checked.seconds:.1f} s)")


def check_script(
    report: TheoremReport,
    source: CertificateText,
    script: str,
    progress: Callable[[str], None],
) -> None:
    """Have `coqc` check a given script against the statement of a certificate.

    Args:
        report: the results of the other checks; filled in.
        source: the certificate.
        script: the script.
        progress: called with the answer of `coqc`.

    Raises:
        ToolError: `coqc` is not installed.

    """
    if report.replay != "ok":
        return
    try:
        report.rocq = _result(check_given(replay(loads(source.text)), script))
    except ScriptError as error:
        report.rocq = _not_covered(error)
    progress(f"coqc {report.name}, the script given: {report.rocq}")


def _script(
    report: TheoremReport, source: CertificateText, texts: dict[str, str]
) -> ScriptText | None:
    """Print the script of a certificate and add its text; if there is none, report why.

    A script of a committed theorem must be equal to the file in ``generated/rocq``, byte for byte.
    """
    theorem = replay(loads(source.text))
    registered = claims().get(theorem.name)
    if registered:
        theorem = replace(theorem, words=registered().words)
    try:
        script = script_text(theorem)
    except ScriptError as error:
        report.rocq = _not_covered(error)
        return None
    name = file_name(theorem)
    folder = files.generated_folder()
    if registered or (folder / files.CERTIFICATES / f"{theorem.name}.json").is_file():
        committed = {f"{LIBRARY}.v": library(), name: script.text}
        if fault := out_of_date(folder / files.SCRIPTS, committed):
            report.rocq = f"{fault}: run `rot180 generate`"
            return None
    # where a file system takes A.v and a.v for one, both scripts must be kept as well
    taken = {file.lower() for file in texts}
    for number in range(2, len(texts) + 3):
        if name.lower() not in taken:
            break
        name = f"{file_name(theorem)[:-2]}_{number}.v"
    texts[name] = script.text
    return script


def _result(checked: CheckedScript) -> str:
    return "ok" if checked.accepted else checked.message or "refused"


def _not_covered(error: ScriptError) -> str:
    return f"not covered by proof scripts: {error}"
