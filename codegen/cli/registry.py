"""``rot180 show``, ``list`` and ``generate``: the commands about what the product ships."""

from __future__ import annotations

import argparse
import difflib
import re
import warnings
from collections.abc import Mapping, Sequence

from rot180.codegen.cli.options import requested_symbols
from rot180.codegen.cli.output import certified_data, print_json, print_paths, print_proof, progress
from rot180.codegen.documents.chapters import family, theorems_by_chapter
from rot180.codegen.documents.headings import heading
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
        print_json(certified_data(shown) | ({"plain": plain} if plain else {}))
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
    """Print theorems, layers and kernels, all or those with given words, and the backend in use.

    Raises:
        ValueError: nothing has all of the words.

    """
    with warnings.catch_warnings():
        # without the compiled kernels this import warns, and the backend is printed anyway
        warnings.simplefilter("ignore")
        from rot180 import generated
    words = [word.casefold() for word in arguments.word]
    chapters = {
        chapter: {name: title for name in names if _has(words, name, title := _title(name))}
        for chapter, names in theorems_by_chapter().items()
    }
    names = [name for chapter in chapters.values() for name in chapter]
    texts = {name: text for name, text in layers().items() if _has(words, name, text)}
    kernels = [name for name in public_functions() if _has(words, name)]
    if words and not (names or texts or kernels):
        known = [*claims(), *layers(), *public_functions()]
        near = difflib.get_close_matches(words[0], known, n=3, cutoff=0.4)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise ValueError(
            f"WORD: found {' '.join(arguments.word)!r}, expected words in the name or the title of "
            f"a theorem, a layer or a kernel{hint}"
        )
    if arguments.json:
        in_order = [name for name in claims() if name in {*names}]
        found = {"theorems": in_order, "layers": list(texts), "kernels": kernels}
        backend = {"backend": generated.backend(), "notice": generated.backend_notice()}
        print_json(found | backend)
        return 0
    groups = {f"theorems: {chapter}": lines for chapter, lines in chapters.items()}
    groups |= {"layers": texts, "kernels": dict.fromkeys(kernels, "")}
    for title, lines in groups.items():
        if lines:
            say(title, *_in_columns(lines), sep="\n    ")
    if not words:
        say(f"backend: {generated.backend()}")
        if generated.backend_notice():
            say(f"    {generated.backend_notice()}")
    return 0


def _title(name: str) -> str:
    """Return the heading of a theorem in the book, with its number of axes."""
    axes = re.search(r"_([123]d)$", name)
    return heading(family(name)) + (f", {axes[1][0]}-D" if axes else "")


def _has(words: Sequence[str], *texts: str) -> bool:
    """Say whether each word is in one of the texts."""
    return all(any(word in text.casefold() for text in texts) for word in words)


def _in_columns(lines: Mapping[str, str]) -> list[str]:
    widest = max(map(len, lines))
    return [f"{name:{widest}}  {text}".rstrip() for name, text in lines.items()]


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
