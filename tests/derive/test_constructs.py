"""Each construct of programs: replay, checker and models accept its gradient; it has a script."""

from __future__ import annotations

import pytest

from rot180.codegen.rocq.check import script_text
from rot180.derive import checker
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.replay import replay
from rot180.derive.semantics.check import check
from tests.support.constructs import CONSTRUCTS, proved


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_every_means_covers_it(name: str) -> None:
    theorem = proved(CONSTRUCTS[name])
    text = dumps(theorem.proof)
    again = replay(loads(text))
    assert (again.lhs, again.rhs) == (theorem.lhs, theorem.rhs)
    (verdict,) = checker.check(text)
    assert verdict.verdict == "proved", verdict
    report = check(theorem)
    assert report.counterexample is None and report.nonzero
    assert script_text(theorem)
