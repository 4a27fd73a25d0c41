"""``rot180 verify``: check certificates, or prove or refute a claim."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rot180.codegen.cli.output import (
    certified_data,
    print_json,
    print_proof,
    progress,
    write_json,
)
from rot180.codegen.system import files, programs
from rot180.codegen.system.journal import unfinished
from rot180.codegen.system.terminal import say
from rot180.codegen.verify.certificate_files import certificate_texts
from rot180.codegen.verify.proof_scripts import check_script, check_scripts
from rot180.codegen.verify.report import (
    ABSENT,
    LEFT_OUT,
    NOT_RUN,
    CertificateText,
    TheoremReport,
    check_certificates,
    junit,
    unproved_claims,
)
from rot180.derive.semantics import smt
from rot180.derive.semantics.claims import judge

REQUIRABLE = ("smt", "rocq")
"""The checks that need a program or package which may be missing."""

STANDARD_OUTPUT = "-"
"""What ``--json`` is given to print instead of writing a file."""


def verify(arguments: argparse.Namespace) -> int:
    """Check certificates and print a table, or judge the claim of ``--claim``."""
    _expect_places(arguments)
    if arguments.claim is not None:
        return _claim(arguments)
    required = _required(arguments)
    if "smt" in required and not smt.available():
        progress('the SMT solver is missing: pip install "rot180[smt]"')
        return 1
    begin = time.perf_counter()
    certificates = _certificates(arguments.file)
    reports = _check(certificates, arguments, required)
    for report in reports:
        report.required = required
    _write_reports(reports, arguments)
    failed = [report for report in reports if report.faults]
    if arguments.json != STANDARD_OUTPUT:
        for report in failed:
            say(f"\nFAILED {report.name}", *report.faults, sep="\n    ")
        say(
            f"{len(reports) - len(failed)} of {len(reports)} theorems proved "
            f"in {time.perf_counter() - begin:.0f} s"
        )
    return 1 if failed else 0


def _expect_places(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is checked, places where nothing could be written."""
    if arguments.json not in (None, STANDARD_OUTPUT):
        files.expect_file("--json", Path(arguments.json))
    if arguments.junit is not None:
        files.expect_file("--junit", arguments.junit)
    if arguments.scripts is not None:
        files.expect_folder("--scripts", arguments.scripts)


def _required(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the checks that must have run."""
    asked = [word for text in arguments.require for word in text.split(",")]
    for word in asked:
        if word not in REQUIRABLE:
            raise ValueError(
                f"--require: found {word!r}, expected one or more of {','.join(REQUIRABLE)}"
            )
    if arguments.rocq or arguments.script is not None:
        asked.append("rocq")
    if arguments.scripts is not None and (arguments.script or "rocq" not in asked):
        found = "--script" if arguments.script else "no --require rocq"
        raise ValueError(
            f"--scripts: found {found}, expected --require rocq, which prints the scripts to keep"
        )
    return tuple(dict.fromkeys(asked))


def _check(
    certificates: Sequence[CertificateText],
    arguments: argparse.Namespace,
    required: tuple[str, ...],
) -> list[TheoremReport]:
    """Check certificates and print a line for each as soon as it is complete."""
    show = _print_table(arguments)
    if "rocq" not in required:
        reports = check_certificates(certificates, show)
        return reports if arguments.file else reports + unproved_claims(reports)
    reports = check_certificates(certificates, lambda _: None)
    if not arguments.file:
        reports += unproved_claims(reports)
    _check_scripts(reports, certificates, arguments)
    for report in reports:
        show(report)
    return reports


def _check_scripts(
    reports: Sequence[TheoremReport],
    certificates: Sequence[CertificateText],
    arguments: argparse.Namespace,
) -> None:
    """Have `coqc` check proof scripts; if it is missing, the reports say that it did not run."""
    if not programs.installed("coqc"):
        progress("coqc is not installed, no script was checked: apt install coq")
        return
    if arguments.script is not None:
        if len(certificates) != 1:
            raise ValueError(
                f"--script: found {len(certificates)} certificates, expected one FILE, the "
                "certificate of this script"
            )
        check_script(reports[0], certificates[0], files.read(arguments.script), progress)
        return
    texts = check_scripts(reports, certificates, progress)
    if arguments.scripts is not None:
        files.write(arguments.scripts, texts)


def _print_table(arguments: argparse.Namespace) -> Callable[[TheoremReport], None]:
    """Print the head of the table and return what prints a line; neither if JSON is printed."""
    if arguments.json == STANDARD_OUTPUT:
        return lambda _: None
    head = f"{'replay':8}{'checker':9}{'model':8}{'smt':15}{'rocq':9}"
    say(f"{head}{'steps':>5}{'seconds':>9}  theorem")
    return lambda report: _print_line(report, with_statement=bool(arguments.file))


def _print_line(report: TheoremReport, with_statement: bool) -> None:
    results = (report.replay, report.checker, report.model, report.smt, report.rocq)
    words = [_word(result) for result in results]
    line = f"{words[0]:8}{words[1]:9}{words[2]:8}{words[3]:15}{words[4]:9}"
    say(f"{line}{report.steps:5}{report.seconds:9.2f}  {report.name}")
    if with_statement and report.statement:
        say(*(f"    {line}" for line in report.statement.splitlines()), sep="\n")


def _word(result: str) -> str:
    """Return one word for the result of a check."""
    if result in ("ok", ABSENT, LEFT_OUT, NOT_RUN):
        return result
    return "vacuous" if result.startswith("vacuous") else "FAILED"


def _write_reports(reports: Sequence[TheoremReport], arguments: argparse.Namespace) -> None:
    """Write or print what ``--junit`` and ``--json`` ask for."""
    if arguments.junit:
        files.write(arguments.junit.parent, {arguments.junit.name: junit(reports)})
    if arguments.json == STANDARD_OUTPUT:
        print_json([report.plain() for report in reports])
    elif arguments.json:
        write_json(Path(arguments.json), [report.plain() for report in reports])


def _certificates(paths: Sequence[Path]) -> list[CertificateText]:
    """Read the certificates of some files, or those of the registry if there are none."""
    generated = files.generated_folder()
    if not paths and (stale := unfinished(generated)):
        raise ValueError(
            f"FILE: found {generated}, where a run replaces {len(stale)} files, or was killed when "
            "it did; expected certificates of one run: `rot180 generate` writes them"
        )
    folder = generated / files.CERTIFICATES
    found = [one for path in paths or sorted(folder.glob("*.json")) for one in _read(path)]
    if not found:
        raise ValueError(f"FILE: found no certificate in {folder}; run `rot180 generate`")
    return found


def _read(path: Path) -> Iterator[CertificateText]:
    """Read a file: a certificate alone, several that `derive` wrote, or what ``--json`` wrote."""
    try:
        text = files.read(path)
    except OSError as error:
        raise ValueError(
            f"FILE: found {str(path)!r}, expected a certificate ({error.strerror})"
        ) from error
    yield from certificate_texts(str(path), text)


def _claim(arguments: argparse.Namespace) -> int:
    """Judge a claim; ``--json`` writes the verdict, a certificate that `verify` reads included."""
    if arguments.file:
        raise ValueError("--claim: found a FILE too, expected only one of them")
    verdict = judge(arguments.claim)
    data: dict[str, object] = {
        "claim": arguments.claim,
        "verdict": verdict.word,
        "said": str(verdict),
    }
    if verdict.theorem is not None:
        data |= certified_data(verdict.theorem)
    elif verdict.counterexample is not None:
        data["counterexample"] = verdict.counterexample.plain_data()
    code = 0 if verdict.word == "proved" else 1
    if arguments.json == STANDARD_OUTPUT:
        print_json(data)
        return code
    say(verdict)
    if verdict.theorem is not None:
        say("\nProof.\n")
        print_proof(verdict.theorem)
    if arguments.json:
        write_json(Path(arguments.json), data)
    elif verdict.theorem is not None:
        say("\nTo keep the certificate: --json FILE. To check it: `rot180 verify FILE`.")
    return code
