"""How a document writes its names: tensors, functions, indices, operators.

A file of symbols is TOML; its keys are the attributes of `Symbols`. Missing keys are taken from the
notation that ``base`` names, by default that of deep learning. docs/notations.md has an example.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from rot180.derive.display.mathematics import expect_mathematics
from rot180.derive.language.polynomial import NAME

Table = tuple[tuple[str, str], ...]

CHARACTERS, DOTS = 20_000, 100
"""The longest file of symbols, and how many dots a line of it may have."""

OPERATORS: Mapping[str, str] = {
    "rot180": r"\operatorname{rot180}(#1)",
    "flip": r"\operatorname{rot180}_{0}(#1)",
    "dilate": r"D_{#2} #1",
    "transpose": r"#1^{\top}",
    "correlate": r"#1 \star #2",
    "convolve": "#1 * #2",
    "matmul": r"#1 \cdot #2",
    "hadamard": r"#1 \odot #2",
}
"""The operators that a notation may write, with their usual patterns.

Both rotations have one name: that of the box, and, with the index 0, that about the index 0.
"""


def _expect_known(symbols: Symbols) -> None:
    """Refuse a name that nothing can have, and a value that is no mathematics."""
    for key, most in (("loss", 0), ("gradient", 0), ("numbered", 2)):
        if key != "numbered" or symbols.numbered:
            expect_mathematics(getattr(symbols, key), f"{symbols.name}: {key}", most)
    for key in ("tensors", "gradients", "functions", "indices", "windows", "operators"):
        where = f"{symbols.name}: {key}"
        for name, text in getattr(symbols, key):
            if key == "operators" and name not in OPERATORS:
                raise ValueError(f"{where}: {_found(name, OPERATORS)}")
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"{where}: found {name!r}, expected a name of the layer: a letter, then "
                    "letters, digits, underscores"
                )
            most = OPERATORS[name].count("#") if key == "operators" else int(key == "functions")
            expect_mathematics(text, f"{where}.{name}", most, key == "functions")


def _found(name: object, known: Collection[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"found {name!r}, expected one of {', '.join(known)}{hint}"


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
    functions: Table = (("half_square", r"\tfrac{1}{2} #1^{2}"), ("reciprocal", r"\frac{1}{#1}"))
    indices: Table = ()
    windows: Table = ()
    numbered: str = ""
    operators: Table = tuple(OPERATORS.items())

    def __post_init__(self) -> None:
        """Refuse what is not the mathematics of a notation, wherever it comes from."""
        _expect_known(self)


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
        ValueError: it is not TOML, a key is unknown, or a value is of the wrong kind or is not the
            mathematics that a notation may write.

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
    known, changed = NOTATIONS[base], {}
    for key, value in data.items():
        if key not in keys:
            raise ValueError(f"{source}: {_found(key, ['base', *keys])}")
        changed[key] = _value(getattr(known, key), value, f"{source}: {key}")
    return replace(known, **changed, name=source)


def _value(old: object, value: object, where: str) -> Any:
    """Check the kind of a value; a table is merged into that of the base."""
    kind = dict if isinstance(old, tuple) else type(old)
    if not isinstance(value, kind):
        kinds = {bool: "true or false", str: "a string", dict: "a table"}
        raise ValueError(f"{where}: found {value!r}, expected {kinds[kind]}")
    if not isinstance(value, dict):
        return value
    for name, text in value.items():
        if not isinstance(text, str):
            raise ValueError(f"{where}.{name}: found {text!r}, expected mathematics as a string")
    return tuple((dict(old) | value).items()) if isinstance(old, tuple) else value
