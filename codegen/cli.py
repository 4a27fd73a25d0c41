"""The command line: ``rot180 derive | show | list | verify | generate``.

Results go to the standard output, progress and errors to the standard error. The exit code is 2
for bad input and 1 for a failed check.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from rot180.codegen import catalogue, files
from rot180.derive.certificates import dumps
from rot180.derive.layers import catalogue as layers
from rot180.derive.notation import write
from rot180.derive.proof import ProofError, Theorem, axioms, replay
from rot180.derive.tactics import NotProvedError
from rot180.derive.theorems import claims, theorem


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments; those of the process if None.

    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
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

    show = command("show", _show, "Print a theorem and its proof.")
    show.add_argument("theorem", metavar="THEOREM", help="a name from `rot180 list`")
    show.add_argument("--latex", action="store_true", help="print LaTeX")

    command("list", _list, "List theorems, layers, kernels, and the backend in use.")
    command("verify", _verify, "Replay the proof of every theorem.")

    generate = command("generate", _generate, "Write the committed kernels anew.")
    generate.add_argument("--check", action="store_true", help="only compare, and print a diff")
    generate.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="default: where rot180.generated is"
    )
    return parser


def _progress(text: str) -> None:
    print(f"rot180: {text}", file=sys.stderr, flush=True)


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=1, ensure_ascii=False))


def _statement(proved: Theorem) -> dict[str, object]:
    return {"name": proved.name, "statement": str(proved), "proof": proved.proof.digest}


def _derive(arguments: argparse.Namespace) -> int:
    derivation = catalogue.derive(arguments.spec, arguments.wrt, _progress)
    texts = catalogue.files(derivation, _progress)
    paths = [str(path) for path in files.write(arguments.output, texts)]
    if arguments.json:
        proved = {name: _statement(found) for name, found in derivation.gradients}
        _print_json({"layer": derivation.layer.text, "theorems": proved, "files": paths})
        return 0
    print(f"{derivation.layer.text}\n")
    for name, found in derivation.gradients:
        print(f"{name}, proved in {len(found.proof.steps)} steps:\n")
        print("\n".join(f"    {line}" for line in str(found).splitlines()), end="\n\n")
    print("Written:", *paths, sep="\n    ")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.theorem not in claims():
        near = difflib.get_close_matches(arguments.theorem, claims(), n=3, cutoff=0.4)
        hint = f"one of those near: {', '.join(near)}" if near else "a name from `rot180 list`"
        raise ValueError(f"THEOREM: found {arguments.theorem!r}, expected {hint}")
    shown = theorem(arguments.theorem)
    if arguments.latex:
        print(shown.latex())
        return 0
    if arguments.json:
        certificate = json.loads(dumps(shown.proof))
        _print_json(_statement(shown) | {"certificate": certificate})
        return 0
    free = tuple(v for v, _ in shown.variables)
    print(f"{shown.name}, proof {shown.proof.digest}\n\n{shown}\n\nProof.\n")
    print(f"      {write(shown.lhs, free)}")
    for step, line in zip(shown.proof.steps, shown.lines[1:], strict=True):
        print(f"    = {write(line, free)}")
        print(f"          by {step.rule}{', backwards' if step.reverse else ''}")
    print("\nIt rests on:", *axioms(shown), sep="\n    ")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rot180 import generated
    found = {
        "theorems": list(claims()),
        "layers": list(layers()),
        "kernels": list(catalogue.public_functions()),
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
    rows = []
    for name in claims():
        begin = time.perf_counter()
        try:
            replayed = replay(theorem(name).proof)
            steps, opened = len(replayed.proof.steps), len(replayed.open)
            fault = f"{opened} obligations are open" if opened else ""
        except (ProofError, NotProvedError) as error:
            steps, fault = 0, str(error)
        seconds = time.perf_counter() - begin
        rows.append({"name": name, "steps": steps, "seconds": round(seconds, 2), "fault": fault})
        if not arguments.json:
            print(f"{'FAILED' if fault else 'proved'}  {steps:4} steps  {seconds:6.2f} s  {name}")
            if fault:
                print(f"    {fault}")
    failed = [row["name"] for row in rows if row["fault"]]
    if arguments.json:
        _print_json(rows)
    else:
        print(f"{len(rows) - len(failed)} of {len(rows)} theorems proved")
    return 1 if failed else 0


def _generate(arguments: argparse.Namespace) -> int:
    folder = arguments.output or files.generated_folder()
    texts = catalogue.generated(_progress)
    if not arguments.check:
        paths = [str(path) for path in files.write(folder, texts)]
        if arguments.json:
            _print_json({"files": paths})
        else:
            print("Written:", *paths, sep="\n    ")
        return 0
    found = files.drift(folder, texts, catalogue.GENERATED_PATTERNS)
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
