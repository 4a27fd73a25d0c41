"""The judge without a framework: products, configurations, targets, reports, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from rot180.codegen.audit.cases import Choice
from rot180.codegen.audit.mistakes import mistakes, with_remainders
from rot180.codegen.audit.questions import question
from rot180.codegen.audit.tolerance import Precision
from rot180.codegen.cli.commands import run
from tests.support.audit_mutations import LAYERS, Victim, differs, found_after
from tests.support.configurations import COUNTS, Configuration, configurations
from tests.support.oracles import TransposedConvolution

VICTIM = """
import numpy as np
from rot180.generated.numpy_kernels import conv1d_input

def right(**given):
    return conv1d_input(**given)

def reversed_kernel(weight, **given):
    return conv1d_input(weight=weight[..., ::-1], **given)

def inaccurate(**given):
    out = conv1d_input(**given)
    return out.astype("float32").astype(out.dtype)

def writes(grad_output, **given):
    out = conv1d_input(grad_output=grad_output, **given)
    if grad_output.flags.writeable:
        grad_output += 1
    return out

def one_stride(input_size, weight, grad_output, padding, dilation, groups):
    return conv1d_input(input_size, weight, grad_output, 1, padding, dilation, groups)

def nothing(**given):
    raise NotImplementedError("not yet")

def text(**given):
    return "no array"

number = 5
"""


@pytest.fixture
def victim(tmp_path: Path) -> str:
    """Return a file with functions that are right or wrong."""
    path = tmp_path / "victim.py"
    path.write_text(VICTIM, "utf-8")
    return str(path)


@pytest.mark.parametrize("name", COUNTS)
def test_products_are_those_of_plain_loops(name: str) -> None:
    """Forward and gradients, exactly, and the counts of products."""
    rng = np.random.default_rng(3)
    for c in configurations(name)[:25]:
        asked = question(name)
        shapes = {"x": c.input_shape, "w": c.weight_shape, "grad_y": c.output_shape}
        shapes["bias"] = c.output_shape[1:2]
        arrays = {word: rng.integers(-4, 5, shape) for word, shape in shapes.items()}
        env = asked.complete(environment(c))
        assert env is not None
        exact = {word: a.astype(object) for word, a in arrays.items()}
        x, w, g = exact["x"], exact["w"], exact["grad_y"]
        expected = {
            "": c.convolution.forward(x, w, exact["bias"]),
            "x": c.convolution.input_gradient(x.shape, w, g),
            "w": c.convolution.weight_gradient(x, w.shape, g),
            "bias": g.sum((0, *range(2, g.ndim))),
        }
        for wrt, right in expected.items():
            found = asked.sum.products(env, wrt)
            assert np.array_equal(found.sum(arrays).reshape(right.shape), right), (c, wrt)
            ones = {word: np.ones_like(a) for word, a in arrays.items()}
            assert np.array_equal(found.count(), found.sum(ones)), (c, wrt)


def environment(c: Configuration) -> dict[str, int]:
    """Return a configuration in the letters of the grouped layer."""
    x, w, _ = question(c.name).layer.tensors
    spatial, taps = ([str(n) for n in t.shape[3:]] for t in (x, w))
    names = [("s", "d", "lo"), ("t", "e", "lp"), ("u", "f", "lq")]
    inputs, outputs = c.channels
    env = {"N": c.batch, "G": c.convolution.groups, "C": inputs, "O": outputs}
    for a, (s, d, low) in enumerate(names[: c.rank]):
        env |= {spatial[a]: c.sizes[a], taps[a]: c.taps[a]}
        env |= {s: c.convolution.stride[a], d: c.convolution.dilation[a]}
        env |= dict(zip((low, f"hi_{low}"), c.convolution.padding[a], strict=True))
        if c.transposed:
            assert isinstance(c.convolution, TransposedConvolution)
            env[f"op_{low}"] = c.convolution.output_padding[a]
    return env


def test_configurations_separate() -> None:
    """Small ones first; all remainders, cropping, dilation with a stride, several groups."""
    found = []
    choice = Choice(question("conv1d", "input"), 0)
    for case in choice:
        choice.support(case)
        found.append(with_remainders(question("conv1d", "input"), case.env))
        if len(found) == 40:
            break
    assert {(e["s"], e["rho_lo"]) for e in found} >= {(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)}
    for shows in (
        lambda e: e["s"] > e["K"],
        lambda e: e["lo"] > e["d"] * (e["K"] - 1),
        lambda e: e["lo"] < 0,
        lambda e: e["lo"] != e["hi_lo"],
        lambda e: e["s"] > 1 and e["d"] > 1 and e["K"] > 1,
        lambda e: e["G"] > 1,
        lambda e: e["N"] == 0,
        lambda e: e["H"] == 1,
    ):
        assert any(map(shows, found))


@pytest.mark.parametrize(("source", "wrt"), [LAYERS[n] for n in (0, 3, 7, 11, 13, 19)])
def test_each_known_mistake_is_found(source: str, wrt: str) -> None:
    """Each that is wrong at some configuration is found within forty."""
    asked = question(source, wrt)
    cases = Choice(asked, 5).pool[:80]
    for mistake in list(mistakes(asked))[::3]:
        victim = Victim(asked, mistake)
        if any(differs(victim, case) for case in cases):
            assert found_after(victim, 40), mistake.name


def audit(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run the command; return its exit code, and what it printed."""
    code = run(["audit", *words])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


CONV1D = ("--layer", "conv1d", "--wrt", "input", "--configurations", "20")


def test_the_command(victim: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is right and what is wrong, and exits with 0 or 1."""
    code, text = audit(capsys, f"{victim}:right", *CONV1D)
    assert (code, "right at 20 configurations" in text) == (0, True)
    code, text = audit(capsys, f"{victim}:reversed_kernel", *CONV1D)
    assert code == 1
    assert "mistake: kernel not rotated" in text
    assert "is missing" in text
    code, text = audit(capsys, f"{victim}:one_stride", *CONV1D)
    assert (code, "not judged: stride, which it does not take" in text) == (0, True)
    code, text = audit(capsys, f"{victim}:inaccurate", *CONV1D)
    assert (code, "within" in text) == (1, True)
    code, text = audit(capsys, f"{victim}:writes", *CONV1D)
    assert (code, "it wrote into grad_output" in text) == (1, True)
    code, text = audit(capsys, f"{victim}:text", *CONV1D)
    assert (code, "expected an array of numbers" in text) == (1, True)


def test_reports(victim: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each form says the same."""
    path = tmp_path / "report"
    texts = {}
    for form in ("json", "junit", "sarif", "html"):
        words = ("--report", form, "--output", str(path))
        assert audit(capsys, f"{victim}:reversed_kernel", *CONV1D, *words)[0] == 1
        texts[form] = path.read_text("utf-8")
    found = json.loads(texts["json"])
    assert found["mismatch"]["mistake"] == "kernel not rotated"
    assert found["mismatch"]["call"]["stride"] == [1]
    assert ElementTree.fromstring(texts["junit"]).get("failures") == "1"
    (result,) = json.loads(texts["sarif"])["runs"][0]["results"]
    assert result["level"] == "error"
    assert 'class="wrong"' in texts["html"]


def test_a_program_in_any_language(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It gets its arrays as files, and leaves its result as one."""
    path = tmp_path / "kernel"
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, sys, numpy as np\n"
        "from pathlib import Path\n"
        "folder = Path(sys.argv[1])\n"
        "call = json.loads((folder / 'call.json').read_text())\n"
        "assert (call['layer'], call['wrt']) == ('linear', 'x')\n"
        "w, g = (np.load(folder / f'{n}.npy') for n in ('weight', 'grad_output'))\n"
        "np.save(folder / 'result.npy', g @ w)\n",
        "utf-8",
    )
    path.chmod(0o755)
    words = ("--layer", "linear", "--wrt", "input", "--configurations", "3")
    code, text = audit(capsys, str(path), *words)
    assert (code, "right at 3 configurations" in text) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}:right", "--layer", "conv9d"), "conv9d"),
        (("{}:right", "--layer", "conv1d", "--wrt", "inptu"), "expected one of input, weight"),
        (("{}:missing", *CONV1D), "expected one of"),
        (("{}:number", *CONV1D), "expected a function"),
        (("nowhere.py:right", *CONV1D), "found no file"),
        (("no_such_module:right", *CONV1D), "no_such_module"),
        (("nothing", *CONV1D), "expected module:function"),
        (("{}:nothing", *CONV1D), "not yet"),
        (("{}:right", *CONV1D, "--dtype", "int8"), "--dtype"),
        (("{}:right", *CONV1D, "--dtype", "float64:float32"), "wider"),
        (("{}:right", *CONV1D, "--report", "pdf"), "--report"),
        (("{}:right", *CONV1D, "--configurations", "0"), "--configurations"),
        (("{}:right", "--layer", "y[i] = relu(x[i])", "--wrt", "x"), "does not take"),
        (("{}:right", "--layer", "softmax", "--wrt", "y"), "expected one of x"),
    ],
)
def test_bad_input(
    victim: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """Exit code 2, and an error that names what is wrong."""
    code, text = audit(capsys, *(word.format(victim) for word in words))
    assert (code, said in text) == (2, True), text


def test_a_function_without_values_is_refused() -> None:
    """Nothing is known of a function that a text only declares."""
    with pytest.raises(ValueError, match="found the function phi, which has no values"):
        question("phi: function; y[i] = phi(x[i])", "x")


def test_bounds() -> None:
    """The bound of one rounded product, of many, with a wider accumulator; and where none is."""
    tiny = Fraction(1, 2**1000)
    one = Precision("float64", "float64").bound(1, Fraction(1))
    assert Fraction(1, 2**53 - 1) <= one <= Fraction(1, 2**53 - 1) + tiny
    assert Precision("bfloat16", "float32").bound(0, Fraction(0)) == 0
    assert Precision("bfloat16", "float32").bound(3, Fraction(1)) > Fraction(1, 2**8)
    with pytest.raises(ValueError, match="expected less than 1"):
        Precision("bfloat16", "bfloat16").bound(256, Fraction(1))


def test_a_framework_that_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and the package to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    code, text = audit(capsys, "torch", *CONV1D)
    assert (code, "TARGET: found 'torch', but torch is not installed" in text) == (2, True)


NO_DILATION = """
import numpy as np

def wrong_without_dilation(w, grad_y, s, d, lo, x_shape):
    out = np.zeros(x_shape, grad_y.dtype)
    for p in range(len(grad_y)):
        for k in range(len(w)):
            if 0 <= s * p + d * k - lo < len(out):
                out[s * p + d * k - lo] += grad_y[p] * w[k]
    return out + (d == 0)
"""


def test_known_mistakes_that_have_no_value_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At d = 0 no bracket bounds the taps of some wrong formulas: those are not the mistake."""
    path = tmp_path / "victim.py"
    path.write_text(NO_DILATION, "utf-8")
    layer = ("--layer", "y[p] = sum[k] x[s*p+d*k-lo] * w[k]", "--wrt", "x")
    code, text = audit(capsys, f"{path}:wrong_without_dilation", *layer)
    assert code == 1
    assert "WRONG" in text and "d = 0" in text


@pytest.mark.parametrize("source", ["conv1d", "y[p] = sum[k] x[s*p+d*k-lo] * w[k]"])
def test_every_process_chooses_the_same(source: str) -> None:
    """Workers of a test run must agree, though each hashes texts in its own way."""
    text = (
        "from rot180.codegen.audit.runs import separating\n"
        f"print([sorted(c.env.items()) for c in separating({source!r}, 'x', 12)])"
    ).replace("'x'", "'input'" if source == "conv1d" else "'x'")
    runs = [
        subprocess.run(
            [sys.executable, "-c", text],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    ]
    assert len(runs[0]) > 100
    assert runs[0] == runs[1] == runs[2]
