"""What commands print and write: results to the standard output, progress to standard error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rot180.codegen.system import files, streams
from rot180.codegen.system.terminal import heading, say, visible
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.notation import write


def progress(text: str) -> None:
    """Print a message on the standard error."""
    streams.say(text)


def print_json(data: object) -> None:
    """Print plain data as JSON."""
    say(_json(data), end="")


def write_json(path: Path, data: object) -> None:
    """Write plain data into a file as JSON.

    Raises:
        WriteError: the file cannot be written.

    """
    files.write(path.parent, {path.name: _json(data)})


def _json(data: object) -> str:
    return visible(json.dumps(data, indent=1, ensure_ascii=False)) + "\n"


def write_files(
    folder: Path, texts: Mapping[str, str | bytes], missing: Sequence[str]
) -> list[str]:
    """Write files into a folder, report what had to be left out, and return the files' paths.

    Args:
        folder: where to write.
        texts: file name to contents.
        missing: for each format that could not be written, a sentence that says why.

    Raises:
        WriteError: a file cannot be written.

    """
    paths = [str(path) for path in files.write(folder, texts)]
    for sentence in missing:
        progress(sentence)
    return paths


def print_paths(paths: Sequence[str]) -> None:
    """Print the paths of the files that were written."""
    say(heading("Written:"), *paths, sep="\n    ")


def print_next(*commands: str) -> None:
    """Print what to do next, as the last line."""
    say(heading("Next:"), "; ".join(commands))


def statement_data(proved: Theorem) -> dict[str, object]:
    """Return a theorem's name, its statement and the hash of its proof, as plain data."""
    return {"name": proved.name, "statement": str(proved), "proof": proved.proof.digest}


def certified_data(proved: Theorem) -> dict[str, object]:
    """Return `statement_data` with the certificate of the proof."""
    return statement_data(proved) | {"certificate": json.loads(dumps(proved.proof))}


def print_proof(proved: Theorem) -> None:
    """Print the lines of a proof, the rule of each step, and what the proof rests on."""
    free = tuple(v for v, _ in proved.variables)
    say(f"      {write(proved.lhs, free)}")
    for step, line in zip(proved.proof.steps, proved.lines[1:], strict=True):
        say(f"    = {write(line, free)}")
        say(f"          by {step.rule}{', backwards' if step.reverse else ''}")
    say("\nIt rests on:", *axioms(proved), sep="\n    ")
