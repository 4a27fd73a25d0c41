"""The C headers behind the compiled kernels: short, formatted, and free of warnings."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from rot180.codegen.kernels import tiles
from rot180.codegen.kernels.amalgamate import amalgamate
from rot180.codegen.kernels.c_runtime import (
    HEADER,
    PRINTED,
    WINOGRAD_HEADER,
    render_contraction,
    render_winograd,
)
from rot180.codegen.kernels.cython_backend import AXES, LOOPS

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "codegen" / "kernels" / "runtime" / "c"
HEADERS = sorted(FOLDER.glob("*.h"))
EXTENSION = FOLDER.with_name("extension")
"""What the kernels of `rot180.codegen.compile` include and are linked with."""

GUARDED = [path for path in HEADERS if "_H\n#define" in path.read_text(encoding="utf-8")]
"""Without a guard is what others include several times, with macros that differ."""

MOST_LINES, MOST_FUNCTION_LINES = 300, 60
FLAGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")
"""A header's functions are static, and a file that includes it does not call all of them."""


def functions(text: str) -> dict[str, int]:
    """Return the lines of each function: from its first line to the brace that ends it."""
    found = {}
    start = ""
    for at, line in enumerate(text.splitlines()):
        if re.match(r"[A-Za-z].*[(]", line):
            start, first = line, at
        if line == "}" and start:
            found[start] = at - first + 1
            start = ""
    return found


def compiler(name: str) -> str:
    """Return the path of a program, or skip."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}")
    return path


def compile_text(name: str, text: str, folder: Path, *options: str) -> None:
    """Compile a text; fail with what the compiler says."""
    source = folder / "source.c"
    source.write_text(text)
    command = [compiler(name), *FLAGS, *options, "-c", str(source), "-o", str(folder / "out.o")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "path", [*HEADERS, *sorted(EXTENSION.iterdir())], ids=lambda p: p.name
)
def test_a_header_is_short_and_says_what_it_promises(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/* ")
    assert len(text.splitlines()) <= MOST_LINES
    assert max(map(len, text.splitlines())) <= 100
    for name, lines in functions(text).items():
        assert lines <= MOST_FUNCTION_LINES, f"{name}: {lines} lines"


def test_functions_are_found() -> None:
    text = (FOLDER / "product.h").read_text(encoding="utf-8")
    assert len(functions(text)) == text.count("\n}\n")


@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize("path", GUARDED, ids=lambda p: p.name)
def test_a_header_compiles_by_itself(path: Path, name: str, tmp_path: Path) -> None:
    for header, render in PRINTED.items():
        (tmp_path / header).write_text(render())
    text = f'#include "{path.name}"\n'
    compile_text(name, text, tmp_path, f"-I{FOLDER}", f"-I{tmp_path}", "-fsyntax-only")


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_the_amalgamated_headers_have_no_warnings(name: str, tmp_path: Path) -> None:
    """With optimization, which some warnings need; with callers, so that nothing is left out."""
    (tmp_path / HEADER).write_text(render_contraction())
    (tmp_path / WINOGRAD_HEADER).write_text(render_winograd())
    text = (
        f'#include "{HEADER}"\n#include "{WINOGRAD_HEADER}"\n'
        "int sum(const Nest *n) { return rot180_contract(n); }\n"
        "int layer(const WinogradLayer *s) { return winograd_convolve(s); }\n"
    )
    compile_text(name, text, tmp_path, f"-I{tmp_path}", "-O1")


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_what_layers_are_linked_with_has_no_warnings(name: str, tmp_path: Path) -> None:
    (tmp_path / HEADER).write_text(render_contraction())
    include = [f"-I{path}" for path in (tmp_path, EXTENSION, sysconfig.get_path("include"))]
    compile_text(name, '#include "support.c"\n', tmp_path, *include, "-O1")


def test_headers_are_formatted() -> None:
    paths = map(str, (*HEADERS, *EXTENSION.iterdir()))
    command = [compiler("clang-format"), "--dry-run", "-Werror", *paths]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_constants_agree_with_python() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in HEADERS)
    found = {name: int(value) for name, value in re.findall(r"\b([A-Z_]+) = (\d+)\b", text)}
    shapes = [shape for group in tiles.GROUPS for shape in (*group.tiles, *group.slides)]
    assert (found["LOOPS"], found["AXES"]) == (LOOPS, AXES)
    assert found["MAX_MR"] == max(shape.mr for shape in shapes)
    assert found["MAX_PIECES"] == max(shape.piece_count for shape in shapes)
    assert found["MAX_VECTORS"] == max(shape.vector_count for shape in shapes)
    assert found["MAX_SPACING"] == max(tiles.SPACINGS)


def test_each_header_is_inlined_once_and_before_it_is_needed() -> None:
    headers = {
        "top.h": '/* Top. */\n#ifndef TOP_H\n#define TOP_H\n\n#include "a.h"\n#include "b.h"\n'
        '#define TYPE float\n#include "typed.h"\n\nint top;\n\n#endif /* TOP_H */\n',
        "a.h": '/* A. */\n#ifndef A_H\n#define A_H\n\n#include "b.h"\n\n#include <stdint.h>\n'
        "int a;\n\n#endif /* A_H */\n",
        "b.h": "/* B. */\n#ifndef B_H\n#define B_H\n\n#include <stdint.h>\nint b;\n\n"
        "#endif /* B_H */\n",
        "typed.h": '/* Typed. */\n#include "b.h"\nTYPE typed;\n#undef B_H\n',
    }
    text = amalgamate("all.h", "top.h", {"TYPE": "typed.h"}, headers.__getitem__)
    assert [line for line in text.splitlines() if line] == [
        "#if !defined(TYPE)",
        "#ifndef ROT180_ALL_H",
        "#define ROT180_ALL_H",
        "/* B. */",
        "#include <stdint.h>",
        "int b;",
        "/* A. */",
        "int a;",
        "/* Top. */",
        "#define TYPE float",
        '#include "all.h"',
        "int top;",
        "#endif /* ROT180_ALL_H */",
        "#else",
        "/* Typed. */",
        "TYPE typed;",
        "#endif",
    ]


def test_the_amalgamated_header_includes_nothing_but_itself_and_the_system() -> None:
    text = render_contraction()
    assert set(re.findall(r'#include "(.*)"', text)) == {HEADER}
    system = re.findall(r"#include <.*>", text)
    assert len(system) == len(set(system))
    assert re.findall(r"#ifndef \w+_H\b", text) == ["#ifndef ROT180_CONTRACTION_H"]


CLIP = """
#include "contraction.h"

int main(void) {
    for (Int slope = -4; slope <= 4; slope++)
    for (Int rest = -9; rest <= 9; rest++)
    for (Int size = -1; size <= 5; size++)
    for (Int first = -7; first <= 7; first++)
    for (Int stop = -7; stop <= 7; stop++) {
        Int from = first, to = stop;
        rot180_clip(slope, rest, size, &from, &to);
        for (Int v = -20; v <= 20; v++) {
            Int e = slope * v + rest;
            int wanted = first <= v && v < stop && 0 <= e && e < size;
            if (wanted != (from <= v && v < to)) return 1;
        }
    }
    return 0;
}
"""


def test_a_clipped_range_is_where_an_index_is_inside(tmp_path: Path) -> None:
    """Every case of small numbers; readers of printed loops rely on it."""
    source, program = tmp_path / "clip.c", tmp_path / "clip"
    source.write_text(CLIP)
    options = (*FLAGS, "-O2", f"-I{FOLDER}")
    subprocess.run([compiler("gcc"), *options, str(source), "-lm", "-o", str(program)], check=True)
    assert subprocess.run([str(program)], check=False).returncode == 0
