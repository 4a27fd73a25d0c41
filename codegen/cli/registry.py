"""``rot180 show``, ``list`` and ``generate``: the commands about what the product ships."""

from __future__ import annotations

import argparse
import difflib
import warnings

from rot180.codegen.cli.options import requested_symbols
from rot180.codegen.cli.output import certified_data, print_json, print_paths, print_proof, progress
from rot180.codegen.documents.listings import function_text, layer_and_operand
from rot180.codegen.kernels import committed
from rot180.codegen.kernels.public_api import public_functions
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import catalogue as layers
from rot180.derive.theorems import claims, theorem


def show(arguments: argparse.Namespace) -> int:
    """Print a theorem of the registry and its proof."""
    if arguments.theorem not in claims():
        near = difflib.get_close_matches(arguments.theorem, claims(), n=3, cutoff=0.4)
        hint = "a name from `rot180 list`" + (f" (near: {', '.join(near)})" if near else "")
        raise ValueError(f"THEOREM: found {arguments.theorem!r}, expected {hint}")
    symbols = requested_symbols(arguments)
    shown = theorem(arguments.theorem)
    plain = _plain(shown) if arguments.style else ""
    if arguments.latex:
        say(shown.latex(symbols))
    elif arguments.json:
        print_json(certified_data(shown))
    else:
        say(f"{shown.name}, proof {shown.proof.digest}\n\n{shown}\n\nProof.\n")
        print_proof(shown)
        if plain:
            say(f"\n{plain}")
    return 0


def _plain(shown: Theorem) -> str:
    """Return the loops of the gradient that a theorem states."""
    found = layer_and_operand(shown)
    if found is None:
        raise ValueError(
            f"--style: found {shown.name}, which states no gradient of a layer, expected a theorem "
            "such as rot180_correlation_1d"
        )
    return function_text(*found)


def list_all(arguments: argparse.Namespace) -> int:
    """Print the names of theorems, layers and kernels, and the backend in use."""
    with warnings.catch_warnings():
        # without the compiled kernels this import warns, and the backend is printed anyway
        warnings.simplefilter("ignore")
        from rot180 import generated
    found = {
        "theorems": list(claims()),
        "layers": list(layers()),
        "kernels": list(public_functions()),
        "backend": generated.backend(),
        "notice": generated.backend_notice(),
    }
    if arguments.json:
        print_json(found)
        return 0
    for title in ("theorems", "layers", "kernels"):
        say(f"{title}:", *found[title], sep="\n    ")
    say(f"backend: {found['backend']}")
    if found["notice"]:
        say(f"    {found['notice']}")
    return 0


def generate(arguments: argparse.Namespace) -> int:
    """Write the files that are committed, or compare them with those on disk."""
    folder = arguments.output or files.generated_folder()
    texts = committed.generated(progress)
    if not arguments.check:
        paths = [str(path) for path in files.write(folder, texts)]
        if arguments.json:
            print_json({"files": paths})
        else:
            print_paths(paths)
        return 0
    found = files.drift(folder, texts, committed.GENERATED_PATTERNS)
    if arguments.json:
        print_json({"drift": found})
    elif found:
        say("\n".join(found))
        progress(f"{len(found)} files differ; run `rot180 generate` and commit")
    else:
        say(f"{len(texts)} files are up to date")
    return 1 if found else 0
