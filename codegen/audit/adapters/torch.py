"""PyTorch: `torch.nn.functional`, and its gradients by autograd; layers and programs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.audit.adapters.shipped import parameters, shipped
from rot180.codegen.audit.adapters.torch_programs import PROGRAMS
from rot180.codegen.audit.questions import Question
from rot180.codegen.kernels.names import name as python_name
from rot180.codegen.kernels.public_api import LAYERS
from rot180.derive.language.programs import Program, program


def function(question: Question) -> Callable[..., Any]:
    """Return the forward pass or a gradient."""
    torch = framework("torch")
    if isinstance(question.layer, Program):
        return _program(torch, question, question.layer)
    layer = getattr(torch.nn.functional, shipped("torch", question))
    entry = question.entry
    assert entry is not None

    def forward(**given: Any) -> Any:
        arrays, keywords = split(torch, given)
        return layer(**arrays, **parameters(keywords))

    def gradient(**given: Any) -> Any:
        arrays, keywords = split(torch, given)
        upstream = arrays.pop("grad_output")
        wanted = entry.arguments[question.wrt]
        for word in ("input", "weight"):
            if word not in arrays:
                size = keywords.get(f"{word}_size") or _any_size(question, word, upstream)
                arrays[word] = torch.zeros(size, dtype=upstream.dtype)
        if wanted == "bias":
            arrays["bias"] = torch.zeros(upstream.shape[1], dtype=upstream.dtype)
        operand = arrays[wanted].requires_grad_()
        layer(**arrays, **parameters(keywords)).backward(upstream)
        return operand.grad

    return gradient if question.wrt else forward


def _program(torch: Any, question: Question, judged: Program) -> Callable[..., Any]:
    """Return a program of the catalogue, also if its text is given, or one of its gradients."""
    layer = next((f for n, f in PROGRAMS.items() if program(n) == judged), None)
    if layer is None:
        known = ", ".join((*(e.name for e in LAYERS), *PROGRAMS))
        raise ValueError(f"--layer: found {question.name!r}, expected for torch one of {known}")
    words = inspect.signature(layer).parameters
    output = python_name(judged.output.name)

    def whole(arrays: dict[str, Any], keywords: dict[str, Any], shape: Any) -> Any:
        given = {**arrays, **keywords, "shape": tuple(shape)}
        taken = {word: a for word, a in given.items() if word in words}
        return layer(torch.nn.functional, **taken)

    def forward(**given: Any) -> Any:
        arrays, keywords = split(torch, given)
        return whole(arrays, keywords, keywords[f"{output}_shape"])

    def gradient(**given: Any) -> Any:
        arrays, keywords = split(torch, given)
        upstream = arrays.pop(f"grad_{output}")
        operand = arrays[python_name(question.wrt)].requires_grad_()
        whole(arrays, keywords, upstream.shape).backward(upstream)
        return operand.grad

    return gradient if question.wrt else forward


def _any_size(question: Question, word: str, upstream: Any) -> tuple[int, ...]:
    """Return a size with which the bias has a gradient: one tap and one channel."""
    spatial = tuple(upstream.shape[2:])
    if word == "input":
        return (upstream.shape[0], 1, *spatial)
    transposed = "transpose" in question.name
    channels = (1, upstream.shape[1]) if transposed else (upstream.shape[1], 1)
    return (*channels, *(1 for _ in spatial))


def split(torch: Any, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of a call as tensors, and its other arguments."""
    arrays = {word: _tensor(torch, a) for word, a in given.items() if isinstance(a, np.ndarray)}
    return arrays, {word: value for word, value in given.items() if word not in arrays}


def _tensor(torch: Any, a: Any) -> Any:
    if a.dtype.name == "bfloat16":
        return torch.from_numpy(a.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(np.array(a))
