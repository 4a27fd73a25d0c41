"""The arguments of a layer as a framework spells them: reading and writing."""

from __future__ import annotations

import ast
import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rot180.codegen.convert.frameworks import FRAMEWORKS, LAYERS
from rot180.codegen.convert.layer_data import AxisArgument, FrameworkLayer, Variant

Value: TypeAlias = "int | str | tuple[Value, ...]"
"""What a user gives: an integer, a word, or several of them."""


@dataclass(frozen=True)
class Call:
    """A layer with its arguments.

    Attributes:
        layer: the layer.
        variant: the way it is called.
        axes: for each axis, the integers of its arguments.
        groups: the number of groups.

    """

    layer: FrameworkLayer
    variant: Variant
    axes: tuple[Mapping[str, int], ...]
    groups: int


def read_call(framework: str, layer: str, given: Sequence[str]) -> Call:
    """Read the arguments of a layer.

    Args:
        framework: its name.
        layer: ``conv`` or ``conv_transpose``, with ``1d``, ``2d`` or ``3d`` where no argument says
            the number of axes.
        given: its arguments, each as ``NAME=VALUE``, as the framework spells them.

    Raises:
        ValueError: an argument is unknown, missing, no integer, or against the framework's demands.

    """
    word = re.fullmatch(r"(conv|conv_transpose)([123]d)?", layer)
    if word is None:
        raise ValueError(
            f"LAYER: found {layer!r}, expected conv or conv_transpose, or with the number of axes: "
            "conv2d"
        )
    layers = [one for one in LAYERS if (one.framework, one.name) == (framework, word[1])]
    if not layers:
        raise ValueError(f"--from: found {framework!r}, expected one of {', '.join(FRAMEWORKS)}")
    values = dict(_named(one, layers) for one in given)
    axes = int(word[2][0]) if word[2] else _count(values, layers)
    fitting = [
        (one, variant) for one in layers for variant in one.variants if _fits(one, variant, values)
    ]
    if not fitting:
        raise ValueError(_unfit(values, layers))
    fitting = [(one, variant) for one, variant in fitting if axes in variant.axes]
    if not fitting:
        raise ValueError(f"{layer}: found {axes} axes, with {', '.join(values)}; see --help")
    found, variant = fitting[0]
    parts = [_integers(argument, values, axes) for argument in variant.arguments]
    columns = tuple(
        {name: n for one in parts for name, n in one[axis].items()} for axis in range(axes)
    )
    return Call(found, variant, columns, _groups(found, values))


def _named(text: str, layers: Sequence[FrameworkLayer]) -> tuple[str, Value]:
    name, equals, value = text.partition("=")
    known = {n for one in layers for n in (*one.arguments, *one.words, one.groups) if n}
    if not equals:
        raise ValueError(f"arguments: found {text!r}, expected NAME=VALUE, such as stride=2")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name}: unknown, expected one of {', '.join(sorted(known))}{hint}")
    return name, _checked(name, _literal(name, value), layers)


def _literal(name: str, text: str) -> Value:
    if re.fullmatch(r"[A-Za-z_]+", text):
        return text
    try:
        return _plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError) as error:
        said = "an integer, integers such as 3,3, or a word such as SAME"
        raise ValueError(f"{name}: found {text!r}, expected {said}") from error


def _plain(value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_plain(one) for one in value)
    if isinstance(value, int | str) and not isinstance(value, bool):
        return value
    raise TypeError(value)


def _checked(name: str, value: Value, layers: Sequence[FrameworkLayer]) -> Value:
    words = [w for one in layers for w in one.words.get(name, ())]
    numbers = name in {n for one in layers for n in (*one.arguments, one.groups)}
    if value in words or (numbers and not isinstance(value, str)):
        return value
    expected = [*dict.fromkeys(words), *(["integers"] if numbers else [])]
    raise ValueError(f"{name}: found {value!r}, expected {' or '.join(expected)}")


def _kernel(layers: Sequence[FrameworkLayer]) -> str:
    return layers[0].variants[0].arguments[0].name


def _count(values: Mapping[str, Value], layers: Sequence[FrameworkLayer]) -> int:
    name = _kernel(layers)
    given = values.get(name)
    if isinstance(given, tuple) and given:
        return len(given)
    raise ValueError(
        f"{name}: found {'nothing' if given is None else given}, expected an integer for each "
        f"axis, such as {name}=3,3, or the number of axes with the layer: conv2d"
    )


def _fits(layer: FrameworkLayer, variant: Variant, values: Mapping[str, Value]) -> bool:
    arguments = {one.name: one for one in variant.arguments}
    for name, value in values.items():
        known = variant.words.get(name) == value if isinstance(value, str) else name in arguments
        if not known and name != layer.groups:
            return False
    words = {**layer.defaults, **values}
    if any(words.get(name) != word for name, word in variant.words.items()):
        return False
    return all(one.default is not None or name in values for name, one in arguments.items())


def _unfit(values: Mapping[str, Value], layers: Sequence[FrameworkLayer]) -> str:
    ways = []
    for one in layers:
        for variant in one.variants:
            needed = [a.name for a in variant.arguments if a.default is None]
            chosen = [f"{n}={w}" for n, w in variant.words.items() if one.defaults.get(n) != w]
            free = [f"[{a.name}]" for a in variant.arguments if a.default is not None]
            ways.append(" ".join([*needed, *chosen, *free]))
    found = ", ".join(f"{n}={v}" for n, v in values.items()) or "no arguments"
    listed = "\n    ".join(dict.fromkeys(ways))
    return f"arguments: found {found}; expected one of these together:\n    {listed}"


def _integers(
    argument: AxisArgument, values: Mapping[str, Value], axes: int
) -> Sequence[Mapping[str, int]]:
    """Return the integers of an argument for each axis.

    Raises:
        ValueError: they are not as many as the framework expects.

    """
    name, parts = argument.name, argument.parts
    given = values.get(name, argument.default)
    rows: Value = given if given is not None else ()
    if isinstance(given, int) and (argument.order == "axes" or name not in values):
        rows = ((given,) * len(parts),) * axes
    elif isinstance(given, tuple):
        rows = _rows(argument.order, given, axes)
    if (
        isinstance(rows, tuple)
        and len(rows) == axes
        and all(
            isinstance(row, tuple)
            and len(row) == len(parts)
            and all(isinstance(n, int) for n in row)
            for row in rows
        )
    ):
        return [dict(zip(parts, row, strict=True)) for row in rows]  # type: ignore[arg-type]
    example = write_argument(argument, [dict.fromkeys(parts, n) for n in range(1, axes + 1)])
    raise ValueError(f"{name}: found {given}, expected {axes} axes, such as {name}={example}")


def _rows(order: str, given: tuple[Value, ...], axes: int) -> Value:
    """Return the integers of each axis, in the order of the argument; () if they do not fit."""
    if order == "ends":
        return (
            tuple(zip(given[:axes], given[axes:], strict=False)) if len(given) == 2 * axes else ()
        )
    if order == "framed":
        framed = len(given) == axes + 2 and given[0] == given[-1] == (0, 0)
        return given[1:-1] if framed else ()
    if order == "shape":
        inner = given[1:-1] if len(given) == axes + 2 else given
        return tuple((n,) for n in inner)
    return given if order == "pairs" else tuple((n,) for n in given)


def _groups(layer: FrameworkLayer, values: Mapping[str, Value]) -> int:
    given = values.get(layer.groups or "", 1)
    if not isinstance(given, int) or given < 1:
        raise ValueError(f"{layer.groups}: found {given}, expected an integer from 1 on")
    return given


def write_argument(
    argument: AxisArgument, axes: Sequence[Mapping[str, object]], brackets: str = "()"
) -> str:
    """Return the value of an argument as the framework spells it.

    Args:
        argument: the argument.
        axes: its integers for each axis, or what stands for them.
        brackets: what is written around several of them.

    """

    def several(items: Sequence[object]) -> str:
        comma = "," if brackets == "()" and len(items) == 1 else ""
        return f"{brackets[0]}{', '.join(map(str, items))}{comma}{brackets[1]}"

    rows = [[axis[part] for part in argument.parts] for axis in axes]
    if argument.order == "axes":
        return several([row[0] for row in rows])
    if argument.order == "ends":
        return several([*itertools.chain(*zip(*rows, strict=True))])
    if argument.order == "shape":
        return several(["n", *(row[0] for row in rows), "o"])
    pairs = [several(row) for row in rows]
    frame = [several((0, 0))] if argument.order == "framed" else []
    return several([*frame, *pairs, *frame])
