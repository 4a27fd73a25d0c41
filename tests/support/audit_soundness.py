"""Audits of kernels that are right: none may fail, and the bounds must be tight.

`python -m tests.support.audit_soundness --count 5000` judges rot180's own kernels, on NumPy and
compiled, and PyTorch's where it is installed, at drawn configurations, in drawn dtypes and numbers
of threads. It says how many fail (none may), and how many would fail if the bounds were halved.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
from collections import Counter
from functools import cache

from rot180.codegen.audit.cases import Choice, Configuration
from rot180.codegen.audit.judge import Judge
from rot180.codegen.audit.questions import Question, question
from rot180.codegen.audit.targets import JudgedFunction, UnsupportedCallError, target
from rot180.codegen.audit.tolerance import Precision

LAYERS = tuple(
    (name, wrt)
    for name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "linear")
    for wrt in ("", "input", "weight", "bias")
)


@cache
def pool(name: str, wrt: str, seed: int) -> tuple[Question, tuple[Configuration, ...]]:
    """Return a question and drawn configurations."""
    asked = question(name, wrt)
    return asked, tuple(Choice(asked, seed).pool)


def own(module: str, name: str, wrt: str) -> JudgedFunction:
    """Return a public function of one backend."""
    kernels = importlib.import_module(f"rot180.generated.{module}")
    suffix = f"_{wrt}" if wrt else ""
    return JudgedFunction(module, getattr(kernels, name + suffix), None)


def drawn_target(
    rng: random.Random, asked: Question, name: str, wrt: str
) -> tuple[JudgedFunction, str]:
    """Draw a target and the number of its threads."""
    kinds = ["numpy_kernels", "cython_kernels", *(["torch"] if _torch() else [])]
    kind, threads = rng.choice(kinds), rng.choice((1, 2))
    if kind == "torch":
        importlib.import_module("torch").set_num_threads(threads)
        return target("torch", asked), kind
    importlib.import_module("rot180.generated").set_num_threads(threads)
    return own(kind, name, wrt), kind


@cache
def _torch() -> bool:
    try:
        importlib.import_module("torch")
    except ImportError:
        return False
    return True


def main() -> int:
    """Judge kernels that are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, found, worst = random.Random(arguments.seed), Counter[str](), 0.0
    alarms = []
    while found.total() - found["unsupported"] < arguments.count:
        name, wrt = rng.choice(LAYERS)
        asked, cases = pool(name, wrt, rng.randrange(4))
        case, dtype = rng.choice(cases), rng.choice(("float32", "float64"))
        judged, kind = drawn_target(rng, asked, name, wrt)
        kinds = (Precision(dtype, dtype),)
        judge = Judge(asked, judged, kinds, rng.randrange(2**31))
        try:
            mismatch, ratio = judge.wrong(case)
        except UnsupportedCallError:
            found["unsupported"] += 1
            continue
        if mismatch is not None:
            alarms.append(f"{kind} {name} {wrt} {dict(case.env)}: {mismatch.text}")
        found[f"{kind}, {dtype}"] += 1
        worst = max(worst, ratio)
        halves[0] += ratio > 1 / 2
        halves[1] += ratio > 1 / 4
    print(*alarms, sep="\n")
    done = found.total() - found["unsupported"]
    every = ", ".join(f"{kind}: {n}" for kind, n in sorted(found.items()))
    print(
        f"{done} audits of right kernels ({every}): "
        f"{len(alarms)} false alarms; the largest error is {worst:.3f} of its bound; bounds halved "
        f"once would fail {halves[0]}, halved twice {halves[1]}"
    )
    return int(bool(alarms))


halves = [0, 0]
"""How many audits have an error above a half and above a quarter of the bound."""


if __name__ == "__main__":
    sys.exit(main())
