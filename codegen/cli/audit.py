"""``rot180 audit``: judge somebody's forward or backward pass."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from rot180.codegen.audit.judge import Judge
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.report import FORMATS, write
from rot180.codegen.audit.runs import run
from rot180.codegen.audit.starter import starter
from rot180.codegen.audit.targets import target
from rot180.codegen.audit.tolerance import precision
from rot180.codegen.cli.options import Work
from rot180.codegen.cli.output import print_next, print_paths, progress
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say


def audit(arguments: argparse.Namespace) -> Work:
    """Find the layer and the target; the work judges it, and reports.

    Raises:
        ValueError: the layer, the operand, the target or an option is unknown.

    """
    find_modules_here()
    if arguments.init:
        return _init(arguments)
    if arguments.layer is None:
        raise ValueError("--layer: found nothing, expected the layer that TARGET is to compute")
    asked = question(arguments.layer, arguments.wrt or "")
    judged = target(arguments.target, asked)
    kinds = tuple(precision(text) for text in arguments.dtype.split(","))
    if arguments.configurations < 1:
        found = arguments.configurations
        raise ValueError(f"--configurations: found {found}, expected an integer >= 1")
    if arguments.report not in FORMATS:
        expected = ", ".join(FORMATS)
        raise ValueError(f"--report: found {arguments.report!r}, expected one of {expected}")
    if arguments.output is not None:
        files.expect_file("--output", arguments.output)
    judge = Judge(asked, judged, kinds, arguments.seed)
    return lambda: _audit(arguments, judge)


def _audit(arguments: argparse.Namespace, judge: Judge) -> int:
    found = run(judge, arguments.configurations, progress)
    text = write(found, arguments.report)
    if arguments.output is None:
        say(text, end="")
    else:
        files.write(arguments.output.parent, {arguments.output.name: text})
        say(write(found, "text"), end="")
    return int(found.diagnosis is not None)


def find_modules_here() -> None:
    """Let modules of the current folder be imported, as `python -m` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _init(arguments: argparse.Namespace) -> Work:
    """Look at a function's signature; the work writes a test file with an adapter.

    Raises:
        ValueError: the signature does not say enough, or the file exists.

    """
    written = starter(arguments.target, arguments.layer, arguments.wrt)
    path = arguments.output or Path(written.name)
    files.expect_file("--output", path)
    if path.exists():
        raise ValueError(f"--output: found {path}, expected no such file; move it, or give another")
    return lambda: _write(path, written.text)


def _write(path: Path, text: str) -> int:
    print_paths([str(p) for p in files.write(path.parent, {path.name: text})])
    print_next(f"`python -m pytest {shlex.quote(str(path))}` runs it")
    return 0
