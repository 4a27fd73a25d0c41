"""Run drawn sums and layers under AddressSanitizer and UBSan: python tests/support/sanitize.py.

Needs gcc with libasan and libubsan. Exit code 1: a sanitizer found a fault, or a sum was wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.c_library import compile_library  # noqa: E402

RUNS = (
    ("contraction_harness.py", "heap", 600),
    ("contraction_harness.py", "far", 2000),
    ("winograd_harness.py", "heap", 60),
)
CONTRACT = ("contraction_contract.py", "heap", 97)
"""Every 97th case of the contraction's contract."""

OPTIONS = (
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)


def runtime(name: str) -> str:
    """Return the path of a sanitizer's library.

    Raises:
        FileNotFoundError: gcc has none

    """
    command = ["gcc", f"-print-file-name={name}"]
    path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(path).is_absolute():
        raise FileNotFoundError(f"gcc has no {name}")
    return str(Path(path).resolve())


def main() -> int:
    """Compile with both sanitizers, run, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        header = ROOT / "generated"
        library = compile_library(Path(folder), header, OPTIONS)
        contract = compile_library(Path(folder), header, OPTIONS, "contraction_contract")
        environment = {
            **os.environ,
            "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        for harness, memory, stop in (*RUNS, CONTRACT):
            loaded = contract if harness == CONTRACT[0] else library
            program = [sys.executable, str(HERE / harness), str(loaded), memory, "0", str(stop)]
            ran = subprocess.run(program, env=environment, check=False)
            if ran.returncode:
                print(f"{harness}, {memory}: exit code {ran.returncode}", file=sys.stderr)
                return 1
            print(f"{harness}, {memory}: 0 to {stop}, no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
