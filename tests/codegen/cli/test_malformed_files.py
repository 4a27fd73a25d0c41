"""Files that are not what they should be: one message that names the file, exit code 2."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.cli.arrays import decode
from rot180.codegen.cli.main import main
from rot180.codegen.system import files
from rot180.derive import checker

HONEST = (files.generated_folder() / files.CERTIFICATES / "dense_input.json").read_text()
DATA = json.loads(HONEST)
DEEP = 100_000


def with_rule(rule: object) -> str:
    data = json.loads(HONEST)
    data["steps"][0]["rule"] = rule
    return json.dumps(data)


CERTIFICATES: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "not JSON"),
    "a null byte": ("\0", "not JSON"),
    "null": ("null", "expected an object"),
    "a list": (f"[{HONEST}]", "expected an object"),
    "lists in lists": ("[" * DEEP, "nested too deeply"),
    "closed lists in lists": ("[" * DEEP + "]" * DEEP, "nested too deeply"),
    "objects in objects": ('{"a":' * DEEP + "1" + "}" * DEEP, "nested too deeply"),
    "a mark at the beginning": ("\ufeff" + HONEST, "BOM"),
    "not UTF-8": (b'"\xff"', "byte 1 not to be UTF-8"),
    "UTF-16": (HONEST.encode("utf-16"), "UTF-8"),
    "NaN": (HONEST.replace(": 1,", ": NaN,", 1), "found the number 'NaN'"),
    "a fraction": (HONEST.replace(": 1,", ": 1.0,", 1), "found the number '1.0'"),
    "beyond floats": (HONEST.replace(": 1,", ": 1e999,", 1), "found the number '1e999'"),
    "5000 digits": (HONEST.replace(": 1,", f": {'1' * 5000},", 1), "thousands of digits"),
    "4000 digits": (HONEST.replace(": 1,", f": {'1' * 4000},", 1), "expected 1"),
    "a key twice": (HONEST.replace(": 1,", ": 1, \"format\": 1,", 1), "the key 'format' twice"),
    "a proof twice": (f'{{"proofs": {{"a": 1, "a": {HONEST}}}}}', "the key 'a' twice"),
    "no proofs": ('{"proofs": {}}', "proofs: found none"),
    "a proof of null": ('{"proofs": {"a": null}}', ", a: certificate: found 'None'"),
    "proofs in a list": ('{"proofs": []}', "missing format"),
    "statements in a list": (f'{{"proofs": {{"a": {HONEST}}}, "statements": []}}', "no object"),
    "a statement of 1": (f'{{"certificate": {HONEST}, "statement": 1}}', "found no text"),
    "half a pair": (HONEST.replace("dense", "\\ud800dense", 1), "half of a surrogate pair"),
    "a list for a rule": (with_rule([]), "rule: found '[]'"),
    "an object for a rule": (with_rule({}), "rule: found '{}'"),
    "a long rule": (with_rule("x" * 10**6), "rule: found 'xxx"),
}


@pytest.mark.parametrize("what", CERTIFICATES)
def test_what_is_no_certificate(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader and the checker refuse it alike."""
    content, said = CERTIFICATES[what]
    path = tmp_path / "c.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["verify", str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"rot180: {path}")
    assert said in message
    assert len(message) < 1000
    if "statement" not in what:
        # the checker ignores whatever is beside the proofs
        assert checker.main([str(path)]) == 2
        assert capsys.readouterr().out.startswith(f"{path} is not a certificate: ")


def header(shape: str = "(3,)", descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


ARRAYS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no array of numbers"),
    "745 GiB": (header("(100000000000,)"), "0 bytes of data, expected the 800000000000"),
    "2^70 entries": (header(f"({2**70},)"), "0 bytes of data"),
    "entries of no size": (header(f"(0, {2**70})"), "expected sizes of at most"),
    "a negative size": (header("(-1,)"), "the shape (-1,)"),
    "two negative sizes": (header("(-1, -3)") + bytes(24), "the shape (-1, -3)"),
    "a size of True": (header("(True,)") + bytes(8), "the shape (True,)"),
    "a size of 1.0": (header("(1.0,)") + bytes(8), "the shape (1.0,)"),
    "70 axes": (header(f"({'1,' * 70})") + bytes(8), "at most 32 sizes"),
    "too short": (saved(np.arange(6))[:-5], "43 bytes of data, expected the 48"),
    "too long": (saved(np.arange(6)) + b"junk", "52 bytes of data, expected the 48"),
    "half a header": (saved(np.arange(6))[:40], "a header of 118 bytes"),
    "a header of 4 GiB": (b"\x93NUMPY\x02\x00" + b"\xff" * 4, "a header of 4294967295 bytes"),
    "a header in a header": (header("(" * 5000), "a malformed header"),
    "an expression": (header("(3,)+(1,)"), "a malformed header"),
    "5000 digits": (header(f"({'1' * 5000},)"), "a malformed header"),
    "another version": (header()[:6] + b"\x09\x09", "the version 9.9"),
    "a long double": (saved(np.zeros(3, np.longdouble)), "the dtype '<f16'"),
    "complex": (saved(np.zeros(3, complex)), "the dtype '<c16'"),
    "complex256": (saved(np.zeros(3, np.clongdouble)), "the dtype '<c32'"),
    "objects": (saved(np.array([None])), "the dtype '|O'"),
    "records": (saved(np.zeros(3, [("a", "f8")])), "the dtype [('a', '<f8')]"),
    "arrays in an array": (header(descr="('<f8', (10**5, 10**5))"), "a malformed header"),
    "text": (saved(np.array(["a"])), "the dtype '<U1'"),
    "text of 10^12 letters": (header(descr="'<U999999999999'"), "the dtype '<U999999999999'"),
    "booleans": (saved(np.array([True])), "the dtype '|b1'"),
    "times": (saved(np.zeros(1, "M8[s]")), "the dtype '<M8[s]'"),
    "no archive": (b"PK\x03\x04", "several arrays"),
    "a pickle": (b"\x80\x04.", "no array of numbers"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_what_is_no_array(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is allocated that the file does not hold."""
    content, said = ARRAYS[what]
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    out = tmp_path / "out"
    assert main(["derive", "y[i] = 3*x[i]", "-o", str(out), "--example", str(path)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"rot180: {path}: found ")
    assert said in message
    assert "; save the array again" in message or "; convert it" in message
    assert not out.exists()


@pytest.mark.parametrize("dtype", ["i1", "u8", ">f8", "f4", "f2", ">i2"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_an_array(dtype: str, version: tuple[int, int], order: Any) -> None:
    """It is what NumPy reads."""
    for shape in ((), (0,), (4,), (2, 3), (2, 0, 3), (3, 2, 2)):
        array = np.asarray(np.arange(np.prod(shape)).reshape(shape), dtype, order)
        file = io.BytesIO()
        np.lib.format.write_array(file, array, version)
        found = decode(file.getvalue(), "x.npy")
        assert found.dtype == array.dtype
        assert found.shape == shape
        assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("text", "entries", "said"),
    [
        ("y[i] = log(x[i])", [0.0, -1.0], "the value of log at 0.0"),
        ("y[i] = exp(x[i])", [1e9], "the value of exp at 1000000000.0"),
        ("y[i] = x[i]*x[i]*x[i]", [1e300, 0.3], ""),
        ("y[i] = 3*x[i]", [2**64 - 1], ""),
    ],
)
def test_values_that_no_float_holds(
    text: str,
    entries: list[float],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are refused by name, or written out exactly."""
    np.save(tmp_path / "x.npy", np.array(entries))
    command = ["derive", text, "--format", "tex", "--example", str(tmp_path / "x.npy")]
    assert main([*command, "-o", str(tmp_path / "out")]) == (2 if said else 0)
    assert said in capsys.readouterr().err


SYMBOLS: dict[str, tuple[bytes, str]] = {
    "nested lists": (b"x=" + b"[" * 9000, "nested too deeply"),
    "nested tables": (b"tensors.x=" + b"{a=" * 6000, "nested too deeply"),
    "a long key": (b"a" + b".a" * 9000 + b"=1", "more than 100 dots"),
    "a long file": (b"#" * 30_000, "30000 characters"),
    "not UTF-8": (b"\xff", "byte 0 not to be UTF-8"),
    "a null byte": (b"\0", "not TOML"),
    "5000 digits": (b"loss=" + b"1" * 5000, "not TOML"),
    "half a pair": (b'loss="\\ud800"', "not TOML"),
    "a key twice": (b'loss="a"\nloss="b"', "not TOML"),
    "nan": (b"loss=nan", "loss: found nan"),
    "a date": (b"loss=1979-05-27", "loss: found datetime"),
    "a list": (b"tensors=[]", "tensors: found []"),
    "a list for a base": (b'base=["x"]', "base: found"),
}


@pytest.mark.parametrize("what", SYMBOLS)
def test_what_is_no_table_of_symbols(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, said = SYMBOLS[what]
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    assert main(["show", "dense_input", "--notation", str(path)]) == 2
    message = capsys.readouterr().err
    assert str(path) in message
    assert said in message
    assert len(message) < 1000


def test_a_mark_at_the_beginning_of_a_table_of_symbols(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfsubscripts = true")
    assert main(["show", "dense_input", "--notation", str(path)]) == 0


def test_a_proof_script_that_is_not_utf8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, script = tmp_path / "c.json", tmp_path / "c.v"
    certificate.write_text(HONEST)
    script.write_bytes(b"Qed. \xff")
    if shutil.which("coqc") is None:
        pytest.skip("no coqc")
    assert main(["verify", str(certificate), "--script", str(script)]) == 2
    assert f"rot180: {script}: found byte 5 not to be UTF-8" in capsys.readouterr().err


def test_no_traceback_is_printed(tmp_path: Path) -> None:
    """As a program, with the recursion limit and the streams of a program."""
    path = tmp_path / "c.json"
    path.write_text("[" * DEEP)
    command = [sys.executable, "-m", "rot180.codegen.cli", "verify", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.count("\n") == 1
