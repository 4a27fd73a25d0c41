"""``rot180 verify``: check certificates, or prove or refute a claim."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rot180.codegen.cli.options import Work, expect_one
from rot180.codegen.cli.output import (
    certified_data,
    print_json,
    print_next,
    print_proof,
    progress,
    write_json,
)
from rot180.codegen.system import files, programs
from rot180.codegen.system.journal import unfinished
from rot180.codegen.system.terminal import heading, named, say, verdict
from rot180.codegen.verify.certificate_files import certificate_texts
from rot180.codegen.verify.proof_scripts import check_rounding, check_script, check_scripts
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
from rot180.derive.semantics.claims import Question, judge_equation, parse_claim

REQUIRABLE = ("smt", "rocq")
"""The checks that need a program or package which may be missing."""

WIDTHS = (8, 9, 8, 15, 9)
"""How wide the columns of the checks are."""

STANDARD_OUTPUT = "-"
"""What ``--json`` is given to print instead of writing a file."""


def verify(arguments: argparse.Namespace) -> Work:
    """Read certificates, which the work checks, or the claim of ``--claim``, which it judges."""
    _expect_places(arguments)
    if arguments.claim is not None:
        expect_one(arguments, "claim", "file", "junit", "require", "rocq", "script", "scripts")
        question = parse_claim(arguments.claim)
        return lambda: _claim(arguments, question)
    required = _required(arguments)
    certificates = _certificates(arguments.file)
    script = _script(arguments, len(certificates))
    return lambda: _verify(arguments, required, certificates, script)


def _verify(
    arguments: argparse.Namespace,
    required: tuple[str, ...],
    certificates: Sequence[CertificateText],
    script: str | None,
) -> int:
    if "smt" in required and not smt.available():
        progress('the SMT solver is missing: pip install "rot180[smt]"')
        return 1
    begin = time.perf_counter()
    reports = _check(certificates, arguments, required, script)
    for report in reports:
        report.required = required
    _write_reports(reports, arguments)
    failed = [report for report in reports if report.faults]
    if arguments.json != STANDARD_OUTPUT:
        for report in failed:
            say("\n", verdict("FAILED"), " ", named(report.name), sep="")
            say(*(f"    {fault}" for fault in report.faults), sep="\n")
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
    if arguments.junit is not None and str(arguments.junit) == arguments.json:
        raise ValueError(f"--junit: found {arguments.json} for --json too, expected another file")


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


def _script(arguments: argparse.Namespace, count: int) -> str | None:
    """Return the text of ``--script``, the script of one certificate.

    Raises:
        ValueError: there are several certificates, or the file cannot be read.

    """
    if arguments.script is None:
        return None
    if count != 1:
        raise ValueError(
            f"--script: found {count} certificates, expected one FILE, the certificate of this "
            "script"
        )
    try:
        return files.read(arguments.script)
    except OSError as error:
        raise ValueError(
            f"--script: found {str(arguments.script)!r}, expected a proof script ({error.strerror})"
        ) from error


def _check(
    certificates: Sequence[CertificateText],
    arguments: argparse.Namespace,
    required: tuple[str, ...],
    script: str | None,
) -> list[TheoremReport]:
    """Check certificates and print a line for each as soon as it is complete."""
    show = _print_table(arguments)
    if "rocq" not in required:
        reports = check_certificates(certificates, show)
        return reports if arguments.file else reports + unproved_claims(reports)
    reports = check_certificates(certificates, lambda _: None)
    if not arguments.file:
        reports += unproved_claims(reports)
    _check_scripts(reports, certificates, arguments, script)
    for report in reports:
        show(report)
    return reports


def _check_scripts(
    reports: Sequence[TheoremReport],
    certificates: Sequence[CertificateText],
    arguments: argparse.Namespace,
    script: str | None,
) -> None:
    """Have `coqc` check proof scripts; if it is missing, the reports say that it did not run."""
    if not programs.installed("coqc"):
        progress("coqc is not installed, no script was checked: apt install coq")
        return
    if script is not None:
        check_script(reports[0], certificates[0], script, progress)
        return
    if not arguments.file:
        check_rounding(progress)
    texts = check_scripts(reports, certificates, progress)
    if arguments.scripts is not None:
        files.write(arguments.scripts, texts)


def _print_table(arguments: argparse.Namespace) -> Callable[[TheoremReport], None]:
    """Print the head of the table and return what prints a line; neither if JSON is printed."""
    if arguments.json == STANDARD_OUTPUT:
        return lambda _: None
    checks = ("replay", "checker", "model", "smt", "rocq")
    head = "".join(f"{check:{width}}" for check, width in zip(checks, WIDTHS, strict=True))
    say(heading(f"{head}{'steps':>5}{'seconds':>9}  theorem"))
    return lambda report: _print_line(report, with_statement=bool(arguments.file))


def _print_line(report: TheoremReport, with_statement: bool) -> None:
    results = (report.replay, report.checker, report.model, report.smt, report.rocq)
    words = [f"{_word(one):{width}}" for one, width in zip(results, WIDTHS, strict=True)]
    numbers = f"{report.steps:5}{report.seconds:9.2f}  "
    say(*map(verdict, words), numbers, named(report.name), sep="")
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


def _claim(arguments: argparse.Namespace, question: Question) -> int:
    """Judge a claim; ``--json`` writes the verdict, a certificate that `verify` reads included."""
    found = judge_equation(*question)
    data: dict[str, object] = {
        "claim": arguments.claim,
        "verdict": found.word,
        "said": str(found),
    }
    if found.theorem is not None:
        data |= certified_data(found.theorem)
    elif found.counterexample is not None:
        data["counterexample"] = found.counterexample.plain_data()
    code = 0 if found.word == "proved" else 1
    if arguments.json == STANDARD_OUTPUT:
        print_json(data)
        return code
    before, word, after = str(found).partition(found.word)
    say(before, verdict(word), after, sep="")
    if found.theorem is not None:
        say("\n", heading("Proof."), sep="", end="\n\n")
        print_proof(found.theorem)
    if arguments.json:
        write_json(Path(arguments.json), data)
    elif found.theorem is not None:
        say()
        print_next("`--json FILE` keeps the certificate, and `rot180 verify FILE` checks it")
    return code
