"""Targets that are programs, in C++, Rust, Julia or any language: arrays go through files.

A program is started with a folder. In it are ``call.json``, with the name of the layer and of what
is asked and all parameters, and ``<name>.npy`` for each array. It writes ``result.npy`` there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rot180.codegen.audit.products import Array
from rot180.codegen.audit.questions import Question
from rot180.codegen.system import files, programs

SECONDS = 60.0
"""How long a program may run for one call."""

UNSUPPORTED = 3
"""The exit code of a program that does not support a call."""


def executable(path: Path, question: Question) -> Callable[..., Array]:
    """Return a function that calls a program.

    Args:
        path: the program.
        question: what is judged.

    """
    asked = {"layer": question.name, "wrt": question.wrt}

    def call(**given: Any) -> Array:
        arrays = {word: a for word, a in given.items() if isinstance(a, np.ndarray)}
        rest = {word: value for word, value in given.items() if word not in arrays}
        texts: dict[str, str | bytes] = {f"{word}.npy": _stored(a) for word, a in arrays.items()}
        texts["call.json"] = json.dumps({**asked, **rest}, indent=1)
        with programs.workplace() as folder:
            files.write(folder, texts)
            ended = programs.run([str(path.resolve()), str(folder)], folder, SECONDS)
            if ended.code == UNSUPPORTED:
                raise NotImplementedError(ended.output.strip())
            if ended.code:
                raise RuntimeError(f"{path}: exit code {ended.code}\n{ended.output}")
            data = files.contents(folder / "result.npy")
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))

    return call


def _stored(a: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, a, allow_pickle=False)
    return stream.getvalue()
