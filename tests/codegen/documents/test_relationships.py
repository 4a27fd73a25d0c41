"""The relationships of convolution arithmetic: proved, and false without a condition."""

from __future__ import annotations

import pytest

from rot180.codegen.documents.model import Figure, Table
from rot180.codegen.documents.relationships import (
    RELATIONSHIPS,
    Relationship,
    judged,
    relationships,
)
from rot180.derive.display.notations import DEEP_LEARNING
from rot180.derive.theorems import claims


@pytest.mark.parametrize("one", RELATIONSHIPS, ids=lambda one: one.title)
def test_each_is_proved_and_needs_its_condition(one: Relationship) -> None:
    proved, refuted = judged(one)
    assert one.needed in proved.hypotheses
    assert refuted.left != refuted.right
    assert one.theorem in claims()


def test_each_has_a_row_and_a_picture() -> None:
    (section,) = relationships(DEEP_LEARNING)
    (table,) = (b for b in section.blocks if isinstance(b, Table))
    drawn = [b.picture for b in section.blocks if isinstance(b, Figure)]
    assert [row[0] for row in table.rows] == [one.title for one in RELATIONSHIPS]
    assert len({picture.name for picture in drawn}) == len(RELATIONSHIPS)
