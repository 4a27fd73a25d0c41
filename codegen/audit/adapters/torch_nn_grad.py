"""PyTorch's `torch.nn.grad`, which has the gradients of the convolutions as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rot180.codegen.adapters.frameworks import framework
from rot180.codegen.audit.adapters.shipped import parameters, shipped
from rot180.codegen.audit.adapters.torch import split
from rot180.codegen.audit.questions import Question


def function(question: Question) -> Callable[..., Any]:
    """Return a gradient."""
    torch = framework("torch")
    name = shipped("torch.nn.grad", question, ("conv1d", "conv2d", "conv3d"))
    if question.wrt not in ("x", "w"):
        raise ValueError("--wrt: torch.nn.grad has the gradients by input and weight, no others")
    wanted = "input" if question.wrt == "x" else "weight"
    layer = getattr(torch.nn.grad, f"{name}_{wanted}")

    def gradient(**given: Any) -> Any:
        arrays, keywords = split(torch, given)
        size = {f"{wanted}_size": keywords[f"{wanted}_size"]}
        return layer(**arrays, **size, **parameters(keywords))

    return gradient
