"""Fuzz every kind of input for some time, guided by coverage: python -m tests.fuzz --seconds 60.

Needs `pip install "rot180[fuzz]"`. The time is shared among the targets; the inputs begin with
tests/fuzz/corpus. An input that fails is kept; to see why: python -m tests.fuzz TARGET FILE, which
needs no fuzzer. Exit code 1: an input failed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 8000
"""The longest input, in bytes; readers have limits of their own, which tests try."""

SLOWEST = 30
"""How many seconds one input may take."""

MEGABYTES = 4000


def fuzz(name: str, seconds: int, found: Path, seed: int) -> bool:
    """Fuzz one target, print a line, and say whether no input failed.

    Args:
        name: the target.
        seconds: for how long.
        found: where to keep inputs that fail.
        seed: libFuzzer's; 0 for another one each time.

    """
    own = found / name
    own.mkdir(parents=True, exist_ok=True)
    before = {*own.iterdir()}
    with tempfile.TemporaryDirectory() as new:
        command = [sys.executable, "-m", "tests.fuzz.one_target", name, new, str(CORPUS / name)]
        command += [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}"]
        command += [f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={own}/", f"-seed={seed}"]
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    failed = sorted({*own.iterdir()} - before)
    ok = not (ran.returncode or failed)
    print(f"{name}: {summary(ran.stderr)}, {len(failed)} inputs failed", flush=True)
    if not ok:
        print(*ran.stderr.splitlines()[-60:], sep="\n")
    for path in failed:
        print(f"to see why: python -m tests.fuzz {name} {path}", flush=True)
    return ok


def summary(log: str) -> str:
    """Return the numbers of libFuzzer's last line."""
    runs, edges, features = "0", "0", "0"
    for line in re.finditer(r"^#(\d+)\s.*? cov: (\d+) ft: (\d+)", log, re.MULTILINE):
        runs, edges, features = line.groups()
    return f"{runs} executions, {edges} edges, {features} features"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, or run one target on files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=TARGETS, help="default: all of them")
    parser.add_argument("file", nargs="*", type=Path, help="run the target on these files alone")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--found", type=Path, default=Path("out/fuzz"), help="for failing inputs")
    parser.add_argument("--seed", type=int, default=0, help="default: another one each time")
    given = parser.parse_args(arguments)
    for path in given.file:
        TARGETS[given.target](path.read_bytes())
        print(f"{path}: no fault")
    if given.file:
        return 0
    if find_spec("atheris") is None:
        print('atheris is missing: pip install "rot180[fuzz]"', file=sys.stderr)
        return 2
    names, begin = [given.target] if given.target else [*TARGETS], time.monotonic()
    each = max(1, given.seconds // len(names))
    good = [fuzz(name, each, given.found, given.seed) for name in names]
    print(f"{good.count(True)} of {len(names)} targets without a fault", end=" ")
    print(f"in {time.monotonic() - begin:.0f} s")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
