"""Instructions per multiply-add on 64-bit Arm, counted by QEMU: the baseline beside NEON.

    python -m benchmarks.arm_instructions

It compiles the C contraction for Arm, and counts what calls execute: three calls less one. A count
is no time: how many instructions a processor executes in a cycle depends on it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
LIBRARIES = "/usr/aarch64-linux-gnu"
PRODUCTS = (
    "1 x 1, 64 to 64 channels, 28 x 28",
    "3 x 3, 32 to 32 channels, 28 x 28",
    "the same, gradient of the weight",
    "3 x 3, depthwise, 32 channels, 28 x 28",
    '3 x 3, 32 to 32 channels, accuracy="fast"',
)
"""What arm_products.c computes, by number."""

ISAS, TYPES, CALLS = ("baseline", "neon"), {"float32": 4, "float64": 8}, (1, 3)


def build(folder: Path) -> None:
    """Compile the products for Arm, and the plugin that counts for this machine.

    Raises:
        RuntimeError: a program is missing or refuses a source.

    """
    version = re.search(r"version (\d+)", _run([EMULATOR, "--version"]).stdout)
    api = 1 if version and int(version[1]) < 9 else 2
    arm = [COMPILER, "-O2", "-pthread", f"-I{HERE.parent / 'generated'}"]
    _run([*arm, str(HERE / "arm_products.c"), "-lm", "-o", str(folder / "products")])
    plugin = ["gcc", "-O2", "-shared", "-fPIC", f"-DPLUGIN_VERSION={api}"]
    _run([*plugin, str(HERE / "arm_count.c"), "-o", str(folder / "count.so")])


def count(folder: Path, product: int, isa: int, itemsize: int) -> tuple[float, str]:
    """Return the instructions per multiply-add of a product, and the sum of its outputs.

    Args:
        folder: where `build` wrote.
        product: its number.
        isa: the number of the instruction set.
        itemsize: 4: float32, 8: float64.

    Raises:
        RuntimeError: QEMU is missing, failed or counted nothing.

    """
    found, work, total = [], 1, ""
    for calls in CALLS:
        plugin = ["-plugin", str(folder / "count.so")]
        given = [str(n) for n in (product, isa, itemsize, calls)]
        ran = _run([EMULATOR, "-L", LIBRARIES, *plugin, str(folder / "products"), *given])
        executed = re.search(r"instructions (\d+)", ran.stderr)
        if not executed:
            raise RuntimeError(f"{EMULATOR} counted nothing:\n{ran.stderr}")
        found.append(int(executed[1]))
        work, total = int(ran.stdout.split()[0]), ran.stdout.split()[1]
    return (found[1] - found[0]) / (CALLS[1] - CALLS[0]) / work, total


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise RuntimeError(
            f"{command[0]} is missing; on Debian and Ubuntu: "
            "apt-get install gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
        ) from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{command[0]} failed:\n{error.stderr}") from None


def main(arguments: list[str] | None = None) -> int:
    """Print a table; return the exit code: 1 if results of the two sets differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.parse_args(arguments)
    same = True
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        print("| product | type | baseline | NEON |\n|---|---|---|---|")
        for number, name in enumerate(PRODUCTS):
            for dtype, itemsize in TYPES.items():
                counts, totals = zip(
                    *(count(Path(folder), number, isa, itemsize) for isa in range(len(ISAS))),
                    strict=True,
                )
                # outputs are exact but for Winograd's form
                same = same and ("fast" in name or len(set(totals)) == 1)
                cells = " | ".join(f"{n:.3f}" for n in counts)
                print(f"| {name} | {dtype} | {cells} |", flush=True)
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
