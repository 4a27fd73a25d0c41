"""``rot180 derive`` for a program: several definitions."""

from __future__ import annotations

import argparse
import shlex

from rot180.codegen.cli.excerpts import requested_excerpt, theorem_files
from rot180.codegen.cli.options import Work, requested_formats, requested_symbols
from rot180.codegen.cli.output import (
    print_json,
    print_next,
    print_paths,
    progress,
    statement_data,
    write_files,
)
from rot180.codegen.documents.abbreviate import abbreviate
from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.layer import layer_document
from rot180.codegen.kernels.derivation import CERTIFICATE
from rot180.codegen.kernels.program_derivation import (
    plain_program_file,
    program_files,
    prove_program,
)
from rot180.codegen.system.terminal import named, say, verdict
from rot180.derive.display.abbreviate import MOST_TERMS
from rot180.derive.display.definitions import every_tensor
from rot180.derive.display.statement import write_theorem
from rot180.derive.gradients.gradient import operand
from rot180.derive.language.programs import Program

_FOR_LAYERS = {
    "slides": "its proofs have a chain of definitions, which no frame has room for: --fragment",
    "example": "its worked example would need numbers for every definition",
    "set": "it has no worked example",
}
"""Options for a layer, one definition, each with the reason why a program does not have it."""


def derive_program(arguments: argparse.Namespace, program: Program) -> Work:
    """Judge the options for a program; the work writes proofs and kernels and prints the theorems.

    Raises:
        ValueError: an option is for layers alone, or there is no such operand.

    """
    for option, why in _FOR_LAYERS.items():
        if getattr(arguments, option):
            raise ValueError(
                f"--{option}: found a program of {len(program.definitions)} definitions, expected "
                f"a layer, one definition; {why}"
            )
    excerpt = requested_excerpt(arguments)
    if arguments.wrt is not None:
        operand(program, arguments.wrt)
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)

    def work() -> int:
        proved = prove_program(program, arguments.wrt, progress)
        texts: dict[str, str | bytes] = {}
        missing: list[str] = []
        gradients = [t for _, t in proved.gradients]
        if excerpt:
            texts, missing = theorem_files(excerpt, arguments, gradients, symbols)
        elif asked:
            page = layer_document(program, gradients, arguments.detail, symbols)
            page = page if arguments.whole else abbreviate(page)
            texts, missing = in_formats(page, "proof", asked, progress)
        plain = plain_program_file(proved) if arguments.style else {}
        texts |= program_files(proved, progress) | plain
        paths = write_files(arguments.output, texts, missing)
        if arguments.json:
            theorems = {name: statement_data(theorem) for name, theorem in proved.gradients}
            print_json({"program": proved.text, "theorems": theorems, "files": paths})
            return 1 if missing and arguments.format else 0
        say(*proved.text.split("; "), sep="\n")
        for condition in (*program.hypotheses, *program.conventions):
            say(f"where {condition}")
        say("")
        known = set(program.definitions)
        for name, theorem in proved.gradients:
            count = f" in {len(theorem.proof.steps)} steps:\n"
            say(named(name), ", ", verdict("proved"), count, sep="")
            text = write_theorem(theorem, None if arguments.whole else MOST_TERMS, known)
            known.update(every_tensor(theorem.lhs, theorem.rhs))
            say("\n".join(f"    {line}" for line in text.splitlines()), end="\n\n")
        say(*plain.values(), sep="\n")
        print_paths(paths)
        checked = shlex.quote(str(arguments.output / CERTIFICATE))
        print_next(f"`rot180 verify {checked}` checks the proofs")
        return 1 if missing and arguments.format else 0

    return work
