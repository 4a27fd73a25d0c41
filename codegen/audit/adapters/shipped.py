"""What adapters of frameworks share: they know the layers that rot180 ships."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rot180.codegen.audit.questions import Question
from rot180.codegen.kernels.public_api import LAYERS


def shipped(adapter: str, question: Question, names: Sequence[str] = ()) -> str:
    """Return the name of the layer that is asked for.

    Args:
        adapter: the adapter's name.
        question: what is asked.
        names: the layers that it has; all that are shipped if empty.

    Raises:
        ValueError: the adapter does not have it.

    """
    known = tuple(names) or tuple(e.name for e in LAYERS)
    if question.name not in known:
        raise ValueError(f"--layer: found {question.name!r}, expected for {adapter} one of {known}")
    return question.name


def symmetric(padding: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return one padding for each axis.

    Raises:
        NotImplementedError: the two ends differ, or a padding crops.

    """
    if any(low != high for low, high in padding):
        raise NotImplementedError("asymmetric padding")
    if any(low < 0 for low, _ in padding):
        raise NotImplementedError("negative padding")
    return tuple(low for low, _ in padding)


def parameters(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a window for a framework with one padding for each axis."""
    out = {word: value for word, value in keywords.items() if not word.endswith("_size")}
    if "padding" in out:
        out["padding"] = symmetric(out["padding"])
    return out
