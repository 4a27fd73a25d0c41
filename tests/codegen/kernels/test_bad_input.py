"""What the public kernels refuse: an error that names the argument, the found, the expected."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.public_api import LAYERS, public_functions
from tests.support import public_layers
from tests.support.configurations import BACKENDS, load

Arguments = dict[str, Any]
RANKS = (1, 2, 3)


@pytest.fixture(params=(*BACKENDS, "fastest"))
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    """Return a backend's module, or the package that chooses one."""
    return load(request.param)


def part_of(function: str) -> str:
    """Return what a function is the gradient by, or "" of a forward pass."""
    entry = next(entry for entry in LAYERS if function in entry.functions.values())
    return function.removeprefix(entry.name).removeprefix("_")


def transposed(function: str) -> bool:
    """Say whether a function belongs to a transposed convolution."""
    return "transpose" in function


def rank_of(function: str) -> int:
    """Return the number of spatial axes of a convolution."""
    return next(int(letter) for letter in function if letter.isdigit())


def good(name: str) -> Arguments:
    """Return arguments that a function takes: stride, padding, dilation, groups all in use."""
    if name in public_layers.FUNCTIONS:
        sizes = {"N": 2, "O": 6, "C": 4} | {letter: 5 + at for at, letter in enumerate("IJKLHM")}
        return public_layers.arguments(public_layers.function(name), sizes)
    rank = rank_of(name)
    few, many = (4, 8, 9)[:rank], (6, 7, 8)[:rank]
    inputs, outputs, channels = (few, many, (4, 3)) if transposed(name) else (many, few, (6, 2))
    arrays: Arguments = {
        "input": np.ones((2, 4, *inputs)),
        "weight": np.ones((*channels, *(3, 2, 1)[:rank])),
        "bias": np.ones(6),
        "grad_output": np.ones((2, 6, *outputs)),
    }
    parameters = {
        "stride": (2, 1, 1)[:rank],
        "padding": ((1, 3), (2, 1), (1, 0))[:rank],
        "dilation": (1, 2, 1)[:rank],
        "groups": 2,
    }
    if transposed(name):
        parameters["output_padding"] = (1, 0, 0)[:rank]
    arrays["input_size"] = arrays["input"].shape
    arrays["weight_size"] = arrays["weight"].shape
    part = part_of(name)
    takes = {
        "": ("input", "weight", "bias"),
        "input": ("input_size", "weight", "grad_output"),
        "weight": ("input", "weight_size", "grad_output"),
        "bias": ("grad_output",),
    }[part]
    return {name: arrays[name] for name in takes} | ({} if part == "bias" else parameters)


WINDOWS = tuple(entry.name for entry in LAYERS if entry.window)
CONVOLUTIONS = tuple(f"{name}{part}" for name in WINDOWS for part in ("", "_input", "_weight"))
TRANSPOSED = tuple(function for function in CONVOLUTIONS if transposed(function))
FUNCTIONS = public_functions()
WITH_SIZES = (
    *CONVOLUTIONS,
    *(name for name in public_layers.FUNCTIONS if public_layers.function(name).sizes),
)


def refuse(kernels: ModuleType, function: str, changes: Arguments, *words: object) -> None:
    """Require an error whose message has all the words."""
    arguments = good(function) | changes
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(kernels, function)(**arguments)
    assert caught.type in (ValueError, TypeError), caught
    message = str(caught.value)
    for word in words:
        assert str(word) in message, f"{function}({changes}): {message!r} lacks {word!r}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_good_arguments_are_good(kernels: ModuleType, function: str) -> None:
    """Nothing below is refused for another reason; an empty batch and one more go as well."""
    arguments = good(function)
    out = getattr(kernels, function)(**arguments)
    kind = "grad_output" if function.endswith("bias") else "weight"
    part = part_of(function)
    if f"{part}_size" in arguments:
        assert out.shape == arguments[f"{part}_size"]
    for batch in (0, 3):
        for name, old in arguments.items():
            if name.startswith(("input", "grad_output")):
                changed = (batch, *(old if name.endswith("_size") else old.shape)[1:])
                arguments[name] = changed if name.endswith("_size") else np.ones(changed)
        again = getattr(kernels, function)(**arguments)
        expected = out.shape if part in ("weight", "bias") else (batch, *out.shape[1:])
        assert again.shape == expected, kind


@pytest.mark.parametrize("function", FUNCTIONS)
def test_objects_that_are_no_arrays(kernels: ModuleType, function: str) -> None:
    """Lists, numbers and None are not converted."""
    for name, value in good(function).items():
        if isinstance(value, np.ndarray):
            for other in (value.tolist(), 1.0, "array", None):
                if name != "bias" or other is not None:
                    refuse(kernels, function, {name: other}, name, type(other).__name__)


@pytest.mark.parametrize("dtype", ["bool", "object", ">f2", "U3", "datetime64[s]"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_dtypes(kernels: ModuleType, function: str, dtype: str) -> None:
    """Unsupported dtypes are refused even where all arrays agree."""
    arrays = {
        name: np.zeros(value.shape, dtype)
        for name, value in good(function).items()
        if isinstance(value, np.ndarray)
    }
    found = next(iter(arrays.values())).dtype
    refuse(kernels, function, arrays, next(iter(arrays)), found, "float32")


@pytest.mark.parametrize("dtype", ["int64", "uint8", "complex128"])
def test_the_compiled_kernels_leave_other_dtypes_to_numpy(dtype: str) -> None:
    """Integers and complex numbers are for the other backend."""
    compiled, numpy = load("cython_kernels"), load("numpy_kernels")
    for function in FUNCTIONS:
        arguments = {
            name: value.astype(dtype) if isinstance(value, np.ndarray) else value
            for name, value in good(function).items()
        }
        found = getattr(compiled, function)(**arguments)
        assert found.dtype == dtype
        assert np.array_equal(found, getattr(numpy, function)(**arguments))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_dtypes_that_differ(kernels: ModuleType, function: str) -> None:
    """All arrays of a call have one dtype."""
    arrays = [name for name, a in good(function).items() if isinstance(a, np.ndarray)]
    for name in arrays[1:]:
        other = good(function)[name].astype("float32")
        refuse(kernels, function, {name: other}, name, "float32", "float64")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_ranks(kernels: ModuleType, function: str) -> None:
    """An axis too many, an axis too few; a batch that one argument alone has may have any axes."""
    arguments = good(function)
    batched = [name for name in ("input", "input_size", "grad_output") if name in arguments]
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            wrong = [value[None], value[0]] if batched != [name] else [value[0, 0]]
            if batched == [name] and "conv" in function:
                wrong.append(value[None])
            for other in wrong:
                refuse(kernels, function, {name: np.asarray(other)}, name)
        elif name.endswith("_size"):
            for other in ((1, *value), value[1:], ()):
                refuse(kernels, function, {name: other}, name, other)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_sizes_that_do_not_fit(kernels: ModuleType, function: str) -> None:
    """Each axis that another argument fixes, one too long and one too short."""
    arguments = good(function)
    for axis, size in enumerate(
        arguments["grad_output"].shape if "grad_output" in arguments else ()
    ):
        for other in (size - 1, size + 1):
            if function.endswith("bias"):
                continue
            shape = list(arguments["grad_output"].shape)
            shape[axis] = other
            refuse(kernels, function, {"grad_output": np.ones(shape)}, "grad_output", other, size)
    for name in ("weight", "weight_size"):
        if name in arguments:
            shape = list(np.shape(arguments[name]) if name == "weight" else arguments[name])
            axis = 0 if transposed(function) else 1
            for other in (shape[axis] - 1, shape[axis] + 1):
                changed = (*shape[:axis], other, *shape[axis + 1 :])
                value = np.ones(changed) if name == "weight" else changed
                refuse(kernels, function, {name: value}, name, other, shape[axis])
    if "bias" in arguments:
        for other in (5, 7, 1):
            refuse(kernels, function, {"bias": np.ones(other)}, "bias", other, 6)


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_groups(kernels: ModuleType, function: str) -> None:
    """Groups divide both channel numbers."""
    for other in (0, -1, 1.5, "2", None, True, (2,)):
        refuse(kernels, function, {"groups": other}, "groups", other)
    arguments = good(function)
    refuse(kernels, function, {"groups": 3}, "groups", 3)
    refuse(kernels, function, {"groups": 1}, *((6, 3) if transposed(function) else (4, 2)))
    for name in ("weight", "weight_size"):
        if name in arguments:
            shape = arguments[name].shape if name == "weight" else arguments[name]
            changed = (5, *shape[1:])
            value = np.ones(changed) if name == "weight" else changed
            others: Arguments = {"bias": None} if "bias" in arguments else {}
            for other in ("input", "input_size") if transposed(function) else ("grad_output",):
                if other in arguments:
                    old = np.shape(arguments[other]) if other != "input_size" else arguments[other]
                    resized = (2, 5, *old[2:])
                    others[other] = resized if other == "input_size" else np.ones(resized)
            refuse(kernels, function, {name: value, **others}, "groups", 5, 2)


@pytest.mark.parametrize("name", ["stride", "dilation"])
@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_strides_and_dilations(kernels: ModuleType, function: str, name: str) -> None:
    """Integers >= 1, one or one per axis."""
    rank = rank_of(function)
    for other in (0, -1, 1.5, "2", None, True, (0,) * rank, (1,) * (rank + 1), (1.0,) * rank, ()):
        refuse(kernels, function, {name: other}, name)
    for other in (0, -3, 1.5):
        refuse(kernels, function, {name: other}, other)


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_paddings(kernels: ModuleType, function: str) -> None:
    """An integer, one per axis, a pair per axis, or a word."""
    rank = rank_of(function)
    wrong: tuple[Any, ...] = (
        1.5,
        None,
        True,
        "full",
        (),
        (1,) * (rank + 1),
        ((1, 2),) * (rank + 1),
        ((1, 2, 3),) * rank,
        ((1,),) * rank,
        ((1, 2.5),) * rank,
        (((1, 2),) * rank,),
        (("1", "2"),) * rank,
    )
    for other in wrong:
        refuse(kernels, function, {"padding": other}, "padding")
    refuse(kernels, function, {"padding": "same"}, "padding", "same", "stride")
    if rank > 1:
        refuse(kernels, function, {"padding": ((1, 2), *(1,) * (rank - 1))}, "padding")


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_outputs_that_are_empty(kernels: ModuleType, function: str) -> None:
    """A window that does not fit is refused, and the sizes are shown."""
    wrong: tuple[Arguments, ...] = ({"padding": -4}, {"dilation": 40})
    for changes in ({"padding": 40},) if transposed(function) else wrong:
        refuse(kernels, function, changes, "output size")


@pytest.mark.parametrize("function", TRANSPOSED)
def test_output_paddings(kernels: ModuleType, function: str) -> None:
    """Integers >= 0, one or one per axis, below the stride or the dilation of the axis."""
    rank = rank_of(function)
    for other in (-1, 1.5, "2", None, True, (0,) * (rank + 1), (1.0,) * rank, (), 2**40):
        refuse(kernels, function, {"output_padding": other}, "output_padding")
    refuse(kernels, function, {"output_padding": 2}, "output_padding", 2, "stride", "dilation")
    if rank > 1:
        # the other axis's stride does not help
        refuse(kernels, function, {"output_padding": (0, 2, 0)[:rank]}, "output_padding", 2)


@pytest.mark.parametrize("function", TRANSPOSED)
def test_inputs_without_entries(kernels: ModuleType, function: str) -> None:
    """The size of an output does not follow from an input of none."""
    arguments = good(function)
    name = "input" if "input" in arguments else "input_size"
    shape = list(np.shape(arguments[name]) if name == "input" else arguments[name])
    shape[-1] = 0
    value = np.ones(shape) if name == "input" else tuple(shape)
    refuse(kernels, function, {name: value}, name, tuple(shape), "at least one entry")


@pytest.mark.parametrize("function", WITH_SIZES)
def test_sizes_that_are_no_sizes(kernels: ModuleType, function: str) -> None:
    """A size is a sequence of integers >= 0."""
    for name, value in good(function).items():
        if name.endswith("_size"):
            for axis in range(len(value)):
                for bad in (-1, 1.5, "3", None, True):
                    other = (*value[:axis], bad, *value[axis + 1 :])
                    refuse(kernels, function, {name: other}, name, bad)
            for no_shape in (None, 7, "shape", np.ones((2, 2))):
                refuse(kernels, function, {name: no_shape}, name)


@pytest.mark.parametrize("function", WITH_SIZES)
def test_absurd_sizes(kernels: ModuleType, function: str) -> None:
    """Sizes beyond memory or beyond the integers of the machine are refused before any work."""
    for name, value in good(function).items():
        if name.endswith("_size"):
            for axis in range(len(value)):
                for huge in (2**40, 2**63 - 1, 2**63, 2**200):
                    other = (*value[:axis], huge, *value[axis + 1 :])
                    refuse(kernels, function, {name: other})


@pytest.mark.parametrize("function", CONVOLUTIONS)
def test_parameters_that_overflow(kernels: ModuleType, function: str) -> None:
    """Index arithmetic never wraps."""
    rank = rank_of(function)
    for huge in (2**61, 2**63, 2**70):
        for sign in (1, -1):
            refuse(kernels, function, {"padding": sign * huge}, "padding")
        refuse(kernels, function, {"dilation": huge}, "dilation")
        balanced: Arguments = {"dilation": huge, "padding": huge, "stride": 1}
        refuse(kernels, function, balanced)
    shape = (2, 4, *(6, 7, 8)[:rank])
    if transposed(function):
        for huge in (2**31 - 1, 2**61, 2**63):
            refuse(kernels, function, {"stride": huge})
    elif not part_of(function):
        for huge in (2**61, 2**63, 2**70):
            try:
                found = getattr(kernels, function)(
                    np.ones(shape), np.ones((6, 4, *shape[2:])), stride=huge
                )
            except ValueError as error:
                assert "stride" in str(error)
            else:
                assert found.shape == (2, 6, *(1,) * rank)
                assert np.all(found == math.prod(shape[1:]))


@pytest.mark.parametrize("rank", RANKS)
def test_outputs_beyond_memory(kernels: ModuleType, rank: int) -> None:
    """An output that no machine holds is an error of the argument, not of the allocator."""
    x, w = np.ones((1, 1, *(1,) * rank)), np.ones((1, 1, *(1,) * rank))
    for name, words in (
        ("conv", {"padding": 2**60}),
        ("conv", {"padding": 2**30}),
        ("conv_transpose", {"padding": -(2**30)}),
    ):
        with pytest.raises(ValueError, match=r"padding|output"):
            getattr(kernels, f"{name}{rank}d")(x, w, **words)


def test_messages_say_found_and_expected(kernels: ModuleType) -> None:
    """Whole messages of frequent mistakes."""
    cases: tuple[tuple[str, Arguments], ...] = (
        ("conv2d", {"input": np.ones((6, 7))}),
        ("conv2d", {"stride": 0}),
        ("conv2d", {"weight": np.ones((6, 4, 3, 2))}),
        ("conv2d_input", {"grad_output": np.ones((2, 6, 5, 8))}),
        ("conv2d", {"input": np.ones((2, 4, 6, 7), bool)}),
        ("conv2d", {"padding": ((1, 2, 3), (0, 0))}),
        ("conv2d", {"groups": 3}),
        ("conv_transpose2d", {"output_padding": 2}),
        ("conv_transpose2d", {"padding": 40}),
        ("conv_transpose2d", {"weight": np.ones((6, 3, 3, 2))}),
        ("linear", {"weight": np.ones((6, 5))}),
    )
    for function, changes in cases:
        refuse(kernels, function, changes, "found", "expected", next(iter(changes)))


def test_an_array_in_place_of_its_shape_is_not_printed(kernels: ModuleType) -> None:
    x, w, g = np.ones((2, 3, 30, 30)), np.ones((4, 3, 3, 3)), np.ones((2, 4, 28, 28))
    with pytest.raises(TypeError, match=r"^input_size: found ndarray, expected a tuple of 4 int"):
        kernels.conv2d_input(x, w, g)
