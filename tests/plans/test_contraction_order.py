"""The order of contraction: exact in every order, with the products that were counted."""

from __future__ import annotations

import time
import types
from itertools import pairwise

import numpy as np
import pytest

from rot180.codegen.kernels.modules import render_module
from rot180.codegen.kernels.targets import TARGETS
from rot180.codegen.plans.contraction_order import orders
from rot180.codegen.plans.interpreter import _outer, _points, interpret
from rot180.codegen.plans.lower import lower, lower_expression
from rot180.codegen.plans.plan import Nest, Operand
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import number
from tests.codegen.kernels.test_modules import FUNCTIONS, agree, applied
from tests.support import plain_loops

CHAINS = {
    "chain of three": "y[i,l] = sum[j,k] A[i,j]*B[j,k]*C[k,l]",
    "chain of four": "y[i,m] = sum[j,k,l] A[i,j]*B[j,k]*C[k,l]*D[l,m]",
    "chain of five": "y[i,n] = sum[j,k,l,m] A[i,j]*B[j,k]*C[k,l]*D[l,m]*E[m,n]",
    "graph": "y[n,v,o] = sum[u,c] A[v,u]*x[n,u,c]*w[c,o]",
    "tensor train": "y[n,a,b] = sum[r,i,j] x[n,i,j]*u[i,a,r]*v[r,j,b]",
    "tucker": "y[i,j] = sum[a,b] g[a,b]*u[i,a]*v[j,b]",
    "number": "y[] = sum[i,j,k] a[i]*M[i,j]*W[j,k]*b[k]",
    "reduced": "y[i,m] = sum[j,k,l] A[i,j]*B[l,k]*C[k,m]",
}
"""Layers without windows: their plans compute exactly the products that were counted."""

OTHERS = {
    "bilinear": "y[n,o] = sum[i,j] a[n,i]*w[o,i,j]*b[n,j] + c[o]",
    "window": "y[n,o,p] = sum[c,k,r] x[n,c,s*p+d*k-lo]*u[r,c]*v[o,r,k]",
    "window of stride 1": "y[o,p] = sum[c,k,r] x[c,p+k-lo]*u[r,c]*v[o,r,k]",
    "separable": "y[n,o,p] = sum[c,k] x[n,c,s*p+k-lo]*w[c,k]*v[o,c]",
    "groups": "y[n,g,o,p] = sum[c,k,r] x[n,g,c,p+k-lo]*u[g,r,c]*v[g,o,r,k]",
    "transposed": "y[o,h] = sum[p,k,c,r] x[c,p]*u[r,c]*w[r,o,k]*[h + lo == s*p + k]",
    "function": "y[n,o] = sum[i,h] relu(x[n,i])*u[i,h]*v[h,o]",
    "function, shifted": "sigma: function; y[n,o] = sum[i,h] sigma(x[n,i-a])*u[i,h]*w[h,o]",
    "bracket": "y[i,l] = sum[j,k] A[i,j]*B[j,k]*C[k,l]*[0 <= i-j < 2]",
    "bracket of a sum": "y[i,l] = sum[j,k] A[i,j]*B[j,k]*C[k,l]*[0 <= k < m]",
    "equation": "y[i,l] = sum[j,k] A[i,j]*B[j,k]*C[k,l]*[i == 2*j]",
    "shifted": "y[i,l] = sum[j,k] A[i+a,j]*B[j,k-a]*C[2*k,l]",
    "backwards": "y[i,l] = sum[j,k] A[i,j]*B[3-j,a-k]*C[k,l]",
    "terms": "y[i,l] = 2*sum[j,k] A[i,j]*B[j,k]*C[k,l] - sum[j] A[i,j]*D[j,l] + b[l]",
    "two choices": "y[i,l] = sum[j,k] A[i,j]*B[j,k]*C[k,l] + sum[j,k] D[i,j]*B[j,k]*C[k,l]",
    "six": "y[i] = sum[a,b,c,d,e] A[i,a]*B[a,b]*C[b,c]*D[c,d]*E[d,e]*v[e]",
    "windows in windows": "y[p] = sum[k,l] x[p+k+l]*u[k]*v[l]",
    "windows backwards": "y[p] = sum[j,k,l] x[p-k+2*l-j-a]*u[k]*v[4-l]*w[j]",
    "element-wise": "y[i] = a[i]*b[i]*c[i]",
    "diagonal": "y[i,l] = sum[j] A[i,j]*b[j]*C[j,l]",
    "places": "y[n,o,p] = sum[c,k] x[n,c,p+k]*w[o,c,p,k]",
    "places in the plane": "y[n,o,p,q] = sum[c,i,j] x[n,c,p+i,q+j]*w[o,c,p,q,i,j]",
    "places and numbers": "y[o,p] = sum[c,k] x[c,p+k]*w[o,c,p,k]*u[c]",
    "diagonals": "y[h] = sum[o,i] g[o,s*h-d*i+a]*w[o,s*h-d*i+a,i]",
    "diagonals that are shifted": "y[h] = sum[o,i] g[o,h-i]*w[o,i+1,h-i+1]",
    "diagonals of windows": "y[h] = sum[o,i,j] g[o,h-i+j]*w[o,h-i+j,i,j]",
    "names": "y[i,T2] = sum[j,T1] A[i,j]*B[j,T1]*C[T1,T2]",
}
TEXTS = CHAINS | OTHERS


@pytest.mark.parametrize("name", TEXTS)
def test_every_order_means_what_the_definition_means(name: str) -> None:
    forward = layer(TEXTS[name])
    plans = {word: lower(theorem) for word, theorem in kernel_theorems(forward)}
    seen = 0
    for seed in range(60):
        env, values = plain_loops.draw(forward, seed)
        expected = plain_loops.everything(forward, env, values, applied, 12)
        for word, plan in plans.items():
            for at, order in enumerate(plan.orders):
                assert interpret(order, env, values, FUNCTIONS) == expected[word], (word, at, env)
        seen += any(expected["forward"].values())
        if seen == 3:
            return
    pytest.fail("the output is zero at nearly all seeds")


def visited(nest: Nest, env: dict[str, int]) -> int:
    """Return how many products a nest computes."""
    return sum(1 for outer in _outer(nest, dict(env), 0) for _ in _points(nest, outer))


@pytest.mark.parametrize("name", CHAINS)
def test_a_plan_computes_as_many_products_as_were_counted(name: str) -> None:
    for _, theorem in kernel_theorems(layer(CHAINS[name])):
        for order in (plan := lower(theorem)).orders:
            names = sorted(v.name for v in plan.symbols)
            for sizes in ((3, 1, 4, 2, 5, 2, 3), (2, 5, 3, 4, 1, 3, 2)):
                env = dict(zip(names, sizes, strict=False))
                found = sum(visited(nest, env) for nest in order.all_nests)
                assert found == number(order.products, env)


@pytest.mark.parametrize("name", TEXTS)
def test_every_order_is_proved(name: str) -> None:
    for _, theorem in kernel_theorems(layer(TEXTS[name])):
        variables = [(v, n) for v, n in theorem.variables if n is not None]
        taken = {t.name for t in theorem.tensors}
        found = lower_expression(variables, theorem.rhs, theorem.hypotheses, taken)
        assert len(lower(theorem).orders) == len(found.orders)
        assert len(lower(theorem).intermediates) == len(found.intermediates)


def test_an_intermediate_with_gaps_is_made_only_for_long_sums() -> None:
    """Its entries are counted, not those of the array that they are computed from."""
    text = "y[p] = sum[k,j] x[30000*p+20000*k+j] * w[k] * v[j]"
    few = {"K": 3, "P": 3, "J": 2, "H": 10**5}
    many = {"K": 10**4, "P": 10**4, "J": 10**6, "H": 10**9}
    for word, theorem in kernel_theorems(layer(text)):
        if word == "grad_x":
            continue
        orders = lower(theorem).orders
        best = [min(orders, key=lambda o: number(o.products, env)) for env in (few, many)]
        assert [len(order.intermediates) for order in best] == [0, 1]
        for order in orders:
            made = [n for i in order.intermediates for n in i.shape]
            assert all(number(n, few) <= number(order.products, few) for n in made)


def single(text: str) -> list[str]:
    """Return the kernels of a layer that are one sum for each term, as written."""
    return [w for w, t in kernel_theorems(layer(text)) if not lower(t).intermediates]


def test_what_saves_nothing_is_not_made() -> None:
    for name in ("bilinear", "element-wise", "diagonal"):
        assert len(single(TEXTS[name])) == len(kernel_theorems(layer(TEXTS[name])))
    for name in set(CHAINS) - {"reduced"}:
        assert single(CHAINS[name]) == []


def test_operands_on_diagonals_are_multiplied_where_they_lie() -> None:
    forward = layer(OTHERS["places in the plane"])
    kernels = kernel_theorems(forward)
    plans = {word: lower(theorem) for word, theorem in kernels}
    assert [word for word, plan in plans.items() if plan.intermediates] == ["grad_x"]
    (made,) = plans["grad_x"].intermediates
    assert [len(n.k) for n in (*made.nests, *plans["grad_x"].nests)] == [1, 2]
    operands = [f for f in made.nests[0].factors if isinstance(f, Operand)]
    assert [len(e.loops) for f in operands for e in f.index] == [1] * (4 + 6)
    text = render_module(forward, kernels, "numpy", "A test.")
    assert "Computed in this order, in which no array is read along a diagonal:" in text
    for plain in ("y[n,p] = sum[c,k] x[n,p-k,c]*w[k,c]", "y[h] = sum[i] g[h-i]*w[h-i,i]"):
        assert "forward" in single(plain)  # there is no diagonal; or nothing to sum before


def test_a_kernel_says_its_order_and_chooses_by_the_sizes() -> None:
    forward = layer(CHAINS["chain of three"])
    kernels = kernel_theorems(forward)
    texts = {target: render_module(forward, kernels, target, "A test.") for target in TARGETS}
    for text in texts.values():
        assert "Computed in the order with the fewest products at the sizes of the call:" in text
        assert "    I*J*K + I*K*L products:" in text
        assert "T1[i, k] += sum[j] A[i, j] * B[j, k]" in text
        assert "# T1[j, l] += sum[k] B[j, k] * C[k, l]" in text
    module = types.ModuleType("chain")
    exec(compile(texts["numpy"], "chain", "exec"), module.__dict__)
    made: list[str] = []
    zeros = module.__dict__["zeros"]

    def noted(name: str, shape: tuple[int, ...], dtype: object) -> object:
        made.append(f"{name} {shape}")
        return zeros(name, shape, dtype)

    module.__dict__["zeros"] = noted
    for sizes, wanted in (((1, 20, 30, 40), (1, 30)), ((40, 30, 20, 1), (30, 1))):
        a, b, c = (np.ones(sizes[i : i + 2], int) for i in range(3))
        assert (module.__dict__["forward"](a, b, c) == sizes[1] * sizes[2]).all()
        assert f"T1 {wanted}" in made


def test_many_operands_are_ordered_in_little_time() -> None:
    letters = "abcdefgh"
    factors = [f"A{i}[{p},{q}]" for i, (p, q) in enumerate(pairwise(letters))]
    found = layer(f"y[a,h] = sum[b,c,d,e,f,g] {'*'.join(factors)}")
    start = time.process_time()
    plan = lower(kernel_theorems(found)[0][1])
    assert len(plan.intermediates) == 5
    assert time.process_time() - start < 20


def test_many_terms_are_ordered_in_little_time() -> None:
    chain = "sum[j,k] A[i,j+{}]*B[j,k]*C[k,l]"
    found = layer("y[i,l] = " + " + ".join(map(chain.format, range(14))))
    theorem = kernel_theorems(found)[0][1]
    variables = tuple((v, n) for v, n in theorem.variables if n is not None)
    start = time.process_time()
    assert 1 <= len(orders(variables, theorem.rhs)) <= 3
    assert time.process_time() - start < 20


@pytest.mark.parametrize("name", TEXTS)
def test_numpy_modules_are_exact(name: str) -> None:
    forward = layer(TEXTS[name])
    module = types.ModuleType("ordered")
    source = render_module(forward, kernel_theorems(forward), "numpy", "A test.")
    exec(compile(source, name, "exec"), module.__dict__)
    assert sum(agree(forward, module, "int64", seed) for seed in range(16))
