"""``rot180 audit --init``: a test with an adapter, after a look at a signature."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.audit.starter import starter
from rot180.codegen.audit.targets import function_target, target
from rot180.codegen.cli.main import main
from tests.support.naive_layers import conv1d_weight

SOURCE = "from tests.support.naive_layers import conv1d_weight as right\n"


def written(folder: Path, source: str, name: str, layer: str = "", wrt: str | None = None) -> str:
    """Return the test file for a function of a source."""
    path = folder / "kernels.py"
    path.write_text(SOURCE + source)
    return starter(f"{path}:{name}", layer or None, wrt).text


def adapter(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the adapter of a test file."""
    monkeypatch.syspath_prepend(folder)
    found: dict[str, Any] = {}
    monkeypatch.delitem(sys.modules, "kernels", raising=False)
    before = text.partition("\n@pytest.mark")[0]  # a mark that this run of pytest need not know
    exec(compile(before, "test_audit.py", "exec"), found)
    return found["adapter"]


def test_other_names_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "def conv1d_backward_weight(x, w_shape, dy, strides=(1,), pad=0, dilate=(1,), group=1):\n"
        "    return right(x, w_shape, dy, strides, ((pad, pad),), dilate, group)\n"
    )
    text = written(tmp_path, source, "conv1d_backward_weight")
    assert '@pytest.mark.rot180(layer="conv1d", wrt="weight", supports=supported)' in text
    assert "        x=input,\n        w_shape=weight_size,\n        dy=grad_output,\n" in text
    assert "pad=padding[0][0]," in text and "strides=stride," in text and "group=groups," in text
    assert "return call.symmetric and call.uniform" in text
    found = adapter(text, tmp_path, monkeypatch)
    given: dict[str, Any] = {"stride": (2,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}
    case: dict[str, Any] = {
        "input": np.arange(5.0).reshape(1, 1, 5),
        "weight_size": (1, 1, 2),
        "grad_output": np.ones((1, 1, 3)),
    }
    assert (found(**case, **given) == conv1d_weight(**case, **given)).all()
    with pytest.raises(NotImplementedError, match="both ends"):
        found(**case, **given | {"padding": ((1, 0),)})
    assert function_target(found).lacks(given) == ""


def test_what_a_function_takes_decides_how_it_is_called(tmp_path: Path) -> None:
    source = (
        "def conv2d_input(input_size, weight, grad_output, stride: int = 1,\n"
        "                 padding=((0, 0), (0, 0)), eps=0.1):\n    pass\n"
    )
    text = written(tmp_path, source, "conv2d_input")
    assert "stride=stride[0]," in text and "padding=padding," in text and "eps" not in text
    assert 'NotImplementedError("stride: one number for all axes")' in text
    assert 'return call.uniform and call.without("dilation", "groups")' in text
    source = "def conv2d_bias(dy: 'torch.Tensor'):\n    pass\n"
    text = written(tmp_path, source, "conv2d_bias")
    assert "dy=torch.from_numpy(np.array(grad_output))," in text and "import torch" in text
    assert '(layer="conv2d", wrt="bias")' in text
    source = "def my_layer(x, w, y_shape):\n    pass\n"
    text = written(tmp_path, source, "my_layer", "y[p] = sum[k] x[p+k] * w[k]", "")
    assert 'layer="y[p] = sum[k] x[p+k] * w[k]", wrt=""' in text


@pytest.mark.parametrize(
    "source, name, said",
    [
        ("def smooth(x): pass", "smooth", "--layer: found no layer's name in 'smooth'"),
        ("def conv1d_back(dy): pass", "conv1d_back", "expected --wrt with one of input, weight"),
        (
            "def conv1d_weight(input, weight_size, grad_output, tune): pass",
            "conv1d_weight",
            "found the parameter 'tune', expected one of input, grad_output",
        ),
        (
            "def conv1d_weight(weight_size, grad_output): pass",
            "conv1d_weight",
            "found no parameter for input",
        ),
        ("conv1d_weight = print", "nothing", "found no 'nothing'"),
        ("conv1d_any = type('C', (), {'__call__': max})()", "conv1d_any", "does not say its"),
    ],
)
def test_a_signature_that_says_too_little(
    tmp_path: Path, source: str, name: str, said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        written(tmp_path, source + "\n", name)
    assert said in str(caught.value)


def test_the_command_writes_a_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "def conv1d_input(input_size, weight, grad_output):\n    pass\n"
    Path("mine.py").write_text(source)
    assert main(["audit", "--init", "mine.py:conv1d_input"]) == 0
    assert "test_audit_conv1d_input.py" in capsys.readouterr().out
    before = Path("test_audit_conv1d_input.py").read_text()
    assert main(["audit", "--init", "mine.py:conv1d_input"]) == 2
    assert "expected no such file" in capsys.readouterr().err
    assert Path("test_audit_conv1d_input.py").read_text() == before
    assert main(["audit", "--init", "mine.py:conv1d_input", "--output", "other.py"]) == 0
    assert Path("other.py").read_text() == before
    assert main(["audit", "--init", "torch"]) == 2
    assert "expected module:function" in capsys.readouterr().err
    assert main(["audit", "mine.py:conv1d_input"]) == 2
    assert "--layer: found nothing" in capsys.readouterr().err


def test_modules_of_the_current_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `python -m` finds them: the installed command has no such folder on its path."""
    from rot180.codegen.audit.questions import question
    from rot180.codegen.cli.audit import find_modules_here

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [p for p in sys.path if p != str(tmp_path)])
    Path("only_here.py").write_text("def f(x):\n    return x\n")
    with pytest.raises(ValueError, match="only_here"):
        target("only_here:f", question("y[p] = 2 * x[p]"))
    find_modules_here()
    assert target("only_here:f", question("y[p] = 2 * x[p]")).takes == frozenset({"x"})
