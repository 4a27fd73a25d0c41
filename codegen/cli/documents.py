"""``rot180 derive``, ``book`` and ``network``: the commands that write documents."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rot180.codegen.cli.arrays import decode
from rot180.codegen.cli.options import requested_formats, requested_symbols
from rot180.codegen.cli.output import (
    print_json,
    print_paths,
    progress,
    statement_data,
    write_files,
)
from rot180.codegen.documents.abbreviate import abbreviate
from rot180.codegen.documents.book import book as write_book
from rot180.codegen.documents.example_data import example
from rot180.codegen.documents.formats import in_formats
from rot180.codegen.documents.layer import document, fragment
from rot180.codegen.documents.model import Section
from rot180.codegen.documents.network import network_document
from rot180.codegen.documents.worked_example import section, worked
from rot180.codegen.kernels.derivation import ProvedLayer, layer_files, plain_file
from rot180.codegen.kernels.derivation import derive as derive_layer
from rot180.codegen.kernels.training_program import program
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say
from rot180.derive.display.abbreviate import MOST_TERMS
from rot180.derive.display.notations import Symbols
from rot180.derive.display.statement import write_theorem
from rot180.derive.language.layers import Layer, layer
from rot180.derive.language.limits import metered
from rot180.derive.networks.network import network as read_network

MOST_DIGITS = 9
"""How many digits a value of ``--set`` may have."""


@metered()
def derive(arguments: argparse.Namespace) -> int:
    """Derive a layer's gradients, write their proofs and kernels, and print the theorems."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    if arguments.fragment and arguments.format not in (None, "tex"):
        raise ValueError(
            f"--fragment: found --format {arguments.format}, expected tex or no --format"
        )
    if arguments.fragment and arguments.example:
        raise ValueError("--fragment: found --example too, expected only one of them")
    if arguments.example and not asked:
        raise ValueError("--example: found --format none, expected a document for the example")
    # judged before the derivation, which may take long
    _example(arguments, layer(arguments.spec))
    proved = derive_layer(arguments.spec, arguments.wrt, progress)
    texts, missing = _proof(arguments, proved, symbols, asked)
    plain = plain_file(proved) if arguments.style else {}
    paths = write_files(arguments.output, texts | layer_files(proved, progress) | plain, missing)
    if arguments.json:
        theorems = {name: statement_data(theorem) for name, theorem in proved.gradients}
        print_json({"layer": proved.layer.text, "theorems": theorems, "files": paths})
    else:
        say(f"{proved.layer.text}\n")
        for name, theorem in proved.gradients:
            say(f"{name}, proved in {len(theorem.proof.steps)} steps:\n")
            text = write_theorem(theorem, None if arguments.whole else MOST_TERMS)
            say("\n".join(f"    {line}" for line in text.splitlines()), end="\n\n")
        say(*plain.values(), sep="\n")
        print_paths(paths)
    # only a format that was asked for is an error where it cannot be written
    return 1 if missing and arguments.format else 0


def book(arguments: argparse.Namespace) -> int:
    """Write the book."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    begin = time.perf_counter()
    written = write_book(arguments.detail, symbols, progress=progress)
    texts, missing = in_formats(written, "book", asked, progress)
    paths = write_files(arguments.output, texts, missing)
    progress(f"{time.perf_counter() - begin:.0f} s")
    if arguments.json:
        print_json({"files": paths, "missing": missing})
    else:
        print_paths(paths)
    return 1 if missing else 0


def network(arguments: argparse.Namespace) -> int:
    """Derive a network's gradients, write its training program and print its five steps."""
    symbols, asked = requested_symbols(arguments), requested_formats(arguments)
    found = read_network(arguments.spec)
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
            say(f"{number}. {stage.title}")
            say(*(f"    {entry}" for entry in stage.entries), sep="\n", end="\n\n")
        print_paths(paths)
    return 1 if missing and arguments.format else 0


def _proof(
    arguments: argparse.Namespace, proved: ProvedLayer, symbols: Symbols, asked: Sequence[str]
) -> tuple[dict[str, str | bytes], list[str]]:
    """Return the document of a layer in the formats asked for, as `in_formats` does."""
    if arguments.fragment:
        shown = arguments.detail, symbols, arguments.whole
        return {"proof.tex": "\n".join(fragment(t, *shown) for _, t in proved.gradients)}, []
    examples = _worked_example(arguments, proved, symbols)
    if not asked:
        return {}, []
    page = document(proved, arguments.detail, symbols, examples)
    return in_formats(page if arguments.whole else abbreviate(page), "proof", asked, progress)


def _worked_example(
    arguments: argparse.Namespace, proved: ProvedLayer, symbols: Symbols
) -> list[Section]:
    """Return the layer worked out on the arrays of ``--example``; nothing if there are none."""
    arrays, values = _example(arguments, proved.layer)
    operands = [t.name for t in proved.layer.tensors]
    wrt = [name for name in operands if name in arrays and arguments.wrt in (None, name)]
    if not arrays:
        return []
    try:
        return [section(worked(proved.layer, arrays, values, symbols, wrt))]
    except ValueError as error:
        raise ValueError(f"--example: {error}") from error


def _example(
    arguments: argparse.Namespace, forward: Layer
) -> tuple[Mapping[str, NDArray[Any]], Mapping[str, int]]:
    """Return the arrays of ``--example`` and the values of ``--set``, which fit a layer."""
    values = _values(arguments.set)
    if values and not arguments.example:
        raise ValueError("--set: found no --example, expected the arrays of the worked example")
    if not arguments.example:
        return {}, {}
    arrays = _arrays(arguments.example, [t.name for t in forward.tensors])
    try:
        example(forward, arrays, values)
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
