"""Each entry of the museum is refuted by the engine, drawn, and found by an audit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.audit import museum_page
from rot180.codegen.audit.museum import SIZES, Entry, completed, configuration, number, sizes
from rot180.codegen.audit.museum_claims import DRAWS, WrongClaim
from rot180.codegen.audit.museum_entries import ENTRIES
from rot180.codegen.system import files
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program, read
from rot180.derive.theorems import claims
from tests.support.museum_audits import audited
from tests.support.naive import meaning

FOLDER = Path(__file__).parents[3] / "docs" / "museum"

AUDITED = ("burn_248", "cmu10714_6_input", "jax_563", "libnd4j_440", "mlpack_2360", "nnlib_205")
"""Entries with mistakes of different kinds; `tests.support.museum_audits` judges all."""

LARGEST = 16
"""The largest size of an axis that is evaluated here."""


def shown(claim: WrongClaim, text: str) -> Any:
    """Return both arrays of an entry at a configuration; None where it is large."""
    values = configuration(claim.entry, text)
    if values.get("H", 0) > LARGEST:
        return None
    return claim.at(
        {symbol(v): n for v, n in values.items()}, draws=DRAWS if claim.entry.masks else 1
    )


def test_there_are_many() -> None:
    """The museum has at least sixteen mistakes, each with a name and an address of its own."""
    assert len({e.references[0] for e in ENTRIES}) >= 16
    assert len({e.key for e in ENTRIES}) == len(ENTRIES)


def test_what_an_entry_says_of_itself() -> None:
    """The expression defines the gradient by the operand, and the address has the number."""
    for e in ENTRIES:
        layer = read(e.layer)
        assert isinstance(layer, Layer | Program)
        name = f"grad_{e.operand}" if e.operand else layer.output.name
        assert read(e.wrong).output.name == name, e.key
        assert any(r.rpartition("/")[2] == str(e.issue) for r in e.references), e.key
        assert e.outcome in ("values", "shape", "error")
        assert e.basis in ("code", "thread")
        assert e.fails
        assert e.true in claims()


def test_a_configuration_is_one_of_the_layer() -> None:
    """Sizes that follow from others do so in all configurations."""
    for e in ENTRIES:
        for text in (*e.fails, *e.agrees):
            values = configuration(e, text)
            computed = {v for v, _ in (*sizes(e), *e.derived)}
            free = {v: n for v, n in values.items() if v not in computed}
            if SIZES.get(e.layer, (("", ""),))[0][0] == "H" and not e.sizes and "op=" not in text:
                free["op"] = 0
            assert completed(e, free) == {**values, **completed(e, free)}
            assert all(completed(e, free)[v] == values[v] for v, _ in sizes(e)), (e.key, text)


def test_an_entry_is_wrong_and_looked_right() -> None:
    """Its configurations show it, in the exact arithmetic of the engine."""
    for e in ENTRIES:
        claim = WrongClaim(e)
        for text in e.fails:
            if (found := shown(claim, text)) is not None:
                assert found.wrong, (e.key, text)
        for text in e.agrees:
            if (found := shown(claim, text)) is not None:
                assert not found.wrong, (e.key, text)


def test_the_page_is_that_of_the_entries() -> None:
    """The engine refutes each entry at the sizes that the page gives, and the pictures fit."""
    assert not files.drift(FOLDER, museum_page.pages(), ("pictures/*",))


@pytest.mark.parametrize("key", ["torch7_20", "miopen_575", "pytorch_51430", "burn_4845"])
def test_what_is_drawn_as_right_is_right(key: str) -> None:
    """The arrays that the engine calls right are those of an independent definition."""
    claim = WrongClaim(next(e for e in ENTRIES if e.key == key))
    values = configuration(claim.entry, claim.entry.fails[0])
    found = claim.at({symbol(v): n for v, n in values.items()}, draws=1)
    layer = claim.layer
    given = {t.name: found.given[t.name] for t in layer.tensors if t.name in found.given}
    absent = {t.name: np.ones(_shape(t, values), int) for t in layer.tensors if t.name not in given}
    arrays = {name: a.astype(int) for name, a in {**given, **absent}.items()}
    upstream = found.given[f"grad_{layer.output.name}"].astype(int)
    right = meaning(layer, values, arrays, upstream, exact=True).gradients[claim.entry.operand]
    assert right.tolist() == found.right.tolist()


def _shape(t: Any, values: Any) -> tuple[int, ...]:
    return tuple(int(values[str(n)]) for n in t.shape)


@pytest.mark.parametrize("key", AUDITED)
def test_an_audit_finds_and_names_an_entry(key: str) -> None:
    """The audit names the mistake; it knows nothing of the museum."""
    entry: Entry = next(e for e in ENTRIES if e.key == key)
    found = audited(entry)
    assert found is not None
    assert found.mistake == entry.mistake


def test_formulas() -> None:
    """A formula is exact, and refuses what it does not know."""
    assert number("1/(2*3) - 1", {}) == Fraction(-5, 6)
    assert number("-(-H // s)", {"H": 7, "s": 2}) == 4
    for text in ("H**2", "open('x')", "K", "1.5"):
        with pytest.raises(ValueError, match="formula: found"):
            number(text, {"H": 1})
