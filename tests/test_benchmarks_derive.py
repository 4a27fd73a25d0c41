"""The table of the times of derive: its sums, rows and layers; no test asserts on a time."""

from __future__ import annotations

import sys
from pathlib import Path

from rot180.derive.language.layers import layer

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the suite is not installed

from benchmarks import derive


def test_derive_times_are_differences_and_sums() -> None:
    """Each call of the clock takes one second longer than the one before."""
    calls = iter(range(100))
    clock = (sum(range(n + 1)) for n in calls)
    found = derive.measure("a layer", derive.nested(2), lambda: float(next(clock)), ("tex", "html"))
    assert found.seconds == {"proof": 1, "kernels": 2, "document": 3, "tex": 4, "html": 5}
    assert found.total == 15
    assert found.ratio == 12
    assert next(calls) == 6  # the clock is read before and after each part


def test_derive_table() -> None:
    seconds = dict(zip(derive.PARTS, (0.5, 1, 2, 0.25, 0.75, 4), strict=True))
    head, line, row = derive.table([derive.Row("a layer", seconds)]).splitlines()
    assert head == "| layer | proof | kernels | document | tex | html | pdf | all | documents |"
    assert line.count("---") == 9
    assert row == "| a layer | 0.50 | 1.00 | 2.00 | 0.25 | 0.75 | 4.00 | 8.50 | 6.0 |"
    # a proof that takes no time that could be measured
    assert derive.Row("", {**seconds, "proof": 0.0}).ratio == 300


def test_derive_layers() -> None:
    names, texts = zip(*derive.layers(), strict=True)
    assert len(set(names)) == len(set(texts)) == 7 + 5 + 4
    assert texts[0] == "y[p] = sum[k1] x[p+k1] * w1[k1]"
    assert len(layer(texts[6]).tensors) == 8
    powers = [layer(text) for text in texts[7:12]]
    assert [len(p.output.definition.body) for p in powers if p.output.definition] == [3, 4, 5, 6, 7]
