"""What is judged, found by its name: a function, an executable, or a function of a framework.

A target is called with arrays of NumPy and keywords, by the names of rot180's public functions:
``input``, ``weight``, ``bias``, ``grad_output``, ``input_size``, ``weight_size``, ``stride``,
``padding`` (a pair for each axis), ``dilation``, ``groups``, ``output_padding``. It returns an
array. A parameter that a function does not take keeps its default. It raises
`NotImplementedError` where it does not support a call.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rot180.codegen.audit.executables import executable
from rot180.codegen.audit.products import Array
from rot180.codegen.audit.questions import Question

BUILT_IN = ("jax", "rot180", "scipy.signal", "torch", "torch.nn.grad")
"""The adapters that come with rot180."""

NEUTRAL = {"stride": 1, "dilation": 1, "groups": 1, "padding": 0, "output_padding": 0}
"""What a parameter is where a target does not take it."""


class UnsupportedCallError(Exception):
    """A target does not support a call, and says so."""


@dataclass(frozen=True)
class JudgedFunction:
    """A function that is judged.

    Attributes:
        name: how it was given.
        function: it.
        takes: the names of its parameters; None if it takes any.

    """

    name: str
    function: Callable[..., Any]
    takes: frozenset[str] | None

    def __call__(self, arrays: Mapping[str, Array], keywords: Mapping[str, Any]) -> Array:
        """Call it.

        Raises:
            UnsupportedCallError: it does not take a parameter, or says that it lacks something.
            Exception: whatever it raises.

        """
        if lacking := self.lacks({**arrays, **keywords}):
            raise UnsupportedCallError(f"it does not take {lacking}")
        known = self.takes
        every = {**arrays, **keywords}
        given = {word: a for word, a in every.items() if known is None or word in known}
        try:
            found = self.function(**given)
        except NotImplementedError as error:
            raise UnsupportedCallError(str(error)) from error
        return as_array(found)

    def lacks(self, given: Mapping[str, Any]) -> str:
        """Return an argument that it does not take and that is not neutral; "" if there is none.

        A shape or a size may be left out: the arrays say it too, or the target does not need it.
        """
        for word, value in given.items():
            needed = not word.endswith(("_size", "_shape")) and not neutral(word, value)
            if self.takes is not None and word not in self.takes and needed:
                return word
        return ""


def neutral(name: str, value: Any) -> bool:
    """Say whether a parameter has the value at which it changes nothing."""
    return name in NEUTRAL and bool(np.all(np.asarray(value) == NEUTRAL[name]))


def as_array(found: Any) -> Array:
    """Return what a target returned as an array of NumPy.

    Raises:
        TypeError: it is none.

    """
    if hasattr(found, "detach"):
        found = found.detach()
        if str(found.dtype) == "torch.bfloat16":
            found = found.float()  # NumPy has no such dtype
    array = np.asarray(found)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"result: found {type(found).__name__}, expected an array of numbers")
    return array


def target(text: str, question: Question) -> JudgedFunction:
    """Return the target of that name.

    Args:
        text: the name of a built-in adapter, ``package.module:function``, ``file.py:function``, or
            the path of an executable.
        question: what is judged.

    Raises:
        ValueError: there is none; the message says what was found and what was expected.

    """
    if text in BUILT_IN:
        module = importlib.import_module(f"rot180.codegen.audit.adapters.{text.replace('.', '_')}")
        try:
            return JudgedFunction(text, module.function(question), None)
        except ImportError as error:
            package = (error.name or text).partition(".")[0]
            raise ValueError(
                f"TARGET: found {text!r}, but {package} is not installed; pip install {package}"
            ) from error
    if ":" not in text and os.access(text, os.X_OK) and Path(text).is_file():
        return JudgedFunction(text, executable(Path(text), question), None)
    return function_target(named_function(text), text)


def named_function(text: str) -> Callable[..., Any]:
    """Return the function of that name.

    Args:
        text: ``package.module:function`` or ``file.py:function``.

    Raises:
        ValueError: there is none; the message says what was found and what was expected.

    """
    path, _, name = text.rpartition(":")
    if not path:
        raise ValueError(
            f"TARGET: found {text!r}, expected module:function, file.py:function, an executable "
            f"file, or one of {', '.join(BUILT_IN)}"
        )
    module = _from_file(Path(path)) if path.endswith(".py") else _imported(path)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = ", ".join(n for n in vars(module) if not n.startswith("_"))
            raise ValueError(f"TARGET: found no {name!r} in {path}, expected one of {known}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"TARGET: found {type(found).__name__} {text}, expected a function")
    function: Callable[..., Any] = found
    return function


def function_target(function: Callable[..., Any], name: str = "") -> JudgedFunction:
    """Return a function as a target.

    Args:
        function: the function.
        name: how it was given; "" for its name in Python.

    """
    own = getattr(function, "__qualname__", type(function).__name__)
    name = name or f"{getattr(function, '__module__', '')}:{own}"
    return JudgedFunction(name, function, takes(function))


def takes(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the parameters of a function; None if it takes any or does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in parameters if p.kind is not p.VAR_POSITIONAL)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:
        what = f"importing {name!r} raised {type(error).__name__}"
        raise ValueError(f"TARGET: {what}: {error}") from error


def _from_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"rot180_target_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ValueError(f"TARGET: found no file {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"TARGET: {path} raised {type(error).__name__}: {error}") from error
    return module
