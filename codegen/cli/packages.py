"""``rot180 derive --package``: a package that `pip` builds without rot180."""

from __future__ import annotations

import argparse
import shlex

from rot180.codegen.cli.options import Work, expect_one
from rot180.codegen.cli.output import print_json, print_next, print_paths, progress, write_files
from rot180.codegen.kernels.derivation import derivable
from rot180.codegen.kernels.derivation import derive as derive_layer
from rot180.codegen.kernels.package import checked_name, package_files, package_names
from rot180.codegen.kernels.program_derivation import prove_program
from rot180.codegen.system import files
from rot180.derive.gradients.gradient import operand
from rot180.derive.language.limits import metered
from rot180.derive.language.programs import Program, read

_OTHERS = ("fragment", "statement", "slides", "style", "format", "example", "set")
"""Options for what a package does not contain."""


@metered()
def derive_package(arguments: argparse.Namespace) -> Work:
    """Judge what is to be derived and the package's name; the work writes the package.

    Raises:
        ValueError: the name is none for a package, or other options do not fit it.

    """
    word = checked_name(arguments.package)
    expect_one(arguments, "package", *_OTHERS)
    files.expect_folder("-o", arguments.output, package_names(word))
    found = read(arguments.spec)
    if not isinstance(found, Program):
        derivable(arguments.spec, arguments.wrt)
    elif arguments.wrt is not None:
        operand(found, arguments.wrt)

    @metered()
    def work() -> int:
        if isinstance(found, Program):
            written = package_files(
                word, prove_program(found, arguments.wrt, progress), progress
            )
        else:
            proved = derive_layer(arguments.spec, arguments.wrt, progress)
            written = package_files(word, proved, progress)
        paths = write_files(arguments.output, written, [])
        if arguments.json:
            print_json({"package": word, "files": paths})
            return 0
        print_paths(paths)
        folder = shlex.quote(str(arguments.output))
        print_next(f"`pip install {folder}` builds it; `python -m {word}` then checks it")
        return 0

    return work
