"""The command line: ``rot180 derive | book | network | show | list | verify | generate``.

Results go to the standard output, progress and errors to the standard error. The exit code is 2
for bad input and 1 for a failed check.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rot180.codegen.documents.book import book
from rot180.codegen.documents.formats import FORMATS, formats, publish
from rot180.codegen.documents.layer import document, fragment
from rot180.codegen.documents.model import Section
from rot180.codegen.documents.network import network_document
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.kernels import committed
from rot180.codegen.kernels.derivation import ProvedLayer, derive, layer_files
from rot180.codegen.kernels.public_api import public_functions
from rot180.codegen.kernels.training_program import program
from rot180.codegen.system import files, programs
from rot180.codegen.verify import report
from rot180.codegen.verify.rocq_column import check_script, check_scripts
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.display.notations import DEEP_LEARNING, NOTATIONS, Symbols, parse_symbols
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import catalogue as layers
from rot180.derive.language.notation import write
from rot180.derive.networks.network import network
from rot180.derive.semantics import smt
from rot180.derive.semantics.claims import judge
from rot180.derive.theorems import claims, theorem

REQUIRABLE = ("smt", "rocq")
"""The checks of `verify` that need what may be missing."""

CLOSED_PIPE = 141
"""The exit code of a tool whose output nobody reads to the end: 128, and the signal's number."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments; those of the process if None.

    """
    arguments = _parser().parse_args(argv)
    try:
        if getattr(arguments, "output", None):
            files.expect_folder(arguments.output)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        files.silence(sys.stdout)
        return CLOSED_PIPE
    except (ValueError, OSError) as error:
        print(f"rot180: {error}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rot180", description="Convolution gradients: derived, proved, typeset, compiled."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="print JSON")
        added.set_defaults(run=run)
        return added

    derive = command("derive", _derive, "Derive and prove a layer's gradients; write its files.")
    derive.add_argument(
        "spec",
        metavar="SPEC",
        help="a layer by name (conv2d) or as a sum: 'y[p] = sum[k] x[2*p+k] * w[k]'",
    )
    derive.add_argument("--wrt", metavar="OPERAND", help="differentiate by this operand alone")
    derive.add_argument("-o", "--output", metavar="DIR", type=Path, required=True)
    derive.add_argument(
        "--fragment",
        action="store_true",
        help="write proof.tex to be pasted into a document with amsmath, not one of its own",
    )
    _add_document(derive, "tex,html")
    _add_example(derive)

    book = command("book", _book, "Write the book: every theorem, its proof, its kernel.")
    book.add_argument("-o", "--output", metavar="DIR", type=Path, required=True)
    _add_document(book, "tex,html,pdf")

    net = command("network", _network, "Derive a network's gradients; write a training program.")
    net.add_argument(
        "spec", metavar="SPEC", help="'conv2d 8 3x3; relu; flatten; linear 10; squared_error'"
    )
    net.add_argument("-o", "--output", metavar="DIR", type=Path, required=True)
    _add_document(net, "tex,html")

    show = command("show", _show, "Print a theorem and its proof.")
    show.add_argument("theorem", metavar="THEOREM", help="a name from `rot180 list`")
    show.add_argument("--latex", action="store_true", help="print LaTeX")
    _add_notation(show)

    command("list", _list, "List theorems, layers, kernels, and the backend in use.")
    verify = commands.add_parser(
        "verify",
        help="Check proofs from their certificates alone.",
        description="Check proofs from their certificates alone: nothing is searched.",
    )
    verify.set_defaults(run=_verify)
    verify.add_argument(
        "file", metavar="FILE", nargs="*", type=Path, help="certificates; default: the registry's"
    )
    verify.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write the table as JSON"
    )
    verify.add_argument("--junit", metavar="FILE", type=Path, help="write a JUnit report")
    verify.add_argument("--rocq", action="store_true", help="as --require rocq")
    verify.add_argument(
        "--require",
        metavar="LIST",
        action="append",
        default=[],
        help="some of smt,rocq: fail where it did not run; rocq lets coqc check a script of each",
    )
    verify.add_argument(
        "--script", metavar="FILE", type=Path, help="let coqc check this script of the one FILE"
    )
    verify.add_argument(
        "--scripts", metavar="DIR", type=Path, help="keep the scripts that coqc was given"
    )
    verify.add_argument(
        "--claim",
        metavar="TEXT",
        help="prove or refute a claim of your own: 'p: sum[k] x[p+k]*w[k] = sum[j] ...'",
    )

    generate = command("generate", _generate, "Write the committed kernels anew.")
    generate.add_argument("--check", action="store_true", help="only compare, and print a diff")
    generate.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="default: where rot180.generated is"
    )
    return parser


def _add_document(parser: argparse.ArgumentParser, usual: str) -> None:
    parser.add_argument(
        "--format",
        metavar="LIST",
        help=f"some of {','.join(FORMATS)}; default: {usual}",
    )
    parser.add_argument(
        "--detail",
        choices=("short", "full"),
        default="short",
        help="whether a page shows the housekeeping steps of a proof; HTML has both views",
    )
    _add_notation(parser)


def _formats(arguments: argparse.Namespace, usual: str) -> tuple[str, ...]:
    return formats(usual if arguments.format is None else arguments.format)


def _add_example(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--example",
        metavar="FILE",
        nargs="+",
        default=[],
        help="small arrays (.npy) to work the layer out on: the operands in order, or NAME=FILE",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="stride, dilation, padding or a size in the example, as s=2; default: 1, 1 and 0",
    )


def _example(
    arguments: argparse.Namespace, derivation: ProvedLayer, symbols: Symbols
) -> list[Section]:
    """Work the layer out on the arrays that are given, if any."""
    found, values = derivation.layer, dict[str, int]()
    operands = [t.name for t in found.tensors]
    for text in arguments.set:
        name, _, value = text.partition("=")
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", value):
            raise ValueError(f"--set: found {text!r}, expected NAME=VALUE, say s=2")
        if name in values:
            raise ValueError(f"--set: found {name} twice, expected it once")
        values[name] = int(value)
    if values and not arguments.example:
        raise ValueError("--set: found no --example beside it, expected arrays")
    if not arguments.example:
        return []
    arrays: dict[str, NDArray[Any]] = {}
    rest = list(operands)
    for text in arguments.example:
        name, equals, path = text.partition("=")
        if not equals:
            if not rest:
                raise ValueError(f"--example: found {text!r}, expected no more than the operands")
            name, path = rest[0], text
        if name in arrays:
            raise ValueError(f"--example: found {name} twice, expected it once")
        rest = [other for other in rest if other != name]
        arrays[name] = _array(path)
    wrt = [name for name in operands if name in arrays and arguments.wrt in (None, name)]
    try:
        return [section(worked(found, arrays, values, symbols, wrt))]
    except ValueError as error:
        raise ValueError(f"--example, --set: {error}") from error


def _array(path: str) -> NDArray[Any]:
    try:
        return files.array(Path(path))
    except OSError as error:
        raise ValueError(
            f"--example: found {path!r}, expected a .npy file ({error.strerror})"
        ) from error


def _add_notation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--notation",
        metavar="NAME",
        default=DEEP_LEARNING.name,
        help=f"how LaTeX writes names: {', '.join(NOTATIONS)}, or a TOML file of symbols",
    )


def _symbols(given: str) -> Symbols:
    """Return a notation by its name, or read it from a file."""
    if given in NOTATIONS:
        return NOTATIONS[given]
    try:
        text = files.read(Path(given))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"--notation: found {given!r}, expected {', '.join(NOTATIONS)} or a TOML file of "
            f"symbols ({error})"
        ) from error
    return parse_symbols(text, given)


def _progress(text: str) -> None:
    print(f"rot180: {text}", file=sys.stderr, flush=True)


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=1, ensure_ascii=False))


def _statement(proved: Theorem) -> dict[str, object]:
    return {"name": proved.name, "statement": str(proved), "proof": proved.proof.digest}


def _write(folder: Path, texts: Mapping[str, str | bytes], missing: Sequence[str]) -> list[str]:
    """Write files, say what had to be left out, and return the files' paths."""
    paths = [str(path) for path in files.write(folder, texts)]
    for said in missing:
        _progress(said)
    return paths


def _derive(arguments: argparse.Namespace) -> int:
    symbols = _symbols(arguments.notation)
    asked = _formats(arguments, "tex,html")
    if arguments.fragment and arguments.format not in (None, "tex"):
        raise ValueError(f"--fragment: found --format {arguments.format} beside it, expected tex")
    if arguments.fragment and arguments.example:
        raise ValueError("--fragment: found --example beside it, expected one of the two")
    derivation = derive(arguments.spec, arguments.wrt, _progress)
    if arguments.fragment:
        parts = (fragment(t, arguments.detail, symbols) for _, t in derivation.gradients)
        texts: dict[str, str | bytes] = {"proof.tex": "\n".join(parts)}
        missing: list[str] = []
    else:
        more = _example(arguments, derivation, symbols)
        shown = document(derivation, arguments.detail, symbols, more)
        texts, missing = publish(shown, "proof", asked, _progress)
    texts |= layer_files(derivation, _progress)
    paths = _write(arguments.output, texts, missing)
    code = 1 if missing and arguments.format else 0
    if arguments.json:
        proved = {name: _statement(found) for name, found in derivation.gradients}
        _print_json({"layer": derivation.layer.text, "theorems": proved, "files": paths})
        return code
    print(f"{derivation.layer.text}\n")
    for name, found in derivation.gradients:
        print(f"{name}, proved in {len(found.proof.steps)} steps:\n")
        print("\n".join(f"    {line}" for line in str(found).splitlines()), end="\n\n")
    print("Written:", *paths, sep="\n    ")
    return code


def _book(arguments: argparse.Namespace) -> int:
    symbols = _symbols(arguments.notation)
    asked = _formats(arguments, ",".join(FORMATS))
    begin = time.perf_counter()
    written = book(arguments.detail, symbols, progress=_progress)
    texts, missing = publish(written, "book", asked, _progress)
    paths = _write(arguments.output, texts, missing)
    _progress(f"{time.perf_counter() - begin:.0f} s")
    if arguments.json:
        _print_json({"files": paths, "missing": missing})
    else:
        print("Written:", *paths, sep="\n    ")
    return 1 if missing else 0


def _network(arguments: argparse.Namespace) -> int:
    symbols = _symbols(arguments.notation)
    asked = _formats(arguments, "tex,html")
    found = network(arguments.spec)
    made = program(found, _progress)
    shown = network_document(found, arguments.detail, symbols)
    texts, missing = publish(shown, "proof", asked, _progress)
    paths = _write(arguments.output, texts | made, missing)
    code = 1 if missing and arguments.format else 0
    if arguments.json:
        proved = [_statement(t) for t in (*found.deltas.values(), *found.gradients.values())]
        _print_json({"network": str(found), "theorems": proved, "files": paths})
        return code
    for number, stage in enumerate(found.steps(), 1):
        print(f"{number}. {stage.title}")
        print(*(f"    {entry}" for entry in stage.entries), sep="\n", end="\n\n")
    print("Written:", *paths, sep="\n    ")
    return code


def _show(arguments: argparse.Namespace) -> int:
    if arguments.theorem not in claims():
        near = difflib.get_close_matches(arguments.theorem, claims(), n=3, cutoff=0.4)
        hint = f"one of those near: {', '.join(near)}" if near else "a name from `rot180 list`"
        raise ValueError(f"THEOREM: found {arguments.theorem!r}, expected {hint}")
    symbols = _symbols(arguments.notation)
    shown = theorem(arguments.theorem)
    if arguments.latex:
        print(shown.latex(symbols))
        return 0
    if arguments.json:
        _print_json(_certified(shown))
        return 0
    print(f"{shown.name}, proof {shown.proof.digest}\n\n{shown}\n\nProof.\n")
    _print_proof(shown)
    return 0


def _certified(proved: Theorem) -> dict[str, object]:
    return _statement(proved) | {"certificate": json.loads(dumps(proved.proof))}


def _print_proof(shown: Theorem) -> None:
    free = tuple(v for v, _ in shown.variables)
    print(f"      {write(shown.lhs, free)}")
    for step, line in zip(shown.proof.steps, shown.lines[1:], strict=True):
        print(f"    = {write(line, free)}")
        print(f"          by {step.rule}{', backwards' if step.reverse else ''}")
    print("\nIt rests on:", *axioms(shown), sep="\n    ")


def _list(arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rot180 import generated
    found = {
        "theorems": list(claims()),
        "layers": list(layers()),
        "kernels": list(public_functions()),
        "backend": generated.backend(),
    }
    if arguments.json:
        _print_json(found)
        return 0
    for title in ("theorems", "layers", "kernels"):
        print(f"{title}:", *found[title], sep="\n    ")
    print(f"backend: {found['backend']}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.claim is not None:
        return _claim(arguments)
    required = _required(arguments)
    if "smt" in required and not smt.available():
        print('rot180: the SMT solver is missing: pip install "rot180[smt]"', file=sys.stderr)
        return 1
    begin = time.perf_counter()
    certificates = _certificates(arguments.file)
    quiet = arguments.json == "-"
    if not quiet:
        heads = f"{'replay':8}{'checker':9}{'model':8}{'smt':15}{'rocq':9}"
        print(f"{heads}{'steps':>5}{'seconds':>9}  theorem", flush=True)
    stated = bool(arguments.file)

    def show_row(row: report.Row) -> None:
        if not quiet:
            _print_row(row, stated)

    # with scripts, a row is complete at the end only
    waiting = "rocq" in required
    rows = report.verify(certificates, lambda row: None if waiting else show_row(row))
    if not arguments.file:
        rows += report.missing(rows)
    if waiting:
        _check_scripts(rows, certificates, arguments)
        for row in rows:
            show_row(row)
    for row in rows:
        row.required = required
    failed = [row for row in rows if row.faults]
    if arguments.junit:
        files.write(arguments.junit.parent, {arguments.junit.name: report.junit(rows)})
    if arguments.json:
        text = json.dumps([row.plain() for row in rows], indent=1) + "\n"
        if quiet:
            print(text, end="")
        else:
            path = Path(arguments.json)
            files.write(path.parent, {path.name: text})
    if not quiet:
        for row in failed:
            print(f"\nFAILED {row.name}", *row.faults, sep="\n    ")
        print(
            f"{len(rows) - len(failed)} of {len(rows)} theorems proved "
            f"in {time.perf_counter() - begin:.0f} s"
        )
    return 1 if failed else 0


def _required(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the checks that must have run."""
    asked = [word for text in arguments.require for word in text.split(",")]
    for word in asked:
        if word not in REQUIRABLE:
            raise ValueError(f"--require: found {word!r}, expected some of {','.join(REQUIRABLE)}")
    if arguments.rocq:
        asked.append("rocq")
    if arguments.script is not None:
        asked.append("rocq")
    if arguments.scripts is not None and (arguments.script or "rocq" not in asked):
        raise ValueError("--scripts: found no --require rocq, or --script; expected the first")
    return tuple(dict.fromkeys(asked))


def _check_scripts(
    rows: Sequence[report.Row],
    certificates: Sequence[report.Source],
    arguments: argparse.Namespace,
) -> None:
    """Let `coqc` check scripts; where it is missing, the rows say that it did not run."""
    if not programs.installed("coqc"):
        _progress("coqc is not installed, no script was checked: apt install coq")
        return
    if arguments.script is not None:
        if len(certificates) != 1:
            raise ValueError(f"--script: found {len(certificates)} certificates, expected one")
        check_script(rows[0], certificates[0], files.read(arguments.script), _progress)
        return
    texts = check_scripts(rows, certificates, _progress)
    if arguments.scripts is not None:
        files.write(arguments.scripts, texts)


def _claim(arguments: argparse.Namespace) -> int:
    """Judge a claim; with ``--json`` write the verdict, which `verify` reads if it is a proof."""
    if arguments.file:
        raise ValueError("--claim: found a FILE beside it, expected one of the two")
    verdict = judge(arguments.claim)
    data: dict[str, object] = {
        "claim": arguments.claim,
        "verdict": verdict.word,
        "said": str(verdict),
    }
    if verdict.theorem is not None:
        data |= _certified(verdict.theorem)
    elif verdict.counterexample is not None:
        data["counterexample"] = verdict.counterexample.plain_data()
    if arguments.json == "-":
        _print_json(data)
        return verdict.word != "proved"
    print(verdict)
    if verdict.theorem is not None:
        print("\nProof.\n")
        _print_proof(verdict.theorem)
    if arguments.json:
        path = Path(arguments.json)
        files.write(path.parent, {path.name: json.dumps(data, indent=1) + "\n"})
    elif verdict.theorem is not None:
        print("\nThe certificate: --json FILE writes it, `rot180 verify FILE` checks it.")
    return verdict.word != "proved"


def _print_row(row: report.Row, stated: bool) -> None:
    words = [
        word
        if word in ("ok", report.ABSENT, report.LEFT_OUT, report.NOT_RUN)
        else "vacuous" if word.startswith("vacuous") else "FAILED"
        for word in (row.replay, row.checker, row.model, row.smt, row.rocq)
    ]
    said = f"{words[0]:8}{words[1]:9}{words[2]:8}{words[3]:15}{words[4]:9}"
    print(f"{said}{row.steps:5}{row.seconds:9.2f}  {row.name}", flush=True)
    if stated and row.statement:
        print(*(f"    {line}" for line in row.statement.splitlines()), sep="\n", flush=True)


def _certificates(paths: Sequence[Path]) -> list[report.Source]:
    """Return each certificate; a file of `derive` has several, those of `--json` a statement."""
    folder = files.generated_folder() / committed.CERTIFICATES
    found = []
    for path in paths or sorted(folder.glob("*.json")):
        try:
            text = files.read(path)
        except OSError as error:
            raise ValueError(
                f"FILE: found {str(path)!r}, expected a certificate ({error.strerror})"
            ) from error
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}") from error
        if isinstance(data, dict) and isinstance(data.get("proofs"), dict):
            recorded = data.get("statements", {})
            if not isinstance(recorded, dict):
                raise ValueError(f"{path}: statements: expected an object")
            found += [
                report.Source(f"{path}, {n}", json.dumps(proof), str(recorded.get(n, "")))
                for n, proof in data["proofs"].items()
            ]
        elif isinstance(data, dict) and isinstance(data.get("certificate"), dict):
            recorded = str(data.get("statement", ""))
            proof = json.dumps(data["certificate"])
            found.append(report.Source(str(path), proof, recorded))
        else:
            found.append(report.Source(str(path), text))
    if not found:
        raise ValueError(f"FILE: found no certificate in {folder}; run `rot180 generate`")
    return found


def _generate(arguments: argparse.Namespace) -> int:
    folder = arguments.output or files.generated_folder()
    texts = committed.generated(_progress)
    if not arguments.check:
        paths = [str(path) for path in files.write(folder, texts)]
        if arguments.json:
            _print_json({"files": paths})
        else:
            print("Written:", *paths, sep="\n    ")
        return 0
    found = files.drift(folder, texts, committed.GENERATED_PATTERNS)
    if arguments.json:
        _print_json({"drift": found})
    elif found:
        print("\n".join(found))
        print(f"{len(found)} files differ; run `rot180 generate` and commit", file=sys.stderr)
    else:
        print(f"{len(texts)} files are up to date")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
