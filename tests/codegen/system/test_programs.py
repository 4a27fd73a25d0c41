"""Programs run in groups of their own, and end with their groups."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rot180.codegen.documents.pdf import CompileError, compiled
from rot180.codegen.system import programs
from tests.support.commands import Command

LOOP = r"\documentclass{article}\begin{document}\loop\iftrue\repeat\end{document}"


def script(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a shell script and put it on the path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def ends_soon(process: int) -> bool:
    """Say whether a process that was killed ends; a zombie has ended, its parent did not look."""
    status, last = Path(f"/proc/{process}/status"), time.monotonic() + 5
    while time.monotonic() < last:
        if not status.exists() or "State:\tZ" in status.read_text():
            return True
        time.sleep(0.01)
    return False


def test_output_is_read_whatever_its_bytes(tmp_path: Path) -> None:
    ran = programs.run(["sh", "-c", r"printf 'a\377b'; printf c >&2; exit 3"], tmp_path, 10)
    assert (ran.code, ran.output) == (3, "a\ufffdbc")


def test_variables_are_set_besides_those_of_the_process(tmp_path: Path) -> None:
    ran = programs.run(
        ["sh", "-c", 'echo "$openin_any ${PATH:+set}"'], tmp_path, 10, {"openin_any": "p"}
    )
    assert ran.output == "p set\n"


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(programs.ToolError, match="nosuch is not installed, or not on PATH"):
        programs.run(["nosuch"], tmp_path, 1)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are searched for in /proc")
@pytest.mark.parametrize("ends", ["wait", "exit 0"])
def test_what_a_program_started_ends_with_it(ends: str, tmp_path: Path) -> None:
    """Also where it does not want to; and also where the program ends by itself."""
    child = "sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' > /dev/null 2>&1 &"
    text = f"{child}\nwhile [ ! -s child ]; do sleep 0.05; done\n{ends}"
    begin = time.monotonic()
    try:
        ran = programs.run(["sh", "-c", text], tmp_path, 5)
    except programs.TimeLimitError as error:
        assert ends == "wait" and str(error) == "sh did not end within 5 s"
    else:
        assert ends != "wait" and ran.code == 0
    assert time.monotonic() - begin < 10
    assert ends_soon(int((tmp_path / "child").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_program_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = f"""if True:
        from pathlib import Path
        from rot180.codegen.system import programs
        loop = "sleep 1; echo $$ > child; while :; do :; done"
        programs.run(["sh", "-c", loop], Path({str(tmp_path)!r}), 2)
    """
    command = Command([sys.executable, "-c", program], tmp_path)
    command.wait_for((tmp_path / "child").exists)
    command.process.kill()
    command.process.wait()
    assert command.nothing_is_left()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_an_exception_ends_the_program(tmp_path: Path) -> None:
    """As Ctrl-C in a session of Python."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            programs.run(["sh", "-c", "echo $$ > child; sleep 1000"], tmp_path, 60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ends_soon(int((tmp_path / "child").read_text()))


def test_a_workplace_is_removed() -> None:
    with programs.workplace() as folder:
        (folder / "inner").mkdir()
    assert not folder.exists()


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
def test_tex_that_loops_is_ended() -> None:
    """Nothing is missing, so no package is advised."""
    with pytest.raises(CompileError, match="TeX did not end within 2 s and was ended") as raised:
        compiled(LOOP, timeout=2)
    assert "apt" not in str(raised.value)


def test_tex_is_confined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'touch document.pdf; echo "$@" "$openin_any$openout_any" > document.log'
    script(tmp_path, "latexmk", text, monkeypatch)
    _, log = compiled("")
    words = log.split()
    assert words[0] == "-norc" and "-latexoption=-no-shell-escape" in words
    assert words[-2:] == ["document.tex", "pp"]


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
@pytest.mark.parametrize(
    "hostile",
    [
        r"\immediate\write18{touch MARK}",
        r"\input{|touch MARK}",
        r"\newwrite\w\immediate\openout\w=MARK\immediate\write\w{x}",
    ],
)
def test_tex_runs_no_program_and_writes_nowhere_else(hostile: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    body = hostile.replace("MARK", str(mark))
    with suppress(CompileError):  # TeX may refuse it
        compiled(rf"\documentclass{{article}}\begin{{document}}{body}\end{{document}}")
    assert not mark.exists()


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="no TeX engine")
def test_tex_reads_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tex"
    secret.write_text(r"\message{LEAKED}")
    with pytest.raises(CompileError) as raised:
        compiled(rf"\documentclass{{article}}\begin{{document}}\input{{{secret}}}\end{{document}}")
    assert "LEAKED" not in str(raised.value)


def square(number: int) -> int:
    if number < 0:
        import os

        os._exit(3)
    return number * number


def test_a_function_in_several_processes() -> None:
    assert list(programs.in_processes(square, range(5))) == [0, 1, 4, 9, 16]


def test_a_process_that_dies() -> None:
    with pytest.raises(programs.ToolError, match="a process was ended from outside"):
        list(programs.in_processes(square, [1, -1, 2]))
