"""The commands, and how their errors are said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from rot180.codegen.cli.audit import audit
from rot180.codegen.cli.convert import convert
from rot180.codegen.cli.documents import book, derive, network, site
from rot180.codegen.cli.explain import explain
from rot180.codegen.cli.options import Work, parser
from rot180.codegen.cli.playground import playground
from rot180.codegen.cli.registry import generate, list_all, show
from rot180.codegen.cli.verify import verify
from rot180.codegen.system import streams
from rot180.derive.language.limits import LimitError

COMMANDS: Mapping[str, Callable[[argparse.Namespace], Work]] = {
    "derive": derive,
    "audit": audit,
    "convert": convert,
    "explain": explain,
    "book": book,
    "site": site,
    "network": network,
    "playground": playground,
    "show": show,
    "list": list_all,
    "verify": verify,
    "generate": generate,
}
"""Each command: it judges all of its arguments before anything is derived, and returns the work."""

CLOSED_PIPE = 141
"""The exit code of a program whose reader closed the pipe: 128 and the number of SIGPIPE."""


def run(argv: Sequence[str] | None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments; those of the process if None.

    """
    try:
        return _run(argv)
    except BrokenPipeError:
        code, said = CLOSED_PIPE, ""
    except RecursionError:
        code = 2
        said = (
            f"found input that needs more than {sys.getrecursionlimit()} calls within each other; "
            "expected fewer brackets or layers in one another: write it in several parts"
        )
    except MemoryError:
        code = 2
        said = "out of memory; give smaller input, fewer formats (--format), or more memory"
    except (ValueError, OSError, LimitError) as error:
        code, said = 2, str(error)
    if said:
        streams.say(said)
    streams.close()
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = parser().parse_args(argv)
        work = COMMANDS[arguments.command](arguments)
        return work()
    finally:
        # also of --help, after which the parser exits
        sys.stdout.flush()
