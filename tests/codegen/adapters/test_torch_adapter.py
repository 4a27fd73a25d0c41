"""`as_torch`: exact layers in PyTorch, differentiated any number of times."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rot180.codegen.adapters import as_torch
from rot180.codegen.adapters.arguments import arguments
from rot180.codegen.adapters.operation import Operation, forward
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.system import cache
from rot180.derive.language.layers import layer

torch = pytest.importorskip("torch")

from rot180.codegen.adapters.torch_adapter import operator_of, split  # noqa: E402

ROOT = Path(__file__).parents[3]
CONV = "y[n,o,p] = sum[k,c] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]"
GATE = "y[i] = tanh(z[i]) * w[i] * sigmoid(z[i])"

ATTENTION = """
z[n,i,j] = c * sum[d] q[n,i,d] * k[n,j,d]
m[n,i] = max[j] z[n,i,j]
e[n,i,j] = exp(z[n,i,j] - m[n,i])
y[n,i,f] = sum[j] e[n,i,j] * v[n,j,f] / sum[j] e[n,i,j]
"""
NORM = """
mu[n] = sum[c] x[n,c] / C
d[n,c] = x[n,c] - mu[n]
y[n,c] = d[n,c] * rsqrt(sum[i] d[n,i] * d[n,i] / C + eps[]) * w[c] + b[c]
"""
POOL = "u[N,P,3]; u[n,p,k] = x[n,2*p+k]; y[n,p] = max[k] u[n,p,k]"

PROGRAMS: dict[str, tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "attention": (ATTENTION, {"c": 0.7}, ((2, 2, 3), (2, 4, 3), (2, 4, 2))),
    "layer normalization": (NORM, {}, ((3, 4), (), (4,), (4,))),
    "max pooling": (POOL, {"y_shape": (2, 3)}, ((2, 7),)),
    "a gradient of zero": (
        "a[i] = x[i] * b[i]; y[i] = a[i] + c[] - b[i] * x[i]",
        {},
        ((3,), (3,), ()),
    ),
}

LAYERS: dict[str, tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    **PROGRAMS,
    "strided, padded, remainder": (
        CONV,
        {"s": 2, "d": 1, "lo": 1, "y_shape": (2, 3, 3)},
        ((2, 2, 6), (3, 2, 3), (3,)),
    ),
    "stride above the filter": (
        CONV,
        {"s": 3, "d": 2, "lo": 4, "y_shape": (1, 2, 3)},
        ((1, 1, 5), (2, 1, 2), (2,)),
    ),
    "bilinear": (
        "y[n,o] = sum[i,j] a[n,i] * w[o,i,j] * b[n,j]",
        {},
        ((2, 3), (2, 3, 2), (2, 2)),
    ),
    "one operand twice": ("y[i,j] = 3*x[i]*x[j] - x[i]", {}, ((3,),)),
    "functions": (GATE, {}, ((4,), (4,))),
    "brackets": (
        "y[i] = sum[j] [j < i] * q[i] * k[j] * t * v[j]",
        {"t": -2},
        ((4,), (3,), (3,)),
    ),
    "a number": ("y[] = sum[i] a[i] * b[]", {}, ((3,), ())),
    "names of the target": (
        "max[lambda_] = sum[j] self[lambda_+j-range] * int[j]",
        {"range_": 1, "max_shape": (4,)},
        ((5,), (2,)),
    ),
}


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keep kernels in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("kernels")))
        patch.setenv("CFLAGS", "-O0")
        yield


def drawn(name: str, backend: str = "numpy") -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a layer with its parameters, and operands."""
    text, keywords, shapes = LAYERS[name]
    function = as_torch(text, backend)
    draw = {"generator": torch.Generator().manual_seed(0), "dtype": torch.float64}
    draw_one = torch.rand if name in PROGRAMS else torch.randn  # a root needs positive operands
    operands = tuple(draw_one(shape, **draw).requires_grad_() for shape in shapes)
    return lambda *given: function(*given, **keywords), operands


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_and_their_gradients_are_the_limits_of_differences(name: str) -> None:
    function, operands = drawn(name)
    assert torch.autograd.gradcheck(function, operands)
    assert torch.autograd.gradgradcheck(function, operands)


SOME = ["strided, padded, remainder", "functions", "a number", *list(PROGRAMS)[:3]]


@pytest.mark.parametrize("name", SOME)
def test_pytorch_accepts_the_operators(name: str) -> None:
    text, keywords, _ = LAYERS[name]
    _, operands = drawn(name)
    plain = forward(text, "numpy")
    _, values = arguments(plain).read(operands, keywords, (torch.Tensor,))
    for operation in dict.fromkeys((plain, plain.saving)):
        numbers = split(operation.real, values)
        torch.library.opcheck(operator_of(operation), (*operands, *numbers))
        results = operator_of(operation)(*(t.detach() for t in operands), *numbers)
        results = results if isinstance(results, tuple) else (results,)
        _check_gradients(operation, (*operands, *results), len(operands), values)


def _check_gradients(
    operation: Operation, given: tuple[Any, ...], count: int, values: list[Any]
) -> None:
    """Check the operators of gradients by all operands, and by each."""
    for needed in [range(count), *([n] for n in range(count))]:
        (gradient,) = operation.gradients(needed)
        g = torch.randn_like(given[count]).requires_grad_()
        arrays, numbers = gradient.inputs(g, given, values)
        found = gradient.operation
        torch.library.opcheck(operator_of(found), (*arrays, *split(found.real, numbers)))


@pytest.mark.parametrize("name", ["attention", "layer normalization"])
def test_gradients_read_what_the_forward_pass_saved(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is saved where no gradient is asked for."""
    function, operands = drawn(name)
    ran: list[tuple[str, bool]] = []
    run = Operation.run

    def counted(self: Operation, *given: Any) -> Any:
        ran.append((self.word, self.saves))
        return run(self, *given)

    monkeypatch.setattr(Operation, "run", counted)
    y = function(*operands)
    torch.autograd.grad(y.sum(), operands)
    with torch.no_grad():
        function(*operands)
    function(*(t.detach() for t in operands))
    assert ran == [("forward", True), ("vjp", True), ("forward", False), ("forward", False)]


def test_embeddings_add_up_what_equal_indices_read() -> None:
    embedding = as_torch("y[n,t,c] = x[idx[n,t],c] + p[t,c]", "numpy")
    draw = {"dtype": torch.float64, "requires_grad": True}
    x, p, idx = torch.randn(4, 3, **draw), torch.randn(5, 3, **draw), torch.arange(10) % 3
    idx = idx.reshape(2, 5)
    own, peer = embedding(x, p, idx), torch.nn.functional.embedding(idx, x) + p
    g = torch.randn(own.shape, dtype=torch.float64)
    found, wanted = (torch.autograd.grad(y, (x, p), g) for y in (own, peer))
    assert torch.equal(own, peer) and all(map(torch.allclose, found, wanted))
    whole = torch.compile(embedding, backend="aot_eager", fullgraph=True)
    assert torch.equal(whole(x, p, idx), peer)
    with pytest.raises(ValueError, match=r"idx: found 4 at \[0, 4\], expected integers"):
        embedding(x, p, torch.arange(10).reshape(2, 5) % 5)
    with pytest.raises(TypeError, match="idx: found dtype float64, expected an integer"):
        embedding(x, p, idx.double())
    (once,) = torch.autograd.grad(embedding(x, p, idx).square().sum(), x, create_graph=True)
    with pytest.raises(ValueError, match="adds up what was read at idx"):
        once.sum().backward()


def third(function: Callable[..., Any], x: Any) -> Any:
    """Return the third derivative of a sum of entries."""
    value = function(x).sum()
    for _ in range(3):
        (gradient,) = torch.autograd.grad(value, x, create_graph=True)
        value = gradient.sum()
    return gradient


def test_third_derivatives() -> None:
    own = as_torch("y[i] = x[i]*x[i]*x[i]*x[i] + tanh(x[i])", "numpy")
    x = torch.linspace(-2, 2, 5, dtype=torch.float64).requires_grad_()
    assert torch.allclose(third(own, x), third(lambda x: x**4 + torch.tanh(x), x), rtol=1e-12)


def both(
    own: Callable[..., Any], peer: Callable[..., Any], operands: tuple[Any, ...]
) -> list[tuple[Any, Any]]:
    """Return output, gradients, and gradients of the gradients' squares, own and PyTorch's."""
    found = []
    for function in (own, peer):
        y = function(*operands)
        g = torch.randint(-3, 4, y.shape, generator=torch.Generator().manual_seed(1))
        first = torch.autograd.grad(y, operands, g.to(y.dtype), create_graph=True)
        squares = sum(f.square().sum() for f in first[:2])
        again = torch.autograd.grad(squares, operands[:2], materialize_grads=True)
        found.append([y, *first, *again])
    return list(zip(*found, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [(1, 1, 0, 7), (2, 1, 1, 8), (3, 2, 4, 9), (2, 3, 0, 8)])
@pytest.mark.parametrize("batch", [2, 0])
def test_convolution_is_that_of_pytorch_in_integers(
    dtype: str, case: tuple[int, int, int, int], batch: int
) -> None:
    s, d, lo, size = case
    generator = torch.Generator().manual_seed(size)
    shapes = ((batch, 2, size), (3, 2, 2), (3,))
    operands = tuple(
        torch.randint(-4, 5, shape, generator=generator).to(getattr(torch, dtype)).requires_grad_()
        for shape in shapes
    )
    conv = as_torch(CONV, "numpy")
    windows = (size + 2 * lo - d - 1) // s + 1
    for own, peer in both(
        lambda x, w, b: conv(x, w, b, s=s, d=d, lo=lo, y_shape=(batch, 3, windows)),
        lambda x, w, b: torch.nn.functional.conv1d(x, w, b, s, lo, d),
        operands,
    ):
        assert own.dtype == peer.dtype and torch.equal(own, peer)


def test_the_compiled_kernels_are_used() -> None:
    try:
        find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    function, operands = drawn("bilinear", backend="compiled")
    peer = torch.nn.functional.bilinear
    for own, theirs in both(function, lambda a, w, b: peer(a, b, w), operands):
        assert torch.allclose(own, theirs, rtol=1e-12, atol=1e-12)
    assert forward(LAYERS["bilinear"][0], "compiled").module.backend == "compiled"


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", ["strided, padded, remainder", "attention", "max pooling"])
def test_torch_compile_takes_the_whole_layer(name: str, dynamic: bool) -> None:
    function, operands = drawn(name)
    torch._dynamo.reset()
    whole = torch.compile(function, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    for own, peer in zip(
        torch.autograd.grad(whole(*operands).square().sum(), operands),
        torch.autograd.grad(function(*operands).square().sum(), operands),
        strict=True,
    ):
        assert torch.equal(own, peer)


def test_vmap_maps_each_operand_over_its_axis() -> None:
    function, (a, w, b) = drawn("bilinear")
    many = torch.stack([a, 2 * a, 3 * a], 1)
    mapped = torch.func.vmap(function, in_dims=(1, None, 0))(many, w, torch.stack([b, -b, b]))
    wanted = torch.stack([function(a, w, b), function(2 * a, w, -b), function(3 * a, w, b)])
    assert torch.equal(mapped, wanted)
    jacobian = torch.autograd.functional.jacobian
    one = jacobian(function, (a, w, b), vectorize=True)
    assert all(map(torch.equal, one, jacobian(function, (a, w, b))))


def test_tensors_may_have_any_strides() -> None:
    function, (x, w, bias) = drawn("strided, padded, remainder")
    turned = x.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_()
    assert not turned.is_contiguous()
    y = function(turned, w, bias)
    assert torch.equal(y, function(x, w, bias))
    assert torch.equal(function(x, w, bias[:1].expand(3)), function(x, w, bias[:1].repeat(3)))
    y.sum().backward()  # the gradient by the output is one number with strides of zero
    assert torch.equal(turned.grad, torch.autograd.grad(function(x, w, bias).sum(), x)[0])


def test_memory_is_read_where_it_is() -> None:
    operation = forward("y[i] = 2*x[i]", "numpy")
    seen: list[int] = []
    kernel = operation.kernel

    def spy(x: Any) -> Any:
        seen.append(x.ctypes.data)
        return kernel(x)

    operation.__dict__["kernel"] = spy
    x = torch.arange(3.0)
    y = torch.from_numpy(*operation.run([x.numpy()], [3]))
    assert seen == [x.data_ptr()] and y.tolist() == [0, 2, 4]


def test_only_the_operands_that_need_it_get_a_gradient() -> None:
    function, (x, w, bias) = drawn("strided, padded, remainder")
    function(x.detach(), w, bias.detach()).sum().backward()
    assert x.grad is None and bias.grad is None and w.grad is not None
    assert not function(x.detach(), w.detach(), bias.detach()).requires_grad


def test_a_function_says_what_it_takes() -> None:
    conv = as_torch(CONV, "numpy")
    assert str(inspect.signature(conv)) == "(x, w, bias, *, s, d, lo, y_shape)"
    assert "x: tensor (N, C, H), zero outside" in str(conv.__doc__)
    assert str(inspect.signature(as_torch("linear", "numpy"))) == "(x, w, bias, *, y_shape=None)"
    x, w, b = torch.ones(1, 2), torch.ones(3, 2), torch.zeros(3)
    linear = as_torch(layer("linear"), "numpy")
    assert linear(w=w, bias=b, x=x).tolist() == linear(x, w, b, y_shape=(1, 3)).tolist()


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"w": torch.ones(3, 2).int()}, TypeError, "w: found dtype int32, expected float32 or float64"),
    ({"w": torch.ones(3, 2).bfloat16()}, TypeError, "w: found dtype bfloat16"),
    ({"w": torch.ones(3, 2) + 0j}, TypeError, "w: found dtype complex64"),
    ({"w": torch.ones(3, 2).double()}, TypeError, "found dtype float64, expected float32|float64"),
    ({"w": torch.ones(3, 2).to_sparse()}, TypeError, "layout torch.sparse_coo"),
    ({"w": torch.ones(3)}, ValueError, "w: found 1 axes, expected 2"),
    ({"w": torch.ones(3, 4)}, ValueError, "w: found size 4 on axis 1, expected 2, which is C in"),
    ({"w": 3.0}, TypeError, "w: found float, expected Tensor"),
    ({"y_shape": (1, 9)}, ValueError, "y_shape: found size 9 on axis 1, expected 3"),
    ({"y_shape": (1.5, 3)}, TypeError, "y_shape: found 1.5, expected integers"),
    ({"y_shape": 3}, TypeError, "y_shape: found 3, expected a tuple of 2"),
    ({"stride": 2}, TypeError, "stride: unknown, expected x, w, bias"),
]


@pytest.mark.parametrize("changed, error, said", BAD)
def test_bad_arguments_are_named(
    changed: dict[str, Any], error: type[Exception], said: str
) -> None:
    linear = as_torch("linear", "numpy")
    given = {"x": torch.ones(1, 2), "w": torch.ones(3, 2), "bias": torch.zeros(3), **changed}
    with pytest.raises(error, match=said):
        linear(**given)


def test_missing_and_superfluous_arguments_are_named() -> None:
    conv, one = as_torch(CONV, "numpy"), torch.ones(1, 1, 1)
    with pytest.raises(TypeError, match="lo: missing, expected x, w, bias, s, d, lo, y_shape"):
        conv(one, one, one[0, 0], s=1, d=1, y_shape=(1, 1, 1))
    with pytest.raises(TypeError, match="operands: found 4, expected x, w, bias"):
        conv(one, one, one[0, 0], 1)
    with pytest.raises(TypeError, match="x: found twice"):
        conv(one, x=one)


def test_a_tensor_on_another_device_is_refused_but_its_shape_is_known() -> None:
    linear = as_torch("linear", "numpy")
    given = [torch.ones(shape, device="meta") for shape in ((5, 2), (3, 2), (3,))]
    assert linear(*given).shape == (5, 3) and linear(*given).device.type == "meta"


@pytest.mark.parametrize(
    "text, said",
    [
        ("sigma: function; y[i] = sigma(z[i])", "layer: found the function sigma"),
        ("y[i] = 5", "expected one with an operand"),
        ("no_such_layer", "layer: found 'no_such_layer'"),
    ],
)
def test_layers_without_an_adapter_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        as_torch(text, "numpy")
    with pytest.raises(ValueError, match="backend: found 'fortran'"):
        as_torch("linear", "fortran")


def test_a_transformer_of_programs_has_the_losses_of_pytorch() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "attention.py"))
    own, peer = (example["train"](example[name](), 5) for name in ("ours", "peers"))
    assert own == pytest.approx(peer, rel=1e-5) and own[-1] < own[0] - 0.1


def test_the_example_learns_what_no_fixed_filter_computes() -> None:
    losses = runpy.run_path(str(ROOT / "examples" / "custom_layer.py"))["train"]()
    x = torch.rand(64, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    wanted = torch.nn.functional.max_pool2d(x, 3, stride=1, padding=1).reshape(-1, 1)
    patches = torch.nn.functional.unfold(x, 3, padding=1).transpose(1, 2).reshape(-1, 9)
    patches = torch.cat([patches, torch.ones(len(patches), 1)], 1)
    best = torch.linalg.lstsq(patches, wanted).solution
    fixed = (patches @ best - wanted).square().mean().item()
    assert sum(losses[-20:]) / 20 < 0.75 * fixed
