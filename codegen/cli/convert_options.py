"""The options of ``rot180 convert``."""

from __future__ import annotations

import argparse

from rot180.codegen.convert.frameworks import FRAMEWORKS


def convert_options(convert: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    for option, name, said in (
        ("--from", "source", "the framework whose arguments are given"),
        ("--to", "target", "the framework whose arguments are printed"),
    ):
        convert.add_argument(option, dest=name, required=True, choices=FRAMEWORKS, help=said)
    convert.add_argument(
        "layer",
        metavar="LAYER",
        help="conv or conv_transpose; conv2d where no argument has an integer for each axis",
    )
    convert.add_argument(
        "arguments",
        metavar="NAME=VALUE",
        nargs="*",
        help="arguments as the framework spells them: kernel_size=3,3 padding=SAME pads=0,0,1,1; "
        "kernel_size where the weight's shape says it",
    )
    convert.add_argument(
        "--size",
        metavar="N,...",
        help="the size of the input; default: the arguments must be right for all sizes",
    )
    convert.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
