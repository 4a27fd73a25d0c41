"""The options of ``rot180 audit``."""

from __future__ import annotations

import argparse
from pathlib import Path


def audit_options(audit: argparse.ArgumentParser, spec: str) -> None:
    """Add the options of the command.

    Args:
        audit: its parser.
        spec: what a layer is given as.

    """
    audit.add_argument(
        "target",
        metavar="TARGET",
        help="package.module:function, file.py:function, an executable, or an adapter: torch",
    )
    audit.add_argument("--layer", metavar="SPEC", help=spec)
    audit.add_argument("--wrt", metavar="OPERAND", help="judge the gradient by this operand")
    audit.add_argument(
        "--dtype",
        default="float64,float32",
        metavar="LIST",
        help="dtypes of arrays, and of sums if wider: float32,float16:float32",
    )
    audit.add_argument(
        "--configurations", type=int, default=40, metavar="N", help="how many are tried"
    )
    audit.add_argument("--seed", type=int, default=0, help="draw other configurations")
    audit.add_argument("--report", default="text", help="text, json, junit, sarif or html")
    audit.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    audit.add_argument(
        "--init",
        action="store_true",
        help="judge nothing; write a test file with an adapter, after a look at the signature",
    )
