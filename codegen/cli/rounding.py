"""``rot180 show LAYER_rounding``: how far rounding takes a kernel from its theorem."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass

from rot180.codegen.cli.options import Work, expect_one, requested_symbols
from rot180.codegen.cli.output import print_json, print_next
from rot180.codegen.system.terminal import heading, named, say
from rot180.codegen.verify.proof_scripts import ROUNDING_SCRIPT
from rot180.derive.display.notations import Symbols
from rot180.derive.display.rounding import assumed, rounding_latex, write_rounding
from rot180.derive.gradients.gradient import gradient, kernel_theorem
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import catalogue, layer
from rot180.derive.semantics.rounding import RoundingTheorem, rounding
from rot180.derive.theorems import claims, theorem

SUFFIX = "_rounding"
"""How the name of a rounding theorem ends, after that of a layer or of a theorem."""

PAGE = 455.0
"""The width of a page in points, where LaTeX breaks lines."""


@dataclass(frozen=True)
class Found:
    """The rounding theorems of a layer or a theorem, and why others have none."""

    theorems: tuple[RoundingTheorem, ...]
    others: tuple[str, ...]


def show_rounding(arguments: argparse.Namespace) -> Work:
    """Judge whose rounding theorems are shown, and how; the work prints them.

    Raises:
        ValueError: no layer and no theorem has that name, or an option does not fit.

    """
    base = arguments.theorem.removesuffix(SUFFIX)
    known = {**catalogue(), **claims()}
    if base not in known:
        near = difflib.get_close_matches(base, known, n=3, cutoff=0.4)
        hint = f" (near: {', '.join(name + SUFFIX for name in near)})" if near else ""
        raise ValueError(
            f"THEOREM: found {arguments.theorem!r}, expected the name of a layer or a theorem from "
            f"`rot180 list`, then {SUFFIX}{hint}"
        )
    for option in ("style", "steps"):
        if getattr(arguments, option):
            raise ValueError(
                f"--{option}: found {arguments.theorem}, whose proof is {ROUNDING_SCRIPT}, "
                f"expected a theorem from `rot180 list`"
            )
    expect_one(arguments, "latex", "json")
    symbols = requested_symbols(arguments)
    found = _found(base)
    return lambda: _show(arguments, symbols, found)


def _found(base: str) -> Found:
    """Return the rounding theorems of a layer, forward pass first, or that of a theorem.

    Raises:
        ValueError: there is none.

    """
    covered, others = [], []
    for stated in [theorem(base)] if base in claims() else _of_layer(base):
        try:
            covered.append(rounding(stated))
        except ValueError as error:
            others.append(str(error))
    if not covered:
        raise ValueError(others[0])
    return Found(tuple(covered), tuple(others))


def _of_layer(name: str) -> list[Theorem]:
    given = layer(name)
    return [kernel_theorem(given, None), *(gradient(given, t.name) for t in given.tensors)]


def _show(arguments: argparse.Namespace, symbols: Symbols, found: Found) -> int:
    if arguments.json:
        print_json([_data(one) for one in found.theorems])
    elif arguments.latex:
        say("\n".join(rounding_latex(one, symbols, PAGE) for one in found.theorems))
    else:
        for one in found.theorems:
            say(named(one.theorem.name), f", proof {one.theorem.proof.digest}\n", sep="")
            say(f"{write_rounding(one)}\n")
        lines = dict.fromkeys(line for one in found.theorems for line in assumed(one))
        say(heading("Assumed:"), *lines, sep="\n    ")
        say(*found.others, sep="\n")
        print_next(f"`coqc` checks {ROUNDING_SCRIPT}, as `rot180 verify --require rocq` does")
    return 0


def _data(one: RoundingTheorem) -> dict[str, object]:
    """Return a rounding theorem as plain data."""
    stated = one.theorem
    return {
        "name": stated.name + SUFFIX,
        "statement": write_rounding(one),
        "products": one.products,
        "assumed": [*assumed(one)],
        "proof": stated.proof.digest,
    }
