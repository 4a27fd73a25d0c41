"""``rot180 playground``: the command that writes a page in which the engine runs."""

from __future__ import annotations

import argparse
import shlex

from rot180.codegen.cli.options import Work
from rot180.codegen.cli.output import print_json, print_next, print_paths, progress, write_files
from rot180.codegen.documents import playground_files
from rot180.codegen.system import files


def playground(arguments: argparse.Namespace) -> Work:
    """Judge the files of Pyodide; the work writes the playground and all that it loads."""
    pyodide = playground_files.pyodide_files(arguments.pyodide)
    loaded = (f"pyodide/{name}" for name in pyodide)
    files.expect_folder("-o", arguments.output, ["index.html", "worker.js", *loaded])

    def work() -> int:
        progress("packing the engine")
        paths = write_files(arguments.output, playground_files.playground(pyodide), ())
        if arguments.json:
            print_json({"files": paths})
        else:
            print_paths(paths)
            folder = shlex.quote(str(arguments.output))
            print_next(f"`python -m http.server -d {folder}` serves it")
        return 0

    return work
