"""How a document writes its names: tensors, functions, indices, operators.

A file of symbols is TOML; its keys are the attributes of `Symbols`. Missing keys are taken from the
notation that ``base`` names, by default that of deep learning. docs/notations.md has an example.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

Table = tuple[tuple[str, str], ...]

CHARACTERS, DOTS = 20_000, 100
"""The longest file of symbols, and how many dots a line of it may have."""

OPERATORS: Mapping[str, str] = {
    "rot180": r"\widetilde{#1}",
    "flip": r"\operatorname{flip}(#1)",
    "dilate": r"D_{#2} #1",
    "transpose": r"#1^{\top}",
    "correlate": r"#1 \star #2",
    "convolve": "#1 * #2",
    "matmul": r"#1 \cdot #2",
    "hadamard": r"#1 \odot #2",
}
"""The operators that a notation may write, with their usual patterns."""


@dataclass(frozen=True)
class Symbols:
    r"""How a document writes names; everything is LaTeX mathematics.

    Attributes:
        name: the name of the notation.
        subscripts: whether entries are ``x_{h}``, not ``x[h]``.
        loss: the loss.
        gradient: the gradient by the output, if it is not in `gradients`.
        tensors: tensor to symbol; a tensor that is not listed is written by its own name.
        gradients: tensor to the symbol of the gradient by it.
        functions: function to symbol, or to a pattern with ``#1`` for its argument.
        indices: index, size or parameter to letter; primes distinguish equal letters.
        windows: the same for indices of sliding windows, which are added to other indices.
        numbered: pattern for a tensor with the number of its layer, such as w2: ``#1^{#2}``.
        operators: operator to pattern, with ``#1``, ``#2``, ... for its arguments.

    """

    name: str
    subscripts: bool = False
    loss: str = r"\mathcal{L}"
    gradient: str = "g"
    tensors: Table = ()
    gradients: Table = ()
    functions: Table = (("half_square", r"\tfrac{1}{2} #1^{2}"),)
    indices: Table = ()
    windows: Table = ()
    numbered: str = ""
    operators: Table = tuple(OPERATORS.items())


DEEP_LEARNING = Symbols("deep-learning")
"""The letters of framework documentation: x, w, y, and g for the gradient by y."""

NIELSEN = Symbols(
    "nielsen",
    subscripts=True,
    loss="C",
    gradient=r"\delta",
    tensors=(
        ("x", "a^{l}"),
        ("a", "a^{l}"),
        ("z", "z^{l}"),
        ("w", "w^{l+1}"),
        ("b", "b^{l+1}"),
        ("bias", "b^{l+1}"),
        ("y", "z^{l+1}"),
        ("z1", "z^{l+1}"),
        ("delta", r"\delta^{l+1}"),
        ("v", "w^{l+2}"),
        ("c", "b^{l+2}"),
        ("z2", "z^{l+2}"),
    ),
    gradients=(
        ("z", r"\delta^{l}"),
        ("y", r"\delta^{l+1}"),
        ("z1", r"\delta^{l+1}"),
        ("z2", r"\delta^{l+2}"),
        ("a", r"(\nabla_{a} C)"),
    ),
    windows=(
        ("p", "x"), ("q", "y"), ("h", "x"), ("v", "y"), ("k", "a"), ("l", "b"), ("j", "a"),
        ("j1", "b"),
    ),
    numbered="#1^{#2}",
    operators=(
        ("rot180", r"\operatorname{ROT180}(#1)"),
        ("flip", r"\operatorname{ROT180}(#1)"),
        *DEEP_LEARNING.operators[2:],
    ),
)  # fmt: skip
"""The letters of the derivations for multilayer perceptrons: z, a, w, b by layer, and delta."""

NOTATIONS: Mapping[str, Symbols] = {s.name: s for s in (DEEP_LEARNING, NIELSEN)}
"""The built-in notations, by name."""


def in_network(symbols: Symbols) -> Symbols:
    """Return a notation for a network, whose tensors have the number of their layer.

    Symbols that are relative to one layer, such as z^{l+1} for its output, are dropped; the letters
    of windows are used in every layer.
    """
    if not symbols.numbered:
        return symbols
    return replace(
        symbols,
        tensors=(),
        gradients=(("z", symbols.gradient),),
        indices=(*symbols.indices, *symbols.windows),
    )


def parse_symbols(text: str, source: str = "symbols") -> Symbols:
    r"""Parse a file of symbols.

    Args:
        text: TOML.
        source: the name of the text in error messages, such as the name of the file.

    Raises:
        ValueError: it is not TOML, a key is unknown, or a value is of the wrong kind.

    >>> parse_symbols('base = "nielsen"\ntensors.x = "u"').tensors[0]
    ('x', 'u')

    """
    if len(text) > CHARACTERS:
        found = f"found {len(text)} characters"
        raise ValueError(f"{source}: {found}, expected at most {CHARACTERS}; list fewer names")
    if any(line.count(".") > DOTS for line in text.splitlines()):
        # a key of n parts takes tomllib n * n steps
        raise ValueError(f"{source}: found a line with more than {DOTS} dots; shorten it")
    try:
        data = tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise ValueError(f"{source}: found values nested too deeply, expected symbols") from error
    except ValueError as error:
        raise ValueError(f"{source}: not TOML: {error}") from error
    keys = [one.name for one in fields(Symbols) if one.name != "name"]
    base = data.pop("base", DEEP_LEARNING.name)
    if not isinstance(base, str) or base not in NOTATIONS:
        raise ValueError(f"{source}: base: {_found(base, NOTATIONS)}")
    known = NOTATIONS[base]
    for key, value in data.items():
        if key not in keys:
            raise ValueError(f"{source}: {_found(key, ['base', *keys])}")
        known = replace(known, **{key: _value(known, key, value, source)})
    return replace(known, name=source)


def _value(known: Symbols, key: str, value: object, source: str) -> Any:
    """Check the value of a key; a table is merged into that of the base."""
    old, where = getattr(known, key), f"{source}: {key}"
    kind = dict if isinstance(old, tuple) else type(old)
    if not isinstance(value, kind):
        kinds = {bool: "true or false", str: "a string", dict: "a table"}
        raise ValueError(f"{where}: found {value!r}, expected {kinds[kind]}")
    if not isinstance(value, dict):
        most = 2 if key == "numbered" else 0
        return _mathematics(value, where, most) if isinstance(value, str) else value
    for name in value:
        if key == "operators" and name not in dict(old):
            raise ValueError(f"{where}: {_found(name, dict(old))}")
    checked = {}
    for name, text in value.items():
        most = _arguments(OPERATORS[name])[-1] if key == "operators" else key == "functions"
        checked[name] = _mathematics(text, f"{where}.{name}", int(most), key == "functions")
    return tuple((dict(old) | checked).items())


def _arguments(pattern: str) -> list[int]:
    """Return the numbers of a pattern's arguments, in order, after 0."""
    return sorted({0, *map(int, re.findall(r"#(\d)", pattern))})


def _mathematics(
    value: object, where: str, arguments: int = 0, optional: bool = False
) -> str:
    """Check that a value is LaTeX mathematics with at most this many arguments, including #1."""
    pieces = re.findall(r"\\.|[{}&%$~]|#\d?", value) if isinstance(value, str) else []
    depth, least = 0, 0
    for piece in pieces:
        depth += (piece == "{") - (piece == "}")
        least = min(depth, least)
    whole = isinstance(value, str) and value.isascii() and value.isprintable() and value.strip()
    if not whole or depth or least or str(value).endswith("\\"):
        raise ValueError(
            f"{where}: found {value!r}, expected LaTeX mathematics with braces in pairs, in ASCII"
        )
    for piece in pieces:
        if piece in ("&", "%", "$", "~", "#", "\\\\"):
            raise ValueError(f"{where}: found {piece} in {value!r}, expected mathematics alone")
    numbers = _arguments(str(value))
    if numbers[-1] > arguments or (arguments and not optional and 1 not in numbers):
        expected = f"#1 to #{arguments}, #1 among them" if arguments else "none"
        raise ValueError(f"{where}: found {value!r}, expected as arguments {expected}")
    return str(value)


def _found(name: object, known: Collection[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"found {name!r}, expected one of {', '.join(known)}{hint}"
