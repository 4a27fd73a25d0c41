"""Certificates: texts and proofs correspond, and malformed texts are refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from rot180.derive.certificates.reader import MalformedError, loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.replay import replay
from rot180.derive.theorems import claims, theorem
from tests.support.proofs import proof, step

NAMES = tuple(claims())
TEXT = dumps(theorem("rot180_correlation_general_1d").proof)
PHASES = dumps(theorem("phases_correlation_general_channels_1d").proof)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_the_proof(name: str) -> None:
    """It is read back as it was, and written again as the same bytes."""
    original = theorem(name).proof
    text = dumps(original)
    assert loads(text) == original
    assert dumps(loads(text)) == text
    assert text.isascii()
    assert text.endswith("}\n")


def test_a_lemma_is_in_the_text() -> None:
    """A certificate contains the proof of a cited theorem."""
    inner = theorem("rot180_correlation_1d").proof
    use = step("lemma", theorem=inner, symbols=(), tensors=(), bound=(), factors=(0,))
    outer = proof(inner.start, use, variables=inner.variables, name="outer")
    assert loads(dumps(outer)) == outer
    assert replay(loads(dumps(outer))).rhs == theorem("rot180_correlation_1d").rhs
    assert outer.digest != inner.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "NaN",
        '"proof"',
        "{}",
        "[" * 10000,
        TEXT[:-20],
        TEXT + "{}",
        TEXT.replace('"format": 1', '"format": 2'),
        TEXT.replace('"format": 1', '"format": 1.0'),
        TEXT.replace('"name"', '"title"', 1),
        TEXT.replace('"start"', '"extra": 1, "start"', 1),
        TEXT.replace('"equal"', '"unequal"', 1),
        TEXT.replace('"factor": 0', '"factor": null', 1),
        TEXT.replace('"factor": 0', '"factor": true', 1),
        TEXT.replace('"at": 0', '"at": "0"', 1),
        TEXT.replace('"coefficient": "1"', '"coefficient": "1/0"', 1),
        TEXT.replace('"coefficient": "1"', '"coefficient": "sqrt(2)"', 1),
        TEXT.replace('"coefficient": "1"', '"coefficient": 1', 1),
    ],
)
def test_what_is_no_certificate(text: str) -> None:
    """It is malformed, whatever is wrong with it."""
    with pytest.raises(MalformedError):
        loads(text)


def test_a_tensor_is_listed_before_it_is_used() -> None:
    """Tensors out of order, twice or with half a definition are malformed."""
    data = json.loads(TEXT)
    assert len(data["tensors"]) > 3
    turned = {**data, "tensors": data["tensors"][::-1]}
    with pytest.raises(MalformedError, match="before it is listed"):
        loads(json.dumps(turned))
    with pytest.raises(MalformedError, match="listed twice"):
        loads(json.dumps({**data, "tensors": [*data["tensors"], data["tensors"][0]]}))
    half = [{k: v for k, v in t.items() if k != "formals"} for t in data["tensors"]]
    with pytest.raises(MalformedError, match="missing formals"):
        loads(json.dumps({**data, "tensors": half}))


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key of a JSON value."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in list(keys):
        yield data, key
        yield from places(data[key])


@pytest.mark.parametrize("text", [TEXT, PHASES], ids=["named", "phases"])
def test_no_damage_goes_unnoticed(text: str) -> None:
    """A certificate with one node deleted or replaced is malformed, refused, or says so.

    Another statement may be proved by it, but then its text is another one too.
    """
    rng = random.Random(7)
    junk: list[Any] = [None, True, 0, -1, 7, 1.5, "", "x", "h", "p + 1", "1/0", [], {}, [[]]]
    count = sum(1 for _ in places(json.loads(text)))
    original = replay(loads(text))
    refused = 0
    for _ in range(250):
        data = json.loads(text)
        where, key = [*places(data)][rng.randrange(count)]
        if rng.random() < 0.4:
            del where[key]
        else:
            where[key] = rng.choice(junk)
        changed = json.dumps(data)
        try:
            theorem_ = replay(loads(changed))
        except (MalformedError, ProofError):
            refused += 1
            continue
        if (theorem_.lhs, theorem_.rhs) != (original.lhs, original.rhs):
            assert dumps(theorem_.proof) != text
    assert refused > 150
