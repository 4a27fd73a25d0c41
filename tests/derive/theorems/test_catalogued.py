"""Theorems about the catalogue hold of its texts alone: a text with a fault has no proof."""

from __future__ import annotations

import pytest

from rot180.derive.gradients.stated import stated_gradient
from rot180.derive.language.layer_catalogue import LAYERS, NamedLayer
from rot180.derive.language.layers import named
from rot180.derive.language.program_catalogue import PROGRAMS
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.theorems import catalogued, catalogued_rows
from rot180.derive.theorems.catalogued import Catalogued

FORMS: dict[str, Catalogued] = {**catalogued.FORMS, **catalogued_rows.FORMS}

FAULTS = {
    "causal_conv_input": ("t-d*k", "t+d*k"),
    "correlation_layer_first": ("e+q-lp", "q-e-lp"),
    "pixel_unshuffle_input": ("a+r*p", "p+r*a"),
    "rotary_embedding_input": ("x[n,t,a-1,d]", "x[n,t,a+1,d]"),
    "adaptive_avg_pool_1d": ("/ a[p]", "/ a[p] / a[p]"),
    "cosine_similarity_input": ("sum[d] b[n,d]^2", "sum[d] a[n,d]^2"),
}
"""Theorems, each with a part of the text and a wrong one in its place."""


def prove(name: str) -> None:
    """Prove a theorem again, from the texts as they are."""
    claim = FORMS[name].claim()
    assert claim.program is not None
    stated_gradient(claim.program, FORMS[name].wrt, claim.rhs, name)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_catalogue_leaves_the_theorem_without_a_proof(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(name)
    right, wrong = FAULTS[name]
    entry = named()[FORMS[name].name]
    assert right in entry.text
    faulty = NamedLayer(entry.text.replace(right, wrong), entry.says, entry.source)
    if FORMS[name].name in PROGRAMS:
        monkeypatch.setitem(PROGRAMS, FORMS[name].name, faulty.text)
    else:
        monkeypatch.setitem(LAYERS, FORMS[name].name, faulty)
    with pytest.raises(NotProvedError, match="no proof found"):
        prove(name)
