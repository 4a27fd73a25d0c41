"""Files are written all or none: by runs that are killed, beside each other, over odd places."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.system import files, journal, programs
from rot180.codegen.system.files import WriteError, write

SUPPORT = Path(__file__).parents[2] / "support"
NEW = {"a": "new", "sub/b": "new"}


def names(folder: Path) -> list[str]:
    """Return all paths in a folder, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def in_child(program: str, *given: object) -> subprocess.Popen[str]:
    """Start a program in another process."""
    command = [sys.executable, "-c", "import sys\n" + program, *map(str, given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("command", ["derive", "reports", "book", "folders"])
def test_a_run_is_killed_at_every_point(command: str) -> None:
    """All files of `generate` take longer: ``.ci/run full`` tries them."""
    script = SUPPORT / "kill_points.py"
    done = subprocess.run([sys.executable, script, command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("0 torn, 0 left")


def interrupted(folder: Path, texts: dict[str, str]) -> None:
    """Leave what a run leaves that is killed when it has moved its first file."""
    program = (
        "import os, signal\nfrom pathlib import Path\n"
        "from rot180.codegen.system.files import write\n"
        "replace, moved = os.replace, []\n"
        "def second(*paths):\n"
        "    moved.append(paths)\n"
        "    # the record is the first that is moved\n"
        "    return replace(*paths) if len(moved) < 3 else os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = second\n"
        "write(Path(sys.argv[1]), eval(sys.argv[2]))\n"
    )
    run = in_child(program, folder, texts)
    run.communicate()
    assert run.returncode == -9


def test_a_killed_run_is_reported_and_undone(tmp_path: Path) -> None:
    write(tmp_path, {"a": "old", "b": "old"})
    interrupted(tmp_path, {"a": "new", "b": "new"})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["new", "old"]
    assert journal.unfinished(tmp_path) == ["a", "b"]
    assert "a, b" in files.drift(tmp_path, {"a": "new", "b": "old"})[0]
    write(tmp_path, {"c": "new"})
    assert [(tmp_path / name).read_text() for name in "abc"] == ["old", "old", "new"]
    assert names(tmp_path) == ["a", "b", "c"]


def test_what_a_killed_run_left_is_named_by_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, {"certificates/a.json": "{}", "certificates/b.json": "{}"})
    monkeypatch.setattr(files, "generated_folder", lambda: tmp_path)
    assert main(["verify"]) == 2
    assert "replaces 2 files, or was killed" in capsys.readouterr().err


def _written(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written, and not when it is read."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def test_files_that_have_the_contents_stay(tmp_path: Path) -> None:
    write(tmp_path, NEW)
    before = {name: _written(tmp_path / name) for name in NEW}
    assert write(tmp_path, NEW | {"c": "new"}) == [tmp_path / n for n in ("a", "sub/b", "c")]
    assert {name: _written(tmp_path / name) for name in NEW} == before


def test_runs_wait_for_each_other(tmp_path: Path) -> None:
    """Eight processes write into one folder, which is missing at first."""
    program = (
        "from pathlib import Path\nfrom rot180.codegen.system.files import write\n"
        "for _ in range(5):\n"
        "    write(Path(sys.argv[1]), {f's/{i}': sys.argv[2] for i in range(20)})\n"
    )
    runs = [in_child(program, tmp_path / "out", letter) for letter in "abcdefgh"]
    assert [run.communicate()[0] for run in runs] == [""] * 8
    assert [run.returncode for run in runs] == [0] * 8
    assert len({path.read_text() for path in (tmp_path / "out" / "s").iterdir()}) == 1
    assert names(tmp_path / "out") == sorted(["s", *(f"s/{i}" for i in range(20))])


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    texts = [{str(i): letter for i in range(20)} for letter in "abcd"]
    threads = [threading.Thread(target=write, args=(tmp_path, one)) for one in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path.read_text() for path in tmp_path.iterdir()}) == 1
    assert len(names(tmp_path)) == 20


def test_a_run_that_holds_the_folder_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENCE", 0.1)
    with (
        journal.held(tmp_path / journal.JOURNAL),
        pytest.raises(WriteError, match=r"held by another run for 0\.1 s"),
    ):
        write(tmp_path, NEW)
    write(tmp_path, NEW)
    assert names(tmp_path) == ["a", "sub", "sub/b"]


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\nfrom rot180.codegen.system import journal\nimport time\n"
        "with journal.held(Path(sys.argv[1])):\n    print(flush=True)\n    time.sleep(60)\n"
    )
    run = in_child(program, tmp_path / journal.JOURNAL)
    assert run.stdout is not None
    run.stdout.readline()
    run.kill()
    run.communicate()
    begin = time.monotonic()
    write(tmp_path, NEW)
    assert time.monotonic() - begin < 5
    assert names(tmp_path) == ["a", "sub", "sub/b"]


def no(number: int) -> object:
    """Return a function that fails with an error number."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fails


@pytest.mark.parametrize(
    "module, name, number",
    [
        (os, "fsync", errno.EINVAL),
        (os, "fsync", errno.ENOTSUP),
        (os, "link", errno.EPERM),
        (os, "link", errno.EMLINK),
        (fcntl, "flock", errno.ENOLCK),
    ],
)
def test_a_file_system_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str, number: int
) -> None:
    """Files are also written by a file system without fsync, hard links or locks."""
    write(tmp_path, {"a": "old"})
    monkeypatch.setattr(module, name, no(number))
    write(tmp_path, NEW)
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path) == ["a", "sub", "sub/b"]


def test_old_files_are_copied_where_they_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a": "old", "b": "old"})
    (tmp_path / "a").chmod(0o640)
    monkeypatch.setattr(os, "link", no(errno.EPERM))
    replace = os.replace

    def last(old: str, new: Path) -> None:
        if new == tmp_path / "b" and "new" in str(old):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        replace(old, new)

    monkeypatch.setattr(os, "replace", last)
    with pytest.raises(WriteError, match="busy"):
        write(tmp_path, {"a": "new", "b": "new"})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "old"]
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert names(tmp_path) == ["a", "b"]


def test_old_files_that_cannot_be_brought_back_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a": "old", "b": "old"})
    replace = os.replace

    def only_drafts(old: Path, new: Path) -> None:
        if new == tmp_path / "b" or "old" in old.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(old, new)

    monkeypatch.setattr(os, "replace", only_drafts)
    with pytest.raises(WriteError, match="the next run brings back a, b"):
        write(tmp_path, {"a": "new", "b": "new"})
    monkeypatch.undo()
    write(tmp_path, {})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "old"]
    assert names(tmp_path) == ["a", "b"]


def test_ctrl_c_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, count = os.replace, [0]

    def third(old: Path, new: Path) -> None:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", third)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out" / "deep", NEW)
    assert names(tmp_path) == []


@pytest.mark.parametrize("to", ["inside", "outside", "nothing", "folder"])
def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path, to: str) -> None:
    out = tmp_path / "out"
    write(out, {"inside": "mine"})
    write(tmp_path, {"outside": "mine", "folder/f": "mine"})
    (out / "a").symlink_to(out / "inside" if to == "inside" else tmp_path / to)
    before = names(tmp_path)
    with pytest.raises(WriteError, match=rf"found .*/a, a link to .*{to}; expected a file"):
        write(out, NEW)
    assert names(tmp_path) == before
    assert (tmp_path / "outside").read_text() == (out / "inside").read_text() == "mine"


def test_a_link_in_place_of_a_folder_inside_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/b": "mine"})
    write(tmp_path / "out", {"a": "old"})
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WriteError, match="a link or a file; expected a folder"):
        write(tmp_path / "out", NEW)
    assert (tmp_path / "elsewhere" / "b").read_text() == "mine"
    assert (tmp_path / "out" / "a").read_text() == "old"


def test_a_link_to_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    write(tmp_path / "out", NEW)
    assert names(tmp_path / "real") == ["a", "sub", "sub/b"]
    assert (tmp_path / "out").is_symlink()


def test_a_link_to_no_folder_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nothing")
    assert main(["derive", "y[p] = x[p]", "-o", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert "-o: found" in printed and "a link to nothing" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("option", ["--json", "--junit", "--scripts"])
def test_reports_are_refused_before_anything_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    write(tmp_path, {"file": "mine"})
    place = tmp_path / "file" / "report"
    more = ["--require", "rocq"] if option == "--scripts" else []
    assert main(["verify", option, str(place), *more]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"rot180: {option}: found {tmp_path / 'file'}, a file")
    assert not printed.out


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    read: list[str] = []
    for name in ("pipe", "link"):
        thread = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
        thread.start()
        write(tmp_path, {name: "a report"})
        thread.join()
    assert read == ["a report"] * 2
    assert names(tmp_path) == ["link", "pipe"]


def test_a_device_that_is_full() -> None:
    with pytest.raises(WriteError, match="No space left"):
        write(Path("/dev"), {"full": "a report"})


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "sub" / "b").mkdir(parents=True)
    with pytest.raises(WriteError, match="sub/b, a folder; expected a file"):
        write(tmp_path, NEW)
    assert names(tmp_path) == ["sub", "sub/b"]


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "/a", "sub/../../a"])
def test_a_name_that_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(WriteError, match="expected one of a file"):
        write(tmp_path / "out", {"b": "new", name: "new"})
    assert names(tmp_path) == []


def test_long_names(tmp_path: Path) -> None:
    """Any name that the file system takes is written; a longer one leaves all as it was."""
    write(tmp_path, {"a": "old", "n" * 255: "new"})
    with pytest.raises(WriteError, match="name too long"):
        write(tmp_path, {"a": "new", "n" * 256: "new"})
    assert names(tmp_path) == ["a", "n" * 255]
    assert (tmp_path / "a").read_text() == "old"


def test_a_folder_that_is_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each call that changes it."""
    for name in ("link", "fsync", "replace", "unlink"):
        change = getattr(os, name)

        def removes(*given: object, change: object = change, **named: object) -> object:
            monkeypatch.undo()
            subprocess.run(["rm", "-rf", str(tmp_path / "out")], check=True)
            return change(*given, **named)  # type: ignore[operator]

        (tmp_path / "out").mkdir()
        write(tmp_path / "out", {"a": "old"})
        monkeypatch.setattr(os, name, removes)
        with pytest.raises(WriteError, match=r"cannot write to .*out"):
            write(tmp_path / "out", NEW)
        assert names(tmp_path) == [], name


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_read_only(tmp_path: Path, what: str) -> None:
    """Seen by an ordinary user, for whom root's permissions do not count."""
    out = tmp_path / "out"
    write(out, {"a": "old"})
    (out if what == "folder" else out / "a").chmod(0o555)
    program = (
        "import os\nfrom pathlib import Path\n"
        "from rot180.codegen.system.files import WriteError, write\n"
        "if os.getuid() == 0:\n    os.setuid(65534)\n"
        "try:\n    write(Path(sys.argv[1]), {'a': 'new'})\n"
        "except WriteError as error:\n    print(error)\n"
    )
    if os.getuid() == 0:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        for path in (out, out / "a"):
            os.chown(path, 65534, 65534)
    printed = in_child(program, out).communicate()[0]
    assert "ermission" in printed
    assert (out / "a").read_text() == "old"
    assert names(out) == ["a"]
    out.chmod(0o755)


@pytest.mark.parametrize(
    "record",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"files": [], "folders": []}',
        '{"files": {}, "folders": 1}',
        "[" * 100_000,
        '{"files": {"../../mine": false}, "folders": []}',
        '{"files": {"/etc/mine": true}, "folders": []}',
        '{"files": {"a": false}, "folders": [".."]}',
    ],
)
def test_a_record_of_other_origin(tmp_path: Path, record: str) -> None:
    """A folder that was not written by rot180 cannot have files outside of it changed."""
    write(tmp_path, {"mine": "mine", "x/y/.rot180-journal/record.json": record})
    write(tmp_path, {"x/y/.rot180-journal/old0": "evil"})
    with pytest.raises(WriteError):
        write(tmp_path / "x" / "y", {"b": "new"})
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "x" / "y" / "b").exists()


def test_a_journal_that_is_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/mine": "mine", "out/a": "old"})
    (tmp_path / "out" / journal.JOURNAL).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WriteError, match="a link; expected a folder: remove it"):
        write(tmp_path / "out", NEW)
    assert names(tmp_path / "elsewhere") == ["mine"]


def test_folders_for_other_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run left is removed by the next, what a run uses is not."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    program = (
        "import tempfile, time\ntempfile.tempdir = sys.argv[1]\n"
        "from rot180.codegen.system import programs\n"
        "with programs.workplace() as folder:\n"
        "    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    runs = [in_child(program, tmp_path) for _ in range(2)]
    folders = []
    for run in runs:
        assert run.stdout is not None
        folders.append(Path(run.stdout.readline().strip()))
    runs[0].kill()
    runs[0].communicate()
    with programs.workplace() as own:
        (own / "file").write_text("text")
        assert [folder.exists() for folder in folders] == [False, True]
    runs[1].kill()
    runs[1].communicate()
    with programs.workplace():
        pass
    assert names(tmp_path) == []
