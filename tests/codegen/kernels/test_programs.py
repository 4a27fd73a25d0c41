"""Kernels of programs: both back ends agree, and gradients with differences and with PyTorch."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen import compile
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.layer import layer_document
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.modules import rendered
from rot180.codegen.kernels.program_derivation import joint_module, program_module, prove_program
from rot180.codegen.kernels.runtime.numpy import selection
from rot180.codegen.plans.plan import LoweringError
from rot180.codegen.system import cache
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.programs import Program, parse_program, read
from tests.derive.gradients.test_program_gradient import PROGRAMS
from tests.support.program_runs import PARAMETERS, call, drawn, numpy_module

Array = NDArray[np.float64]
STEP = 1e-5


def differences(
    program: Program, forward: Callable[..., Any], arrays: Mapping[str, Array], name: str
) -> Array:
    """Return the gradient by an operand as central differences of the forward pass."""
    out = np.zeros_like(arrays[name])
    g = arrays[f"grad_{program.output.name}"]
    for at in np.ndindex(*out.shape):
        values = []
        for h in (STEP, -STEP):
            moved = arrays[name].copy()
            moved[at] += h
            values.append((call(program, forward, {**arrays, name: moved}) * g).sum())
        out[at] = (values[0] - values[1]) / (2 * STEP)
    return out


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_the_forward_pass(name: str) -> None:
    program, module = parse_program(PROGRAMS[name]), numpy_module(PROGRAMS[name])
    arrays = drawn(program)
    for t in program.tensors:
        found = call(program, getattr(module, f"grad_{t.name}"), arrays)
        wanted = differences(program, module.forward, arrays, t.name)
        assert found.shape == arrays[t.name].shape
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_what_is_read_at_indices_is_summed_over_them() -> None:
    """The short form of the gradient sums over the indices of the array, and keeps none."""
    program = parse_program("a[N,I]; t[J]; y[N]; t[j] = sum[i,n] a[n,i]; y[n] = t[at[n]]")
    module, upstream = numpy_module(program.text), np.array([1.0, 2.0])
    (found,) = module.vjp(upstream, np.array([3, 0]), a_shape=(2, 3), t_shape=(4,))
    assert (found == np.full((2, 3), 3.0)).all()


def test_a_definition_may_be_the_number_1() -> None:
    program = parse_program("x[N]; t[N]; y[N]; t[n] = 1; y[n] = exp(x[n]) * t[n]")
    module = joint_module(prove_program(program), "cython", fused=True)
    assert [f.name for f in module.programs] == ["forward", "grad_x", "vjp"]


def test_the_forward_pass_is_what_is_written() -> None:
    program = parse_program(PROGRAMS["attention"])
    arrays = drawn(program)
    q, k, m, v = (arrays[n] for n in "qkmv")
    z = np.einsum("nid,njd->nij", q, k) * PARAMETERS["c"] - m[..., None]
    wanted = np.exp(z) @ v / np.exp(z).sum(-1, keepdims=True)
    found = call(program, numpy_module(PROGRAMS["attention"]).forward, arrays)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize(
    "name", ["attention", "softmax with its shift", "two convolutions", "products", "powers"]
)
def test_compiled_kernels_agree(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    program = parse_program(PROGRAMS[name])
    compiled, plain = compile(PROGRAMS[name], "compiled"), numpy_module(PROGRAMS[name])
    assert compiled.backend == "compiled"
    arrays = drawn(program)
    for function in ("forward", *(f"grad_{t.name}" for t in program.tensors)):
        one, other = (call(program, getattr(m, function), arrays) for m in (compiled, plain))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    kept = compile(PROGRAMS[name], "compiled")
    assert kept is compiled


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_read_what_the_forward_pass_saved(name: str) -> None:
    program, module = parse_program(PROGRAMS[name]), numpy_module(PROGRAMS[name])
    arrays = drawn(program)
    keep = functools.partial(module.forward, save=True)
    keep.__signature__ = inspect.signature(module.forward)  # type: ignore[attr-defined]
    y, saved = call(program, keep, arrays)
    assert (y == call(program, module.forward, arrays)).all()
    for t in program.tensors:
        function = getattr(module, f"grad_{t.name}")
        wanted = call(program, function, arrays)
        read = functools.partial(function, saved=saved)
        assert (call(program, read, arrays) == wanted).all()


def test_saved_arrays_are_used_and_checked() -> None:
    module = numpy_module("e[i] = exp(x[i] + b[]); y[i] = e[i] * w[i]")
    x, b, w, g = np.arange(3.0), np.array(1.0), np.ones(3), np.ones(3)
    y, saved = module.forward(x, b, w, save=True)
    assert saved.keys() == {"e", "y"}
    assert (module.grad_x(g, x, b, w, saved={"y": 2 * saved["y"]}) == 2 * np.exp(x + 1)).all()
    bad: list[tuple[Any, type[Exception], str]] = [
        ({}, ValueError, "saved: found nothing, expected y among the names; forward"),
        ([y], TypeError, "saved: found .*, expected what forward"),
        ({"y": 1.0}, TypeError, r'saved\["y"\]: found float, expected a numpy.ndarray'),
        ({"y": y.astype(np.float32)}, TypeError, r'saved\["y"\]: found dtype float32'),
        ({"y": y[:2]}, ValueError, r'saved\["y"\]: found shape \(2,\), expected \(3,\)'),
    ]
    for wrong, error, message in bad:
        with pytest.raises(error, match=message):
            module.grad_x(g, x, b, w, saved=wrong)


def test_names_of_the_arguments_for_saved_arrays_may_be_operands() -> None:
    module = numpy_module("saved[i] = exp(x[i] + save[i]); y[i] = saved[i] * dict[i]")
    ones = np.ones(2)
    y, kept = module.forward(ones, ones, ones, save=True)
    assert (y == np.exp(2 * ones)).all()
    assert (module.grad_x(ones, ones, ones, ones, saved=kept) == y).all()


def test_pytorch_agrees() -> None:
    torch = pytest.importorskip("torch")
    program, module = parse_program(PROGRAMS["attention"]), numpy_module(PROGRAMS["attention"])
    arrays = drawn(program)
    q, k, m, v = (torch.tensor(arrays[n], requires_grad=True) for n in "qkmv")
    z = torch.einsum("nid,njd->nij", q, k) * PARAMETERS["c"]
    e = torch.exp(z - m[..., None])
    y = torch.einsum("nij,njf->nif", e, v) / e.sum(-1, keepdim=True)
    y.backward(torch.tensor(arrays["grad_y"]))
    for t, operand in zip((q, k, v), "qkv", strict=True):
        found = call(program, getattr(module, f"grad_{operand}"), arrays)
        np.testing.assert_allclose(found, t.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_ties_and_kinks_are_those_of_pytorch() -> None:
    """Half of the gradient to each at a tie; 0 where abs has a kink."""
    torch = pytest.importorskip("torch")
    module = numpy_module("y[i] = max(a[i], b[i], 0) * min(a[i], c[i]) + abs(a[i] - c[i])")
    values = np.array([-1.0, 0.0, 0.5, 2.0])
    grids = (g.ravel() for g in np.meshgrid(values, values, values))
    a, b, c = (torch.tensor(g, requires_grad=True) for g in grids)
    larger = torch.maximum(torch.maximum(a, b), torch.zeros_like(a))
    y = larger * torch.minimum(a, c) + torch.abs(a - c)
    g = torch.arange(1.0, len(a) + 1, dtype=torch.float64)
    y.backward(g)
    operands = {"a": a, "b": b, "c": c}
    arrays = {"grad_y": g.numpy(), **{n: t.detach().numpy() for n, t in operands.items()}}
    program = parse_program("y[i] = max(a[i], b[i], 0) * min(a[i], c[i]) + abs(a[i] - c[i])")
    assert np.array_equal(call(program, module.forward, arrays), y.detach().numpy())
    for name, operand in operands.items():
        found = call(program, getattr(module, f"grad_{name}"), arrays)
        np.testing.assert_allclose(found, operand.grad.numpy(), rtol=1e-14)


def test_powers_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    text = "y[n] = (sum[j] abs(x[n,j])^p[])^(1/p[]) * (sum[j] x[n,j])^2 + (sum[j] x[n,j])^-3"
    program, module = parse_program(text), numpy_module(text)
    arrays = {**drawn(program), "p": np.array(2.5)}
    x, p = (torch.tensor(arrays[n], requires_grad=True) for n in "xp")
    y = (x.abs() ** p).sum(1) ** (1 / p) * x.sum(1) ** 2 + x.sum(1) ** -3
    y.backward(torch.tensor(arrays["grad_y"]))
    np.testing.assert_allclose(call(program, module.forward, arrays), y.detach(), rtol=1e-12)
    for operand, name in ((x, "x"), (p, "p")):
        found = call(program, getattr(module, f"grad_{name}"), arrays)
        np.testing.assert_allclose(found, operand.grad.numpy(), rtol=1e-11)


def test_products_have_gradients_where_factors_are_zero() -> None:
    """One factor 0: only its own gradient is left; two: none is. No factor: the product is 1."""
    module = numpy_module("y[n] = 3 * prod[j] x[n,j]")
    x = np.array([[1.0, 2, 3], [0, 5, 7], [0, 0, 2]])
    assert module.forward(x).tolist() == [18, 0, 0]
    assert module.grad_x(np.ones(3), x).tolist() == [[18, 9, 6], [105, 0, 0], [0, 0, 0]]
    assert module.forward(np.ones((2, 0))).tolist() == [3, 3]
    assert module.grad_x(np.ones(2), np.ones((2, 0))).shape == (2, 0)
    assert module.forward(np.ones((0, 4))).shape == (0,)
    one = np.array([[7], [0]])
    assert module.forward(one).tolist() == [21, 0]
    assert module.grad_x(np.array([1, 2]), one).tolist() == [[3], [6]]


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)])
def test_products_of_all_other_entries(axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(-2, 3, (3, 4, 2))
    others = selection._other_factors(x, axes)
    for at in np.ndindex(*x.shape):
        changed = x.copy()
        changed[at] = 1
        place = tuple(slice(None) if n in axes else k for n, k in enumerate(at))
        assert others[at] == changed[place].prod()
    assert (selection._product(x, axes) == x.prod(axes)).all()
    assert selection._product(x, axes).dtype == x.dtype


def test_pytorch_has_the_same_products() -> None:
    torch = pytest.importorskip("torch")
    text = "p[n,c] = prod[j] (x[n,j,c] - w[j]); y[n] = sum[c] p[n,c] * p[n,c] + prod[i,c] x[n,i,c]"
    program, module = parse_program(text), numpy_module(text)
    random = np.random.default_rng(1)
    sizes = {"x": (3, 4, 2), "w": (4,), "grad_y": (3,)}
    arrays = {n: random.integers(-2, 3, size).astype(float) for n, size in sizes.items()}
    x, w = (torch.tensor(arrays[n], requires_grad=True) for n in "xw")
    y = (x - w[:, None]).prod(1).square().sum(1) + x.flatten(1).prod(1)
    y.backward(torch.tensor(arrays["grad_y"]))
    assert np.array_equal(call(program, module.forward, arrays), y.detach().numpy())
    for operand, name in ((x, "x"), (w, "w")):
        found = call(program, getattr(module, f"grad_{name}"), arrays)
        assert np.array_equal(found, operand.grad.numpy())


@pytest.mark.parametrize(
    "text",
    [
        "y[n] = prod[j] x[n,j]",
        "p[n] = prod[j] (x[n,j] - w[j]); y[n] = p[n] * p[n]",
        "y[] = prod[n,j] x[n,j] + max[n,j] x[n,j]",
    ],
)
def test_products_have_second_derivatives(text: str) -> None:
    """The gradient is a program in which the other factors are products."""
    first = gradient_layer(read(text), "x")
    assert first is not None
    layer, upstream = first
    assert isinstance(layer, Program)
    module, derived = numpy_module(text), numpy_module(layer.text)
    arrays = drawn(parse_program(text))
    arrays["x"][0, 1] = 0
    arrays = {upstream: arrays.pop("grad_y"), **arrays}
    found = call(layer, derived.forward, arrays)
    wanted = call(parse_program(text), module.grad_x, {**arrays, "grad_y": arrays[upstream]})
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
    arrays[f"grad_{layer.output.name}"] = np.random.default_rng(5).normal(size=found.shape)
    for t in layer.tensors:
        gradient = call(layer, getattr(derived, f"grad_{t.name}"), arrays)
        slopes = differences(layer, derived.forward, arrays, t.name)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


def test_a_maximum_in_another_order_of_axes() -> None:
    module = numpy_module("m[i,n] = max[j] z[n,j,i]; y[i,n] = m[i,n] * prod[j] z[n,j,i]")
    z = np.random.default_rng(2).uniform(0.5, 1.5, (2, 3, 4))
    np.testing.assert_allclose(module.forward(z), (z.max(1) * z.prod(1)).T)


def test_one_sign_in_softmax_changes_proof_latex_and_kernels() -> None:
    """Nothing beside the engine knows softmax: the compact form is gone, too."""
    text = "e[n,j] = exp(x[n,j]); y[n,j] = e[n,j] / sum[i] e[n,i]"
    made = []
    for said in (text, text.replace("exp(x", "exp(-x"), text.replace("e[n,j] /", "-e[n,j] /")):
        proved = prove_program(parse_program(said))
        page = latex(layer_document(proved.program, [t for _, t in proved.gradients]))
        kernels = rendered(program_module(proved, "numpy"), "numpy")
        proofs = [dumps(theorem.proof) for _, theorem in proved.gradients]
        made.append(({t for _, t in proved.gradients}, page, kernels, proofs))
    for n in range(3):
        for m in range(n):
            assert all(a != b for a, b in zip(made[n], made[m], strict=True))


def test_ties_share_the_gradient() -> None:
    module = numpy_module("y[i] = max(a[i], b[i])")
    a, b, g = (np.array(v) for v in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [5.0, 7.0, 9.0]))
    assert module.forward(a, b).tolist() == [3, 2, 3]
    assert module.grad_a(g, a, b).tolist() == [0, 3.5, 9]
    said = inspect.getdoc(module.grad_a) or ""  # which Python 3.13 stores without its indentation
    assert "By convention:\n    heaviside(t) = (1 + sign(t))/2, heaviside(0) = 1/2" in said


def test_the_first_largest_entry_is_selected_as_in_pytorch() -> None:
    """Ties go to the first, NaN is the largest, and nothing is selected of nothing."""
    module = numpy_module("m[n] = max[j] x[n,j]; y[n] = 3 * m[n]")
    x = np.array([[1.0, 5.0, 5.0], [-np.inf, -np.inf, -np.inf], [2.0, np.nan, 7.0]])
    assert module.forward(x)[:2].tolist() == [15.0, -np.inf]
    assert np.isnan(module.forward(x)[2])
    assert module.grad_x(np.ones(3), x).tolist() == [[0, 3, 0], [3, 0, 0], [0, 3, 0]]
    assert module.forward(np.ones((2, 0))).tolist() == [0, 0]
    assert module.grad_x(np.ones(2), np.ones((2, 0))).shape == (2, 0)
    over_all = numpy_module("y[] = min[i,j] x[i,j] * w[]")
    assert over_all.grad_x(np.array(1.0), np.array([[4, 3.0], [3, 5]]), np.array(2.0)).tolist() == [
        *([0, 2], [0, 0]),
    ]


def test_attention_with_its_maximum_does_not_overflow() -> None:
    text = PROGRAMS["attention"].replace("e[n,i,j] =", "m[n,i] = max[j] z[n,i,j]; e[n,i,j] =")
    module = numpy_module(text)
    q = np.full((1, 2, 3), 100.0)
    y = module.forward(q, q, np.ones((1, 2, 4)), c=1)
    assert np.allclose(y, 1)
    assert np.isfinite(module.grad_q(np.ones((1, 2, 4)), q, q, np.ones((1, 2, 4)), c=1)).all()


def test_docstrings_state_the_theorem_the_steps_and_what_is_required() -> None:
    said = numpy_module(PROGRAMS["attention"]).grad_k.__doc__ or ""
    assert "dL/dk[n,j,d] = c * sum[i] grad_z_minus_m[n,i,j] * q[n,i,d]" in said
    assert "grad_z_minus_m[n,i,j] = grad_e[n,i,j] * e[n,i,j]" in said
    assert "sum_e[n,i] != 0" in said


def test_a_division_by_zero_is_infinite() -> None:
    module = numpy_module("y[i] = x[i] / (x[i] - w[i])")
    with np.errstate(all="ignore"):
        found = module.forward(np.array([1.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0]))
    assert found.tolist()[0] == np.inf
    assert np.isnan(found[1])
    assert found[2] == 2


def test_bad_arguments_name_the_operand() -> None:
    program, module = parse_program(PROGRAMS["attention"]), numpy_module(PROGRAMS["attention"])
    arrays = drawn(program)
    with pytest.raises(ValueError, match="v: found size 3 on axis 1"):
        call(program, module.forward, {**arrays, "v": arrays["v"][:, :3]})
    with pytest.raises(TypeError, match="m: found dtype float32"):
        call(program, module.forward, {**arrays, "m": arrays["m"].astype(np.float32)})


def test_a_number_of_a_program_has_the_dtype_of_the_arrays() -> None:
    module = numpy_module("m[n] = sum[i] x[n,i] / I; y[n,i] = x[n,i] - m[n]")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for found in (module.forward(x), module.grad_x(x)):
        assert found.dtype == np.float32
        assert np.array_equal(found, x - x.mean(1, keepdims=True))


def test_compiled_gradients_take_what_the_forward_pass_saved() -> None:
    try:
        find_compiler()
    except BuildError:
        pytest.skip("no C compiler")
    module = compile("e[n,i] = exp(x[n,i]); y[n,i] = e[n,i] / sum[j] e[n,j]", "compiled")
    x = np.random.default_rng(0).standard_normal((2, 3))
    y, saved = module.forward(x, save=True)
    assert np.array_equal(y, module.forward(x))
    g = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(module.grad_x(g, x, saved=saved), module.grad_x(g, x))


def test_empty_batches_and_size_one() -> None:
    module = numpy_module(PROGRAMS["attention"])
    q, k, m, v = np.ones((0, 3, 2)), np.ones((0, 4, 2)), np.ones((0, 3)), np.ones((0, 4, 5))
    assert module.forward(q, k, m, v, c=1).shape == (0, 3, 5)
    assert module.grad_q(np.ones((0, 3, 5)), q, k, m, v, c=1).shape == (0, 3, 2)
    one = [np.full(s, 2.0) for s in ((1, 1, 1), (1, 1, 1), (1, 1), (1, 1, 1))]
    assert module.forward(*one, c=1).tolist() == [[[2.0]]]


def test_names_that_python_reserves_work() -> None:
    module = numpy_module("max[i] = x[i] * x[i]; lambda1[i] = max[i] + x[i]; y[i] = lambda1[i]")
    assert module.forward(np.array([3.0])).tolist() == [12.0]
    assert module.grad_x(np.array([1.0]), np.array([3.0])).tolist() == [7.0]


def test_names_that_the_code_derives_are_refused() -> None:
    text = "a[i] = exp(x[i]) + exp_x[i]; y[i] = a[i] * a[i]"
    with pytest.raises((LoweringError, ValueError), match="exp_x"):
        program_module(prove_program(parse_program(text)), "numpy")


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("y[p] = sum[k] x[p+k] * w[k]", True),
        ("y[i] = exp(x[i])", True),
        ("linear", True),
        ("y[i] = exp(x[i] + b[i])", False),
        ("a[i] = x[i]; y[i] = a[i]", False),
    ],
)
def test_one_definition_stays_a_layer(text: str, layer: bool) -> None:
    assert isinstance(read(text), Program) != layer
