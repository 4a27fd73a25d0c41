"""Conversions between frameworks: the same layer by definition, and refusals that are true."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

from rot180.codegen.convert.common_form import entries
from rot180.codegen.convert.conversion import Conversion, Refusal, axis_calls, convert
from rot180.codegen.convert.cure import cure
from rot180.codegen.convert.expressions import Number, evaluate
from rot180.codegen.convert.forms import AxisCall, first_failure
from rot180.codegen.convert.frameworks import FRAMEWORKS, LAYERS
from rot180.codegen.convert.report import conversion_lines, refusal_lines
from rot180.codegen.convert.spelling import Call, read_call
from rot180.codegen.convert.weights import rearranged
from tests.support.framework_calls import draw_call, laid_out, variants

ONNX_SAME = ("conv", ("kernel_shape=3,3", "strides=2,2", "auto_pad=SAME_UPPER"))


def converted(
    source: str, target: str, layer: str, *given: str, size: tuple[int, ...] | None = None
) -> Conversion | Refusal:
    return convert(read_call(source, layer, given), target, size)


def written(found: Conversion | Refusal) -> str:
    assert isinstance(found, Conversion)
    return next(conversion_lines(found))


def scattered(x: list[int], w: list[int], stride: int, dilation: int) -> list[int]:
    """Return a transposed convolution before anything is cut off: each input adds the kernel."""
    full = [0] * (stride * (len(x) - 1) + dilation * (len(w) - 1) + 1)
    for p, k in product(range(len(x)), range(len(w))):
        full[stride * p + dilation * k] += x[p] * w[k]
    return full


def slid(x: list[int], w: list[int], stride: int, dilation: int) -> list[int]:
    """Return a correlation without padding."""
    extent = dilation * (len(w) - 1) + 1
    return [
        sum(x[p + dilation * k] * w[k] for k in range(len(w)))
        for p in range(0, len(x) - extent + 1, stride)
    ]


def by_the_book(call: Call, x: list[int], w: list[int]) -> list[int]:
    """Return the output along one axis as the documents of the framework say it, zero by zero."""
    one, words, i = call.axes[0], call.variant.words, len(x)
    k, s, d = one["k"], one["s"], one["d"]
    e = d * (k - 1) + 1
    word = words.get("padding", words.get("auto_pad", "")).upper()
    if call.layer.name == "conv":
        stretched = [0] * (one.get("r", 1) * (i - 1) + 1)
        stretched[:: one.get("r", 1)] = x
        low, high = one.get("before", one.get("p", 0)), one.get("after", one.get("p", 0))
        if word == "CAUSAL":
            low = e - 1
        if word.startswith("SAME"):
            outputs = (i + s - 1) // s
            total = max(0, (outputs - 1) * s + e - i)
            low, high = total // 2, (total + 1) // 2
            if word == "SAME_LOWER":
                low, high = high, low
        padded = [0] * max(low, 0) + stretched + [0] * max(high, 0)
        padded = padded[max(-low, 0) : len(padded) - max(-high, 0)]
        return slid(padded, w, s, d)
    full = scattered(x, w if call.layer.flip else w[::-1], s, d)
    if call.layer.framework == "jax":
        if word == "SAME":
            # JAX: half of k + s - 2, rounded up, before the dilated input
            low = e - 1 if s > e - 1 else int(np.ceil((e + s - 2) / 2))
            high = e + s - 2 - low
        else:
            low, high = (e - 1, max(e, s) - 1) if word else (one["before"], one["after"])
        start, length = e - 1 - low, s * (i - 1) + 1 + low + high - (e - 1)
    elif call.layer.framework == "keras":
        lengths = {
            ("VALID", False): (i - 1) * s + max(e, s),
            ("SAME", False): i * s,
            ("VALID", True): (i - 1) * s + e + one.get("op", 0),
            ("SAME", True): (i - 1) * s + e % 2 + one.get("op", 0),
        }
        length = lengths[word, "op" in one]
        total = s * (i - 1) + e - length
        # what is cut off, the smaller half first; zeros are only put behind
        start = 0 if word == "VALID" else max(0, total // 2)
    elif call.layer.framework == "tensorflow":
        length = one["out"]
        # the padding of the convolution that has the output as its input
        start = max(0, (i - 1) * s + e - length) // 2 if word == "SAME" else one.get("before", 0)
    elif call.layer.framework == "onnx":
        op = one["op"]
        length = one.get("out", i * s)
        total = s * (i - 1) + op + e - length
        start = total // 2 if word == "SAME_UPPER" else total - total // 2
        if word == "VALID" or "before" in one:
            start = one.get("before", 0)
            length = s * (i - 1) + op + e - start - one.get("after", 0)
    else:
        start, length = one["p"], (i - 1) * s - 2 * one["p"] + d * (k - 1) + one["op"] + 1
    ahead = [0] * max(-start, 0)
    return (ahead + full[max(start, 0) :] + [0] * length)[:length]


def draws(seed: int, count: int, axes: int = 1) -> Iterator[tuple[random.Random, Call, int]]:
    """Draw calls of every variant of every layer, each with a size that it admits."""
    rng = random.Random(seed)
    for layer, variant in variants(LAYERS):
        for _ in range(count if axes in variant.axes else 0):
            size = rng.randrange(1, 7)
            call = draw_call(rng, layer, variant, axes, size)
            if call is not None:
                yield rng, call, size


def test_each_convention_is_what_its_framework_documents() -> None:
    seen = set()
    for rng, call, size in draws(0, 12):
        form = axis_calls(call)[0].form(size)
        x = [rng.randrange(-9, 10) for _ in range(size)]
        w = [rng.randrange(-9, 10) for _ in range(form.taps)]
        assert entries(form, x, w) == by_the_book(call, x, w), (call.layer.source, call.axes)
        seen.add(id(call.variant))
    assert len(seen) == sum(1 for _, v in variants(LAYERS) if 1 in v.axes)


def test_conversions_are_the_same_layer_by_definition() -> None:
    """At the size asked for, or at all of the first ones; and what is refused has no solution."""
    found = refused = 0
    for rng, call, size in draws(1, 2):
        sized = bool(call.variant.sized)
        for target in FRAMEWORKS:
            given = (size,) if sized or rng.random() < 0.4 else None
            result = convert(call, target, given)
            source = axis_calls(call)[0]
            if isinstance(result, Refusal):
                refused += 1
                admits_none(result, source)
                continue
            found += 1
            (other,) = result.axes
            for n in range(1, 12) if result.sizes is None else (size,):
                form = source.form(n)
                if (sized and n != size) or form.outputs < 1:  # type: ignore[operator]
                    continue
                x, w = list(range(1, n + 1)), [10**k for k in range(form.taps)]
                turned = w[::-1] if other.layer.flip != source.layer.flip else w
                assert other.broken(n) is None
                assert entries(other.form(n), x, turned) == entries(form, x, w)
    assert found > 100
    assert refused > 60


def admits_none(refusal: Refusal, source: AxisCall) -> None:
    """Try all small arguments at the size of a counterexample, with the strides and dilations."""
    if refusal.size is None or refusal.source.groups > 1:
        return
    n = refusal.size
    form = source.form(n)
    x, w = list(range(1, n + 1)), [10**k for k in range(form.taps)]
    y, known = entries(form, x, w), form.canonical
    wanted = (known.stride, known.input_dilation, known.dilation)
    for layer, variant in variants(LAYERS):
        if layer.framework != refusal.target or 1 not in variant.axes:
            continue
        rate = max(form.stride, form.input_dilation)
        fixed = {"k": form.taps, "s": rate, "d": form.dilation, "r": form.input_dilation}
        fixed |= {"s": form.stride} if "r" in variant.parts else {}
        free = [part for part in variant.parts if part not in fixed]
        for values in product(range(6), repeat=len(free)):
            parts = {part: fixed.get(part, 0) for part in variant.parts}
            call = AxisCall(layer, variant, {**parts, **dict(zip(free, values, strict=True))})
            other = call.form(n).canonical
            rates = (other.stride, other.input_dilation, other.dilation)
            if rates == wanted and call.broken(n) is None and other.outputs == len(y):
                turned = w[::-1] if layer.flip != source.layer.flip else w
                assert entries(call.form(n), x, turned) != y, (refusal, call)


def test_equality_at_all_sizes_is_decided() -> None:
    """The first difference is the one that a search finds, and no difference is missed."""
    texts = (
        "max(0, (-(-i // 3) - 1)*3 + 5 - i)",
        "max(0, (-(-i // 3) - 1)*3 + 5 - i) // 2*2",
        "2",
        "2 + max(0, i - 40) // 3",
        "2 + max(0, 7 - i)",
        "min(i, 30) // 2",
        "i // 2",
        "(i - 1) // 2 + 1",
        "-(-i // 2)",
    )
    for a, b in product(texts, repeat=2):
        known = (n for n in range(1, 100) if evaluate(a, {"i": n}) != evaluate(b, {"i": n}))
        assert first_difference(a, b, 6) == next(known, None), (a, b)
    assert first_difference("-(-i // 2)", "(i - 1) // 2 + 1", 2) is None


def first_difference(a: str, b: str, period: int) -> int | None:
    def same(size: Number) -> bool:
        return evaluate(a, {"i": size}) == evaluate(b, {"i": size})

    return first_failure(same, period)


def test_weights_are_rearranged() -> None:
    rng = np.random.default_rng(0)
    for source, target in product(LAYERS, LAYERS):
        groups = 2 if "g" in source.weight and "g" in target.weight else 1
        kernel = rng.integers(0, 9, (groups, 3, 2, 4, 5))
        made = rearranged(laid_out(kernel, source.weight), source, target, groups, (True, False))
        assert (made == laid_out(kernel[..., ::-1, :], target.weight)).all()


def test_same_with_a_stride_has_no_pytorch_arguments() -> None:
    refusal = converted("onnx", "pytorch", ONNX_SAME[0], *ONNX_SAME[1])
    assert isinstance(refusal, Refusal)
    assert (refusal.axis, refusal.size) == (0, 2)
    text = "\n".join(refusal_lines(refusal))
    assert "at size 2 along axis 0, with this stride and dilation, every padding gives" in text
    assert "y = [21]: the layer" in text
    assert "y = [210]: kernel_size=(3,), stride=(2,), padding=(1,)" in text
    healed = cure(refusal)
    assert healed is not None
    known: dict[str, Any] = {"x": np.zeros((1, 1, 8, 7))}
    exec("\n".join(healed.before[:-1]), known)
    assert (known["total0"], known["total1"]) == (1, 2)
    assert healed.before[-1].startswith("x = torch.nn.functional.pad(x, (total1 // 2, ")
    same = converted("onnx", "tensorflow", ONNX_SAME[0], *ONNX_SAME[1])
    assert written(same) == 'tf.nn.conv2d(x, w, strides=[2, 2], padding="SAME")'


@pytest.mark.parametrize(
    "source, target, layer, given, size, expected",
    [
        (
            "onnx",
            "pytorch",
            *ONNX_SAME,
            (7, 7),
            "torch.nn.Conv2d(in_channels, out_channels, kernel_size=(3, 3), stride=(2, 2), "
            "padding=(1, 1))",
        ),
        (
            "onnx",
            "pytorch",
            "conv_transpose1d",
            ("kernel_shape=3", "strides=2", "output_shape=[10]"),
            (5,),
            "torch.nn.ConvTranspose1d(in_channels, out_channels, kernel_size=(3,), stride=(2,), "
            "padding=(1,), output_padding=(1,))",
        ),
        (
            "pytorch",
            "jax",
            "conv_transpose2d",
            ("kernel_size=3", "stride=2", "padding=1", "output_padding=1"),
            None,
            "jax.lax.conv_transpose(x, w, strides=(2, 2), padding=((1, 2), (1, 2)), "
            "transpose_kernel=True)",
        ),
        (
            "pytorch",
            "tensorflow",
            "conv_transpose2d",
            ("kernel_size=3", "stride=2", "padding=1", "output_padding=1"),
            None,
            "tf.nn.conv2d_transpose(x, w, output_shape=[n, 2*x.shape[1], 2*x.shape[2], o], "
            "strides=[2, 2], padding=[[0, 0], [1, 1], [1, 1], [0, 0]])",
        ),
        (
            "jax",
            "pytorch",
            "conv1d",
            ("kernel_size=3", "window_strides=1", "padding=((2,2),)", "lhs_dilation=2"),
            None,
            "torch.nn.ConvTranspose1d(in_channels, out_channels, kernel_size=(3,), stride=(2,))",
        ),
        (
            "tensorflow",
            "onnx",
            "conv1d",
            ("kernel_size=2", "stride=2", "padding=SAME"),
            None,
            'onnx.helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[2], strides=[2], '
            "pads=[0, 1])",
        ),
        (
            "keras",
            "pytorch",
            "conv1d",
            ("kernel_size=4", "padding=same", "groups=2"),
            None,
            'torch.nn.Conv1d(in_channels, out_channels, kernel_size=(4,), padding="same", '
            "groups=2)",
        ),
    ],
)
def test_calls_are_spelled_as_the_framework_does(
    source: str,
    target: str,
    layer: str,
    given: tuple[str, ...],
    size: tuple[int, ...] | None,
    expected: str,
) -> None:
    assert written(converted(source, target, layer, *given, size=size)) == expected


def test_long_kernels_are_converted() -> None:
    found = converted("pytorch", "tensorflow", "conv1d", "kernel_size=400", "stride=160")
    assert written(found) == 'tf.nn.conv1d(x, w, stride=[160], padding="VALID")'


def test_an_output_padding_of_a_stride_is_refused_with_its_cure() -> None:
    given = ("kernel_size=3", "window_strides=1", "padding=((2,6),)", "lhs_dilation=2")
    refusal = converted("jax", "pytorch", "conv1d", *given)
    assert isinstance(refusal, Refusal)
    text = "\n".join(refusal_lines(refusal))
    assert "output_padding=(4,)" in text
    assert "output_padding is less than the stride or less than the dilation" in text
    healed = cure(refusal)
    assert healed is not None
    assert healed.after == ("y = torch.nn.functional.pad(y, (0, 4))",)
    assert healed.appends
