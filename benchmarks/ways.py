"""Which way each case takes, and why: what `explain` says of its calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module

import numpy as np

from benchmarks.cases import OPERATIONS, Case
from benchmarks.peers import Problem, kernels


def ways(cases: list[Case], threads: int) -> Iterator[str]:
    """Yield the lines of a table; nothing is computed, and memory is asked for but not touched.

    Args:
        cases: the cases.
        threads: how many the kernels may use.

    """
    public = import_module("rot180.generated")
    public.set_num_threads(threads)
    yield "| class | layer | operation | way | why | threads | scratch, KiB |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for case in cases:
        shapes = (case.input_size, case.weight_size, case.output_size)
        calls = kernels("cython_kernels", Problem(case, *(np.zeros(s, case.dtype) for s in shapes)))
        for operation in OPERATIONS:
            if operation in calls:
                call = calls[operation]
                assert isinstance(call, partial)
                sums = public.explain(call.func, *call.args, **call.keywords)
                said = {(one.path, one.why, one.threads): one.scratch for one in sums}
                for (path, why, many), scratch in said.items():
                    cells = (case.category, case, operation, path, why, many, scratch // 1024)
                    yield f"| {' | '.join(map(str, cells))} |"
