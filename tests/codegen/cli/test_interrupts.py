"""Ctrl-C ends every command within a second, with one line, and nothing is left.

ROT180_INTERRUPTS says at how many random moments each command is interrupted (default 2),
ROT180_INTERRUPTS_SEED draws others.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import PROC, ROT180, Command, Ended

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="processes are searched for in /proc")

COUNT = int(os.environ.get("ROT180_INTERRUPTS", "1"))
SEED = os.environ.get("ROT180_INTERRUPTS_SEED", "1")

LIMIT = 1.0
"""Seconds within which a command ends."""

SECONDS = 12.0
"""The signal is sent at a moment up to here, or sooner where the command ends sooner."""

CERTIFICATES = Path(__file__).parents[3] / "generated" / "certificates"
TWO = [str(CERTIFICATES / f"rot180_correlation_{axes}d.json") for axes in (1, 2)]

WORDS = {
    "derive": ["derive", "conv2d", "--format", "tex,html,pdf", "-o", "out"],
    "book": ["book", "--format", "html,pdf", "-o", "out"],
    "verify": ["verify", "--rocq", *TWO],
    "generate": ["generate", "-o", "out"],
}

DERIVE = [*ROT180, "derive", "conv2d", "--format", "none", "-o", "out"]


def assert_interrupted(ended: Ended, folder: Path, where: str = "") -> None:
    assert ended.code == 130, (where, ended)
    assert ended.errors[-1:] == ["rot180: interrupted"], (where, ended)
    assert all(line.startswith("rot180: ") for line in ended.errors), (where, ended)
    assert not ended.left, (where, ended)
    assert ended.delay < LIMIT, (where, ended)
    drafts = [path for path in (folder / "out").rglob("*") if path.name.startswith(".")]
    assert not drafts, (where, drafts)


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("name", WORDS)
def test_ctrl_c_at_a_random_moment(
    name: str, number: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(f"{SEED} {name} {number}")
    longest = SECONDS
    while True:
        moment = draw.uniform(0, longest)
        command = Command([*ROT180, *WORDS[name]], tmp_path)
        command.wait_until_it_answers()
        if command.runs_for(moment):
            break
        longest = moment
    ended = command.ended_by(signal.SIGINT)
    where = f"seed {SEED}, {name}, number {number}, after {moment:.3f} s"
    print(f"{where}: exit code {ended.code} after {ended.delay:.3f} s")
    record_property("interrupt", json.dumps({"seed": SEED, "seconds": ended.delay}))
    if ended.code == 0 and ended.delay < LIMIT:
        return  # all was done, and the interpreter was being shut down
    assert_interrupted(ended, tmp_path, where)


def test_ctrl_c_during_the_imports(tmp_path: Path) -> None:
    command = Command(DERIVE, tmp_path)
    command.wait_until_it_answers()
    assert_interrupted(command.ended_by(signal.SIGINT), tmp_path)


@pytest.mark.parametrize("count", [2, 20])
def test_ctrl_c_several_times(count: int, tmp_path: Path) -> None:
    command = Command(DERIVE, tmp_path)
    command.wait_until_it_answers()
    assert command.runs_for(0.2)
    assert_interrupted(command.ended_by(*[signal.SIGINT] * count), tmp_path)


def test_two_signals_are_one_answer(tmp_path: Path) -> None:
    command = Command(DERIVE, tmp_path)
    command.wait_until_it_answers()
    ended = command.ended_by(signal.SIGTERM, signal.SIGINT)
    either = [(143, ["rot180: terminated"]), (130, ["rot180: interrupted"])]
    assert (ended.code, ended.errors) in either


@pytest.mark.parametrize("ends", ["sleep 1000", "trap '' TERM INT; sleep 1000 & wait; wait"])
def test_ctrl_c_while_tex_runs(ends: str, tmp_path: Path) -> None:
    """Also where it does not want to end, and has started another program."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "latexmk").write_text(f"#!/bin/sh\ntouch {tmp_path}/running\n{ends}\n")
    (tools / "latexmk").chmod(0o755)
    words = [*ROT180, "derive", "y[p] = sum[k] x[p+k] * w[k]", "--format", "pdf", "-o", "out"]
    command = Command(words, tmp_path, PATH=f"{tools}:{os.environ['PATH']}")
    command.wait_for((tmp_path / "running").exists)
    assert_interrupted(command.ended_by(signal.SIGINT), tmp_path)


@pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed")
@pytest.mark.parametrize(
    ("number", "word"),
    [
        (signal.SIGINT, "interrupted"),
        (signal.SIGTERM, "terminated"),
        (signal.SIGHUP, "hung up"),
    ],
)
def test_a_signal_while_coqc_runs(number: signal.Signals, word: str, tmp_path: Path) -> None:
    command = Command([*ROT180, *WORDS["verify"]], tmp_path)
    command.wait_until_it_answers()
    command.wait_for(lambda: any("coqc" in process for process in command.processes()))
    ended = command.ended_by(number)
    assert (ended.code, ended.errors[-1]) == (128 + number, f"rot180: {word}")
    assert not ended.left
    assert ended.delay < LIMIT


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As under nohup."""
    command = Command(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *ROT180, "list"], tmp_path)
    command.wait_until_it_answers()
    assert command.ended_by(signal.SIGHUP).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_inside_z3(number: signal.Signals, tmp_path: Path) -> None:
    """The solver does not answer within the time that it has."""
    pytest.importorskip("z3")
    program = """if True:
        from rot180.codegen.system import interrupts
        interrupts.answer()
        import sympy
        from rot180.derive.kernel.obligations import Nonzero, Obligation
        from rot180.derive.semantics import smt
        x, y, z = sympy.symbols("x y z", integer=True)
        print("asked", flush=True)
        smt.ask([Obligation((), Nonzero(x**3 + y**3 + z**3 - 33))], timeout=60)
    """
    command = Command([sys.executable, "-c", program], tmp_path)
    command.wait_for(lambda: "asked" in command.output.read_text())
    assert command.runs_for(1.0)
    ended = command.ended_by(number)
    assert (ended.code, len(ended.errors)) == (128 + number, 1)
    assert ended.delay < LIMIT


WHOLE = """if True:
    import sys, time
    from pathlib import Path
    from rot180.codegen.system import interrupts
    interrupts.answer()
    with interrupts.whole():
        Path("first").touch()
        time.sleep({seconds})
        Path("second").touch()
    Path("third").touch()
"""


@pytest.mark.parametrize(("seconds", "files"), [(0.2, ["first", "second"]), (30, ["first"])])
def test_a_whole_section_ends_first(seconds: float, files: list[str], tmp_path: Path) -> None:
    """But it is not waited for much longer than half a second."""
    command = Command([sys.executable, "-c", WHOLE.format(seconds=seconds)], tmp_path)
    command.wait_for((tmp_path / "first").exists)
    ended = command.ended_by(signal.SIGINT)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == "") == sorted(
        ["temporary", *files]
    )
    assert (ended.code, ended.errors) == (130, ["rot180: interrupted"])
    assert ended.delay < LIMIT


def test_processes_of_a_pool_end_with_their_parent(tmp_path: Path) -> None:
    """Even where it is killed."""
    command = Command([*ROT180, *WORDS["verify"]], tmp_path)
    command.wait_until_it_answers()
    command.wait_for(lambda: len(command.processes()) > 1)
    command.process.kill()
    command.process.wait()
    assert command.nothing_is_left()
