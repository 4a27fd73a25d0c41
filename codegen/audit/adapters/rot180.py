"""rot180's own public functions."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rot180.codegen.audit.adapters.shipped import shipped
from rot180.codegen.audit.questions import Question


def function(question: Question) -> Callable[..., Any]:
    """Return the public function that is asked for."""
    name = shipped("rot180", question)
    assert question.entry is not None
    suffix = f"_{question.entry.arguments[question.wrt]}" if question.wrt else ""
    found: Callable[..., Any] = getattr(import_module("rot180.generated"), name + suffix)
    return found
