"""Which algorithm each case uses, and why, as `explain` reports it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module

import numpy as np

from benchmarks.cases import Case
from benchmarks.operations import OPERATIONS
from benchmarks.peers import Problem, kernels
from benchmarks.user_cases import UserCase


def algorithms(cases: list[Case | UserCase], threads: int) -> Iterator[str]:
    """Yield the lines of a table; no layer is computed.

    Args:
        cases: the cases; `explain` knows those of layers that are shipped.
        threads: how many threads the kernels may use.

    """
    public = import_module("rot180.generated")
    public.set_num_threads(threads)
    yield "| class | layer | operation | algorithm | why | threads | scratch, KiB |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for case in cases:
        if isinstance(case, UserCase):
            continue
        shapes = (case.input_size, case.weight_size, case.output_size)
        calls = kernels("cython_kernels", Problem(case, *(np.zeros(s, case.dtype) for s in shapes)))
        for operation in OPERATIONS:
            if operation in calls:
                call = calls[operation]
                assert isinstance(call, partial)
                sums = public.explain(call.func, *call.args, **call.keywords)
                rows = {(s.algorithm, s.why, s.threads): s.scratch for s in sums}
                for (algorithm, why, count), scratch in rows.items():
                    cells = (
                        case.category, case, operation, algorithm, why, count, scratch // 1024
                    )  # fmt: skip
                    yield f"| {' | '.join(map(str, cells))} |"
