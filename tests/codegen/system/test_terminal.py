"""What foreign names may do to a terminal, to JSON and to XML: nothing."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rot180.codegen.cli.main import main
from rot180.codegen.system.files import CERTIFICATES, generated_folder
from rot180.codegen.system.terminal import heading, named, say, verdict, visible
from rot180.codegen.verify.report import TheoremReport, junit
from tests.support.commands import ROT180

HOSTILE = [
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\r", "\x08", "\x00", "\x7f",
    "\x9b31m", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\ufeff", "\ufffe", "\ud800",
    "\udcff", "\U000e0041",
]  # fmt: skip


@pytest.mark.parametrize("sign", HOSTILE, ids=ascii)
def test_signs_are_written_as_escapes(sign: str) -> None:
    """As JSON escapes them, so a text of JSON has the same meaning."""
    shown = visible(f"a{sign}b")
    assert shown.isprintable()
    assert json.loads(f'"{visible(json.dumps(sign, ensure_ascii=False)[1:-1])}"') == sign
    assert visible(shown) == shown


def test_what_is_shown_stays() -> None:
    text = "δ = ∂C/∂z,\n\tw·x: \\u0041 é \u4e2d \N{GRINNING FACE}"
    assert visible(text) == text


def test_a_stream_that_lacks_a_sign_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("λ", "x")
    assert raw.getvalue() == b"\\u03bb x\n"


@pytest.mark.parametrize("sign", HOSTILE, ids=ascii)
def test_junit_is_xml(sign: str) -> None:
    report = TheoremReport(f"name{sign}", replay=f"{sign} <&\"'> ]]>\nmore {sign}")
    (case,) = ElementTree.fromstring(junit([report]).encode())
    assert case.get("name") == visible(f"name{sign}")
    (failure,) = case
    assert f"{visible(sign)} <&\"'> ]]>" in (failure.text or "")


@pytest.mark.parametrize("sign", [s for s in HOSTILE if not "\ud800" <= s <= "\udfff"], ids=ascii)
def test_a_recorded_statement(
    sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file's statement that is not the theorem's is printed, in reports and on the terminal."""
    name = "dense_input"
    proof = json.loads((generated_folder() / CERTIFICATES / f"{name}.json").read_text())
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"certificate": proof, "statement": f"no {sign}"}))
    data, xml = tmp_path / "r.json", tmp_path / "r.xml"
    assert main(["verify", str(given), "--json", str(data), "--junit", str(xml)]) == 1
    printed = capsys.readouterr()
    for text in (printed.out, printed.err, data.read_text("utf-8"), xml.read_text("utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
    assert f"no {visible(sign)}" in printed.out
    assert f"no {sign}" in json.loads(data.read_text("utf-8"))[0]["replay"]
    ElementTree.fromstring(xml.read_text("utf-8"))


@pytest.mark.parametrize("sign", ["\x1b[31m", "\u202e", "\udcff", "\x07"], ids=ascii)
def test_names_of_files(
    sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path is printed where something was read, written or missing, and in the usage."""
    folder = tmp_path / f"out{sign}"
    folder.mkdir()
    (folder / "bad.json").write_text("{")
    (folder / "bad.toml").write_text("x = ")
    spec = "y[p] = x[p] * w[p]"
    assert main(["derive", spec, "-o", str(folder), "--format", "none"]) == 0
    assert main(["verify", str(folder / "bad.json")]) == 2
    assert main(["verify", str(folder / "none.json")]) == 2
    assert main(["show", "dense_input", "--latex", "--notation", str(folder / "bad.toml")]) == 2
    with pytest.raises(SystemExit):
        main(["list", f"--{sign}"])
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert visible(sign) in text
        assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x85"], ids=ascii)
def test_names_of_several_lines(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They could say what the command did not: 1 of 1 theorems proved."""
    with pytest.raises(SystemExit) as refused:
        main(["verify", f"a{end}1 of 1 theorems proved"])
    assert refused.value.code == 2
    assert "expected a name without line breaks" in capsys.readouterr().err


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "coloured"),
    [
        ({"TERM": "xterm"}, Screen, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, Screen, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Screen, False),
        ({"TERM": "dumb"}, Screen, False),
        ({}, Screen, False),
        ({"TERM": "xterm"}, io.StringIO, False),
    ],
)
def test_colours_are_for_terminals(
    environment: dict[str, str],
    stream: type[io.StringIO],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nowhere else, nor where NO_COLOR or TERM=dumb ask for none; and names cannot colour."""
    for variable in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    screen = stream()
    monkeypatch.setattr(sys, "stdout", screen)
    say(heading("Proof."), named("a\x1b[31m"), verdict("ok   "), verdict("absent"), "ok")
    shown = "\x1b[1mProof.\x1b[0m \x1b[36ma\\u001b[31m\x1b[0m \x1b[32mok   \x1b[0m absent ok\n"
    plain = "Proof. a\\u001b[31m ok    absent ok\n"
    assert screen.getvalue() == (shown if coloured else plain)


@pytest.mark.skipif(os.name != "posix", reason="a terminal of Unix")
def test_a_terminal_and_a_pipe_get_the_same_text(tmp_path: Path) -> None:
    """But for the colours of headings and names."""
    command, environment = [*ROT180, "list", "conv2d"], {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    piped = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "\x1b" not in piped.stdout
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdout=theirs, env=environment) as started:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # as Linux says that the other end is closed
                break
            if not part:
                break
            written += part
    os.close(ours)
    assert started.returncode == 0
    text = written.decode().replace("\r\n", "\n")
    assert re.sub(r"\x1b\[\d*m", "", text) == piped.stdout
    assert "\x1b[1mkernels\x1b[0m\n    \x1b[36mconv2d" in text


def test_verdicts_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    certificate = generated_folder() / CERTIFICATES / "dense_input.json"
    assert main(["verify", str(certificate)]) == 0
    assert "\x1b[32mok      \x1b[0m\x1b[32mok       \x1b[0m" in screen.getvalue()
    assert main(["verify", "--claim", "p: x[p] = x[p+1]"]) == 1
    assert "\x1b[31mrefuted\x1b[0m: the left side is" in screen.getvalue()
    assert main(["verify", "--claim", "p: x[p] = x[p]"]) == 0
    assert "\x1b[32mproved\x1b[0m\n" in screen.getvalue()
