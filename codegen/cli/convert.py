"""``rot180 convert``: from one framework's arguments of a convolution to another's."""

from __future__ import annotations

import argparse

from rot180.codegen.cli.options import Work
from rot180.codegen.cli.output import print_json
from rot180.codegen.convert.conversion import Conversion
from rot180.codegen.convert.conversion import convert as find
from rot180.codegen.convert.report import conversion_lines, data, refusal_lines
from rot180.codegen.convert.spelling import read_call
from rot180.codegen.system.terminal import say


def convert(arguments: argparse.Namespace) -> Work:
    """Judge the arguments of a layer; the work prints those of the other framework.

    Raises:
        ValueError: a framework, a layer or an argument is unknown, or the framework refuses it.

    """
    call = read_call(arguments.source, arguments.layer, arguments.arguments)
    found = find(call, arguments.target, _sizes(arguments.size, len(call.axes)))

    def work() -> int:
        if arguments.format == "json":
            print_json(data(found))
        else:
            lines = (
                conversion_lines(found) if isinstance(found, Conversion) else refusal_lines(found)
            )
            say(*lines, sep="\n")
        return 0 if isinstance(found, Conversion) else 1

    return work


def _sizes(text: str | None, axes: int) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        given = tuple(int(one) for one in text.split(","))
    except ValueError as error:
        raise ValueError(f"--size: found {text!r}, expected integers such as 224,224") from error
    given = given * axes if len(given) == 1 else given
    if len(given) != axes or min(given) < 1:
        raise ValueError(f"--size: found {text}, expected {axes} integers from 1 on, or one")
    return given
