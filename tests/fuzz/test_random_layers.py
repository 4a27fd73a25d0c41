"""Random layers are derived, with kernels that are exact, or refused with a place and a cure.

ROT180_LAYERS says how many are drawn (default 200), ROT180_LAYERS_SEED from which seed on
(default 0). Every tenth layer's documents are written too; every fiftieth is compiled.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rot180.codegen.kernels.derivation import module
from tests.support.extensions import compiled
from tests.support.fuzz import compared, examine, shrunk
from tests.support.fuzz_draw import draw

COUNT = int(os.environ.get("ROT180_LAYERS", "30"))
FIRST = int(os.environ.get("ROT180_LAYERS_SEED", "0"))
BATCH, DOCUMENTS, COMPILED = 10, 10, 50


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, BATCH))
def test_random_layers(first: int, record_property: Callable[[str, object], None]) -> None:
    found: Counter[str] = Counter()
    faults = []
    for seed in range(first, min(first + BATCH, FIRST + COUNT)):
        layer, documents = draw(seed), seed % DOCUMENTS == 0
        outcome = examine(layer, seed, documents)
        found["faulty" if outcome.faulty else outcome.kind] += 1
        if outcome.faulty:
            small = shrunk(layer, seed, outcome.kind, documents)
            again = examine(small, seed, documents)
            faults.append(f"seed {seed}: {layer}\nsmallest: {small}\n{again.kind}\n{again.text}")
    record_property("layers", json.dumps({"seeds": f"{FIRST} to {FIRST + COUNT - 1}", **found}))
    assert not faults, "\n\n".join(faults)


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, COMPILED))
def test_compiled_kernels_of_random_layers(first: int, tmp_path: Path) -> None:
    pytest.importorskip("Cython")
    for seed in range(first, first + COMPILED):
        layer = draw(seed)
        proved = examine(layer, seed).proved
        if proved is not None:
            made = compiled(tmp_path, {"kernels": module(proved, "cython")})["kernels"]
            different = compared(layer, proved, made, ("float64", "float32"), seed)
            assert not different, f"seed {seed}: {layer}\n{different}"
            return
    pytest.fail(f"none of the layers of seeds {first} to {first + COMPILED - 1} was derived")
