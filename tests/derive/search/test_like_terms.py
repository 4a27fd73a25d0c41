"""Like terms are combined, also where a parameter has the name of an index."""

from __future__ import annotations

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import tensor, term
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.matching import combine_like_terms


def test_a_parameter_with_the_name_of_an_index() -> None:
    x, k, r = tensor("x", "K"), symbol("k"), symbol("r")
    lines = (term(x[r], over=(r,)), term(x[k], over=(k,), coefficient=r))
    d = Derivation("two", (), (), lines)
    combine_like_terms(d)
    assert [t.coefficient for t in d.current] == [r + 1]
