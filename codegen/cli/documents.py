"""``rot180 derive``, ``book``, ``site`` and ``network``: the commands that write documents."""

from __future__ import annotations

import argparse
import re
import shlex
import textwrap
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from rot180.codegen.cli.arrays import decode
from rot180.codegen.cli.excerpts import excerpt_files, requested_excerpt
from rot180.codegen.cli.options import Work, requested_formats, requested_symbols
from rot180.codegen.cli.output import (
    print_json,
    print_next,
    print_paths,
    progress,
    statement_data,
    write_files,
)
from rot180.codegen.cli.packages import derive_package
from rot180.codegen.cli.programs import derive_program
from rot180.codegen.documents.abbreviate import abbreviate
from rot180.codegen.documents.book import book as write_book
from rot180.codegen.documents.example_data import example
from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.fragments import expect_room_for_layer
from rot180.codegen.documents.layer import document
from rot180.codegen.documents.model import Section
from rot180.codegen.documents.network import network_document
from rot180.codegen.documents.playground_files import pyodide_files
from rot180.codegen.documents.site import PLAYGROUND, site_playground
from rot180.codegen.documents.site import site as write_site
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.kernels.derivation import (
    CERTIFICATE,
    PLAIN,
    ProvedLayer,
    derivable,
    file_names,
    layer_files,
    plain_file,
)
from rot180.codegen.kernels.derivation import derive as derive_layer
from rot180.codegen.kernels.training_program import FILES, program
from rot180.codegen.system import files
from rot180.codegen.system.terminal import heading, named, say, verdict
from rot180.derive.display.abbreviate import MOST_TERMS
from rot180.derive.display.notations import Symbols
from rot180.derive.display.statement import write_theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.limits import metered
from rot180.derive.language.programs import Program, read
from rot180.derive.networks.network import Network
from rot180.derive.networks.network import network as read_network
from rot180.derive.semantics.evaluate import table

MOST_DIGITS = 9
"""How many digits a value of ``--set`` may have."""


READING = {"html": "open {} in a browser", "pdf": "read {}", "tex": "compile {} with LaTeX"}
"""How a document is read, by the ending of its file; the first that was written is named."""

TRAINING = """
import numpy as np
from {package} import network

parameters = network.initial(np.random.default_rng(0), x.shape[1:])
for _ in range(100):
    for name, slope in network.gradients(parameters, x, t).items():
        parameters[name] -= 0.01 / len(x) * slope
print(network.loss(parameters, x, t), network.predict(parameters, x))
"""
"""How a training program is run: gradient descent on one batch."""

Written: TypeAlias = tuple[dict[str, str | bytes], list[str]]
"""File name to contents, and a message for each file that is left out."""

Numbers: TypeAlias = tuple[Mapping[str, NDArray[Any]], Mapping[str, int]]
"""The arrays of ``--example`` and the values of ``--set``."""


@metered()
def derive(arguments: argparse.Namespace) -> Work:
    """Judge what is to be derived; the work writes proofs and kernels and prints the theorems."""
    if arguments.package is not None:
        return derive_package(arguments)
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    excerpt = requested_excerpt(arguments)
    if arguments.example and not asked:
        raise ValueError("--example: found --format none, expected a document for the example")
    documents = _names("proof", asked)
    if excerpt:
        documents = _names(excerpt.name, excerpt.formats)
    plain = [PLAIN] if arguments.style else []
    files.expect_folder("-o", arguments.output, [*documents, *file_names(), *plain])
    found = read(arguments.spec)
    if isinstance(found, Program):
        return derive_program(arguments, found)
    forward = derivable(arguments.spec, arguments.wrt)
    numbers = _example(arguments, forward)
    if excerpt:
        expect_room_for_layer(forward, symbols, excerpt.room)
        return lambda: _derive(arguments, lambda p: excerpt_files(excerpt, arguments, p, symbols))
    return lambda: _derive(arguments, lambda p: _proof(arguments, p, symbols, asked, numbers))


@metered()
def _derive(arguments: argparse.Namespace, written: Callable[[ProvedLayer], Written]) -> int:
    proved = derive_layer(arguments.spec, arguments.wrt, progress)
    texts, missing = written(proved)
    plain = plain_file(proved) if arguments.style else {}
    paths = write_files(arguments.output, texts | layer_files(proved, progress) | plain, missing)
    if arguments.json:
        theorems = {name: statement_data(theorem) for name, theorem in proved.gradients}
        print_json({"layer": proved.layer.text, "theorems": theorems, "files": paths})
    else:
        say(f"{proved.layer.text}\n")
        for name, theorem in proved.gradients:
            count = f" in {len(theorem.proof.steps)} steps:\n"
            say(named(name), ", ", verdict("proved"), count, sep="")
            text = write_theorem(theorem, None if arguments.whole else MOST_TERMS)
            say("\n".join(f"    {line}" for line in text.splitlines()), end="\n\n")
        say(*plain.values(), sep="\n")
        print_paths(paths)
        certificate = shlex.quote(str(arguments.output / CERTIFICATE))
        pasted = arguments.fragment or arguments.statement
        reading = [] if pasted else _reading(arguments.output, texts)
        print_next(*reading, f"`rot180 verify {certificate}` checks the proofs")
    # only a format that was asked for is an error where it cannot be written
    return 1 if missing and arguments.format else 0


def book(arguments: argparse.Namespace) -> Work:
    """Judge how the book is to be written; the work writes it."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    files.expect_folder("-o", arguments.output, _names("book", asked))
    return lambda: _book(arguments, symbols, asked)


def _book(arguments: argparse.Namespace, symbols: Symbols, asked: Sequence[str]) -> int:
    begin = time.perf_counter()
    written = write_book(arguments.detail, symbols, progress=progress)
    texts, missing = in_formats(written, "book", asked, progress)
    paths = write_files(arguments.output, texts, missing)
    progress(f"{time.perf_counter() - begin:.0f} s")
    if arguments.json:
        print_json({"files": paths, "missing": missing})
    else:
        print_paths(paths)
        print_next(*_reading(arguments.output, texts))
    return 1 if missing else 0


BESIDE: Mapping[str, str] = {
    PLAYGROUND: "The playground: derive a layer of your own, in the browser",
    "book.pdf": "The book, to print",
    "book.html": "The book on one page",
    "book.tex": "The book as a file for LaTeX",
}
"""What the site says of the playground and the book beside its pages, by address."""


def site(arguments: argparse.Namespace) -> Work:
    """Judge the arguments; the work writes the site."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    pyodide = pyodide_files(arguments.pyodide) if arguments.pyodide else {}
    names = [*_names("book", asked), "index.html", *([PLAYGROUND] if pyodide else [])]
    files.expect_folder("-o", arguments.output, names)
    return lambda: _site(arguments, symbols, asked, pyodide)


def _site(
    arguments: argparse.Namespace,
    symbols: Symbols,
    asked: Sequence[str],
    pyodide: Mapping[str, bytes],
) -> int:
    begin = time.perf_counter()
    written = write_book(symbols=symbols, progress=progress)
    texts, missing = in_formats(written, "book", asked, progress)
    progress("writing the pages")
    found = {*texts, PLAYGROUND} if pyodide else {*texts}
    pages = write_site(written, {name: said for name, said in BESIDE.items() if name in found})
    texts |= pages
    if pyodide:
        texts |= site_playground(pyodide, pages)
    paths = write_files(arguments.output, texts, missing)
    progress(f"{time.perf_counter() - begin:.0f} s")
    if arguments.json:
        print_json({"files": paths, "missing": missing})
    else:
        print_paths([str(arguments.output / "index.html")])
        say(f"and {len(paths) - 1} other files beside it")
        served = f"`python -m http.server -d {shlex.quote(str(arguments.output))}` serves it"
        print_next(served if pyodide else f"open {arguments.output / 'index.html'} in a browser")
    return 1 if missing else 0


def network(arguments: argparse.Namespace) -> Work:
    """Judge a network; the work writes its training program and prints its five steps."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    files.expect_folder("-o", arguments.output, [*_names("proof", asked), *FILES])
    found = read_network(arguments.spec)
    return lambda: _network(arguments, found, symbols, asked)


def _network(
    arguments: argparse.Namespace, found: Network, symbols: Symbols, asked: Sequence[str]
) -> int:
    modules = program(found, progress)
    texts: dict[str, str | bytes] = {}
    missing: list[str] = []
    if asked:
        page = network_document(found, arguments.detail, symbols)
        page = page if arguments.whole else abbreviate(page)
        texts, missing = in_formats(page, "proof", asked, progress)
    paths = write_files(arguments.output, texts | modules, missing)
    if arguments.json:
        proved = (*found.deltas.values(), *found.gradients.values())
        data = [statement_data(theorem) for theorem in proved]
        print_json({"network": str(found), "theorems": data, "files": paths})
    else:
        for number, stage in enumerate(found.steps(), 1):
            say(heading(f"{number}. {stage.title}"))
            say(*(f"    {entry}" for entry in stage.entries), sep="\n", end="\n\n")
        print_paths(paths)
        _print_run(arguments.output)
        certificate = shlex.quote(str(arguments.output / CERTIFICATE))
        print_next(
            *_reading(arguments.output, texts), f"`rot180 verify {certificate}` checks the proofs"
        )
    return 1 if missing and arguments.format else 0


def _reading(folder: Path, texts: Collection[str]) -> list[str]:
    """Say how the document that was written into a folder is read."""
    endings = {name.rpartition(".")[2]: shlex.quote(str(folder / name)) for name in texts}
    return [said.format(endings[e]) for e, said in READING.items() if e in endings][:1]


def _print_run(folder: Path) -> None:
    """Print how the training program in a folder is run."""
    whole = folder.resolve()
    package = whole.name
    if not package.isidentifier() or iskeyword(package):
        said = f"{package!r} is no name that Python can import: rename the folder"
        say(heading("To train it:"), said, end="\n\n")
        return
    say(heading("To train it:"), f"in Python, started in {whole.parent}, with inputs x, targets t")
    say(textwrap.indent(TRAINING.format(package=package), "    "))


def _names(name: str, asked: Sequence[str]) -> list[str]:
    """Return the names of a document's files."""
    return [f"{name}.{ending}" for ending in asked]


def _proof(
    arguments: argparse.Namespace,
    proved: ProvedLayer,
    symbols: Symbols,
    asked: Sequence[str],
    numbers: Numbers,
) -> Written:
    """Return the document of a layer in the formats asked for, as `in_formats` does."""
    if not asked:
        return {}, []
    operands = [t.name for t in proved.layer.tensors]
    wrt = [name for name in operands if name in numbers[0] and arguments.wrt in (None, name)]
    examples = _worked(proved.layer, numbers, symbols, wrt)
    page = document(proved, arguments.detail, symbols, examples)
    return in_formats(page if arguments.whole else abbreviate(page), "proof", asked, progress)


def _worked(
    forward: Layer, numbers: Numbers, symbols: Symbols, wrt: Sequence[str]
) -> list[Section]:
    """Return a layer and its gradients worked out on arrays; nothing if there are none."""
    arrays, values = numbers
    if not arrays:
        return []
    try:
        return [section(worked(forward, arrays, values, symbols, wrt))]
    except ValueError as error:
        raise ValueError(f"--example: {error}") from error


def _example(arguments: argparse.Namespace, forward: Layer) -> Numbers:
    """Return the arrays of ``--example`` and the values of ``--set``, for which a layer has values.

    Only its forward pass is evaluated: a gradient would have to be derived.
    """
    values = _values(arguments.set)
    if values and not arguments.example:
        raise ValueError("--set: found no --example, expected the arrays of the worked example")
    if not arguments.example:
        return {}, {}
    arrays = _arrays(arguments.example, [t.name for t in forward.tensors])
    try:
        case = example(forward, arrays, values)
        table(case.layer.output, case.model)
    except ValueError as error:
        raise ValueError(f"--example, --set: {error}") from error
    return arrays, values


def _values(given: Sequence[str]) -> Mapping[str, int]:
    """Read the ``NAME=VALUE`` of ``--set``."""
    values: dict[str, int] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not re.fullmatch(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}", value):
            raise ValueError(f"--set: found {text!r}, expected NAME=VALUE, such as s=2")
        if name in values:
            raise ValueError(f"--set: found {name} twice, expected it once")
        values[name] = int(value)
    return values


def _arrays(given: Sequence[str], operands: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Read the arrays of ``--example``; those without a name are the next operands in order."""
    arrays: dict[str, NDArray[Any]] = {}
    rest = list(operands)
    for text in given:
        name, equals, path = text.partition("=")
        if not equals:
            if not rest:
                raise ValueError(
                    f"--example: found {text!r} after all operands, expected at most one array "
                    f"for each of {', '.join(operands)}"
                )
            name, path = rest[0], text
        if name in arrays:
            raise ValueError(f"--example: found {name} twice, expected it once")
        rest = [other for other in rest if other != name]
        arrays[name] = _array(path)
    return arrays


def _array(path: str) -> NDArray[Any]:
    try:
        data = files.contents(Path(path))
    except OSError as error:
        raise ValueError(
            f"--example: found {path!r}, expected a .npy file ({error.strerror})"
        ) from error
    return decode(data, path)
