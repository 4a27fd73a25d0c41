"""Worked examples: numbers against plain loops, text against the numbers, malformed input."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen.cli.main import main
from rot180.codegen.documents.matrices import matrix, number, sum_rows
from rot180.codegen.documents.model import TEXT_WIDTH
from rot180.codegen.documents.worked_example import ENTRIES, Worked, section, worked
from rot180.derive import layer
from rot180.derive.display.notations import NIELSEN
from rot180.derive.display.width import width
from rot180.derive.semantics.model import EvaluationError

Array = NDArray[Any]
GENERAL = "y[p,q] = sum[k,l] x[s*p+d*k-a, s*q+d*l-a] * w[k,l]"
PLAIN = "y[p,q] = sum[k,l] x[p+k,q+l] * w[k,l]"
X = np.arange(1, 26).reshape(5, 5)
W = np.array([[1, 0, -1]] * 3)


def forward(x: Array, w: Array, s: int, d: int, a: int, size: tuple[int, int]) -> Array:
    """Correlate by plain loops."""
    y = np.zeros(size, np.int64)
    for p, q in np.ndindex(*size):
        for k, j in np.ndindex(*w.shape):
            row, column = s * p + d * k - a, s * q + d * j - a
            if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
                y[p, q] += x[row, column] * w[k, j]
    return y


def backward(x: Array, w: Array, g: Array, s: int, d: int, a: int) -> tuple[Array, Array]:
    """Scatter each product of the forward pass back, by plain loops."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for p, q in np.ndindex(*g.shape):
        for k, j in np.ndindex(*w.shape):
            row, column = s * p + d * k - a, s * q + d * j - a
            if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
                dx[row, column] += g[p, q] * w[k, j]
                dw[k, j] += g[p, q] * x[row, column]
    return dx, dw


def by_title(found: list[Worked], ending: str) -> Worked:
    (one,) = (w for w in found if w.title.rstrip("$").endswith(ending))
    return one


def chains(rows: tuple[str, ...]) -> list[str]:
    """Join the rows of each entry again."""
    out: list[str] = []
    for row in rows:
        head, _, rest = row.partition("&")
        if head.strip():
            out.append("")
        out[-1] += head + rest.replace("\\qquad {}", "").replace("\\qquad", "")
    return out


def value(text: str) -> Fraction:
    """Compute a written-out sum of products of integers."""
    assert re.fullmatch(r"(?:[-+]|\d|\s|\(|\)|\\cdot)+", text), text
    out: Any = eval(text.replace("\\cdot", "*"))
    return Fraction(out)


def test_the_feature_map_of_the_note() -> None:
    """The numbers from 1 to 25 with the edge filter give -6 nine times."""
    one = by_title(worked(layer(PLAIN), {"x": X, "w": W}, {}), "forward pass")
    assert one.result.tolist() == [[-6] * 3] * 3
    first = chains(one.numbers)[0]
    assert first.startswith("y[0, 0] = x[0, 0]\\,w[0, 0] + x[0, 1]\\,w[0, 1]")
    assert first.endswith("= 1 + 0 - 3 + 6 + 0 - 8 + 11 + 0 - 13 = -6")
    assert one.shown == (
        "y &= \\begin{pmatrix} -6 & -6 & -6 \\\\ -6 & -6 & -6 \\\\ -6 & -6 & -6 \\end{pmatrix}",
    )


@pytest.mark.parametrize(
    ("s", "d", "a"), [(1, 1, 0), (2, 1, 0), (2, 1, 1), (1, 2, 2), (3, 1, 1), (2, 2, -1)]
)
def test_gradients_are_those_of_plain_loops(s: int, d: int, a: int) -> None:
    """Stride, dilation, padding and a remainder, through the theorem's named form."""
    rng = np.random.default_rng([s, d, a + 1])
    x, w = rng.integers(-5, 6, (6, 7)), rng.integers(-5, 6, (3, 2))
    high, wide = ((n + 2 * a - d * (k - 1) - 1) // s + 1 for n, k in ((6, 3), (7, 2)))
    size = (high, wide)
    g = rng.integers(-5, 6, size)
    found = worked(layer(GENERAL), {"x": x, "w": w, "grad_y": g}, {"s": s, "d": d, "a": a})
    dx, dw = backward(x, w, g, s, d, a)
    assert np.array_equal(by_title(found, "forward pass").result, forward(x, w, s, d, a, size))
    assert np.array_equal(by_title(found, "partial x").result, dx)
    assert np.array_equal(by_title(found, "partial w").result, dw)


def test_every_equals_sign_holds() -> None:
    """Each sum that is written in numbers has the value at its end."""
    for one in worked(layer(GENERAL), {"x": X, "w": W}, {"s": 2, "d": 1, "a": 1}):
        for n, chain in enumerate(chains(one.numbers)):
            stages = [s for s in re.split(r"\s*= ", chain)[1:] if "[" not in s]
            assert len({value(s) for s in stages}) == 1
            at = np.unravel_index(n, one.result.shape)
            assert value(stages[-1]) == one.result[at]


def test_stuffed_zeros_and_the_rotated_filter_are_shown() -> None:
    """With stride 2 the gradient's operands are the dilated gradient and the rotated filter."""
    g, w = np.array([[1, 2], [3, 4]]), np.arange(9).reshape(3, 3)
    found = worked(layer(GENERAL), {"x": X, "w": w, "grad_y": g}, {"s": 2})
    operands = by_title(found, "partial x").operands
    zeros = "\\begin{pmatrix} 1 & 0 & 2 \\\\ 0 & 0 & 0 \\\\ 3 & 0 & 4 \\end{pmatrix}"
    rotated = "\\begin{pmatrix} 8 & 7 & 6 \\\\ 5 & 4 & 3 \\\\ 2 & 1 & 0 \\end{pmatrix}"
    assert f"D_{{s, s}} g &= {zeros}" in operands
    assert f"\\operatorname{{rot180}}(w) &= {rotated}" in operands


def test_the_dense_layer_is_written_out_in_symbols() -> None:
    """dX_1 = dZ_1 w_11 + dZ_2 w_12, for one row and two columns; indices start at 0."""
    x, w, g = np.array([[1, 2]]), np.array([[3, 4], [5, 6]]), np.array([[7, 8]])
    found = worked(
        layer("z[n,o] = sum[c] x[n,c] * w[c,o]"), {"x": x, "w": w, "grad_z": g}, {}
    )
    one = by_title(found, "partial x")
    first, second = chains(one.numbers)
    assert "= g[0, 0]\\,w[0, 0] + g[0, 1]\\,w[0, 1] = 7 \\cdot 3 + 8 \\cdot 4" in first
    assert "= g[0, 0]\\,w[1, 0] + g[0, 1]\\,w[1, 1] = 7 \\cdot 5 + 8 \\cdot 6" in second
    assert one.result.tolist() == (g @ w.T).tolist()
    assert by_title(found, "partial w").result.tolist() == (x.T @ g).tolist()


def test_other_layers() -> None:
    """A bias that is not given is 0, floats stay exact inside, a transposed layer has a size."""
    x, w = np.arange(18).reshape(1, 2, 3, 3) / 10, np.ones((1, 2, 2, 2))
    found = worked(layer("conv2d"), {"x": x, "w": w}, {"lo": 1, "lp": 1})
    y = by_title(found, "forward pass").result
    assert y.shape == (1, 1, 4, 4)
    assert y[0, 0, 1, 1] == pytest.approx(x[0, :, :2, :2].sum())
    assert "\\mathit{bias} = 0" in found[0].remark
    up = worked(layer("y[h] = sum[p,k] x[p]*w[k]*[h == 2*p + k]"),
                {"x": np.array([1, 2]), "w": np.array([1, 3])}, {})  # fmt: skip
    assert by_title(up, "forward pass").result.tolist() == [1, 3, 2, 6]
    relu = worked(layer("y[p] = sum[k] relu(x[p+k]) * w[k]"),
                  {"x": np.array([-1, 2, 3]), "w": np.array([1, 5]), "grad_y": np.array([1, 1])},
                  {})  # fmt: skip
    assert by_title(relu, "forward pass").result.tolist() == [10, 17]
    assert by_title(relu, "partial x").result.tolist() == [0, 6, 5]


def test_what_is_left_out_is_said_and_rows_fit() -> None:
    """Many entries and long sums are cut, in either notation, and no row leaves the page."""
    x, w = np.arange(200).reshape(1, 8, 5, 5), np.arange(144).reshape(2, 8, 3, 3) / 7
    for one in worked(layer("conv2d"), {"x": x, "w": w}, {}, NIELSEN):
        for row in (*one.formula, *one.numbers):
            assert width(row.replace("&", "")) < TEXT_WIDTH
        if one.result.size > ENTRIES:
            assert f"{one.result.size - ENTRIES} more entries" in one.remark
    assert "more products" in by_title(worked(layer("conv2d"), {"x": x, "w": w}, {}), "pass").remark
    blocks = section(worked(layer(PLAIN), {"x": X, "w": W}, {})).blocks
    assert len(blocks) > 10


@pytest.mark.parametrize(
    ("arrays", "parameters", "said"),
    [
        ({"x": X}, {}, "found no array that has K, L, P, Q, expected one"),
        ({"x": X, "v": W}, {}, "found 'v', expected one of x, w, grad_y"),
        ({"x": X, "w": W[0]}, {}, r"w: found 1 axes, expected 2: \[K, L\]"),
        ({"x": X, "w": W, "grad_y": W[:2]}, {"P": 3}, "axis 0: found the size 2, expected P = 3"),
        ({"x": X, "w": W}, {"t": 2}, "parameters: found 't', expected one of s, d, a, H"),
        ({"x": X, "w": W}, {"s": 1.5}, "s: found 1.5, expected an integer"),
        ({"x": X, "w": W}, {"P": -1}, "expected sizes of 0 or more"),
        ({"x": X * 1j, "w": W}, {}, "x: found the dtype complex128, expected integers or floats"),
        ({"x": X * np.inf, "w": W}, {}, "x: found an entry that is not finite"),
        ({"x": np.zeros((50, 50)), "w": W}, {}, "found 2500 entries, expected at most 1000"),
    ],
)
def test_malformed_input(arrays: dict[str, Array], parameters: dict[str, Any], said: str) -> None:
    """Every refusal names the argument, what was found and what was expected."""
    with pytest.raises(ValueError, match=said):
        worked(layer(GENERAL), arrays, parameters)


def test_a_function_that_is_only_a_name_has_no_numbers() -> None:
    """A layer of an unknown function is refused, the known ones are listed."""
    with pytest.raises(EvaluationError, match=r"sigma: found a function without values.*relu"):
        worked(
            layer("sigma: function; y[p] = sum[k] sigma(x[p+k]) * w[k]"),
            {"x": X[0], "w": W[0]},
            {},
        )


def test_numbers() -> None:
    """Numbers, matrices with dots and sums with signs."""
    assert number(Fraction(-1, 3)) == "-\\tfrac{1}{3}"
    assert number(Fraction(0.1)) == "0.1"
    assert "\\cdots" in matrix(np.arange(40))
    assert matrix(np.zeros((0, 2))) == "\\emptyset"
    assert sum_rows(["-1", "2", "-3"], 1000) == ["-1 + 2 - 3"]
    assert sum_rows([], 10) == ["0"]
    assert len(sum_rows(["12345"] * 20, 100)) > 5
    with pytest.raises(ValueError, match="found 3 axes"):
        matrix(np.zeros((1, 1, 1)))


def save(folder: Path, **arrays: Array) -> list[str]:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return [str(folder / f"{name}.npy") for name in arrays]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Arrays in order or by name, parameters by --set, the section in proof.tex."""
    x, w = save(tmp_path, x=X, w=W)
    command = ["derive", GENERAL, "--format", "tex", "-o", str(tmp_path / "out")]
    assert main([*command, "--example", x, w, "--set", "s=2", "a=0"]) == 0
    text = (tmp_path / "out" / "proof.tex").read_text(encoding="utf-8")
    assert "A worked example" in text
    assert "1 + 0 - 3 + 6 + 0 - 8 + 11 + 0 - 13 = -6" in text
    assert main([*command, "--example", f"w={w}", x, "--wrt", "x"]) == 0
    capsys.readouterr()
    for extra, said in (
        (["--example", x, w, x], "expected at most one array for each of x, w"),
        (["--example", x, f"x={x}"], "found x twice"),
        (["--set", "s=2"], "found no --example"),
        (["--example", x, w, "--set", "s"], "found 's', expected NAME=VALUE"),
        (["--example", str(tmp_path / "none.npy"), w], "--example: found"),
    ):
        assert main([*command, *extra]) == 2
        assert said in capsys.readouterr().err


def test_files_that_are_no_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text, objects and archives are refused; nothing is unpickled or written."""
    text, objects, archive = (tmp_path / name for name in ("a.npy", "b.npy", "c.npz"))
    text.write_text("no array")
    np.save(objects, np.array([{}], object), allow_pickle=True)
    np.savez(archive, x=X)
    found = ((text, "no array"), (objects, "the dtype '|O'"), (archive, "several arrays"))
    for path, said in found:
        folder = tmp_path / "out"
        assert main(["derive", PLAIN, "-o", str(folder), "--example", str(path)]) == 2
        assert f"{path}: found {said}" in capsys.readouterr().err
        assert not folder.exists()
