"""The parts depend in one direction; one module touches the disk, one starts programs."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("derive", "codegen", "generated")
MODULES = sorted(p for part in PARTS for p in (ROOT / part).rglob("*.py"))
TEMPLATES = sorted((ROOT / "codegen").glob("*/templates/*.jinja"))

MAY_USE = {
    "derive": {"derive"},
    "codegen": {"derive", "codegen", "generated"},
    "generated": {"generated"},
}
THIRD_PARTY = {
    "derive": {"sympy", "mpmath", "numpy", "z3", "latex2mathml"},
    "codegen": {"sympy", "numpy", "jinja2"},
    "generated": {"numpy"},
}
FOR_TESTS = {
    ROOT / "codegen" / "audit" / "plugin.py": {"pytest"},
    ROOT / "codegen" / "audit" / "strategies.py": {"hypothesis"},
}
"""Modules that are imported by tests alone, and what they need besides."""
EXTRAS = {
    ROOT / "codegen" / "kernels" / "runtime" / "numpy" / "dask_sources.py": {"dask"},
    ROOT / "generated" / "dask_sources.py": {"dask"},
}
"""Modules that need an optional extra."""

ROOMS: dict[str, set[str]] = {
    "language": set(),
    "kernel": {"language"},
    "certificates": {"language", "kernel"},
    "search": {"language", "kernel"},
    "gradients": {"language", "kernel", "search"},
    "blocks": {"language", "kernel", "search"},
    "theorems": {"language", "kernel", "search", "gradients"},
    "networks": {"language", "kernel", "search", "gradients", "theorems"},
    "semantics": {"language", "kernel", "certificates", "search", "theorems"},
    "display": {"language", "kernel", "certificates", "semantics"},
}
"""What a room of derive is built on, besides itself. `derive/__init__.py` puts them together."""

CODEGEN_ROOMS: dict[str, set[str]] = {
    "system": set(),
    "plans": set(),
    "rocq": {"system"},
    "kernels": {"system", "plans", "rocq"},
    "adapters": {"kernels"},
    "figures": {"system"},
    "documents": {"system", "kernels", "figures"},
    "verify": {"system", "plans", "rocq"},
    "audit": {"system", "kernels", "adapters", "figures"},
    "convert": set(),
    "cli": {"system", "kernels", "documents", "verify", "audit", "convert"},
}
"""What a room of codegen is built on, besides itself and derive."""

TRUSTED = {"terms", "polynomial", "substitute", "scalar_functions"}
"""The modules of derive/language that the kernel is built on."""

KERNEL_LINES, CHECKER_LINES = 950, 600
"""Lines of code in all of derive/kernel; lines in the checker."""

MODULE_LINES, FUNCTION_LINES, RUNTIME_LINES, TEMPLATE_LINES = 400, 60, 300, 400
"""Lines in a module, a function, a file of the kernels' runtime, a template."""

KERNEL = sorted((ROOT / "derive" / "kernel").glob("*.py"))
CHECKER = ROOT / "derive" / "checker.py"
DERIVE = sorted(p for p in (ROOT / "derive").rglob("*.py") if p != CHECKER)
CODEGEN = sorted((ROOT / "codegen").glob("*/**/*.py"))
RUNTIME = sorted(
    path
    for path in (ROOT / "codegen" / "kernels" / "runtime").rglob("*")
    if path.suffix in (".py", ".h")
)
SYSTEM = ROOT / "codegen" / "system"
OPENERS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink"}
STARTERS = {"subprocess", "multiprocessing"}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            if node.module == "rot180":
                yield from (f"rot180.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_follow_the_direction(path: Path) -> None:
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "rot180":
            assert rest[0] in MAY_USE[part(path)], f"{path} imports {name}"
        elif top not in sys.stdlib_module_names:
            known = THIRD_PARTY[part(path)] | (FOR_TESTS | EXTRAS).get(path, set())
            assert top in known, f"{path} imports {name}"


@pytest.mark.parametrize("path", [*DERIVE, *CODEGEN], ids=lambda p: str(p.relative_to(ROOT)))
def test_only_terminal_py_prints(path: Path) -> None:
    """It escapes what a terminal would obey; a `print` elsewhere would not."""
    if path != SYSTEM / "terminal.py":
        called = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert "print" not in {f.id for f in called if isinstance(f, ast.Name)}, "use terminal.say"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_room_system_opens_files_and_starts_programs(path: Path) -> None:
    starts = {name.split(".")[0] for name in imports(path)} & STARTERS
    assert not starts or path == SYSTEM / "programs.py", f"{path} imports {starts}"
    # these stand alone: the checker reads the files it is given, `generated` why its build failed
    alone = {ROOT / "derive" / "checker.py", ROOT / "generated" / "__init__.py"}
    openers = {SYSTEM / f"{name}.py" for name in ("files", "journal", "streams")}
    if path in openers | alone:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert name not in OPENERS, f"{path}:{node.lineno} calls {name}"


def test_kernels_import_numpy_alone() -> None:
    program = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from rot180.generated import conv2d\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sympy', 'jinja2', 'mpmath'}))\n"
        "print(sorted(m for m in sys.modules if m.startswith(('rot180.derive', 'rot180.codegen'))))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def module_name(path: Path) -> str:
    """Return the name under which a module is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("rot180", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imported(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the project that a module imports, for type checking alone or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {str(node.module)}
    return found & known


def test_there_is_no_circle_of_imports() -> None:
    """Anywhere in derive and codegen, imports for type checking included."""
    names = {module_name(path) for path in MODULES}
    sorter = TopologicalSorter({module_name(p): imported(p, names) for p in MODULES})
    try:
        sorter.prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("path", DERIVE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_rooms_of_derive_are_built_on_each_other(path: Path) -> None:
    """A room is built on those that `ROOMS` names, and does not know the others."""
    room, *rest = path.relative_to(ROOT / "derive").parts
    if rest:
        for name in imports(path):
            if name.startswith("rot180.derive"):
                other = name.split(".")[2]
                assert other in ROOMS[room] | {room}, f"{path} imports {name}"


@pytest.mark.parametrize("path", CODEGEN, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_rooms_of_codegen_are_built_on_each_other(path: Path) -> None:
    """A room is built on those that `CODEGEN_ROOMS` names; imports in functions count."""
    room = path.relative_to(ROOT / "codegen").parts[0]
    for name in imports(path):
        if name.startswith("rot180.codegen."):
            other = name.split(".")[2]
            assert other in CODEGEN_ROOMS[room] | {room}, f"{path} imports {name}"


@pytest.mark.parametrize("part, rooms", [("derive", ROOMS), ("codegen", CODEGEN_ROOMS)])
def test_every_room_is_named(part: str, rooms: dict[str, set[str]]) -> None:
    folders = {p.name for p in (ROOT / part).iterdir() if (p / "__init__.py").exists()}
    assert folders == rooms.keys()
    TopologicalSorter(rooms).prepare()  # raises CycleError where rooms are built on each other


def test_no_module_of_codegen_stands_beside_the_rooms() -> None:
    assert [p.name for p in (ROOT / "codegen").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("path", KERNEL, ids=lambda p: p.name)
def test_the_kernel_is_built_on_four_modules(path: Path) -> None:
    """Itself, terms, polynomials, substitution and the table of functions; else SymPy."""
    kernel = {module_name(p) for p in KERNEL}
    language = {f"rot180.derive.language.{name}" for name in TRUSTED}
    known = {module_name(p) for p in MODULES}
    assert imported(path, known) <= kernel | language
    for name in imports(path):
        top = name.split(".")[0]
        assert top in {"rot180", "sympy"} or top in sys.stdlib_module_names, name
    for module in TRUSTED:
        below = imported(ROOT / "derive" / "language" / f"{module}.py", known)
        assert below <= language, f"{module} imports {below - language}"


@pytest.mark.parametrize("path", KERNEL, ids=lambda p: p.name)
def test_a_file_of_the_kernel_opens_with_what_it_is(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text()))
    assert said is not None and said.split("\n")[0].endswith(".")


def code_lines(source: str) -> int:
    """Count the lines with code: not those of blanks, comments and docstrings alone."""
    said: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for one in body if isinstance(body, list) else ():
            # a text that stands by itself is a docstring: of a module, a function or a constant
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                assert isinstance(one.value.value, str) and one.end_lineno is not None
                said |= {*range(one.lineno, one.end_lineno + 1)}
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (*blank, tokenize.ENDMARKER):
            lines |= {*range(token.start[0], token.end[0] + 1)}
    return len(lines - said)


def test_lines_of_code_are_counted() -> None:
    text = '"""Two\nlines."""\n\nX = (\n    1,  # one\n)\n"""What X is."""\n# why\n\n'
    assert code_lines(text) == 3
    assert code_lines('def f() -> str:\n    """F."""\n    return """a\nb"""\n') == 3


def test_the_kernel_is_read_in_one_sitting() -> None:
    count = {path.name: code_lines(path.read_text()) for path in KERNEL}
    assert sum(count.values()) <= KERNEL_LINES, count


@pytest.mark.parametrize("path", [*DERIVE, *CODEGEN], ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{path}:{node.lineno}: {node.name} has {lines} lines"


@pytest.mark.parametrize("path", RUNTIME, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_of_the_runtime_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= RUNTIME_LINES


def test_one_name_is_one_class() -> None:
    """In all of derive and codegen; the checker has names of its own, as it imports nothing."""
    found: dict[str, list[str]] = {}
    for path in (*DERIVE, *CODEGEN):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(f"{path}:{node.lineno}")
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_the_checker_stands_alone() -> None:
    """It imports the standard library, and nobody but those who ask it imports it."""
    if CHECKER.exists():
        lines = CHECKER.read_text().splitlines()
        assert len(lines) <= CHECKER_LINES and max(map(len, lines)) <= 100
        assert {name.split(".")[0] for name in imports(CHECKER)} <= sys.stdlib_module_names
    for path in DERIVE:
        assert "rot180.derive.checker" not in imports(path), path


@pytest.mark.parametrize(
    "path",
    [*KERNEL, *(ROOT / "derive" / "language" / f"{name}.py" for name in sorted(TRUSTED))],
    ids=lambda p: p.name,
)
def test_no_simplify_in_rules_and_replay(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert called not in {"simplify", "doit", "nsimplify", "cancel", "eval", "sympify"} or (
                called == "sympify" and path.parent.name == "language"
            ), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_only_lay_out(path: Path) -> None:
    """`for`, `if plan.flag` and names: no call, no filter, no private name, no comparison."""
    text = path.read_text()
    assert len(text.splitlines()) <= TEMPLATE_LINES
    code = r"\{%-?\+?(.*?)-?%\}|\{\{(.*?)\}\}|\\BLOCK\{(.*?)\}|\\VAR\{(.*?)\}"
    tags = re.findall(code, text, re.S)
    assert tags, f"{path.name} has no tag: it is no template"
    for found in tags:
        inside = "".join(found).strip()
        assert "isinstance" not in inside
        assert "__" not in inside
        words = inside.split()
        if words and words[0] in ("for", "if", "elif", "include", "macro", "call"):
            inside = " ".join(words[1:])
        if words[:1] != ["macro"]:
            assert not re.search(r"[()|=<>+*]", inside), f"{path.name}: {inside}"


@pytest.mark.parametrize("name", ["conv", "weight", "bias", "dense", "pool"])
def test_lowering_names_no_operation(name: str) -> None:
    generic = ("expressions", "interface", "kernel", "numpy_backend", "scalar_loops")
    written = [ROOT / "codegen" / "kernels" / f"{module}.py" for module in generic]
    for file in (*sorted((ROOT / "codegen" / "plans").glob("*.py")), *written):
        assert not re.search(rf"\b{name}\w*\b", file.read_text()), f"{file} mentions {name}"
    for path in TEMPLATES:
        if path.name.startswith("module"):
            assert not re.search(rf"\b{name}\w*\b", path.read_text()), f"{path.name}: {name}"


def rooms_imported(part: str, room: str) -> set[str]:
    """Return the other rooms of a part that the modules of a room import."""
    paths = (ROOT / part / room).rglob("*.py")
    names = [name.split(".") for path in paths for name in imports(path)]
    return {n[2] for n in names if n[:2] == ["rot180", part] and len(n) > 2} - {room}


@pytest.mark.parametrize("part", ["derive", "codegen"])
def test_the_picture_shows_the_imports(part: str) -> None:
    """Each import of docs/architecture.svg is one, and each import is a path of arrows there."""
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    arrows = set(re.findall(rf'data-from="{part}\.(\w+)" data-to="{part}\.(\w+)"', picture))
    folders = {path.parent.name for path in (ROOT / part).glob("*/__init__.py")}
    direct = {(a, b) for a in folders for b in rooms_imported(part, a) & folders}
    indirect = set(direct)
    for middle in folders:
        indirect |= {(a, c) for a, b in indirect if b == middle for d, c in indirect if d == middle}
    longer = {(a, c) for a, b in direct for d, c in indirect if b == d}
    assert arrows == direct - longer
