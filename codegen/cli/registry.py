"""``rot180 show``, ``list`` and ``generate``: the commands about what the product ships."""

from __future__ import annotations

import argparse
import difflib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from rot180.codegen.cli.options import Work, expect_one, requested_symbols
from rot180.codegen.cli.output import (
    certified_data,
    print_json,
    print_next,
    print_paths,
    print_proof,
    progress,
)
from rot180.codegen.cli.rounding import SUFFIX, show_rounding
from rot180.codegen.documents.chapters import theorems_by_chapter
from rot180.codegen.documents.headings import theorem_title
from rot180.codegen.documents.listings import function_text, layer_and_operand
from rot180.codegen.kernels import committed
from rot180.codegen.kernels.public_api import public_functions
from rot180.codegen.system import files, programs
from rot180.codegen.system.terminal import heading, say
from rot180.codegen.system.terminal import named as styled
from rot180.derive.display.notations import Symbols
from rot180.derive.display.proof_text import write_proof
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layer_catalogue import NamedLayer
from rot180.derive.language.layers import Layer, named
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.theorems import claims, theorem

USES = (
    "`rot180 show THEOREM` prints a proof",
    f"`rot180 derive LAYER -o out` writes kernels; `rot180 show LAYER{SUFFIX}` bounds rounding",
    "`from rot180.generated import KERNEL`",
)
"""What to do with what is listed: theorems, layers and programs, kernels."""

GIT_SECONDS = 60.0
"""How long git may take to list files."""


def show(arguments: argparse.Namespace) -> Work:
    """Judge which theorem of the registry is shown, and how; the work prints it and its proof."""
    if arguments.theorem.endswith(SUFFIX) and arguments.theorem not in claims():
        return show_rounding(arguments)
    if arguments.theorem not in claims():
        near = difflib.get_close_matches(arguments.theorem, claims(), n=3, cutoff=0.4)
        hint = "a name from `rot180 list`" + (f" (near: {', '.join(near)})" if near else "")
        raise ValueError(f"THEOREM: found {arguments.theorem!r}, expected {hint}")
    expect_one(arguments, "latex", "json", "style", "steps")
    expect_one(arguments, "steps", "json")
    symbols = requested_symbols(arguments)
    gradient = _layer_and_operand(arguments.theorem) if arguments.style else None
    return lambda: _show(arguments, symbols, gradient)


def _show(
    arguments: argparse.Namespace, symbols: Symbols, gradient: tuple[Layer, str] | None
) -> int:
    shown = theorem(arguments.theorem)
    plain = function_text(*gradient) if gradient else ""
    if arguments.latex:
        say(shown.latex(symbols))
    elif arguments.json:
        print_json(certified_data(shown) | ({"plain": plain} if plain else {}))
    else:
        say(styled(shown.name), f", proof {shown.proof.digest}\n\n{shown}\n", sep="")
        say(heading("Proof."), end="\n\n")
        if arguments.steps:
            print_proof(shown)
        else:
            say(write_proof(shown))
        if plain:
            say(f"\n{plain}")
        else:
            _print_next(arguments, shown)
    return 0


def _print_next(arguments: argparse.Namespace, shown: Theorem) -> None:
    """Say how to see more of a theorem, and how to check it."""
    say()
    command = f"rot180 show {shown.name}"
    every = [] if arguments.steps else [f"`{command} --steps` prints every step"]
    print_next(*every, f"`{command} --json` prints what `rot180 verify FILE` checks")


def _layer_and_operand(name: str) -> tuple[Layer, str]:
    """Return the layer and the operand whose gradient a theorem states; its loops are printed."""
    found = layer_and_operand(claims()[name]())
    if found is None:
        raise ValueError(
            f"--style: found {name}, which states no gradient of a layer, expected a theorem "
            "such as rot180_correlation_1d"
        )
    return found


def list_all(arguments: argparse.Namespace) -> Work:
    """Find theorems, layers and kernels, all or those with given words; the work prints them.

    Raises:
        ValueError: nothing has all of the words.

    """
    words = [word.casefold() for word in arguments.word]
    chapters = {
        chapter: {name: title for name in names if _has(words, name, title := theorem_title(name))}
        for chapter, names in theorems_by_chapter().items()
    }
    names = [name for chapter in chapters.values() for name in chapter]
    said = {name: _described(e, words) for name, e in named().items() if _has(words, name, *e)}
    texts = {name: text for name, text in said.items() if name not in PROGRAMS}
    programs = {name: text for name, text in said.items() if name in PROGRAMS}
    kernels = {name: text for name, text in public_functions().items() if _has(words, name, text)}
    if words and not (names or texts or programs or kernels):
        known = [*claims(), *named(), *public_functions()]
        near = difflib.get_close_matches(words[0], known, n=3, cutoff=0.4)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise ValueError(
            f"WORD: found {' '.join(arguments.word)!r}, expected words in the name or the title of "
            f"a theorem, a layer, a program or a kernel{hint}"
        )
    if arguments.json:
        in_order = [name for name in claims() if name in {*names}]
        found = {"theorems": in_order, "layers": list(texts), "programs": list(programs)}
        found["kernels"] = list(kernels)
        return lambda: _print_found(found)
    groups = {f"theorems: {chapter}": lines for chapter, lines in chapters.items()}
    groups |= {"layers": texts, "programs": programs, "kernels": kernels}
    lists = names, texts or programs, kernels
    uses = [use for use, lines in zip(USES, lists, strict=True) if lines]
    return lambda: _print_groups(groups, uses, with_backend=not words)


def _print_found(found: Mapping[str, Sequence[str]]) -> int:
    generated = _generated()
    print_json({**found, "backend": generated.backend(), "notice": generated.backend_notice()})
    return 0


def _print_groups(
    groups: Mapping[str, Mapping[str, str]], uses: Sequence[str], with_backend: bool
) -> int:
    for title, lines in groups.items():
        widest = max(map(len, lines), default=0)
        for line, (name, text) in enumerate(lines.items()):
            if not line:
                say(heading(title))
            lines_of = text.replace("\n", "\n" + " " * (widest + 6))
            say("    ", styled(f"{name:{widest}}"), f"  {lines_of}", sep="")
    if with_backend:
        generated = _generated()
        say(heading("backend:"), generated.backend())
        if generated.backend_notice():
            say(f"    {generated.backend_notice()}")
    print_next(*uses)
    return 0


def _described(entry: NamedLayer, words: Sequence[str]) -> str:
    """Return what is said of a layer or a program; of those searched for, text and source too."""
    return "\n".join((entry.says, entry.text, entry.source) if words else (entry.says,))


def _generated() -> ModuleType:
    """Return the package of kernels.

    Without the compiled ones its import warns, and the backend in use is printed anyway.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rot180 import generated
    return generated


def _has(words: Sequence[str], *texts: str) -> bool:
    """Say whether each word is in one of the texts."""
    return all(any(word in text.casefold() for text in texts) for word in words)


def generate(arguments: argparse.Namespace) -> Work:
    """Judge the folder of the files that are committed; the work writes or compares them.

    Raises:
        ValueError: there is no such folder, or `--tracked` was given without `--check`.
        OSError: files could not be written there, or git is missing or does not know the folder.

    """
    folder = arguments.output or files.generated_folder()
    if arguments.tracked and not arguments.check:
        raise ValueError("--tracked: found no --check, expected both")
    if not arguments.check:
        files.expect_folder("-o", folder)
    elif not folder.is_dir():
        raise ValueError(f"-o: found {folder}, expected a folder that `rot180 generate` wrote")
    known = _tracked(folder) if arguments.tracked else None
    return lambda: _generate(arguments, folder, known)


def _tracked(folder: Path) -> frozenset[str]:
    """Return the files of a folder that git tracks, by their names relative to it."""
    ended = programs.run(["git", "ls-files", "-z"], folder, GIT_SECONDS)
    if ended.code:
        raise ValueError(
            f"--tracked: found {folder}, which git does not know, expected a folder of a "
            f"repository ({ended.output.strip()})"
        )
    return frozenset(name for name in ended.output.split("\0") if name)


def _generate(arguments: argparse.Namespace, folder: Path, tracked: frozenset[str] | None) -> int:
    texts = committed.generated(progress)
    if not arguments.check:
        paths = [str(path) for path in files.write(folder, texts)]
        if arguments.json:
            print_json({"files": paths})
        else:
            print_paths(paths)
            print_next("`git diff` shows what changed; compile and test it before a commit")
        return 0
    found = files.drift(folder, texts, committed.GENERATED_PATTERNS)
    if tracked is not None:
        new = (name for name in texts if name not in tracked and (folder / name).is_file())
        found += [f"{name}: git does not track it; git add {folder / name}\n" for name in new]
    if arguments.json:
        print_json({"drift": found})
    elif found:
        say("\n".join(found))
        progress(f"{len(found)} files differ; run `rot180 generate` and commit")
    else:
        say(f"{len(texts)} files are up to date")
    return 1 if found else 0
