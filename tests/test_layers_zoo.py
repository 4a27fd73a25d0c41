"""The zoo: every layer and all of its gradients, by the kernels and by the definition.

ROT180_ZOO says of how many layers one is tried (default 4); 1 tries all, and compiles them too.
"""

from __future__ import annotations

import inspect
import os
import types
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.derive.language.layers import Layer
from rot180.derive.language.programs import Program, read
from rot180.derive.language.terms import Tensor
from rot180.derive.semantics.model import integer
from tests.layers_zoo import ZOO, ZooLayer
from tests.support.naive import Meaning, meaning

Array = NDArray[Any]
SHARE = int(os.environ.get("ROT180_ZOO", "8"))
CHOSEN = ZOO[::SHARE]


def compiles() -> bool:
    """Say whether there is a C compiler."""
    try:
        find_compiler()
    except BuildError:
        return False
    return True


def shape(t: Tensor, values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of a tensor, in numbers."""
    return tuple(integer(n, values) for n in t.shape if n is not None)


def drawn(zoo: ZooLayer, layer: Layer | Program) -> dict[str, Array]:
    """Draw the operands and the gradient by the output."""
    random = np.random.default_rng(sum(map(ord, zoo.name)))
    out: dict[str, Array] = {}
    for t in (*layer.tensors, layer.output):
        box = shape(t, zoo.values)
        name = t.name if t is not layer.output else f"grad_{t.name}"
        if zoo.exact:
            out[name] = random.integers(-3, 4, box)
        elif zoo.positive:
            out[name] = random.uniform(0.5, 1.5, box)
        else:
            out[name] = random.normal(size=box)
    for gather in layer.gathers if isinstance(layer, Program) else ():
        size = shape(gather.tensor, zoo.values)[-1]
        out[gather.array.name] = random.integers(0, size, shape(gather.array, zoo.values))
    return out


def call(
    function: Callable[..., Any], zoo: ZooLayer, layer: Layer | Program, arrays: Mapping[str, Array]
) -> Array:
    """Call a kernel with what it takes."""
    wanted = inspect.signature(function).parameters
    definitions = layer.definitions if isinstance(layer, Program) else (layer.output,)
    boxes = {f"{t.name}_shape": shape(t, zoo.values) for t in (*layer.tensors, *definitions)}
    numbers = {n: float(v) if isinstance(v, Fraction) else v for n, v in zoo.values.items()}
    known = {**numbers, **boxes}
    given = [arrays[n] for n in wanted if n in arrays]
    found: Array = function(
        *given, **{n: v for n, v in known.items() if n in {*wanted} - {*arrays}}
    )
    return found


def agrees(
    zoo: ZooLayer,
    module: types.ModuleType,
    layer: Layer | Program,
    arrays: Mapping[str, Array],
    expected: Meaning,
) -> None:
    """Compare the forward pass and every gradient."""
    results = {"forward": expected.output}
    results |= {f"grad_{name}": g for name, g in expected.gradients.items()}
    for name, wanted in results.items():
        found = call(getattr(module, name), zoo, layer, arrays)
        assert found.shape == wanted.shape, name
        if zoo.exact:
            assert (found == wanted).all(), name
        else:
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12, err_msg=name)


def parts(zoo: ZooLayer) -> tuple[Layer | Program, dict[str, Array], dict[str, Array]]:
    """Return a layer, and its arrays as drawn and as floats."""
    layer = read(zoo.text)
    arrays = drawn(zoo, layer)
    places = {t.name for t in layer.arrays} if isinstance(layer, Program) else set[str]()
    floats = {name: a if name in places else a.astype(float) for name, a in arrays.items()}
    return layer, arrays, floats


@pytest.mark.parametrize("zoo", CHOSEN, ids=lambda z: z.name)
def test_a_layer_and_its_gradients(zoo: ZooLayer) -> None:
    """Both back ends compute what the definition says, and its slopes by every entry."""
    layer, arrays, floats = parts(zoo)
    upstream = arrays[f"grad_{layer.output.name}"]
    expected = meaning(layer, zoo.values, arrays, upstream, exact=zoo.exact)
    module = compile(zoo.text, "numpy")
    agrees(zoo, module, layer, floats, expected)
    if zoo.exact and zoo.whole:
        agrees(zoo, module, layer, arrays, expected)
    if SHARE == 1 and compiles():
        agrees(zoo, compile(zoo.text, "compiled"), layer, floats, expected)


@pytest.mark.parametrize("name", [z.name for z in CHOSEN])
def test_pytorch_has_the_same_layer(name: str) -> None:
    """The functions of PyTorch, and autograd."""
    torch = pytest.importorskip("torch")
    from tests.support.zoo_torch import TORCH

    if name not in TORCH:
        return
    (zoo,) = (z for z in CHOSEN if z.name == name)
    layer, _, floats = parts(zoo)
    operands = {t.name: torch.tensor(floats[t.name], requires_grad=True) for t in layer.tensors}
    given = {n: torch.tensor(a) for n, a in floats.items() if n not in operands}
    y = TORCH[name](types.SimpleNamespace(**{**given, **operands}))
    y.backward(torch.tensor(floats[f"grad_{layer.output.name}"]))
    gradients = {name: t.grad.numpy() for name, t in operands.items()}
    expected = Meaning(y.detach().numpy(), gradients)
    agrees(zoo, compile(zoo.text, "numpy"), layer, floats, expected)


def test_the_zoo_is_large() -> None:
    names = [z.name for z in ZOO]
    assert len(names) == len(set(names)) >= 90
