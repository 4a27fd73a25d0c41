"""Times of ``rot180 derive``, part by part, as a table: ``python -m benchmarks.derive``.

Each time is that of the processor in user mode, TeX included, so other programs hardly change it.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rot180.codegen.documents.abbreviate import abbreviate
from rot180.codegen.documents.formats import FORMATS, in_formats
from rot180.codegen.documents.layer import document
from rot180.codegen.kernels.derivation import derive, layer_files, quiet

Clock = Callable[[], float]

PARTS = ("proof", "kernels", "document", *FORMATS)
"""What is timed: the proofs, certificate and kernels, the document, and its formats."""


@dataclass(frozen=True)
class Row:
    """The times of a layer.

    Attributes:
        name: what the layer is.
        seconds: the time of each of `PARTS`.

    """

    name: str
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """Return the time of all parts."""
        return sum(self.seconds.values())

    @property
    def ratio(self) -> float:
        """Return the time of the document in tex and html, relative to that of the proofs."""
        made = ("document", "tex", "html")
        return sum(self.seconds[part] for part in made) / max(self.seconds["proof"], 0.01)


def nested(operands: int) -> str:
    """Return a convolution with all operands but the first as its kernels.

    >>> nested(3)
    'y[p] = sum[k1,k2] x[p+k1+k2] * w1[k1] * w2[k2]'
    """
    taps = [f"k{n}" for n in range(1, operands)]
    kernels = " * ".join(f"w{n}[k{n}]" for n in range(1, operands))
    return f"y[p] = sum[{','.join(taps)}] x[p+{'+'.join(taps)}] * {kernels}"


def layers() -> Iterator[tuple[str, str]]:
    """Yield the layers of the table: what each is, and its text."""
    for n in range(2, 9):
        yield f"nested convolution, {n} operands", nested(n)
    for n in range(2, 7):
        yield f"(x[i] + z[i])^{n}", f"y[i] = (x[i] + z[i])^{n}"
    for n in range(2, 6):
        pairs = " * ".join(f"(a{k}[i] + b{k}[i])" for k in range(1, n + 1))
        yield f"product of {n} sums, {2**n} terms", f"y[i] = {pairs}"


def user_time() -> float:
    """Return the seconds that this process and its children have spent in user mode."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(who).ru_utime for who in whose)


def measure(
    name: str, text: str, clock: Clock = user_time, formats: Sequence[str] = FORMATS
) -> Row:
    """Derive a layer and write everything about it, to nowhere.

    Args:
        name: what the layer is.
        text: the layer.
        clock: returns the time in seconds.
        formats: those of the document that are timed.

    Raises:
        OSError: a format cannot be written here.

    """
    times = [clock()]
    proved = derive(text)
    times.append(clock())
    layer_files(proved)
    times.append(clock())
    page = abbreviate(document(proved))
    times.append(clock())
    for one in formats:
        _, missing = in_formats(page, "proof", [one], quiet)
        if missing:
            raise OSError(missing[0])
        times.append(clock())
    spent = (after - before for before, after in pairwise(times))
    return Row(name, dict(zip((*PARTS[:3], *formats), spent, strict=True)))


def table(rows: Sequence[Row]) -> str:
    """Return the times as a Markdown table."""
    head = ["layer", *PARTS, "all", "documents"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in rows:
        times = [*(row.seconds[part] for part in PARTS), row.total]
        lines.append([row.name, *(f"{t:.2f}" for t in times), f"{row.ratio:.1f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derive", description=__doc__)
    parser.add_argument("--layer", metavar="TEXT", help="time this layer instead of the table's")
    given = parser.parse_args().layer
    measure("warm up", nested(2))
    chosen = [("the layer", given)] if given else layers()
    print(table([measure(name, text) for name, text in chosen]))


if __name__ == "__main__":
    main()
