"""The results of a run, and their form as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.cases import Case
from benchmarks.user_cases import UserCase

COMPILED, NUMPY, TORCH = "compiled", "NumPy kernels", "PyTorch"
SINGLE, SHIPPED = "one thread", "shipped NCHW kernel"
OURS = (COMPILED, NUMPY, SINGLE, SHIPPED)
"""The kernels of rot180; all other names are peers, the libraries we compare with."""
CLOCKS = ("elapsed time", "processor time")
"""What a run says about its clock."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one call: the median of the rounds, and the quartiles."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """A time divided by the time of the compiled kernels.

    Attributes:
        value: the ratio of the medians over the rounds in which both took part.
        low, high: the quartiles of the rounds' own ratios.

    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Result:
    """One operation of one case.

    Attributes:
        case: the layer.
        operation: one of `OPERATIONS`.
        timings: of each contestant, by name.
        ratios: of each contestant except the compiled kernels, by name.
        wrong: contestants whose result differs, and how; they are not measured.

    """

    case: Case | UserCase
    operation: str
    timings: dict[str, Timing]
    ratios: dict[str, Ratio]
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def fastest(self) -> str | None:
        """Return the name of the fastest peer, or None if there is none."""
        peers = [name for name in self.ratios if name not in OURS]
        return min(peers, key=lambda name: self.ratios[name].value, default=None)


@dataclass(frozen=True, slots=True)
class Run:
    """All results of a run, and the machine.

    Attributes:
        machine: processor, compiler, versions of the libraries, and more.
        threads: the number of threads of each contestant.
        cores: how many cores a matrix product with that many threads got, at least.
        peak: GFLOP/s of a large matrix product in NumPy, by dtype.
        absent: peers that are not installed.
        skipped: the cases that were not measured, and why.
        results: one for each operation of each case.

    """

    machine: dict[str, Any]
    threads: int
    cores: float
    peak: dict[str, float]
    absent: list[str]
    skipped: list[str]
    results: list[Result]

    @property
    def quiet(self) -> bool:
        """Return whether each thread had a core to itself."""
        return self.cores >= 0.9 * self.threads


def dumps(run: Run) -> str:
    """Return a run as JSON."""
    return json.dumps({"format": FORMAT, **asdict(run)}, indent=1, ensure_ascii=False) + "\n"


def loads(text: str) -> Run:
    """Return the run that `dumps` wrote.

    Raises:
        ValueError: the text is not in this format.

    """
    data = json.loads(text)
    found = data.pop("format", None) if isinstance(data, dict) else None
    if found != FORMAT:
        raise ValueError(f"format: found {found}, expected {FORMAT}")

    def tuples(fields: dict[str, Any]) -> dict[str, Any]:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}

    def case(fields: dict[str, Any]) -> Case | UserCase:
        if "sizes" in fields:
            sizes = tuple((name, n) for name, n in fields["sizes"])
            return UserCase(**{**fields, "sizes": sizes})
        return Case(**tuples(fields))

    results = [
        Result(
            case(entry["case"]),
            entry["operation"],
            {name: Timing(**values) for name, values in entry["timings"].items()},
            {name: Ratio(**values) for name, values in entry["ratios"].items()},
            entry["wrong"],
        )
        for entry in data.pop("results")
    ]
    return Run(**data, results=results)
