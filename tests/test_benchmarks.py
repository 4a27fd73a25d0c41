"""The benchmark suite: what it times, saves and prints; no test asserts on a time."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # the suite is not installed

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import (  # noqa: E402
    cases,
    chart,
    compare,
    measure,
    page,
    peers,
    report,
    results,
)
from benchmarks.cases import CASES, Case  # noqa: E402
from benchmarks.operations import FORWARD, INPUT, OPERATIONS, WEIGHT  # noqa: E402
from benchmarks.results import (  # noqa: E402
    COMPILED,
    NUMPY,
    SINGLE,
    TORCH,
    Ratio,
    Result,
    Run,
    Timing,
)
from benchmarks.user_cases import USER_CASES, UserCase  # noqa: E402
from tests.test_benchmarks_cases import PUBLIC, SMALL, numpy_calls  # noqa: E402


def test_turns_are_interleaved_and_slow_ones_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    def turn(call: Callable[[], str], repeats: int, clock: object) -> float:
        log.append(call())
        return 1.0

    plans = {"ours": (1, 4), "slow": (1, 2)}
    monkeypatch.setattr(measure, "plan", lambda call, effort: plans[call()])
    monkeypatch.setattr(measure, "seconds", turn)
    calls: dict[str, Callable[[], Any]] = {COMPILED: lambda: "ours", "slow": lambda: "slow"}
    times = measure.interleave(calls, measure.QUICK)
    assert log == ["ours", "slow", "ours", "slow", "ours", "ours"]
    assert [len(times[name]) for name in calls] == [4, 2]


def test_turns_of_several_threads_start_after_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(measure, "wait_until_idle", lambda: log.append("wait"))
    monkeypatch.setattr(measure, "plan", lambda call, effort: (1, 2))

    def turn(call: Callable[[], str], repeats: int, clock: object) -> float:
        log.append(call())
        return 1.0

    monkeypatch.setattr(measure, "seconds", turn)
    calls: dict[str, Callable[[], Any]] = {COMPILED: lambda: "ours", "other": lambda: "other"}
    measure.interleave(calls, measure.QUICK, threads=2)
    assert log == ["wait", "wait", *["wait", "ours", "wait", "other"] * 2]
    log.clear()
    measure.interleave(calls, measure.QUICK, threads=1)
    assert log == ["ours", "other"] * 2


@pytest.mark.parametrize(
    ("busy", "checks"),
    [((0, 0, 0), 3), ((1, 0, 1, 0, 0, 0), 6), ((1,) * 99, 25)],
    ids=["idle", "spinning for a while", "spinning forever"],
)
def test_waiting_ends_when_threads_are_idle_or_time_is_up(
    busy: tuple[int, ...], checks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three checks in a row must find them idle."""
    clock, used, left = [0.0], [0.0], list(busy)

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        used[0] += seconds * left.pop(0)

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("time.process_time", lambda: used[0])
    measure.wait_until_idle(longest=24.5 * measure.STEP)
    assert len(busy) - len(left) == checks


def test_speedup_by_threads(run: Run) -> None:
    assert SINGLE not in {peer.name for peer in peers.contestants(1)}
    assert SINGLE in {peer.name for peer in peers.contestants(2)}
    first = run.results[0]
    ratios = {**first.ratios, SINGLE: Ratio(0.5, 0.5, 0.5)}
    two = replace(run, threads=2, results=[replace(first, ratios=ratios)])
    assert two.results[0].fastest == TORCH  # `SINGLE` is less, but no peer
    assert report.summaries(two)[0].speedup == 0.5
    assert SINGLE not in page.summary_table(run)
    assert page.summary_table(two).splitlines()[2].endswith("| 0.50 |")
    assert "one thread / compiled 0.50" in report.tables(two)


def test_ratio_uses_the_rounds_of_both() -> None:
    found = measure.ratio([2.0, 4.0, 6.0], [1.0, 2.0, 2.0, 100.0, 100.0])
    assert found == Ratio(2.0, 2.0, 2.5)
    assert measure.timing([3.0, 1.0, 2.0]) == Timing(2.0, 1.5, 2.5, 3)


def entry(case: Case | UserCase, operation: str, ours: float, **others: float) -> Result:
    names = {"numpy": NUMPY, "torch": TORCH}
    times = {COMPILED: ours, **{names.get(k, k): ours * v for k, v in others.items()}}
    return Result(
        case,
        operation,
        {name: Timing(t, t, t, 5) for name, t in times.items()},
        {name: Ratio(t / ours, t / ours, t / ours) for name, t in times.items() if t != ours},
    )


@pytest.fixture
def run() -> Run:
    wide = next(case for case in PUBLIC if case.category == "wide")
    about = {
        "processor": "P", "cores": 2, "system": "S", "compiler": "GCC", "blas": "B",
        "versions": {"numpy": "2"}, "environment": {}, "openmp": [], "revision": "",
    }  # fmt: skip
    found = [
        entry(wide, FORWARD, 1e-3, numpy=9.0, torch=2.0, other=4.0),
        entry(replace(wide, batch=8), FORWARD, 1e-3, torch=8.0, other=0.25),
        entry(wide, WEIGHT, 1e-3, other=3.0),
    ]
    return Run(about, 1, 0.95, {"float32": 100.0}, ["JAX"], ["x"], found)


def test_json_round_trip(run: Run) -> None:
    assert results.loads(results.dumps(run)) == run
    user = replace(run, results=[entry(USER_CASES[0], FORWARD, 1e-3, torch=2.0)])
    assert results.loads(results.dumps(user)) == user
    with pytest.raises(ValueError, match="format: found None, expected 1"):
        results.loads("{}")


def test_summaries_are_geometric_means(run: Run) -> None:
    forward, weight = report.summaries(run)
    assert forward.torch == pytest.approx(4.0)
    assert forward.fastest == pytest.approx(math.sqrt(2.0 * 0.25))
    assert forward.worst is run.results[1]
    assert run.results[0].fastest == TORCH  # never one of our kernels
    assert weight.torch is None
    assert weight.fastest == pytest.approx(3.0)
    flops = [r.case.flops for r in run.results[:2]]
    assert forward.peak == pytest.approx(math.sqrt(flops[0] * flops[1]) / 1e-3 / 100e9)


def test_tables(run: Run) -> None:
    text = page.summary_table(run)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {7}
    assert rows[2][1:6] == ["2", FORWARD, "4.00", "0.71 (goal 1.15)", "0.25 (goal 1) other"]
    assert rows[3][3] == "—"
    assert "Not installed: JAX" in report.conditions(run)
    assert "busy" not in report.conditions(run)
    assert "the product got 0.5 cores" in report.conditions(replace(run, cores=0.5))
    classes = report.tables(run)
    assert "goal 1.15" in classes
    assert "goal 1.25" in classes
    assert "9.00 (9.00 to 9.00)" in classes
    assert "Not measured: x." in classes


def test_page_of_two_runs(run: Run) -> None:
    text = page.page([run, replace(run, threads=2)])
    assert text.startswith("# Benchmarks\n")
    assert "- Layers: 2, from" in text
    assert "compared with: NumPy kernels" not in text
    assert "python -m benchmarks --class wide --threads 2 --json run2.json\n" in text
    assert [line for line in text.splitlines() if line.startswith("## On")] == [
        "## On one thread",
        "## On 2 threads",
    ]
    assert text.count(page.summary_table(run)) == 1
    busy = replace(run, machine={**run.machine, "clock": results.CLOCKS[1]})
    both = page.page([run, busy])
    assert "## On one thread\n" in both
    assert "## On one thread, processor time\n" in both
    assert "--class wide --threads 1 --processor-time --json run_processor_time.json\n" in both
    assert f"| {run.results[1].case} | {FORWARD} | other | 0.25 (0.25 to 0.25) |" in text
    assert "Not measured: x." in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_page_reports_a_wrong_result(run: Run) -> None:
    wrong = replace(run.results[0], wrong={"other": "differs by 1.0e-02"})
    assert f"{wrong.case}, {FORWARD}: other differs by 1.0e-02" in page.page(
        [replace(run, results=[wrong])]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [({}, "different numbers"), ({"threads": 2, "results": []}, "found no result")],
)
def test_page_refuses_runs_that_it_cannot_show(
    change: dict[str, Any], message: str, run: Run
) -> None:
    with pytest.raises(ValueError, match=message):
        page.page([run, replace(run, **change)])


def test_plot_is_svg_with_a_bar_for_each_mean(run: Run) -> None:
    root = ElementTree.fromstring(chart.plot(run))
    bars = [r for r in root.iter() if r.get("fill") in chart._COLOURS.values()]
    assert len(bars) == 3 + 2  # and the legend
    assert all(float(bar.get("width", "-1")) >= 0 for bar in bars)
    assert chart.plot(replace(run, results=[]))


def test_every_class_has_cases_and_a_quick_one() -> None:
    assert set(cases.GOALS) == set(cases.TITLES) == {case.category for case in CASES}
    assert len({(str(case), case.category) for case in CASES}) == len(CASES)
    assert {case.category for case in cases.select([], "", True)} >= {"wide", "few", "teaching"}
    assert {case.category for case in cases.select(["3d"], "", False)} == {"3d"}


def test_digests_tell_results_apart() -> None:
    case = SMALL[0]
    right = np.asarray(numpy_calls(case)[FORWARD]())
    wrong = right.copy()
    wrong.flat[3] += 1.0
    a, b, c = (list(compare.digest(r)) for r in (right, right * (1 + 1e-7), wrong))
    assert compare.same(a, b, case, FORWARD)
    assert not compare.same(a, c, case, FORWARD)


@pytest.mark.parametrize(
    "words",
    [
        ["--plot", "x.png"],
        ["--plot", "x.svg", "--table", "a.json", "b.json"],
        ["--threads", "0"],
        ["--case", "no such"],
        ["--threads", "2", "--processor-time"],
        ["--json", "no/such/x"],
    ],
)
def test_bad_input_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(words)
    assert left.value.code == 2
    assert "error:" in capsys.readouterr().err


def start(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def compiled_in() -> Path | None:
    """Return the folder of the kernels, or None if it has no compiled ones."""
    try:
        folders = measure.origins()
    except ImportError:
        return None
    return folders[0] if len(folders) == 1 else None


def test_one_case_from_end_to_end(tmp_path: Path) -> None:
    if compiled_in() is None:
        pytest.skip("no compiled kernels")
    saved, drawn = tmp_path / "run.json", tmp_path / "run.svg"
    done = start(
        "--quick",
        "--class",
        "teaching",
        "--case",
        "worked",
        "--processor-time",
        "--json",
        str(saved),
        "--plot",
        str(drawn),
    )
    assert done.returncode == 0, done.stderr
    assert "[1/1] worked example" in done.stderr
    found = results.loads(saved.read_text(encoding="utf-8"))
    assert [r.operation for r in found.results] == list(OPERATIONS)
    assert {COMPILED, NUMPY} < set(found.results[0].timings)
    assert found.machine["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert found.machine["clock"] == "processor time"
    ElementTree.fromstring(drawn.read_text(encoding="utf-8"))
    again = start("--table", str(saved))
    assert again.stdout == page.page([found])


def test_of_several_passes_the_one_with_the_median_ratio_counts() -> None:
    times = [results.Timing(one, one, one, 1) for one in (1.0, 2.0, 3.0, 4.0)]
    ratios = [results.Ratio(value, value, value) for value in (0.9, 0.7, 1.3, 1.0)]
    passes = list(zip(times, times, ratios, strict=True))
    assert compare.median_of(passes) == passes[0]
    assert compare.median_of(passes[:3]) == passes[0]
    assert compare.median_of(passes[1:2]) == passes[1]


def test_a_checkout_against_itself(tmp_path: Path) -> None:
    if compiled_in() != ROOT / "generated":
        pytest.skip("no kernels compiled in place")
    saved = tmp_path / "both.json"
    words = ("--quick", "--class", "teaching", "--case", "worked", "--compare", str(ROOT))
    done = start(*words, "--json", str(saved))
    assert done.returncode == 0, done.stderr
    assert "geometric mean" in done.stdout
    assert "| all | NumPy |" in done.stdout
    assert len(json.loads(saved.read_text(encoding="utf-8"))["results"]) == 6


def test_a_checkout_that_is_not_compiled_is_refused(tmp_path: Path) -> None:
    for folder in ("generated", ".links"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, symlinks=True,
            ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c"),
        )  # fmt: skip
    done = start("--quick", "--compare", str(tmp_path))
    assert done.returncode == 2
    assert "expected its own, compiled in place" in done.stderr


def test_every_case_is_explained() -> None:
    if compiled_in() is None:
        pytest.skip("no compiled kernels")
    done = start("--explain")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for case in PUBLIC:
        start_of_line = f"| {case.category} | {case} |"
        operations = [line.split(" | ")[2] for line in lines if line.startswith(start_of_line)]
        wanted = [FORWARD, INPUT] if case.accuracy else [FORWARD, INPUT, WEIGHT]
        assert list(dict.fromkeys(operations)) == wanted, case


def test_a_folder_that_is_not_a_checkout_is_refused(tmp_path: Path) -> None:
    done = start("--quick", "--compare", str(tmp_path))
    assert done.returncode == 2
    assert "expected a checkout" in done.stderr
