"""The command line: ``rot180 derive | book | network | show | list | verify | generate``.

Results go to the standard output, progress and errors to the standard error. The exit code is 2
for bad input and 1 for a failed check.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from rot180.codegen.cli.documents import book, derive, network
from rot180.codegen.cli.options import parser
from rot180.codegen.cli.registry import generate, list_all, show
from rot180.codegen.cli.verify import verify
from rot180.codegen.system import files

COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "derive": derive,
    "book": book,
    "network": network,
    "show": show,
    "list": list_all,
    "verify": verify,
    "generate": generate,
}
"""Each command: it takes the arguments and returns the exit code."""

CLOSED_PIPE = 141
"""The exit code of a program whose reader closed the pipe: 128 and the number of SIGPIPE."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments; those of the process if None.

    """
    arguments = parser().parse_args(argv)
    try:
        if getattr(arguments, "output", None):
            files.expect_folder(arguments.output)
        code = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        files.silence(sys.stdout)
        return CLOSED_PIPE
    except (ValueError, OSError) as error:
        print(f"rot180: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    raise SystemExit(main())
