"""Errors of SymPy's summation, and the correct values in our language.

Each test first shows the error in the installed SymPy, if it still exists, and then the value of
the same sum here. These errors are the reason for our own summation rules.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp
from sympy import Derivative as SympyDerivative
from sympy import IndexedBase, KroneckerDelta, Sum

from rot180.derive.language.notation import parse_expression
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Derivative, Range, Tensor, define, tensor, term
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model

i, j, k, p, s = (symbol(name) for name in "ijkps")
N, K = symbol("N"), symbol("K")
G, A, B = map(IndexedBase, "GAB")
g = tensor("G", "N")


def delta() -> bool:
    """`sum_i [2 i = j] G[i]` becomes `G[j/2]`, for odd j too."""
    found = Sum(KroneckerDelta(2 * i, j) * G[i], (i, 0, N - 1)).doit()
    return bool(found.subs({N: 4, j: 3}).atoms(sp.Indexed))


def change_of_index() -> bool:
    """Scale an index by a symbolic factor: SymPy forgets that only every s-th value occurs."""
    factor = sp.Symbol("s", integer=True, positive=True)
    found = Sum(i, (i, 0, N)).change_index(i, factor * i, j)
    return bool(found.subs({factor: 2, N: 4}).doit() != 10)


def derivative() -> bool:
    """Differentiate by G[i] a sum with the bound index i: SymPy confuses the two."""
    found = SympyDerivative(Sum(G[i] ** 2, (i, 0, N - 1)), G[i]).doit()
    return bool(found.subs(N, 3).doit().xreplace({G[n]: sp.Integer(n) for n in range(3)}) == 6)


def arrays() -> bool:
    """`sum_k A[p+k] B[k]` becomes (sum of B) times A: `p + k` is lost."""
    from sympy.tensor.array.expressions import convert_indexed_to_array

    a, b = IndexedBase("A", shape=(5,)), IndexedBase("B", shape=(3,))
    found = convert_indexed_to_array(Sum(a[p + k] * b[k], (k, 0, 2)))
    return not found.has(p)


def reversed_limits() -> bool:
    """Sum from 3 to 1: it is not empty but minus the terms between."""
    return bool(Sum(i, (i, 3, 1)).doit() == -2)


def lifted_condition() -> bool:
    """Nest a guarded sum in a sum: the guard moves out of the sum that binds its index."""
    inner = Sum(sp.Piecewise((A[p - k] * B[k], p - k >= 0), (0, True)), (k, 0, 2))
    return k in Sum(G[p] * (1 + inner), (p, 0, 2)).free_symbols


@pytest.mark.parametrize(
    "fault", [delta, change_of_index, derivative, arrays, reversed_limits, lifted_condition]
)
def test_the_fault_is_in_the_installed_sympy(fault: Callable[[], bool]) -> None:
    if not fault():
        pytest.skip(f"SymPy {sp.__version__} no longer does this")


def test_an_equation_with_a_factor_keeps_its_parity() -> None:
    expression = parse_expression("sum[i] [2*i == j] * G[i]", (g,), (j,))
    model = Model({N: 4})
    values = model.values(g)
    expected = [int(values[n // 2]) if n % 2 == 0 else 0 for n in range(8)]
    assert [evaluate(expression, model, {j: n}) for n in range(8)] == expected


def test_an_index_with_a_symbolic_factor_meets_each_sth_value() -> None:
    whole = parse_expression("sum[i] [0 <= i < N] * G[i]", (g,))
    spread = parse_expression("sum[t,i] [t == s*i] * [0 <= i < N] * G[i]", (g,))
    by_each = parse_expression("sum[t] [0 <= t < N] * G[t]", (g,))
    model = Model({N: 5, s: 2})
    assert evaluate(whole, model, {}) == evaluate(spread, model, {}) == sum(model.values(g)) % (
        2**31 - 19
    )
    assert evaluate(by_each, model, {}) == evaluate(whole, model, {})


def test_a_derivative_does_not_take_a_bound_index_for_its_own() -> None:
    squares = define("E", (), (), (term(g[i], g[i], over=(i,)),))
    model = Model({N: 3})
    for n, value in enumerate(model.values(g)):
        found = evaluate((term(Derivative((squares[()],), g[i])),), model, {i: n})
        assert found == 2 * int(value) % (2**31 - 19)


def test_a_composite_index_is_kept() -> None:
    a, b = tensor("A", 5), tensor("B", 3)
    expression = parse_expression("sum[k] A[p+k] * B[k]", (a, b), (p,))
    model = Model({})
    left, right = model.values(a), model.values(b)
    for n in range(3):
        expected = sum(int(left[n + m]) * int(right[m]) for m in range(3)) % (2**31 - 19)
        assert evaluate(expression, model, {p: n}) == expected


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_an_empty_or_negative_range_is_empty(size: int) -> None:
    one: Tensor = tensor("u", 7)
    expression = (term(Range(i - 3, K), one[i], over=(i,)),)
    model = Model({K: size})
    expected = int(model.values(one)[3]) if size == 1 else 0
    assert evaluate(expression, model, {}) == expected
