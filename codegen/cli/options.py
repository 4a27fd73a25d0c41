"""The command line's options: the parser, and options that several commands read."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from rot180.codegen.cli.audit_options import audit_options
from rot180.codegen.cli.convert_options import convert_options
from rot180.codegen.documents.formats import FORMATS, NO_DOCUMENT, parse_formats
from rot180.codegen.documents.widths import NAMES
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say
from rot180.codegen.system.version import version
from rot180.derive.display.abbreviate import MOST_TERMS
from rot180.derive.display.notations import DEEP_LEARNING, NOTATIONS, Symbols, parse_symbols

DEFAULT_FORMATS = {
    "derive": "tex,html",
    "network": "tex,html",
    "book": ",".join(FORMATS),
    "site": "html",
}
"""What ``--format`` is by default, by command."""

Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"

Work: TypeAlias = Callable[[], int]
"""What a command does once its arguments are judged; it returns the exit code."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose messages repeat what was given only as it is `visible`."""

    def _print_message(self, message: str, file: object = None) -> None:
        say(message, end="", error=file is not sys.stdout)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse what is not among the choices, and name the one that is spelled alike."""
        known = [str(choice) for choice in action.choices or ()]
        if known and value not in known:
            near = difflib.get_close_matches(str(value), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            said = f"found {value!r}, expected one of {', '.join(known)}{hint}"
            raise argparse.ArgumentError(action, said)


SPEC = (
    "a layer, by name (conv2d) or a sum: 'y[p] = sum[k] x[2*p+k] * w[k]'; or a program: "
    "several definitions separated by ';' or line breaks"
)
"""What a layer or a program is given as."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``command`` is the name of the one that was given."""
    top = CommandParser(
        prog="rot180", description="Convolution gradients: derived, proved, typeset, compiled."
    )
    top.add_argument("--version", action="version", version=f"rot180 {version()}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _derive(commands)
    audit_options(_plain(commands, "audit", "Judge a kernel that somebody wrote."), SPEC)
    said = "From one framework's arguments of a convolution to another's."
    convert_options(_plain(commands, "convert", said))
    explain = _add(commands, "explain", "Say how the compiled kernels of a layer compute.")
    explain.add_argument("spec", metavar="SPEC", help=SPEC)
    _book(commands)
    _site(commands)
    _network(commands)
    _playground(commands)
    _show(commands)
    listed = _add(commands, "list", "List theorems, layers, kernels, and the backend in use.")
    listed.add_argument(
        "word",
        metavar="WORD",
        nargs="*",
        help="list only what has all of these words in its name or title",
    )
    _verify(commands)
    _generate(commands)
    return top


def requested_formats(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the formats of ``--format``, or those that the command writes by default.

    Raises:
        ValueError: one of them is unknown, or the command writes nothing else.

    """
    given = arguments.format
    asked = parse_formats(DEFAULT_FORMATS[arguments.command] if given is None else given)
    if not asked and arguments.command == "book":
        raise ValueError(f"--format: found {given}, expected one or more of {','.join(FORMATS)}")
    return asked


def requested_symbols(arguments: argparse.Namespace) -> Symbols:
    """Return the notation of ``--notation``: one that has a name, or one read from a file.

    Raises:
        ValueError: there is no such notation, or the file is not a table of symbols.

    """
    given: str = arguments.notation
    if given in NOTATIONS:
        return NOTATIONS[given]
    try:
        text = files.read(Path(given))
    except OSError as error:
        raise ValueError(
            f"--notation: found {given!r}, expected {', '.join(NOTATIONS)} or a TOML file of "
            f"symbols ({error})"
        ) from error
    return parse_symbols(text, given)


def expect_one(arguments: argparse.Namespace, option: str, *others: str) -> None:
    """Refuse an option together with others that it would silence.

    Args:
        arguments: what was given.
        option: the name of the option: "latex".
        others: the names of the others.

    Raises:
        ValueError: it is given, and one of the others too.

    """
    for other in others:
        if getattr(arguments, option) and getattr(arguments, other):
            found = "a FILE" if other == "file" else f"--{other}"
            raise ValueError(f"--{option}: found {found} too, expected only one of them")


def _plain(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _add(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    added = _plain(commands, name, text)
    added.add_argument("--json", action="store_true", help="print JSON")
    return added


def _derive(commands: Commands) -> None:
    derive = _add(commands, "derive", "Derive and prove a layer's gradients; write its files.")
    derive.add_argument(
        "spec",
        metavar="SPEC",
        help=SPEC,
    )
    derive.add_argument(
        "--wrt", metavar="OPERAND", help="differentiate with respect to this operand only"
    )
    _add_folder(derive)
    said = "write a package of this name instead, which pip builds without rot180"
    derive.add_argument("--package", metavar="NAME", type=_line, help=said)
    derive.add_argument(
        "--fragment",
        action="store_true",
        help="write proof.tex as a fragment to paste into a document; a comment in it names the "
        "packages that it needs",
    )
    derive.add_argument(
        "--statement",
        action="store_true",
        help="the same for the theorems alone, without proofs: statement.tex",
    )
    derive.add_argument(
        "--slides",
        action="store_true",
        help="write slides.tex, for beamer: one idea a frame; with --fragment, the frames alone",
    )
    derive.add_argument(
        "--width",
        metavar="WIDTH",
        type=_line,
        help="of the text around a fragment: a length such as 84mm or 20em (of a 10pt font), or "
        f"{', '.join(f'{n} ({points:g}pt)' for n, points in NAMES.items())}; default: text, and "
        "slide for --slides",
    )
    _add_style(derive, "also write and print the kernels")
    _add_document(derive, "derive")
    _add_whole(derive)
    derive.add_argument(
        "--example",
        metavar="FILE",
        nargs="+",
        default=[],
        help="small arrays (.npy) for a worked example: the operands in order, or NAME=FILE",
    )
    derive.add_argument(
        "--set",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="a stride, dilation, padding or size of the worked example, such as s=2; "
        "default: stride and dilation 1, padding 0",
    )


def _book(commands: Commands) -> None:
    book = _add(commands, "book", "Write the book: every theorem, its proof, its kernel.")
    _add_folder(book)
    _add_document(book, "book")


def _site(commands: Commands) -> None:
    site = _add(commands, "site", "Write a web site: a page for each theorem and each figure.")
    _add_folder(site)
    site.add_argument(
        "--format",
        metavar="LIST",
        help=f"the book beside the pages, in one or more of {','.join(FORMATS)}, or "
        f"{NO_DOCUMENT} for no book; default: {DEFAULT_FORMATS['site']}",
    )
    _add_notation(site)
    _add_pyodide(site, "for a page that derives layers in the reader's browser: ")


def _network(commands: Commands) -> None:
    network = _add(commands, "network", "Derive a network's gradients; write a training program.")
    network.add_argument(
        "spec",
        metavar="SPEC",
        help="layers and a loss: 'conv2d 8 3x3; relu; flatten; linear 10; squared_error'",
    )
    _add_folder(network)
    _add_document(network, "network")
    _add_whole(network)


def _playground(commands: Commands) -> None:
    said = "Write a page that derives layers in the reader's browser."
    playground = _add(commands, "playground", said)
    _add_folder(playground)
    _add_pyodide(playground, required=True)


def _show(commands: Commands) -> None:
    show = _add(commands, "show", "Print a theorem and its proof.")
    name = "a name from `rot180 list`, or LAYER_rounding"
    show.add_argument("theorem", metavar="THEOREM", help=name)
    show.add_argument("--latex", action="store_true", help="print LaTeX")
    show.add_argument(
        "--steps",
        action="store_true",
        help="print every step with the name of its rule, and what the proof rests on",
    )
    _add_style(show, "also print the kernel of a gradient")
    _add_notation(show)


def _verify(commands: Commands) -> None:
    verify = commands.add_parser(
        "verify",
        help="Check proofs from their certificates alone.",
        description="Check proofs from their certificates alone, without any proof search.",
    )
    verify.add_argument(
        "file",
        metavar="FILE",
        nargs="*",
        type=_path,
        help="certificates; default: all committed ones",
    )
    verify.add_argument(
        "--json",
        metavar="FILE",
        type=_line,
        nargs="?",
        const="-",
        help="write the results as JSON",
    )
    verify.add_argument("--junit", metavar="FILE", type=_path, help="write a JUnit report")
    verify.add_argument("--rocq", action="store_true", help="the same as --require rocq")
    verify.add_argument(
        "--require",
        metavar="LIST",
        action="append",
        default=[],
        help="smt, rocq or smt,rocq: fail unless these checks ran; rocq prints a proof script for "
        "each certificate and runs coqc on it",
    )
    verify.add_argument(
        "--script",
        metavar="FILE",
        type=_path,
        help="run coqc on this proof script of the one certificate given",
    )
    verify.add_argument(
        "--scripts",
        metavar="DIR",
        type=_path,
        help="with --require rocq: write the proof scripts here",
    )
    verify.add_argument(
        "--claim",
        metavar="TEXT",
        help="prove or refute a claim of your own: 'p: sum[k] x[p+k]*w[k] = sum[j] ...'",
    )


def _generate(commands: Commands) -> None:
    generate = _add(commands, "generate", "Regenerate the committed files.")
    generate.add_argument(
        "--check", action="store_true", help="write nothing; print a diff if they are out of date"
    )
    generate.add_argument(
        "--tracked",
        action="store_true",
        help="with --check: also count files that git does not track",
    )
    generate.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=_path,
        help="where to write the files; default: the folder of rot180.generated",
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("found '', expected a path: . is the folder you are in")
    return Path(_line(text))


def _line(text: str) -> str:
    """Return the name of a file; lines of a name could not be told from those of a message."""
    if len(f"{text}.".splitlines()) > 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a name without line breaks")
    return text


def _add_folder(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "-o", "--output", metavar="DIR", type=_path, required=True, help="where to write the files"
    )


def _add_pyodide(
    added: argparse.ArgumentParser, purpose: str = "", *, required: bool = False
) -> None:
    added.add_argument(
        "--pyodide",
        metavar="FOLDER",
        type=_path,
        required=required,
        help=f"{purpose}the files of the npm package pyodide: `npm pack pyodide`, unpacked",
    )


def _add_style(added: argparse.ArgumentParser, what: str) -> None:
    added.add_argument("--style", choices=("plain",), help=f"{what} as plain Python loops")


def _add_document(added: argparse.ArgumentParser, command: str) -> None:
    none = "" if command == "book" else f", or {NO_DOCUMENT} for no document"
    added.add_argument(
        "--format",
        metavar="LIST",
        help=f"one or more of {','.join(FORMATS)}{none}; default: {DEFAULT_FORMATS[command]}",
    )
    added.add_argument(
        "--detail",
        choices=("short", "full"),
        default="short",
        help="full also shows the bookkeeping steps of proofs in TeX and PDF; HTML has both views",
    )
    _add_notation(added)


def _add_whole(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--whole",
        action="store_true",
        help=f"write long lines whole; by default, of more than {MOST_TERMS} terms the first "
        f"{MOST_TERMS} are shown",
    )


def _add_notation(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--notation",
        metavar="NAME",
        type=_line,
        default=DEEP_LEARNING.name,
        help=f"how LaTeX writes names: {', '.join(NOTATIONS)}, or a TOML file of symbols",
    )
