"""Each construct of programs in a small example; run it to prove all of them by every means.

``python -m tests.support.constructs`` derives the gradient of each, and verifies its certificate
with SMT and Rocq.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rot180.codegen.cli.main import main
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.gradient import gradient
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.programs import Program, read

CONSTRUCTS = {
    "function of an expression": "y[i] = exp(x[i] - m[])",
    "quotient": "y[i] = x[i] / (x[i] + b[])",
    "maximum over an index": "y[n] = max[j] x[n,j]",
    "larger of two": "y[i] = max(x[i], b[i]) * w[i]",
    "abs": "y[i] = abs(x[i] - b[i])",
    "roots": "y[i] = sqrt(x[i] + b[i]) * rsqrt(x[i])",
    "whole powers": "y[i] = (x[i] + b[i])^-2 + x[i]^3",
    "half a power": "y[i] = (x[i] + b[i])^(3/2)",
    "any power": "y[i] = x[i]^p[]",
    "product over an index": "y[n] = prod[j] x[n,j]",
    "square of a sum": "y[i] = (sum[j] x[i,j])^2",
    "quotient and remainder of an index": "y[p] = x[p // s] * w[p % s]",
    "circular": "y[p] = sum[k] x[circular(p+k-lo)] * w[k]",
    "reflect": "y[p] = sum[k] x[reflect(p+k-lo)] * w[k]",
    "replicate": "y[p] = sum[k] x[replicate(p+k-lo)] * w[k]",
    "entry at an array of integers": "y[n,c] = x[idx[n],c] * w[c]",
    "function of indices": "y[k] = sum[t] cos(2*pi*k*t/T) * x[t]",
    "a maximum that cancels": (
        "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j] - m[n]); y[n,j] = e[n,j] / sum[i] e[n,i]"
    ),
    "a mean that cancels": "u[n,c] = x[n,c] - sum[e] x[n,e] / C; y[n] = sum[c] u[n,c]^2",
    "named operators": "a[p] = relu(sum[k] x[s*p+k] * w[k]); y[q] = sum[l] a[2*q+l] * u[l]",
}
"""Names and texts; each is differentiated by x."""


def proved(text: str) -> Theorem:
    """Derive the gradient of a text by x; the short form if divisors cancel in it."""
    found = read(text)
    if isinstance(found, Program):
        theorem = program_gradient(found, "x", named=True)
        short = compact_gradient(found, program_gradient(found, "x"))
        return short if short is not None and short.divisors else theorem
    return gradient(found, "x")


def verify_all() -> int:
    """Verify every certificate with SMT and Rocq; return the exit code of `rot180 verify`."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in CONSTRUCTS.items():
            path = Path(folder, f"{name.replace(' ', '_')}.json")
            path.write_text(dumps(proved(text).proof), encoding="utf-8")
            paths.append(str(path))
        return main(["verify", "--require", "smt,rocq", *paths])


if __name__ == "__main__":
    sys.exit(verify_all())
