"""The command `rot180 convert`: bad input, JSON, and the page that shows what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.convert.conversion import Conversion, convert
from rot180.codegen.convert.report import conversion_lines, data, refusal_lines
from rot180.codegen.convert.spelling import read_call

ONNX_SAME = ("conv", "kernel_shape=3,3", "strides=2,2", "auto_pad=SAME_UPPER")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("--from onnx --to pytorch conv kernel_shape=3,3 stride=2", "did you mean strides?"),
        (
            "--from onnx --to pytorch conv kernel_shape=3,3 strides=2,2,2",
            "strides: found (2, 2, 2)",
        ),
        ("--from onnx --to pytorch conv kernel_shape=3,3 auto_pad=SAME", "auto_pad: found 'SAME'"),
        ("--from onnx --to pytorch conv kernel_shape=3,3 pads=1,1", "such as pads=(1, 2, 1, 2)"),
        ("--from pytorch --to onnx conv kernel_size=3", "or the number of axes with the layer"),
        ("--from pytorch --to onnx conv4d kernel_size=3", "LAYER: found 'conv4d'"),
        ("--from pytorch --to onnx conv2d kernel_size=x+1", "kernel_size: found 'x+1'"),
        ("--from pytorch --to onnx conv2d kernel_size", "expected NAME=VALUE"),
        ("--from pytorch --to onnx conv2d stride=2", "arguments: found stride=2"),
        ("--from pytorch --to onnx conv2d kernel_size=3 stride=0", "stride is at least 1"),
        ("--from pytorch --to onnx conv2d kernel_size=3 groups=0", "groups: found 0"),
        ("--from pytorch --to onnx conv2d kernel_size=9999999", "expected at most 4096"),
        ("--from pytorch --to onnx conv2d kernel_size=99 dilation=99", "the extent of the kernel"),
        ("--from pytorch --to onnx conv2d kernel_size=0", "kernel_size is at least 1"),
        ("--from pytorch --to onnx conv2d kernel_size=3 --size a", "--size: found 'a'"),
        ("--from pytorch --to onnx conv2d kernel_size=3 --size 2", "there is no output"),
        (
            "--from pytorch --to onnx conv_transpose1d kernel_size=3 output_padding=1",
            "output_padding is less than the stride or less than the dilation",
        ),
        (
            "--from onnx --to jax conv_transpose1d kernel_shape=3 output_shape=[7]",
            "--size: missing; output_shape says the padding",
        ),
        ("--from keras --to onnx conv2d kernel_size=3 strides=2,1 dilation_rate=1,2", "are 1"),
        ("--from theano --to onnx conv2d kernel_size=3", "invalid choice"),
    ],
)
def test_bad_input_is_refused(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["convert", *arguments.split()])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    assert code == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert said in error or ("invalid choice" in said and "theano" in error)


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    start = ["convert", "--from", "onnx", "--format", "json", *ONNX_SAME]
    assert main([*start, "--to", "keras"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["arguments"]["padding"] == '"same"'
    assert found["sizes"] == "all"
    assert found["weights"]["rearrange"] == "o i k1 k2 -> k1 k2 i o"
    assert main([*start, "--to", "pytorch"]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert refused["counterexample"]["size"] == 2
    assert refused["instead"]["call"].startswith("torch.nn.Conv2d(")


def test_the_page_shows_what_the_command_prints() -> None:
    """The commands of docs/convert.md, with their output."""
    text = (Path(__file__).parents[3] / "docs" / "convert.md").read_text()
    for block in text.split("```console\n")[1:]:
        command, _, expected = block.partition("```")[0].partition("\n")
        words = command.removeprefix("$ rot180 convert ").split()
        options = {words[n]: words[n + 1] for n in range(len(words)) if words[n].startswith("--")}
        layer, *given = [w for w in words if w not in options and w not in options.values()]
        sizes = options.get("--size")
        size = tuple(map(int, sizes.split(","))) if sizes else None
        found = convert(read_call(options["--from"], layer, given), options["--to"], size)
        lines = conversion_lines if isinstance(found, Conversion) else refusal_lines
        assert "\n".join(lines(found)) == expected.rstrip(), command  # type: ignore[arg-type]
        assert data(found)
