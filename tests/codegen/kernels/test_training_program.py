"""Generated training programs: against PyTorch, finite differences, and by training."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.training_program import program
from rot180.codegen.system import files
from rot180.derive.kernel.errors import ProofError
from rot180.derive.networks.network import network
from rot180.derive.networks.parser import Part

Array = np.ndarray[Any, Any]

NETWORKS = {
    "perceptron": ("linear 6; sigmoid; linear 3; sigmoid; squared_error", (5,)),
    "remainders": (
        "conv2d 3 3x2 stride 2x3 padding 1x0; tanh; avg_pool2d 2x3 stride 3x2 padding 1;"
        " conv2d 4 2x2 padding 1; softplus; flatten; linear 3; squared_error",
        (2, 12, 15),
    ),
    "ties": (
        "conv2d 3 3x3 padding 1; relu; max_pool2d 3 stride 2 padding 1; max_pool2d 2 stride 1;"
        " flatten; linear 4; squared_error",
        (1, 7, 8),
    ),
    "classes": (
        "conv1d 4 3 stride 2; relu; avg_pool1d 2; flatten; linear 6; tanh; linear 3;"
        " softmax_cross_entropy",
        (2, 14),
    ),
    "dilated": (
        "max_pool1d 2 stride 2; conv1d 4 2 dilation 3 padding 2; silu; max_pool1d 2 dilation 2;"
        " gelu; flatten; linear 5; relu; linear 2; squared_error",
        (3, 17),
    ),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Return what writes a network's program, once, and imports it."""
    folder = tmp_path_factory.mktemp("programs")
    sys.path.insert(0, str(folder))

    def load(name: str) -> ModuleType:
        target = folder / f"program_{name}"
        if not target.exists():
            files.write(target, program(network(NETWORKS[name][0])))
        return importlib.import_module(f"program_{name}.network")

    yield load
    sys.path.remove(str(folder))


def batch(name: str, module: ModuleType, *, whole: bool = False) -> tuple[Any, Array, Array]:
    """Return parameters, inputs and targets; small integers, which tie, if `whole`."""
    rng = np.random.default_rng(5)
    shape = NETWORKS[name][1]
    parameters = module.initial(rng, shape)
    x = rng.standard_normal((4, *shape))
    if whole:
        parameters = {n: np.rint(2 * p) for n, p in parameters.items()}
        x = rng.integers(-2, 3, x.shape).astype(float)
    outputs = module.forward(parameters, x)[-1].shape
    t = np.eye(outputs[1])[rng.integers(0, outputs[1], outputs[0])]
    return parameters, x, t


def by_torch(name: str, parameters: dict[str, Array], x: Array, t: Array) -> tuple[float, Any]:
    """Return loss and gradients by PyTorch."""
    torch = pytest.importorskip("torch")
    leaves = {n: torch.tensor(p, requires_grad=True) for n, p in parameters.items()}
    here, number = torch.tensor(x), 0
    for m in network(NETWORKS[name][0]).members:
        number += m.part.kind in ("conv", "linear")
        w, b = leaves.get(f"w{number}"), leaves.get(f"b{number}")
        here = step(torch, m.part, here, w, b, torch.tensor(t))
    here.backward()
    return float(here.detach()), {n: p.grad.numpy() for n, p in leaves.items()}


def step(torch: Any, part: Part, x: Any, w: Any, b: Any, t: Any) -> Any:
    """Apply one part of a network."""
    act = torch.nn.functional
    if part.kind == "conv":
        options = {"stride": part.stride, "padding": part.padding, "dilation": part.dilation}
        return getattr(act, part.word)(x, w, b, **options)
    if part.kind == "linear":
        return act.linear(x.flatten(1), w.flatten(1), b)
    if part.kind == "avg_pool":
        return getattr(act, part.word)(x, part.window, part.stride, part.padding)
    if part.kind == "max_pool":
        return getattr(act, part.word)(x, part.window, part.stride, part.padding, part.dilation)
    if part.word == "squared_error":
        return act.mse_loss(x, t, reduction="sum") / 2
    if part.word == "softmax_cross_entropy":
        return act.cross_entropy(x, t, reduction="sum")
    return getattr(torch if part.word == "sigmoid" else act, part.word)(x)


@pytest.mark.parametrize("name", NETWORKS)
def test_loss_and_gradients_are_pytorchs(
    name: str, written: Callable[[str], ModuleType]
) -> None:
    """In float64, to rounding."""
    module = written(name)
    parameters, x, t = batch(name, module)
    loss, wanted = by_torch(name, parameters, x, t)
    assert module.loss(parameters, x, t) == pytest.approx(loss, rel=1e-12)
    found = module.gradients(parameters, x, t)
    assert list(found) == list(parameters) == list(module.PARAMETERS)
    for n, g in found.items():
        np.testing.assert_allclose(g, wanted[n], rtol=1e-10, atol=1e-12, err_msg=n)


def test_small_integers_are_exact_where_windows_tie(
    written: Callable[[str], ModuleType],
) -> None:
    """The first maximum counts, as in PyTorch; sums of small integers have no rounding."""
    module = written("ties")
    parameters, x, t = batch("ties", module, whole=True)
    values = module.forward(parameters, x)
    chosen = values.sel1.reshape(*values.sel1.shape[:4], -1)
    assert (chosen.sum(-1) == 1).all()
    loss, wanted = by_torch("ties", parameters, x, t)
    assert module.loss(parameters, x, t) == loss
    for n, g in module.gradients(parameters, x, t).items():
        np.testing.assert_array_equal(g, wanted[n], err_msg=n)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_slopes(name: str, written: Callable[[str], ModuleType]) -> None:
    """Along a random direction of each parameter, against a central difference."""
    module = written(name)
    parameters, x, t = batch(name, module)
    rng = np.random.default_rng(6)
    for n, g in module.gradients(parameters, x, t).items():
        direction, h = rng.standard_normal(g.shape), 1e-6
        up, down = (
            module.loss({**parameters, n: parameters[n] + e * direction}, x, t) for e in (h, -h)
        )
        slope = (up - down) / (2 * h)
        assert slope == pytest.approx(float((g * direction).sum()), rel=2e-6, abs=2e-7), n


def test_every_gradient_stands_under_its_theorem() -> None:
    """Name and hash of the proof, and what it states."""
    net = network(NETWORKS["ties"][0])
    text = program(net)["network.py"]
    for proved in (*net.deltas.values(), *net.gradients.values()):
        assert f"# theorem {proved.name}, proof {proved.proof.digest}:\n" in text
    lines = [line for line in text.splitlines() if not line.startswith("# Regenerate")]
    assert max(map(len, lines)) <= 100
    assert text == program(network(NETWORKS["ties"][0]))["network.py"]


def test_no_proof_no_program() -> None:
    """A theorem whose proof does not replay stops everything."""
    net = network(NETWORKS["perceptron"][0])
    proved = net.gradients["w1"]
    forged = replace(proved.proof, steps=proved.proof.steps[1:])
    vars(net)["gradients"] = {**net.gradients, "w1": replace(proved, proof=forged)}
    with pytest.raises(ProofError, match=r"C\.grad_w1, step 1"):
        program(net)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_lowers_the_loss(
    dtype: type, written: Callable[[str], ModuleType]
) -> None:
    """Plain gradient descent learns a few targets; what comes out keeps the dtype."""
    module = written("classes")
    rng = np.random.default_rng(0)
    parameters = module.initial(rng, NETWORKS["classes"][1], dtype)
    digits = np.arange(12) % 3
    x: Array = rng.standard_normal((12, *NETWORKS["classes"][1])).astype(dtype)
    t: Array = np.eye(3, dtype=dtype)[digits]
    before = module.loss(parameters, x, t)
    for _ in range(200):
        slopes = module.gradients(parameters, x, t)
        parameters = {n: p - dtype(0.05) * slopes[n] for n, p in parameters.items()}
    assert {p.dtype for p in (*parameters.values(), *slopes.values())} == {np.dtype(dtype)}
    assert module.loss(parameters, x, t) < before / 10
    assert (module.predict(parameters, x) == digits).all()


def test_shapes_that_do_not_fit(written: Callable[[str], ModuleType]) -> None:
    """They are named: too few axes, too small for a window."""
    module = written("ties")
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="found \\(7, 8\\), expected 3 sizes"):
        module.initial(rng, (7, 8))
    with pytest.raises(ValueError, match="too small for a window"):
        module.initial(rng, (1, 1, 8))
