"""``rot180 explain``: how the compiled kernels of a layer or a program compute."""

from __future__ import annotations

import argparse

from rot180.codegen.cli.options import Work
from rot180.codegen.cli.output import print_json
from rot180.codegen.kernels.explanation import explanations
from rot180.codegen.system.terminal import named, say
from rot180.derive.language.programs import read


def explain(arguments: argparse.Namespace) -> Work:
    """Read the layer or the program; the work derives it and says how each kernel computes.

    Raises:
        ValueError: it cannot be read.

    """
    read(arguments.spec)

    def work() -> int:
        found = explanations(arguments.spec)
        if arguments.json:
            print_json({e.name: list(e.lines) for e in found})
            return 0
        for e in found:
            say(named(e.name))
            say("\n".join(f"    {line}" for line in e.lines), end="\n\n")
        return 0

    return work
