"""Names of a layer that Python, Cython, C, NumPy or the generated code itself use, in every role.

ROT180_NAMES=1 tries every word in every role, and compiles every word that Cython could mistake; 3
tries a third of them (default: 8, and few are compiled).
"""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rot180.codegen.kernels import names as rule
from rot180.codegen.kernels.derivation import derive, module
from rot180.codegen.kernels.names import RESERVED, derived_names, name
from rot180.derive.language.layers import layer
from rot180.derive.language.notation import NotationError
from tests.support.extensions import compiled
from tests.support.reserved_names import (
    IN_WORDS,
    ROLES,
    Lowered,
    cython_scope,
    data,
    differences,
    executed,
    lowered_once,
    module_text,
    neutral,
    rotated,
    spec,
    vocabulary,
)

SHARE = int(os.environ.get("ROT180_NAMES", "8"))
FEW = SHARE == 8
PARTS = 8

once = cache(lowered_once)
words_by_source = cache(vocabulary)
Names = Mapping[str, str]
Record = Callable[[str, object], None]


@cache
def legal_words(*sources: str) -> tuple[str, ...]:
    """Return words that are names in the notation, and that the derivation did not make."""
    found = words_by_source()
    chosen = {w for source in sources or found for w in found[source]}
    invented = once("numpy").invented | once("plain").invented
    return tuple(sorted(w for w in chosen - invented if w != "sum" and not keyword.iskeyword(w)))


def alone(names: Names) -> Iterator[dict[str, str]]:
    """Yield each of some names by itself, in its role."""
    return ({**neutral(), role: word} for role, word in names.items())


def refused(names: Names) -> bool:
    """Say whether a layer is refused before it is derived; then the error says what to do."""
    try:
        derived_names(layer(spec(names)))
    except ValueError as error:
        assert "cure: " in str(error) or "rename" in str(error)
        return True
    return False


def wrong(names: Names, lowered: Lowered) -> list[str]:
    """Return which functions of a layer are wrong in NumPy or plain Python."""
    made = executed(module_text(lowered.target, lowered.with_names(names)))
    return differences(made, names, data(np.int64))


class Tally:
    """Counts names in roles by outcome.

    Attributes:
        count: how many had each outcome.
        faults: what was wrong, in words.

    """

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.faults: list[str] = []

    def add(self, outcome: str, names: Names, faults: Sequence[str] = ()) -> None:
        """Count the names of a layer that are not neutral."""
        own = {role: word for role, word in names.items() if word != neutral()[role]}
        self.count["wrong" if faults else outcome] += len(own)
        self.faults += [f"{own}: {fault}" for fault in faults]

    def judge(self, record_property: Record, part: object) -> None:
        """Record the counts, and fail if anything was wrong."""
        record_property("names", json.dumps({"part": str(part), **self.count}))
        assert not self.faults, "\n".join(self.faults)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_word_in_every_role(part: int, record_property: Record) -> None:
    tally = Tally()
    for names in list(rotated(legal_words()))[part :: PARTS * SHARE]:
        for one in alone(names) if refused(names) else [names]:
            if refused(one):
                tally.add("refused", one)
            else:
                faults = [f for target in ("numpy", "plain") for f in wrong(one, once(target))]
                tally.add("right", one, faults)
    tally.judge(record_property, f"part {part}")
    assert tally.count["refused"] < tally.count["right"] / 20


@pytest.mark.parametrize("part", range(3))
def test_words_in_layers_that_are_derived(part: int, record_property: Record) -> None:
    """No renaming: what the search itself does with the names is in it."""
    tally = Tally()
    every = [names for names in rotated(legal_words()) if not refused(names)]
    for names in [every[400 * part + 150]] if FEW else every[7 + part :: 3 * 20 * SHARE]:
        made = executed(module(derive(spec(names)), "numpy"))
        tally.add("right", names, differences(made, names, data(np.int64)))
    tally.judge(record_property, f"derived {part}")


SOURCES = ("Cython", "module in Cython", "module in NumPy")


@pytest.mark.parametrize("part", [0] if FEW else range(0, 12, SHARE))
def test_words_compiled(part: int, tmp_path: Path, record_property: Record) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    every = [names for names in rotated(legal_words(*SOURCES)) if not refused(names)]
    layers = every[3 :: len(every) // 3] if FEW else every[part::12]
    lowered, tally = once("cython"), Tally()
    starts = [f"layer{at}_" for at in range(len(layers))]
    kernels = [
        kernel
        for names, start in zip(layers, starts, strict=True)
        for kernel in lowered.with_names(names, start)
    ]
    made = compiled(tmp_path, {"reserved": module_text("cython", kernels)})["reserved"]
    for names, start in zip(layers, starts, strict=True):
        tally.add("compiled", names, differences(made, names, data(np.float64), start))
    tally.judge(record_property, f"compiled {part}")


@pytest.mark.parametrize("role", ROLES, ids=IN_WORDS.get)
def test_words_of_the_notation_are_refused(role: str, record_property: Record) -> None:
    tally = Tally()
    for word in [*keyword.kwlist, "sum"]:
        names = {**neutral(), role: word}
        with pytest.raises(NotationError, match="cure: "):
            layer(spec(names))
        tally.add("refused", names)
    tally.judge(record_property, f"keywords {role}")


def test_modules_in_numpy_use_reserved_names() -> None:
    tree = ast.parse(module(derive(spec(neutral())), "numpy"))
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    kernels = [n for n in tree.body if isinstance(n, ast.FunctionDef) and _is_kernel(n.name)]
    used = {
        n.id for kernel in kernels for n in ast.walk(kernel) if isinstance(n, ast.Name)
    } - {a.arg for kernel in kernels for a in ast.walk(kernel) if isinstance(a, ast.arg)}
    _all_reserved(bound | (used & {*dir(builtins), "dtype", "add"}))


def test_modules_in_cython_use_reserved_names() -> None:
    found = cython_scope(module(derive(spec(neutral())), "cython"))
    _all_reserved(found - {"error", "genexpr"})  # of a handler and a comprehension, outside kernels


def _is_kernel(word: str) -> bool:
    return word == "forward" or word.startswith("grad_")


def _all_reserved(words: set[str]) -> None:
    ours = {w for w in words if not w.startswith(("_", "grad_"))}
    assert ours and ours <= RESERVED, sorted(ours - RESERVED)


def test_different_names_stay_different() -> None:
    words = {f"{w}{end}" for w in RESERVED | {"x", "grad_x"} for end in ("", "_", "__", "___")}
    assert len({name(w) for w in words}) == len(words)
    assert not {name(w) for w in words} & RESERVED
    assert name("x") == "x" and name("x_") == "x_"


@pytest.mark.parametrize("word", ["np", "range", "zeros"])
def test_a_name_that_is_not_kept_apart_is_found(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "RESERVED", RESERVED - {word})
    names = {**neutral(), "x": word}
    assert any(wrong(names, once(target)) for target in ("numpy", "plain"))


CLASHES = [
    ("y[p] = x[p] * x_shape[p]", "x_shape"),
    ("y_shape[p] = x[p] * y[p]", "y_shape"),
    ("x_shape[p] = x[p] * w[p]", "x_shape"),
    ("y[p] = sum[k] x[p+k-x_shape] * w[k]", "x_shape"),
    ("y[p] = x[p] * grad_x[p]", "grad_x"),
    ("f: function; y[p] = f(x[p]) * f_x[p]", "f_x"),
    ("f: function; y[p] = f(x[p]) * f_prime[p]", "f_prime"),
    ("f: function; f_prime: function; y[p] = f(x[p]) * f_prime(x[p])", "f_prime"),
    ("a_b: function; a: function; y[p] = a_b(c[p]) * a(b_c[p])", "a_b_c"),
    ("y[p] = relu(z[p]) * relu_z[p]", "relu_z"),
    ("checked_[p] = x[p] * checked__shape[p]", "checked__shape"),
]


@pytest.mark.parametrize(("text", "word"), CLASHES, ids=[word for _, word in CLASHES])
def test_a_name_that_code_derives_from_another_is_refused(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=rf"(?s){word} .*rename one"):
        derive(text)

