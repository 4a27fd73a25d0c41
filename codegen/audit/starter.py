"""``rot180 audit --init``: a test file with an adapter, written after a look at a signature."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rot180.codegen.audit.layer_call import LayerCall
from rot180.codegen.audit.runs import separating
from rot180.codegen.audit.targets import named_function
from rot180.codegen.kernels.public_api import LAYERS

SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("x", "inp", "inputs", "data", "image", "lhs"), "input"),
    **dict.fromkeys(("w", "kernel", "filter", "filters", "weights", "rhs"), "weight"),
    **dict.fromkeys(("b", "biases"), "bias"),
    **dict.fromkeys(
        ("g", "grad", "grad_out", "grad_y", "out_grad", "dy", "dout", "gy", "dz", "delta"),
        "grad_output",
    ),
    **dict.fromkeys(("upstream", "gradient", "grads", "output_grad", "cotangent"), "grad_output"),
    **dict.fromkeys(("input_shape", "x_shape", "in_shape", "x_size"), "input_size"),
    **dict.fromkeys(("weight_shape", "w_shape", "kernel_shape", "filter_shape"), "weight_size"),
    **dict.fromkeys(("strides", "s"), "stride"),
    **dict.fromkeys(("paddings", "pad", "pads", "p"), "padding"),
    **dict.fromkeys(("dilations", "dilate", "rhs_dilation", "d"), "dilation"),
    **dict.fromkeys(("group", "num_groups", "feature_group_count"), "groups"),
    **dict.fromkeys(("out_padding", "output_pad", "adj"), "output_padding"),
}
"""What others call the arguments of rot180's functions."""

BY_HAND = "write an adapter by hand: docs/ci.md, Adapters"
"""The cure where a signature says too little."""


@dataclass(frozen=True)
class Starter:
    """A test file to start from.

    Attributes:
        name: the file's name.
        text: its text.

    """

    name: str
    text: str


def starter(text: str, layer: str | None, wrt: str | None) -> Starter:
    """Return a test file for a function.

    Args:
        text: ``package.module:function`` or ``file.py:function``.
        layer: the layer; None to find it in the function's name.
        wrt: the operand whose gradient it is; None to find it in the signature.

    Raises:
        ValueError: there is no such function, or its signature does not say enough; the message
            has the cure.

    """
    function = named_function(text)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        said = f"--init: found {text}, which does not say its parameters; {BY_HAND}"
        raise ValueError(said) from error
    name = text.rpartition(":")[2]
    layer = layer or _layer(name)
    names = [p.name for p in parameters if _is_named(p)]
    if wrt is None:
        wrt = _operand(name, layer, {SYNONYMS.get(n.lower(), n) for n in names})
    (call,) = separating(layer, wrt, 1)
    roles = {**call.shapes, **call.keywords}
    known = {n: _role(n, [*roles]) for n in names}
    for p in parameters:
        if _is_named(p) and known[p.name] not in roles and p.default is p.empty:
            raise ValueError(
                f"--init: found the parameter {p.name!r}, expected one of {', '.join(roles)}; "
                f"rename it, give it a default, or {BY_HAND}"
            )
    needed = [word for word in call.shapes if not call.question.optional(word)]
    if missing := [word for word in needed if word not in known.values()]:
        raise ValueError(
            f"--init: found no parameter for {', '.join(missing)}, expected one; give --layer and "
            f"--wrt if it is another gradient, or {BY_HAND}"
        )
    arguments = {p.name: (known[p.name], p) for p in parameters if known.get(p.name) in roles}
    return Starter(f"test_audit_{name.lower()}.py", _text(text, function, call, wrt, arguments))


def _is_named(p: inspect.Parameter) -> bool:
    return p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)


def _role(name: str, roles: Sequence[str]) -> str:
    """Return what rot180 calls an argument, if a call has it."""
    word = name if name in roles else SYNONYMS.get(name.lower(), name)
    if word == "grad_output" and word not in roles:  # in a layer's own text it is grad_y
        return next((role for role in roles if role.startswith("grad_")), word)
    return word


def _layer(name: str) -> str:
    """Return the shipped layer whose name is in that of a function."""
    shipped = sorted((e.name for e in LAYERS), key=len, reverse=True)
    plain = name.lower().replace("_", "")
    for one in shipped:
        if one.replace("_", "") in plain:
            return one
    raise ValueError(
        f"--layer: found no layer's name in {name!r}, expected --layer with one of "
        f"{', '.join(sorted(shipped))}, or a sum"
    )


def _operand(name: str, layer: str, taken: Set[str]) -> str:
    """Return the operand whose gradient a function returns; "" if it is the forward pass."""
    if not any(word.startswith("grad_") for word in taken):
        return ""
    entry = next((e for e in LAYERS if e.name == layer), None)
    operands = list(entry.arguments.values()) if entry else []
    words = [SYNONYMS.get(word, word) for word in name.lower().split("_")]
    named = [one for one in operands if one in words and one not in taken]
    left = [one for one in operands if one not in taken and f"{one}_size" in taken]
    for found in (named, left):
        if len(found) == 1:
            return found[0]
    raise ValueError(
        f"--wrt: found {name}({', '.join(sorted(taken))}), which may be several gradients, "
        f"expected --wrt with one of {', '.join(operands) or 'the operands'}"
    )


def _text(
    text: str,
    function: Callable[..., Any],
    call: LayerCall,
    wrt: str,
    arguments: Mapping[str, tuple[str, inspect.Parameter]],
) -> str:
    path, _, name = text.rpartition(":")
    module = Path(path).stem if path.endswith(".py") else path
    first = name.split(".")[0]
    library = _library(function)
    words = [word for word, _ in arguments.values()]
    passed = [
        f"        {own}={_passed(word, p, call, library)}," for own, (word, p) in arguments.items()
    ]
    imports = ["import numpy as np"] if library == "torch" else []
    imports += ["import pytest"] + (["import torch"] if library == "torch" else [])
    layer = call.question.name
    what = f"the gradient by {wrt} of {layer}" if wrt else layer
    supports = " and ".join(_supported(call, arguments))
    marked = f"layer={_quoted(layer)}, wrt={_quoted(wrt)}"
    marked += ", supports=supported" if supports else ""
    lines = [
        f'"""{text} is audited as {what}."""',
        "",
        *imports,
        "",
        f"from {module} import {first}",
        "",
        "",
        f"def adapter({', '.join(words)}):",
        f'    """Call {name} with arrays of NumPy, a stride for each axis, a pair of paddings."""',
        *_refusals(call, arguments),
        f"    return {name}(",
        *passed,
        "    )",
        "",
        "",
        *(["def supported(call):", f"    return {supports}", "", ""] if supports else []),
        f"@pytest.mark.rot180({marked})",
        f"def test_{name.replace('.', '_').lower()}(audit):",
        "    audit(adapter)",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _library(function: Callable[..., Any]) -> str:
    """Say whether a function takes tensors of PyTorch, or arrays."""
    inner = inspect.unwrap(function)
    annotations = map(str, getattr(inner, "__annotations__", {}).values())
    there = "torch" in getattr(inner, "__globals__", {})
    return "torch" if there or any("Tensor" in a for a in annotations) else "numpy"


def _passed(word: str, p: inspect.Parameter, call: LayerCall, library: str) -> str:
    """Return how an argument is passed."""
    if word in call.shapes:
        return f"torch.from_numpy(np.array({word}))" if library == "torch" else word
    value = call.keywords[word]
    if not isinstance(value, tuple) or word.endswith(("_size", "_shape")):
        return word
    pairs = bool(value) and isinstance(value[0], tuple)
    if _takes_number(p):
        return f"{word}[0][0]" if pairs else f"{word}[0]"
    return f"tuple(low for low, _ in {word})" if pairs and not _takes_pairs(p) else word


def _takes_number(p: inspect.Parameter) -> bool:
    """Say whether a parameter is one number for all axes, by its annotation or its default."""
    if p.annotation is not p.empty:
        return str(getattr(p.annotation, "__name__", p.annotation)) == "int"
    return isinstance(p.default, int)


def _takes_pairs(p: inspect.Parameter) -> bool:
    """Say whether a padding has two ends, by its default."""
    given = p.default if isinstance(p.default, (tuple, list)) else ()
    return any(isinstance(one, (tuple, list)) for one in given)


def _refusals(
    call: LayerCall, arguments: Mapping[str, tuple[str, inspect.Parameter]]
) -> Iterator[str]:
    """Yield the lines that refuse what a function does not take."""
    for word, p in arguments.values():
        if not isinstance(call.keywords.get(word), tuple) or word.endswith(("_size", "_shape")):
            continue
        if _takes_number(p):
            yield f"    if len(set({word})) > 1:"
            yield f'        raise NotImplementedError("{word}: one number for all axes")'
        if word == "padding" and not _takes_pairs(p):
            yield "    if any(low != high or low < 0 for low, high in padding):"
            yield '        raise NotImplementedError("padding: the same at both ends")'


def _supported(
    call: LayerCall, arguments: Mapping[str, tuple[str, inspect.Parameter]]
) -> Iterator[str]:
    """Yield what holds of the calls that a function supports."""
    taken = dict(arguments.values())
    if "padding" in taken and not _takes_pairs(taken["padding"]):
        yield "call.symmetric"
    tuples = [p for word, p in taken.items() if isinstance(call.keywords.get(word), tuple)]
    if any(_takes_number(p) for p in tuples):
        yield "call.uniform"
    sizes = ("_size", "_shape")
    absent = [word for word in call.keywords if word not in taken and not word.endswith(sizes)]
    if absent:
        yield f"call.without({', '.join(map(_quoted, absent))})"
