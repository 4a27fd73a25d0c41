"""The number of instructions of small calls, counted by callgrind, also on a busy machine.

    python -m benchmarks.instructions             count, and compare with instructions.json
    python -m benchmarks.instructions --update    count, and rewrite instructions.json

One process makes a call many times, another makes none; the difference is the cost of the calls.
The exit code is 1 if a call takes over 10 % more instructions than instructions.json says.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
TOLERANCE = 1.1
REPEATS = 20000
ARRAYS = """
import sys
import numpy as np
from rot180.generated import cython_kernels as k

def ones(*shape):
    return np.ones(shape, "float32")

x, w, g = ones(1, 1, 5, 5), ones(1, 1, 3, 3), ones(1, 1, 3, 3)
a, b, c = ones(4, 8), ones(5, 8), ones(5)
"""
CALLS = {
    "conv2d 5x5 * 3x3": "k.conv2d(x, w)",
    "conv2d 5x5 * 3x3, padding 1": "k.conv2d(x, w, padding=1)",
    "conv2d 5x5 * 3x3, tuples": "k.conv2d(x, w, None, (1, 1), (1, 1), (1, 1))",
    "conv2d_input": "k.conv2d_input((1, 1, 5, 5), w, g)",
    "conv2d_weight": "k.conv2d_weight(x, (1, 1, 3, 3), g)",
    "conv2d_bias": "k.conv2d_bias(g)",
    "linear 4x8 to 5": "k.linear(a, b, c)",
}


def instructions(call: str) -> int:
    """Return the number of instructions of a process that makes a call many times.

    Raises:
        RuntimeError: valgrind is missing or failed.

    """
    program = f"{ARRAYS}\nfor _ in range({REPEATS}):\n    {call}\n"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            sys.executable,
            "-c",
            program,
        ]
        # The same instruction set and the same hash seed on every machine.
        fixed = {"ROT180_ISA": "avx2", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        try:
            done = subprocess.run(
                command, env={**os.environ, **fixed}, capture_output=True, text=True, check=True
            )
        except FileNotFoundError:
            raise RuntimeError("valgrind is missing") from None
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"valgrind failed:\n{error.stderr}") from None
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found:
        raise RuntimeError(f"valgrind counted nothing:\n{done.stderr}")
    return int(found[1])


def main(arguments: list[str] | None = None) -> int:
    """Count, print and compare; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--update", action="store_true", help=f"write {FILE.name}")
    update = parser.parse_args(arguments).update
    expected = {} if update else json.loads(FILE.read_text())
    counts, more_than_expected, startup = {}, False, instructions("pass")
    for name, call in CALLS.items():
        counts[name] = round((instructions(call) - startup) / REPEATS)
        line = f"{name:30}{counts[name]:8}"
        if name in expected:
            more = counts[name] > TOLERANCE * expected[name]
            more_than_expected = more_than_expected or more
            line += f"{expected[name]:8}{'  MORE' if more else ''}"
        print(line, flush=True)
    if update:
        FILE.write_text(json.dumps(counts, indent=1) + "\n")
    return int(more_than_expected)


if __name__ == "__main__":
    sys.exit(main())
